import assert from 'node:assert/strict'
import { createECDH, createPublicKey, verify } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { MemoryRecords } from '../../../test/support/memory-records.ts'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import { Notifier } from '../notify.ts'
import { encryptPush, makeVapidKeys, signVapid } from '../push-crypto.ts'
import { notifySettings } from '../settings.ts'
import { chatCert, chatKey } from '../testdata/certificate.ts'

const startTimeMs = Date.UTC(2026, 10, 20, 10)

test('a push is encrypted as the example of RFC 8291', () => {
  const body = encryptPush(
    'When I grow up, I want to be a watermelon',
    {
      publicKey:
        'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      auth: 'BTBZMqHH6r4Tts7J_aSIgg',
    },
    {
      salt: Buffer.from('DGv6ra1nlYgDCS1FRnbzlw', 'base64url'),
      privateKey: Buffer.from('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw', 'base64url'),
    },
  )
  assert.equal(
    body.toString('base64url'),
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  )
})

test('the signature of VAPID names the push service and verifies with the public key', () => {
  const keys = makeVapidKeys()
  const endpoint = 'https://push.example:8443/a/b'
  const header = signVapid(keys, { endpoint, subject: 'mailto:a@b', nowTimeMs: startTimeMs })
  const [, head, claims, signature, key] = /^vapid t=([^.]+)\.([^.]+)\.([^,]+), k=(.+)$/.exec(
    header,
  )!
  assert.equal(key, keys.publicKey)
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  assert.deepEqual(parse(head!), { typ: 'JWT', alg: 'ES256' })
  assert.deepEqual(parse(claims!), {
    aud: 'https://push.example:8443',
    exp: startTimeMs / 1_000 + 12 * 3_600,
    sub: 'mailto:a@b',
  })
  const point = Buffer.from(keys.publicKey, 'base64url')
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  }
  const publicKey = createPublicKey({ format: 'jwk', key: jwk })
  const given = Buffer.from(signature!, 'base64url')
  const text = Buffer.from(`${head}.${claims}`)
  assert.ok(verify('sha256', text, { key: publicKey, dsaEncoding: 'ieee-p1363' }, given))
})

test('browsers that agreed are pushed to; one that has gone is forgotten, and its address never shown', async (t) => {
  const calls: { url: string; headers: Record<string, unknown> }[] = []
  const server = createServer({ cert: chatCert, key: chatKey }, (request, response) => {
    request.resume()
    calls.push({ url: request.url ?? '', headers: request.headers })
    const status = request.url === '/gone-S3CR3T' ? 410 : 201
    response.writeHead(status, { connection: 'close' }).end(`at ${request.url}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const http_config = { tls_config: { insecure_skip_verify: true } }
  const notify = { push_private_addresses: true, push_browsers_per_user_max: 2 }
  const receivers = [
    { name: 'anna', webpush_configs: [{ users: ['anna'], http_config }] },
    { name: 'ben', webpush_configs: [{ users: ['ben'] }] },
  ]
  const settings = {
    ...z.object(notifySettings.top).parse({ receivers, notify }),
    global: z.object(notifySettings.global).parse({}),
  }
  const records = new MemoryRecords()
  const clock = new VirtualClock(startTimeMs)
  const notifier = new Notifier({ settings, records, clock, log: silentLog, random: () => 0.5 })
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  const browser = (path: string) => ({
    endpoint: `${address}/${path}`,
    owner: 'anna',
    createdBy: 'token:phones',
    label: 'phone',
    publicKey: pair.getPublicKey('base64url'),
    auth: Buffer.alloc(16, 7).toString('base64url'),
  })
  await notifier.pushes.add(browser('gone-S3CR3T'))
  await notifier.pushes.add(browser('here-S3CR3T'))
  const wrong = { code: 'NOTIFY_PUSH_INVALID' }
  await assert.rejects(notifier.pushes.add({ ...browser('x'), endpoint: 'http://push' }), wrong)
  await assert.rejects(notifier.pushes.add({ ...browser('x'), publicKey: 'AAAA' }), wrong)
  await assert.rejects(notifier.pushes.add(browser('third')), {
    message: /token:phones registered 2 already/,
  })
  await notifier.pushes.add({ ...browser('other'), owner: 'eve', createdBy: 'eve' })
  const send = (name: string) => notifier.test(name)
  assert.deepEqual(await send('anna'), { isDelivered: true, failures: [] })
  assert.deepEqual(
    calls.map(({ url }) => url),
    ['/gone-S3CR3T', '/here-S3CR3T'],
  )
  assert.equal(calls[1]!.headers['content-encoding'], 'aes128gcm')
  assert.match(String(calls[1]!.headers['authorization']), /^vapid t=/)
  assert.match(String(calls[1]!.headers['topic']), /^[\w-]{1,32}$/)
  const left = await notifier.pushes.list()
  assert.deepEqual(
    left.map(({ endpoint }) => endpoint),
    [`${address}/here-S3CR3T`, `${address}/other`],
  )
  assert.match((await send('ben')).failures.join(), /no browser takes pushes/)
  const rows = await records.notifications.list({ limit: 9 })
  assert.doesNotMatch(JSON.stringify(rows), /S3CR3T/)
})

test('a browser is not taken, nor pushed to, at an address that is not public', async () => {
  const settings = {
    ...z.object(notifySettings.top).parse({ receivers: [{ name: 'all', webpush_configs: [{}] }] }),
    global: z.object(notifySettings.global).parse({}),
  }
  const records = new MemoryRecords()
  const clock = new VirtualClock(startTimeMs)
  const notifier = new Notifier({ settings, records, clock, log: silentLog, random: () => 0.5 })
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  const browser = (host: string) => ({
    endpoint: `https://${host}/push`,
    owner: 'anna',
    createdBy: 'token:phones',
    label: 'phone',
    publicKey: pair.getPublicKey('base64url'),
    auth: Buffer.alloc(16, 7).toString('base64url'),
  })
  for (const host of ['127.0.0.1:9', 'localhost:9', '[::1]:9', '169.254.169.254', '10.1.2.3'])
    await assert.rejects(notifier.pushes.add(browser(host)), { code: 'HTTP_ADDRESS_PRIVATE' }, host)
  // Taken before, when the name led elsewhere.
  for (const host of ['localhost:9', '127.0.0.1:9']) {
    await records.pushes.save({ ...browser(host), createdTimeMs: 1 })
    const { isDelivered, failures } = await notifier.test('all')
    assert.equal(isDelivered, false)
    assert.match(failures.join(), /not (?:at a )?public/)
    await records.pushes.remove(browser(host).endpoint)
  }
})
