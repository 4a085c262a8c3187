/**
 * Points of OTLP as native histograms. Exponential buckets are those of Prometheus but for their index,
 * which is one less, and their scale, which is the schema: one above 8 is lowered, one below -4 cannot be
 * kept. Explicit bounds become custom ones. Deltas are summed up here, at the lower of two resolutions.
 *
 * Sources: opentelemetry-specification metrics/data-model.md (exponential buckets); prometheus
 * storage/remote/otlptranslator (behaviour).
 */

import {
  customBoundsSchema,
  type Histogram,
  type HistogramBuckets,
} from '../../../model/histogram.ts'
import { lowerResolution, makeHistogram, type SideParts } from '../histogram-parts.ts'
import type { ExponentialBuckets, OtlpPoint } from './metric-request.ts'

/** The zero bucket of a point that does not say how wide it is, as Prometheus has it. */
const zeroThresholdDefault = 1e-128
/** Buckets of one sign that a sum of deltas may have; beyond, its resolution is lowered. */
const summedBucketsMax = 320
const schemaMin = -4

/** The native histogram of a point with exponential buckets, or why there is none. */
export function convertExponential(point: OtlpPoint): Histogram | string {
  const { exponential } = point
  if (exponential === undefined) return 'it has no buckets'
  const { scale } = exponential
  if (scale < schemaMin) return `its scale is ${scale}, and ${schemaMin} is the lowest that is kept`
  // Down to one that is kept at once: buckets beyond 32 bits of a fine scale are few of a coarse one.
  return makeHistogram({
    schema: scale,
    isFloat: false,
    count: point.count,
    sum: point.sum ?? 0,
    zeroThreshold: exponential.zeroThreshold > 0 ? exponential.zeroThreshold : zeroThresholdDefault,
    zeroCount: exponential.zeroCount,
    positive: toSide(exponential.positive, 1),
    negative: toSide(exponential.negative, 1),
    customBounds: [],
    resetHint: 'unknown',
  })
}

/** The native histogram of a point with explicit bounds, or why there is none. */
export function convertExplicit(point: OtlpPoint): Histogram | string {
  let { bounds, bucketCounts } = point
  if (bounds.at(-1) === Number.POSITIVE_INFINITY) {
    // The last bucket has no bound here, so two become one.
    bounds = bounds.slice(0, -1)
    const last = bucketCounts.at(-1)! + bucketCounts.at(-2)!
    bucketCounts = [...bucketCounts.slice(0, -2), last]
  }
  return makeHistogram({
    schema: customBoundsSchema,
    isFloat: false,
    count: point.count,
    sum: point.sum ?? 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: toSide({ offset: 0, counts: bucketCounts }, 0),
    negative: { spans: [], deltas: [], counts: [] },
    customBounds: bounds,
    resetHint: 'unknown',
  })
}

/** Two histograms as one; `undefined` when their zero buckets or bounds differ. */
export function sumHistograms(before: Histogram, now: Histogram): Histogram | undefined {
  if (before.zeroThreshold !== now.zeroThreshold) return undefined
  const isCustom = now.schema === customBoundsSchema
  if (isCustom !== (before.schema === customBoundsSchema)) return undefined
  if (isCustom && before.customBounds.join() !== now.customBounds.join()) return undefined
  let schema = Math.min(before.schema, now.schema)
  const side = (sign: 'positive' | 'negative'): HistogramBuckets =>
    sumBuckets(
      lowerResolution(before[sign], before.schema - schema),
      lowerResolution(now[sign], now.schema - schema),
    )
  let positive = side('positive')
  let negative = side('negative')
  const isTooFine = (): boolean =>
    !isCustom && Math.max(positive.index.length, negative.index.length) > summedBucketsMax
  while (isTooFine() && schema > schemaMin) {
    schema--
    positive = lowerResolution(positive, 1)
    negative = lowerResolution(negative, 1)
  }
  return {
    ...now,
    schema,
    count: before.count + now.count,
    sum: before.sum + now.sum,
    zeroCount: before.zeroCount + now.zeroCount,
    positive,
    negative,
  }
}

function toSide(buckets: ExponentialBuckets, indexOffset: number): SideParts {
  const { offset, counts } = buckets
  if (counts.length === 0) return { spans: [], deltas: [], counts: [] }
  const deltas = counts.map((count, place) => count - (counts[place - 1] ?? 0))
  return { spans: [offset + indexOffset, counts.length], deltas, counts: [] }
}

function sumBuckets(a: HistogramBuckets, b: HistogramBuckets): HistogramBuckets {
  const counts = new Map<number, number>()
  for (const { index, count } of [a, b]) {
    for (const [place, key] of index.entries()) {
      counts.set(key, (counts.get(key) ?? 0) + count[place]!)
    }
  }
  const index = [...counts.keys()].sort((x, y) => x - y)
  return { index, count: index.map((key) => counts.get(key)!) }
}
