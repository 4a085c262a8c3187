/**
 * Label sets and their numbers. A set is a run of symbol numbers in one large array
 * (`name, value, name, value, …`), found again through an open-addressing hash table; no object per
 * series. About 80 bytes for ten labels, plus the postings. `Labels` objects are made on demand and
 * kept while there are few.
 */

import { addByte, addText, type Fnv64, startFnv64 } from '../../base/hash.ts'
import { Labels, metricNameLabel } from '../../model/labels.ts'
import type { Matcher } from '../../model/matcher.ts'
import type { SeriesId } from '../../model/sample.ts'
import { Postings, unite } from './postings.ts'
import { RememberedMatches } from './remembered-matches.ts'
import { noSymbol, SymbolTable } from './symbols.ts'

/** `Labels` objects kept at most; then all are let go. About 300 bytes each. */
const labelsKeptMax = 200_000

/** Not a series: the answer of `find`. */
export const noSeries = -1

/** Numbers of label sets, and which of them fulfil matchers. */
export class SeriesIndex {
  readonly symbols = new SymbolTable()
  readonly postings = new Postings()
  /** Series that exist now. */
  count = 0
  /** One more than the highest number given. */
  idEnd = 0
  /** 1 where a number stands for a series. */
  isLive: Uint8Array = new Uint8Array(1_024)
  #offset: Uint32Array = new Uint32Array(1_024)
  #size: Uint32Array = new Uint32Array(1_024)
  #arena: Uint32Array = new Uint32Array(16_384)
  #arenaEnd = 0
  #table: Uint32Array = new Uint32Array(4_096)
  #labels: (Labels | undefined)[] = []
  #labelsCount = 0
  /**
   * Identity of series beyond this process, three words each at `id * 3`, once `identify` was called:
   * FNV-1a 64 of the label set (high, low), and the low half of the same over the metric's name.
   */
  identities: Uint32Array = new Uint32Array(3_072)
  #free: SeriesId[] = []
  #resting: SeriesId[] = []
  /** The numbers of the texts that were last looked for, as far as they were known, and of which set. */
  readonly #scratch: number[] = []
  #scratchOf: Labels | undefined
  readonly #remembered = new RememberedMatches()

  /** The number of a label set, or `noSeries`. */
  find(labels: Labels): SeriesId {
    const symbols = this.#scratch
    symbols.length = 0
    this.#scratchOf = labels
    for (const text of labels.pairs) {
      const symbol = this.symbols.find(text)
      if (symbol === noSymbol) return noSeries
      symbols.push(symbol)
    }
    return this.#findSymbols(symbols)
  }

  /** Gives a number to a label set that has none. */
  add(labels: Labels): SeriesId {
    const { pairs } = labels
    // Nearly always it was just looked for, up to the first text that is new.
    const symbols = this.#scratchOf === labels ? this.#scratch.slice() : []
    this.#scratchOf = undefined
    for (let index = symbols.length; index < pairs.length; index++)
      symbols.push(this.symbols.add(pairs[index]!))
    const id = this.#free.pop() ?? this.idEnd
    this.put(id, symbols)
    return id
  }

