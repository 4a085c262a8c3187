/**
 * OTLP metrics as Prometheus's series: names and labels translated, sums and histograms of deltas
 * summed up, histograms as classic buckets, `target_info` for what is known of the process.
 *
 *   gauge              name
 *   sum                name, with _total when monotonic
 *   histogram          name_bucket{le}, name_count, name_sum; or name, native, with custom bounds
 *   exponential        name, native
 *   summary            name{quantile}, name_count, name_sum
 *   service.namespace/service.name → job, service.instance.id → instance
 *
 * Exemplars go to the series of their number, bucket or native histogram.
 *
 * A point that says "no recorded value" becomes the stale marker of its series.
 * Sources: prometheus storage/remote/otlptranslator (behaviour); opentelemetry-specification
 * specification/compatibility/prometheus_and_openmetrics.md.
 */

import type { Exemplar } from '../../../model/exemplar.ts'
import type { MetricMetadata } from '../../../model/flow.ts'
import type { Histogram } from '../../../model/histogram.ts'
import { compareText, type Labels, labelsFromPairs } from '../../../model/labels.ts'
import { formatBound } from '../../scrape/number.ts'
import type { CollectSettings } from '../../settings.ts'
import type { SampleIntake } from '../sample-intake.ts'
import type { DeltaChanges } from './delta.ts'
import type {
  Attributes,
  OtlpExemplar,
  OtlpMetric,
  OtlpPoint,
  OtlpResource,
  OtlpScope,
} from './metric-request.ts'
import { convertExplicit, convertExponential, sumHistograms } from './native.ts'
import { type NamedType, translateLabelName, translateMetricName } from './name.ts'

type OtlpSettings = CollectSettings['otlp']

/** Characters of an exemplar's names and values at most, as the store has it. */
const exemplarCharactersMax = 128

/** Attributes that become job and instance. */
const identifying = new Set(['service.name', 'service.namespace', 'service.instance.id'])

const metadataTypes: Record<OtlpMetric['type'], MetricMetadata['type']> = {
  gauge: 'gauge',
  sum: 'gauge',
  histogram: 'histogram',
  'exponential-histogram': 'histogram',
  summary: 'summary',
  none: 'unknown',
}

/** Where translated rows go. */
export interface TranslationTarget {
  rows: SampleIntake
  deltas: DeltaChanges
  settings: OtlpSettings
}

/** A row of `target_info`: when the process was heard of last. */
export interface TargetInfo {
  labels: Labels
  timeMs: number
}

/** Translates everything into `target.rows`; gives what is to be said in `target_info`. */
export function translateMetrics(
  resources: readonly OtlpResource[],
  target: TranslationTarget,
): TargetInfo[] {
  const infos: TargetInfo[] = []
  for (const resource of resources) {
    const translator = new ResourceTranslator(resource, target)
    for (const scope of resource.scopes) translator.translate(scope)
    const info = translator.info()
    if (info !== undefined) infos.push(info)
  }
  return infos
}

class ResourceTranslator {
  readonly #target: TranslationTarget
  readonly #attributes: Attributes
  /** `[name, value, …]` of job and instance. */
  readonly #identity: string[]
  readonly #promoted: string[]
  #lastTimeMs = 0

  constructor(resource: OtlpResource, target: TranslationTarget) {
    this.#target = target
    this.#attributes = resource.attributes
    this.#identity = identityOf(resource.attributes)
    this.#promoted = this.#toLabels(promote(resource.attributes, target.settings))
  }

