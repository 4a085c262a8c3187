/**
 * The suite `otlp`, its part on metrics: bodies in OTLP/JSON are sent to the real receiver, which must
 * take or refuse them, and the points read from them are compared with what they mean. Cases of logs
 * and traces are not covered yet; they are counted and told, not scored.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import {
  Collector,
  collectSettings,
  type OtlpMetric,
  type OtlpPoint,
  readMetricJson,
} from '../../collect/collect.ts'
import { z } from '../../config/schema.ts'
import { MemoryStore } from '../../store/store.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface Case {
  name: string
  signal: string
  body: unknown
  /** Not scored when null. */
  valid: boolean | null
  expect?: Record<string, unknown>[]
}

interface Outcome {
  name: string
  /** Empty when the case is met. */
  failure: string
}

/** Sends every case of metrics, and the upstream example, which must be taken whole. */
export async function measureOtlp(options: MeasureOptions): Promise<MeasureResult> {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(options.from, name), 'utf8')) as unknown
  const cases = read('cases.json') as Case[]
  const outcomes: Outcome[] = []
  const upstream = read('metrics.json')
  outcomes.push({ name: 'metrics.json', failure: await findFault(upstream, true, undefined) })
  for (const one of cases) {
    if (one.signal !== 'metrics' || one.valid === null) continue
    outcomes.push({ name: one.name, failure: await findFault(one.body, one.valid, one.expect) })
  }
  if (options.listsFailures) {
    for (const { name, failure } of outcomes) {
      if (failure !== '') options.print(`${name}\n    ${failure}`)
    }
  }
  const passed = outcomes.filter(({ failure }) => failure === '').length
  const total = outcomes.length
  const counts = new Map([['metrics', { passed, total }]])
  for (const line of formatCounts('otlp', counts)) options.print(line)
  const others = cases.filter(({ signal }) => signal !== 'metrics').length
  options.print(
    `not covered yet: ${others} cases of logs and traces, and 3 upstream examples of them`,
  )
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(outcomes, undefined, 1))
  return { suite: 'otlp', passed, total, figures: { metrics: passed / total, notCovered: others } }
}

async function findFault(
  body: unknown,
  isValid: boolean,
  expected: readonly Record<string, unknown>[] | undefined,
): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(body))
  const reply = await send(bytes, latestTimeMs(bytes))
  if (!isValid) return reply.status === 400 ? '' : `expected 400, got ${reply.status}`
  if (reply.status !== 200) return `expected 200, got ${reply.status}: ${reply.body.trim()}`
  if (reply.body !== '{}') return `not taken whole: ${reply.body}`
  if (expected === undefined) return ''
  const found = JSON.stringify(describePoints(bytes).map(sorted))
  const wanted = JSON.stringify(expected.map(sorted))
  return found === wanted ? '' : `expected ${wanted}, got ${found}`
}

/** A collector of its own, at a time when the body's points are new. */
async function send(body: Buffer, nowTimeMs: number): Promise<{ status: number; body: string }> {
  const clock = new VirtualClock(nowTimeMs)
  const settings = z
    .strictObject({ global: z.object(collectSettings.global).prefault({}), ...collectSettings.top })
    .parse({})
  const collector = new Collector({
    appender: new MemoryStore({ clock }),
    settings,
    clock,
    log: silentLog,
    dataDir: '',
    version: 'measure',
  })
  return collector.receiveOtlpMetrics({ headers: { 'content-type': 'application/json' }, body })
}

function latestTimeMs(body: Buffer): number {
  let latest = 0
  for (const [, digits] of body.toString('utf8').matchAll(/"timeUnixNano":"?(\d+)/g)) {
    latest = Math.max(latest, Math.ceil(Number(digits) / 1e6))
  }
  return latest
}

/** Every point in the words of the cases. */
function describePoints(body: Buffer): Record<string, unknown>[] {
  const points: Record<string, unknown>[] = []
  for (const { attributes, scopes } of readMetricJson(body)) {
    for (const metric of scopes.flatMap((scope) => scope.metrics)) {
      for (const point of metric.points) {
        points.push({ ...describePoint(metric, point), resource: toObject(attributes) })
      }
    }
  }
  return points
}

function describePoint(metric: OtlpMetric, point: OtlpPoint): Record<string, unknown> {
  const isTotal = metric.type === 'sum' || metric.type === 'histogram'
  return {
    name: metric.name,
    type: metric.type,
    ...(metric.unit === '' ? {} : { unit: metric.unit }),
    ...(isTotal ? { temporality: metric.temporality } : {}),
    ...(metric.isMonotonic ? { monotonic: true } : {}),
    attributes: toObject(point.attributes),
    ...(point.startTimeMs === 0 ? {} : { startTimeUnixNano: `${point.startTimeMs}000000` }),
    timeUnixNano: `${point.timeMs}000000`,
    ...describeValue(metric, point),
  }
}

function describeValue(metric: OtlpMetric, point: OtlpPoint): Record<string, unknown> {
  if (metric.type === 'gauge' || metric.type === 'sum') {
    return { value: point.isRecorded ? describeNumber(point.value) : null }
  }
  const quantiles: Record<string, unknown> = {}
  for (let index = 0; index < point.quantiles.length; index += 2) {
    quantiles[String(point.quantiles[index])] = describeNumber(point.quantiles[index + 1]!)
  }
  return {
    count: point.count,
    sum: point.sum,
    ...(metric.type === 'summary'
      ? { quantiles }
      : { bounds: point.bounds, bucketCounts: point.bucketCounts }),
  }
}

function describeNumber(value: number): number | string {
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function toObject(pairs: readonly string[]): Record<string, string> {
  const object = Object.create(null) as Record<string, string>
  for (let index = 0; index < pairs.length; index += 2) object[pairs[index]!] = pairs[index + 1]!
  return object
}

/** Keys in one order, so that texts compare. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}
