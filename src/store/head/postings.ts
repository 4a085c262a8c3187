/**
 * The inverted index: for each label name and value, the ascending numbers of the series that have
 * it. A list of one, the usual case for instance names and the like, is stored as the bare number.
 */

type Entry = number | PostingList

class PostingList {
  ids: Uint32Array
  count: number

  constructor(first: number, second: number) {
    this.ids = new Uint32Array(4)
    this.ids[0] = Math.min(first, second)
    this.ids[1] = Math.max(first, second)
    this.count = 2
  }

  add(id: number): void {
    if (this.count === this.ids.length) {
      const grown = new Uint32Array(this.count < 64 ? this.count * 2 : Math.ceil(this.count * 1.5))
      grown.set(this.ids)
      this.ids = grown
    }
    let place = this.count
    while (place > 0 && this.ids[place - 1]! > id) place--
    if (place < this.count) this.ids.copyWithin(place + 1, place, this.count)
    this.ids[place] = id
    this.count++
  }

  /** Keeps what `isLive` marks with 1; `false` when nothing is left. */
  keep(isLive: Uint8Array): boolean {
    let kept = 0
    for (let index = 0; index < this.count; index++) {
      const id = this.ids[index]!
      if (isLive[id] === 1) this.ids[kept++] = id
    }
    this.count = kept
    if (kept > 0 && kept * 4 < this.ids.length) this.ids = this.ids.slice(0, kept)
    return kept > 0
  }
}

/** Series numbers by label name and value; names and values are symbol numbers. */
export class Postings {
  #byName = new Map<number, Map<number, Entry>>()

  /** Notes that series `id` has the label. */
  add(id: number, name: number, value: number): void {
    let byValue = this.#byName.get(name)
    if (byValue === undefined) {
      byValue = new Map()
      this.#byName.set(name, byValue)
    }
    const entry = byValue.get(value)
    if (entry === undefined) byValue.set(value, id)
    else if (typeof entry === 'number') byValue.set(value, new PostingList(entry, id))
    else entry.add(id)
  }

  /** The ascending series of one label; a view that the next `add` may outdate. */
  find(name: number, value: number): Uint32Array {
    const entry = this.#byName.get(name)?.get(value)
    if (entry === undefined) return none
    if (typeof entry === 'number') return Uint32Array.of(entry)
    return entry.ids.subarray(0, entry.count)
  }

  /** How many series have the label. */
  count(name: number, value: number): number {
    const entry = this.#byName.get(name)?.get(value)
    if (entry === undefined) return 0
    return typeof entry === 'number' ? 1 : entry.count
  }

  /** Symbols of all label names. */
  names(): Iterable<number> {
    return this.#byName.keys()
  }

  /** Symbols of all values of a name. */
  values(name: number): Iterable<number> {
    return this.#byName.get(name)?.keys() ?? []
  }

  /** Forgets every series whose mark is not 1. */
  keep(isLive: Uint8Array): void {
    for (const [name, byValue] of this.#byName) {
      for (const [value, entry] of byValue) {
        const isKept = typeof entry === 'number' ? isLive[entry] === 1 : entry.keep(isLive)
        if (!isKept) byValue.delete(value)
      }
      if (byValue.size === 0) this.#byName.delete(name)
    }
  }
}

const none = new Uint32Array(0)

/** What is in any of several lists that have nothing in common; ascending. */
export function unite(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0]!
  let count = 0
  for (const list of lists) count += list.length
  const result = new Uint32Array(count)
  let offset = 0
  for (const list of lists) {
    result.set(list, offset)
    offset += list.length
  }
  return result.sort()
}
