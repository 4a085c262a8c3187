/**
 * The rows of each series in memory: a chain of chunks (chunk-pool.ts), times ascending, none twice.
 *
 * New rows go behind the last chunk. A late row goes into its place: its chain is searched from where the
 * series' last late row went, for others come near it.
 */

import { bitsOf, type SeriesId } from '../../model/sample.ts'
import { ChunkPool, noChunk } from './chunk-pool.ts'
import type { BitsAt } from './late-rows.ts'
import { grow } from './series-index.ts'

/** Samples of one series within a range; columns have `count` rows. */
export interface HeadColumns {
  seriesId: SeriesId
  count: number
  timeMs: Float64Array
  value: Float64Array
}

/** Chains of all series of a head. */
export class RowChains {
  readonly pool = new ChunkPool()
  #first: Uint32Array = new Uint32Array(1_024).fill(noChunk)
  #last: Uint32Array = new Uint32Array(1_024).fill(noChunk)
  /** Where a series' last late row went. */
  #lateChunk: Uint32Array = new Uint32Array(1_024).fill(noChunk)

  /** Makes room for a series, without rows. */
  prepare(id: SeriesId): void {
    const size = this.#first.length
    if (id >= size) {
      const capacity = Math.max(id + 1, size * 2)
      this.#first = grow(this.#first, new Uint32Array(capacity).fill(noChunk, size))
      this.#last = grow(this.#last, new Uint32Array(capacity).fill(noChunk, size))
      this.#lateChunk = grow(this.#lateChunk, new Uint32Array(capacity).fill(noChunk, size))
    }
    this.#first[id] = noChunk
    this.#last[id] = noChunk
    this.#lateChunk[id] = noChunk
  }

  /** Whether a series has no rows. */
  isEmpty(id: SeriesId): boolean {
    return this.#first[id] === noChunk
  }

  /** Time of a series' first row; `Infinity` without any. */
  firstTimeMs(id: SeriesId): number {
    const chunk = this.#first[id]!
    return chunk === noChunk ? Infinity : this.pool.firstTimeMs(chunk)
  }

  /** Time of its last row; `-Infinity` without any. */
  lastTimeMs(id: SeriesId): number {
    const chunk = this.#last[id]!
    return chunk === noChunk ? Number.NEGATIVE_INFINITY : this.pool.lastTimeMs(chunk)
  }

