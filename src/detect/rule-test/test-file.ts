/**
 * Files of rule unit tests in promtool's format: input series, and which alerts fire and what
 * expressions answer at some times. Read strictly: every mistake is named with its place, all at once.
 * Sources: prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules; prometheus
 * cmd/promtool/unittest.go (Apache-2.0), behaviour re-implemented.
 */

import { messageOf } from '../../base/error.ts'
import {
  type ConfigProblem,
  checkConfig,
  makeConfigError,
  type ParsedYaml,
  parseYaml,
  problemAt,
} from '../../config/config.ts'
import { duration, labelMap, z } from '../../config/schema.ts'
import { dropUnknown } from '../drop-unknown.ts'
import type { Histogram } from '../../model/histogram.ts'
import { emptyLabels, type Labels, makeLabels } from '../../model/labels.ts'
import { parseMetric, parseSeriesLine, type SeriesLine } from '../../query/query.ts'

/** A file of tests. */
export interface RuleTestFile {
  /** Paths and globs as written, relative to the file. */
  ruleFiles: string[]
  evaluationIntervalMs: number
  /** Names of groups, first to last. */
  groupOrder: string[]
  isFuzzy: boolean
  tests: RuleTest[]
}

/** One test: data, and what is expected of the rules over it. All times count from `startTimeMs`. */
export interface RuleTest {
  name: string
  line: number
  startTimeMs: number
  /** Between the values of the input series. */
  intervalMs: number
  input: SeriesLine[]
  externalLabels: Labels
  externalUrl: string
  alertChecks: AlertCheck[]
  expressionChecks: ExpressionCheck[]
}

/** Exactly these alerts of one name fire at a time. */
export interface AlertCheck {
  atMs: number
  alertName: string
  expected: { labels: Labels; annotations: Labels }[]
}

/** An expression answers exactly these elements at a time. */
export interface ExpressionCheck {
  atMs: number
  expression: string
  expected: { labels: Labels; value: number | Histogram }[]
}

const anyNumber = z.custom<number>((value) => typeof value === 'number', 'must be a number')

const testShape = z.strictObject({
  name: z.string().nullish(),
  interval: duration('Between the values of the input series.').nullish(),
  start_timestamp: z.union([z.number(), z.string()], 'must be Unix seconds or a time').nullish(),
  input_series: z
    .array(
      z.strictObject({
        series: z.string(),
        values: z.union([z.string(), z.number()], 'needs values such as 1 2 3 or 0+10x5'),
      }),
    )
    .nullish(),
  external_labels: labelMap('Labels that templates see.').nullish(),
  external_url: z.string().nullish(),
  alert_rule_test: z
    .array(
      z.strictObject({
        eval_time: duration('When.').nullish(),
        alertname: z.string().min(1, 'must not be empty'),
        exp_alerts: z
          .array(
            z.strictObject({
              exp_labels: labelMap('Labels without alertname.').nullish(),
              exp_annotations: labelMap('Annotations.').nullish(),
            }),
          )
          .nullish(),
      }),
    )
    .nullish(),
  promql_expr_test: z
    .array(
      z.strictObject({
        expr: z.union([z.string(), z.number()]).transform(String),
        eval_time: duration('When.').nullish(),
        exp_samples: z
          .array(
            z.strictObject({
              labels: z.string().nullish(),
              value: anyNumber.optional(),
              histogram: z.string().nullish(),
            }),
          )
          .nullish(),
      }),
    )
    .nullish(),
})

const fileShape = z.strictObject({
  rule_files: z.array(z.string()).nullish(),
  evaluation_interval: duration('How often rules are evaluated.').nullish(),
  group_eval_order: z.array(z.string()).nullish(),
  fuzzy_compare: z.boolean().nullish(),
  tests: z.array(testShape).nullish(),
})

type RawTest = z.output<typeof testShape>

interface TestPlace {
  parsed: ParsedYaml
  path: PropertyKey[]
  problems: ConfigProblem[]
}

/** As promtool has it. */
const evaluationIntervalMsDefault = 60_000

/** Reads a file; throws `CONFIG_INVALID` with the place of every mistake. */
export function parseRuleTestFile(
  text: string,
  file: string,
  how: { ignoresUnknown?: boolean } = {},
): RuleTestFile {
  const read = parseYaml(text, file)
  const parsed = how.ignoresUnknown ? dropUnknown(read, fileShape) : read
  const raw = checkConfig(parsed, fileShape)
  const problems: ConfigProblem[] = []
  const evaluationIntervalMs = raw.evaluation_interval || evaluationIntervalMsDefault
  const groupOrder = raw.group_eval_order ?? []
  for (const [index, name] of groupOrder.entries()) {
    if (groupOrder.indexOf(name) === index) continue
    problems.push(problemAt(parsed, ['group_eval_order', index], `"${name}" is repeated`))
  }
  const tests = (raw.tests ?? []).map((test, index) =>
    makeTest(test, evaluationIntervalMs, { parsed, path: ['tests', index], problems }),
  )
  if (problems.length > 0) throw makeConfigError(problems)
  return {
    ruleFiles: raw.rule_files ?? [],
    evaluationIntervalMs,
    groupOrder,
    isFuzzy: raw.fuzzy_compare ?? false,
    tests,
  }
}

