/**
 * Arithmetic on native histograms: sums (compensated), differences, scaling, equality, counter resets.
 * Source: prometheus model/histogram/float_histogram.go (Apache-2.0), behaviour re-implemented.
 */

import {
  customBoundsSchema,
  type Histogram,
  type HistogramBuckets,
  type ResetHint,
} from '../../../model/histogram.ts'
import {
  commonBounds,
  hasCustomBounds,
  isSameBounds,
  noBuckets,
  toBounds,
  toSchema,
  widenZero,
} from './bucket.ts'
import { BucketSum, Compensated } from './bucket-sum.ts'

/** Adds up histograms of any resolutions and bounds; the coarsest wins. */
export class HistogramSum {
  #schema: number
  #zeroThreshold: number
  #bounds: readonly number[]
  #hint: ResetHint
  readonly #count = new Compensated()
  readonly #sum = new Compensated()
  readonly #zero = new Compensated()
  #positive = new BucketSum()
  #negative = new BucketSum()
  /** Custom bounds differed somewhere and the common ones were used. */
  isReconciled = false
  #hasReset = false
  #hasNoReset = false

  constructor(first: Histogram) {
    this.#schema = first.schema
    this.#zeroThreshold = first.zeroThreshold
    this.#bounds = first.customBounds
    this.#hint = first.resetHint
    this.#noteHint(first.resetHint)
    this.#addParts(first, 1)
  }

  /** Some of the histograms say that a counter was reset, others that it was not. */
  get hasResetConflict(): boolean {
    return this.#hasReset && this.#hasNoReset
  }

  /** Adds `factor` times a histogram; `false` when exponential and custom buckets meet. */
  add(other: Histogram, factor = 1): boolean {
    const isCustom = this.#schema === customBoundsSchema
    if (isCustom !== hasCustomBounds(other)) return false
    this.#joinHint(other.resetHint)
    let fitting = other
    if (isCustom) {
      if (!isSameBounds(this.#bounds, other.customBounds)) {
        this.isReconciled = true
        const bounds = commonBounds(this.#bounds, other.customBounds)
        this.#restart(toBounds(this.finish(), bounds))
        fitting = toBounds(other, bounds)
      }
    } else {
      if (other.schema < this.#schema) this.#coarsen(other.schema)
      fitting = toSchema(other, this.#schema)
      while (fitting.zeroThreshold !== this.#zeroThreshold) {
        if (fitting.zeroThreshold < this.#zeroThreshold)
          fitting = widenZero(fitting, this.#zeroThreshold)
        else this.#restart(widenZero(this.finish(), fitting.zeroThreshold))
      }
    }
    this.#addParts(fitting, factor)
    return true
  }

  /** The sum so far, each number divided by `divisor`. */
  finish(divisor = 1): Histogram {
    return {
      schema: this.#schema,
      count: this.#count.value / divisor,
      sum: this.#sum.value / divisor,
      zeroThreshold: this.#zeroThreshold,
      zeroCount: this.#zero.value / divisor,
      positive: this.#positive.finish(divisor),
      negative: this.#negative.finish(divisor),
      customBounds: this.#bounds,
      resetHint: this.#hint,
    }
  }

  #noteHint(hint: ResetHint): void {
    this.#hasReset ||= hint === 'reset'
    this.#hasNoReset ||= hint === 'not-reset'
  }

  #addParts(other: Histogram, factor: number): void {
    this.#count.add(other.count * factor)
    this.#sum.add(other.sum * factor)
    this.#zero.add(other.zeroCount * factor)
    this.#positive.add(other.positive, factor)
    this.#negative.add(other.negative, factor)
  }

  #restart(shape: Histogram): void {
    this.#zeroThreshold = shape.zeroThreshold
    this.#bounds = shape.customBounds
    this.#positive = new BucketSum()
    this.#negative = new BucketSum()
    this.#positive.add(shape.positive, 1)
    this.#negative.add(shape.negative, 1)
    this.#zero.sum = shape.zeroCount
    this.#zero.error = 0
  }

  #coarsen(schema: number): void {
    this.#positive.coarsen(this.#schema, schema)
    this.#negative.coarsen(this.#schema, schema)
    this.#schema = schema
  }

  #joinHint(other: ResetHint): void {
    this.#noteHint(other)
    const mine = this.#hint
    if (other === mine || mine === 'gauge') return
    if (other === 'gauge') this.#hint = 'gauge'
    else this.#hint = 'unknown'
  }
}

/** Whether a number in it overflowed. */
function hasOverflow(histogram: Histogram): boolean {
  const isInfinite = (value: number): boolean => Math.abs(value) === Infinity
  return (
    isInfinite(histogram.count) ||
    isInfinite(histogram.sum) ||
    isInfinite(histogram.zeroCount) ||
    histogram.positive.count.some(isInfinite) ||
    histogram.negative.count.some(isInfinite)
  )
}

/** The mean of histograms, `undefined` when exponential and custom buckets meet. Overflow is avoided. */
export function meanOf(
  histograms: readonly Histogram[],
): { sum: HistogramSum; mean: Histogram } | undefined {
  const sum = sumOf(histograms)
  if (sum === undefined) return undefined
  const mean = sum.finish(histograms.length)
  if (!hasOverflow(mean)) return { sum, mean }
  const small = sumOf(histograms.map((histogram) => scale(histogram, 1 / histograms.length)))!
  return { sum, mean: small.finish() }
}

/** The sum of histograms (at least one), `undefined` when exponential and custom buckets meet. */
export function sumOf(histograms: readonly Histogram[]): HistogramSum | undefined {
  const sum = new HistogramSum(histograms[0]!)
  for (let index = 1; index < histograms.length; index++) {
    if (!sum.add(histograms[index]!)) return undefined
  }
  return sum
}

/** Every count and the sum times `factor`. */
export function scale(histogram: Histogram, factor: number): Histogram {
  return mapNumbers(histogram, (value) => value * factor, factor < 0)
}

/** Every count and the sum over `divisor`; over zero, buckets vanish as upstream has it. */
export function divide(histogram: Histogram, divisor: number): Histogram {
  const divided = mapNumbers(histogram, (value) => value / divisor, divisor < 0)
  return divisor === 0 ? { ...divided, positive: noBuckets, negative: noBuckets } : divided
}

function mapNumbers(
  histogram: Histogram,
  map: (value: number) => number,
  isNegative: boolean,
): Histogram {
  const mapBuckets = (buckets: HistogramBuckets): HistogramBuckets =>
    compact({ index: buckets.index, count: buckets.count.map(map) })
  return {
    ...histogram,
    count: map(histogram.count),
    sum: map(histogram.sum),
    zeroCount: map(histogram.zeroCount),
    positive: mapBuckets(histogram.positive),
    negative: mapBuckets(histogram.negative),
    resetHint: isNegative ? 'gauge' : histogram.resetHint,
  }
}

function compact(buckets: HistogramBuckets): HistogramBuckets {
  if (!buckets.count.includes(0)) return buckets
  const keep = buckets.count.map((count) => count !== 0)
  return {
    index: buckets.index.filter((_, place) => keep[place]),
    count: buckets.count.filter((_, place) => keep[place]),
  }
}

/** Whether two histograms are the same, the reset hint aside. */
export function isSameHistogram(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    a.zeroThreshold === b.zeroThreshold &&
    a.zeroCount === b.zeroCount &&
    isSameBounds(a.customBounds, b.customBounds) &&
    isSameBuckets(a.positive, b.positive) &&
    isSameBuckets(a.negative, b.negative)
  )
}

