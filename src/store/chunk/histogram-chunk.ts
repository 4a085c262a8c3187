/**
 * A run of native histograms of one series as bytes, for the engine. Lossless, as histogram-bytes.ts is.
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

/** Histograms with their times, ascending. */
export interface HistogramRun {
  timeMs: number[]
  histogram: Histogram[]
}

/** Makes the bytes of a run, in memory of their own. */
export function encodeHistogramChunk(run: HistogramRun): Uint8Array {
  const { timeMs, histogram: histograms } = run
  scratch.clear()
  scratch.byte(version)
  scratch.varint(timeMs.length)
  let before: Histogram | undefined
  let lastTimeMs = 0
  let lastStepMs = 0
  for (const [row, histogram] of histograms.entries()) {
    const stepMs = timeMs[row]! - lastTimeMs
    scratch.zigzag(row < 2 ? stepMs : stepMs - lastStepMs)
    lastTimeMs = timeMs[row]!
    lastStepMs = stepMs
    if (before !== undefined && isLike(before, histogram)) writeDifference(before, histogram)
    else {
      scratch.byte(0)
      writeHistogram(scratch, histogram)
    }
    before = histogram
  }
  return scratch.take()
}

/** Reads the rows of a run that have start ≤ time ≤ end. Throws on a version that it does not know. */
export function decodeHistogramChunk(
  bytes: Uint8Array,
  range: { startTimeMs: number; endTimeMs: number },
): HistogramRun {
  const reader = new ByteReader(bytes)
  const found = reader.byte()
  if (found !== version) throw new Error(`BUG: a run of histograms has version ${found}`)
  const count = reader.varint()
  const run: HistogramRun = { timeMs: [], histogram: [] }
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
  return run
}

function isLike(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.zeroThreshold, b.zeroThreshold) &&
    isEqual(a.positive.index, b.positive.index) &&
    isEqual(a.negative.index, b.negative.index) &&
    isEqual(a.customBounds, b.customBounds) &&
    hasWholeCounts(a) &&
    hasWholeCounts(b)
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

function writeDifference(before: Histogram, now: Histogram): void {
  scratch.byte(1 + hintsFromOne.indexOf(now.resetHint))
  scratch.float(now.sum)
  scratch.zigzag(now.count - before.count)
  scratch.zigzag(now.zeroCount - before.zeroCount)
  for (const side of ['positive', 'negative'] as const) {
    const counts = now[side].count
    for (let place = 0; place < counts.length; place++) {
      scratch.zigzag(counts[place]! - before[side].count[place]!)
    }
  }
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
