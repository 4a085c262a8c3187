/** OTLP metrics over HTTP: both encodings, names and labels, deltas, refusals, and bytes that crash nothing. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { VirtualClock } from '../../../base/clock.ts'
import { silentLog } from '../../../base/log.ts'
import { z } from '../../../config/schema.ts'
import type { Appender } from '../../../model/flow.ts'
import { makeMatcher } from '../../../model/matcher.ts'
import { bitsOf, isStaleAt } from '../../../model/sample.ts'
import { MemoryStore } from '../../../store/store.ts'
import { DropLedger } from '../../drops.ts'
import { collectErrors } from '../../errors.ts'
import { collectSettings } from '../../settings.ts'
import { describeEveryType, encodeEveryType } from '../../testdata/otlp-request.ts'
import type { ReceiverReply } from '../body.ts'
import { OtlpMetricReceiver } from './otlp.ts'

const nowTimeMs = 1_700_000_000_123
const jsonType = { 'content-type': 'application/json' }
const protobufType = { 'content-type': 'application/x-protobuf' }

function makeBench(yaml: Record<string, unknown> = {}, wrap = (store: Appender) => store) {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const drops = new DropLedger()
  const receiver = new OtlpMetricReceiver({
    appender: wrap(store),
    drops,
    log: silentLog,
    settings: z.object(collectSettings.top).parse({ otlp: yaml }).otlp,
    onReceived: () => undefined,
  })
  const send = (body: object): Promise<ReceiverReply> =>
    receiver.receive({ headers: jsonType, body: Buffer.from(JSON.stringify(body)) })
  const read = async (metric = '.+'): Promise<string[]> => {
    const found = await store.select({
      matchers: [makeMatcher('__name__', '=~', metric)],
      startTimeMs: 0,
      endTimeMs: nowTimeMs * 2,
    })
    return found
      .map(({ labels, count, timeMs, value }) => {
        const bits = bitsOf(value)
        const rows = Array.from({ length: count }, (_, index) => {
          const shown = isStaleAt(bits, index) ? 'stale' : value[index]
          return `${timeMs[index]! - nowTimeMs}:${shown}`
        })
        return `${labels} ${rows.join(' ')}`
      })
      .sort()
  }
  return { store, drops, receiver, send, read }
}

/** A request of one metric of one service. */
function requestOf(...metrics: object[]): object {
  return {
    resourceMetrics: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 's' } }] },
        scopeMetrics: [{ metrics }],
      },
    ],
  }
}

function at(offsetMs: number): { timeUnixNano: string } {
  return { timeUnixNano: `${nowTimeMs + offsetMs}000000` }
}

const everySeries = [
  'gone{instance="cart-1", job="shop/cart", SCOPE} 0:stale',
  'http_server_duration_seconds_bucket{instance="cart-1", job="shop/cart", le="+Inf", SCOPE} 0:6',
  'http_server_duration_seconds_bucket{instance="cart-1", job="shop/cart", le="0.1", SCOPE} 0:1',
  'http_server_duration_seconds_bucket{instance="cart-1", job="shop/cart", le="1.0", SCOPE} 0:3',
  'http_server_duration_seconds_count{instance="cart-1", job="shop/cart", SCOPE} 0:6',
  'http_server_duration_seconds_sum{instance="cart-1", job="shop/cart", SCOPE} 0:3.5',
  'jobs{instance="cart-1", job="shop/cart", SCOPE} 0:-4',
  'requests_count_total{instance="cart-1", job="shop/cart", SCOPE} 0:7',
  'room_temperature_celsius{instance="cart-1", is_warm="true", job="shop/cart", SCOPE, room="a"} 0:21.5',
  'rpc_milliseconds_count{instance="cart-1", job="shop/cart", SCOPE} 0:2',
  'rpc_milliseconds_sum{instance="cart-1", job="shop/cart", SCOPE} 0:3',
  'rpc_milliseconds{instance="cart-1", job="shop/cart", SCOPE, quantile="0.5"} 0:1',
  'rpc_milliseconds{instance="cart-1", job="shop/cart", SCOPE, quantile="1.0"} 0:2',
  'target_info{host_cpus="9007199254740993", instance="cart-1", job="shop/cart"} 0:1',
].map((line) =>
  line.replace(
    'SCOPE',
    'otel_scope_kind="auto", otel_scope_name="lib", otel_scope_schema_url="https://schema", otel_scope_version="1.2"',
  ),
)

