/**
 * Brings samples from memory into the engine: of every series what it does not have yet, up to a time.
 * A pass goes through the series in slices of some milliseconds, with rests for everything else, packs
 * what it finds and has the engine take it as one insert.
 *
 * What left memory before the engine took it (it was out of order for long) is read back from the
 * journal's segments, one at a time.
 */

import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { Histogram } from '../../model/histogram.ts'
import { bitsOf, isHistogramAt } from '../../model/sample.ts'
import { unpackHistogram } from '../chunk/histogram-bytes.ts'
import type { Head } from '../head/head.ts'
import type { PackedBatch } from '../head/packed-batch.ts'
import type { LateRun } from '../head/late-rows.ts'
import type { Segment } from '../journal/segment.ts'
import { RecordFileReader } from '../journal/record-format.ts'
import { ChunkWriter, WrittenDays } from './chunk-writer.ts'
import type { Engine } from './engine.ts'
import { areAscending, sortRows } from './ordered-rows.ts'
import type { SpanVersions } from './span-versions.ts'

/** Samples that are packed between two rests: about three milliseconds. */
const sliceSampleCount = 65_536
/** Series that are looked at between two rests. */
const sliceSeriesCount = 16_384

/** Rows of one series, as many as there are; grows. */
interface Scratch {
  timeMs: Float64Array
  value: Float64Array
}

/** What a flusher needs. */
interface SampleFlusherParts {
  engine: Engine
  head: Head
  versions: SpanVersions
  directory: string
  /** Whether a row of a segment was deleted since. */
  isErased: (segment: number, id: number, timeMs: number) => boolean
  /** Whether label sets are being deleted: what was written of them may be gone. */
  areNamesGoing: () => boolean
}

/** Brings samples in, one pass at a time. */
export class SampleFlusher {
  readonly #parts: SampleFlusherParts
  readonly #written = new WrittenDays()
  #scratch = makeScratch(4_096)

  constructor(parts: SampleFlusherParts) {
    this.#parts = parts
  }

  /** Series numbers were taken back: what is known of them no longer holds. */
  forgetSeries(): void {
    this.#written.forget()
  }

  /**
   * Brings in what memory has before `untilTimeMs` and the engine has not; answers how many samples.
   * Rejects with the engine's error and can be repeated.
   */
  async flushHead(untilTimeMs: number): Promise<number> {
    const { engine, head } = this.#parts
    const writer = this.#makeWriter()
    const ids: number[] = []
    const marks: number[] = []
    const lastTimes: number[] = []
    let restedCount = 0
    try {
      for (let id = 0; id < head.index.idEnd; id++) {
        if (writer.isFull) await writer.rest()
        if (writer.sampleCount - restedCount > sliceSampleCount || id % sliceSeriesCount === 0) {
          restedCount = writer.sampleCount
          await setImmediate()
        }
        const markTimeMs = head.marks.timeMs(id)
        const lastTimeMs = await this.#flushSeries(id, untilTimeMs, writer)
        if (lastTimeMs === undefined) continue
        ids.push(id)
        marks.push(markTimeMs)
        lastTimes.push(lastTimeMs)
      }
      if (writer.sampleCount > 0) await writer.finish(engine)
    } finally {
      await writer.discard()
    }
    for (let at = 0; at < ids.length; at++) {
      // Rows that did not reach the journal may have taken the mark back meanwhile.
      if (head.marks.timeMs(ids[at]!) === marks[at]) head.marks.note(ids[at]!, lastTimes[at]!)
    }
    return writer.sampleCount
  }

