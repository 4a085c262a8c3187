/**
 * Runs test scripts against a query engine and reports each `eval` with its features, so that results
 * can be counted by feature. An instant query is also run as the middle of a short range query.
 */

import type { QueryValue } from '../promql/result.ts'
import { compareAnnotations, compareValue, isExpected, pointAt } from './compare.ts'
import { type Command, type EvalCommand, type LoadCommand, parseScript } from './parse-script.ts'
import type { ScriptStore } from './script-store.ts'

/** What a script needs of an engine. */
export interface ScriptEngine {
  instant(query: { expression: string; timeMs: number }): Promise<ScriptAnswer>
  range(query: {
    expression: string
    startTimeMs: number
    endTimeMs: number
    stepMs: number
  }): Promise<ScriptAnswer>
}

/** A query's answer as scripts look at it. */
export interface ScriptAnswer {
  value: QueryValue
  warnings: string[]
  infos: string[]
}

/** The outcome of one `eval`. */
export interface CaseOutcome {
  /** Line of the `eval` in its file, from 1. */
  line: number
  expression: string
  features: string[]
  /** Why it failed, or `undefined` when it passed. */
  failure: string | undefined
}

const minuteMs = 60_000

/** Runs a script; throws `SyntaxError` when it cannot be read. */
export async function runScript(
  text: string,
  parts: { engine: ScriptEngine; store: ScriptStore },
): Promise<CaseOutcome[]> {
  const outcomes: CaseOutcome[] = []
  const loads: LoadCommand[] = []
  parts.store.clear()
  for (const command of parseScript(text)) {
    if (command.kind === 'eval') {
      const { line, expression } = command
      const features = featuresOf(command, loads)
      const failure = await runCase(command, parts.engine)
      outcomes.push({ line, expression, features, failure })
    } else applyData(command, parts.store, loads)
  }
  return outcomes
}

function applyData(
  command: Exclude<Command, EvalCommand>,
  store: ScriptStore,
  loads: LoadCommand[],
): void {
  if (command.kind === 'clear') {
    store.clear()
    loads.length = 0
  } else {
    store.load(command)
    loads.push(command)
  }
}

async function runCase(command: EvalCommand, engine: ScriptEngine): Promise<string | undefined> {
  const { expression, expectations, startTimeMs, endTimeMs, stepMs } = command
  const expectedFailure = expectations.find((one) => one.kind === 'fail')
  let answer: ScriptAnswer
  try {
    if (stepMs > 0) answer = await engine.range({ expression, startTimeMs, endTimeMs, stepMs })
    else {
      const timeMs = command.rangeVector?.endTimeMs ?? startTimeMs
      answer = await engine.instant({ expression, timeMs })
    }
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    if (expectedFailure === undefined) return `the query failed: ${reason}`
    if (reason.includes('parse error:') || reason.startsWith('BUG:'))
      return `failed otherwise: ${reason}`
    return isExpected(expectedFailure, reason) ? undefined : `failed with other words: ${reason}`
  }
  if (expectedFailure !== undefined) return 'the query should have failed'
  const difference =
    compareAnnotations(expectations, { warn: answer.warnings, info: answer.infos }) ??
    compareValue(command, answer.value)
  if (difference !== undefined || stepMs > 0 || !canRunAsRange(command)) return difference
  return runAsRange(command, engine, answer.value.type === 'scalar')
}

function canRunAsRange(command: EvalCommand): boolean {
  if (command.rangeVector !== undefined || command.text !== undefined) return false
  if (command.expectations.some((one) => one.kind === 'ordered')) return false
  return !/\b(start|end|range|step)\(\)/.test(command.expression)
}

/** An instant query must give what the middle step of a range query around it gives. */
async function runAsRange(
  command: EvalCommand,
  engine: ScriptEngine,
  isScalar: boolean,
): Promise<string | undefined> {
  const { expression, startTimeMs: timeMs } = command
  const times = { startTimeMs: timeMs - minuteMs, endTimeMs: timeMs + minuteMs, stepMs: minuteMs }
  try {
    const { value } = await engine.range({ expression, ...times })
    const difference = compareValue(command, pointAt(value, timeMs, isScalar))
    return difference === undefined ? undefined : `as a range query: ${difference}`
  } catch (thrown) {
    return `as a range query: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

const experimental =
  /\b(mad_over_time|ts_of_\w+_over_time|first_over_time|sort_by_label(_desc)?|double_exponential_smoothing|info|histogram_quantiles|start_timestamp|max_of|min_of|start|end|range|step)\s*\(/

const featurePatterns: readonly [string, RegExp][] = [
  ['extended-range-selectors', /\b(anchored|smoothed)\b/],
  ['fill-modifiers', /\bfill(_left|_right)?\s*\(/],
  ['limit-aggregations', /\blimit(k|_ratio)\b/i],
  [
    'duration-expressions',
    /\[[^\]]*([*/^%(]|[\d\w]\s*[-+]\s*\d)[^\]]*\]|offset\s+[-+]?(\(|\w+\s*\()/,
  ],
  ['experimental-functions', experimental],
  ['at-modifier', /[^=!<>]@/],
  ['subquery', /\[[^\]]*:[^\]]*\]/],
  ['type-and-unit', /__(type|unit)__/],
]

/** What a case needs, for counting: from its text, its expectations and the data loaded. */
function featuresOf(command: EvalCommand, loads: readonly LoadCommand[]): string[] {
  const bare = command.expression.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g, '""')
  const features = featurePatterns.filter(([, pattern]) => pattern.test(bare)).map(([name]) => name)
  const kinds = command.expectations.map((one) => one.kind)
  if (kinds.some((kind) => /warn|info/.test(kind))) features.push('annotations')
  if (kinds.includes('fail')) features.push('fail')
  const isObject = (value: unknown): boolean => typeof value === 'object'
  if (command.series.some((line) => line.values.some(isObject))) features.push('native-histogram')
  const lines = loads.flatMap((load) => load.series)
  if (lines.some((line) => line.values.some(isObject))) features.push('data-native-histogram')
  if (loads.some((load) => load.hasNative)) features.push('data-nhcb')
  if (lines.some((line) => line.startOffsets !== undefined)) features.push('start-timestamps')
  return features.length === 0 ? ['plain'] : features
}