test('every type of point arrives the same from JSON and protobuf, plain and gzipped', async () => {
  const json = Buffer.from(JSON.stringify(describeEveryType(nowTimeMs)))
  const protobuf = encodeEveryType(nowTimeMs)
  const gzip = { 'content-encoding': 'gzip' }
  for (const [headers, body] of [
    [jsonType, json],
    [{ 'content-type': 'application/json; charset=utf-8', ...gzip }, gzipSync(json)],
    [protobufType, protobuf],
    [{ ...protobufType, ...gzip }, gzipSync(protobuf)],
  ] as const) {
    const { receiver, read, store } = makeBench()
    const reply = await receiver.receive({ headers, body })
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['content-type'], headers['content-type'].split(';')[0])
    if (body === protobuf) assert.deepEqual(reply.bytes, Buffer.alloc(0))
    assert.deepEqual(await read(), everySeries)
    assert.deepEqual(store.metadata('requests_count_total').get('requests_count_total'), {
      type: 'counter',
      help: 'about requests.count',
      unit: '1',
    })
  }
})

test('an empty request and unknown fields are fine', async () => {
  const { send, receiver, read } = makeBench()
  assert.deepEqual(await send({}), { status: 200, headers: jsonType, body: '{}' })
  assert.equal(
    (await receiver.receive({ headers: protobufType, body: Buffer.alloc(0) })).status,
    200,
  )
  await send({
    brandNew: [],
    ...requestOf({ name: 'g', x: 1, gauge: { dataPoints: [{ ...at(0), asInt: '1', y: {} }] } }),
  })
  assert.deepEqual(await read('g'), ['g{job="s"} 0:1'])
})

test('deltas are summed up, and a repeated one is not added twice', async () => {
  const { send, read } = makeBench()
  const delta = (offsetMs: number, value: number): object =>
    requestOf(
      {
        name: 'c',
        sum: {
          aggregationTemporality: 1,
          isMonotonic: true,
          dataPoints: [{ ...at(offsetMs), asInt: value }],
        },
      },
      {
        name: 'h',
        histogram: {
          aggregationTemporality: 1,
          dataPoints: [
            {
              ...at(offsetMs),
              count: value,
              sum: value,
              bucketCounts: [value, 0],
              explicitBounds: [1],
            },
          ],
        },
      },
    )
  for (const [offsetMs, value] of [
    [0, 3],
    [1000, 4],
  ] as const) {
    assert.equal((await send(delta(offsetMs, value))).body, '{}')
  }
  const again = JSON.parse((await send(delta(1000, 4))).body)
  assert.equal(again.partialSuccess.rejectedDataPoints, '2')
  assert.match(again.partialSuccess.errorMessage, /not later than the one before/)
  assert.deepEqual(await read('[ch].*'), [
    'c_total{job="s"} 0:3 1000:7',
    'h_bucket{job="s", le="+Inf"} 0:3 1000:7',
    'h_bucket{job="s", le="1.0"} 0:3 1000:7',
    'h_count{job="s"} 0:3 1000:7',
    'h_sum{job="s"} 0:3 1000:7',
  ])
})

