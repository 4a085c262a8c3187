import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commonLabels, errorPlace, parseSampleValue, seriesName, toGrid } from './prometheus.ts'

test('missing and non-finite samples are gaps on the grid, never zero', () => {
  const { timesMs, series } = toGrid(
    [
      {
        metric: {},
        values: [
          [10, '1'],
          [30, 'NaN'],
          [40, '+Inf'],
          [50, '5'],
        ],
      },
    ],
    { startMs: 10_000, endMs: 50_000, stepMs: 10_000 },
  )
  assert.deepEqual(timesMs, [10_000, 20_000, 30_000, 40_000, 50_000])
  assert.deepEqual(series[0]?.values, [1, null, null, null, 5])
})

test('samples outside the grid are left out', () => {
  const { series } = toGrid(
    [
      {
        metric: {},
        values: [
          [1, '1'],
          [90, '2'],
        ],
      },
    ],
    {
      startMs: 10_000,
      endMs: 20_000,
      stepMs: 10_000,
    },
  )
  assert.deepEqual(series[0]?.values, [null, null])
})

test('infinities are read as the server writes them', () => {
  assert.equal(parseSampleValue('+Inf'), Number.POSITIVE_INFINITY)
  assert.equal(parseSampleValue('-Inf'), Number.NEGATIVE_INFINITY)
  assert.ok(Number.isNaN(parseSampleValue('NaN')))
})

test('the place of a parse error is found, also on later lines', () => {
  assert.deepEqual(errorPlace('sum(', { message: '1:5: parse error: unclosed left parenthesis' }), {
    offset: 4,
    message: 'unclosed left parenthesis',
  })
  assert.equal(
    errorPlace('sum(\n  up', {
      message: 'invalid parameter "query": 2:3: parse error: unexpected identifier "up"',
    })?.offset,
    7,
  )
  assert.equal(errorPlace('up', { message: 'query timed out' }), undefined)
  assert.equal(errorPlace('up', { message: '9:99: parse error: x' })?.offset, 2)
})

test('a legend names only what differs', () => {
  const all = [
    { __name__: 'up', job: 'a', instance: 'x' },
    { __name__: 'up', job: 'b', instance: 'x' },
  ]
  const common = commonLabels(all)
  assert.deepEqual([...common], ['__name__', 'instance'])
  assert.equal(seriesName(all[0]!, common), '{job="a"}')
  assert.equal(seriesName(all[0]!), 'up{job="a", instance="x"}')
  assert.equal(seriesName({}), '{}')
})
