/** Loki push: JSON and protobuf, derived labels and levels, refused bodies. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { VirtualClock } from '../../base/clock.ts'
import { makeLabels } from '../../model/labels.ts'
import { type LogBatch, logLevels } from '../../model/log-line.ts'
import { DropLedger } from '../drops.ts'
import { field, snap, whole } from '../testdata/write-request.ts'
import type { ReceiverReply } from './body.ts'
import { LokiPushReceiver, parseStreamLabels, withServiceName } from './loki-push.ts'

const nowTimeMs = 1_700_000_000_000
const nowNs = `${nowTimeMs}000000`

function makeBench() {
  const rows: string[] = []
  const receiver = new LokiPushReceiver({
    clock: new VirtualClock(nowTimeMs),
    drops: new DropLedger(),
    onReceived: () => undefined,
    append: async (batch: LogBatch) => {
      for (let row = 0; row < batch.count; row++) {
        const metadata = batch.metadata?.[row]
        rows.push(
          [
            batch.streams[batch.stream[row]!],
            batch.timeNs[row],
            logLevels[batch.level[row]!],
            batch.line[row]!.slice(0, 80),
            ...(metadata === undefined ? [] : [metadata]),
          ].join(' '),
        )
      }
    },
  })
  const json = (body: unknown, headers: Record<string, string> = {}): Promise<ReceiverReply> =>
    receiver.receive({
      headers: { 'content-type': 'application/json', ...headers },
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    })
  return { rows, receiver, json }
}

test('lines are kept with stream, time in nanoseconds, level and metadata', async () => {
  const { rows, json } = makeBench()
  const reply = await json({
    streams: [
      {
        stream: { app: 'shop', level: 'warn' },
        values: [
          ['1699999999123456789', 'one'],
          [nowNs, 'level=error two', { trace_id: 'x', __proto__x: 'y' }],
          [nowNs, 'three', { severity: 'DEBUG' }],
        ],
      },
      { stream: { service_name: 's' }, values: [[nowNs, '{"level":"fatal"}']] },
    ],
  })
  assert.deepEqual(reply, { status: 204, headers: {}, body: '' })
  assert.deepEqual(rows, [
    '{app="shop", level="warn", service_name="shop"} 1699999999123456789 warn one',
    `{app="shop", level="warn", service_name="shop"} ${nowNs} warn level=error two {__proto__x="y", trace_id="x"}`,
    `{app="shop", level="warn", service_name="shop"} ${nowNs} debug three {severity="DEBUG"}`,
    `{service_name="s"} ${nowNs} fatal {"level":"fatal"}`,
  ])
})

test('gzip and protobuf carry the same', async () => {
  const { rows, receiver } = makeBench()
  const body = JSON.stringify({ streams: [{ stream: { job: 'j' }, values: [[nowNs, 'zipped']] }] })
  const zipped = await receiver.receive({
    headers: { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'gzip' },
    body: gzipSync(body),
  })
  assert.equal(zipped.status, 204)
  const timestamp = Buffer.concat([whole(1, BigInt(nowTimeMs / 1000)), whole(2, 5n)])
  const pair = Buffer.concat([field(1, 'k'), field(2, 'v')])
  const entry = Buffer.concat([field(1, timestamp), field(2, '[ERROR] boom'), field(3, pair)])
  const stream = Buffer.concat([
    field(2, entry),
    field(1, '{job="j", "x"="y"}'.replace('"x"', 'x')),
  ])
  const packed = await receiver.receive({
    headers: { 'content-type': 'application/x-protobuf' },
    body: snap(field(1, stream)),
  })
  assert.deepEqual([packed.status, packed.body], [204, ''])
  assert.deepEqual(rows, [
    `{job="j", service_name="j"} ${nowNs} unknown zipped`,
    `{job="j", service_name="j", x="y"} ${BigInt(nowNs) + 5n} error [ERROR] boom {k="v"}`,
  ])
})

test('wrong bodies are 400 and say where', async () => {
  const { rows, json } = makeBench()
  const refuse = async (body: unknown, pattern: RegExp): Promise<void> => {
    const reply = await json(body)
    assert.equal(reply.status, 400, JSON.stringify(body))
    assert.match(reply.body, pattern)
  }
  const stream = { a: 'b' }
  await refuse('{"streams":', /not JSON/)
  await refuse([], /expected an object with the list "streams"/)
  await refuse('null', /expected an object/)
  await refuse({ streams: {} }, /list "streams"/)
  await refuse({ streams: [3] }, /streams\[0\] must be an object/)
  await refuse({ streams: [{ stream: [], values: [] }] }, /streams\[0\]\.stream must be an object/)
  await refuse({ streams: [{ stream: { a: 1 }, values: [] }] }, /stream\["a"\] must be a string/)
  await refuse(
    { streams: [{ stream, values: [[1700000000, 'x']] }] },
    /values\[0\]\[0\] must be a string of nanoseconds/,
  )
  await refuse({ streams: [{ stream, values: [['1.5', 'x']] }] }, /nanoseconds/)
  await refuse({ streams: [{ stream, values: [['9999999999999999999', 'x']] }] }, /64 bits/)
  await refuse({ streams: [{ stream, values: [[nowNs]] }] }, /values\[0\] must be a list/)
  await refuse({ streams: [{ stream, values: [[nowNs, 1]] }] }, /\[1\] must be a string/)
  await refuse({ streams: [{ stream, values: [[nowNs, 'x', 'y']] }] }, /\[2\] must be an object/)
  assert.deepEqual(rows, [])
})

test('a stream without labels and lines from the future are refused, the others kept', async () => {
  const { rows, json } = makeBench()
  const reply = await json({
    streams: [
      { stream: {}, values: [[nowNs, 'lost']] },
      {
        stream: { a: 'b' },
        values: [
          [`${nowTimeMs + 3_600_000}000000`, 'future'],
          [nowNs, 'kept'],
        ],
      },
      { stream: { a: 'x'.repeat(1_000_000) }, values: [[nowNs, 'lost']] },
    ],
  })
  assert.equal(reply.status, 400)
  assert.match(reply.body, /at least one label pair is required/)
  assert.match(reply.body, /has timestamp too new: 2023-11-14T23:13:20.000Z/)
  assert.match(reply.body, /value of label "a" has 1000000 bytes/)
  assert.ok(reply.body.length < 2000)
  assert.equal(rows.length, 1)
  assert.match(rows[0]!, /kept$/)
})

test('a label named __proto__ is plain data, and other types are 415', async () => {
  const { rows, json, receiver } = makeBench()
  await json(
    `{"streams":[{"stream":{"__proto__":"x"},"values":[["${nowNs}","y",{"__proto__":"z"}]]}]}`,
  )
  assert.deepEqual(rows, [
    `{__proto__="x", service_name="unknown_service"} ${nowNs} unknown y {__proto__="z"}`,
  ])
  const reply = await receiver.receive({
    headers: { 'content-type': 'text/csv' },
    body: Buffer.from('x'),
  })
  assert.equal(reply.status, 415)
})

test('the service is named by the first label that can', () => {
  assert.equal(withServiceName(makeLabels({ job: 'j', app: 'a' })).get('service_name'), 'a')
  assert.equal(
    withServiceName(makeLabels({ service_name: 's', app: 'a' })).get('service_name'),
    's',
  )
})

test('labels written as text are read, and mistakes named', () => {
  assert.deepEqual(parseStreamLabels('{a="b\\"\\n", c_1 = `d`,}').pairs, ['a', 'b"\n', 'c_1', 'd'])
  assert.deepEqual(parseStreamLabels('{}').pairs, [])
  for (const text of ['', 'a="b"', '{a}', '{a=b}', '{a="b" c="d"}', '{a="\\q"}', '{"a"="b"}']) {
    assert.throws(() => parseStreamLabels(text), /the labels /, text)
  }
})

test('no bytes crash the receiver', async () => {
  const { receiver } = makeBench()
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom('application/json', 'application/x-protobuf'),
      fc.boolean(),
      async (bytes, type, isSnapped) => {
        const body = Buffer.from(bytes)
        const reply = await receiver.receive({
          headers: { 'content-type': type },
          body: isSnapped && type.endsWith('protobuf') ? snap(body) : body,
        })
        assert.ok([204, 400, 413].includes(reply.status), reply.body)
      },
    ),
    { numRuns: 500 },
  )
})

test('JSON that would become millions of values is refused before it is parsed', async () => {
  const { rows, json } = makeBench()
  const deep = await json(`{"streams":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
  assert.equal(deep.status, 400)
  assert.equal(
    deep.body,
    'the body is not usable JSON: at byte 110 a value lies deeper than 100 lists and objects\n',
  )
  const wide = await json(`{"streams":[${'[],'.repeat(3_000_000)}[]]}`)
  assert.equal(wide.status, 400)
  assert.match(wide.body, /at byte \d+ the body has more than 4194304 values/)
  // What stands in a string is text.
  const line = '[{,'.repeat(200_000)
  const text = await json({ streams: [{ stream: { a: 'b' }, values: [[nowNs, `\\"${line}`]] }] })
  assert.equal(text.status, 204)
  assert.equal(rows.length, 1)
})

test('a protobuf push of millions of nothings is refused, and so are metadata without bounds', async () => {
  const { rows, receiver, json } = makeBench()
  const send = (body: Buffer): Promise<ReceiverReply> =>
    receiver.receive({ headers: { 'content-type': 'application/x-protobuf' }, body: snap(body) })
  const streams = await send(Buffer.alloc(1 << 20, field(1, field(1, '{}'))))
  assert.equal(streams.status, 400)
  assert.match(streams.body, /more than 131072 streams in one request/)
  const entry = Buffer.alloc(1 << 20, field(3, ''))
  const metadata = await send(field(1, Buffer.concat([field(1, '{a="b"}'), field(2, entry)])))
  assert.match(metadata.body, /more metadata than a line may have/)
  const long = await json({
    streams: [
      {
        stream: { a: 'b' },
        values: [
          [nowNs, 'long', { trace: 'x'.repeat(1 << 20) }],
          [nowNs, 'kept', { trace: 'x' }],
        ],
      },
    ],
  })
  assert.equal(long.status, 400)
  assert.match(long.body, /^structured metadata: the value of label "trace" has 1048576 bytes/)
  assert.deepEqual(rows.length, 1)
})