test('a delta that the store could not take counts once when it is sent again', async () => {
  let isFull = true
  const { send, read } = makeBench({}, (store) => {
    const append = store.append.bind(store)
    store.append = (batch) =>
      isFull ? Promise.reject(collectErrors.OVERLOADED({ count: 1 })) : append(batch)
    return store
  })
  const body = requestOf({
    name: 'c',
    sum: { aggregationTemporality: 1, dataPoints: [{ ...at(0), asInt: 5 }] },
  })
  const refused = await send(body)
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers['retry-after']) > 0)
  assert.equal(JSON.parse(refused.body).code, 8)
  isFull = false
  assert.equal((await send(body)).body, '{}')
  assert.deepEqual(await read('c'), ['c{job="s"} 0:5'])
})

test('what cannot be kept is told as partial success; the rest is kept', async () => {
  const { send, read, drops } = makeBench()
  const reply = await send(
    requestOf(
      {
        name: 'e',
        exponentialHistogram: {
          aggregationTemporality: 2,
          dataPoints: [
            { ...at(0), scale: -5 },
            { ...at(1), count: 1 },
          ],
        },
      },
      { name: 'early', gauge: { dataPoints: [{ ...at(3_600_000), asInt: 1 }] } },
      {
        name: 'bad',
        histogram: {
          aggregationTemporality: 2,
          dataPoints: [{ ...at(0), bucketCounts: [1], explicitBounds: [1, 2] }],
        },
      },
      { name: 'unsaid', sum: { dataPoints: [{ ...at(0), asInt: 1 }] } },
      { name: '...', gauge: { dataPoints: [{ ...at(0), asInt: 1 }] } },
      { name: 'good', gauge: { dataPoints: [{ ...at(0), asInt: 1 }] } },
    ),
  )
  assert.equal(reply.status, 200)
  const { partialSuccess } = JSON.parse(reply.body)
  assert.equal(partialSuccess.rejectedDataPoints, '6')
  assert.match(
    partialSuccess.errorMessage,
    /metric "e": a point is not kept: its scale is -5, and -4 is the lowest that is kept/,
  )
  assert.deepEqual(await read(), ['good{job="s"} 0:1'])
  const reasons = drops.list().map(({ reason, count }) => `${reason} ${count}`)
  assert.deepEqual(reasons.sort(), [
    'buckets-invalid 1',
    'histogram-invalid 2',
    'metric-name-missing 1',
    'temporality-missing 1',
    'too-far-in-future 1',
  ])
})

test('a partial success in protobuf holds the count and the message', async () => {
  const { receiver } = makeBench()
  const body = encodeEveryType(nowTimeMs + 3_600_000)
  const { bytes } = await receiver.receive({ headers: protobufType, body })
  // Field 1 of two length bytes; in it field 1, the count.
  assert.equal(bytes![0], 0x0a)
  assert.deepEqual(bytes!.subarray(3, 5), Buffer.from([0x08, 6]))
  assert.match(bytes!.toString('latin1'), /too far in the future/)
})

