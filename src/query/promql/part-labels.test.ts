import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPartLabels } from './part-labels.ts'
import { prepareTree } from './prepare.ts'

function partsOf(expression: string): string | undefined {
  const language = { hasExperimentalFunctions: true, hasExtendedRanges: true }
  const found = findPartLabels(prepareTree(expression, language).root)
  return found === undefined || found === 'all' ? found : found.join()
}

test('an answer falls into parts when each element needs samples of its own series alone', () => {
  for (const expression of [
    'a',
    'a > 1',
    '1 - a / b > 0.9',
    '-(a) == bool 3',
    'a > 1 and b < 2 unless c',
    'a or b',
    'clamp_max(abs(a), 3) > 2',
    '{job="x"} > 0',
    'rate(a[5m]) > 1',
    'a offset 5m > 1',
    'a - a offset 5m > 1',
    'predict_linear(a[1h], 3600) < 0 and a / b < 0.4',
    'quantile_over_time(0.9, a[5m] offset 1m) > 1',
  ])
    assert.equal(partsOf(expression), 'all', expression)
})

test('or those of its group', () => {
  assert.equal(partsOf('sum by (job) (a) > 3'), 'job')
  assert.equal(partsOf('max by (x, job) (a) / max by (job, x) (b) > 0.5'), 'job,x')
  assert.equal(partsOf('sum by (job) (max by (job, x) (a > 3)) > 1'), 'job')
  assert.equal(partsOf('1 - avg by (job) (rate(a[5m])) > 0.9'), 'job')
  assert.equal(partsOf('quantile by (job) (0.9, a) unless count by (job) (b)'), 'job')
})

test('it does not where elements depend on others, or on no sample at all', () => {
  for (const expression of [
    '1',
    'time() > bool 3',
    'a @ 100 > 1',
    'rate(a[5m] @ end()) > 1',
    'sum(rate(a[5m])) > 1',
    'absent_over_time(a[5m])',
    'rate(a[5m] smoothed) > 1',
    'predict_linear(a[1h], scalar(b)) < 0',
    'sum(a) > 1',
    'sum without (x) (a) > 1',
    'sum by (job) (a) / sum by (x) (a)',
    'sum by (job) (a) / a',
    'sum by (job, x) (sum by (job) (a))',
    'count_values by (job) ("v", a)',
    'topk by (job) (3, a)',
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
    assert.equal(partsOf(expression), undefined, expression)
})
