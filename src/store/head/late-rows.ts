/**
 * Late samples on their way to the engine: those that came behind what memory or the flush had passed
 * already, so that no other way leads them there. Each series has a run in time order, equal times once.
 *
 * A flush takes everything (`take`) and says when the engine has it (`done`); until then the taken rows
 * stay readable, and new ones gather beside them.
 */

import { bitsOf, type SeriesId } from '../../model/sample.ts'
import { grow } from './series-index.ts'

/** What a run costs beside its columns. */
const runBytes = 200
const runCapacity = 8

/** The late rows of one series. */
export interface LateRun {
  count: number
  timeMs: Float64Array
  value: Float64Array
  /** The same memory as `value`. */
  bits: Uint32Array
  /** Histograms by time, packed; their rows have the mark of one as value. */
  packed: Map<number, Uint8Array> | undefined
}

/** A value by its bits, at a place of a column. */
export interface BitsAt {
  bits: Uint32Array
  row: number
}

/** Late rows of all series. */
export class LateRows {
  #gathering = new Map<SeriesId, LateRun>()
  #taken = new Map<SeriesId, LateRun>()
  #oldestTimeMs = Infinity
  #takenOldestTimeMs = Infinity
  #gatheringBytes = 0
  #takenBytes = 0

  /** Bytes in memory. */
  get usedBytes(): number {
    return this.#gatheringBytes + this.#takenBytes
  }

