import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitComparison } from './comparison.ts'

test('the signal is what stands before the last comparison with a number', () => {
  const cases: [string, string, number | undefined][] = [
    ['sum(rate(x[1m])) > 0.05', 'sum(rate(x[1m]))', 0.05],
    ['up == 0', 'up', 0],
    ['a / b >= 1e-3', 'a / b', 0.001],
    ['a{x="y > 1"} < -2', 'a{x="y > 1"}', -2],
    ['absent(up)', 'absent(up)', undefined],
    ['a > b', 'a > b', undefined],
    ['sum(a > 1)', 'sum(a > 1)', undefined],
    ['a > 1 and b > 2', 'a > 1 and b > 2', undefined],
    ['(a and b) > 2', '(a and b)', 2],
  ]
  for (const [expression, query, threshold] of cases) {
    assert.deepEqual(splitComparison(expression), { query, threshold }, expression)
  }
})
