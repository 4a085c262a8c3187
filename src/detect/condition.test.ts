import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Condition, findCondition } from './condition.ts'

function show(condition: Condition): string {
  if (condition.type === 'leaf') return condition.expression
  if (condition.type === 'always') return 'always'
  return `${condition.type}[${condition.parts.map(show).join(' | ')}]`
}

test('an expression is split at the operators that filter, loosest first', () => {
  const check = (expression: string, expected: string) =>
    assert.equal(show(findCondition(expression)), expected)
  check('rate(errors[5m]) > 3', 'all[rate(errors[5m]) | 3]')
  check('(up == 0)', 'all[up | 0]')
  check('a > 1 or b < 2', 'any[all[a | 1] | all[b | 2]]')
  check('a > 1 and on (job) b', 'all[all[a | 1] | b]')
  check('a / b > 0.1 unless on(x) c == 1', 'all[a / b | 0.1]')
  check('a > b > c', 'all[all[a | b] | c]')
  check(
    'a / ignoring (code) group_left (x) b >= 2',
    'all[a / ignoring (code) group_left (x) b | 2]',
  )
  check('a != on(job) group_left() b', 'all[a | b]')
})

test('what looks like an operator inside a string, bracket, comment or name is none', () => {
  const check = (expression: string, expected: string) =>
    assert.equal(show(findCondition(expression)), expected)
  check('x{a="b > c or d"} > 1', 'all[x{a="b > c or d"} | 1]')
  check('sum by (or_and) (this_or_that) == 0', 'all[sum by (or_and) (this_or_that) | 0]')
  check('count(a > 1)', 'count(a > 1)')
  check('a # > 3 or b\n > 2', 'all[a # > 3 or b | 2]')
  check("x{a='\\' > 1'} < 5", "all[x{a='\\' > 1'} | 5]")
  check('a > bool 1', 'a > bool 1')
})

test('an absent expression is never without data', () => {
  assert.equal(show(findCondition('absent(up{job="x"})')), 'always')
  assert.equal(show(findCondition('absent_over_time(up[5m]) == 1')), 'always')
})

test('an expression that filters inside is opaque', () => {
  const check = (expression: string, expected: boolean) => {
    const condition = findCondition(expression)
    assert.equal(condition.type === 'leaf' && condition.isOpaque, expected, expression)
  }
  check('count by (job) (up == 0)', true)
  check('label_replace(up == 0, "a", "$1", "b", "(.*)")', true)
  check('sum(a and b)', true)
  check('topk(3, x)', true)
  check('sum(rate(x{a!="b", c=~"d > e"}[5m]))', false)
  check('a > bool 1', true)
})
