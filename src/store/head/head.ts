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
 * A series' rows ascend in memory, whatever their age. A late row is put into its place among those that
 * memory covers. One that the flush has passed already waits in `late` (late-rows.ts) for its own way
 * to the engine. While rows from before `coveredTimeMs` are in memory, because the engine does not have them
 * yet, `behindTimeMs` tells the time of the oldest.
 *
 * Per series: 28 bytes here, chunks of 12 bytes a sample (chunk-pool.ts), labels as numbers
 * (series-index.ts); native histograms lie beside (histogram-table.ts). Designed for 4 million rows a second checked and applied on one core.
 */

import type { AppendResult, RejectReason } from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import { bitsOf, makeSampleBatch, type SampleBatch, type SeriesId } from '../../model/sample.ts'
import { ChunkPool, noChunk } from './chunk-pool.ts'
import { HistogramTable, type PackedBatch, packHistograms } from './histogram-table.ts'
import { LateRows, type LateRun } from './late-rows.ts'
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

/** Samples of one series within a range; columns have `count` rows. */
export interface HeadColumns {
  seriesId: SeriesId
  count: number
  timeMs: Float64Array
  value: Float64Array
}

/** Series and their recent samples. */
export class Head {
  readonly index = new SeriesIndex()
  readonly pool = new ChunkPool()
  readonly histograms = new HistogramTable()
  readonly late = new LateRows()
  /** Memory holds every accepted sample from here on. */
  coveredTimeMs = Number.NEGATIVE_INFINITY
  /** Of rows in the series' chains that the engine may not have although a flush passed their time: the oldest. */
  #behindTimeMs = Infinity
  /** The same of rows that the flush under way will bring. */
  #flushingBehindTimeMs = Infinity
  /** A flush is under way that takes rows before this time, each series once. */
  #flushingTimeMs = Number.NEGATIVE_INFINITY
  /** The last flush brought what there was before this time. */
  #passedTimeMs = Number.NEGATIVE_INFINITY
  /** See `Appender.seriesEpoch`. */
  epoch = 0
  readonly #isTimeChecked: boolean
  #lastTimeMs: Float64Array = new Float64Array(1_024).fill(Number.NEGATIVE_INFINITY)
  #lastBits: Uint32Array = new Uint32Array(2_048)
  #first: Uint32Array = new Uint32Array(1_024).fill(noChunk)
  #last: Uint32Array = new Uint32Array(1_024).fill(noChunk)
  /** Where a series' last late row went: others come near it. */
  #lateChunk: Uint32Array = new Uint32Array(1_024).fill(noChunk)
  #emptyRounds: Uint8Array = new Uint8Array(1_024)
  /** Numbers of erased series were taken back: their names should leave the disk too. */
  mustNamesGo = false
  /** Series were emptied by `erase` and should leave soon. */
  #hasErased = false
  /** The engine has a series' samples up to this time. */
  #flushedTimeMs: Float64Array = new Float64Array(1_024).fill(Number.NEGATIVE_INFINITY)

  constructor(options: { isTimeChecked: boolean }) {
    this.#isTimeChecked = options.isTimeChecked
  }

