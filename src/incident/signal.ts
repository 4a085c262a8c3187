/**
 * The signals of a service, found in the store by the conventional names of the field: a request
 * counter with a status label gives the error ratio, a duration histogram gives the latency. Sources of
 * the names: Prometheus naming practice, OpenTelemetry HTTP semantic conventions, Spring Boot
 * (Micrometer), go-grpc-prometheus, Istio. What convention does not find is given by
 * `services[].signals`.
 *
 * Counts are asked with `increase`, so they carry Prometheus's extrapolation: fractions of a request
 * are normal and rounded by whoever tests them.
 */

import type { ChartView } from '../api/api.ts'
import type { CountPair } from './compare.ts'
import type { Questioner } from './question.ts'
import { quoteValue, type ServiceIdentity } from './service.ts'
import type { ServiceSettings } from './settings.ts'

/** One value by which a service is judged. */
export interface Signal {
  name: string
  kind: 'errors' | 'latency' | 'value'
  unit: ChartView['unit']
  worse: 'higher' | 'lower'
  /** Gives one value, or none where there is no data. */
  query: string
  /** How far beyond the value before is still fine, as a share of it. */
  margin: number
  /** How far beyond the value before is always fine, in the signal's unit. */
  floor: number
}

/** A request counter: where failed and all requests are counted. */
export interface RequestCounter {
  metric: string
  matchers: string
  badMatcher: string
  versionLabel: string | undefined
}

/** A duration histogram with classic buckets. */
export interface DurationHistogram {
  metric: string
  matchers: string
  versionLabel: string | undefined
  /** Seconds per unit of its edges. */
  unitSeconds: number
}

/** What was found of a service. */
export interface ServiceSignals {
  signals: Signal[]
  counter: RequestCounter | undefined
  histogram: DurationHistogram | undefined
}

const statusLabels = [
  'status',
  'code',
  'status_code',
  'http_response_status_code',
  'http_status_code',
  'response_code',
  'grpc_code',
]
const versionLabels = [
  'version',
  'service_version',
  'app_version',
  'app_kubernetes_io_version',
  'image_tag',
  'release',
]

/** Conventional counters, best first; any other `*_requests_total` comes after. */
const counterNames = [
  'http_requests_total',
  'http_server_requests_total',
  'http_server_request_duration_seconds_count',
  'http_request_duration_seconds_count',
  'http_server_requests_seconds_count',
  'grpc_server_handled_total',
  'istio_requests_total',
]
const histogramNames = [
  'http_server_request_duration_seconds_bucket',
  'http_request_duration_seconds_bucket',
  'http_server_requests_seconds_bucket',
  'http_server_duration_milliseconds_bucket',
  'grpc_server_handling_seconds_bucket',
]
const counterPattern = /^(?!.*client).*requests?_(total|handled_total)$/
const histogramPattern =
  /^(?!.*client).*(request|response|http|handling|latency).*_(seconds|milliseconds|ms)_bucket$/
const namePattern = `${counterNames.join('|')}|.*requests?_total|.*(request|response|http|handling|latency).*_(seconds|milliseconds|ms)_bucket`

interface Family {
  name: string
  labels: Set<string>
}

/** Looks for the signals of a service at `timeMs`; `windowMs` is the range of their rates. */
export async function findSignals(
  service: ServiceIdentity,
  parts: {
    questioner: Questioner
    settings: ServiceSettings | undefined
    windowMs: number
    timeMs: number
  },
): Promise<ServiceSignals> {
  const { questioner, settings, windowMs, timeMs } = parts
  const found: ServiceSignals = { signals: [], counter: undefined, histogram: undefined }
  if (service.matchers !== '') {
    const by = ['__name__', ...statusLabels, ...versionLabels].join(', ')
    const elements = await questioner.vector(
      `group by (${by}) ({${service.matchers}, __name__=~"${namePattern}"})`,
      timeMs,
    )
    const families = new Map<string, Family>()
    for (const { labels } of elements) {
      const name = labels?.get('__name__') ?? ''
      let family = families.get(name)
      if (family === undefined) {
        family = { name, labels: new Set() }
        families.set(name, family)
      }
      for (const label of [...statusLabels, ...versionLabels]) {
        if (labels?.has(label)) family.labels.add(label)
      }
    }
    found.counter = chooseCounter([...families.values()], service.matchers)
    found.histogram = chooseHistogram([...families.values()], service.matchers)
  }
  const window = formatSeconds(windowMs)
  if (found.counter !== undefined) found.signals.push(errorSignal(found.counter, window))
  if (found.histogram !== undefined) found.signals.push(latencySignal(found.histogram, window))
  for (const signal of settings?.signals ?? []) {
    found.signals.push({ ...signal, kind: 'value', floor: 0 })
  }
  return found
}

function chooseCounter(families: readonly Family[], matchers: string): RequestCounter | undefined {
  const usable = families.filter((family) => statusLabels.some((name) => family.labels.has(name)))
  const family = choose(usable, counterNames, counterPattern)
  if (family === undefined) return undefined
  const statusLabel = statusLabels.find((name) => family.labels.has(name))!
  const badMatcher =
    statusLabel === 'grpc_code'
      ? 'grpc_code=~"Unknown|DeadlineExceeded|ResourceExhausted|Unimplemented|Internal|Unavailable|DataLoss"'
      : `${statusLabel}=~"5..|5xx|error"`
  return { metric: family.name, matchers, badMatcher, versionLabel: versionLabelOf(family) }
}

