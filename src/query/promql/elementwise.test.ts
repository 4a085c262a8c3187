import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isElementwise } from './elementwise.ts'
import { prepareTree } from './prepare.ts'

test('an expression is elementwise when each element needs the latest samples of its own series alone', () => {
  const isSo = (expression: string): boolean =>
    isElementwise(
      prepareTree(expression, { hasExperimentalFunctions: true, hasExtendedRanges: true }).root,
    )
  for (const expression of [
    'a',
    'a > 1',
    '1 - a / b > 0.9',
    '-(a) == bool 3',
    'a > 1 and b < 2 unless c',
    'a or b',
    'clamp_max(abs(a), 3) > 2',
    '{job="x"} > 0',
  ])
    assert.equal(isSo(expression), true, expression)
  for (const expression of [
    '1',
    'time() > bool 3',
    'a offset 5m > 1',
    'a @ 100 > 1',
    'rate(a[5m]) > 1',
    'sum(a) > 1',
    'topk(3, a)',
    'a / on (x) b',
    'a / ignoring (x) b',
    'a + on () group_left () b',
    'absent(a)',
    'a > scalar(b)',
    'label_replace(a, "x", "$1", "y", "(.*)")',
    'max_over_time(a[5m:1m]) > 2',
    'timestamp(a) > 5',
    'a > time()',
    'histogram_quantile(0.9, a)',
    'sort(a)',
  ])
    assert.equal(isSo(expression), false, expression)
})