  translate(scope: OtlpScope): void {
    const fixed = [...this.#promoted, ...this.#scopeLabels(scope), ...this.#identity]
    for (const metric of scope.metrics) this.#translateMetric(metric, fixed)
  }

  /** `undefined` when there is nothing to say, or nobody to say it of. */
  info(): TargetInfo | undefined {
    const { settings } = this.#target
    if (this.#identity.length === 0 || this.#lastTimeMs === 0) return undefined
    const told = pick(
      this.#attributes,
      (key) => settings.keep_identifying_resource_attributes || !identifying.has(key),
    )
    if (told.length === 0) return undefined
    const labels = labelsFromPairs([
      ...this.#toLabels(told),
      ...this.#identity,
      '__name__',
      'target_info',
    ])
    return { labels, timeMs: this.#lastTimeMs }
  }

  #translateMetric(metric: OtlpMetric, fixed: readonly string[]): void {
    const { rows, settings } = this.#target
    const { points } = metric
    if (points.length === 0) return
    const shown = JSON.stringify(metric.name.slice(0, 100))
    if (metric.type === 'none') {
      rows.refuse('no-data', points.length, `metric ${shown} has no data`)
      return
    }
    const isCounter = metric.type === 'sum' && metric.isMonotonic
    const type: NamedType = isCounter ? 'counter' : metric.type === 'gauge' ? 'gauge' : 'other'
    const name = translateMetricName({ ...metric, type }, settings.translation_strategy)
    if (name === '') {
      rows.refuse(
        'metric-name-missing',
        points.length,
        `a metric named ${shown} has no usable name`,
      )
      return
    }
    if (
      metric.temporality === 'unspecified' &&
      metric.type !== 'gauge' &&
      metric.type !== 'summary'
    ) {
      const text = `metric ${shown} does not say whether it is delta or cumulative`
      rows.refuse('temporality-missing', points.length, text)
      return
    }
    rows.describe(name, {
      type: isCounter ? 'counter' : metadataTypes[metric.type],
      help: metric.description,
      unit: metric.unit,
    })
    for (const point of points) {
      if (point.timeMs > this.#lastTimeMs) this.#lastTimeMs = point.timeMs
      const labels = labelsFromPairs([...fixed, ...this.#pointLabels(point, fixed)])
      if (metric.type === 'exponential-histogram') {
        this.#addNative({ metric, name, labels, point }, convertExponential)
      } else if (metric.type === 'histogram') this.#addHistogram({ metric, name, labels, point })
      else if (metric.type === 'summary') this.#addSummary(name, labels, point)
      else this.#addNumber({ metric, name, labels, point })
    }
  }

  #addNumber(one: { metric: OtlpMetric; name: string; labels: Labels; point: OtlpPoint }): void {
    const { metric, name, point } = one
    const { rows } = this.#target
    const labels = one.labels.with('__name__', name)
    this.#addExemplars(labels, point.exemplars)
    if (!point.isRecorded) rows.add(labels, point.timeMs, undefined)
    else if (!this.#isSummed(metric)) rows.add(labels, point.timeMs, point.value)
    else {
      const total = this.#sumUp(labels, point, { shape: '', numbers: [point.value] })
      if (total !== undefined) rows.add(labels, point.timeMs, total[0]!)
    }
  }

  /** Whether its points are differences that must be summed up. */
  #isSummed(metric: OtlpMetric): boolean {
    return metric.temporality === 'delta' && !this.#target.settings.allow_delta_temporality
  }

  #addNative(
    one: { metric: OtlpMetric; name: string; labels: Labels; point: OtlpPoint },
    convert: (point: OtlpPoint) => Histogram | string,
  ): void {
    const { metric, point } = one
    const { rows, deltas } = this.#target
    const { timeMs } = point
    const labels = one.labels.with('__name__', one.name)
    this.#addExemplars(labels, point.exemplars)
    if (!point.isRecorded) {
      rows.add(labels, timeMs, undefined)
      return
    }
    const histogram = convert(point)
    if (typeof histogram === 'string') {
      const shown = JSON.stringify(metric.name.slice(0, 100))
      rows.refuse('histogram-invalid', 1, `metric ${shown}: a point is not kept: ${histogram}`)
    } else if (this.#isSummed(metric)) {
      const total = deltas.addHistogram(labels.key, { timeMs, histogram }, sumHistograms)
      if (total === undefined) this.#refuseLate(labels, timeMs)
      else rows.add(labels, timeMs, total)
    } else {
      const isDelta = metric.temporality === 'delta'
      rows.add(labels, timeMs, isDelta ? { ...histogram, resetHint: 'gauge' } : histogram)
    }
  }

  #addExemplars(series: Labels, exemplars: readonly OtlpExemplar[]): void {
    for (const exemplar of exemplars) {
      this.#target.rows.addExemplar(series, toExemplar(exemplar))
    }
  }

  #addHistogram(one: { metric: OtlpMetric; name: string; labels: Labels; point: OtlpPoint }): void {
    const { metric, name, labels, point } = one
    const { rows } = this.#target
    const { bounds, bucketCounts, timeMs } = point
    const isWhole =
      bucketCounts.length === 0 ? bounds.length === 0 : bucketCounts.length === bounds.length + 1
    if (!isWhole || bounds.some((bound, index) => !(bound > (bounds[index - 1] ?? -Infinity)))) {
      const text = `metric ${JSON.stringify(metric.name.slice(0, 100))}: ${bucketCounts.length} buckets do not fit ${bounds.length} ascending bounds`
      rows.refuse('buckets-invalid', 1, text)
      return
    }
    if (this.#target.settings.convert_histograms_to_nhcb) {
      this.#addNative(one, convertExplicit)
      return
    }
    let { count, sum } = point
    let counts: readonly number[] = bucketCounts
    if (this.#isSummed(metric) && point.isRecorded) {
      const numbers = [count, sum ?? 0, ...bucketCounts]
      const total = this.#sumUp(labels.with('__name__', name), point, {
        shape: bounds.join(),
        numbers,
      })
      if (total === undefined) return
      count = total[0]!
      if (sum !== undefined) sum = total[1]!
      counts = total.slice(2)
    }
    const told = (value: number): number | undefined => (point.isRecorded ? value : undefined)
    const bucket = labels.with('__name__', `${name}_bucket`)
    for (const exemplar of point.exemplars) {
      const bound = bounds.find((upper) => exemplar.value <= upper) ?? Number.POSITIVE_INFINITY
      this.#addExemplars(bucket.with('le', formatBound(bound)), [exemplar])
    }
    let cumulative = 0
    for (const [index, bound] of bounds.entries()) {
      cumulative += counts[index]!
      rows.add(bucket.with('le', formatBound(bound)), timeMs, told(cumulative))
    }
    // Every histogram has this bucket, also one whose highest bound is infinite.
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) {
      rows.add(bucket.with('le', '+Inf'), timeMs, told(count))
    }
    rows.add(labels.with('__name__', `${name}_count`), timeMs, told(count))
    if (sum !== undefined || !point.isRecorded) {
      rows.add(labels.with('__name__', `${name}_sum`), timeMs, told(sum ?? 0))
    }
  }

  #addSummary(name: string, labels: Labels, point: OtlpPoint): void {
    const { rows } = this.#target
    const { quantiles, timeMs } = point
    const told = (value: number): number | undefined => (point.isRecorded ? value : undefined)
    const quantile = labels.with('__name__', name)
    for (let index = 0; index < quantiles.length; index += 2) {
      const series = quantile.with('quantile', formatBound(quantiles[index]!))
      rows.add(series, timeMs, told(quantiles[index + 1]!))
    }
    rows.add(labels.with('__name__', `${name}_count`), timeMs, told(point.count))
    rows.add(labels.with('__name__', `${name}_sum`), timeMs, told(point.sum ?? 0))
  }

  #sumUp(
    series: Labels,
    point: OtlpPoint,
    added: { shape: string; numbers: readonly number[] },
  ): readonly number[] | undefined {
    const { timeMs } = point
    const total = this.#target.deltas.add(series.key, { timeMs, ...added })
    if (total === undefined) this.#refuseLate(series, timeMs)
    return total
  }

  #refuseLate(series: Labels, timeMs: number): void {
    const text = `a delta of ${series} is not later than the one before it, at ${timeMs} ms`
    this.#target.rows.refuse('delta-not-later', 1, text)
  }

  // --- labels ----------------------------------------------------------------------------------

  /** The point's own labels, less what job, instance and scope say already. */
  #pointLabels(point: OtlpPoint, fixed: readonly string[]): string[] {
    const labels = this.#toLabels(point.attributes)
    // The attributes of a point go before what is promoted, but never before job and instance.
    const identityStart = fixed.length - this.#identity.length
    for (let index = 0; index < labels.length; index += 2) {
      const at = fixed.indexOf(labels[index]!, identityStart)
      if (at >= 0) labels[index + 1] = fixed[at + 1]!
    }
    return labels
  }

  #scopeLabels(scope: OtlpScope): string[] {
    if (!this.#target.settings.promote_scope_metadata) return []
    const pairs: string[] = []
    const own: [string, string][] = [
      ['otel_scope_name', scope.name],
      ['otel_scope_version', scope.version],
      ['otel_scope_schema_url', scope.schemaUrl],
    ]
    const more: string[] = []
    for (let index = 0; index < scope.attributes.length; index += 2) {
      more.push(`otel_scope_${scope.attributes[index]}`, scope.attributes[index + 1]!)
    }
    pairs.push(...this.#toLabels(more))
    for (const [name, value] of own) if (value !== '') pairs.push(name, value)
    return pairs
  }

  /** Attributes as labels; values of keys that become the same name are joined by `;`. */
  #toLabels(attributes: Attributes): string[] {
    const byName = new Map<string, string>()
    for (const [key, value] of sortedPairs(attributes)) {
      const name = translateLabelName(key, this.#target.settings)
      if (name === '' || name === '__name__' || value === '') continue
      const held = byName.get(name)
      byName.set(name, held === undefined ? value : `${held};${value}`)
    }
    return [...byName].flat()
  }
}

