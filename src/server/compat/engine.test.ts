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

  test('a query that runs is listed, and stopping it ends it for the one who asked', async () => {
    const settings = z.object(querySettings.top).parse({ query: {} })
    // The store answers only once it is told to give up, as a slow disk would.
    const slow: typeof bench.store = Object.assign(Object.create(bench.store), {
      select: ({ signal }: { signal?: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    })
    const own = new ServerBench()
    own.engine = new QueryEngine({
      querier: slow,
      logs: undefined,
      settings,
      clock: own.clock,
      log: silentLog,
    })
    const slowServer = own.makeServer({ isAuthRequired: false })
    const ask = (method: 'GET' | 'DELETE', url: string) =>
      slowServer.inject({ method, url, headers: host })
    const asked = ask('GET', '/api/v1/query?query=sum(up)')
    let queries: { id: string; expression: string; isWaiting: boolean }[] = []
    while (queries.length === 0 || queries[0]!.isWaiting)
      queries = (await ask('GET', '/api/shipwatch/v1/queries')).json().queries
    assert.deepEqual(
      queries.map(({ expression }) => expression),
      ['sum(up)'],
    )
    const stopped = await ask('DELETE', `/api/shipwatch/v1/queries/${queries[0]!.id}`)
    assert.equal(stopped.statusCode, 204)
    const reply = await asked
    assert.equal(reply.statusCode, 499)
    assert.equal(reply.json().errorType, 'canceled')
    assert.deepEqual((await ask('GET', '/api/shipwatch/v1/queries')).json().queries, [])
    await own.close()
  })

  // pkg/promlib/healthcheck.go and heuristics.go of grafana/grafana: what "Save & test" sends, in its order.
  test('the health checks of Grafana are answered, decades before retention', async () => {
    const form = { ...host, 'content-type': 'application/x-www-form-urlencoded' }
    const post = (url: string, payload: string) =>
      server.inject({ method: 'POST', url, headers: form, payload })
    const instant = await post('/api/v1/query', 'query=1%2B1&time=4')
    assert.deepEqual(instant.json().data, { resultType: 'scalar', result: [4, '2'] })
    const range = await post('/api/v1/query_range', 'query=1%2B1&start=1&end=4&step=1')
    assert.deepEqual(range.json().data.result[0].values.at(-1), [4, '2'])
    const built = await get('/api/v1/status/buildinfo')
    const { data } = built.json()
    for (const name of ['version', 'revision', 'branch', 'buildUser', 'buildDate', 'goVersion'])
      assert.equal(typeof data[name], 'string', name)
    assert.equal(data.features, undefined, 'or Grafana takes us for Mimir')
    for (const [url, payload] of [
      ['/api/v1/labels', 'start=1699999400&end=1700000000'],
      ['/api/v1/series', 'match[]=requests_total'],
      ['/api/v1/query_exemplars', 'query=requests_total&start=1&end=2'],
    ] as const)
      assert.equal((await post(url, payload)).json().status, 'success', url)
    for (const url of ['label/__name__/values', 'metadata', 'rules', 'alerts'])
      assert.equal((await get(`/api/v1/${url}`)).json().status, 'success', url)
    // An answer here would make Grafana's Alertmanager take us for Mimir.
    assert.equal((await get('/alertmanager/api/v2/status')).statusCode, 404)
  })

  test('rules are chosen by their own labels, without those that a template writes', async () => {
    const rule = { type: 'recording', query: 'up', health: 'ok', lastError: '', evaluationMs: 0 }
    const group = { file: 'a.yml', intervalMs: 1, limit: 0, evaluationMs: 0, queryOffsetMs: 0 }
    const never = { lastEvaluationTimeMs: undefined }
    bench.groups = [
      {
        ...group,
        ...never,
        name: 'g',
        rules: [
          { ...rule, ...never, name: 'a', labels: { team: 'x' } },
          { ...rule, ...never, name: 'b', labels: { team: '{{ $labels.team }}' } },
        ],
      },
    ] as never
    const names = async (selector: string) => {
      const reply = await get(`/api/v1/rules?match[]=${encodeURIComponent(selector)}`)
      return reply
        .json()
        .data.groups.flatMap((one: { rules: { name: string }[] }) =>
          one.rules.map((found) => found.name),
        )
    }
    assert.deepEqual(await names('{team="x"}'), ['a'])
    assert.deepEqual(await names('{team=~".+"}'), ['a'])
    const empty = await get(`/api/v1/rules?match[]=${encodeURIComponent('{team!="x"}')}`)
    assert.match(empty.json().error, /at least one non-empty matcher/)
    bench.groups = []
  })

  test('metadata is told by target, and of one metric', async () => {
    bench.store.setMetadata('requests', { type: 'counter', help: 'Requests.', unit: '' })
    bench.targets = [{ labels: { job: 'a' }, scrapePool: 'a' }] as never
    const told = { type: 'counter', help: 'Requests.', unit: '' }
    const rows = async (rest: string) => (await get(`/api/v1/targets/metadata${rest}`)).json()
    const all = [{ target: { job: 'a' }, metric: 'requests', ...told }]
    assert.deepEqual((await rows('')).data, all)
    assert.deepEqual((await rows('?match_target={job="a"}')).data, all)
    assert.deepEqual((await rows('?match_target={job="b"}')).data, [])
    const one = { target: { job: 'a' }, ...told }
    assert.deepEqual((await rows('?metric=requests')).data, [one])
    assert.deepEqual((await rows('?metric=nope')).data, [])
    assert.equal((await rows('?limit=x')).error, 'limit must be a number')
    bench.targets = []
  })

  test('labels are counted, whole and of a selection, and limits are in range', async () => {
    const labels = async (rest: string) => (await get(`/api/shipwatch/v1/labels${rest}`)).json()
    const all = await labels('')
    assert.equal(all.seriesCount, 2)
    const [metric] = all.metrics
    assert.deepEqual(
      [metric.name, metric.seriesCount, metric.type],
      ['requests_total', 2, 'counter'],
    )
    assert.deepEqual(all.labels[0], {
      name: 'job',
      seriesCount: 2,
      valueCount: 2,
      values: [
        { value: 'a', seriesCount: 1 },
        { value: 'b', seriesCount: 1 },
      ],
    })
    const some = await labels('?match=requests_total%7Bjob%3D%22a%22%7D')
    assert.deepEqual([some.seriesCount, some.labels[0].valueCount], [1, 1])
    const tsdb = (await get('/api/v1/status/tsdb?limit=1')).json().data
    assert.deepEqual(tsdb.seriesCountByMetricName, [{ name: 'requests_total', value: 2 }])
    assert.deepEqual(tsdb.memoryInBytesByLabelName, [{ name: '__name__', value: 14 }])
    assert.deepEqual(Object.keys(tsdb.headStats), [
      'numSeries',
      'numLabelPairs',
      'chunkCount',
      'minTime',
      'maxTime',
    ])
    assert.equal(tsdb.headStats.numLabelPairs, 3)
    for (const [limit, text] of [
      ['x', /positive number/],
      ['0', /positive number/],
      ['10001', /must not exceed 10000/],
    ] as const)
      assert.match((await get(`/api/v1/status/tsdb?limit=${limit}`)).json().error, text)
  })

  test('what a query may not be is said in the words of Prometheus', async () => {
    const error = async (url: string) => {
      const reply = await get(`/api/v1/${url}`)
      return `${reply.statusCode} ${reply.json().error}`
    }
    assert.equal(
      await error('query_range?query=up[5m]&start=1&end=2&step=1'),
      '400 invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    )
    assert.match(await error('query?query=up&timeout=-1'), /^503 query timed out/)
    assert.equal(
      await error('series?match[]={a=""}'),
      '400 invalid parameter "match[]": match[] must contain at least one non-empty matcher',
    )
    assert.deepEqual((await get('/api/v1/labels?start=2&end=1')).json().data, [])
    assert.deepEqual((await get('/api/v1/metadata?limit=0')).json().data, {})
    assert.equal(await error('metadata?limit=x'), '400 limit must be a number')
  })

  test('what is switched on is told as a map of maps', async () => {
    const { data } = (await get('/api/v1/features')).json()
    assert.equal(data.promql_functions.rate, true)
    assert.equal(data.promql.at_modifier, true)
    assert.deepEqual((await get('/api/v1/notifications')).json().data, [])
    const flags = (await get('/api/v1/status/flags')).json().data
    assert.equal(flags['query.timeout'], '2m')
    assert.equal((await get('/api/v1/status/walreplay')).json().data.state, 'done')
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
