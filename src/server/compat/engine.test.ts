/** The compatible APIs over the real query engine and store: what Grafana and scripts would see. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import { makeLabels } from '../../model/labels.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import { QueryEngine } from '../../query/query.ts'
import { querySettings } from '../../query/settings.ts'
import type { Server } from '../server.ts'

const host = { host: '127.0.0.1:9595' }
const startTimeMs = 1_700_000_000_000 - 600_000
let bench: ServerBench
let server: Server

before(async () => {
  bench = new ServerBench()
  const { store, clock } = bench
  const rows = new SampleBatchBuilder()
  for (const job of ['b', 'a']) {
    const id = store.seriesId(makeLabels({ __name__: 'requests_total', job }))
    for (let row = 0; row <= 40; row++) rows.add(id, startTimeMs + row * 15_000, row * 15)
  }
  store.appendNow(rows.batch)
  const timeNs = BigInt(clock.nowTimeMs() - 1000) * 1_000_000n
  await store.appendLogs({
    count: 2,
    streams: [makeLabels({ service: 'shop' })],
    stream: Uint32Array.of(0, 0),
    timeNs: BigInt64Array.of(timeNs, timeNs + 1n),
    level: Uint8Array.of(5, 3),
    line: ['it failed', 'all well'],
  })
  const settings = z.object(querySettings.top).parse({ query: {} })
  bench.engine = new QueryEngine({ querier: store, logs: store, settings, clock, log: silentLog })
  server = bench.makeServer({ isAuthRequired: false })
})
after(() => bench.close())

const get = async (url: string) => server.inject({ url, headers: host })
const query = async (expression: string, rest = '') =>
  get(`/api/v1/query?query=${encodeURIComponent(expression)}${rest}`)

describe('PromQL', () => {
  test('an instant query reads what was stored', async () => {
    const { data } = (await query('sum by (job) (increase(requests_total[45s])) * 2')).json()
    assert.equal(data.resultType, 'vector')
    const rows = data.result.map((row: { metric: { job: string }; value: [number, string] }) => [
      row.metric.job,
      row.value,
    ])
    assert.deepEqual(rows.sort(), [
      ['a', [1_700_000_000, '90']],
      ['b', [1_700_000_000, '90']],
    ])
  })

  test('a range query is a matrix sorted by labels', async () => {
    const reply = await get(
      '/api/v1/query_range?query=requests_total&start=1699999400&end=1699999430&step=15',
    )
    assert.equal(
      reply.body,
      '{"status":"success","data":{"resultType":"matrix","result":[' +
        '{"metric":{"__name__":"requests_total","job":"a"},"values":[[1699999400,"0"],[1699999415,"15"],[1699999430,"30"]]},' +
        '{"metric":{"__name__":"requests_total","job":"b"},"values":[[1699999400,"0"],[1699999415,"15"],[1699999430,"30"]]}]}}',
    )
  })

  test('an expression is formatted and told as a tree, or its mistake is named', async () => {
    const formatted = await get('/api/v1/format_query?query=sum%20by(job)(requests_total)')
    assert.deepEqual(formatted.json(), {
      status: 'success',
      data: 'sum by (job) (requests_total)',
    })
    const tree = (await get('/api/v1/parse_query?query=-1%20*%20up')).json()
    assert.deepEqual(
      [tree.data.type, tree.data.lhs, tree.data.rhs.name, tree.data.matching],
      ['binaryExpr', { type: 'numberLiteral', val: '-1' }, 'up', null],
    )
    for (const path of ['format_query', 'parse_query']) {
      const refused = await get(`/api/v1/${path}?query=sum(`)
      assert.equal(refused.statusCode, 400)
      assert.match(refused.json().error, /invalid parameter "query": 1:5: parse error/)
    }
  })

  test('running queries are listed, and one that is gone cannot be stopped', async () => {
    assert.deepEqual((await get('/api/shipwatch/v1/queries')).json(), { queries: [] })
    const reply = await server.inject({
      method: 'DELETE',
      url: '/api/shipwatch/v1/queries/77',
      headers: host,
    })
    assert.equal(reply.statusCode, 404)
    assert.match(reply.json().error.message, /no query "77"/)
  })

  test('statistics tell timings, samples by step and the most held at once', async () => {
    const reply = await get(
      '/api/v1/query_range?query=rate(requests_total[1m])&start=1699999460&end=1699999490&step=15&stats=all',
    )
    const { timings, samples } = reply.json().data.stats
    assert.deepEqual(samples.totalQueryableSamplesPerStep, [
      [1699999460, 8],
      [1699999475, 8],
      [1699999490, 8],
    ])
    assert.equal(samples.totalQueryableSamples, 24)
    assert.ok(samples.peakSamples >= 12, String(samples.peakSamples))
    for (const name of ['evalTotalTime', 'innerEvalTime', 'execQueueTime', 'execTotalTime'])
      assert.ok(timings[name] >= 0 && timings[name] < 60, name)
    const sums = (await query('requests_total', '&stats=true')).json().data.stats.samples
    assert.deepEqual(Object.keys(sums), ['totalQueryableSamples', 'peakSamples'])
    assert.equal((await query('requests_total')).json().data.stats, undefined)
  })

  test('a query is explained node by node, with where its samples came from', async () => {
    const explain = (rest: string) => get(`/api/shipwatch/v1/explain?query=${rest}`)
    const expression = encodeURIComponent('sum(rate(requests_total[1m]))')
    const times = 'startTimeMs=1699999460000&endTimeMs=1699999490000'
    const view = (await explain(`${expression}&${times}&stepMs=15000`)).json()
    const matrix = view.root.children[0].children[0]
    assert.deepEqual(
      [view.root.name, view.root.pointCount, matrix.text, matrix.read.memorySampleCount],
      ['sum', 3, 'requests_total[1m]', 12],
    )
    assert.deepEqual([matrix.read.engineSampleCount, matrix.read.cacheSampleCount], [0, 0])
    const job = matrix.labels.find((label: { name: string }) => label.name === 'job')
    assert.deepEqual(job.examples, [
      { value: 'a', seriesCount: 1 },
      { value: 'b', seriesCount: 1 },
    ])
    assert.equal((await explain('sum(')).statusCode, 400)
    assert.equal((await explain('up&stepMs=1')).statusCode, 400)
    assert.equal((await explain(`up&${times}&stepMs=1`)).statusCode, 400)
  })

  test('the health check of Grafana, decades before retention, is answered', async () => {
    const { data } = (await query('1+1', '&time=4')).json()
    assert.deepEqual(data, { resultType: 'scalar', result: [4, '2'] })
  })

  test('a mistake names its place', async () => {
    const reply = await query('sum(requests_total')
    assert.equal(reply.statusCode, 400)
    const { errorType, error } = reply.json()
    assert.equal(errorType, 'bad_data')
    assert.match(error, /^invalid parameter "query": 1:\d+: parse error: /)
    const selector = (await get('/api/v1/series?match[]=sum(x)')).json()
    assert.match(selector.error, /^invalid parameter "match\[\]": .*parse error/)
    const empty = (await get('/api/v1/series?match[]={job=~".*"}')).json()
    assert.match(empty.error, /at least one non-empty matcher/)
  })

  test('a limit cuts the answer and says so', async () => {
    const { data, warnings } = (await query('requests_total', '&limit=1')).json()
    assert.equal(data.result.length, 1)
    assert.deepEqual(warnings, ['results truncated due to limit'])
  })
})

describe('logs', () => {
  test('lines are selected by stream and text, through Loki’s API and ours', async () => {
    const expression = encodeURIComponent('{service="shop"} |= "failed"')
    const loki = (await get(`/loki/api/v1/query_range?query=${expression}`)).json()
    assert.equal(loki.data.result[0].values[0][1], 'it failed')
    const own = (await get(`/api/shipwatch/v1/logs?query=${expression}`)).json()
    assert.equal(own.lines.length, 1)
    assert.equal(own.lines[0].level, 'error')
    const counted = own.volume.reduce((sum: number, bar: { count: number }) => sum + bar.count, 0)
    assert.equal(counted, 1)
  })

  test('what LogQL cannot do yet is said, not guessed', async () => {
    const reply = await get(
      `/loki/api/v1/query_range?query=${encodeURIComponent('rate({service="shop"}[1m])')}`,
    )
    assert.equal(reply.statusCode, 400)
    assert.match(reply.body, /not supported yet/)
  })

  test('the health check of Grafana for Loki is answered', async () => {
    const { data } = (await get('/loki/api/v1/query?query=vector(1)%2Bvector(1)&time=4')).json()
    assert.deepEqual(data.result, [{ metric: {}, value: [4, '2'] }])
  })
})
