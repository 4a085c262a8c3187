/**
 * Native histograms as senders write them, spans of buckets with differences or counts, checked and
 * laid out by index. What is wrong is said in Prometheus's words. Empty buckets are left out, and a
 * resolution finer than can be kept is lowered, which loses no observation.
 *
 * Source: prometheus model/histogram (Validate, ReduceResolution), behaviour re-implemented.
 */

import {
  customBoundsSchema,
  type Histogram,
  type HistogramBuckets,
  type ResetHint,
} from '../../model/histogram.ts'

/** The resolutions that are kept; schemas up to 52 are lowered to the finest. */
const schemaMin = -4
const schemaMax = 8
const reservedSchemaMax = 52
/** Indexes of buckets are 32-bit numbers everywhere. */
const indexMax = 2 ** 31 - 1

/** Buckets of one sign. */
export interface SideParts {
  /** Offset and length of each span in turn. */
  spans: number[]
  /** Of whole counts: the first, then differences from bucket to bucket. */
  deltas: number[]
  /** Of float counts. */
  counts: number[]
}

/** A histogram as it was read. */
export interface HistogramParts {
  schema: number
  isFloat: boolean
  count: number
  sum: number
  zeroThreshold: number
  zeroCount: number
  positive: SideParts
  negative: SideParts
  customBounds: number[]
  resetHint: ResetHint
}

/** The histogram, or why it cannot be one. */
export function makeHistogram(parts: HistogramParts): Histogram | string {
  const { schema, customBounds } = parts
  const isCustom = schema === customBoundsSchema
  if (!isCustom && (schema < schemaMin || schema > reservedSchemaMax)) {
    return `histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets: ${schema}`
  }
  const problem = isCustom ? findCustomProblem(parts) : findExponentialProblem(parts)
  if (problem !== undefined) return problem
  const positive = placeBuckets(parts.positive, parts.isFloat)
  const negative = placeBuckets(parts.negative, parts.isFloat)
  if (typeof negative === 'string') return `negative side: ${negative}`
  if (typeof positive === 'string') return isCustom ? positive : `positive side: ${positive}`
  const sumProblem = findCountProblem(parts, positive, negative)
  if (sumProblem !== undefined) return sumProblem
  const shift = Math.max(0, schema - schemaMax)
  return {
    schema: schema - shift,
    count: parts.count,
    sum: parts.sum,
    zeroThreshold: parts.zeroThreshold,
    zeroCount: parts.zeroCount,
    positive: lowerResolution(positive, shift),
    negative: lowerResolution(negative, shift),
    customBounds: isCustom ? [...customBounds] : [],
    resetHint: parts.resetHint,
  }
}

/** Buckets of a schema as those of one lower by `shift`. */
export function lowerResolution(buckets: HistogramBuckets, shift: number): HistogramBuckets {
  if (shift === 0) return buckets
  const index: number[] = []
  const count: number[] = []
  for (const [place, key] of buckets.index.entries()) {
    const to = shift > 31 ? (key > 0 ? 1 : 0) : ((key - 1) >> shift) + 1
    if (index.at(-1) === to) count[count.length - 1]! += buckets.count[place]!
    else {
      index.push(to)
      count.push(buckets.count[place]!)
    }
  }
  return { index, count }
}

function findCustomProblem(parts: HistogramParts): string | undefined {
  const { customBounds, positive, negative } = parts
  let before = Number.NEGATIVE_INFINITY
  for (const bound of customBounds) {
    if (!(bound > before)) {
      return `custom buckets: histogram custom bounds must be in strictly increasing order: previous bound is ${before} and current is ${bound}`
    }
    before = bound
  }
  if (before === Number.POSITIVE_INFINITY) {
    return 'custom buckets: histogram custom bounds must be finite: last +Inf bound must not be explicitly defined'
  }
  let span = 0
  for (const part of positive.spans) span += part
  if (customBounds.length + 1 < span) {
    return `custom buckets: histogram custom bounds are too few: only ${customBounds.length} custom bounds defined which is insufficient to cover total span length of ${span}`
  }
  if (positive.spans[0] !== undefined && positive.spans[0] < 0) {
    return `custom buckets: span number 1 with offset ${positive.spans[0]}: histogram has a span whose offset is negative`
  }
  if (parts.zeroCount !== 0) return 'custom buckets: must have zero count of 0'
  if (parts.zeroThreshold !== 0) return 'custom buckets: must have zero threshold of 0'
  if (negative.spans.length > 0) return 'custom buckets: must not have negative spans'
  if (negative.deltas.length + negative.counts.length > 0) {
    return 'custom buckets: must not have negative buckets'
  }
  return undefined
}

function findExponentialProblem(parts: HistogramParts): string | undefined {
  if (parts.customBounds.length > 0) {
    return 'histogram with exponential schema must not have custom bounds'
  }
  if (!(parts.zeroThreshold >= 0)) {
    return `histogram has a zero threshold of ${parts.zeroThreshold}`
  }
  return undefined
}

/** Whole counts must add up; float counts may not, for lack of precision, but none is negative. */
function findCountProblem(
  parts: HistogramParts,
  positive: HistogramBuckets,
  negative: HistogramBuckets,
): string | undefined {
  const { count, zeroCount } = parts
  const told = 'histogram has a bucket whose observation count is negative'
  if (!(zeroCount >= 0)) return `zero bucket has observation count of ${zeroCount}: ${told}`
  if (!(count >= 0)) return `observation count is ${count}: ${told}`
  if (parts.isFloat) return undefined
  let total = zeroCount
  for (const one of positive.count) total += one
  for (const one of negative.count) total += one
  // Beyond this numbers are rounded, and nothing can be said.
  if (total > Number.MAX_SAFE_INTEGER || count > Number.MAX_SAFE_INTEGER) return undefined
  const found = `${total} observations found in buckets, but the Count field is ${count}`
  if (Number.isNaN(parts.sum)) {
    return total > count
      ? `${found}: histogram's observation count should be at least the number of observations found in the buckets`
      : undefined
  }
  return total === count
    ? undefined
    : `${found}: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)`
}

function placeBuckets(side: SideParts, isFloat: boolean): HistogramBuckets | string {
  const { spans, deltas } = side
  const given = isFloat ? side.counts : deltas
  let needed = 0
  for (let span = 0; span < spans.length; span += 2) {
    if (span > 0 && spans[span]! < 0) {
      return `span number ${span / 2 + 1} with offset ${spans[span]}: histogram has a span whose offset is negative`
    }
    needed += spans[span + 1]!
  }
  if (needed !== given.length) {
    return `spans need ${needed} buckets, have ${given.length} buckets: histogram spans specify different number of buckets than provided`
  }
  const index: number[] = []
  const count: number[] = []
  let at = 0
  let place = 0
  let current = 0
  for (let span = 0; span < spans.length; span += 2) {
    at += spans[span]!
    for (let left = spans[span + 1]!; left > 0; left--, at++, place++) {
      current = isFloat ? given[place]! : current + given[place]!
      if (!(current >= 0)) {
        return `bucket number ${place + 1} has observation count of ${current}: histogram has a bucket whose observation count is negative`
      }
      if (Math.abs(at) > indexMax) return `a bucket with the index ${at}, beyond 32 bits`
      if (current === 0) continue
      index.push(at)
      count.push(current)
    }
  }
  return { index, count }
}
