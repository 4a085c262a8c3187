/**
 * What can be asked of one native histogram: quantile, fraction between bounds, variance; and the
 * trim operators `</` and `>/`. Inside exponential buckets interpolation is exponential, inside the
 * zero bucket and custom buckets linear.
 * Source: prometheus promql/quantile.go, engine.go (Apache-2.0), behaviour re-implemented.
 */

import type { Histogram } from '../../../model/histogram.ts'
import {
  allBuckets,
  type Bucket,
  bucketsFromMap,
  hasCustomBounds,
  isZeroBucket,
  leanBucket,
} from './bucket.ts'

/** A quantile and whether observations of NaN bent it. */
export interface QuantileAnswer {
  value: number
  nan: 'none' | 'result' | 'skew'
}

/** The quantile of a histogram. */
export function histogramQuantile(ratio: number, histogram: Histogram): QuantileAnswer {
  const plain = (value: number): QuantileAnswer => ({ value, nan: 'none' })
  if (ratio < 0) return plain(-Infinity)
  if (ratio > 1) return plain(Infinity)
  if (histogram.count === 0 || Number.isNaN(ratio)) return plain(Number.NaN)
  const hasNan = Number.isNaN(histogram.sum)
  const isForward = hasNan || ratio < 0.5
  const buckets = allBuckets(histogram)
  if (!isForward) buckets.reverse()
  let rank = (isForward ? ratio : 1 - ratio) * histogram.count
  let count = 0
  let place = -1
  while (place + 1 < buckets.length) {
    place++
    count += buckets[place]!.count
    if (buckets[place]!.count !== 0 && count >= rank) break
  }
  if (place < 0) return { value: Number.NaN, nan: hasNan ? 'result' : 'none' }
  let bucket = buckets[place]!
  if (hasCustomBounds(histogram)) {
    if (bucket.lower === -Infinity && bucket.upper <= 0) return plain(bucket.upper)
    if (bucket.upper === Infinity) return plain(bucket.lower)
  }
  bucket = leanBucket(bucket, histogram)
  count = Math.min(count, histogram.count)
  if (count < rank) {
    if (hasNan) return { value: Number.NaN, nan: 'result' }
    return plain(isForward ? bucket.upper : bucket.lower)
  }
  let nan: QuantileAnswer['nan'] = 'none'
  if (hasNan) {
    let observed = count
    for (let next = place + 1; next < buckets.length; next++) observed += buckets[next]!.count
    if (observed < histogram.count) nan = 'skew'
  }
  rank = isForward ? rank - (count - bucket.count) : count - rank
  return { value: interpolate(bucket, rank / bucket.count, hasCustomBounds(histogram)), nan }
}

/** The value at a share of a bucket. */
function interpolate(bucket: Bucket, share: number, isLinear: boolean): number {
  const { lower, upper } = bucket
  if (isLinear || isZeroBucket(bucket)) return lower + (upper - lower) * share
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  if (lower > 0) return 2 ** (logLower + (logUpper - logLower) * share)
  return -(2 ** (logUpper + (logLower - logUpper) * (1 - share)))
}

/** The share of a bucket that lies below `value`, which is inside it. */
function shareBelow(bucket: Bucket, value: number, isLinear: boolean): number {
  const { lower, upper } = bucket
  if (isLinear || isZeroBucket(bucket)) {
    if (upper === Infinity) return 0
    return lower === -Infinity ? 1 : (value - lower) / (upper - lower)
  }
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  const logValue = Math.log2(Math.abs(value))
  if (value > 0) return (logValue - logLower) / (logUpper - logLower)
  return 1 - (logValue - logUpper) / (logLower - logUpper)
}

/** The fraction of observations in (lower, upper]; `hasNan` when observations of NaN are left out. */
export function histogramFraction(
  lower: number,
  upper: number,
  histogram: Histogram,
): { value: number; hasNan: boolean } {
  if (histogram.count === 0 || Number.isNaN(lower) || Number.isNaN(upper))
    return { value: Number.NaN, hasNan: false }
  const isLinear = hasCustomBounds(histogram)
  const buckets = allBuckets(histogram).map((bucket) => leanBucket(bucket, histogram))
  let total = 0
  for (const bucket of buckets) total += bucket.count
  const hasNan = Number.isNaN(histogram.sum) && total < histogram.count
  if (lower >= upper) return { value: 0, hasNan }
  const rankOf = (bound: number): number => {
    let rank = 0
    for (const bucket of buckets) {
      if (bucket.lower >= bound) return rank
      if (bucket.upper > bound) return rank + bucket.count * shareBelow(bucket, bound, isLinear)
      rank += bucket.count
    }
    return hasNan ? rank : histogram.count
  }
  const lowerRank = Math.min(rankOf(lower), histogram.count)
  const upperRank = Math.min(rankOf(upper), histogram.count)
  return { value: (upperRank - lowerRank) / histogram.count, hasNan }
}