  /** Brings in late rows, as chunks of their own; answers how many. */
  async flushLate(runs: ReadonlyMap<number, LateRun>): Promise<number> {
    if (runs.size === 0) return 0
    const { engine, head } = this.#parts
    const writer = this.#makeWriter()
    try {
      let restedCount = 0
      for (const [id, run] of runs) {
        if (head.index.isLive[id] !== 1) continue
        if (writer.isFull || writer.sampleCount - restedCount > sliceSampleCount) {
          restedCount = writer.sampleCount
          await writer.rest()
        }
        const { count, packed } = run
        const timeMs = run.timeMs.slice(0, count)
        const histogram =
          packed &&
          Array.from(timeMs, (time) => packed.get(time)).map((one) => one && unpackHistogram(one))
        await writeRun(writer, id, { count, timeMs, value: run.value.slice(0, count), histogram })
      }
      if (writer.sampleCount > 0) await writer.finish(engine)
    } finally {
      await writer.discard()
    }
    return writer.sampleCount
  }

  /**
   * Brings in everything that segments hold from their `flushedTimeMs` on, as one insert. Memory: one segment
   * at a time.
   */
  async flushSegments(segments: readonly Segment[]): Promise<number> {
    if (segments.length === 0) return 0
    const writer = this.#makeWriter()
    try {
      for (const segment of segments) await this.#addSegment(segment, writer)
      if (writer.sampleCount > 0) await writer.finish(this.#parts.engine)
    } finally {
      await writer.discard()
    }
    return writer.sampleCount
  }

  async #addSegment(segment: Segment, writer: ChunkWriter): Promise<void> {
    const { number, flushedTimeMs } = segment
    const { isErased, head } = this.#parts
    const rows = groupRows(
      await readBatches(segment.path),
      (id, timeMs) => timeMs >= flushedTimeMs && !isErased(number, id, timeMs),
    )
    let restedCount = writer.sampleCount
    for (let from = 0; from < rows.count; ) {
      if (writer.isFull || writer.sampleCount - restedCount > sliceSampleCount) {
        restedCount = writer.sampleCount
        await writer.rest()
      }
      let to = from + 1
      while (to < rows.count && rows.seriesId[to] === rows.seriesId[from]) to++
      const columns = {
        timeMs: rows.timeMs.subarray(from, to),
        value: rows.value.subarray(from, to),
      }
      const histogram = rows.packed?.slice(from, to).map((bytes) => bytes && unpackHistogram(bytes))
      const run = { ...columns, count: to - from, histogram }
      const id = rows.seriesId[from]!
      if (head.index.isLive[id] === 1) await writeRun(writer, id, run)
      from = to
    }
  }