  /** Time of the oldest row; `Infinity` without any. */
  get oldestTimeMs(): number {
    return Math.min(this.#oldestTimeMs, this.#takenOldestTimeMs)
  }

  /** Whether a series has rows. */
  has(id: SeriesId): boolean {
    return this.#gathering.has(id) || this.#taken.has(id)
  }

  /** Adds a row; one of a time that is there already is left out. */
  add(id: SeriesId, timeMs: number, from: BitsAt & { packed: Uint8Array | undefined }): void {
    let run = this.#gathering.get(id)
    if (run === undefined) {
      run = makeRun(runCapacity)
      this.#gathering.set(id, run)
    } else this.#gatheringBytes -= bytesOf(run)
    insertRow(run, timeMs, from)
    this.#gatheringBytes += bytesOf(run)
    this.#oldestTimeMs = Math.min(this.#oldestTimeMs, timeMs)
  }

  /** What is known of a time: nothing, the same value, or another. */
  compare(id: SeriesId, timeMs: number, value: BitsAt): 'none' | 'same' | 'other' {
    const taken = compareRow(this.#taken.get(id), timeMs, value)
    return taken === 'none' ? compareRow(this.#gathering.get(id), timeMs, value) : taken
  }

  /** Rows of a series with start ≤ time ≤ end, in order; `undefined` when there are none. */
  read(id: SeriesId, startTimeMs: number, endTimeMs: number): LateRun | undefined {
    let found: LateRun | undefined
    for (const run of this.#runsOf(id)) {
      const { bits } = run
      const from = lowerBound(run, startTimeMs)
      for (let row = from; row < run.count && run.timeMs[row]! <= endTimeMs; row++) {
        found ??= makeRun(Math.max(runCapacity, run.count - from))
        const timeMs = run.timeMs[row]!
        insertRow(found, timeMs, { bits, row, packed: run.packed?.get(timeMs) })
      }
    }
    return found
  }

  /** All rows, for a flush: those that came since, and those that the last one did not bring. */
  take(): ReadonlyMap<SeriesId, LateRun> {
    if (this.#taken.size === 0) {
      this.#taken = this.#gathering
      this.#takenBytes = this.#gatheringBytes
    } else {
      for (const [id, run] of this.#gathering) this.#takeBeside(id, run)
    }
    this.#takenOldestTimeMs = this.oldestTimeMs
    this.#gathering = new Map()
    this.#gatheringBytes = 0
    this.#oldestTimeMs = Infinity
    return this.#taken
  }

  #takeBeside(id: SeriesId, run: LateRun): void {
    const before = this.#taken.get(id)
    if (before === undefined) this.#taken.set(id, run)
    else {
      this.#takenBytes -= bytesOf(before)
      const { bits } = run
      for (let row = 0; row < run.count; row++) {
        const timeMs = run.timeMs[row]!
        insertRow(before, timeMs, { bits, row, packed: run.packed?.get(timeMs) })
      }
    }
    this.#takenBytes += bytesOf(before ?? run)
  }

  /** The engine has what was taken. */
  done(): void {
    this.#taken = new Map()
    this.#takenBytes = 0
    this.#takenOldestTimeMs = Infinity
  }

  /** Lets go of everything; answers the time behind the newest row, or `undefined` when there was none. */
  forget(): number | undefined {
    let end: number | undefined
    for (const runs of [this.#gathering, this.#taken]) {
      for (const { timeMs, count } of runs.values()) {
        end = Math.max(end ?? Number.NEGATIVE_INFINITY, timeMs[count - 1]! + 1)
      }
    }
    this.#gathering = new Map()
    this.#gatheringBytes = 0
    this.#oldestTimeMs = Infinity
    this.done()
    return end
  }

  /** Lets go of series' rows within a range. */
  remove(ids: Iterable<SeriesId>, startTimeMs: number, endTimeMs: number): void {
    for (const id of ids) {
      for (const runs of [this.#gathering, this.#taken]) {
        const run = runs.get(id)
        if (run === undefined) continue
        const from = lowerBound(run, startTimeMs)
        const to = lowerBound(run, endTimeMs + 1)
        run.timeMs.copyWithin(from, to, run.count)
        run.bits.copyWithin(from * 2, to * 2, run.count * 2)
        run.count -= to - from
        if (run.count > 0) continue
        runs.delete(id)
        if (runs === this.#gathering) this.#gatheringBytes -= bytesOf(run)
        else this.#takenBytes -= bytesOf(run)
      }
    }
  }

  *#runsOf(id: SeriesId): Generator<LateRun> {
    const taken = this.#taken.get(id)
    if (taken !== undefined) yield taken
    const gathering = this.#gathering.get(id)
    if (gathering !== undefined) yield gathering
  }
}

function compareRow(
  run: LateRun | undefined,
  timeMs: number,
  value: BitsAt,
): 'none' | 'same' | 'other' {
  if (run === undefined) return 'none'
  const row = lowerBound(run, timeMs)
  if (row === run.count || run.timeMs[row] !== timeMs) return 'none'
  const { bits } = run
  const isSame =
    bits[row * 2] === value.bits[value.row * 2] &&
    bits[row * 2 + 1] === value.bits[value.row * 2 + 1]
  return isSame ? 'same' : 'other'
}

function makeRun(capacity: number): LateRun {
  const timeMs = new Float64Array(capacity)
  const value = new Float64Array(capacity)
  return { count: 0, timeMs, value, bits: bitsOf(value), packed: undefined }
}

function bytesOf(run: LateRun): number {
  return runBytes + run.timeMs.length * 16 + (run.packed?.size ?? 0) * 200
}

/** First row whose time is ≥ `timeMs`; at once when that is the end, as it mostly is. */
function lowerBound(run: LateRun, timeMs: number): number {
  let high = run.count
  if (high === 0 || run.timeMs[high - 1]! < timeMs) return high
  let low = 0
  while (low < high) {
    const middle = (low + high) >> 1
    if (run.timeMs[middle]! < timeMs) low = middle + 1
    else high = middle
  }
  return low
}

function insertRow(
  run: LateRun,
  timeMs: number,
  from: BitsAt & { packed: Uint8Array | undefined },
): void {
  const at = lowerBound(run, timeMs)
  if (at < run.count && run.timeMs[at] === timeMs) return
  if (run.count === run.timeMs.length) {
    run.timeMs = grow(run.timeMs, new Float64Array(run.count * 2))
    const value = new Float64Array(run.count * 2)
    // Bits survive `set` between float64 columns.
    value.set(run.value)
    run.value = value
    run.bits = bitsOf(value)
  }
  const { bits } = run
  if (at < run.count) {
    run.timeMs.copyWithin(at + 1, at, run.count)
    bits.copyWithin(at * 2 + 2, at * 2, run.count * 2)
  }
  run.timeMs[at] = timeMs
  bits[at * 2] = from.bits[from.row * 2]!
  bits[at * 2 + 1] = from.bits[from.row * 2 + 1]!
  if (from.packed !== undefined) {
    run.packed ??= new Map()
    run.packed.set(timeMs, from.packed)
  }
  run.count++
}