  /** Bytes of samples in memory. */
  get usedBytes(): number {
    return this.pool.usedBytes + this.histograms.usedBytes + this.late.usedBytes
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
      this.#first = grow(this.#first, new Uint32Array(capacity).fill(noChunk, size))
      this.#last = grow(this.#last, new Uint32Array(capacity).fill(noChunk, size))
      this.#lateChunk = grow(this.#lateChunk, new Uint32Array(capacity).fill(noChunk, size))
      this.#emptyRounds = grow(this.#emptyRounds, new Uint8Array(capacity))
      this.#flushedTimeMs = grow(this.#flushedTimeMs, new Float64Array(capacity))
    }
    this.#lastTimeMs[id] = Number.NEGATIVE_INFINITY
    this.#first[id] = noChunk
    this.#last[id] = noChunk
    this.#lateChunk[id] = noChunk
    this.#emptyRounds[id] = 0
    this.#flushedTimeMs[id] = Number.NEGATIVE_INFINITY
  }

  /** A flush begins that brings to the engine what memory has before a time, and the late rows answered. */
  beginFlush(untilTimeMs: number): ReadonlyMap<SeriesId, LateRun> {
    this.#flushingTimeMs = untilTimeMs
    this.#flushingBehindTimeMs = Math.min(this.#flushingBehindTimeMs, this.#behindTimeMs)
    this.#behindTimeMs = Infinity
    return this.late.take()
  }

  /** The flush has ended; the engine has everything, or it will be brought again. */
  endFlush(isDone: boolean): void {
    if (isDone) {
      // Memory may cover less than what the flush left.
      if (this.#flushingTimeMs < this.coveredTimeMs) {
        this.#behindTimeMs = Math.min(this.#behindTimeMs, this.#flushingTimeMs)
      }
      this.#passedTimeMs = Math.max(this.#passedTimeMs, this.#flushingTimeMs)
      this.late.done()
    } else this.#behindTimeMs = Math.min(this.#behindTimeMs, this.#flushingBehindTimeMs)
    this.#flushingBehindTimeMs = Infinity
    this.#flushingTimeMs = Number.NEGATIVE_INFINITY
  }

  /** Up to which time the engine has a series' samples. */
  flushedTimeMs(id: SeriesId): number {
    return this.#flushedTimeMs[id]!
  }

  /** The engine has a series' samples up to a time. */
  noteFlushed(id: SeriesId, timeMs: number): void {
    if (timeMs > this.#flushedTimeMs[id]!) this.#flushedTimeMs[id] = timeMs
  }

  /** A row came in behind others: the engine has nothing of the series from there on, as far as it matters. */
  noteLate(id: SeriesId, timeMs: number): void {
    if (timeMs <= this.#flushedTimeMs[id]!) this.#flushedTimeMs[id] = timeMs - 1
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
    const verdict = this.#judgeLate(id, time, { bits, row })
    const isTooLate = verdict === 'late' && this.#lastTimeMs[id]! - time > limits.lateMs
    return isTooLate ? 'out-of-order' : verdict
  }

  /** What is known of a time before a series' last. */
  #judgeLate(
    id: SeriesId,
    timeMs: number,
    value: { bits: Uint32Array; row: number },
  ): 'known' | 'duplicate' | 'late' {
    const { pool } = this
    const from = this.#findStart(id, timeMs)
    for (let chunk = from; chunk !== noChunk; chunk = pool.nextOf(chunk)) {
      if (pool.lastTimeMs(chunk) < timeMs) continue
      const rows = pool.range(chunk, timeMs, timeMs)
      if (rows >>> 8 === (rows & 255)) break
      return pool.hasBits(chunk, rows >>> 8, value.bits, value.row) ? 'known' : 'duplicate'
    }
    const known = this.late.compare(id, timeMs, value)
    if (known === 'none') return 'late'
    return known === 'same' ? 'known' : 'duplicate'
  }

  /** Makes checked rows readable. */
  apply(batch: PackedBatch): void {
    this.histograms.apply(batch)
    if (!this.#isTimeChecked) {
      this.#applyAnyOrder(batch)
      return
    }
    const { count, seriesId, timeMs } = batch
    const bits = bitsOf(batch.value)
    const pool = this.pool
    const passed = Math.max(this.coveredTimeMs, this.#passedTimeMs)
    let behind = this.#behindTimeMs
    for (let row = 0; row < count; row++) {
      const id = seriesId[row]!
      const time = timeMs[row]!
      const chunk = this.#last[id]!
      const now = pool.push(chunk, time, bits, row)
      if (now !== chunk) {
        this.#last[id] = now
        if (chunk === noChunk) this.#first[id] = now
      }
      if (time < passed && time < behind) behind = time
    }
    this.#behindTimeMs = behind
  }

  /** Makes late rows readable, and sees to it that the engine gets those from `flushedTimeMs` on. */
  applyLate(batch: PackedBatch, flushedTimeMs = Number.NEGATIVE_INFINITY): void {
    this.histograms.apply(batch)
    const bits = bitsOf(batch.value)
    for (let row = 0; row < batch.count; row++) {
      const id = batch.seriesId[row]!
      const timeMs = batch.timeMs[row]!
      const isCovered = timeMs >= this.coveredTimeMs
      if (isCovered) this.#insertLate(id, timeMs, { bits, row })
      const isPassed = timeMs <= this.#flushedTimeMs[id]! || timeMs < this.#flushingTimeMs
      if ((isCovered && !isPassed) || timeMs < flushedTimeMs) continue
      this.late.add(id, timeMs, { bits, row, packed: batch.packed?.[row] })
    }
  }

  /** Oldest time that only memory may have although the engine has what is around it; `Infinity` without any. */
  get behindTimeMs(): number {
    return Math.min(this.#behindTimeMs, this.#flushingBehindTimeMs, this.late.oldestTimeMs)
  }

  #insertLate(id: SeriesId, timeMs: number, source: { bits: Uint32Array; row: number }): void {
    const { pool } = this
    const { bits, row } = source
    let before = noChunk
    let chunk = this.#findStart(id, timeMs)
    while (chunk !== noChunk && pool.lastTimeMs(chunk) < timeMs) {
      before = chunk
      chunk = pool.nextOf(chunk)
    }
    if (chunk === noChunk) {
      this.#pushRow(id, timeMs, source)
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

  /** Where to begin to look for a time: where the last late row went, or at the beginning. */
  #findStart(id: SeriesId, timeMs: number): number {
    const chunk = this.#lateChunk[id]!
    const isUseful = chunk !== noChunk && this.pool.firstTimeMs(chunk) <= timeMs
    return isUseful ? chunk : this.#first[id]!
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
      if (time < flushedTimeMs && time >= timeMsMin) this.noteFlushed(seriesId[row]!, time)
    }
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

  /** Whether a series has a sample with start ≤ time ≤ end. */
  hasSample(id: SeriesId, startTimeMs: number, endTimeMs: number): boolean {
    if (this.late.has(id) && this.late.read(id, startTimeMs, endTimeMs) !== undefined) return true
    const last = this.#last[id]!
    if (last === noChunk || this.#lastTimeMs[id]! < startTimeMs) return false
    if (this.pool.firstTimeMs(this.#first[id]!) > endTimeMs) return false
    const lastTimeMs = this.pool.lastTimeMs(last)
    if (lastTimeMs < startTimeMs) return false
    return lastTimeMs <= endTimeMs || this.count(id, startTimeMs, endTimeMs) > 0
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

  /** Oldest sample in memory, or `undefined`. */
  oldestTimeMs(): number | undefined {
    let oldest = this.late.oldestTimeMs
    for (let id = 0; id < this.index.idEnd; id++) {
      const chunk = this.#first[id]!
      if (chunk !== noChunk) oldest = Math.min(oldest, this.pool.firstTimeMs(chunk))
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
    const ended: SeriesId[] = []
    const canSkip = timeMs <= this.#passedTimeMs && this.behindTimeMs >= timeMs
    let behind = Infinity
    let hasForgotten = false
    for (let id = 0; id < this.index.idEnd; id++) {
      if (this.index.isLive[id] !== 1) continue
      const first = this.#first[id]!
      const keptTimeMs = options.canForget || canSkip ? timeMs : this.#keptTimeMs(id, timeMs)
      behind = Math.min(behind, keptTimeMs)
      let chunk = first
      while (chunk !== noChunk && this.pool.lastTimeMs(chunk) < keptTimeMs) {
        chunk = this.pool.free(chunk)
      }
      if (chunk !== first) {
        hasForgotten = true
        this.#lateChunk[id] = noChunk
      }
      this.#first[id] = chunk
      if (this.histograms.has(id)) {
        this.histograms.truncate(id, chunk === noChunk ? Infinity : this.pool.firstTimeMs(chunk))
      }
      if (chunk !== noChunk) {
        this.#emptyRounds[id] = 0
        continue
      }
      this.#last[id] = noChunk
      if (this.#hasEnded(id, timeMs)) ended.push(id)
    }
    // As long as nothing is gone, memory answers for all time.
    if (hasForgotten) this.coveredTimeMs = Math.max(this.coveredTimeMs, timeMs)
    if (!canSkip && behind < timeMs) this.#behindTimeMs = Math.min(this.#behindTimeMs, behind)
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
    const { pool } = this
    const afterTimeMs = this.#flushedTimeMs[id]! + 1
    for (let chunk = this.#first[id]!; chunk !== noChunk; chunk = pool.nextOf(chunk)) {
      if (pool.firstTimeMs(chunk) >= timeMs) break
      const rows = pool.range(chunk, afterTimeMs, timeMs - 1)
      if (rows >>> 8 < (rows & 255)) return pool.timeAt(chunk, rows >>> 8)
    }
    return timeMs
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
      const count = this.count(id, startTimeMs, endTimeMs)
      if (count === 0) continue
      erasedCount += count
      const stored = this.read(id, Number.NEGATIVE_INFINITY, Infinity)!
      let chunk = this.#first[id]!
      while (chunk !== noChunk) chunk = this.pool.free(chunk)
      this.#first[id] = noChunk
      this.#last[id] = noChunk
      this.#lateChunk[id] = noChunk
      const bits = bitsOf(stored.value)
      for (let row = 0; row < stored.count; row++) {
        const timeMs = stored.timeMs[row]!
        if (timeMs < startTimeMs || timeMs > endTimeMs) this.#pushRow(id, timeMs, { bits, row })
      }
      this.#restoreLast(id)
      // What is left is brought to the engine again, which is harmless; new rows of old times must be.
      this.#flushedTimeMs[id] = Number.NEGATIVE_INFINITY
      if (this.#first[id] !== noChunk) continue
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
      const keptTimeMs = this.#keptTimeMs(id, timeMs)
      if (keptTimeMs < this.#behindTimeMs) this.#behindTimeMs = keptTimeMs
    }
  }

  #restoreLast(id: SeriesId): void {
    const chunk = this.#last[id]!
    if (chunk === noChunk) {
      this.#lastTimeMs[id] = Number.NEGATIVE_INFINITY
      // Rows of any time may come now, and all of them have to reach the engine.
      this.#flushedTimeMs[id] = Number.NEGATIVE_INFINITY
      return
    }
    const time = this.pool.lastTimeMs(chunk)
    const stored = this.read(id, time, time)!
    const bits = bitsOf(stored.value)
    this.#lastTimeMs[id] = time
    this.#lastBits[id * 2] = bits[0]!
    this.#lastBits[id * 2 + 1] = bits[1]!
  }

  /** For tests and measuring: rows in any order; a later row replaces one of the same time. */
  #applyAnyOrder(batch: SampleBatch): void {
    const bits = bitsOf(batch.value)
    for (let row = 0; row < batch.count; row++) {
      const id = batch.seriesId[row]!
      const time = batch.timeMs[row]!
      const last = this.#last[id]!
      if (last === noChunk || time > this.pool.lastTimeMs(last)) {
        this.#pushRow(id, time, { bits, row })
      } else this.#insertRow(id, time, { bits, row })
    }
  }

  #pushRow(id: SeriesId, timeMs: number, source: { bits: Uint32Array; row: number }): void {
    const chunk = this.#last[id]!
    this.#last[id] = this.pool.push(chunk, timeMs, source.bits, source.row)
    if (chunk === noChunk) this.#first[id] = this.#last[id]!
  }

  #insertRow(id: SeriesId, timeMs: number, source: { bits: Uint32Array; row: number }): void {
    const stored = this.read(id, Number.NEGATIVE_INFINITY, Infinity)!
    const storedBits = bitsOf(stored.value)
    let chunk = this.#first[id]!
    while (chunk !== noChunk) chunk = this.pool.free(chunk)
    this.#first[id] = noChunk
    this.#last[id] = noChunk
    this.#lateChunk[id] = noChunk
    let isPlaced = false
    for (let row = 0; row < stored.count; row++) {
      const storedTimeMs = stored.timeMs[row]!
      if (!isPlaced && timeMs <= storedTimeMs) {
        this.#pushRow(id, timeMs, source)
        isPlaced = true
      }
      if (storedTimeMs !== timeMs) this.#pushRow(id, storedTimeMs, { bits: storedBits, row })
    }
  }
}

function acceptAll(batch: PackedBatch): AppendResult {
  const { count } = batch
  const none = { rejected: 0, reasons: {}, firstRejected: undefined }
  if (batch.packed === undefined) return { accepted: count, ...none }
  return { accepted: count, ...none, acceptedHistograms: countPacked(batch, count) }
}

/** An empty batch that takes rows of `batch`. */
function makeLike(batch: PackedBatch, capacity: number): PackedBatch {
  const made: PackedBatch = makeSampleBatch(capacity)
  if (batch.packed !== undefined) made.packed = []
  if (batch.histogram !== undefined) made.histogram = []
  return made
}

function countPacked({ packed }: PackedBatch, rowEnd: number): number {
  let count = 0
  if (packed !== undefined)
    for (let row = 0; row < rowEnd; row++) if (packed[row] !== undefined) count++
  return count
}

/** Adds rows `[from, to)` of `source` behind `target`, values bit by bit. */
function copyRows(
  source: PackedBatch,
  target: PackedBatch,
  rows: { from: number; to: number },
): void {
  for (let row = rows.from; row < rows.to && source.packed !== undefined; row++) {
    const to = target.count + row - rows.from
    if (source.packed[row] === undefined) continue
    target.packed![to] = source.packed[row]
    if (source.histogram !== undefined) target.histogram![to] = source.histogram[row]
  }
  target.seriesId.set(source.seriesId.subarray(rows.from, rows.to), target.count)
  target.timeMs.set(source.timeMs.subarray(rows.from, rows.to), target.count)
  target.value.set(source.value.subarray(rows.from, rows.to), target.count)
  target.count += rows.to - rows.from
}