  /** Puts symbols known from before a restart at their number. */
  put(id: SeriesId, symbols: readonly number[]): void {
    this.#reserve(id, symbols.length)
    this.#offset[id] = this.#arenaEnd
    this.#size[id] = symbols.length
    this.#arena.set(symbols, this.#arenaEnd)
    this.#arenaEnd += symbols.length
    this.isLive[id] = 1
    this.identities.fill(0, id * 3, id * 3 + 3)
    this.count++
    this.idEnd = Math.max(this.idEnd, id + 1)
    if (this.count * 2 > this.#table.length) this.#rebuildTable(this.#table.length * 2)
    else this.#insert(id)
    for (let index = 0; index < symbols.length; index += 2) {
      this.postings.add(id, symbols[index]!, symbols[index + 1]!)
    }
    this.#remembered.add(id)
  }

  /** After a replay with `put`: numbers below the highest that stand for nothing can be given. */
  collectFree(): void {
    this.#free = []
    for (let id = this.idEnd - 1; id >= 0; id--) if (this.isLive[id] !== 1) this.#free.push(id)
  }

  /** The label set behind a number. */
  labelsOf(id: SeriesId): Labels {
    const kept = this.#labels[id]
    if (kept !== undefined) return kept
    if (this.#labelsCount >= labelsKeptMax) {
      this.#labels = []
      this.#labelsCount = 0
    }
    const labels = this.makeLabelsOf(id)
    this.#labels[id] = labels
    this.#labelsCount++
    return labels
  }

  /** As `labelsOf`, but not kept: for passes over everything. */
  makeLabelsOf(id: SeriesId): Labels {
    const offset = this.#offset[id]!
    const size = this.#size[id]!
    const pairs = new Array<string>(size)
    for (let index = 0; index < size; index++) {
      pairs[index] = this.symbols.textOf(this.#arena[offset + index]!)
    }
    return new Labels(pairs)
  }

  /** The symbols of a set, name and value in turn. */
  symbolsOf(id: SeriesId): number[] {
    return listFrom(this.#arena, this.#offset[id]!, this.#size[id]!)
  }

  /** Adds the symbols of a set's names to `names`. */
  collectNames(id: SeriesId, names: Set<number>): void {
    const end = this.#offset[id]! + this.#size[id]!
    for (let at = this.#offset[id]!; at < end; at += 2) names.add(this.#arena[at]!)
  }

  /** Makes sure that `identities` has the series. */
  identify(id: SeriesId): void {
    const at = id * 3
    if (this.identities[at] !== 0 || this.identities[at + 1] !== 0) return
    const labels = this.makeLabelsOf(id)
    const { high, low } = hashLabels(labels)
    this.identities[at] = high
    this.identities[at + 1] = low
    this.identities[at + 2] = hashMetric(labels.get(metricNameLabel))
  }

  /** Value of one label by symbol, or `noSymbol`. */
  valueOf(id: SeriesId, name: number): number {
    const arena = this.#arena
    const end = this.#offset[id]! + this.#size[id]!
    for (let at = this.#offset[id]!; at < end; at += 2) {
      if (arena[at] === name) return arena[at + 1]!
    }
    return noSymbol
  }

  /**
   * Numbers of all series that fulfil the matchers, ascending. The caller must not change them. Begins
   * with the matcher whose lists are shortest and looks the other labels up in what is left: a metric's
   * name may have 100,000 series where an instance has 250.
   */
  match(matchers: readonly Matcher[]): Uint32Array {
    const known = this.#remembered.recall(matchers, (candidates) =>
      this.#keepFitting(candidates, matchers),
    )
    if (known !== undefined) return known
    const found = this.#lookUp(matchers)
    this.#remembered.note(matchers, found)
    return found
  }

  #keepFitting(candidates: Uint32Array, matchers: readonly Matcher[]): Uint32Array {
    let kept = candidates
    for (const matcher of matchers) if (kept.length > 0) kept = this.#filter(kept, matcher)
    return kept
  }

  #lookUp(matchers: readonly Matcher[]): Uint32Array {
    let base: Lookup | undefined
    let baseMatcher: Matcher | undefined
    const lookups: (Lookup | undefined)[] = []
    for (const matcher of matchers) {
      const lookup = this.#lookupOf(matcher)
      lookups.push(lookup)
      if (lookup === undefined || (base !== undefined && base.count <= lookup.count)) continue
      if (lookup.count === 0) return new Uint32Array(0)
      base = lookup
      baseMatcher = matcher
    }
    let candidates: Uint32Array
    if (base !== undefined) candidates = this.#listOf(base)
    else {
      baseMatcher = matchers.find((matcher) => !matcher.matches(''))
      candidates = baseMatcher === undefined ? this.all() : this.#unionOf(baseMatcher)
    }
    for (const [index, matcher] of matchers.entries()) {
      if (matcher === baseMatcher) continue
      if (candidates.length === 0) return candidates
      const lookup = lookups[index]
      candidates =
        lookup?.values.length === 1
          ? this.#keepEqual(candidates, lookup.name, lookup.values[0]!)
          : this.#filter(candidates, matcher)
    }
    return candidates
  }

  /** Numbers of all series, ascending. */
  all(): Uint32Array {
    const ids = new Uint32Array(this.count)
    let count = 0
    for (let id = 0; id < this.idEnd; id++) if (this.isLive[id] === 1) ids[count++] = id
    return ids
  }

  /**
   * Takes back numbers. They are given again only after the next call, so that what still carries
   * them (a journal being deleted, a cache) has died out by then.
   */
  remove(ids: readonly SeriesId[]): void {
    for (const id of this.#resting) this.#free.push(id)
    this.#resting = [...ids]
    for (const id of ids) this.isLive[id] = 0
    this.#remembered.forget()
    this.#scratchOf = undefined
    this.count -= ids.length
    this.#labels = []
    this.#labelsCount = 0
    this.postings.keep(this.isLive)
    this.#rebuildArena()
    this.#rebuildTable(this.#table.length)
  }

  /** What the postings have for an equality or an alternation of literals; `undefined` for other matchers. */
  #lookupOf(matcher: Matcher): Lookup | undefined {
    const texts = textsOf(matcher)
    if (texts === undefined) return undefined
    const name = this.symbols.find(matcher.name)
    const values: number[] = []
    let count = 0
    for (const text of texts) {
      const value = this.symbols.find(text)
      const valueCount = this.postings.count(name, value)
      if (valueCount === 0) continue
      values.push(value)
      count += valueCount
    }
    return { name, values, count }
  }

  #listOf({ name, values }: Lookup): Uint32Array {
    return unite(values.map((value) => this.postings.find(name, value)))
  }

