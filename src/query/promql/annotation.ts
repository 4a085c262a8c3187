/**
 * Warnings and infos that an evaluation leaves beside its result, in Prometheus's wording.
 * Source of the texts: prometheus util/annotations/annotations.go (Apache-2.0), quoted for compatibility.
 */

import { formatNumber } from './literal.ts'
import { formatPosition } from './position.ts'
import type { Span } from './tree.ts'

/** Most texts of one kind that are kept; more say nothing new. */
const textCountMax = 1000

/** Collects annotations; equal texts count once. */
export class Annotations {
  readonly #text: string
  readonly #warnings = new Set<string>()
  readonly #infos = new Set<string>()

  constructor(text: string) {
    this.#text = text
  }

  get warnings(): string[] {
    return [...this.#warnings]
  }

  get infos(): string[] {
    return [...this.#infos]
  }

  warn(span: Span, reason: string): void {
    if (this.#warnings.size < textCountMax)
      this.#warnings.add(`PromQL warning: ${reason} (${formatPosition(this.#text, span.start)})`)
  }

  info(span: Span, reason: string): void {
    if (this.#infos.size < textCountMax)
      this.#infos.add(`PromQL info: ${reason} (${formatPosition(this.#text, span.start)})`)
  }

  badQuantile(span: Span, value: number): void {
    this.warn(span, `quantile value should be between 0 and 1, got ${formatNumber(value)}`)
  }

  badRatio(span: Span, value: number, used: number): void {
    const shown = `${formatNumber(value)}, capping to ${formatNumber(used)}`
    this.warn(span, `ratio value should be between -1 and 1, got ${shown}`)
  }

  badBucketLabel(span: Span, metric: string, le: string): void {
    const reason = `bucket label "le" is missing or has a malformed value of ${JSON.stringify(le)}`
    this.warn(span, withMetric(reason, metric))
  }

  mixedFloatsHistograms(span: Span, metric: string): void {
    this.warn(span, withMetric('encountered a mix of histograms and floats', metric))
  }

  mixedFloatsHistogramsInAggregation(span: Span): void {
    this.warn(span, 'encountered a mix of histograms and floats for aggregation')
  }

  mixedClassicNative(span: Span, metric: string): void {
    this.warn(span, withMetric('vector contains a mix of classic and native histograms', metric))
  }

  mixedSchemas(span: Span, metric: string): void {
    const reason = 'vector contains a mix of histograms with exponential and custom buckets schemas'
    this.warn(span, withMetric(reason, metric))
  }

  mixedSchemasInAggregation(span: Span): void {
    this.warn(
      span,
      'vector contains a mix of histograms with exponential and custom buckets schemas for aggregation',
    )
  }

  notCounterHistogram(span: Span, metric: string): void {
    this.warn(span, `this native histogram metric is not a counter: "${metric}"`)
  }

  notGaugeHistogram(span: Span, metric: string): void {
    this.warn(span, `this native histogram metric is not a gauge: "${metric}"`)
  }

  conflictingResets(span: Span, where: 'addition' | 'subtraction' | 'aggregation'): void {
    this.warn(span, `conflicting counter resets during histogram ${where}`)
  }

  overlappingStarts(span: Span, metric: string): void {
    const reason = 'sample has start time that overlaps with previous sample timestamp for metric'
    this.warn(span, `${reason} "${metric}"`)
  }

  sortIneffective(span: Span): void {
    const reason =
      'sort is ineffective for range queries since results are always ordered by labels'
    this.warn(span, reason)
  }

  perhapsNoCounter(span: Span, metric: string): void {
    const reason = 'metric might not be a counter, name does not end in _total/_sum/_count/_bucket'
    this.info(span, `${reason}: "${metric}"`)
  }

  boundsReconciled(span: Span, where: 'addition' | 'subtraction' | 'aggregation'): void {
    this.info(span, `mismatched custom buckets were reconciled during ${where}`)
  }

  ignoredInRange(span: Span, metric: string): void {
    const reason = 'ignored histograms in a range containing both floats and histograms'
    this.info(span, withMetric(reason, metric))
  }

  ignoredInAggregation(span: Span, operator: string): void {
    this.info(span, `ignored histogram in ${operator} aggregation`)
  }

  incompatibleTypes(span: Span, sides: { left: string; operator: string; right: string }): void {
    const { left, operator, right } = sides
    const reason = 'incompatible sample types encountered for binary operator'
    this.info(span, `${reason} "${operator}": ${left} ${operator} ${right}`)
  }

  nanObservations(span: Span, metric: string, effect: 'NaN' | 'skewed higher'): void {
    const reason = `input to histogram_quantile has NaN observations, result is ${effect}`
    this.info(span, withMetric(reason, metric))
  }

  nanObservationsInFraction(span: Span, metric: string): void {
    const reason =
      'input to histogram_fraction has NaN observations, which are excluded from all fractions'
    this.info(span, withMetric(reason, metric))
  }

  forcedMonotonicity(
    span: Span,
    metric: string,
    repair: { bucketFrom: number; bucketTo: number; differenceMax: number },
  ): void {
    const base = withMetric(
      'input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)',
      metric,
    )
    const { bucketFrom, bucketTo, differenceMax } = repair
    const range = `from buckets ${formatNumber(bucketFrom)} to ${formatNumber(bucketTo)}`
    this.info(
      span,
      `${base}, ${range}, with a max diff of ${formatNumber(Number(differenceMax.toPrecision(2)))}`,
    )
  }
}

function withMetric(reason: string, metric: string): string {
  return metric === '' ? reason : `${reason} for metric name "${metric}"`
}