function chooseHistogram(
  families: readonly Family[],
  matchers: string,
): DurationHistogram | undefined {
  const family = choose(families, histogramNames, histogramPattern)
  if (family === undefined) return undefined
  const unitSeconds = /_(milliseconds|ms)_bucket$/.test(family.name) ? 0.001 : 1
  return { metric: family.name, matchers, versionLabel: versionLabelOf(family), unitSeconds }
}

function choose(
  families: readonly Family[],
  names: readonly string[],
  pattern: RegExp,
): Family | undefined {
  for (const name of names) {
    const family = families.find((other) => other.name === name)
    if (family !== undefined) return family
  }
  return families
    .filter((family) => pattern.test(family.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))[0]
}

function versionLabelOf(family: Family): string | undefined {
  return versionLabels.find((name) => family.labels.has(name))
}

function errorSignal(counter: RequestCounter, window: string): Signal {
  const { metric, matchers, badMatcher } = counter
  return {
    name: 'error ratio',
    kind: 'errors',
    unit: 'ratio',
    worse: 'higher',
    // No series with a failed status means no failures as long as requests are counted at all;
    // without requests the division gives no number.
    query: `(sum(rate(${metric}{${matchers}, ${badMatcher}}[${window}])) or vector(0)) / sum(rate(${metric}{${matchers}}[${window}]))`,
    margin: 0.25,
    floor: 0.005,
  }
}

function latencySignal(histogram: DurationHistogram, window: string): Signal {
  const { metric, matchers, unitSeconds } = histogram
  const scale = unitSeconds === 1 ? '' : ` * ${unitSeconds}`
  return {
    name: 'p95 latency',
    kind: 'latency',
    unit: 'seconds',
    worse: 'higher',
    query: `histogram_quantile(0.95, sum by (le) (rate(${metric}{${matchers}}[${window}])))${scale}`,
    margin: 0.25,
    floor: 0.01,
  }
}

/** Failed and all requests of the span before `endTimeMs`, or `undefined` without any request. */
export async function countRequests(
  counter: RequestCounter,
  span: { version: VersionChoice; startTimeMs: number; endTimeMs: number },
  questioner: Questioner,
): Promise<CountPair | undefined> {
  const matchers = withVersion(counter.matchers, counter.versionLabel, span.version)
  const range = formatSeconds(span.endTimeMs - span.startTimeMs)
  const [total, bad] = await Promise.all([
    questioner.number(`sum(increase(${counter.metric}{${matchers}}[${range}]))`, span.endTimeMs),
    questioner.number(
      `sum(increase(${counter.metric}{${matchers}, ${counter.badMatcher}}[${range}]))`,
      span.endTimeMs,
    ),
  ])
  return total === undefined || total <= 0 ? undefined : { total, bad: bad ?? 0 }
}

/** Cumulative counts by upper edge in the histogram's own unit, sorted by edge. */
export async function countBuckets(
  histogram: DurationHistogram,
  span: { version: VersionChoice; startTimeMs: number; endTimeMs: number },
  questioner: Questioner,
): Promise<{ edge: number; count: number }[]> {
  const matchers = withVersion(histogram.matchers, histogram.versionLabel, span.version)
  const range = formatSeconds(span.endTimeMs - span.startTimeMs)
  const elements = await questioner.vector(
    `sum by (le) (increase(${histogram.metric}{${matchers}}[${range}]))`,
    span.endTimeMs,
  )
  return elements
    .map(({ labels, value }) => ({ edge: parseEdge(labels?.get('le') ?? ''), count: value }))
    .filter(({ edge, count }) => !Number.isNaN(edge) && Number.isFinite(count))
    .sort((a, b) => a.edge - b.edge)
}

/** A quantile of cumulative buckets by linear interpolation, as `histogram_quantile` does it. */
export function quantileOfBuckets(
  buckets: readonly { edge: number; count: number }[],
  quantile: number,
): number | undefined {
  const total = buckets.at(-1)?.count ?? 0
  if (buckets.length < 2 || total <= 0) return undefined
  const rank = quantile * total
  const index = buckets.findIndex(({ count }) => count >= rank)
  const bucket = buckets[index]!
  const lower = index === 0 ? { edge: 0, count: 0 } : buckets[index - 1]!
  if (bucket.edge === Number.POSITIVE_INFINITY) return lower.edge
  const width = bucket.count - lower.count
  if (width <= 0) return bucket.edge
  return lower.edge + ((rank - lower.count) / width) * (bucket.edge - lower.edge)
}

function parseEdge(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : text === '' ? Number.NaN : Number(text)
}

/** Which versions to count: one, all but one, or all. */
export interface VersionChoice {
  is?: string
  isNot?: string
}

/** Adds the version to matchers; "v2" and "2" are the same version. */
export function withVersion(
  matchers: string,
  versionLabel: string | undefined,
  choice: VersionChoice,
): string {
  if (versionLabel === undefined) return matchers
  let text = matchers
  if (choice.is !== undefined) text += `, ${versionLabel}=~${versionPattern(choice.is)}`
  if (choice.isNot !== undefined) text += `, ${versionLabel}!~${versionPattern(choice.isNot)}`
  return text
}

function versionPattern(version: string): string {
  const plain = version.replace(/^v(?=\d)/, '')
  const escaped = plain.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return quoteValue(/^\d/.test(plain) ? `v?${escaped}` : escaped)
}

/** A PromQL range in whole seconds, at least one. */
function formatSeconds(spanMs: number): string {
  return `${Math.max(1, Math.ceil(spanMs / 1_000))}s`
}