  /** Whether a series has a row with start ≤ time ≤ end. */
  has(id: SeriesId, startTimeMs: number, endTimeMs: number): boolean {
    const last = this.#last[id]!
    if (last === noChunk || this.pool.firstTimeMs(this.#first[id]!) > endTimeMs) return false
    const lastTimeMs = this.pool.lastTimeMs(last)
    if (lastTimeMs < startTimeMs) return false
    return lastTimeMs <= endTimeMs || this.count(id, startTimeMs, endTimeMs) > 0
  }

  /** Adds a row behind the others; `bits` and `row` name the value by its two 32-bit halves. */
  push(id: SeriesId, timeMs: number, bits: Uint32Array, row: number): void {
    const chunk = this.#last[id]!
    const now = this.pool.push(chunk, timeMs, bits, row)
    if (now === chunk) return
    this.#last[id] = now
    if (chunk === noChunk) this.#first[id] = now
  }

  /** Puts a row into its place; one of a time that is there already is left out. */
  insert(id: SeriesId, timeMs: number, source: BitsAt): void {
    const { pool } = this
    const { bits, row } = source
    let before = noChunk
    let chunk = this.#findStart(id, timeMs)
    while (chunk !== noChunk && pool.lastTimeMs(chunk) < timeMs) {
      before = chunk
      chunk = pool.nextOf(chunk)
    }
    if (chunk === noChunk) {
      this.push(id, timeMs, bits, row)
      return
    }
    if (timeMs < pool.firstTimeMs(chunk)) {
      if (before !== noChunk && pool.hasRoom(before, timeMs)) {
        pool.push(before, timeMs, bits, row)
        this.#lateChunk[id] = before
        return
      }
      const added = pool.addBetween({ before, after: chunk }, timeMs, bits, row)
      if (before === noChunk) this.#first[id] = added
      this.#lateChunk[id] = added
      return
    }
    if (!pool.hasRoom(chunk, timeMs)) {
      const added = pool.split(chunk)
      if (this.#last[id] === chunk) this.#last[id] = added
      if (timeMs >= pool.firstTimeMs(added)) chunk = added
    }
    pool.insert(chunk, timeMs, bits, row)
    this.#lateChunk[id] = chunk
  }

  /** The same, but takes the place of a row of the same time. */
  put(id: SeriesId, timeMs: number, source: BitsAt): void {
    if (timeMs > this.lastTimeMs(id)) {
      this.push(id, timeMs, source.bits, source.row)
      return
    }
    const stored = this.read(id, Number.NEGATIVE_INFINITY, Infinity)!
    const storedBits = bitsOf(stored.value)
    this.clear(id)
    let isPlaced = false
    for (let row = 0; row < stored.count; row++) {
      const storedTimeMs = stored.timeMs[row]!
      if (!isPlaced && timeMs <= storedTimeMs) {
        this.push(id, timeMs, source.bits, source.row)
        isPlaced = true
      }
      if (storedTimeMs !== timeMs) this.push(id, storedTimeMs, storedBits, row)
    }
  }

  /** What is known of a time: nothing, the same value, or another. */
  compare(id: SeriesId, timeMs: number, value: BitsAt): 'none' | 'same' | 'other' {
    const { pool } = this
    const from = this.#findStart(id, timeMs)
    for (let chunk = from; chunk !== noChunk; chunk = pool.nextOf(chunk)) {
      if (pool.lastTimeMs(chunk) < timeMs) continue
      const rows = pool.range(chunk, timeMs, timeMs)
      if (rows >>> 8 === (rows & 255)) return 'none'
      return pool.hasBits(chunk, rows >>> 8, value.bits, value.row) ? 'same' : 'other'
    }
    return 'none'
  }

  /** Where to begin to look for a time: where the last late row went, or at the beginning. */
  #findStart(id: SeriesId, timeMs: number): number {
    const chunk = this.#lateChunk[id]!
    const isUseful = chunk !== noChunk && this.pool.firstTimeMs(chunk) <= timeMs
    return isUseful ? chunk : this.#first[id]!
  }

  /** Samples of one series with start ≤ time ≤ end; `undefined` when there are none. */
  read(id: SeriesId, startTimeMs: number, endTimeMs: number): HeadColumns | undefined {
    const count = this.count(id, startTimeMs, endTimeMs)
    if (count === 0) return undefined
    const columns = {
      seriesId: id,
      count,
      timeMs: new Float64Array(count),
      value: new Float64Array(count),
    }
    this.copy(id, { startTimeMs, endTimeMs }, { ...columns, at: 0 })
    return columns
  }

  /** How many samples `read` would answer. */
  count(id: SeriesId, startTimeMs: number, endTimeMs: number): number {
    const pool = this.pool
    let count = 0
    for (let chunk = this.#first[id]!; chunk !== noChunk; chunk = pool.nextOf(chunk)) {
      if (pool.firstTimeMs(chunk) > endTimeMs) break
      const rows = pool.range(chunk, startTimeMs, endTimeMs)
      count += (rows & 255) - (rows >>> 8)
    }
    return count
  }

  /** Copies a series' samples within the range to `out`; answers how many. */
  copy(
    id: SeriesId,
    range: { startTimeMs: number; endTimeMs: number },
    out: { timeMs: Float64Array; value: Float64Array; at: number },
  ): number {
    const pool = this.pool
    const begin = out.at
    for (let chunk = this.#first[id]!; chunk !== noChunk; chunk = pool.nextOf(chunk)) {
      if (pool.firstTimeMs(chunk) > range.endTimeMs) break
      const packed = pool.range(chunk, range.startTimeMs, range.endTimeMs)
      const rows = { from: packed >>> 8, to: packed & 255 }
      if (rows.to > rows.from) {
        pool.copy(chunk, rows, out)
        out.at += rows.to - rows.from
      }
    }
    return out.at - begin
  }

  /** Time of a series' first row with after < time < end; `endTimeMs` without any. */
  firstTimeMsIn(id: SeriesId, afterTimeMs: number, endTimeMs: number): number {
    const { pool } = this
    for (let chunk = this.#first[id]!; chunk !== noChunk; chunk = pool.nextOf(chunk)) {
      if (pool.firstTimeMs(chunk) >= endTimeMs) break
      const rows = pool.range(chunk, afterTimeMs + 1, endTimeMs - 1)
      if (rows >>> 8 < (rows & 255)) return pool.timeAt(chunk, rows >>> 8)
    }
    return endTimeMs
  }

  /** Lets go of a series' chunks that end before a time; answers whether there were any. */
  truncate(id: SeriesId, timeMs: number): boolean {
    const first = this.#first[id]!
    let chunk = first
    while (chunk !== noChunk && this.pool.lastTimeMs(chunk) < timeMs) chunk = this.pool.free(chunk)
    if (chunk === first) return false
    this.#first[id] = chunk
    this.#lateChunk[id] = noChunk
    if (chunk === noChunk) this.#last[id] = noChunk
    return true
  }

  /** Lets go of a series' rows with start ≤ time ≤ end; answers how many there were. */
  erase(id: SeriesId, startTimeMs: number, endTimeMs: number): number {
    const count = this.count(id, startTimeMs, endTimeMs)
    if (count === 0) return 0
    const stored = this.read(id, Number.NEGATIVE_INFINITY, Infinity)!
    const bits = bitsOf(stored.value)
    this.clear(id)
    for (let row = 0; row < stored.count; row++) {
      const timeMs = stored.timeMs[row]!
      if (timeMs < startTimeMs || timeMs > endTimeMs) this.push(id, timeMs, bits, row)
    }
    return count
  }

  /** Lets go of all rows of a series. */
  clear(id: SeriesId): void {
    let chunk = this.#first[id]!
    while (chunk !== noChunk) chunk = this.pool.free(chunk)
    this.#first[id] = noChunk
    this.#last[id] = noChunk
    this.#lateChunk[id] = noChunk
  }
}
