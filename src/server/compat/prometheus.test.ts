/** Prometheus's API: shapes of results, series and labels, rules, status; failures in its envelope. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { errorTable } from '../../base/error.ts'
import { labelsFromPairs, makeLabels } from '../../model/labels.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import type { Server } from '../server.ts'

const stats = { sampleCount: 4, seriesCount: 2, elapsedMs: 250 }
const errors = errorTable('QUERY', {
  PARSE_FAILED: {
    kind: 'user',
    status: 400,
    message: (_: object) => '1:5: parse error: unexpected <aggr:sum>',
    hint: 'none',
  },
  EXECUTION: { kind: 'user', status: 422, message: (_: object) => 'many-to-many', hint: 'none' },
  TIMEOUT: { kind: 'operation', status: 503, message: (_: object) => 'too late', hint: 'none' },
  CANCELED: { kind: 'operation', status: 499, message: (_: object) => 'gone', hint: 'none' },
})

let bench: ServerBench
let server: Server

before(() => {
  bench = new ServerBench()
  server = bench.makeServer({ isAuthRequired: false })
})
after(() => bench.close())

const host = { host: '127.0.0.1:9595' }
const get = (url: string) => server.inject({ url: `/api/v1${url}`, headers: host })
const post = (url: string, form: string, contentType = 'application/x-www-form-urlencoded') =>
  server.inject({
    method: 'POST',
    url: `/api/v1${url}`,
    headers: { ...host, 'content-type': contentType },
    payload: form,
  })

describe('results', () => {
  test('a scalar, a string and a vector have their exact text', async () => {
    const timeMs = 1_435_781_451_781
    bench.answerInstant = async () => ({
      value: { type: 'scalar', timeMs, value: 2 },
      warnings: [],
      infos: [],
      stats,
    })
    const scalar = await get('/query?query=1%2B1&time=1')
    assert.equal(scalar.headers['content-type'], 'application/json; charset=utf-8')
    assert.equal(
      scalar.body,
      '{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"2"]}}',
    )
    bench.answerInstant = async () => ({
      value: { type: 'string', timeMs, value: 'a "b"' },
      warnings: [],
      infos: [],
      stats,
    })
    assert.equal(
      (await get('/query?query=x')).body,
      '{"status":"success","data":{"resultType":"string","result":[1435781451.781,"a \\"b\\""]}}',
    )
    bench.answerInstant = async () => ({
      value: {
        type: 'vector',
        timeMs: 1000,
        elements: [
          { labels: labelsFromPairs(['__name__', 'up', '__proto__', 'x"\n']), value: 1 },
          { labels: labelsFromPairs([]), value: NaN },
        ],
      },
      warnings: ['careful'],
      infos: ['by the way'],
      stats: {
        ...stats,
        detail: {
          queueMs: 1,
          readMs: 40,
          evaluateMs: 200,
          queryableSampleCount: 9,
          stepSampleCounts: Float64Array.of(9),
          peakSampleCount: 4,
        },
      },
    })
    assert.equal(
      (await get('/query?query=up&stats=all&time=1')).body,
      '{"status":"success","data":{"resultType":"vector","result":[' +
        '{"metric":{"__name__":"up","__proto__":"x\\"\\n"},"value":[1,"1"]},' +
        '{"metric":{},"value":[1,"NaN"]}],"stats":' +
        '{"timings":{"evalTotalTime":0.24,"resultSortTime":0,"queryPreparationTime":0.04,' +
        '"innerEvalTime":0.2,"execQueueTime":0.001,"execTotalTime":0.25},' +
        '"samples":{"totalQueryableSamplesPerStep":[[1,9]],"totalQueryableSamples":9,"peakSamples":4}}},' +
        '"warnings":["careful"],"infos":["by the way"]}',
    )
  })

  test('an empty result is a list, and more than ten warnings are cut', async () => {
    bench.answerInstant = async () => ({
      value: { type: 'vector', timeMs: 0, elements: [] },
      warnings: Array.from({ length: 12 }, (_, index) => `w${index}`),
      infos: [],
      stats,
    })
    const { data, warnings } = (await get('/query?query=up')).json()
    assert.deepEqual(data, { resultType: 'vector', result: [] })
    assert.equal(warnings.length, 11)
    assert.equal(warnings[10], '2 more warning annotations omitted')
  })

  test('a matrix larger than one piece arrives whole', async () => {
    const count = 11_000
    const timeMs = Float64Array.from({ length: count }, (_, index) => index * 500)
    const value = Float64Array.from({ length: count }, (_, index) => index / 8)
    bench.answerRange = async () => ({
      value: {
        type: 'matrix',
        series: ['a', 'b'].map((job) => ({ labels: makeLabels({ job }), count, timeMs, value })),
      },
      warnings: ['w'],
      infos: [],
      stats,
    })
    const reply = await get('/query_range?query=x&start=0&end=5500&step=0.5')
    const { data, warnings } = reply.json()
    assert.deepEqual(warnings, ['w'])
    assert.deepEqual(
      data.result.map((series: { metric: object }) => series.metric),
      [{ job: 'a' }, { job: 'b' }],
    )
    for (const series of data.result) {
      assert.equal(series.values.length, count)
      assert.deepEqual(series.values[1], [0.5, '0.125'])
      assert.deepEqual(series.values[count - 1], [5499.5, '1374.875'])
    }
  })

  test('only the valid rows of a column are sent', async () => {
    bench.answerRange = async () => ({
      value: {
        type: 'matrix',
        series: [
          {
            labels: makeLabels({ a: '1' }),
            count: 1,
            timeMs: Float64Array.of(1000, 2000),
            value: Float64Array.of(7, 8),
          },
        ],
      },
      warnings: [],
      infos: [],
      stats,
    })
    const { data } = (await get('/query_range?query=x&start=0&end=1&step=1')).json()
    assert.deepEqual(data.result, [{ metric: { a: '1' }, values: [[1, '7']] }])
  })
})

describe('parameters', () => {
  test('a form and a query string say the same, and the form wins', async () => {
    bench.calls.length = 0
    bench.answerRange = async () => ({
      value: { type: 'matrix', series: [] },
      warnings: [],
      infos: [],
      stats,
    })
    const text = 'query=up&start=1&end=61&step=15&timeout=30s&limit=5&lookback_delta=1m'
    await get(`/query_range?${text}`)
    await post('/query_range?query=down', text)
    const queries = bench.calls.map(({ args }) => {
      const { signal, ...rest } = args[0] as { signal: unknown }
      assert.ok(signal instanceof AbortSignal)
      return rest
    })
    const expected = {
      expression: 'up',
      startTimeMs: 1000,
      endTimeMs: 61_000,
      stepMs: 15_000,
      timeoutMs: 30_000,
      lookbackMs: 60_000,
      limit: 5,
    }
    assert.deepEqual(queries, [expected, expected])
  })

  test('mistakes are named in the envelope with status 400', async () => {
    const check = async (url: string, error: string): Promise<void> => {
      const reply = await get(url)
      assert.equal(reply.statusCode, 400, url)
      assert.deepEqual(reply.json(), { status: 'error', errorType: 'bad_data', error })
    }
    await check(
      '/query?query=up&time=soon',
      'invalid parameter "time": Invalid time value for \'time\': cannot parse "soon" to a valid timestamp',
    )
    await check(
      '/query_range?query=up&end=1&step=1',
      'invalid parameter "start": cannot parse "" to a valid timestamp',
    )
    await check(
      '/query_range?query=up&start=2&end=1&step=1',
      'invalid parameter "end": end timestamp must not be before start time',
    )
    await check(
      '/query_range?query=up&start=1&end=2&step=0',
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    )
    await check(
      '/query_range?query=up&start=0&end=11001&step=1',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    )
    await check(
      '/query?query=up&timeout=soon',
      'invalid parameter "timeout": cannot parse "soon" to a valid duration',
    )
    await check('/query?query=up&limit=-1', 'invalid parameter "limit": limit must be non-negative')
    await check('/series', 'no match[] parameter provided')
    await check(
      '/series?match[]={}',
      'invalid parameter "match[]": match[] must contain at least one non-empty matcher',
    )
    await check('/rules?type=both', 'invalid parameter "type": not supported value "both"')
  })

  test('11,000 steps are still answered', async () => {
    assert.equal((await get('/query_range?query=up&start=0&end=11000&step=1')).statusCode, 200)
  })

  test('a body that is no form is refused', async () => {
    const reply = await post('/query', '{"query":"up"}', 'application/json')
    assert.equal(reply.statusCode, 415)
    assert.equal(reply.json().status, 'error')
  })
})

describe('failures', () => {
  test('each kind has its type and status', async () => {
    const check = async (thrown: Error, status: number, errorType: string, error: string) => {
      bench.answerInstant = async () => {
        throw thrown
      }
      const reply = await get('/query?query=x')
      assert.equal(reply.statusCode, status)
      assert.deepEqual(reply.json(), { status: 'error', errorType, error })
    }
    await check(
      errors.PARSE_FAILED({}),
      400,
      'bad_data',
      'invalid parameter "query": 1:5: parse error: unexpected <aggr:sum>',
    )
    await check(errors.EXECUTION({}), 422, 'execution', 'many-to-many')
    await check(errors.TIMEOUT({}), 503, 'timeout', 'too late')
    await check(errors.CANCELED({}), 499, 'canceled', 'gone')
    await check(
      new Error('secret detail'),
      500,
      'internal',
      'Something went wrong inside the server; its log says what.',
    )
  })

  test('what this API does not have is 404 without JSON', async () => {
    const reply = await get('/admin/tsdb/snapshot')
    assert.equal(reply.statusCode, 404)
    assert.match(String(reply.headers['content-type']), /^text\/plain/)
  })

  test('a form whose body has been read does not look like a client that went away', async () => {
    const socketServer = bench.makeServer({ isAuthRequired: false })
    const { address } = await socketServer.listen()
    let isAborted: boolean | undefined
    bench.answerInstant = async ({ signal }) => {
      // Later than the end of the body by several turns of the event loop.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      isAborted = signal?.aborted
      return { value: { type: 'scalar', timeMs: 0, value: 2 }, warnings: [], infos: [], stats }
    }
    const body = new URLSearchParams({ query: 'x' })
    const reply = await fetch(`${address}/api/v1/query`, { method: 'POST', body })
    assert.equal(reply.status, 200, await reply.text())
    assert.equal(isAborted, false)
  })

  test('a client that goes away cancels its query', async () => {
    const socketServer = bench.makeServer({ isAuthRequired: false })
    const { address } = await socketServer.listen()
    const client = new AbortController()
    const canceled = new Promise<void>((resolve) => {
      bench.answerInstant = ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            resolve()
            reject(errors.CANCELED({}))
          })
          client.abort()
        })
    })
    await assert.rejects(fetch(`${address}/api/v1/query?query=x`, { signal: client.signal }))
    await canceled
  })
})

describe('series and labels', () => {
  before(() => {
    const rows = new SampleBatchBuilder()
    for (const job of ['a', 'b', 'c']) {
      rows.add(bench.store.seriesId(makeLabels({ __name__: 'up', job, 'http.code': '1' })), 1000, 1)
    }
    rows.add(bench.store.seriesId(labelsFromPairs(['__name__', 'odd', '__proto__', 'p'])), 1000, 1)
    bench.store.appendNow(rows.batch)
    bench.store.setMetadata('up', { type: 'gauge', help: 'Is it "up"?', unit: '' })
  })

  test('series of several selectors are joined, sorted and cut with a warning', async () => {
    const { data } = (await get('/series?match[]=up&match[]=odd&match[]=up')).json()
    assert.equal(data.length, 4)
    assert.equal(Object.getOwnPropertyDescriptor(data[0], '__proto__')?.value, 'p')
    const cut = (await post('/series', 'match[]=up&limit=2')).json()
    assert.deepEqual(
      cut.data.map((labels: { job: string }) => labels.job),
      ['a', 'b'],
    )
    assert.deepEqual(cut.warnings, ['results truncated due to limit'])
  })

  test('label names and values are sorted, narrowed by selector, and may be escaped', async () => {
    const data = async (url: string) => (await get(url)).json().data
    assert.deepEqual(await data('/labels'), ['__name__', '__proto__', 'http.code', 'job'])
    assert.deepEqual(await data('/labels?match[]=odd'), ['__name__', '__proto__'])
    assert.deepEqual(await data('/label/job/values'), ['a', 'b', 'c'])
    assert.deepEqual(await data('/label/job/values?limit=1'), ['a'])
    assert.deepEqual(await data('/label/__proto__/values'), ['p'])
    assert.deepEqual(await data('/label/U__http_2e_code/values'), ['1'])
    assert.deepEqual(await data('/label/nothing/values'), [])
    assert.deepEqual(await data('/series?match[]=up&start=5'), [])
  })

  test('metadata is listed by metric', async () => {
    const entry = [{ type: 'gauge', help: 'Is it "up"?', unit: '' }]
    assert.deepEqual((await get('/metadata')).json().data, { up: entry })
    assert.deepEqual((await get('/metadata?metric=down')).json().data, {})
  })

  test('statistics count the series', async () => {
    const { data } = (await get('/status/tsdb?limit=1')).json()
    assert.equal(data.headStats.numSeries, 4)
    assert.deepEqual(data.seriesCountByMetricName, [{ name: 'up', value: 3 }])
    assert.deepEqual(data.labelValueCountByLabelName, [{ name: 'job', value: 3 }])
  })
})

describe('rules, alerts, targets', () => {
  before(() => {
    const rule = {
      health: 'ok' as const,
      lastError: '',
      evaluationMs: 2,
      lastEvaluationTimeMs: 1_700_000_000_123,
      latenessMs: undefined,
    }
    bench.groups = [
      {
        name: 'g1',
        file: 'rules.yml',
        intervalMs: 60_000,
        queryOffsetMs: 0,
        limit: 0,
        evaluationMs: 10,
        lastEvaluationTimeMs: 1_700_000_000_123,
        rules: [
          {
            ...rule,
            type: 'alerting',
            name: 'Down',
            query: 'up == 0',
            labels: { severity: 'critical' },
            annotations: { summary: 'down' },
            holdMs: 600_000,
            keepFiringMs: 0,
            state: 'firing',
            alerts: [
              {
                labels: { alertname: 'Down' },
                annotations: { summary: 'down' },
                state: 'firing',
                activeTimeMs: 1_700_000_000_000,
                firedTimeMs: 1_700_000_600_000,
                keepFiringSinceTimeMs: undefined,
                noDataSinceTimeMs: undefined,
                value: 0,
              },
            ],
          },
          {
            ...rule,
            type: 'recording',
            name: 'job:up',
            query: 'sum(up)',
            labels: {},
            lastError: 'broken',
            lastEvaluationTimeMs: undefined,
          },
        ],
      },
      {
        name: 'g2',
        file: 'other.yml',
        intervalMs: 1_000,
        queryOffsetMs: 0,
        limit: 0,
        evaluationMs: 0,
        lastEvaluationTimeMs: undefined,
        rules: [],
      },
    ]
  })

  test('a group, an alerting and a recording rule have every field', async () => {
    const { groups } = (await get('/rules')).json().data
    const alert = {
      labels: { alertname: 'Down' },
      annotations: { summary: 'down' },
      state: 'firing',
      activeAt: '2023-11-14T22:13:20.000Z',
      value: '0e+00',
    }
    const evaluated = { evaluationTime: 0.002, lastEvaluation: '2023-11-14T22:13:20.123Z' }
    assert.deepEqual(groups[0], {
      name: 'g1',
      file: 'rules.yml',
      rules: [
        {
          state: 'firing',
          name: 'Down',
          query: 'up == 0',
          duration: 600,
          keepFiringFor: 0,
          labels: { severity: 'critical' },
          annotations: { summary: 'down' },
          alerts: [alert],
          health: 'ok',
          ...evaluated,
          type: 'alerting',
        },
        {
          name: 'job:up',
          query: 'sum(up)',
          labels: {},
          health: 'ok',
          lastError: 'broken',
          evaluationTime: 0.002,
          lastEvaluation: '0001-01-01T00:00:00Z',
          type: 'recording',
        },
      ],
      interval: 60,
      limit: 0,
      evaluationTime: 0.01,
      lastEvaluation: '2023-11-14T22:13:20.123Z',
    })
    assert.deepEqual((await get('/alerts')).json().data, { alerts: [alert] })
  })

  test('rules are filtered and paged', async () => {
    const names = async (query: string) => {
      const { groups, groupNextToken } = (await get(`/rules?${query}`)).json().data
      const shown = groups.map((group: { name: string; rules: { name: string }[] }) => [
        group.name,
        ...group.rules.map((rule) => rule.name),
      ])
      return groupNextToken === undefined ? shown : [...shown, groupNextToken]
    }
    assert.deepEqual(await names('type=record'), [['g1', 'job:up'], ['g2']])
    assert.deepEqual(await names('rule_group[]=g1&rule_name[]=Down'), [['g1', 'Down']])
    assert.deepEqual(await names('file[]=other.yml'), [['g2']])
    const [first, token] = await names('group_limit=1')
    assert.deepEqual(first, ['g1', 'Down', 'job:up'])
    assert.deepEqual(await names(`group_limit=1&group_next_token=${token}`), [['g2']])
    assert.deepEqual(await names('group_limit=1&rule_group[]=g2'), [['g2']], 'filters come first')
    const refused = async (query: string) => (await get(`/rules?${query}`)).json().error
    assert.equal(
      await refused('group_next_token=1'),
      'invalid parameter "group_next_token": group_limit needs to be set in order to paginate over the groups',
    )
    assert.equal(
      await refused('group_limit=1&group_next_token=1'),
      `invalid parameter "group_next_token": invalid group_next_token '1'. were rule groups changed?`,
    )
    assert.match(await refused('group_limit=0'), /needs to be greater than 0/)
    assert.match(await refused('group_limit=x'), /needs to be a valid number/)
    assert.match(await refused('exclude_alerts=2'), /parsing "2": invalid syntax/)
    assert.equal(await refused('type=x'), 'invalid parameter "type": not supported value "x"')
  })

  test('targets are chosen by state and pool', async () => {
    bench.targets = [{ scrapePool: 'a' }, { scrapePool: 'b' }] as never
    const data = async (query: string) => (await get(`/targets?${query}`)).json().data
    assert.equal((await data('')).activeTargets.length, 2)
    assert.deepEqual(await data('scrapePool=a'), {
      activeTargets: [{ scrapePool: 'a' }],
      droppedTargets: [],
      droppedTargetCounts: { a: 0, b: 7 },
    })
    assert.deepEqual(await data('state=dropped'), {
      activeTargets: [],
      droppedTargets: [{ discoveredLabels: { __address__: 'gone:1' }, scrapePool: 'b' }],
      droppedTargetCounts: { a: 0, b: 7 },
    })
    assert.deepEqual((await data('state=active')).droppedTargets, [])
  })

  test('what each relabeling rule does is told, of a pool that exists', async () => {
    const ask = async (pool: string, labels: string) =>
      (
        await get(`/targets/relabel_steps?scrapePool=${pool}&labels=${encodeURIComponent(labels)}`)
      ).json()
    assert.deepEqual((await ask('b', '{"a":"1"}')).data, {
      steps: [{ rule: { action: 'labeldrop' }, output: { a: '1' }, keep: true }],
    })
    assert.match((await ask('c', '{"a":"1"}')).error, /unknown scrape pool "c"/)
    assert.equal((await ask('', '{}')).error, 'no scrapePool parameter provided')
    assert.equal((await ask('b', '')).error, 'no labels parameter provided')
    for (const bad of ['{', '[]', '{"a":1}'])
      assert.match((await ask('b', bad)).error, /error parsing labels/)
  })
})

describe('status', () => {
  test('buildinfo names a version of Prometheus and no features', async () => {
    const { data } = (await get('/status/buildinfo')).json()
    assert.match(data.version, /^3\.\d+\.\d+$/)
    assert.equal(data.revision, 'shipwatch-1.2.3')
    assert.ok(!('features' in data))
  })

  test('the configuration is shown without secrets, flags and runtime are maps', async () => {
    assert.deepEqual((await get('/status/config')).json().data, { yaml: 'password: <secret>\n' })
    const flags = (await get('/status/flags')).json().data
    assert.equal(flags['storage.tsdb.retention.time'], '15d')
    const runtime = (await get('/status/runtimeinfo')).json().data
    assert.equal(runtime.reloadConfigSuccess, true)
    assert.equal(runtime.startTime, '2023-11-14T22:13:20.000Z')
  })
})
