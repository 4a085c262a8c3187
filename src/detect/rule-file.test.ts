import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CodedError } from '../base/error.ts'
import { type ExpressionParser, parseRuleFile } from './rule-file.ts'

/** Finds only what a test needs: an unbalanced bracket. */
const parser: ExpressionParser = {
  prepare: (expression) => {
    if (expression.includes('((')) throw new Error('1:1: parse error: unclosed left parenthesis')
    return { valueType: expression.startsWith('"') ? 'string' : 'vector' }
  },
}

function problemsOf(text: string): string[] {
  try {
    parseRuleFile(text, 'r.yml', { parser })
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof CodedError)
    assert.equal(thrown.code, 'CONFIG_INVALID')
    const problems = thrown.facts['problems'] as { line: number; column: number; message: string }[]
    return problems.map((problem) => `${problem.line}:${problem.column} ${problem.message}`)
  }
}

test('a rule file is read with everything that Prometheus allows', () => {
  const [group] = parseRuleFile(
    `groups:
- name: g
  interval: 30s
  query_offset: 5s
  limit: 10
  labels: {team: x}
  rules:
  - record: job:x:rate5m
    expr: sum by (job) (rate(x[5m]))
    labels: {kind: made}
  - alert: HighLatency
    expr: 1
    for: 10m
    keep_firing_for: 5m
    labels: {severity: page, level: 2}
    annotations: {summary: 'on {{ $labels.instance }}'}
`,
    'r.yml',
    { parser },
  )
  assert.equal(group!.intervalMs, 30_000)
  assert.equal(group!.queryOffsetMs, 5_000)
  assert.equal(group!.limit, 10)
  const [record, alert] = group!.rules
  assert.deepEqual(
    [...record!.labels],
    [
      ['team', 'x'],
      ['kind', 'made'],
    ],
  )
  assert.equal(record!.kind, 'recording')
  assert.ok(alert?.kind === 'alerting')
  assert.equal(alert.expression, '1')
  assert.equal(alert.holdMs, 600_000)
  assert.equal(alert.keepFiringMs, 300_000)
  assert.equal(alert.labels.get('level'), '2')
})

test('an empty file has no groups', () => {
  assert.deepEqual(parseRuleFile('', 'r.yml'), [])
  assert.deepEqual(parseRuleFile('groups:\n', 'r.yml'), [])
})

test('every mistake is named with its line and column, all at once', () => {
  const problems = problemsOf(`groups:
- name: g
  rules:
  - alert: A
    expr: ((x
    annotations: {summary: '{{ if }}'}
  - record: a-b
    expr: x
    for: 5m
  - alert: B
    record: c
    expr: '"text"'
  - expr: x
  - alert: C
    expr: x
    labels: {__name__: n}
- name: g
`)
  assert.deepEqual(
    problems.map((problem) => problem.slice(0, problem.indexOf(' '))),
    ['5:5', '6:19', '9:5', '7:5', '10:5', '12:5', '13:5', '16:14', '17:3'],
  )
  const text = problems.join('\n')
  for (const part of [
    'could not parse expression: 1:1: parse error: unclosed left parenthesis',
    'bad template: ',
    '"for" belongs to alerts',
    '"a-b" is not a metric name',
    'not both',
    'answers a string',
    'needs "record" or "alert"',
    '"__name__" cannot be set',
    '"g" is repeated',
  ])
    assert.ok(text.includes(part), part)
})

test('all documents of a file are read, and lines are counted through', () => {
  const text = '---\ngroups:\n- name: a\n---\n# nothing\n---\ngroups:\n- name: b\n'
  assert.deepEqual(
    parseRuleFile(text, 'r.yml').map((group) => group.name),
    ['a', 'b'],
  )
  assert.match(problemsOf(`${text}- name: a\n`)[0]!, /^9:3 "a" is repeated/)
})

test('unknown keys, wrong types and bad durations are refused', () => {
  const check = (text: string, expected: RegExp) =>
    assert.match(problemsOf(text).join('\n'), expected)
  check('groups:\n- name: g\n  intervall: 1m\n', /3:3 "intervall" is not a setting/)
  check('groups:\n- name: g\n  interval: soon\n', /"soon" is not a duration/)
  check('groups:\n- name: g\n  rules: 5\n', /array/)
  check('group: []\n', /"group" is not a setting/)
  check('groups:\n- name: g\n  rules:\n  - alert: A\n', /expr|PromQL/)
  check('groups: [', /./)
})

test('label names that every object has are plain labels', () => {
  const [group] = parseRuleFile(
    'groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    labels: {constructor: a, toString: b}\n',
    'r.yml',
  )
  assert.deepEqual(
    [...group!.rules[0]!.labels],
    [
      ['constructor', 'a'],
      ['toString', 'b'],
    ],
  )
})

test('the built-in rules are read and name severity, summary, description and what to do', () => {
  const file = join(import.meta.dirname, 'default-rules.yml')
  const rules = parseRuleFile(readFileSync(file, 'utf8'), file).flatMap((group) => group.rules)
  assert.ok(rules.length >= 7)
  for (const rule of rules) {
    assert.ok(rule.kind === 'alerting')
    assert.match(rule.labels.get('severity') ?? '', /^(warning|critical)$/)
    for (const name of ['summary', 'description', 'runbook'])
      assert.ok((rule.annotations.get(name) ?? '').length > 20, `${rule.name} ${name}`)
  }
})

test('the groups of PrometheusRule objects are read, each object as a file of its own', () => {
  const object = (expression: string): string => `apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: some, labels: {role: alert-rules}}
spec:
  groups:
  - name: g
    partial_response_strategy: warn
    rules:
    - alert: A
      expr: ${expression}
`
  const groups = parseRuleFile(`${object('1')}---\n${object('2')}`, 'r.yml', { parser })
  assert.deepEqual(
    groups.map((group) => group.rules[0]!.expression),
    ['1', '2'],
  )
  assert.match(problemsOf(object('up (('))[0]!, /^10:7 could not parse expression/)
  assert.match(
    problemsOf(object('1').replace('alert:', 'alarm:')).join(),
    /"alarm" is not a setting/,
  )
  assert.match(
    problemsOf(object('1').replace('PrometheusRule', 'ConfigMap')).join(),
    /"kind" is not a setting here/,
  )
})
