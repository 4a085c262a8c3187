/**
 * The suite `promql-compliance`: queries over a fixed data set with Prometheus's own answers. The data
 * is OpenMetrics text with a time on every sample; each case is asked as a range and as an instant query.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../../base/error.ts'
import { makeLabels } from '../../model/labels.ts'
import { parseMetric, type QueryEngine, type QueryValue, ScriptStore } from '../../query/query.ts'
import { makeEngine } from '../make-engine.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface Answer {
  resultType: string
  result: unknown
}

interface Case {
  query: string
  should_fail: boolean
  range: Answer
  instant: Answer
  /** Cases with a note are not scored. */
  note?: string
}

interface Suite {
  range: { start: number; step: number; end: number }
  instant: { time: number }
  cases: Case[]
}

interface Point {
  timeMs: number
  value: number
}

const tolerance = 1e-6

/** Runs every case of `cases.json.gz` over `data.openmetrics.txt.gz`. */
export async function measurePromqlCompliance(options: MeasureOptions): Promise<MeasureResult> {
  const read = (name: string): string =>
    gunzipSync(readFileSync(join(options.from, name))).toString('utf8')
  const suite = JSON.parse(read('cases.json.gz')) as Suite
  const store = new ScriptStore()
  loadSamples(store, read('data.openmetrics.txt.gz'))
  const engine = makeEngine(store)
  const failures: { query: string; failure: string }[] = []
  const scored = suite.cases.filter((one) => one.note === undefined)
  for (const one of scored) {
    const failure = await runCase(one, suite, engine)
    if (failure === undefined) continue
    failures.push({ query: one.query, failure })
    if (options.listsFailures) options.print(`${one.query}\n    ${failure}`)
  }
  const passed = scored.length - failures.length
  const counts = new Map([['cases', { passed, total: scored.length }]])
  for (const line of formatCounts('promql-compliance', counts)) options.print(line)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(failures, undefined, 1))
  return { suite: 'promql-compliance', passed, total: scored.length, figures: {} }
}

function loadSamples(store: ScriptStore, text: string): void {
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const { labels, rest } = parseMetric(line)
    const [value, seconds] = rest.trim().split(' ') as [string, string]
    store.add(labels, Math.round(Number(seconds) * 1000), parseValue(value))
  }
}

function parseValue(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}

async function runCase(one: Case, suite: Suite, engine: QueryEngine): Promise<string | undefined> {
  const { start, end, step } = suite.range
  try {
    const range = await engine.range({
      expression: one.query,
      startTimeMs: start * 1000,
      endTimeMs: end * 1000,
      stepMs: step * 1000,
    })
    const instant = await engine.instant({
      expression: one.query,
      timeMs: suite.instant.time * 1000,
    })
    if (one.should_fail) return 'the query should have failed'
    const bad = compare(one.range, range.value)
    if (bad !== undefined) return `range: ${bad}`
    const badInstant = compare(one.instant, instant.value)
    return badInstant === undefined ? undefined : `instant: ${badInstant}`
  } catch (thrown) {
    return one.should_fail ? undefined : `the query failed: ${messageOf(thrown)}`
  }
}

function compare(expected: Answer, found: QueryValue): string | undefined {
  if (expected.resultType !== found.type)
    return `expected a ${expected.resultType}, got a ${found.type}`
  if (found.type === 'scalar' || found.type === 'string') {
    const value = (expected.result as [number, string])[1]
    const isSame =
      found.type === 'string' ? value === found.value : isSameValue(parseValue(value), found.value)
    return isSame ? undefined : `expected ${value}, got ${found.value}`
  }
  const left = new Map<string, Point[]>()
  for (const one of expected.result as {
    metric: Record<string, string>
    values?: unknown
    value?: unknown
  }[]) {
    const pairs = (one.values ?? [one.value]) as [number, string][]
    const points = pairs.map(([seconds, value]) => ({
      timeMs: Math.round(seconds * 1000),
      value: parseValue(value),
    }))
    left.set(makeLabels(one.metric).key, points)
  }
  for (const [key, points] of pointsOf(found)) {
    const wanted = left.get(key)
    if (wanted === undefined) return `unexpected series ${key}`
    left.delete(key)
    if (wanted.length !== points.length)
      return `${key}: expected ${wanted.length} points, got ${points.length}`
    for (const [index, point] of points.entries()) {
      const { timeMs, value } = wanted[index]!
      if (timeMs !== point.timeMs || !isSameValue(value, point.value))
        return `${key}: expected ${value} at ${timeMs}, got ${point.value} at ${point.timeMs}`
    }
  }
  for (const key of left.keys()) return `missing series ${key}`
  return undefined
}

function pointsOf(value: Extract<QueryValue, { type: 'vector' | 'matrix' }>): [string, Point[]][] {
  if (value.type === 'vector') {
    return value.elements.map((element) => [
      element.labels.key,
      [{ timeMs: value.timeMs, value: element.value }],
    ])
  }
  return value.series.map((series) => {
    const points: Point[] = []
    for (let row = 0; row < series.count; row++)
      points.push({ timeMs: series.timeMs[row]!, value: series.value[row]! })
    return [series.labels.key, points]
  })
}

function isSameValue(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b) return true
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b))
}
