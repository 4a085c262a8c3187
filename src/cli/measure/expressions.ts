/**
 * The suites `rules` and `dashboards`: rule files from the field that must load or be refused, and the
 * expressions of dashboards that must parse or be refused.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError, messageOf } from '../../base/error.ts'
import { parseRuleFile } from '../../detect/detect.ts'
import { makeEngine } from '../make-engine.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface RuleFileEntry {
  file: string
  kind: string
  /** Not scored when null. */
  valid: boolean | null
  alerts: number
  records: number
}

interface ExpressionEntry {
  expr: string
  /** As it would be sent, variables filled in. */
  expanded?: string
  /** `ok`, or why it is not PromQL. */
  promtool_2_42?: string
}

interface Verdict {
  kind: string
  name: string
  isRight: boolean
  text: string
}

/** Loads every file of `index.json`, and parses every expression of `exprs.jsonl`. */
export async function measureRules(options: MeasureOptions): Promise<MeasureResult> {
  const { from } = options
  const engine = makeEngine()
  const entries = JSON.parse(readFileSync(join(from, 'index.json'), 'utf8')) as RuleFileEntry[]
  const files = entries
    .filter((entry) => entry.valid !== null)
    .map((entry): Verdict => {
      const kind = entry.valid ? `loads: ${entry.kind}` : 'refused'
      const text = readFileSync(join(from, entry.file), 'utf8')
      const reason = findRefusal(() => {
        const groups = parseRuleFile(text, entry.file, { parser: engine })
        const rules = groups.flatMap((group) => group.rules)
        const alertCount = rules.filter((rule) => rule.kind === 'alerting').length
        const found = `${alertCount} alerts, ${rules.length - alertCount} records`
        const wanted = `${entry.alerts} alerts, ${entry.records} records`
        if (entry.valid && found !== wanted) throw new SyntaxError(`${found}, expected ${wanted}`)
      })
      return judge({ kind, name: entry.file, isValid: entry.valid === true, reason })
    })
  const scored = report('rules', files, options)
  // Expressions of files that must be refused stand in the list too, so these are told, not scored.
  const expressions = readLines(join(from, 'exprs.jsonl'))
  const parsed = expressions.filter(
    ({ expr }) => findRefusal(() => engine.prepare(expr)) === undefined,
  )
  options.print(`distinct expressions that parse: ${parsed.length} of ${expressions.length}`)
  return {
    ...scored,
    figures: { expressionsParsed: parsed.length, expressionsTotal: expressions.length },
  }
}

/** Parses every expression of `exprs.jsonl`; those that are not PromQL must be refused. */
export async function measureDashboards(options: MeasureOptions): Promise<MeasureResult> {
  const engine = makeEngine()
  const verdicts = readLines(join(options.from, 'exprs.jsonl')).map((entry): Verdict => {
    const isValid = entry.promtool_2_42 === 'ok'
    const text = entry.expanded ?? entry.expr
    const reason = findRefusal(() => engine.prepare(text))
    return judge({ kind: isValid ? 'parses' : 'refused', name: text, isValid, reason })
  })
  return report('dashboards', verdicts, options)
}

function readLines(path: string): ExpressionEntry[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ExpressionEntry)
}

/** Why something is refused, or `undefined` when it is taken. */
function findRefusal(attempt: () => unknown): string | undefined {
  try {
    attempt()
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof CodedError || thrown instanceof SyntaxError)) throw thrown
    return messageOf(thrown)
  }
}

function judge(found: {
  kind: string
  name: string
  isValid: boolean
  reason: string | undefined
}): Verdict {
  const { kind, name, isValid, reason } = found
  const isRight = isValid === (reason === undefined)
  return { kind, name, isRight, text: reason ?? 'was not refused' }
}

function report(
  suite: string,
  verdicts: readonly Verdict[],
  options: MeasureOptions,
): MeasureResult {
  const counts = new Map<string, { passed: number; total: number }>()
  for (const { kind, name, isRight, text } of verdicts) {
    const held = counts.get(kind) ?? { passed: 0, total: 0 }
    held.total++
    if (isRight) held.passed++
    counts.set(kind, held)
    if (!isRight && options.listsFailures) options.print(`${name}\n    ${text}`)
  }
  for (const line of formatCounts(suite, counts)) options.print(line)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(verdicts, undefined, 1))
  const passed = verdicts.filter((verdict) => verdict.isRight).length
  return { suite, passed, total: verdicts.length, figures: {} }
}
