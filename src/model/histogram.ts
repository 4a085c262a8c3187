/**
 * A native histogram sample with float counts, as Prometheus means it: exponential buckets of a
 * schema (-4..8), or custom bounds (schema -53). Bucket `i` of an exponential schema `s` covers
 * (2^(2^-s·(i-1)), 2^(2^-s·i)], mirrored below zero; custom bucket `i` covers
 * (customBounds[i-1], customBounds[i]], the last one up to +Inf. Values are never changed in place.
 */

/** The schema number of histograms with custom bounds. */
export const customBoundsSchema = -53

/** Counts of the buckets that are written down, by ascending index. Equal length. */
export interface HistogramBuckets {
  readonly index: readonly number[]
  readonly count: readonly number[]
}

/** What the writer says of counter resets between the previous sample and this one. */
export type ResetHint = 'unknown' | 'reset' | 'not-reset' | 'gauge'

/** One native histogram. */
export interface Histogram {
  readonly schema: number
  readonly count: number
  readonly sum: number
  /** Half width of the zero bucket. */
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positive: HistogramBuckets
  readonly negative: HistogramBuckets
  /** Upper bounds for schema -53; empty otherwise. */
  readonly customBounds: readonly number[]
  readonly resetHint: ResetHint
}
