/** Receipts of telephone services, over Twilio played by a server of our own: fallback, restart, limits of patience. */

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MemoryRecords } from '../../../test/support/memory-records.ts'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import { Notifier } from '../notify.ts'
import { notifySettings } from '../settings.ts'
import { makeTestNotification } from '../test-notification.ts'

const startTimeMs = Date.UTC(2026, 10, 20, 10)
const never = new AbortController().signal

async function make(t: TestContext, options: { fallback: string[]; externalUrl?: string }) {
  const calls: { url: string; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    calls.push({ url: request.url ?? '', body })
    response.writeHead(201, { connection: 'close' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const api_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const twilio = { account_sid: 'AC1', auth_token: 'S3CR3T', api_url, from: '+15550000' }
  const receivers = [
    { name: 'ana', voice_configs: [{ to: ['+1555001', '+1555002'], twilio }], ...options },
    { name: 'room', webhook_configs: [{ url: `${api_url}/room` }] },
  ].map(({ externalUrl: _, ...one }: { externalUrl?: string; name: string }) => one)
  const settings = {
    ...z.object(notifySettings.top).parse({ receivers }),
    global: z.object(notifySettings.global).parse({}),
  }
  const clock = new VirtualClock(startTimeMs)
  const parts = { settings, records: new MemoryRecords(), clock, log: silentLog }
  const start = async () => {
    const notifier = new Notifier({ ...parts, random: () => 0.5 })
    await notifier.start()
    t.after(() => notifier.stop())
    return notifier
  }
  const { externalUrl = 'https://ship.example' } = options
  const notification = makeTestNotification('ana', startTimeMs, externalUrl)
  const callbacks = () =>
    calls.flatMap(({ body }) => new URLSearchParams(body).get('StatusCallback') ?? [])
  return { calls, parts, start, notification, callbacks, clock }
}

async function settled(isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isDone(); turn++)
    await new Promise((resolve) => setImmediate(resolve))
  assert.ok(isDone(), 'it came')
}

test('a call that nobody takes is told to the fallback once, also after a restart', async (t) => {
  const { calls, parts, start, notification, callbacks } = await make(t, { fallback: ['room'] })
  const first = await start()
  assert.equal((await first.sendTo('voice[0]', notification, never)).isDelivered, true)
  const ids = callbacks().map((url) => {
    assert.match(
      url,
      /^https:\/\/ship\.example\/api\/shipwatch\/v1\/callbacks\/twilio-receipt\/[\w-]{14}$/,
    )
    return url.split('/').at(-1)!
  })
  assert.equal(new Set(ids).size, 2)
  await first.stop()
  const notifier = await start()
  const lost: unknown[] = []
  notifier.receipts.onLost((one) => void lost.push(one))
  for (const id of ids)
    assert.equal(notifier.receipts.take(id, { isDelivered: false, answer: 'busy' }), true)
  assert.equal(notifier.receipts.take(ids[0]!, { isDelivered: true, answer: 'completed' }), false)
  await settled(() => calls.some(({ url }) => url === '/room'))
  await notifier.stop()
  assert.equal(calls.filter(({ url }) => url === '/room').length, 1)
  assert.match(calls.at(-1)!.body, /"receiver":"room"/)
  assert.deepEqual(lost, [], 'the fallback took it')
  const rows = await parts.records.notifications.list({ limit: 9, receiver: 'ana' })
  assert.deepEqual(rows.map(({ outcome, answer, channel }) => [channel, outcome, answer]).sort(), [
    ['voice', 'delivered', 'HTTP 201: {}; HTTP 201: {}'],
    ['voice', 'failed', 'receipt for +1555001: busy'],
    ['voice', 'failed', 'receipt for +1555002: busy'],
  ])
})

test('without a fallback it is kept as a message that reached nobody, and whoever listens hears', async (t) => {
  const { start, notification, callbacks } = await make(t, { fallback: [] })
  const notifier = await start()
  const lost: { receiver: string; reason: string }[] = []
  notifier.receipts.onLost((one) => void lost.push(one))
  await notifier.sendTo('voice[0]', notification, never)
  const [id, other] = callbacks().map((url) => url.split('/').at(-1)!)
  notifier.receipts.take(other!, { isDelivered: true, answer: 'completed' })
  assert.equal((await notifier.deadLetters({ limit: 9 })).length, 0)
  notifier.receipts.take(id!, { isDelivered: false, answer: 'no-answer' })
  await settled(() => lost.length > 0)
  assert.equal(lost[0]!.receiver, 'ana')
  assert.equal(lost[0]!.reason, 'voice[0]: receipt for +1555001: no-answer')
  const [letter] = await notifier.deadLetters({ limit: 9 })
  assert.deepEqual([letter!.state, letter!.channel], ['open', 'voice[0]'])
})

test('a receipt is not waited for longer than six hours, nor where nobody could tell it', async (t) => {
  const { start, notification, callbacks, clock } = await make(t, { fallback: [] })
  const notifier = await start()
  await notifier.sendTo('voice[0]', notification, never)
  const [id] = callbacks().map((url) => url.split('/').at(-1)!)
  await clock.advance(6 * 3_600_000 + 1)
  assert.equal(notifier.receipts.take(id!, { isDelivered: false, answer: 'busy' }), false)
  for (const externalUrl of ['http://localhost:9595', 'http://10.0.0.1', 'http://watch:9595']) {
    const inside = await make(t, { fallback: [], externalUrl })
    await (await inside.start()).sendTo('voice[0]', inside.notification, never)
    assert.deepEqual(inside.callbacks(), [], externalUrl)
  }
})
