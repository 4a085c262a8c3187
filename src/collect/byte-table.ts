/**
 * A hash table from byte strings to 32-bit numbers, for "these raw bytes are series 17" without
 * making a string. Keys lie one after another in one arena; entries are numbered in the order of
 * arrival, so that a caller who reads the same sequence again asks for "the entry after the last
 * one" first and neither hashes nor searches: one comparison, four bytes at a time.
 *
 *   arena    | key 0 | key 1 | key 2 | …        starts[i] .. starts[i + 1]
 *   slots    open addressing, linear probing, load ≤ 1/2: entry + 1, or 0
 *
 * Nothing is removed singly; `clear` empties the table. Hash: the mixing of MurmurHash3 (public
 * domain) over 32-bit words, seeded per process so that collisions cannot be prepared.
 */

import { assert } from '../base/assert.ts'
import { makeToken } from '../base/random.ts'

const seed = Buffer.from(makeToken(4), 'base64url').readInt32LE(0)

/** Bytes to numbers, in order of arrival. */
export class ByteTable {
  /** How many entries. */
  count = 0
  /** The number behind each entry; the caller may change it. */
  values = new Uint32Array(64)
  #starts = new Uint32Array(65)
  #hashes = new Int32Array(64)
  #slots = new Int32Array(256)
  #arena = new Uint8Array(4096)
  #arenaView = new DataView(this.#arena.buffer)
  /** What `find` did not find last, and its hash. */
  readonly #missed = { view: undefined as DataView | undefined, start: 0, end: 0, hash: 0 }

  /** Bytes held by the keys; for limits. */
  get keyBytes(): number {
    return this.#starts[this.count]!
  }

  /** Bytes of the key of `entry`. */
  keyLength(entry: number): number {
    return this.#starts[entry + 1]! - this.#starts[entry]!
  }

  /** Whether the bytes from `start` begin with the key of `entry`, within `end`. */
  matchesAt(entry: number, view: DataView, start: number, end: number): boolean {
    let at = this.#starts[entry]!
    const keyEnd = this.#starts[entry + 1]!
    if (start + keyEnd - at > end) return false
    const arena = this.#arenaView
    const wordEnd = keyEnd - 3
    while (at < wordEnd) {
      if (arena.getInt32(at, true) !== view.getInt32(start, true)) return false
      at += 4
      start += 4
    }
    while (at < keyEnd) {
      if (arena.getUint8(at) !== view.getUint8(start)) return false
      at++
      start++
    }
    return true
  }

  /** The entry whose key is exactly these bytes, or -1; `add` of the same bytes right after is cheaper. */
  find(view: DataView, start: number, end: number): number {
    const hash = hashBytes(view, start, end)
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (;;) {
      const entry = this.#slots[slot]! - 1
      if (entry < 0) {
        this.#missed.view = view
        this.#missed.start = start
        this.#missed.end = end
        this.#missed.hash = hash
        return -1
      }
      if (
        this.#hashes[entry] === hash &&
        this.keyLength(entry) === end - start &&
        this.matchesAt(entry, view, start, end)
      ) {
        this.#missed.view = undefined
        return entry
      }
      slot = (slot + 1) & mask
    }
  }

  /** Adds bytes that are not yet there; gives the entry. */
  add(view: DataView, start: number, end: number, value: number): number {
    const entry = this.count
    if (entry === this.values.length) this.#growEntries()
    if ((entry + 1) * 2 > this.#slots.length) this.#growSlots()
    const at = this.#starts[entry]!
    const size = end - start
    if (at + size > this.#arena.length) this.#growArena(at + size)
    this.#arena.set(new Uint8Array(view.buffer, view.byteOffset + start, size), at)
    this.#starts[entry + 1] = at + size
    this.values[entry] = value
    const missed = this.#missed
    const isMissed = missed.view === view && missed.start === start && missed.end === end
    const hash = isMissed ? missed.hash : hashBytes(view, start, end)
    missed.view = undefined
    this.#hashes[entry] = hash
    this.#place(entry, hash)
    this.count++
    return entry
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.count = 0
    this.values = new Uint32Array(64)
    this.#starts = new Uint32Array(65)
    this.#hashes = new Int32Array(64)
    this.#slots = new Int32Array(256)
    this.#arena = new Uint8Array(4096)
    this.#arenaView = new DataView(this.#arena.buffer)
  }

  #place(entry: number, hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  #growEntries(): void {
    const size = this.values.length * 2
    const values = new Uint32Array(size)
    values.set(this.values)
    this.values = values
    const starts = new Uint32Array(size + 1)
    starts.set(this.#starts)
    this.#starts = starts
    const hashes = new Int32Array(size)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (let entry = 0; entry < this.count; entry++) this.#place(entry, this.#hashes[entry]!)
  }

  #growArena(sizeMin: number): void {
    assert(sizeMin < 2 ** 31, 'a byte table grew past 2 GiB')
    // By a half once large: the arena of a million series is 200 MB, and doubling would waste as much.
    const size = this.#arena.length
    const grown = new Uint8Array(Math.max(sizeMin, size < 2 ** 24 ? size * 2 : size + (size >>> 1)))
    grown.set(this.#arena)
    this.#arena = grown
    this.#arenaView = new DataView(grown.buffer)
  }
}

function hashBytes(view: DataView, start: number, end: number): number {
  let hash = seed ^ (end - start)
  const wordEnd = end - 3
  let at = start
  while (at < wordEnd) {
    const word = Math.imul(view.getInt32(at, true), 0xcc9e2d51)
    hash ^= Math.imul((word << 15) | (word >>> 17), 0x1b873593)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
    at += 4
  }
  while (at < end) {
    hash = Math.imul(hash ^ view.getUint8(at), 0x01000193)
    at++
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
