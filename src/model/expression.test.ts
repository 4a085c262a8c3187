/** Taking rule expressions apart. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitComparison } from './expression.ts'

function check(
  expression: string,
  expected: [string, string, number | undefined] | undefined,
): void {
  const split = splitComparison(expression)
  assert.deepEqual(
    split === undefined ? undefined : [split.left, split.operator, split.threshold],
    expected,
    expression,
  )
}

test('the signal is on the left of the outermost comparison', () => {
  check('up == 0', ['up', '==', 0])
  check('sum(rate(a[1m])) / sum(rate(b[1m])) > 0.03', [
    'sum(rate(a[1m])) / sum(rate(b[1m]))',
    '>',
    0.03,
  ])
  check('(a / b >= 1e-3)', ['a / b', '>=', 0.001])
  check('(a) / (b) < bool 5', ['(a) / (b)', '<', 5])
  check('0.03 < a / b', ['a / b', '>', 0.03])
  check('a > b', ['a', '>', undefined])
})

test('what only looks like a comparison is not one', () => {
  check('rate(x{path=~"a>b|c and d"}[5m]) > 2', ['rate(x{path=~"a>b|c and d"}[5m])', '>', 2])
  check("count(x{a!='b'}) > 1", ["count(x{a!='b'})", '>', 1])
  check('sum(x > 3)', undefined)
  check('predict_linear(a[1h], 4 * 3600)', undefined)
})

test('of conditions joined by and or unless the first tells; alternatives have no single signal', () => {
  check('a > 1 and on (job) b > 2', ['a', '>', 1])
  check('a > 1 unless c', ['a', '>', 1])
  check('a > 1 or b > 2', undefined)
  check('android_total > 1', ['android_total', '>', 1])
})

test('unfinished text does not hang or throw', () => {
  for (const text of ['', '(', '"', 'a > "', '((a > 1)', '>', ') > 1', '`']) splitComparison(text)
})
