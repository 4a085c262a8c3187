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
  series: Series[]
  warnings: string[]
  elapsedMs: number
}

/** One element of an instant answer. */
export interface InstantRow {
  labels: Record<string, string>
  timeMs: number
  /** As the server wrote it: NaN, +Inf and all digits survive. */
  value: string
}

interface MatrixAnswer {
  resultType: string
  result: { metric: Record<string, string>; values: [number, string][] }[]
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
  const series = matrix.map((one) => {
    const values: (number | null)[] = new Array(count).fill(null)
    for (const [timeS, text] of one.values) {
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
  signal?: AbortSignal,
  wantedStepMs?: number,
): Promise<ChartData> {
  const stepMs = wantedStepMs ?? stepOf(range)
  const { startMs, endMs } = alignRange(range, stepMs)
  const begunMs = performance.now()
  const { data, warnings } = await callPrometheus<MatrixAnswer>(
    '/query_range',
    { query, start: startMs / 1000, end: endMs / 1000, step: stepMs / 1000 },
    signal,
  )
  const { timesMs, series } = toGrid(data.result, { startMs, endMs, stepMs })
  return { timesMs, stepMs, series, warnings, elapsedMs: performance.now() - begunMs }
}

/** Runs an instant query and answers rows, whatever the type of the result. */
export async function fetchInstant(
  query: string,
  timeMs: number | undefined,
  signal?: AbortSignal,
): Promise<InstantRow[]> {
  const { data } = await callPrometheus<VectorAnswer>(
    '/query',
    { query, time: timeMs === undefined ? undefined : timeMs / 1000 },
    signal,
  )
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    const [timeS, value] = data.result as [number, string]
    return [{ labels: {}, timeMs: timeS * 1000, value }]
  }
  const elements = data.result as {
    metric: Record<string, string>
    value?: [number, string]
    values?: [number, string][]
  }[]
  return elements.map((element) => {
    const [timeS, value] = element.value ?? element.values?.at(-1) ?? [0, 'NaN']
    return { labels: element.metric, timeMs: timeS * 1000, value }
  })
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
