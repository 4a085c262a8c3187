/**
 * One native histogram as bytes, for the journal and for memory. Lossless, but for the payload of a NaN.
 *
 *   histogram = flags:u8 schema:i8 [threshold:f64] sum:f64 count zeroCount
 *               buckets [buckets] [size:varint bound:f64×size]
 *   flags     = hint:2 (unknown, reset, not-reset, gauge) whole:1 threshold:2 (0, 2^-128, written)
 *               negative:1 custom:1
 *   buckets   = size:varint, first index:zigzag, gaps:varint×(size-1), counts
 *
 * Counts are varints when all of the histogram are whole numbers, a bucket's as the zigzag difference from
 * the bucket before; else float64. A usual histogram of 40 buckets takes about 100 bytes.
 */

import { customBoundsSchema, type Histogram, type HistogramBuckets } from '../../model/histogram.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const hints = ['unknown', 'reset', 'not-reset', 'gauge'] as const
const wholeFlag = 4
const thresholdShift = 3
const negativeFlag = 32
const customFlag = 64

/** What Prometheus's client libraries begin with. */
const usualThreshold = 2 ** -128

const noBuckets: HistogramBuckets = { index: [], count: [] }
const noBounds: readonly number[] = []

/** Bytes that unfold to as much memory as a sample has in an answer. */
const bytesPerSample = 2

/** How many samples packed histograms count for where the samples of an answer are limited. */
export function weighHistograms(bytes: number): number {
  return Math.ceil(bytes / bytesPerSample)
}

const scratch = new ByteWriter()

/** Makes the bytes, in memory of their own. */
export function packHistogram(histogram: Histogram): Uint8Array {
  scratch.clear()
  writeHistogram(scratch, histogram)
  return scratch.take()
}

/** Reads what `packHistogram` made. */
export function unpackHistogram(bytes: Uint8Array): Histogram {
  return readHistogram(new ByteReader(bytes))
}

/** Adds a histogram's bytes. */
export function writeHistogram(writer: ByteWriter, histogram: Histogram): void {
  const { schema, positive, negative, customBounds, zeroThreshold } = histogram
  const isWhole = hasWholeCounts(histogram)
  const threshold = zeroThreshold === 0 ? 0 : zeroThreshold === usualThreshold ? 1 : 2
  const hasNegative = negative.index.length > 0
  const isCustom = schema === customBoundsSchema
  writer.byte(
    hints.indexOf(histogram.resetHint) |
      (isWhole ? wholeFlag : 0) |
      (threshold << thresholdShift) |
      (hasNegative ? negativeFlag : 0) |
      (isCustom ? customFlag : 0),
  )
  writer.byte(schema & 255)
  if (threshold === 2) writer.float(zeroThreshold)
  writer.float(histogram.sum)
  writeCount(writer, histogram.count, isWhole)
  writeCount(writer, histogram.zeroCount, isWhole)
  writeBuckets(writer, positive, isWhole)
  if (hasNegative) writeBuckets(writer, negative, isWhole)
  if (!isCustom) return
  writer.varint(customBounds.length)
  for (const bound of customBounds) writer.float(bound)
}

/** Reads a histogram at the reader's place. */
export function readHistogram(reader: ByteReader): Histogram {
  const flags = reader.byte()
  const schema = (reader.byte() << 24) >> 24
  const threshold = (flags >> thresholdShift) & 3
  const isWhole = (flags & wholeFlag) !== 0
  const zeroThreshold = threshold === 0 ? 0 : threshold === 1 ? usualThreshold : reader.float()
  const sum = reader.float()
  const count = readCount(reader, isWhole)
  const zeroCount = readCount(reader, isWhole)
  const positive = readBuckets(reader, isWhole)
  const negative = (flags & negativeFlag) === 0 ? noBuckets : readBuckets(reader, isWhole)
  const customBounds = (flags & customFlag) === 0 ? noBounds : readBounds(reader)
  const resetHint = hints[flags & 3]!
  return {
    schema,
    count,
    sum,
    zeroThreshold,
    zeroCount,
    positive,
    negative,
    customBounds,
    resetHint,
  }
}

/** Whether all counts are whole numbers that a varint takes exactly. */
export function hasWholeCounts({ count, zeroCount, positive, negative }: Histogram): boolean {
  return (
    isWholeNumber(count) &&
    isWholeNumber(zeroCount) &&
    positive.count.every(isWholeNumber) &&
    negative.count.every(isWholeNumber)
  )
}

function isWholeNumber(value: number): boolean {
  return value >= 0 && value <= wholeMax && Number.isInteger(value) && !Object.is(value, -0)
}

/** Differences of two of them, twice as large by the zigzag, stay exact. */
const wholeMax = 2 ** 52 - 1

function writeCount(writer: ByteWriter, count: number, isWhole: boolean): void {
  if (isWhole) writer.varint(count)
  else writer.float(count)
}

function readCount(reader: ByteReader, isWhole: boolean): number {
  return isWhole ? reader.varint() : reader.float()
}

function writeBuckets(writer: ByteWriter, buckets: HistogramBuckets, isWhole: boolean): void {
  const { index, count } = buckets
  const size = index.length
  writer.varint(size)
  for (let place = 0; place < size; place++) {
    if (place === 0) writer.zigzag(index[0]!)
    else writer.varint(index[place]! - index[place - 1]!)
  }
  let before = 0
  for (let place = 0; place < size; place++) {
    const now = count[place]!
    if (isWhole) writer.zigzag(now - before)
    else writer.float(now)
    before = now
  }
}

function readBuckets(reader: ByteReader, isWhole: boolean): HistogramBuckets {
  const size = reader.varint()
  if (size === 0) return noBuckets
  const index = new Array<number>(size)
  const count = new Array<number>(size)
  for (let place = 0; place < size; place++) {
    index[place] = place === 0 ? reader.zigzag() : index[place - 1]! + reader.varint()
  }
  let before = 0
  for (let place = 0; place < size; place++) {
    before = isWhole ? before + reader.zigzag() : reader.float()
    count[place] = before
  }
  return { index, count }
}

function readBounds(reader: ByteReader): number[] {
  const size = reader.varint()
  const bounds = new Array<number>(size)
  for (let place = 0; place < size; place++) bounds[place] = reader.float()
  return bounds
}
