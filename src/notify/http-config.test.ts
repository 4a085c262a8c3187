import assert from 'node:assert/strict'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { MemoryRecords } from '../../test/support/memory-records.ts'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import { emptyLabels } from '../model/labels.ts'
import { type Notification, Notifier } from './notify.ts'
import { notifySettings } from './settings.ts'
import { chatCert, chatKey } from './testdata/certificate.ts'

test('a receiver trusts the certificates that it is told to, its own settings before the shared ones', async (t) => {
  let callCount = 0
  const server = createServer({ cert: chatCert, key: chatKey }, (request, response) => {
    callCount++
    request.resume()
    response.writeHead(200, { connection: 'close' }).end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const send = async (shared: object | undefined, own: object | undefined): Promise<string> => {
    const slack = { api_url: `https://127.0.0.1:${port}/x`, http_config: own }
    const receivers = [{ name: 'team', slack_configs: [slack] }]
    const settings = {
      ...z.object(notifySettings.top).parse({ receivers }),
      global: z.object(notifySettings.global).parse({ http_config: shared }),
    }
    const parts = { records: new MemoryRecords(), clock: systemClock, log: silentLog }
    const notifier = new Notifier({ settings, ...parts, random: () => 0.5 })
    const abort = new AbortController()
    notifier.onAttempt(() => abort.abort())
    const { failures } = await notifier.send(makeEmpty(), abort.signal)
    return failures.join()
  }
  const trusting = { tls_config: { ca: chatCert, server_name: 'chat.test' } }
  assert.match(await send(undefined, undefined), /cannot be reached.*certificate/)
  assert.match(await send(undefined, { tls_config: { ca: chatCert } }), /cannot be reached/)
  assert.equal(callCount, 0)
  assert.equal(await send(undefined, trusting), '')
  assert.equal(await send(trusting, undefined), '')
  assert.equal(await send(undefined, { tls_config: { insecure_skip_verify: true } }), '')
  assert.match(await send(trusting, { follow_redirects: false }), /cannot be reached/)
  assert.match(await send(undefined, { proxy_url: 'foo' }), /proxy_url is not an http/)
  const unreadable = { basic_auth: { username: 'ship', password_file: '/nowhere/password' } }
  assert.match(await send(undefined, unreadable), /cannot read \/nowhere\/password/)
  assert.equal(callCount, 3)
})

test('a token of OAuth 2 is asked for once, renewed when refused, and never shown', async (t) => {
  const seen: string[] = []
  let tokenCount = 0
  let taken = 'S3CR3T-1'
  const server = createPlainServer((request, response) => {
    request.resume()
    const { authorization, 'x-scope-orgid': tenant } = request.headers
    if (request.url === '/token') {
      assert.equal(authorization, `Basic ${Buffer.from('ship:S3CR3T-CLIENT').toString('base64')}`)
      const body = { access_token: `S3CR3T-${++tokenCount}`, token_type: 'bearer', expires_in: 60 }
      response.writeHead(200, { connection: 'close' }).end(JSON.stringify(body))
      return
    }
    seen.push(`${authorization} ${tenant}`)
    const isTaken = authorization === `Bearer ${taken}`
    const status = isTaken ? 200 : 401
    response.writeHead(status, { connection: 'close' }).end(isTaken ? 'ok' : `no ${authorization}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const http = {
    oauth2: { client_id: 'ship', client_secret: 'S3CR3T-CLIENT', token_url: `${address}/token` },
    http_headers: { 'X-Scope-OrgID': { values: ['team'] } },
  }
  const receivers = [{ name: 'team', webhook_configs: [{ url: address, http_config: http }] }]
  const settings = {
    ...z.object(notifySettings.top).parse({ receivers }),
    global: z.object(notifySettings.global).parse({}),
  }
  const parts = { records: new MemoryRecords(), clock: systemClock, log: silentLog }
  const notifier = new Notifier({ settings, ...parts, random: () => 0.5 })
  const answers: string[] = []
  notifier.onAttempt(({ answer }) => answers.push(answer))
  const send = () => notifier.send(makeEmpty(), new AbortController().signal)
  assert.equal((await send()).isDelivered, true)
  assert.equal((await send()).isDelivered, true)
  assert.equal(tokenCount, 1)
  taken = 'S3CR3T-2'
  assert.equal((await send()).isDelivered, true)
  taken = 'nothing'
  assert.equal((await send()).isDelivered, false)
  assert.deepEqual(seen, [
    'Bearer S3CR3T-1 team',
    'Bearer S3CR3T-1 team',
    'Bearer S3CR3T-1 team',
    'Bearer S3CR3T-2 team',
    'Bearer S3CR3T-2 team',
    'Bearer S3CR3T-3 team',
  ])
  assert.match(answers.join(), /HTTP 401: no <secret>/)
  assert.doesNotMatch(answers.join(), /S3CR3T-3|S3CR3T-CLIENT/)
})

function makeEmpty(): Notification {
  return {
    groupKey: '{}',
    status: 'firing',
    reason: 'first notification',
    receiver: 'team',
    groupLabels: emptyLabels,
    commonLabels: emptyLabels,
    commonAnnotations: emptyLabels,
    alerts: [],
    background: undefined,
    externalUrl: 'http://ship.example',
  }
}