  #unionOf(matcher: Matcher): Uint32Array {
    const name = this.symbols.find(matcher.name)
    const lists: Uint32Array[] = []
    for (const value of this.postings.values(name)) {
      if (matcher.matches(this.symbols.textOf(value))) lists.push(this.postings.find(name, value))
    }
    return lists.length === 0 ? new Uint32Array(0) : unite(lists)
  }

  #keepEqual(candidates: Uint32Array, name: number, value: number): Uint32Array {
    const kept = new Uint32Array(candidates.length)
    let count = 0
    for (let index = 0; index < candidates.length; index++) {
      const id = candidates[index]!
      if (this.valueOf(id, name) === value) kept[count++] = id
    }
    return kept.subarray(0, count)
  }

  #filter(candidates: Uint32Array, matcher: Matcher): Uint32Array {
    const name = this.symbols.find(matcher.name)
    const verdicts = new Map<number, boolean>()
    const kept = new Uint32Array(candidates.length)
    let count = 0
    for (const id of candidates) {
      const value = name === noSymbol ? noSymbol : this.valueOf(id, name)
      let verdict = verdicts.get(value)
      if (verdict === undefined) {
        verdict = matcher.matches(value === noSymbol ? '' : this.symbols.textOf(value))
        verdicts.set(value, verdict)
      }
      if (verdict) kept[count++] = id
    }
    return kept.subarray(0, count)
  }

  #findSymbols(symbols: readonly number[]): SeriesId {
    const mask = this.#table.length - 1
    for (let slot = hashSymbols(symbols, 0, symbols.length) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#table[slot]!
      if (entry === 0) return noSeries
      if (this.#equals(entry - 1, symbols)) return entry - 1
    }
  }

  #equals(id: SeriesId, symbols: readonly number[]): boolean {
    if (this.#size[id] !== symbols.length) return false
    const offset = this.#offset[id]!
    for (let index = 0; index < symbols.length; index++) {
      if (this.#arena[offset + index] !== symbols[index]) return false
    }
    return true
  }

  #insert(id: SeriesId): void {
    const mask = this.#table.length - 1
    let slot = hashSymbols(this.#arena, this.#offset[id]!, this.#size[id]!) & mask
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask
    this.#table[slot] = id + 1
  }

  #rebuildTable(capacity: number): void {
    this.#table = new Uint32Array(capacity)
    for (let id = 0; id < this.idEnd; id++) if (this.isLive[id] === 1) this.#insert(id)
  }

  #rebuildArena(): void {
    const arena = new Uint32Array(this.#arena.length)
    const marks = new Uint8Array(this.symbols.idEnd)
    let end = 0
    for (let id = 0; id < this.idEnd; id++) {
      if (this.isLive[id] !== 1) continue
      const offset = this.#offset[id]!
      const size = this.#size[id]!
      this.#offset[id] = end
      for (let index = 0; index < size; index++) {
        const symbol = this.#arena[offset + index]!
        arena[end++] = symbol
        marks[symbol] = 1
      }
    }
    this.#arena = arena
    this.#arenaEnd = end
    this.symbols.sweep(marks)
  }

  #reserve(id: SeriesId, size: number): void {
    if (id >= this.#offset.length) {
      const capacity = Math.max(id + 1, this.#offset.length * 2)
      this.#offset = grow(this.#offset, new Uint32Array(capacity))
      this.#size = grow(this.#size, new Uint32Array(capacity))
      this.isLive = grow(this.isLive, new Uint8Array(capacity))
      this.identities = grow(this.identities, new Uint32Array(capacity * 3))
    }
    if (this.#arenaEnd + size > this.#arena.length) {
      const capacity = Math.max(this.#arenaEnd + size, this.#arena.length * 2)
      this.#arena = grow(this.#arena, new Uint32Array(capacity))
    }
  }
}