/** Names of attributes stay as they are; they are left out when they would make too many characters. */
function toExemplar({ attributes, traceId, spanId, value, timeMs }: OtlpExemplar): Exemplar {
  const ids: string[] = []
  if (traceId !== '') ids.push('trace_id', traceId)
  if (spanId !== '') ids.push('span_id', spanId)
  const pairs: string[] = []
  for (const [key, text] of sortedPairs(attributes)) {
    if (key !== '' && text !== '' && !ids.includes(key)) pairs.push(key, text)
  }
  let characters = 0
  for (const text of [...ids, ...pairs]) characters += [...text.slice(0, 1000)].length
  const labels = characters > exemplarCharactersMax ? ids : [...ids, ...pairs]
  return { labels: labelsFromPairs(labels), value, timeMs }
}

function sortedPairs(attributes: Attributes): [string, string][] {
  const pairs = new Map<string, string>()
  for (let index = 0; index < attributes.length; index += 2) {
    pairs.set(attributes[index]!, attributes[index + 1]!)
  }
  return [...pairs].sort(([a], [b]) => compareText(a, b))
}

function identityOf(attributes: Attributes): string[] {
  const values = new Map(sortedPairs(attributes))
  const name = values.get('service.name') ?? ''
  const namespace = values.get('service.namespace') ?? ''
  const instance = values.get('service.instance.id') ?? ''
  const identity: string[] = []
  if (name !== '') identity.push('job', namespace === '' ? name : `${namespace}/${name}`)
  if (instance !== '') identity.push('instance', instance)
  return identity
}

function promote(attributes: Attributes, settings: OtlpSettings): Attributes {
  const ignored = new Set(settings.ignore_resource_attributes)
  const promoted = new Set(settings.promote_resource_attributes)
  return pick(attributes, (key) =>
    settings.promote_all_resource_attributes ? !ignored.has(key) : promoted.has(key),
  )
}

function pick(attributes: Attributes, isWanted: (key: string) => boolean): Attributes {
  const picked: Attributes = []
  for (let index = 0; index < attributes.length; index += 2) {
    if (isWanted(attributes[index]!)) picked.push(attributes[index]!, attributes[index + 1]!)
  }
  return picked
}
