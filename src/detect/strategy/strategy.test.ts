import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodedError } from '../../base/error.ts'
import { parseRuleFile } from '../rule-file.ts'
import { formatBound } from './bound.ts'
import type { Strategy } from './strategy.ts'

const parser = {
  prepare: (expression: string) => {
    if (expression.includes('((')) throw new Error('unclosed left parenthesis')
    return { valueType: 'vector' as const }
  },
}

function fileOf(expression: string, lines: readonly string[]): string {
  const block = lines.map((line) => `        ${line}\n`).join('')
  return `groups:
- name: g
  rules:
  - alert: A
    expr: ${expression}
    for: 5m
    annotations:
      summary: '{{ $value }}'
      shipwatch: |
${block}`
}

function read(expression: string, lines: readonly string[]): Strategy {
  const [rule] = parseRuleFile(fileOf(expression, lines), 'r.yml', { parser })[0]!.rules
  assert.ok(rule?.kind === 'alerting')
  assert.deepEqual([...rule.annotations.keys()], ['summary'])
  return rule.strategy!
}

function problemsOf(expression: string, lines: readonly string[]): string[] {
  try {
    parseRuleFile(fileOf(expression, lines), 'r.yml', { parser })
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof CodedError)
    const problems = thrown.facts['problems'] as { line: number; path: string; message: string }[]
    return problems.map(({ line, path, message }) => `${line} ${path}: ${message}`)
  }
}

test('a plain comparison gives the measure and the lowest threshold', () => {
  const strategy = read('rate(errors[5m]) / rate(all[5m]) >= 0.01', [
    'levels:',
    '  - severity: warning',
    "  - { severity: page, when: '> 5e-2', for: 1m }",
  ])
  assert.equal(strategy.kind, 'escalating')
  assert.equal(strategy.measure, 'rate(errors[5m]) / rate(all[5m])')
  assert.deepEqual(
    strategy.levels.map(({ when, holdMs }) => [formatBound(when!), holdMs]),
    [
      ['>= 0.01', 300_000],
      ['> 0.05', 60_000],
    ],
  )
})

test('an expression without a comparison takes the thresholds of its levels', () => {
  const strategy = read('error_ratio', ["levels: [{ severity: page, when: 'outside 1..2' }]"])
  assert.equal(strategy.measure, 'error_ratio')
  assert.equal(strategy.kind, 'sustained')
})

test('without thresholds the expression alone decides, whatever it is', () => {
  const strategy = read('a > 1 and on (job) b > 2', ['flapping: { changes: 6, within: 30m }'])
  assert.equal(strategy.measure, undefined)
})

test('mistakes are named with the line in the file', () => {
  assert.deepEqual(problemsOf('a > 1', ['levels:', '  - severity: page', '    wenn: 3']), [
    '12 shipwatch.levels[0].wenn: "wenn" is not a setting here; remove it or correct its spelling',
  ])
  assert.match(
    problemsOf('a > 1', ["recovery: '< many'"])[0]!,
    /^10 shipwatch.recovery.when: "< many" is not a comparison; write for example/,
  )
  assert.match(
    problemsOf('a > b', ['strategy: sustained', 'recovery: "< 3"'])[0]!,
    /^11 shipwatch.recovery: this needs an expression that compares one measure with a number/,
  )
  assert.match(problemsOf('absent(a)', ['no_data: alert'])[0]!, /^10 shipwatch.no_data: this needs/)
  assert.match(
    problemsOf('a > 1', ['recovery: { expr: "((" }'])[0]!,
    /^10 shipwatch.recovery.expr: could not parse expression/,
  )
  assert.match(problemsOf('a > 1', ['recovery: { for: 5m }'])[0]!, /write either "when" or "expr"/)
  assert.match(problemsOf('a > 1', ['strategy: escalating'])[0]!, /needs at least two levels/)
  assert.match(
    problemsOf('a > 1', ['strategy: single', 'levels: [{severity: a}, {severity: b}]'])[0]!,
    /"single" has one level/,
  )
  assert.match(
    problemsOf('a > 1', ['strategy: single', 'flapping: { changes: 6, within: 1h }'])[0]!,
    /tells an event once/,
  )
  assert.match(
    problemsOf('a > 1', ['levels: [{severity: a}, {severity: a}]'])[0]!,
    /a severity of its own/,
  )
  assert.match(
    problemsOf('a > 1', ['delay: { up: 2h, max: 1h }'])[0]!,
    /must not be shorter than "up" and "down"/,
  )
  assert.match(problemsOf('a > 1', ['levels: [b'])[0]!, /^1[01] shipwatch: /)
})