/** The estimated variance of the observations. */
export function histogramVariance(histogram: Histogram): number {
  const mean = histogram.sum / histogram.count
  let sum = 0
  let error = 0
  for (const bucket of allBuckets(histogram)) {
    if (bucket.count === 0) continue
    const delta = middleOf(bucket, hasCustomBounds(histogram)) - mean
    const next = bucket.count * delta * delta
    const total = sum + next
    if (Math.abs(total) === Infinity) error = 0
    else error += Math.abs(sum) >= Math.abs(next) ? sum - total + next : next - total + sum
    sum = total
  }
  return (sum + error) / histogram.count
}

function middleOf(bucket: Bucket, isCustom: boolean): number {
  if (isCustom) return (bucket.upper + bucket.lower) / 2
  if (isZeroBucket(bucket)) return 0
  const middle = Math.sqrt(bucket.upper * bucket.lower)
  return bucket.upper < 0 ? -middle : middle
}

/**
 * The part of a histogram below (`</`) or above (`>/`) a value. When anything was cut, count and sum
 * are estimated anew from the middles of what is left. A bucket without end is not cut: what the bound
 * lies in is kept where its end is on the side that is kept, and dropped otherwise.
 */
export function trimHistogram(
  histogram: Histogram,
  bound: number,
  keep: 'below' | 'above',
): Histogram {
  const isCustom = hasCustomBounds(histogram)
  let isCut = false
  let count = 0
  let sum = 0
  const trimOne = (whole: Bucket): number => {
    const lean = leanBucket(whole, histogram)
    const kept = keptPart(whole, lean, { bound, keep, isCustom })
    if (kept.count !== whole.count) isCut = true
    count += kept.count
    if (kept.count !== 0) sum += kept.count * trimmedMiddle(kept, isCustom || isZeroBucket(lean))
    return kept.count
  }
  const trimSide = (index: readonly number[], buckets: Bucket[]): Histogram['positive'] =>
    bucketsFromMap(new Map(index.map((key, place) => [key, trimOne(buckets[place]!)])))
  const all = allBuckets(histogram)
  const negativeCount = histogram.negative.index.length
  const negative = trimSide(histogram.negative.index, all.slice(0, negativeCount).reverse())
  const hasZero = histogram.zeroCount !== 0
  const zeroCount = hasZero ? trimOne(all[negativeCount]!) : 0
  const positive = trimSide(histogram.positive.index, all.slice(negativeCount + (hasZero ? 1 : 0)))
  if (!isCut) return histogram
  return { ...histogram, count, sum, zeroCount, positive, negative }
}

function keptPart(
  whole: Bucket,
  lean: Bucket,
  cut: { bound: number; keep: 'below' | 'above'; isCustom: boolean },
): Bucket {
  const { bound, keep, isCustom } = cut
  const nothing = { ...lean, count: 0 }
  if (keep === 'below') {
    if (bound >= lean.upper) return lean
    if (bound <= lean.lower || whole.upper === Infinity) return nothing
    // As with `>/` at the other end, and as `histogram_fraction` counts it: all of it lies below.
    if (lean.lower === -Infinity) return { ...lean, upper: bound }
    return {
      lower: lean.lower,
      upper: bound,
      count: lean.count * shareBelow(lean, bound, isCustom),
    }
  }
  if (bound <= whole.lower || (bound === 0 && lean.lower === 0)) return lean
  if (bound >= lean.upper) return nothing
  if (whole.upper === Infinity) {
    return whole.lower === -Infinity ? nothing : { ...lean, lower: bound }
  }
  if (!isCustom && bound <= lean.lower) return lean
  if (lean.lower === -Infinity || bound < lean.lower) return nothing
  const share = 1 - shareBelow(lean, bound, isCustom)
  return { lower: bound, upper: lean.upper, count: lean.count * share }
}

function trimmedMiddle(bucket: Bucket, isLinear: boolean): number {
  if (bucket.upper === Infinity) return bucket.lower
  if (bucket.lower === -Infinity) return bucket.upper
  return isLinear ? (bucket.lower + bucket.upper) / 2 : middleOf(bucket, false)
}
