import assert from 'node:assert/strict'
import { test } from 'node:test'
import { customBoundsSchema, type Histogram } from '../../model/histogram.ts'
import { formatHistogram } from './histogram.ts'

const base: Histogram = {
  schema: 0,
  count: 0,
  sum: 0,
  zeroThreshold: 0.001,
  zeroCount: 0,
  positive: { index: [], count: [] },
  negative: { index: [], count: [] },
  customBounds: [],
  resetHint: 'unknown',
}

test('buckets go from the lowest to the highest, with the rule of their bounds', () => {
  const shown = formatHistogram({
    ...base,
    count: 12,
    sum: -3.5,
    zeroCount: 2,
    positive: { index: [1, 2, 3], count: [3, 0, 1] },
    negative: { index: [0, 2], count: [4, 2] },
  })
  assert.deepEqual(JSON.parse(shown), {
    count: '12',
    sum: '-3.5',
    buckets: [
      [1, '-4', '-2', '2'],
      [1, '-1', '-0.5', '4'],
      [3, '-0.001', '0.001', '2'],
      [0, '1', '2', '3'],
      [0, '4', '8', '1'],
    ],
  })
})

test('custom bounds are written as they are, and what is not a number has a name', () => {
  const shown = formatHistogram({
    ...base,
    schema: customBoundsSchema,
    count: 6,
    sum: Number.NaN,
    customBounds: [-1, 5],
    positive: { index: [0, 1, 2], count: [1, 2, 3] },
  })
  assert.deepEqual(JSON.parse(shown), {
    count: '6',
    sum: 'NaN',
    buckets: [
      [1, '-Inf', '-1', '1'],
      [3, '-1', '5', '2'],
      [0, '5', '+Inf', '3'],
    ],
  })
})

test('an empty histogram has no buckets', () => {
  assert.equal(formatHistogram(base), '{"count":"0","sum":"0"}')
})