test('attributes promote as configured, and never stand in for job and instance', async () => {
  const { send, read } = makeBench({
    promote_resource_attributes: ['deployment.environment', 'k8s.pod.name'],
    promote_scope_metadata: false,
  })
  const attribute = (key: string, value: object) => ({ key, value })
  await send({
    resourceMetrics: [
      {
        resource: {
          attributes: [
            attribute('service.name', { stringValue: 'cart' }),
            attribute('deployment.environment', { stringValue: 'prod' }),
            attribute('k8s.pod.name', { stringValue: 'p-1' }),
          ],
        },
        scopeMetrics: [
          {
            scope: { name: 'lib' },
            metrics: [
              {
                name: 'g',
                gauge: {
                  dataPoints: [
                    {
                      ...at(0),
                      asDouble: 'NaN',
                      attributes: [
                        attribute('job', { stringValue: 'forged' }),
                        attribute('k8s.pod.name', { stringValue: 'own' }),
                        attribute('a.b', { stringValue: '1' }),
                        attribute('a_b', { stringValue: '2' }),
                        attribute('9lives', { doubleValue: 0.5 }),
                        attribute('__proto__', { bytesValue: 'AAEC/w==' }),
                        attribute('list', {
                          arrayValue: { values: [{ intValue: '1' }, { stringValue: 'x' }] },
                        }),
                        attribute('map', {
                          kvlistValue: { values: [attribute('__proto__', { boolValue: true })] },
                        }),
                      ],
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  })
  assert.deepEqual(await read('g'), [
    'g{__proto__="AAEC/w==", a_b="1;2", deployment_environment="prod", job="cart", k8s_pod_name="own", key_9lives="0.5", list="[\\"1\\",\\"x\\"]", map="{\\"__proto__\\":true}"} 0:NaN',
  ])
})

test('a wrong body is a google.rpc.Status in the encoding it came in, and names the place', async () => {
  const { receiver, send } = makeBench()
  const wrong = await send(
    requestOf({ name: 'g', gauge: { dataPoints: [{ ...at(0), asInt: 1.5 }] } }),
  )
  assert.equal(wrong.status, 400)
  assert.deepEqual(JSON.parse(wrong.body), {
    code: 3,
    message:
      'resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asInt: expected a whole number',
  })
  const messageOf = async (body: string): Promise<string> =>
    (await receiver.receive({ headers: jsonType, body: Buffer.from(body) })).body
  assert.match(await messageOf('[1,2]'), /the body: expected an object/)
  assert.match(await messageOf('{"resourceMetrics":'), /not JSON/)
  assert.match(await messageOf('{"resourceMetrics":{}}'), /resourceMetrics: expected a list/)
  const binary = await receiver.receive({ headers: protobufType, body: Buffer.from([0x0a, 0x7f]) })
  assert.equal(binary.status, 400)
  assert.equal(binary.headers['content-type'], 'application/x-protobuf')
  assert.deepEqual(binary.bytes?.subarray(0, 2), Buffer.from([0x08, 3]))
  assert.match(binary.bytes!.toString('latin1'), /protobuf: at byte 2/)
  const statusOf = async (headers: Record<string, string>, body: Buffer = Buffer.alloc(0)) =>
    (await receiver.receive({ headers, body })).status
  assert.equal(await statusOf({ 'content-type': 'text/plain' }), 415)
  assert.equal(await statusOf({ ...jsonType, 'content-encoding': 'br' }), 415)
  assert.equal(await statusOf({ ...jsonType, 'content-encoding': 'gzip' }, Buffer.from('x')), 400)
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024))
  assert.equal(await statusOf({ ...protobufType, 'content-encoding': 'gzip' }, bomb), 413)
  // Two bytes a point: few bytes must not become gigabytes of points.
  const points = Buffer.alloc(3_000_000, Buffer.from([0x0a, 0x00]))
  const wrapped = [0x2a, 0x12, 0x12, 0x0a].reduce<Buffer>((inner, tag) => {
    const size: number[] = []
    let rest = inner.length
    for (; rest > 127; rest >>>= 7) size.push((rest & 127) | 128)
    return Buffer.concat([Buffer.from([tag, ...size, rest]), inner])
  }, points)
  assert.equal(await statusOf(protobufType, wrapped), 413)
})

test('bytes changed at random never crash the receiver', async () => {
  const good = encodeEveryType(nowTimeMs)
  const { receiver } = makeBench()
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(good.length),
      async (changes, size) => {
        const body = Buffer.from(good)
        for (const [place, byte] of changes) body[place] = byte
        for (const part of [body, body.subarray(0, size)]) {
          const { status } = await receiver.receive({ headers: protobufType, body: part })
          assert.ok([200, 400, 413].includes(status), String(status))
        }
      },
    ),
    { numRuns: 500 },
  )
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 8 }), async (text) => {
      const { status } = await receiver.receive({
        headers: jsonType,
        body: Buffer.from(`{"resourceMetrics":[${text},{"scopeMetrics":[{"metrics":[${text}]}]}]}`),
      })
      assert.ok([200, 400].includes(status))
    }),
    { numRuns: 300 },
  )
})
