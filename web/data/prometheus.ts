/** Prometheus's endpoints as the pages use them: series as plain arrays on a common grid of times. */

import { type ApiError, callPrometheus } from './client.ts'
import { stepOf, type TimeRange } from './range.ts'

/** One series on the grid of a `ChartData`; `null` where there is no sample. */
export interface Series {
  labels: Record<string, string>
  values: (number | null)[]
}

/** The answer of a range query on its grid. */
export interface ChartData {
  timesMs: number[]
  stepMs: number
  /** Series of numbers. */
  series: Series[]
  /** Series of native histograms. */
  histograms: HistogramSeries[]
  warnings: string[]
  elapsedMs: number
  /** Samples that the query looked at; only when it was asked for. */
  sampleCount: number | undefined
}

/** One native histogram as the server writes it; a bucket is rule, lower bound, upper bound, count. */
export interface HistogramValue {
  count: string
  sum: string
  buckets?: [number, string, string, string][]
}

/** A series of native histograms. */
export interface HistogramSeries {
  labels: Record<string, string>
  points: { timeMs: number; value: HistogramValue }[]
}

/** One element of an instant answer. */
export interface InstantRow {
  labels: Record<string, string>
  timeMs: number
  /** As the server wrote it: NaN, +Inf and all digits survive. */
  value: string
  /** All samples of a range selector, the oldest first, histograms with their buckets; absent for one number. */
  points?: { timeMs: number; value: string }[]
}

interface MatrixAnswer {
  resultType: string
  result: {
    metric: Record<string, string>
    values?: [number, string][]
    histograms?: [number, HistogramValue][]
  }[]
  stats?: { samples?: { totalQueryableSamples?: number } }
}

interface VectorAnswer {
  resultType: 'vector' | 'scalar' | 'string' | 'matrix'
  result: unknown
}

/** Aligns a range to its step, so that neighbouring fetches fall on the same grid. */
function alignRange(range: TimeRange, stepMs: number): { startMs: number; endMs: number } {
  return {
    startMs: Math.ceil(range.fromTimeMs / stepMs) * stepMs,
    endMs: Math.floor(range.toTimeMs / stepMs) * stepMs,
  }
}

/** Reads the value of a sample as Prometheus writes it. */
export function parseSampleValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}

/** Puts a matrix on the grid; samples that are not finite become gaps. */
export function toGrid(
  matrix: MatrixAnswer['result'],
  grid: { startMs: number; endMs: number; stepMs: number },
): { timesMs: number[]; series: Series[] } {
  const { startMs, endMs, stepMs } = grid
  const count = Math.max(0, Math.floor((endMs - startMs) / stepMs) + 1)
  const timesMs = Array.from({ length: count }, (_, index) => startMs + index * stepMs)
  const numbers = matrix.filter((one) => one.values !== undefined)
  const series = numbers.map((one) => {
    const values: (number | null)[] = new Array(count).fill(null)
    for (const [timeS, text] of one.values ?? []) {
      const index = Math.round((timeS * 1000 - startMs) / stepMs)
      const value = parseSampleValue(text)
      if (index >= 0 && index < count && Number.isFinite(value)) values[index] = value
    }
    return { labels: one.metric, values }
  })
  return { timesMs, series }
}

/** Runs a range query with a step that suits a chart. */
export async function fetchRange(
  query: string,
  range: TimeRange,
  o: { signal?: AbortSignal; stepMs?: number; hasStats?: boolean; limit?: number } = {},
): Promise<ChartData> {
  const stepMs = o.stepMs ?? stepOf(range)
  const { startMs, endMs } = alignRange(range, stepMs)
  const begunMs = performance.now()
  const { data, warnings } = await callPrometheus<MatrixAnswer>(
    '/query_range',
    {
      ...{ query, start: startMs / 1000, end: endMs / 1000, step: stepMs / 1000 },
      stats: o.hasStats ? 'true' : undefined,
      limit: o.limit,
    },
    o.signal,
  )
  const { timesMs, series } = toGrid(data.result, { startMs, endMs, stepMs })
  const elapsedMs = performance.now() - begunMs
  const sampleCount = data.stats?.samples?.totalQueryableSamples
  const histograms = toHistograms(data.result)
  return { timesMs, stepMs, series, histograms, warnings, elapsedMs, sampleCount }
}

function toHistograms(matrix: MatrixAnswer['result']): HistogramSeries[] {
  return matrix.flatMap(({ metric, histograms }) => {
    if (histograms === undefined || histograms.length === 0) return []
    const points = histograms.map(([timeS, value]) => ({ timeMs: timeS * 1000, value }))
    return [{ labels: metric, points }]
  })
}

/** The rows of an instant query and what is to be said about them. */
export interface InstantData {
  rows: InstantRow[]
  warnings: string[]
}

/** Rows that are asked for: more would only make a page slow; the server says that there are more. */
const instantRowsMax = 10_000

/** Runs an instant query and answers rows, whatever the type of the result. */
export async function fetchInstant(
  query: string,
  timeMs: number | undefined,
  signal?: AbortSignal,
): Promise<InstantData> {
  const { data, warnings } = await callPrometheus<VectorAnswer>(
    '/query',
    { query, time: timeMs === undefined ? undefined : timeMs / 1000, limit: instantRowsMax },
    signal,
  )
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    const [timeS, value] = data.result as [number, string]
    return { rows: [{ labels: {}, timeMs: timeS * 1000, value }], warnings }
  }
  return { rows: (data.result as InstantElement[]).map(toRow), warnings }
}

interface InstantElement {
  metric: Record<string, string>
  value?: [number, string]
  values?: [number, string][]
  histogram?: [number, HistogramValue]
  histograms?: [number, HistogramValue][]
}

