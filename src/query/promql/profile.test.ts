// Sections: samples by step as Prometheus counts them; the tree with its costs; nothing when nobody asks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Histogram } from '../../model/histogram.ts'
import { makeLabels } from '../../model/labels.ts'
import type { ExplainNode } from '../query.ts'
import { makeTestEngine } from '../testdata/engine.ts'

/** A histogram of one span with four buckets, which Prometheus counts as 13 samples. */
const heat: Histogram = {
  ...{ schema: 1, count: 5, sum: 20, zeroThreshold: 0, zeroCount: 0 },
  positive: { index: [0, 1, 2, 3], count: [1, 2, 1, 1] },
  negative: { index: [], count: [] },
  customBounds: [],
  resetHint: 'unknown',
}

/** One sample every 10 s, 1 to 100, of `one` (1 series) and of `three` (3 series). */
function makeFilledEngine() {
  const { engine, store } = makeTestEngine()
  for (let row = 0; row <= 100; row++) {
    store.add(makeLabels({ __name__: 'one' }), row * 10_000, row + 1)
    store.add(makeLabels({ __name__: 'heat' }), row * 10_000, heat)
    for (const a of ['1', '2', '3'])
      store.add(makeLabels({ __name__: 'three', a, b: a === '1' ? 'x' : 'y' }), row * 10_000, row)
  }
  return engine
}

// Expected numbers after prometheus promql/engine_test.go, TestQueryStatistics (Apache-2.0): facts only.
test('samples are counted by step as Prometheus counts them', async () => {
  const engine = makeFilledEngine()
  const instants: [expression: string, timeS: number, count: number][] = [
    ['"literal"', 0, 0],
    ['1', 0, 0],
    ['one', 21, 1],
    ['three', 21, 3],
    ['one[59s]', 201, 6],
    ['max_over_time(one[59s])', 201, 6],
    ['max_over_time(one[59s])[20s:5s]', 201, 24],
    ['max_over_time(three[59s])', 201, 18],
    ['max_over_time(three[59s:5s])', 201, 36],
    ['sum(max_over_time(three[59s:5s])) + sum(max_over_time(three[59s:5s]))', 201, 72],
    ['one @ 30', 201, 1],
    ['timestamp(three)', 21, 3],
    ['sum by (b) (three)', 21, 3],
    ['heat', 21, 13],
    ['heat[59s]', 201, 78],
    ['sum_over_time(heat[59s])', 201, 78],
  ]
  for (const [expression, timeS, count] of instants) {
    const answer = await engine.instant({ expression, timeMs: timeS * 1000, hasStats: true })
    assert.equal(answer.stats.detail?.queryableSampleCount, count, expression)
    assert.deepEqual([...answer.stats.detail!.stepSampleCounts], [count], expression)
  }
  const ranges: [expression: string, counts: number[]][] = [
    ['one', [1, 1, 1, 1]],
    ['max_over_time(one[59s])', [6, 6, 6, 6]],
    ['max_over_time(three[59s:5s])', [36, 36, 36, 36]],
    ['one @ 30', [1, 1, 1, 1]],
    ['heat', [13, 13, 13, 13]],
    ['rate(heat[59s])', [78, 78, 78, 78]],
    ['max_over_time(one[59s] @ 30)', [4, 4, 4, 4]],
    ['three + on (a) group_left () sum by (a) (three)', [6, 6, 6, 6]],
  ]
  for (const [expression, counts] of ranges) {
    const times = { startTimeMs: 201_000, endTimeMs: 220_000, stepMs: 5000 }
    const answer = await engine.range({ expression, ...times, hasStats: true })
    assert.deepEqual([...answer.stats.detail!.stepSampleCounts], counts, expression)
  }
})

test('an explained query tells rows, points, samples and labels of each node', async () => {
  const engine = makeFilledEngine()
  const { root, answer } = await engine.explain({
    expression: 'sum by (b) (rate(three[1m])) > 0.5 * scalar(one)',
    startTimeMs: 201_000,
    endTimeMs: 220_000,
    stepMs: 5000,
  })
  assert.equal(answer.value.type, 'matrix')
  const shown = (node: ExplainNode): unknown[] => [
    node.kind,
    node.name,
    node.text,
    node.seriesCount,
    node.pointCount,
    ...node.children.map(shown),
  ]
  assert.deepEqual(shown(root), [
    ...['binary', '>', 'sum by (b) (rate(three[1m])) > 0.5 * scalar(one)', 0, 0],
    [
      ...['aggregate', 'sum', 'sum by (b) (rate(three[1m]))', 2, 8],
      ['call', 'rate', 'rate(three[1m])', 3, 12, ['matrix', 'three', 'three[1m]', 3, 21]],
    ],
    [
      ...['binary', '*', '0.5 * scalar(one)', 1, 4],
      ['call', 'scalar', 'scalar(one)', 1, 4, ['selector', 'one', 'one', 1, 4]],
    ],
  ])
  const matrix = root.children[0]!.children[0]!.children[0]!
  assert.equal(matrix.read?.sampleCount, 21)
  assert.deepEqual(
    matrix.labels.map(({ name, valueCount }) => [name, valueCount]),
    [
      ['a', 3],
      ['b', 2],
      ['__name__', 1],
    ],
  )
  assert.deepEqual(matrix.labels[1]!.examples, [
    { value: 'y', seriesCount: 2 },
    { value: 'x', seriesCount: 1 },
  ])
  const walk = (node: ExplainNode): void => {
    const below = node.children.reduce((sum, child) => sum + child.elapsedMs, 0)
    assert.ok(node.elapsedMs >= 0 && node.ownMs >= 0)
    assert.ok(Math.abs(node.ownMs - Math.max(0, node.elapsedMs - below)) < 1e-9)
    for (const child of node.children) walk(child)
  }
  walk(root)
})

test('two selectors of one metric share a read and say so', async () => {
  const engine = makeFilledEngine()
  const { root } = await engine.explain({ expression: 'one - one offset 10s', timeMs: 201_000 })
  assert.deepEqual(
    root.children.map(({ read }) => read?.selectorCount),
    [2, 2],
  )
})

test('without being asked a query tells sums only', async () => {
  const engine = makeFilledEngine()
  const answer = await engine.instant({ expression: 'three', timeMs: 21_000 })
  assert.equal(answer.stats.detail, undefined)
  assert.ok(answer.stats.sampleCount > 0)
})
