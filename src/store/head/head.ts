/**
 * The recent window in memory: series, their newest samples, and what may be added to them.
 *
 * A batch passes in two steps, because its rows must reach the journal in between: `check` decides
 * row by row and reserves the times it took, `apply` makes the rows readable; `cancel` takes the
 * reservation back when the journal failed. Rules of `check`, first that holds:
 *
 *   time > now + 10 min                        too-far-in-future
 *   time < now - window                        too-old
 *   time = a sample's, same bits               accepted, nothing to do (a sender's retry)
 *   time = a sample's, other bits              duplicate
 *   time < the series' last by more than `lateMs`    out-of-order
 *   time < the series' last                    late: accepted
 *
 * "A sample's" means one that memory has, or the last one reserved: what only the engine has is not looked up.
 *
 * A series' rows ascend in memory, whatever their age (`chains`). A late row is put into its place among those
 * that memory covers. One that the flush has passed already waits in `late` for its own way to the
 * engine. While rows from before `coveredTimeMs` are in memory, because the engine does not have them
 * yet, `behindTimeMs` tells the time of the oldest.
 *
 * Per series: 37 bytes in columns, chunks of 12 bytes a sample (chunk-pool.ts), labels as numbers
 * (series-index.ts); native histograms lie beside (histogram-table.ts). Designed for 4 million rows a
 * second checked and applied on one core.
 */

import type { AppendResult, RejectReason } from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import { bitsOf, type SampleBatch, type SeriesId } from '../../model/sample.ts'
import { FlushMarks } from './flush-marks.ts'
import { HistogramTable } from './histogram-table.ts'
import { type BitsAt, LateRows, type LateRun } from './late-rows.ts'
import {
  copyRows,
  countPacked,
  makeLike,
  type PackedBatch,
  packHistograms,
} from './packed-batch.ts'
import { RowChains } from './row-chains.ts'
import { grow, noSeries, SeriesIndex } from './series-index.ts'

/** How far ahead of our clock a sample may be: ten minutes, as in Prometheus's remote-write receiver. */
const futureMsMax = 600_000

/** What `check` made of a batch. */
export interface CheckedBatch {
  /** The rows to journal and apply: the batch itself when nothing was taken out. */
  batch: PackedBatch
  /** Rows to journal and apply with `applyLate`. */
  late?: PackedBatch
  result: AppendResult
}

/** What rows may be: their times, and how far behind the newest of their series. */
interface RowLimits {
  timeMsMin: number
  timeMsMax: number
  lateMs: number
}

/** Series and their recent samples. */
export class Head {
  readonly index = new SeriesIndex()
  readonly chains = new RowChains()
  readonly marks = new FlushMarks()
  readonly histograms = new HistogramTable()
  readonly late = new LateRows()
  /** Memory holds every accepted sample from here on. */
  coveredTimeMs = Number.NEGATIVE_INFINITY
  /** See `Appender.seriesEpoch`. */
  epoch = 0
  readonly #isTimeChecked: boolean
  /** Of each series' newest row, reserved or readable: its time and the bits of its value. */
  #lastTimeMs: Float64Array = new Float64Array(1_024).fill(Number.NEGATIVE_INFINITY)
  #lastBits: Uint32Array = new Uint32Array(2_048)
  /** How many rounds of `truncate` a series has been without rows. */
  #emptyRounds: Uint8Array = new Uint8Array(1_024)
  /** Numbers of erased series were taken back: their names should leave the disk too. */
  mustNamesGo = false
  /** Series were emptied by `erase` and should leave soon. */
  #hasErased = false

  constructor(options: { isTimeChecked: boolean }) {
    this.#isTimeChecked = options.isTimeChecked
  }

  /** Bytes of samples in memory. */
  get usedBytes(): number {
    return this.chains.pool.usedBytes + this.histograms.usedBytes + this.late.usedBytes
  }

  /** The number of a label set, and whether it was given now. */
  seriesId(labels: Labels): { id: SeriesId; isNew: boolean } {
    const known = this.index.find(labels)
    if (known !== noSeries) return { id: known, isNew: false }
    const id = this.index.add(labels)
    this.prepare(id)
    return { id, isNew: true }
  }

  /** The number of a label set that has one. */
  findSeriesId(labels: Labels): SeriesId | undefined {
    const known = this.index.find(labels)
    return known === noSeries ? undefined : known
  }