/** The series of some values of one label, as the postings have them. */
interface Lookup {
  name: number
  /** Those that any series has. */
  values: number[]
  /** Series with any of them. */
  count: number
}

/** The values that a matcher allows, when they are known and none of them is empty. */
function textsOf(matcher: Matcher): Iterable<string> | undefined {
  const { operator, value } = matcher
  if (operator === '=') return value === '' ? undefined : [value]
  const literals = operator === '=~' ? matcher.pattern?.literals : undefined
  return literals === undefined || literals.includes('') ? undefined : new Set(literals)
}

/** FNV-1a 64 of a label set, as Prometheus forms it. */
export function hashLabels(labels: Labels): Fnv64 {
  const state = startFnv64()
  for (const text of labels.pairs) {
    addText(state, text)
    addByte(state, 0xff)
  }
  return state
}

/** 32 bits for a metric's name. */
export function hashMetric(metric: string): number {
  const state = startFnv64()
  addText(state, metric)
  return state.low
}

/** A part of a column as a plain list; several times faster than `Array.from` of a view. */
export function listFrom(column: Uint32Array, offset: number, size: number): number[] {
  const list = new Array<number>(size)
  for (let index = 0; index < size; index++) list[index] = column[offset + index]!
  return list
}

/** Copies `from` into the larger `to` and answers `to`. */
export function grow<Column extends Uint8Array | Uint32Array | Float64Array>(
  from: Column,
  to: Column,
): Column {
  to.set(from)
  return to
}

/** A mixing of 32-bit numbers after MurmurHash3's finaliser (Austin Appleby, public domain). */
function hashSymbols(symbols: ArrayLike<number>, offset: number, size: number): number {
  let hash = size
  for (let index = 0; index < size; index++) {
    hash = Math.imul(hash ^ symbols[offset + index]!, 0x85ebca6b)
    hash ^= hash >>> 13
  }
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