  #makeWriter(): ChunkWriter {
    if (this.#parts.areNamesGoing()) this.#written.forget()
    const { head, versions, directory } = this.#parts
    return new ChunkWriter({ index: head.index, written: this.#written, versions, directory })
  }

  /** Adds a series' rows; answers the time of the last. */
  async #flushSeries(
    id: number,
    untilTimeMs: number,
    writer: ChunkWriter,
  ): Promise<number | undefined> {
    const { head } = this.#parts
    if (head.index.isLive[id] !== 1) return undefined
    const startTimeMs = head.marks.timeMs(id) + 1
    const endTimeMs = untilTimeMs - 1
    const count = head.chains.count(id, startTimeMs, endTimeMs)
    if (count === 0) return undefined
    if (this.#scratch.timeMs.length < count) this.#scratch = makeScratch(count * 2)
    const { timeMs, value } = this.#scratch
    head.chains.copy(id, { startTimeMs, endTimeMs }, { timeMs, value, at: 0 })
    const lastTimeMs = timeMs[count - 1]!
    const columns = { timeMs, value, count }
    const histogram = head.histograms.has(id) ? head.histograms.columnOf(id, columns) : undefined
    await writeRun(writer, id, { ...columns, histogram })
    return lastTimeMs
  }
}

/** Writes one series' rows: histograms as such, the others as floats. */
async function writeRun(
  writer: ChunkWriter,
  id: number,
  run: {
    timeMs: Float64Array
    value: Float64Array
    count: number
    histogram: (Histogram | undefined)[] | undefined
  },
): Promise<void> {
  let { timeMs, value, count } = run
  if (run.histogram?.some((one) => one !== undefined)) {
    const apart = splitHistograms(run, run.histogram)
    writer.addHistograms(id, apart.histograms)
    ;({ timeMs, value, count } = apart.floats)
  }
  const rows = { timeMs, value, from: 0, to: count }
  // Segments hold rows as they came, late ones behind newer ones.
  if (!areAscending(rows)) count = sortRows(rows)
  while (count > 0) {
    const done = writer.add(id, { timeMs, value }, count)
    if (done === count) return
    timeMs = timeMs.subarray(done)
    value = value.subarray(done)
    count -= done
    await writer.rest()
  }
}

function splitHistograms(
  run: { timeMs: Float64Array; value: Float64Array; count: number },
  histogram: readonly (Histogram | undefined)[],
) {
  const histograms = { timeMs: [] as number[], histogram: [] as Histogram[] }
  const timeMs = new Float64Array(run.count)
  const value = new Float64Array(run.count)
  const bits = bitsOf(run.value)
  let count = 0
  for (let row = 0; row < run.count; row++) {
    const one = histogram[row]
    if (one !== undefined) {
      histograms.timeMs.push(run.timeMs[row]!)
      histograms.histogram.push(one)
    } else if (!isHistogramAt(bits, row)) {
      timeMs[count] = run.timeMs[row]!
      value.set(run.value.subarray(row, row + 1), count)
      count++
    }
  }
  return { histograms, floats: { timeMs, value, count } }
}

/** The batches of samples of a journal segment. */
async function readBatches(path: string): Promise<PackedBatch[]> {
  const reader = new RecordFileReader(await readFile(path))
  const batches: PackedBatch[] = []
  const visitor = {
    onSamples: (batch: PackedBatch) => batches.push(batch),
    onLines: () => undefined,
    onSymbol: () => undefined,
    onSeries: () => undefined,
    onRemoved: () => undefined,
  }
  for (let isMore = true; isMore; ) isMore = reader.next(visitor)
  return batches
}

/** The rows of batches that are wanted, by series and then as they came. */
function groupRows(
  batches: readonly PackedBatch[],
  isWanted: (id: number, timeMs: number) => boolean,
): PackedBatch {
  let total = 0
  let idEnd = 0
  for (const { count, seriesId } of batches) {
    total += count
    for (let row = 0; row < count; row++) if (seriesId[row]! >= idEnd) idEnd = seriesId[row]! + 1
  }
  const next = new Uint32Array(idEnd + 1)
  for (const { count, seriesId, timeMs } of batches) {
    for (let row = 0; row < count; row++) {
      if (isWanted(seriesId[row]!, timeMs[row]!)) next[seriesId[row]! + 1]!++
    }
  }
  for (let id = 0; id < idEnd; id++) next[id + 1]! += next[id]!
  const sorted: PackedBatch = {
    count: next[idEnd]!,
    seriesId: new Uint32Array(total),
    timeMs: new Float64Array(total),
    value: new Float64Array(total),
  }
  const bits = bitsOf(sorted.value)
  for (const batch of batches) {
    const from = bitsOf(batch.value)
    if (batch.packed !== undefined) sorted.packed ??= []
    for (let row = 0; row < batch.count; row++) {
      if (!isWanted(batch.seriesId[row]!, batch.timeMs[row]!)) continue
      const at = next[batch.seriesId[row]!]!++
      sorted.seriesId[at] = batch.seriesId[row]!
      sorted.timeMs[at] = batch.timeMs[row]!
      bits[at * 2] = from[row * 2]!
      bits[at * 2 + 1] = from[row * 2 + 1]!
      const packed = batch.packed?.[row]
      if (packed !== undefined) sorted.packed![at] = packed
    }
  }
  return sorted
}

function makeScratch(size: number): Scratch {
  return { timeMs: new Float64Array(size), value: new Float64Array(size) }
}
