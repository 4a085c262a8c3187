/** Loki's query API: streams, labels, the two metric queries of Grafana, times, failures as text. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { emptyLabels, labelsFromPairs, makeLabels } from '../../model/labels.ts'
import type { Server } from '../server.ts'

const host = { host: '127.0.0.1:9595' }
let bench: ServerBench
let server: Server

before(() => {
  bench = new ServerBench()
  server = bench.makeServer({ isAuthRequired: false })
  bench.logRecords = [
    {
      labels: makeLabels({ service: 'a' }),
      timeNs: 1_700_000_000_000_000_003n,
      level: 'error',
      line: 'say "no"',
      metadata: labelsFromPairs(['__proto__', 'p']),
    },
    {
      labels: makeLabels({ service: 'a' }),
      timeNs: 1_700_000_000_000_000_002n,
      level: 'error',
      line: 'again',
      metadata: labelsFromPairs(['__proto__', 'p']),
    },
    {
      labels: makeLabels({ service: 'b' }),
      timeNs: 1n,
      level: 'unknown',
      line: '',
      metadata: undefined,
    },
  ]
})
after(() => bench.close())
beforeEach(() => {
  bench.calls.length = 0
})

const get = (url: string, headers = {}) =>
  server.inject({ url: `/loki/api/v1${url}`, headers: { ...host, ...headers } })

function lastQuery(): Record<string, unknown> {
  return bench.calls.at(-1)?.args[0] as Record<string, unknown>
}

test('lines are given by stream, metadata and level among the labels', async () => {
  const reply = await get('/query_range?query=%7Ba%3D%22b%22%7D')
  const { data } = reply.json()
  assert.equal(data.resultType, 'streams')
  assert.equal(data.stats.summary.execTime, 0)
  assert.ok(
    reply.body.includes(
      '{"stream":{"__proto__":"p","detected_level":"error","service":"a"},"values":[' +
        '["1700000000000000003","say \\"no\\""],["1700000000000000002","again"]]}',
    ),
    reply.body,
  )
  assert.deepEqual(data.result[1], { stream: { service: 'b' }, values: [['1', '']] })
})

test('Grafana gets metadata apart when it asks so', async () => {
  const reply = await get('/query_range?query=x', {
    'x-loki-response-encoding-flags': 'categorize-labels',
  })
  const { data } = reply.json()
  assert.deepEqual(data.encodingFlags, ['categorize-labels'])
  assert.deepEqual(data.result[0].stream, { service: 'a' })
  const [, , extra] = data.result[0].values[0]
  assert.equal(extra.structuredMetadata.detected_level, 'error')
  assert.deepEqual(extra.parsed, {})
})

test('times are nanoseconds, seconds, float seconds or RFC 3339; without them the last hour', async () => {
  const check = async (query: string, startTimeNs: bigint, endTimeNs: bigint): Promise<void> => {
    await get(`/query_range?query=x&${query}`)
    const found = lastQuery()
    assert.deepEqual([found['startTimeNs'], found['endTimeNs']], [startTimeNs, endTimeNs])
  }
  const second = 1_000_000_000n
  await check(
    'start=1700000000000000001&end=1700000000000000002',
    1700000000000000001n,
    1700000000000000002n,
  )
  await check(
    'start=1700000000&end=1700000001.5',
    1_700_000_000n * second,
    1_700_000_001_500_000_000n,
  )
  await check('start=1970-01-01T00:00:01Z&end=2', second, 2n * second)
  await check('', 1_699_996_400n * second, 1_700_000_000n * second)
  await check('since=60s', 1_699_999_940n * second, 1_700_000_000n * second)
})

test('limit and direction are handed on, with Loki’s defaults', async () => {
  await get('/query_range?query=x')
  assert.deepEqual([lastQuery()['limit'], lastQuery()['direction']], [100, 'backward'])
  await get('/query_range?query=x&limit=5&direction=FORWARD')
  assert.deepEqual([lastQuery()['limit'], lastQuery()['direction']], [5, 'forward'])
})

test('mistakes are told as text', async () => {
  const check = async (url: string, text: RegExp): Promise<void> => {
    const reply = await get(url)
    assert.equal(reply.statusCode, 400)
    assert.match(String(reply.headers['content-type']), /^text\/plain/)
    assert.match(reply.body, text)
  }
  await check('/query_range?query=x&start=soon', /invalid parameter "start"/)
  await check('/query_range?query=x&start=5&end=4', /end timestamp must not be before/)
  await check('/query_range?query=x&limit=9999999', /max entries limit/)
  await check('/query_range?query=x&direction=up', /neither forward nor backward/)
  await check('/query?query=%7Ba%3D%22b%22%7D', /not supported as an instant query/)
})

test('the health check of Grafana gets its one row with 2, also decades ago', async () => {
  bench.answerInstant = async ({ timeMs }) => ({
    value: { type: 'vector', timeMs, elements: [{ labels: emptyLabels, value: 2 }] },
    warnings: [],
    infos: [],
    stats: { sampleCount: 0, seriesCount: 1, elapsedMs: 0 },
  })
  const { data } = (await get('/query?query=vector(1)%2Bvector(1)&time=4000000000')).json()
  assert.equal(data.resultType, 'vector')
  assert.deepEqual(data.result, [{ metric: {}, value: [4_000_000_000, '2'] }])
})

test('the volume panel of Grafana gets lines per level', async () => {
  const query = 'sum by (level, detected_level) (count_over_time({service="a"} |= "x" [1m]))'
  const { data } = (await get(`/query_range?query=${encodeURIComponent(query)}`)).json()
  assert.equal(data.resultType, 'matrix')
  assert.deepEqual(data.result, [{ metric: { detected_level: 'error' }, values: [[120, '4']] }])
  assert.equal(lastQuery()['stepMs'], 60_000)
  assert.equal(String(lastQuery()['expression']).trim(), '{service="a"} |= "x"')
})

test('labels, values and series come from the store', async () => {
  const timeNs = BigInt(bench.clock.nowTimeMs() - 1000) * 1_000_000n
  await bench.store.appendLogs({
    count: 2,
    streams: [makeLabels({ service: 'a', level: 'x' }), makeLabels({ service: 'b' })],
    stream: Uint32Array.of(0, 1),
    timeNs: BigInt64Array.of(timeNs, timeNs),
    level: Uint8Array.of(1, 1),
    line: ['one', 'two'],
  })
  assert.deepEqual((await get('/labels')).json().data, ['level', 'service'])
  assert.deepEqual((await get('/label/service/values')).json().data, ['a', 'b'])
  assert.deepEqual((await get('/label/__proto__/values')).json().data, [])
  const series = (await get('/series')).json().data as object[]
  assert.equal(series.length, 2)
  assert.match((await get('/status/buildinfo')).json().version, /^3\./)
})
