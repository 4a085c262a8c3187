/** Writes a rule as the text of a rule file, for trying a change of it. Text in JSON quotes is YAML too. */

import type { RuleGroupStatus, RuleStatus } from '../../../src/api/rules.ts'
import { spanText } from '../../data/range.ts'

/** A text to begin with. */
export const exampleText = `groups:
  - name: example
    rules:
      - alert: HighLoad
        expr: node_load1 > 4
        for: 5m
        labels:
          severity: warning
        annotations:
          summary: 'The load of {{ $labels.instance }} is {{ $value }}'
`

/** The rule in a group of its own. */
export function formatRule(group: RuleGroupStatus, rule: RuleStatus): string {
  const lines = [
    'groups:',
    `  - name: ${quote(group.name)}`,
    `    interval: ${spanText(group.intervalMs)}`,
    '    rules:',
    `      - ${rule.kind === 'recording' ? 'record' : 'alert'}: ${quote(rule.name)}`,
    ...formatExpression(rule.expression),
    ...(rule.holdMs > 0 ? [`        for: ${spanText(rule.holdMs)}`] : []),
    ...(rule.keepFiringMs > 0 ? [`        keep_firing_for: ${spanText(rule.keepFiringMs)}`] : []),
    ...formatPairs('labels', rule.labels),
    ...formatPairs('annotations', {
      ...rule.annotations,
      ...(rule.strategy?.text === undefined ? {} : { shipwatch: rule.strategy.text }),
    }),
  ]
  return `${lines.join('\n')}\n`
}

/** A word needs no quotes. */
function quote(text: string): string {
  return /^[A-Za-z_][\w:.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text)
}

function formatExpression(expression: string): string[] {
  const lines = expression.trim().split('\n')
  return ['        expr: |-', ...lines.map((line) => `          ${line}`)]
}

function formatPairs(name: string, pairs: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(pairs)
  if (entries.length === 0) return []
  return [
    `        ${name}:`,
    ...entries.map(([key, value]) => `          ${quote(key)}: ${quote(value)}`),
  ]
}
