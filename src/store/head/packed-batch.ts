/**
 * Batches on their way through the store: each histogram packed once, for comparing, journal and memory,
 * and its row marked (model/sample.ts). And what `Head.check` makes of batches: others with some of the rows.
 */

import { crc32 } from 'node:zlib'
import type { Histogram } from '../../model/histogram.ts'
import { bitsOf, makeSampleBatch, type SampleBatch, setHistogramAt } from '../../model/sample.ts'
import { packHistogram } from '../chunk/histogram-bytes.ts'

/** A batch on its way through the store: histograms packed, by row, so that it is done once. */
export interface PackedBatch extends SampleBatch {
  packed?: (Uint8Array | undefined)[]
}

/** The batch with its histograms packed and their rows marked, so that equal ones have equal bits. */
export function packHistograms(batch: PackedBatch): PackedBatch {
  const { histogram, count } = batch
  if (histogram === undefined || batch.packed !== undefined) return batch
  const packed: (Uint8Array | undefined)[] = []
  const bits = bitsOf(batch.value)
  for (let row = 0; row < count; row++) {
    const one = histogram[row]
    if (one === undefined) continue
    const bytes = packHistogram(dropHint(one))
    packed[row] = bytes
    setHistogramAt(bits, row, crc32(bytes))
  }
  return { ...batch, packed }
}

/**
 * "No reset since the sample before" is about the sender's sample before, which need not be ours: it may
 * have been refused, or come later. So it is not kept, as Prometheus does not keep it, and readers compare.
 */
export function dropHint(histogram: Histogram): Histogram {
  return histogram.resetHint === 'not-reset' ? { ...histogram, resetHint: 'unknown' } : histogram
}

/** Bytes of a batch's histograms. */
export function packedBytes(batch: PackedBatch | undefined): number {
  let size = 0
  if (batch?.packed !== undefined) for (const bytes of batch.packed) size += bytes?.length ?? 0
  return size
}

/** How many of a batch's first rows are histograms. */
export function countPacked({ packed }: PackedBatch, rowEnd: number): number {
  let count = 0
  if (packed !== undefined)
    for (let row = 0; row < rowEnd; row++) if (packed[row] !== undefined) count++
  return count
}

/** An empty batch that takes rows of `batch`. */
export function makeLike(batch: PackedBatch, capacity: number): PackedBatch {
  const made: PackedBatch = makeSampleBatch(capacity)
  if (batch.packed !== undefined) made.packed = []
  if (batch.histogram !== undefined) made.histogram = []
  return made
}

/** Adds rows `[from, to)` of `source` behind `target`, values bit by bit. */
export function copyRows(
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
