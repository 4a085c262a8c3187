/**
 * OpenTelemetry's own SDK against the product as a user starts it: over gRPC and over HTTP in protobuf,
 * cumulative and delta, and how gRPC refuses whom it does not know.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { OTLPMetricExporter as GrpcExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as HttpExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { findFreePort } from './support/programs.ts'
import { eventually, type Served, startServe } from './support/serve.ts'

let served: Served
let grpcPort: number

before(async () => {
  grpcPort = await findFreePort()
  served = await startServe({
    config: `otlp: {grpc_listen: "127.0.0.1:${grpcPort}", promote_resource_attributes: [team]}\nhost_agent: {enabled: false}\n`,
  })
})

after(async () => {
  await served.stop()
})

/** Labels and value of every series that the query finds, or `undefined` when there are none. */
async function ask(query: string): Promise<{ metric: Record<string, string>; value: string }[]> {
  const reply = await fetch(`${served.base}/api/v1/query?query=${encodeURIComponent(query)}`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  const { data } = (await reply.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] }
  }
  return data.result.map(({ metric, value }) => ({ metric, value: value[1] }))
}

async function askUntilFound(query: string) {
  return eventually(query, async () => {
    const rows = await ask(query)
    return rows.length === 0 ? undefined : rows
  })
}

/** Records one of each kind twice and sends after each time. */
async function sendEveryKind(service: string, exporter: PushMetricExporter): Promise<void> {
  const provider = new MeterProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'service.instance.id': 'one',
      team: 'payments',
      'host.name': 'h1',
    }),
    views: [
      {
        instrumentName: 'payload.size',
        aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
      },
    ],
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  })
  const meter = provider.getMeter('shop', '2.0')
  const requests = meter.createCounter('requests', { unit: '1', description: 'What was asked.' })
  const open = meter.createUpDownCounter('connections.open')
  const latency = meter.createHistogram('request.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.1, 1] },
  })
  const payload = meter.createHistogram('payload.size', { unit: 'By' })
  const room = meter.createObservableGauge('room.temperature', { unit: 'Cel' })
  room.addCallback((observed) => observed.observe(21.5, { room: 'a' }))
  for (let turn = 1; turn <= 2; turn++) {
    requests.add(turn, { path: '/cart' })
    open.add(turn)
    latency.record(0.05)
    latency.record(5)
    for (const size of [0, 1, 300, 2000 * turn]) payload.record(size)
    await provider.forceFlush()
  }
  await provider.shutdown()
}

async function checkEveryKind(service: string): Promise<void> {
  const job = `job="${service}"`
  const [requests] = await askUntilFound(`requests_total{${job}}`)
  assert.equal(requests!.value, '3')
  assert.deepEqual(requests!.metric, {
    __name__: 'requests_total',
    job: service,
    instance: 'one',
    otel_scope_name: 'shop',
    otel_scope_version: '2.0',
    path: '/cart',
    team: 'payments',
  })
  const valuesOf = async (query: string) => (await ask(query)).map(({ value }) => value)
  assert.deepEqual(await valuesOf(`connections_open{${job}}`), ['3'])
  assert.deepEqual(await valuesOf(`room_temperature_celsius{${job}, room="a"}`), ['21.5'])
  assert.deepEqual(await valuesOf(`request_duration_seconds_count{${job}}`), ['4'])
  assert.deepEqual(await valuesOf(`request_duration_seconds_sum{${job}}`), ['10.1'])
  for (const [bound, count] of [
    ['0.1', '2'],
    ['1.0', '2'],
    ['+Inf', '4'],
  ] as const) {
    assert.deepEqual(await valuesOf(`request_duration_seconds_bucket{${job}, le="${bound}"}`), [
      count,
    ])
  }
  const payload = `payload_size_bytes{${job}}`
  assert.deepEqual(await valuesOf(`histogram_count(${payload})`), ['8'])
  assert.deepEqual(await valuesOf(`histogram_sum(${payload})`), ['6602'])
  assert.deepEqual(await valuesOf(`histogram_fraction(-1, 100, ${payload})`), ['0.5'])
  const [median] = await valuesOf(`histogram_quantile(0.9, ${payload})`)
  assert.ok(Number(median) > 1000 && Number(median) < 4000, median)
  const [info] = await ask(`target_info{${job}}`)
  assert.equal(info!.metric['host_name'], 'h1')
  assert.equal(info!.metric['team'], 'payments')
}

test('the SDK sends over gRPC, cumulative and delta', async () => {
  const url = `http://127.0.0.1:${grpcPort}`
  await sendEveryKind('grpc-cumulative', new GrpcExporter({ url }))
  await checkEveryKind('grpc-cumulative')
  const temporalityPreference = AggregationTemporality.DELTA
  await sendEveryKind('grpc-delta', new GrpcExporter({ url, temporalityPreference }))
  await checkEveryKind('grpc-delta')
})

test('the SDK sends over HTTP in protobuf, gzipped too', async () => {
  await sendEveryKind('http-plain', new HttpExporter({ url: `${served.base}/v1/metrics` }))
  await checkEveryKind('http-plain')
  const exporter = new HttpExporter({
    url: `${served.base}/api/v1/otlp/v1/metrics`,
    compression: 'gzip' as never,
    temporalityPreference: AggregationTemporality.DELTA,
  })
  await sendEveryKind('http-gzip', exporter)
  await checkEveryKind('http-gzip')
})

test('the receiver has its row on the Sources page once something came', async () => {
  const reply = await fetch(`${served.base}/api/shipwatch/v1/sources`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  const { sources } = (await reply.json()) as { sources: { id: string; sampleCount: number }[] }
  const receivers = sources.filter(({ id }) => id.startsWith('receiver:')).map(({ id }) => id)
  assert.deepEqual(receivers, ['receiver:remote-write', 'receiver:loki-push', 'receiver:otlp'])
})

test('where receivers are closed to this machine, gRPC asks for a token as HTTP does', async () => {
  const port = await findFreePort()
  const closed = await startServe({
    config: `otlp: {grpc_listen: "127.0.0.1:${port}"}\nserver: {ingest_open_on_loopback: false}\n`,
  })
  try {
    const send = (): Promise<number> =>
      new Promise((resolve) => {
        const exporter = new GrpcExporter({ url: `http://127.0.0.1:${port}` })
        const empty = { resource: resourceFromAttributes({}), scopeMetrics: [] }
        exporter.export(empty, ({ error }) => {
          resolve((error as { code?: number } | undefined)?.code ?? 0)
          void exporter.shutdown()
        })
      })
    const unauthenticated = 16
    assert.equal(await send(), unauthenticated)
    process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'authorization=Bearer wrong'
    assert.equal(await send(), unauthenticated)
    process.env['OTEL_EXPORTER_OTLP_HEADERS'] = `authorization=Bearer ${closed.token()}`
    assert.equal(await send(), 0)
  } finally {
    delete process.env['OTEL_EXPORTER_OTLP_HEADERS']
    await closed.stop()
  }
})