function makeTest(raw: RawTest, evaluationIntervalMs: number, place: TestPlace): RuleTest {
  const { line } = place.parsed.locate(place.path)
  return {
    name: raw.name || `test ${Number(place.path.at(-1)) + 1}`,
    line,
    startTimeMs: readStart(raw.start_timestamp, place),
    intervalMs: raw.interval || evaluationIntervalMs,
    input: readInput(raw, place),
    externalLabels: makeLabels(raw.external_labels ?? {}),
    externalUrl: raw.external_url ?? '',
    alertChecks: (raw.alert_rule_test ?? []).map((check) => ({
      atMs: check.eval_time ?? 0,
      alertName: check.alertname,
      expected: (check.exp_alerts ?? []).map((alert) => ({
        labels: makeLabels(alert.exp_labels ?? {}).with('alertname', check.alertname),
        annotations: makeLabels(alert.exp_annotations ?? {}),
      })),
    })),
    expressionChecks: (raw.promql_expr_test ?? []).map((check, index) => ({
      atMs: check.eval_time ?? 0,
      expression: check.expr,
      expected: (check.exp_samples ?? []).map((sample, sampleIndex) => {
        const path = [...place.path, 'promql_expr_test', index, 'exp_samples', sampleIndex]
        return {
          labels: attempt(() => readLabels(sample.labels ?? ''), [...path, 'labels'], place),
          value: sample.histogram
            ? attempt(() => readHistogram(sample.histogram!), [...path, 'histogram'], place)
            : (sample.value ?? 0),
        }
      }),
    })) as ExpressionCheck[],
  }
}

/** What `read` answers; a mistake becomes a problem at the place. */
function attempt<Result>(
  read: () => Result,
  path: PropertyKey[],
  { parsed, problems }: TestPlace,
): Result | undefined {
  try {
    return read()
  } catch (thrown) {
    problems.push(problemAt(parsed, path, messageOf(thrown)))
    return undefined
  }
}

function readInput(raw: RawTest, place: TestPlace): SeriesLine[] {
  const lines: SeriesLine[] = []
  for (const [index, { series, values }] of (raw.input_series ?? []).entries()) {
    const path = [...place.path, 'input_series', index]
    const line = attempt(
      () => {
        const { rest } = parseMetric(series)
        if (rest.trim() !== '') throw new SyntaxError(`unexpected ${JSON.stringify(rest)}`)
        return parseSeriesLine(`${series} ${textOf(values, [...path, 'values'], place)}`)
      },
      path,
      place,
    )
    if (line !== undefined) lines.push(line)
  }
  return lines
}

/** `0x10` is ten times no growth, not the number 16: a value that YAML took for a number is read as it was written. */
function textOf(values: string | number, path: PropertyKey[], { parsed }: TestPlace): string {
  if (typeof values === 'string') return values
  const { lineText } = problemAt(parsed, path, '')
  return /\bvalues["']?:\s*([^\s,}#]+)/.exec(lineText)?.[1] ?? String(values)
}

function readLabels(text: string): Labels {
  if (text.trim() === '') return emptyLabels
  const { labels, rest } = parseMetric(text)
  if (rest.trim() !== '') throw new SyntaxError(`unexpected ${JSON.stringify(rest)}`)
  return labels
}

function readHistogram(text: string): Histogram {
  const [value, ...others] = parseSeriesLine(`x ${text}`).values
  if (typeof value !== 'object' || others.length > 0) {
    throw new SyntaxError(`${JSON.stringify(text)} is not a histogram`)
  }
  return value
}

/** Unix seconds, or a time such as 2026-11-20T12:00:00Z. */
function readStart(value: number | string | null | undefined, place: TestPlace): number {
  if (value === null || value === undefined || value === '') return 0
  const seconds = Number(value)
  const timeMs = Number.isNaN(seconds) ? Date.parse(String(value)) : Math.round(seconds * 1000)
  if (Number.isFinite(timeMs)) return timeMs
  const message = `"${value}" is neither Unix seconds nor a time such as 2026-11-20T12:00:00Z`
  place.problems.push(problemAt(place.parsed, [...place.path, 'start_timestamp'], message))
  return 0
}
