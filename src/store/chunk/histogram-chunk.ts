/**
 * A run of native histograms of one series as bytes, for the engine and for memory. Lossless, as
 * histogram-bytes.ts is.
 *
 *   run    = version:u8=1 count:varint sample×count
 *   sample = time whole:u8=0 histogram                 as histogram-bytes.ts writes it
 *          | time like:u8=1..4 sum:f64 count:zigzag zeroCount:zigzag bucket:zigzag×…
 *   time   = zigzag: the first as it is, the second as difference, further as difference of differences
 *
 * "Like" means: schema, threshold, buckets and bounds of the sample before, whole counts in both, all counts
 * as differences from it; the number says the reset hint. A run of one layout then costs about 12 bytes
 * and one a bucket, before compression, which takes most of that.
 */

import type { Histogram, HistogramBuckets, ResetHint } from '../../model/histogram.ts'
import { hasWholeCounts, readHistogram, writeHistogram } from './histogram-bytes.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const version = 1
const hintsFromOne: readonly ResetHint[] = ['unknown', 'reset', 'not-reset', 'gauge']

const scratch = new ByteWriter()

/** Both ends belong to it. */
export interface TimeRange {
  startTimeMs: number
  endTimeMs: number
}

/** Histograms with their times, ascending. */
export interface HistogramRun {
  timeMs: number[]
  histogram: Histogram[]
}

/** Makes the bytes of a run, in memory of their own. */
export function encodeHistogramChunk(run: HistogramRun): Uint8Array {
  scratch.clear()
  scratch.byte(version)
  scratch.varint(run.timeMs.length)
  const writer = new HistogramRunWriter(scratch)
  for (const [row, histogram] of run.histogram.entries()) writer.add(run.timeMs[row]!, histogram)
  return scratch.take()
}

/** Reads the rows of a run that have start ≤ time ≤ end. Throws on a version that it does not know. */
export function decodeHistogramChunk(bytes: Uint8Array, range: TimeRange): HistogramRun {
  const reader = new ByteReader(bytes)
  const found = reader.byte()
  if (found !== version) throw new Error(`BUG: a run of histograms has version ${found}`)
  const run: HistogramRun = { timeMs: [], histogram: [] }
  readHistogramRun(reader, reader.varint(), range, run)
  return run
}

/** Writes samples of one series behind each other, without version and count. */
export class HistogramRunWriter {
  readonly #out: ByteWriter
  count = 0
  lastTimeMs = 0
  #lastStepMs = 0
  #before: Histogram | undefined
  #isWholeBefore = false

  constructor(out: ByteWriter) {
    this.#out = out
  }

  /** Adds a sample later than all before. */
  add(timeMs: number, histogram: Histogram): void {
    const out = this.#out
    const stepMs = timeMs - this.lastTimeMs
    out.zigzag(this.count < 2 ? stepMs : stepMs - this.#lastStepMs)
    const isWhole = hasWholeCounts(histogram)
    const before = this.#before
    if (before !== undefined && isWhole && this.#isWholeBefore && isLike(before, histogram)) {
      writeDifference(out, before, histogram)
    } else {
      out.byte(0)
      writeHistogram(out, histogram)
    }
    this.#before = histogram
    this.#isWholeBefore = isWhole
    this.lastTimeMs = timeMs
    this.#lastStepMs = stepMs
    this.count++
  }
}

/** Adds to `run` those of the next `count` samples that have start ≤ time ≤ end. */
export function readHistogramRun(
  reader: ByteReader,
  count: number,
  range: TimeRange,
  run: HistogramRun,
): void {
  let before: Histogram | undefined
  let timeMs = 0
  let stepMs = 0
  for (let row = 0; row < count; row++) {
    stepMs = row < 2 ? reader.zigzag() : stepMs + reader.zigzag()
    timeMs += stepMs
    if (timeMs > range.endTimeMs) break
    const kind = reader.byte()
    before = kind === 0 ? readHistogram(reader) : readDifference(reader, before!, kind)
    if (timeMs < range.startTimeMs) continue
    run.timeMs.push(timeMs)
    run.histogram.push(before)
  }
}

/** Whether all but counts, sum and hint is the same. */
function isLike(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.zeroThreshold, b.zeroThreshold) &&
    isEqual(a.positive.index, b.positive.index) &&
    isEqual(a.negative.index, b.negative.index) &&
    isEqual(a.customBounds, b.customBounds)
  )
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let place = 0; place < a.length; place++) {
    if (!Object.is(a[place], b[place])) return false
  }
  return true
}

function writeDifference(out: ByteWriter, before: Histogram, now: Histogram): void {
  out.byte(1 + hintsFromOne.indexOf(now.resetHint))
  out.float(now.sum)
  out.zigzag(now.count - before.count)
  out.zigzag(now.zeroCount - before.zeroCount)
  writeCounts(out, before.positive.count, now.positive.count)
  writeCounts(out, before.negative.count, now.negative.count)
}

function writeCounts(out: ByteWriter, before: readonly number[], now: readonly number[]): void {
  for (let place = 0; place < now.length; place++) out.zigzag(now[place]! - before[place]!)
}

function readDifference(reader: ByteReader, before: Histogram, kind: number): Histogram {
  const sum = reader.float()
  const count = before.count + reader.zigzag()
  const zeroCount = before.zeroCount + reader.zigzag()
  const positive = readCounts(reader, before.positive)
  const negative = readCounts(reader, before.negative)
  const resetHint = hintsFromOne[kind - 1]!
  return { ...before, sum, count, zeroCount, positive, negative, resetHint }
}

function readCounts(reader: ByteReader, before: HistogramBuckets): HistogramBuckets {
  const { index } = before
  const count = new Array<number>(index.length)
  for (let place = 0; place < count.length; place++) {
    count[place] = before.count[place]! + reader.zigzag()
  }
  return { index, count }
}
