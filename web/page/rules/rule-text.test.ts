import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RuleGroupStatus, RuleStatus } from '../../../src/api/rules.ts'
import { formatRule } from './rule-text.ts'

test('a rule is written as text with quotes wherever its names and values need them', () => {
  const group = { name: 'a: b # c', intervalMs: 90_000 } as RuleGroupStatus
  const rule = {
    kind: 'alerting',
    name: 'Slow "one"',
    expression: 'sum by (job) (\n  rate(x{path=~"/a.*"}[5m])\n) > 2',
    holdMs: 120_000,
    keepFiringMs: 0,
    labels: { severity: 'page', off: 'no', n: '1' },
    annotations: { summary: '{{ $value }}: 7 %\nline two' },
    strategy: { kind: 'single', text: 'strategy: single' },
  } as unknown as RuleStatus
  assert.equal(
    formatRule(group, rule),
    [
      'groups:',
      '  - name: "a: b # c"',
      '    interval: 90s',
      '    rules:',
      '      - alert: "Slow \\"one\\""',
      '        expr: |-',
      '          sum by (job) (',
      '            rate(x{path=~"/a.*"}[5m])',
      '          ) > 2',
      '        for: 2m',
      '        labels:',
      '          severity: page',
      '          "off": "no"',
      '          n: "1"',
      '        annotations:',
      '          summary: "{{ $value }}: 7 %\\nline two"',
      '          shipwatch: "strategy: single"',
      '',
    ].join('\n'),
  )
})