function isSameBuckets(a: HistogramBuckets, b: HistogramBuckets): boolean {
  const left = compact(a)
  const right = compact(b)
  return isSameBounds(left.index, right.index) && isSameBounds(left.count, right.count)
}

/** Whether the counter behind two samples was reset between them. */
export function isReset(current: Histogram, previous: Histogram): boolean {
  if (current.resetHint === 'reset') return true
  if (current.resetHint === 'not-reset') return false
  if (current.count < previous.count) return true
  if (hasCustomBounds(current) !== hasCustomBounds(previous)) return true
  if (hasCustomBounds(current)) {
    const bounds = commonBounds(current.customBounds, previous.customBounds)
    return hasLess(toBounds(current, bounds).positive, toBounds(previous, bounds).positive)
  }
  if (current.schema > previous.schema) return true
  if (current.zeroThreshold < previous.zeroThreshold) return true
  const fitting = toSchema(widenZero(previous, current.zeroThreshold), current.schema)
  if (fitting.zeroThreshold !== current.zeroThreshold) return true
  if (current.zeroCount < fitting.zeroCount) return true
  return hasLess(current.positive, fitting.positive) || hasLess(current.negative, fitting.negative)
}

function hasLess(current: HistogramBuckets, previous: HistogramBuckets): boolean {
  let at = 0
  for (let place = 0; place < previous.index.length; place++) {
    const index = previous.index[place]!
    while (at < current.index.length && current.index[at]! < index) at++
    const count = current.index[at] === index ? current.count[at]! : 0
    if (count < previous.count[place]!) return true
  }
  return false
}

/** The histograms of a series with every unknown hint told, but for the first of them. */
export function tellResets(column: readonly (Histogram | undefined)[]): (Histogram | undefined)[] {
  let previous: Histogram | undefined
  return column.map((histogram) => {
    const before = previous
    if (histogram === undefined) return undefined
    previous = histogram
    if (before === undefined || histogram.resetHint !== 'unknown') return histogram
    return { ...histogram, resetHint: isReset(histogram, before) ? 'reset' : 'not-reset' }
  })
}