/** One element as a row; a native histogram is told by its count and sum. */
function toRow(element: InstantElement): InstantRow {
  const { metric: labels, value, histogram } = element
  const floats = value === undefined ? (element.values ?? []) : [value]
  const others = histogram === undefined ? (element.histograms ?? []) : [histogram]
  const points = [
    ...floats.map(([timeS, text]) => ({ timeMs: timeS * 1000, value: text })),
    ...others.map(([timeS, one]) => ({ timeMs: timeS * 1000, value: histogramText(one) })),
  ].sort((a, b) => a.timeMs - b.timeMs)
  const last = points.at(-1) ?? { timeMs: 0, value: 'NaN' }
  const isPlain = value !== undefined
  const shown = last.value.replace(/^(\{count:[^,]*, sum:[^,}]*),.*\}$/s, '$1, …}')
  return { labels, timeMs: last.timeMs, value: shown, ...(isPlain ? {} : { points }) }
}

const brackets = [
  ['(', ']'],
  ['[', ')'],
  ['(', ')'],
  ['[', ']'],
] as const

/** A native histogram as Prometheus prints it: count, sum, and each bucket with its bounds. */
function histogramText({ count, sum, buckets }: HistogramValue): string {
  const parts = (buckets ?? []).map(([rule, low, high, own]) => {
    const [left, right] = brackets[rule] ?? brackets[0]
    return `${left}${low},${high}${right}:${own}`
  })
  return `{${[`count:${count}`, `sum:${sum}`, ...parts].join(', ')}}`
}

/** A sample that was kept with the trace that made it. */
export interface Exemplar {
  labels: Record<string, string>
  /** Labels of its series. */
  seriesLabels: Record<string, string>
  timeMs: number
  value: number
}

/** The exemplars of the series in a query, the newest first. */
export async function fetchExemplars(
  query: string,
  range: TimeRange,
  signal?: AbortSignal,
): Promise<Exemplar[]> {
  const { data } = await callPrometheus<
    {
      seriesLabels: Record<string, string>
      exemplars: { labels: Record<string, string>; value: string; timestamp: number }[]
    }[]
  >(
    '/query_exemplars',
    { query, start: range.fromTimeMs / 1000, end: range.toTimeMs / 1000 },
    signal,
  )
  return data
    .flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map(({ labels, value, timestamp }) => ({
        ...{ labels, seriesLabels },
        timeMs: timestamp * 1000,
        value: parseSampleValue(value),
      })),
    )
    .sort((a, b) => b.timeMs - a.timeMs)
}

/** Where a query is wrong, from the server's text `1:5: parse error: …`. */
export function errorPlace(
  query: string,
  error: Pick<ApiError, 'message'>,
): { offset: number; message: string } | undefined {
  const match = /(?:^|\D)(\d+):(\d+): (?:parse error: )?(.*)$/s.exec(error.message)
  if (!match) return undefined
  const lines = query.split('\n')
  const line = Math.min(Math.max(1, Number(match[1])), lines.length)
  let offset = 0
  for (let index = 0; index < line - 1; index += 1) offset += lines[index]!.length + 1
  offset += Math.min(Math.max(0, Number(match[2]) - 1), lines[line - 1]!.length)
  return { offset, message: match[3]! }
}

/** A rule as `/api/v1/rules` gives it. */
export interface RuleAnswer {
  type: 'alerting' | 'recording'
  name: string
  query: string
  health: string
  lastError?: string
  lastEvaluation: string
  evaluationTime: number
  duration?: number
  keepFiringFor?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  state?: string
  alerts?: unknown[]
}

/** A group of rules. */
export interface RuleGroupAnswer {
  name: string
  file: string
  interval: number
  rules: RuleAnswer[]
}

/** All groups of rules. */
export async function fetchRules(signal?: AbortSignal): Promise<RuleGroupAnswer[]> {
  return (await callPrometheus<{ groups: RuleGroupAnswer[] }>('/rules', {}, signal)).data.groups
}

/** What is known of each metric name. */
export async function fetchMetadata(
  signal?: AbortSignal,
): Promise<Record<string, { type: string; help: string; unit?: string }[]>> {
  return (
    await callPrometheus<Record<string, { type: string; help: string }[]>>('/metadata', {}, signal)
  ).data
}

/** Label names, of one metric or of all. */
export async function fetchLabelNames(match?: string, signal?: AbortSignal): Promise<string[]> {
  return (await callPrometheus<string[]>('/labels', { 'match[]': match }, signal)).data
}

/** Values of a label. */
export async function fetchLabelValues(
  label: string,
  match?: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const path = `/label/${encodeURIComponent(label)}/values`
  return (await callPrometheus<string[]>(path, { 'match[]': match }, signal)).data
}

/** A series' name for people: the metric and its labels, or only what differs. */
export function seriesName(labels: Record<string, string>, common?: ReadonlySet<string>): string {
  const { __name__: metric, ...others } = labels
  const parts = Object.entries(others)
    .filter(([name]) => !common?.has(name))
    .map(([name, value]) => `${name}="${value}"`)
  if (parts.length === 0) return metric ?? '{}'
  return `${common?.has('__name__') ? '' : (metric ?? '')}{${parts.join(', ')}}`
}

/** Labels that all series share, which a legend needs not repeat; none when there is one series. */
export function commonLabels(all: readonly Record<string, string>[]): Set<string> {
  const out = new Set<string>()
  const first = all[0]
  if (!first || all.length < 2) return out
  for (const [name, value] of Object.entries(first)) {
    if (all.every((labels) => labels[name] === value)) out.add(name)
  }
  return out
}
