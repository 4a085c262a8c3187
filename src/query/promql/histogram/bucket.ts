/**
 * Buckets of native histograms: bounds, iteration from lowest to highest, change of resolution.
 * Source: prometheus model/histogram (Apache-2.0), behaviour re-implemented on sparse index lists.
 */

import {
  customBoundsSchema,
  type Histogram,
  type HistogramBuckets,
} from '../../../model/histogram.ts'
import { boundTable, tableSchema } from './bound-table.ts'

/** One bucket with its bounds. */
export interface Bucket {
  lower: number
  upper: number
  count: number
}

/** No buckets. */
export const noBuckets: HistogramBuckets = { index: [], count: [] }

/** Whether the histogram has custom bounds. */
export function hasCustomBounds(histogram: Histogram): boolean {
  return histogram.schema === customBoundsSchema
}

/** Upper bound of an exponential bucket; the last finite one ends at the greatest float. */
function exponentialBound(index: number, schema: number): number {
  const bound = schema <= 0 ? 2 ** (index * 2 ** -schema) : fineBound(index, schema)
  return bound === Infinity ? Number.MAX_VALUE : bound
}

function fineBound(index: number, schema: number): number {
  const perDoubling = 2 ** schema
  const doubling = Math.floor(index / perDoubling)
  const place = (index - doubling * perDoubling) * 2 ** (tableSchema - schema)
  const bound = boundTable[place]!
  // In two steps, lest the power alone leaves the range of float64.
  return bound * 2 ** (doubling < 0 ? doubling + 1 : doubling) * (doubling < 0 ? 1 : 2)
}

/** Index of a bucket after lowering the resolution. */
export function coarserIndex(index: number, fromSchema: number, toSchema: number): number {
  return ((index - 1) >> (fromSchema - toSchema)) + 1
}

/** The populated buckets above zero (or all, with custom bounds), lowest first. */
function positiveBuckets(histogram: Histogram): Bucket[] {
  const { positive, schema, customBounds } = histogram
  return positive.index.map((index, place) => {
    const count = positive.count[place]!
    if (schema !== customBoundsSchema) {
      const lower = exponentialBound(index - 1, schema)
      return { lower, upper: exponentialBound(index, schema), count }
    }
    const lower = index === 0 ? -Infinity : (customBounds[index - 1] ?? Infinity)
    return { lower, upper: customBounds[index] ?? Infinity, count }
  })
}

/** The populated buckets below zero, the one next to zero first. */
function negativeBuckets(histogram: Histogram): Bucket[] {
  const { negative, schema } = histogram
  return negative.index.map((index, place) => ({
    lower: -exponentialBound(index, schema),
    upper: -exponentialBound(index - 1, schema),
    count: negative.count[place]!,
  }))
}

/** All populated buckets from lowest to highest, the zero bucket between; overlaps with it are cut. */
export function allBuckets(histogram: Histogram): Bucket[] {
  const { zeroThreshold, zeroCount } = histogram
  const all = negativeBuckets(histogram).reverse()
  for (const bucket of all) if (bucket.upper > -zeroThreshold) bucket.upper = -zeroThreshold
  if (zeroCount !== 0) all.push({ lower: -zeroThreshold, upper: zeroThreshold, count: zeroCount })
  for (const bucket of positiveBuckets(histogram)) {
    if (!hasCustomBounds(histogram) && bucket.lower < zeroThreshold) bucket.lower = zeroThreshold
    all.push(bucket)
  }
  return all
}

/**
 * The zero bucket with only positive or only negative neighbours is taken to lie on their side; the
 * first custom bucket above zero begins at 0. Everything that interpolates sees buckets this way.
 */
export function leanBucket(bucket: Bucket, histogram: Histogram): Bucket {
  if (hasCustomBounds(histogram)) {
    if (bucket.lower === -Infinity && bucket.upper > 0) return { ...bucket, lower: 0 }
    return bucket
  }
  if (!isZeroBucket(bucket)) return bucket
  const hasNegative = histogram.negative.index.length > 0
  const hasPositive = histogram.positive.index.length > 0
  if (hasPositive && !hasNegative) return { ...bucket, lower: 0 }
  if (hasNegative && !hasPositive) return { ...bucket, upper: 0 }
  return bucket
}

/** Whether zero lies inside. */
export function isZeroBucket(bucket: Bucket): boolean {
  return bucket.lower <= 0 && bucket.upper >= 0
}

/** Sorted, without empty buckets. */
export function bucketsFromMap(counts: ReadonlyMap<number, number>): HistogramBuckets {
  const index = [...counts.keys()].filter((key) => counts.get(key) !== 0).sort((a, b) => a - b)
  return { index, count: index.map((key) => counts.get(key)!) }
}

/** The same observations at a lower resolution. */
export function toSchema(histogram: Histogram, schema: number): Histogram {
  if (schema === histogram.schema || hasCustomBounds(histogram)) return histogram
  const reduce = (buckets: HistogramBuckets): HistogramBuckets => {
    const counts = new Map<number, number>()
    buckets.index.forEach((index, place) => {
      const to = coarserIndex(index, histogram.schema, schema)
      counts.set(to, (counts.get(to) ?? 0) + buckets.count[place]!)
    })
    return bucketsFromMap(counts)
  }
  return {
    ...histogram,
    schema,
    positive: reduce(histogram.positive),
    negative: reduce(histogram.negative),
  }
}

/** Widens the zero bucket to at least `threshold`; buckets inside join it. A populated bucket is never split. */
export function widenZero(histogram: Histogram, threshold: number): Histogram {
  if (threshold <= histogram.zeroThreshold) return histogram
  let wide = threshold
  for (let isSettled = false; !isSettled; ) {
    isSettled = true
    for (const bucket of [...positiveBuckets(histogram), ...negativeBuckets(histogram)]) {
      const near = Math.min(Math.abs(bucket.lower), Math.abs(bucket.upper))
      const far = Math.max(Math.abs(bucket.lower), Math.abs(bucket.upper))
      if (bucket.count !== 0 && near < wide && far > wide) {
        wide = far
        isSettled = false
      }
    }
  }
  let zeroCount = histogram.zeroCount
  const keep = (buckets: HistogramBuckets): HistogramBuckets => {
    const kept = new Map<number, number>()
    buckets.index.forEach((index, place) => {
      const isInside = exponentialBound(index, histogram.schema) <= wide
      if (isInside) zeroCount += buckets.count[place]!
      else kept.set(index, buckets.count[place]!)
    })
    return bucketsFromMap(kept)
  }
  const positive = keep(histogram.positive)
  const negative = keep(histogram.negative)
  return { ...histogram, zeroThreshold: wide, zeroCount, positive, negative }
}

/** Whether two lists of custom bounds are the same. */
export function isSameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((bound, index) => bound === b[index])
}

/** Moves custom buckets to a subset of their bounds. */
export function toBounds(histogram: Histogram, bounds: readonly number[]): Histogram {
  if (isSameBounds(histogram.customBounds, bounds)) return histogram
  const counts = new Map<number, number>()
  histogram.positive.index.forEach((index, place) => {
    const upper = histogram.customBounds[index] ?? Infinity
    let to = bounds.findIndex((bound) => bound >= upper)
    if (to < 0) to = bounds.length
    counts.set(to, (counts.get(to) ?? 0) + histogram.positive.count[place]!)
  })
  return { ...histogram, customBounds: bounds, positive: bucketsFromMap(counts) }
}

/** Bounds that both lists have. */
export function commonBounds(a: readonly number[], b: readonly number[]): number[] {
  const other = new Set(b)
  return a.filter((bound) => other.has(bound))
}
