import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gridOfClassic, gridOfNative, isClassic } from './heat-grid.ts'

const timesMs = [0, 1000]

test('classic buckets count up to their bound, so that each row is a difference', () => {
  const series = [
    { labels: { le: '+Inf', job: 'a' }, values: [9, 9] },
    { labels: { le: '0.5', job: 'a' }, values: [2, null] },
    { labels: { le: '1', job: 'a' }, values: [5, 4] },
    { labels: { le: '1', job: 'b' }, values: [1, 0] },
    { labels: { le: '+Inf', job: 'b' }, values: [1, 0] },
  ]
  assert.ok(isClassic(series))
  const grid = gridOfClassic(series, timesMs, 1000)
  assert.deepEqual(grid.rows, [
    { low: 0, high: 0.5 },
    { low: 0.5, high: 1 },
    { low: 1, high: Number.POSITIVE_INFINITY },
  ])
  assert.deepEqual([...grid.counts], [2, 0, 4, 4, 4, 5])
  assert.equal(grid.countMax, 5)
})

test('rows that never have anything are left out at both ends', () => {
  const series = [
    { labels: { le: '1' }, values: [0, 0] },
    { labels: { le: '2' }, values: [3, 3] },
    { labels: { le: '+Inf' }, values: [3, 3] },
  ]
  assert.deepEqual(gridOfClassic(series, timesMs, 1000).rows, [{ low: 1, high: 2 }])
  assert.equal(isClassic([{ labels: { job: 'a' }, values: [] }]), false)
})

test('native buckets of different widths are laid over common rows, and nothing is lost', () => {
  const grid = gridOfNative(
    [
      {
        labels: {},
        points: [
          {
            timeMs: 0,
            value: {
              count: '7',
              sum: '1',
              buckets: [
                [3, '-0.001', '0.001', '1'],
                [0, '1', '2', '4'],
                [0, '4', '8', '2'],
              ],
            },
          },
          { timeMs: 1000, value: { count: '6', sum: '1', buckets: [[0, '1', '4', '6']] } },
        ],
      },
    ],
    timesMs,
    1000,
  )
  const shown = grid.rows.map(({ low, high }) => [low, Math.round(high)])
  assert.deepEqual(shown, [
    [0, 1],
    [1, 2],
    [2, 4],
    [4, 8],
  ])
  const rounded = [...grid.counts].map((count) => Math.round(count * 1e9) / 1e9)
  assert.deepEqual(rounded, [1, 0, 4, 3, 0, 3, 2, 0])
})

test('buckets below zero have a row of their own, and an empty histogram none', () => {
  const point = (buckets: [number, string, string, string][]) => ({
    labels: {},
    points: [{ timeMs: 0, value: { count: '1', sum: '1', buckets } }],
  })
  const grid = gridOfNative([point([[1, '-4', '-2', '3']]), point([[0, '1', '2', '1']])], [0], 1000)
  assert.deepEqual(
    grid.rows.map((row) => row.low),
    [-4, 1],
  )
  assert.deepEqual([...grid.counts], [3, 1])
  assert.equal(gridOfNative([point([])], [0], 1000).rows.length, 0)
})