  /** Makes room for a series that was put into the index. */
  prepare(id: SeriesId): void {
    if (id >= this.#lastTimeMs.length) {
      const size = this.#lastTimeMs.length
      const capacity = Math.max(id + 1, size * 2)
      this.#lastTimeMs = grow(
        this.#lastTimeMs,
        new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY, size),
      )
      this.#lastBits = grow(this.#lastBits, new Uint32Array(capacity * 2))
      this.#emptyRounds = grow(this.#emptyRounds, new Uint8Array(capacity))
    }
    this.#lastTimeMs[id] = Number.NEGATIVE_INFINITY
    this.#emptyRounds[id] = 0
    this.chains.prepare(id)
    this.marks.prepare(id)
  }

  /** A flush begins that brings to the engine what memory has before a time, and the late rows answered. */
  beginFlush(untilTimeMs: number): ReadonlyMap<SeriesId, LateRun> {
    this.marks.begin(untilTimeMs)
    return this.late.take()
  }

  /** The flush has ended; the engine has everything, or it will be brought again. */
  endFlush(isDone: boolean): void {
    this.marks.end(isDone, this.coveredTimeMs)
    if (isDone) this.late.done()
  }

  /** Decides about every row and reserves the accepted ones. */
  check(
    rows: PackedBatch,
    window: { nowTimeMs: number; windowMs: number; lateMs: number },
  ): CheckedBatch {
    const batch = packHistograms(rows)
    const timeMsMax = this.#isTimeChecked ? window.nowTimeMs + futureMsMax : Infinity
    const timeMsMin = this.#isTimeChecked
      ? window.nowTimeMs - window.windowMs
      : Number.NEGATIVE_INFINITY
    const clean = this.#checkClean(batch, timeMsMin, timeMsMax)
    if (clean === batch.count) {
      return { batch, result: acceptAll(batch) }
    }
    return this.#checkRest(batch, clean, { timeMsMin, timeMsMax, lateMs: window.lateMs })
  }

  /** Takes rows as long as they are the plain case; answers how many. */
  #checkClean(batch: SampleBatch, timeMsMin: number, timeMsMax: number): number {
    const { count, seriesId, timeMs } = batch
    const bits = bitsOf(batch.value)
    const lastTimeMs = this.#lastTimeMs
    const lastBits = this.#lastBits
    const isLive = this.index.isLive
    for (let row = 0; row < count; row++) {
      const id = seriesId[row]!
      const time = timeMs[row]!
      const isPlain =
        isLive[id] === 1 && time > lastTimeMs[id]! && time <= timeMsMax && time >= timeMsMin
      if (!isPlain) return row
      lastTimeMs[id] = time
      lastBits[id * 2] = bits[row * 2]!
      lastBits[id * 2 + 1] = bits[row * 2 + 1]!
    }
    return count
  }

  #checkRest(batch: PackedBatch, cleanCount: number, limits: RowLimits): CheckedBatch {
    const result: AppendResult = {
      accepted: cleanCount,
      rejected: 0,
      reasons: {},
      firstRejected: undefined,
    }
    const kept = makeLike(batch, batch.count)
    const bits = bitsOf(batch.value)
    copyRows(batch, kept, { from: 0, to: cleanCount })
    let histograms = countPacked(batch, cleanCount)
    let late: PackedBatch | undefined
    for (let row = cleanCount; row < batch.count; row++) {
      const verdict = this.#judge(batch, row, limits)
      const isAccepted = verdict === 'take' || verdict === 'known' || verdict === 'late'
      if (isAccepted && batch.packed?.[row] !== undefined) histograms++
      if (verdict === 'take') {
        const id = batch.seriesId[row]!
        this.#lastTimeMs[id] = Math.max(this.#lastTimeMs[id]!, batch.timeMs[row]!)
        this.#lastBits[id * 2] = bits[row * 2]!
        this.#lastBits[id * 2 + 1] = bits[row * 2 + 1]!
        copyRows(batch, kept, { from: row, to: row + 1 })
        result.accepted++
      } else if (verdict === 'known') {
        result.accepted++
      } else if (verdict === 'late') {
        late ??= makeLike(batch, batch.count - row)
        copyRows(batch, late, { from: row, to: row + 1 })
        result.accepted++
      } else {
        result.rejected++
        result.reasons[verdict] = (result.reasons[verdict] ?? 0) + 1
        result.firstRejected ??= {
          seriesId: batch.seriesId[row]!,
          timeMs: batch.timeMs[row]!,
          reason: verdict,
        }
      }
    }
    if (batch.packed !== undefined) result.acceptedHistograms = histograms
    return late === undefined ? { batch: kept, result } : { batch: kept, late, result }
  }

  #judge(
    batch: SampleBatch,
    row: number,
    limits: RowLimits,
  ): 'take' | 'known' | 'late' | RejectReason {
    const id = batch.seriesId[row]!
    const time = batch.timeMs[row]!
    if (!(time <= limits.timeMsMax)) return 'too-far-in-future'
    if (time < limits.timeMsMin || this.index.isLive[id] !== 1) return 'too-old'
    if (time > this.#lastTimeMs[id]! || !this.#isTimeChecked) return 'take'
    const bits = bitsOf(batch.value)
    if (time === this.#lastTimeMs[id]!) {
      const isSame =
        this.#lastBits[id * 2] === bits[row * 2] && this.#lastBits[id * 2 + 1] === bits[row * 2 + 1]
      return isSame ? 'known' : 'duplicate'
    }
    const known = this.#findKnown(id, time, { bits, row })
    if (known !== 'none') return known === 'same' ? 'known' : 'duplicate'
    return this.#lastTimeMs[id]! - time > limits.lateMs ? 'out-of-order' : 'late'
  }

  /** What memory has of a time before a series' last: nothing, the same value, or another. */
  #findKnown(id: SeriesId, timeMs: number, value: BitsAt): 'none' | 'same' | 'other' {
    const known = this.chains.compare(id, timeMs, value)
    return known === 'none' ? this.late.compare(id, timeMs, value) : known
  }

  /** Makes checked rows readable. */
  apply(batch: PackedBatch): void {
    this.histograms.apply(batch)
    if (!this.#isTimeChecked) {
      const bits = bitsOf(batch.value)
      for (let row = 0; row < batch.count; row++) {
        this.chains.put(batch.seriesId[row]!, batch.timeMs[row]!, { bits, row })
      }
      return
    }
    const { count, seriesId, timeMs } = batch
    const { chains, marks } = this
    const bits = bitsOf(batch.value)
    const passed = Math.max(this.coveredTimeMs, marks.passedTimeMs)
    let behind = Infinity
    for (let row = 0; row < count; row++) {
      const time = timeMs[row]!
      chains.push(seriesId[row]!, time, bits, row)
      if (time < passed && time < behind) behind = time
    }
    marks.noteBehind(behind)
  }

  /** Makes late rows readable, and sees to it that the engine gets those from `flushedTimeMs` on. */
  applyLate(batch: PackedBatch, flushedTimeMs = Number.NEGATIVE_INFINITY): void {
    this.histograms.apply(batch)
    const bits = bitsOf(batch.value)
    for (let row = 0; row < batch.count; row++) {
      const id = batch.seriesId[row]!
      const timeMs = batch.timeMs[row]!
      const isCovered = timeMs >= this.coveredTimeMs
      if (isCovered) this.chains.insert(id, timeMs, { bits, row })
      const isPassed = this.marks.isPassed(id, timeMs)
      if ((isCovered && !isPassed) || timeMs < flushedTimeMs) continue
      this.late.add(id, timeMs, { bits, row, packed: batch.packed?.[row] })
    }
  }

  /** Oldest time that only memory may have although the engine has what is around it; `Infinity` without any. */
  get behindTimeMs(): number {
    return Math.min(this.marks.behindTimeMs, this.late.oldestTimeMs)
  }

  /** Takes back what `check` reserved for rows that did not reach the journal. */
  cancel(batch: SampleBatch): void {
    for (let row = 0; row < batch.count; row++) this.#restoreLast(batch.seriesId[row]!)
  }

  /**
   * After replaying a journal: takes rows whose order was checked when they were written. The engine has
   * those before `flushedTimeMs`.
   */
  replay(rows: PackedBatch, flushedTimeMs: number): void {
    const batch = packHistograms(rows)
    // What the engine has is needed only where memory is to cover it.
    const timeMsMin = Math.min(this.coveredTimeMs, flushedTimeMs)
    const limits = { timeMsMin, timeMsMax: Infinity, lateMs: Infinity }
    const clean = this.#checkClean(batch, timeMsMin, Infinity)
    const checked: CheckedBatch =
      clean === batch.count
        ? { batch, result: acceptAll(batch) }
        : this.#checkRest(batch, clean, limits)
    this.apply(checked.batch)
    if (checked.late !== undefined) this.applyLate(checked.late, flushedTimeMs)
    const { seriesId, timeMs } = batch
    for (let row = 0; row < batch.count; row++) {
      // Never beyond what memory has: an older row that comes later would be in order, and yet passed.
      const time = timeMs[row]!
      if (time < flushedTimeMs && time >= timeMsMin) this.marks.note(seriesId[row]!, time)
    }
  }

  /** Whether a series has a sample with start ≤ time ≤ end, late ones included. */
  hasSample(id: SeriesId, startTimeMs: number, endTimeMs: number): boolean {
    if (this.late.has(id) && this.late.read(id, startTimeMs, endTimeMs) !== undefined) return true
    if (this.#lastTimeMs[id]! < startTimeMs) return false
    return this.chains.has(id, startTimeMs, endTimeMs)
  }

  /** Oldest sample in memory, or `undefined`. */
  oldestTimeMs(): number | undefined {
    let oldest = this.late.oldestTimeMs
    for (let id = 0; id < this.index.idEnd; id++) {
      oldest = Math.min(oldest, this.chains.firstTimeMs(id))
    }
    return oldest === Infinity ? undefined : oldest
  }

  /**
   * Forgets samples before `timeMs` (whole chunks of them) that the engine has, with `canForget` the others
   * too, and, when `canRemove`, series that ended long ago; answers the numbers taken back.
   */
  truncate(
    timeMs: number,
    options: { canRemove: boolean; canForget: boolean },
  ): readonly SeriesId[] {
    const { chains, histograms } = this
    const ended: SeriesId[] = []
    const canSkip = timeMs <= this.marks.passedTimeMs && this.behindTimeMs >= timeMs
    let behind = Infinity
    let hasForgotten = false
    for (let id = 0; id < this.index.idEnd; id++) {
      if (this.index.isLive[id] !== 1) continue
      const keptTimeMs = options.canForget || canSkip ? timeMs : this.#keptTimeMs(id, timeMs)
      behind = Math.min(behind, keptTimeMs)
      if (chains.truncate(id, keptTimeMs)) hasForgotten = true
      if (histograms.has(id)) histograms.truncate(id, chains.firstTimeMs(id))
      if (!chains.isEmpty(id)) this.#emptyRounds[id] = 0
      else if (this.#hasEnded(id, timeMs)) ended.push(id)
    }
    // As long as nothing is gone, memory answers for all time.
    if (hasForgotten) this.coveredTimeMs = Math.max(this.coveredTimeMs, timeMs)
    if (!canSkip && behind < timeMs) this.marks.noteBehind(behind)
    // Removal rebuilds tables, so it waits until a tenth of the series is gone.
    if (!options.canRemove || ended.length === 0) return []
    if (ended.length * 10 < this.index.count && !this.#hasErased) return []
    this.mustNamesGo ||= this.#hasErased
    this.#hasErased = false
    this.index.remove(ended)
    this.epoch++
    return ended
  }

  /** Time of a series' oldest row that the engine does not have, at most `timeMs`. */
  #keptTimeMs(id: SeriesId, timeMs: number): number {
    return this.chains.firstTimeMsIn(id, this.marks.timeMs(id), timeMs)
  }

  /** Whether a series without rows has been so for long; asked once a round. */
  #hasEnded(id: SeriesId, timeMs: number): boolean {
    // A row that was checked and is on its way to the journal, or to the engine.
    if (this.#lastTimeMs[id]! >= timeMs || this.late.has(id)) return false
    // A series may have been announced with its first sample still on the way: two rounds' grace.
    const rounds = Math.min(255, this.#emptyRounds[id]! + 1)
    this.#emptyRounds[id] = rounds
    return rounds > 2
  }

  /**
   * Forgets samples of series with start ≤ time ≤ end; answers how many. Series without any left are taken
   * back by the next `truncate` that may.
   */
  erase(ids: Iterable<SeriesId>, startTimeMs: number, endTimeMs: number): number {
    let erasedCount = 0
    for (const id of ids) {
      if (this.index.isLive[id] !== 1) continue
      this.late.remove([id], startTimeMs, endTimeMs)
      const count = this.chains.erase(id, startTimeMs, endTimeMs)
      if (count === 0) continue
      erasedCount += count
      this.#restoreLast(id)
      // What is left is brought to the engine again, which is harmless; new rows of old times must be.
      this.marks.forget(id)
      if (!this.chains.isEmpty(id)) continue
      if (this.histograms.has(id)) this.histograms.truncate(id, Infinity)
      this.#emptyRounds[id] = 255
      this.#hasErased = true
    }
    return erasedCount
  }

  /** Memory covers less than was thought: what is older is asked of the engine. */
  raiseCovered(timeMs: number): void {
    if (timeMs <= this.coveredTimeMs) return
    this.coveredTimeMs = timeMs
    for (let id = 0; id < this.index.idEnd; id++) {
      if (this.index.isLive[id] !== 1) continue
      this.marks.noteBehind(this.#keptTimeMs(id, timeMs))
    }
  }

  #restoreLast(id: SeriesId): void {
    const time = this.chains.lastTimeMs(id)
    this.#lastTimeMs[id] = time
    if (this.chains.isEmpty(id)) {
      this.marks.forget(id)
      return
    }
    const stored = this.chains.read(id, time, time)!
    const bits = bitsOf(stored.value)
    this.#lastBits[id * 2] = bits[0]!
    this.#lastBits[id * 2 + 1] = bits[1]!
  }
}

function acceptAll(batch: PackedBatch): AppendResult {
  const { count } = batch
  const none = { rejected: 0, reasons: {}, firstRejected: undefined }
  if (batch.packed === undefined) return { accepted: count, ...none }
  return { accepted: count, ...none, acceptedHistograms: countPacked(batch, count) }
}
