/** Native histograms and exemplars over Prometheus's API, with the real query engine and store. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import type { Histogram } from '../../model/histogram.ts'
import { type Labels, makeLabels } from '../../model/labels.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import { QueryEngine } from '../../query/query.ts'
import { querySettings } from '../../query/settings.ts'
import type { Server } from '../server.ts'

const host = { host: '127.0.0.1:9595' }
const startTimeMs = 1_700_000_000_000 - 60_000
let bench: ServerBench
let server: Server

function histogramAt(step: number): Histogram {
  return {
    schema: 0,
    count: 5 + 10 * step,
    sum: 18.5 + step,
    zeroThreshold: 0.001,
    zeroCount: 1,
    positive: { index: [0, 1], count: [1 + 10 * step, 2] },
    negative: { index: [3], count: [1] },
    customBounds: [],
    resetHint: 'not-reset',
  }
}

before(async () => {
  bench = new ServerBench()
  const { store, clock } = bench
  const rows = new SampleBatchBuilder()
  const id = store.seriesId(makeLabels({ __name__: 'latency', job: 'a' }))
  for (let step = 0; step < 5; step++) {
    rows.addHistogram(id, startTimeMs + step * 15_000, histogramAt(step))
  }
  rows.add(id, startTimeMs + 75_000, 7)
  store.appendNow(rows.batch)
  const exemplar = (labels: Labels, value: number, timeMs: number) => ({
    seriesId: store.seriesId(labels),
    labels: makeLabels({ trace_id: `t${value}` }),
    value,
    timeMs,
  })
  await store.appendExemplars([
    exemplar(makeLabels({ __name__: 'latency', job: 'a' }), 1, startTimeMs + 5),
    exemplar(makeLabels({ __name__: 'latency', job: 'a' }), 2.5, startTimeMs + 1234),
    exemplar(makeLabels({ __name__: 'errors', job: 'a' }), 3, startTimeMs),
    exemplar(makeLabels({ __name__: 'errors', job: 'b' }), Number.POSITIVE_INFINITY, startTimeMs),
  ])
  const settings = z.object(querySettings.top).parse({ query: {} })
  bench.engine = new QueryEngine({ querier: store, logs: store, settings, clock, log: silentLog })
  server = bench.makeServer({ isAuthRequired: false })
})
after(() => bench.close())

const get = (url: string) => server.inject({ url, headers: host })
const query = async (expression: string, timeMs = startTimeMs + 60_000) =>
  (await get(`/api/v1/query?query=${encodeURIComponent(expression)}&time=${timeMs / 1000}`)).json()

test('a histogram is told with its buckets and the rule of their bounds', async () => {
  const { data } = await query('latency', startTimeMs)
  assert.deepEqual(data.result, [
    {
      metric: { __name__: 'latency', job: 'a' },
      histogram: [
        startTimeMs / 1000,
        {
          count: '5',
          sum: '18.5',
          buckets: [
            [1, '-8', '-4', '1'],
            [3, '-0.001', '0.001', '1'],
            [0, '0.5', '1', '1'],
            [0, '1', '2', '2'],
          ],
        },
      ],
    },
  ])
})

test('functions read what was stored: rate, quantile, count', async () => {
  const rate = (await query('rate(latency[1m])')).data.result[0].histogram[1]
  assert.deepEqual(rate.buckets, [[0, '0.5', '1', '0.6666666666666666']])
  const quantile = (await query('histogram_quantile(0.5, latency)')).data.result[0].value[1]
  assert.ok(Number(quantile) > 0.5 && Number(quantile) < 1, quantile)
  assert.equal((await query('histogram_count(latency)')).data.result[0].value[1], '45')
  assert.equal((await query('count_over_time(latency[2m])')).data.result[0].value[1], '5')
})

test('a series of both kinds has its numbers and its histograms apart in a range', async () => {
  const range = `start=${startTimeMs / 1000}&end=${startTimeMs / 1000 + 75}&step=15`
  const [series] = (await get(`/api/v1/query_range?query=latency&${range}`)).json().data.result
  assert.deepEqual(series.values, [[startTimeMs / 1000 + 75, '7']])
  assert.equal(series.histograms.length, 5)
  assert.equal(series.histograms[4][1].count, '45')
})

test('exemplars are those of every selector in the expression, by series, within the range', async () => {
  const ask = async (expression: string, rest = '') =>
    (await get(`/api/v1/query_exemplars?query=${encodeURIComponent(expression)}${rest}`)).json()
  const seconds = startTimeMs / 1000
  const latency = {
    seriesLabels: { __name__: 'latency', job: 'a' },
    exemplars: [
      { labels: { trace_id: 't1' }, value: '1', timestamp: seconds + 0.005 },
      { labels: { trace_id: 't2.5' }, value: '2.5', timestamp: seconds + 1.234 },
    ],
  }
  assert.deepEqual(await ask('rate(latency[5m])'), { status: 'success', data: [latency] })
  const both = await ask('sum(rate(errors[1m])) / histogram_count(latency{job="a"})')
  assert.deepEqual(
    both.data.map((one: { seriesLabels: object }) => one.seriesLabels),
    [
      { __name__: 'errors', job: 'a' },
      { __name__: 'errors', job: 'b' },
      { __name__: 'latency', job: 'a' },
    ],
  )
  assert.equal(both.data[1].exemplars[0].value, '+Inf')
  const later = await ask('latency', `&start=${seconds + 1}&end=${seconds + 2}`)
  assert.deepEqual(later.data, [{ ...latency, exemplars: [latency.exemplars[1]] }])
  assert.deepEqual((await ask('1 + 1')).data, [])
  assert.deepEqual((await ask('unknown')).data, [])
  const wrong = await ask('sum(')
  assert.equal(wrong.status, 'error')
  assert.match(wrong.error, /invalid parameter "query": 1:5: parse error/)
  const turned = await ask('latency', '&start=2&end=1')
  assert.match(turned.error, /end timestamp must not be before start timestamp/)
})
