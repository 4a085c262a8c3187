/** The suite `alert-templates`: annotations with templates, and the text that Prometheus makes of them. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError, messageOf } from '../../base/error.ts'
import { parseRuleFile, RuleBench } from '../../detect/detect.ts'
import { makeLabels, quote } from '../../model/labels.ts'
import { parseSeriesLine } from '../../query/query.ts'
import { makeEngine } from '../make-engine.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface Suite {
  context: {
    labels: Record<string, string>
    externalLabels: Record<string, string>
    series: Record<string, number>
  }
  cases: Case[]
}

interface Case {
  template: string
  load: 'ok' | 'rejected'
  result?: string
  /** Expanding fails. */
  error?: boolean
}

const minuteMs = 60_000
/** The suite's samples are judged at this time. */
const atMs = 5 * minuteMs
const errorText = '<error expanding template'

/** Runs each template as the annotation of a rule. */
export async function measureAlertTemplates(options: MeasureOptions): Promise<MeasureResult> {
  const suite = JSON.parse(readFileSync(join(options.from, 'cases.json'), 'utf8')) as Suite
  const parser = makeEngine()
  const counts = new Map<string, { passed: number; total: number }>()
  const failures: { template: string; expected: string; found: string }[] = []
  for (const one of suite.cases) {
    const kind = one.load === 'rejected' ? 'refused' : one.error ? 'fails' : 'expands'
    const expected = kind === 'expands' ? (one.result ?? '') : kind
    const found = await expand(one.template, suite, parser)
    const isRight = kind === 'fails' ? found.startsWith(errorText) : found === expected
    const held = counts.get(kind) ?? { passed: 0, total: 0 }
    held.total++
    if (isRight) held.passed++
    counts.set(kind, held)
    if (isRight) continue
    failures.push({ template: one.template, expected, found })
    if (options.listsFailures) {
      const [wanted, got] = [expected, found].map((text) => JSON.stringify(text))
      options.print(`${one.template}\n    expected ${wanted}, got ${got}`)
    }
  }
  for (const line of formatCounts('alert-templates', counts)) options.print(line)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(failures, undefined, 1))
  const total = suite.cases.length
  return { suite: 'alert-templates', passed: total - failures.length, total, figures: {} }
}

/** The annotation's text, or `refused` when the rule cannot be loaded. */
async function expand(
  template: string,
  { context }: Suite,
  parser: ReturnType<typeof makeEngine>,
): Promise<string> {
  const { alertname, ...labels } = context.labels
  const matchers = Object.entries(labels).map(([name, value]) => `${name}=${quote(value)}`)
  // JSON is YAML.
  const text = JSON.stringify({
    groups: [
      {
        name: 'g',
        rules: [
          { alert: alertname, expr: `up{${matchers.join()}}`, annotations: { text: template } },
        ],
      },
    ],
  })
  try {
    const groups = parseRuleFile(text, 'case', { parser })
    const bench = new RuleBench({
      groups,
      startTimeMs: 0,
      evaluationIntervalMs: minuteMs,
      externalLabels: makeLabels(context.externalLabels),
      // As upstream's runner: its rules know no address of their own server.
      externalUrl: '',
    })
    for (const [series, value] of Object.entries(context.series)) {
      bench.add(parseSeriesLine(`${series} ${value}x${atMs / minuteMs}`), minuteMs)
    }
    const failures = await bench.advance(atMs)
    if (failures.length > 0) return `rule fails: ${failures[0]!.reason}`
    return bench.firing(alertname ?? '')[0]?.annotations.get('text') ?? 'no alert'
  } catch (thrown) {
    if (!(thrown instanceof CodedError)) return `broken: ${messageOf(thrown)}`
    return 'refused'
  }
}
