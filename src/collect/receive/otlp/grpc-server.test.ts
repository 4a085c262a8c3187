/** OTLP over gRPC: answers, refusals, admission before the message, a taken port. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { silentLog } from '../../../base/log.ts'
import { collectErrors } from '../../errors.ts'
import { makeTextReply, type ReceiverReply } from '../body.ts'
import { type Caller, OtlpGrpcServer } from './grpc-server.ts'

const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'

function same(bytes: Buffer): Buffer {
  return bytes
}

type Outcome = { bytes: Buffer } | { code: status; details: string; metadata: Metadata }

function call(client: Client, message: Buffer, method = path): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (error: ServiceError | null, bytes?: Buffer): void =>
      resolve(error === null ? { bytes: bytes! } : error)
    client.makeUnaryRequest(method, same, same, message, done)
  })
}

async function withServer(
  parts: {
    receive: (message: Buffer) => Promise<ReceiverReply>
    admit?: (caller: Caller) => Promise<void>
  },
  use: (client: Client, port: number) => Promise<void>,
): Promise<void> {
  const server = new OtlpGrpcServer({ log: silentLog, admit: async () => undefined, ...parts })
  const port = (await server.listen('127.0.0.1:0'))!
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  })
  try {
    await use(client, port)
  } finally {
    client.close()
    server.close()
  }
}

test('a message reaches the receiver as it was sent, and its bytes go back', async () => {
  const seen: Buffer[] = []
  const receive = async (message: Buffer): Promise<ReceiverReply> => {
    seen.push(message)
    return { status: 200, headers: {}, body: '', bytes: Buffer.from([1, 2]) }
  }
  await withServer({ receive }, async (client) => {
    assert.deepEqual(await call(client, Buffer.from('abc')), { bytes: Buffer.from([1, 2]) })
    assert.equal(seen[0]!.toString(), 'abc')
    const other = await call(client, Buffer.alloc(0), '/opentelemetry.proto.collector.Else/Export')
    assert.equal('code' in other && other.code, status.UNIMPLEMENTED)
  })
})

test('statuses are those that senders repeat or do not, with the time to come again', async () => {
  let answer = 400
  const receive = async () => makeTextReply(answer, 'because')
  await withServer({ receive }, async (client) => {
    for (const [httpStatus, code] of [
      [400, status.INVALID_ARGUMENT],
      [413, status.RESOURCE_EXHAUSTED],
      [500, status.INTERNAL],
      [429, status.UNAVAILABLE],
      [503, status.UNAVAILABLE],
    ] as const) {
      answer = httpStatus
      const failure = await call(client, Buffer.alloc(1))
      assert.ok('code' in failure)
      assert.equal(failure.code, code)
      assert.equal(failure.details, 'because')
      const [info] = failure.metadata.get('grpc-status-details-bin')
      const text = info === undefined ? '' : Buffer.from(info).toString('latin1')
      assert.equal(/RetryInfo/.test(text), code === status.UNAVAILABLE)
    }
  })
})

test('who may not send is refused before the message is read', async () => {
  let receivedCount = 0
  const callers: Caller[] = []
  const receive = async (): Promise<ReceiverReply> => {
    receivedCount++
    return { status: 200, headers: {}, body: '' }
  }
  const admit = async (caller: Caller): Promise<void> => {
    callers.push(caller)
    throw collectErrors.BODY_TYPE_UNSUPPORTED({ reason: 'not you' })
  }
  await withServer({ receive, admit }, async (client, port) => {
    const failure = await call(client, Buffer.alloc(1))
    assert.equal('code' in failure && failure.details, 'not you')
    assert.equal(receivedCount, 0)
    assert.equal(callers[0]!.remoteAddress, '127.0.0.1')
    assert.equal(callers[0]!.headers['host'], `127.0.0.1:${port}`)
  })
})

test('more calls than the limit are told to come again, and the others are answered', async () => {
  const release: (() => void)[] = []
  const receive = () =>
    new Promise<ReceiverReply>((resolve) => {
      release.push(() => resolve({ status: 200, headers: {}, body: '' }))
      if (release.length === 32) arrived()
    })
  let arrived = (): void => undefined
  const all = new Promise<void>((resolve) => {
    arrived = resolve
  })
  await withServer({ receive }, async (client, port) => {
    const held = Array.from({ length: 32 }, () => call(client, Buffer.alloc(1)))
    await all
    // Another connection: within one, the streams are limited already.
    const other = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    })
    const refused = await call(other, Buffer.alloc(1))
    assert.equal('code' in refused && refused.code, status.UNAVAILABLE)
    for (const one of release) one()
    for (const outcome of await Promise.all(held)) assert.ok('bytes' in outcome)
    const next = call(other, Buffer.alloc(1))
    while (release.length < 33) await new Promise((resolve) => setImmediate(resolve))
    release[32]!()
    assert.ok('bytes' in (await next))
    other.close()
  })
})

test('a message above the limit is refused, and a taken port is a warning only', async () => {
  const receive = async (): Promise<ReceiverReply> => ({ status: 200, headers: {}, body: '' })
  await withServer({ receive }, async (client, port) => {
    const failure = await call(client, Buffer.alloc(64 * 1024 * 1024 + 1))
    assert.equal('code' in failure && failure.code, status.RESOURCE_EXHAUSTED)
    const second = new OtlpGrpcServer({ log: silentLog, receive, admit: async () => undefined })
    assert.equal(await second.listen(`127.0.0.1:${port}`), undefined)
    second.close()
  })
})
