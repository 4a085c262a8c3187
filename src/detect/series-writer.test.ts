/** Recorded native histograms: written, read by rules behind them, and ended when they vanish. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Histogram } from '../model/histogram.ts'
import { makeLabels } from '../model/labels.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { Bench } from './testdata/bench.ts'

const rules = `groups:
- name: g
  interval: 15s
  rules:
  - record: job:latency:rate1m
    expr: sum by (job) (rate(latency[1m]))
  - alert: Seen
    expr: job:latency:rate1m
  - alert: Slow
    expr: histogram_quantile(0.5, job:latency:rate1m) > 1
`

function histogram(count: number): Histogram {
  return {
    schema: 0,
    count,
    sum: count * 3,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { index: [2], count: [count] },
    negative: { index: [], count: [] },
    customBounds: [],
    resetHint: 'unknown',
  }
}

test('a rule records histograms, another reads them at once, and both end with their source', async (t) => {
  const bench = await new Bench(rules).start(t)
  const ids = ['a', 'b'].map((pod) =>
    bench.store.seriesId(makeLabels({ __name__: 'latency', job: 'shop', pod })),
  )
  for (let step = 1; step <= 8; step++) {
    const rows = new SampleBatchBuilder()
    for (const id of ids) rows.addHistogram(id, bench.clock.nowTimeMs(), histogram(step * 30))
    bench.store.appendNow(rows.batch)
    await bench.clock.advance(15_000)
  }
  assert.deepEqual(await bench.ask('round(histogram_count(job:latency:rate1m), 0.001)'), [
    '{job="shop"} 4',
  ])
  assert.deepEqual(await bench.ask('round(histogram_avg(job:latency:rate1m), 0.001)'), [
    '{job="shop"} 3',
  ])
  assert.equal(bench.stateOf('Slow'), 'firing')
  const seen = bench.sent.find(({ labels }) => labels.get('alertname') === 'Seen')
  assert.equal(seen?.value, 0, 'a histogram is no number')
  const ends = new SampleBatchBuilder()
  for (const id of ids) ends.addStale(id, bench.clock.nowTimeMs())
  bench.store.appendNow(ends.batch)
  await bench.clock.advance(90_000)
  assert.deepEqual(await bench.ask('histogram_count(job:latency:rate1m)'), [])
  assert.equal(bench.stateOf('Slow'), 'inactive')
})
