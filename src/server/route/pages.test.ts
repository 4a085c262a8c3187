/** The API of pages, duty, maintenance and heartbeats over real alerting: lists, acts, links, buttons, keys, refusals. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { AlertDesk } from '../../alert/alert.ts'
import { alertSettings } from '../../alert/settings.ts'
import { silentLog } from '../../base/log.ts'
import { parseYaml } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import { makeLabels } from '../../model/labels.ts'
import type { Notification, Notifier } from '../../notify/notify.ts'
import { OnCall } from '../../oncall/oncall.ts'
import { oncallSettings } from '../../oncall/settings.ts'
import { requestsRefused } from '../metrics.ts'
import type { Server } from '../server.ts'

const yaml = `
route: {receiver: room, group_by: [alertname], group_wait: 0s, escalation_policy: main}
people:
- {name: ana, contacts: [{name: push, receiver: ana}]}
- {name: bo, contacts: [{name: push, receiver: bo}]}
teams: [{name: db, members: [ana, bo], schedule: primary}]
schedules:
- name: primary
  layers: [{people: [ana, bo], rotation: daily, start: 2023-11-01}]
escalation_policies:
- {name: main, steps: [{schedule: primary}, {everyone: db}]}
acknowledge: {slack_signing_secret: hush, telegram_secret_token: quiet}
heartbeats:
- {name: backup, interval: 1h}
- {name: sync, interval: 1m, key: s3cret, labels: {team: db}}
`
const config = parseYaml(yaml, 'a.yml').value
const settings = {
  ...z.object({ ...alertSettings.top, ...oncallSettings.top }).parse(config),
  global: z.object(alertSettings.global).parse({}),
}

let bench: ServerBench
let server: Server
let desk: AlertDesk
let sent: Notification[]

beforeEach(async () => {
  bench = new ServerBench()
  sent = []
  bench.oncall = new OnCall(settings)
  desk = new AlertDesk({
    notifier: {
      has: (name: string) => name !== 'nobody',
      receivers: () => [],
      escalationPolicy: () => undefined,
      channels: () => [{ key: 'webhook[0]', kind: 'webhook', sendsResolved: true }],
      sendTo: async (_key: string, notification: Notification) => {
        sent.push(notification)
        return { isDelivered: true, failures: [] }
      },
    } as unknown as Notifier,
    oncall: bench.oncall,
    records: bench.records,
    settings,
    clock: bench.clock,
    log: silentLog,
    externalUrl: 'http://127.0.0.1:9595',
  })
  await desk.start()
  bench.alerts = desk
  server = bench.makeServer({ isAuthRequired: false })
})
afterEach(async () => {
  await bench.close()
  await desk.stop()
})

const api = '/api/shipwatch/v1'

async function call(
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const isText = typeof body === 'string'
  const reply = await server.inject({
    method,
    url,
    headers: {
      host: '127.0.0.1:9595',
      ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: isText ? body : JSON.stringify(body) }),
  })
  let json: unknown
  try {
    json = JSON.parse(reply.body)
  } catch {
    json = undefined
  }
  // biome-ignore lint/suspicious/noExplicitAny: each reply has its own shape
  return { status: reply.statusCode, body: reply.body, json: json as any, headers: reply.headers }
}

async function fire(...names: string[]): Promise<void> {
  const now = bench.clock.nowTimeMs()
  await desk.receive(
    names.map((alertname) => ({
      labels: makeLabels({ alertname, service: 'shop' }),
      annotations: makeLabels({}),
      startTimeMs: now,
      endTimeMs: now + 3_600_000,
      generatorUrl: '',
    })),
  )
  await bench.clock.advance(1000)
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

test('pages are listed, read with their story, and acted on', async () => {
  await fire('Slow')
  const [page] = (await call('GET', `${api}/pages`)).json.pages
  assert.deepEqual([page.title, page.state, page.policy, page.step], ['Slow', 'firing', 'main', 1])
  const act = async (name: string, body: object) =>
    (await call('POST', `${api}/pages/${page.id}/${name}`, body)).json
  assert.equal((await act('acknowledge', { reason: 'mine' })).state, 'acknowledged')
  const alerts = (await call('GET', `${api}/alerts`)).json.alerts
  assert.equal(alerts[0].held.reason, 'acknowledged')
  assert.equal((await act('unacknowledge', {})).state, 'firing')
  assert.equal((await act('escalate', {})).state, 'escalated')
  assert.equal((await act('reassign', { person: 'bo' })).assignee, 'bo')
  assert.equal((await act('note', { reason: 'a note' })).state, 'firing')
  assert.equal(
    (await act('reassign', { person: 'bo', policy: 'x' })).error.code,
    'SERVER_REQUEST_INVALID',
  )
  assert.equal((await act('reassign', { person: 'zed' })).error.code, 'ONCALL_PERSON_UNKNOWN')
  const taken = await call('POST', `${api}/alerts/${alerts[0].fingerprint}/acknowledge`, {})
  assert.equal(taken.json.pages[0].acknowledgedBy, 'anonymous')
  assert.equal((await act('resolve', { reason: 'done' })).state, 'resolved')
  assert.equal((await act('resolve', {})).error.code, 'ALERT_PAGE_OVER')
  const detail = (await call('GET', `${api}/pages/${page.id}`)).json
  assert.equal(detail.alerts[0].name, 'Slow')
  const actions = detail.events.map((event: { action: string }) => event.action)
  for (const action of ['opened', 'step', 'notified', 'acknowledged', 'reassigned', 'note'])
    assert.ok(actions.includes(action), action)
  assert.equal((await call('GET', `${api}/pages?state=resolved`)).json.pages.length, 1)
  assert.equal((await call('GET', `${api}/pages/none`)).json.error.code, 'ALERT_PAGE_UNKNOWN')
  const audit = await bench.records.access.listAudit(100)
  assert.ok(audit.some(({ action }) => action === 'page-resolve'))
})

test('a link shows a page with a button; only the button acts', async () => {
  await fire('<b>Slow</b>')
  const { url, token } = sent.find(({ receiver }) => receiver === 'bo' || receiver === 'ana')!
    .acknowledge!
  const path = new URL(url).pathname
  const shown = await call('GET', path, undefined, {
    accept: 'text/html',
    'accept-language': 'zh-CN',
  })
  assert.equal(shown.status, 200)
  assert.match(shown.body, /认领/)
  assert.match(shown.body, /&lt;b&gt;Slow/)
  assert.match(String(shown.headers['content-security-policy']), /form-action 'self'/)
  assert.equal(desk.pages.listOpen()[0]!.state, 'firing')
  const done = await call('POST', path, 'action=acknowledge', {
    ...form,
    origin: 'http://127.0.0.1:9595',
  })
  assert.match(done.body, /Acknowledged by (ana|bo)/)
  assert.equal(desk.pages.listOpen()[0]!.state, 'acknowledged')
  const escalated = await call('POST', path, 'action=escalate', form)
  assert.match(escalated.body, /escalated/)
  const wrong = await call(
    'POST',
    `/acknowledge/${token.slice(0, -4)}AAAA`,
    'action=acknowledge',
    form,
  )
  assert.equal(wrong.status, 403)
  assert.match(wrong.body, /not valid/)
  const foreign = await call('POST', path, 'a=b', { ...form, origin: 'https://evil.example' })
  assert.equal(foreign.status, 403)
  const room = sent.find(({ receiver }) => receiver === 'room')!.acknowledge!
  const named = await call('POST', new URL(room.url).pathname, 'name=Zo%C3%AB', form)
  assert.match(named.body, /Acknowledged by Zoë/)
})

test('a button of Slack counts when Slack signed it', async () => {
  await fire('Slow')
  const { token } = sent.find(({ receiver }) => receiver === 'room')!.acknowledge!
  const body = (value: string): string =>
    `payload=${encodeURIComponent(
      JSON.stringify({ type: 'block_actions', user: { username: 'zoe' }, actions: [{ value }] }),
    )}`
  const press = (text: string, secret: string, ageMs = 0) => {
    const time = String(Math.floor((bench.clock.nowTimeMs() - ageMs) / 1000))
    const hash = createHmac('sha256', secret).update(`v0:${time}:${text}`).digest('hex')
    return call('POST', `${api}/callbacks/slack`, text, {
      ...form,
      'x-slack-request-timestamp': time,
      'x-slack-signature': `v0=${hash}`,
    })
  }
  const text = body(`ack:${token}`)
  assert.equal((await press(text, 'other')).json.error.code, 'SERVER_CALLBACK_REFUSED')
  assert.equal((await press(text, 'hush', 600_000)).status, 403)
  assert.equal(desk.pages.listOpen()[0]!.state, 'firing')
  const done = await press(text, 'hush')
  assert.equal(done.json.text, 'zoe acknowledged: Slow')
  assert.equal(desk.pages.listOpen()[0]!.acknowledgedBy, 'zoe')
  assert.match((await press(body('ack:nonsense'), 'hush')).json.text, /not valid/)
  assert.equal((await press('payload=%7B', 'hush')).status, 400)
})

/** As Twilio signs: the address that it was given, and the fields sorted by name. */
function signTwilio(path: string, body: string, key = 'twilio-token'): Record<string, string> {
  const fields = [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : 1))
  const text = `http://127.0.0.1:9595${path}${fields.flat().join('')}`
  return { 'x-twilio-signature': createHmac('sha1', key).update(text).digest('base64') }
}

async function refusedCount(): Promise<number> {
  const { values } = await requestsRefused.get()
  return values.find(({ labels }) => labels.reason === 'signature')?.value ?? 0
}

test('a button of Telegram, and keys of a telephone', async () => {
  await fire('Slow')
  const { token, gatherUrl } = sent.find(({ receiver }) => receiver !== 'room')!.acknowledge!
  const update = { callback_query: { id: '7', data: `esc:${token}`, from: { username: 'zoe' } } }
  const path = `${api}/callbacks/telegram`
  assert.equal((await call('POST', path, update)).status, 403)
  const secret = { 'x-telegram-bot-api-secret-token': 'quiet' }
  const answer = (await call('POST', path, update, secret)).json
  assert.deepEqual([answer.method, answer.callback_query_id], ['answerCallbackQuery', '7'])
  assert.equal(desk.pages.listOpen()[0]!.state, 'escalated')
  assert.deepEqual((await call('POST', path, { message: {} }, secret)).json, {})

  const gather = new URL(gatherUrl).pathname
  const pressKey = (body: string, key = 'twilio-token') =>
    call('POST', gather, body, { ...form, ...signTwilio(gather, body, key) })
  const refusals = await refusedCount()
  assert.equal((await call('POST', gather, 'Digits=1', form)).status, 403)
  const wrong = await pressKey('Digits=1', 'other-token')
  assert.equal(wrong.json.error.code, 'SERVER_CALLBACK_REFUSED')
  assert.equal(await refusedCount(), refusals + 2)
  assert.equal(desk.pages.listOpen()[0]!.state, 'escalated')
  assert.match((await pressKey('Digits=9&CallSid=CA1')).body, /Nothing was done/)
  const pressed = await pressKey('Digits=1')
  assert.match(pressed.body, /<Response><Say>(ana|bo) acknowledged: Slow<\/Say>/)
  assert.equal(desk.pages.listOpen()[0]!.state, 'acknowledged')
  const receipts = [
    { out_id: token, dtmf: 2 },
    { out_id: '', dtmf: '' },
  ]
  assert.equal((await call('POST', `${api}/callbacks/aliyun`, receipts)).json.code, 0)
  assert.equal(desk.pages.listOpen()[0]!.state, 'escalated')
})

test('a gateway of the user presses keys without a signature, by the token of its message', async () => {
  await fire('Slow')
  const { gatewayUrl } = sent.find(({ receiver }) => receiver !== 'room')!.acknowledge!
  const path = new URL(gatewayUrl).pathname
  assert.match((await call('POST', path, 'Digits=1', form)).body, /acknowledged: Slow/)
  assert.match((await call('POST', `${path}x`, 'Digits=1', form)).body, /not valid/)
})

test('what telephone services tell later is taken once, from whom they say they are', async () => {
  await fire('Slow')
  const { receipts } = bench.notifier
  const lost: string[] = []
  receipts.onLost(({ person, reason }) => void lost.push(`${person}: ${reason}`))
  const notification = sent.find(({ receiver }) => receiver !== 'room')!
  const expect = () =>
    receipts.expect({ messageId: 'm', channel: 'voice[0]', to: '+15550001', notification })
  const first = `${api}/callbacks/twilio-receipt/${expect()}`
  const post = (path: string, body: string, headers = signTwilio(path, body)) =>
    call('POST', path, body, { ...form, ...headers })
  assert.equal((await post(first, 'CallStatus=busy', {} as never)).status, 403)
  assert.equal((await post(first, 'CallStatus=ringing')).status, 204)
  assert.equal((await post(first, 'CallStatus=no-answer')).status, 204)
  assert.equal((await post(first, 'CallStatus=no-answer')).status, 204)
  const key = expect()
  const taken = { out_id: key, dtmf: '1', status_code: '200000', status_msg: 'ok' }
  assert.equal((await call('POST', `${api}/callbacks/aliyun`, [taken])).json.code, 0)
  assert.equal(desk.pages.listOpen()[0]!.state, 'acknowledged')
  const sms = { out_id: expect(), success: false, err_code: 'MK:0001', err_msg: 'off' }
  assert.equal((await call('POST', `${api}/callbacks/aliyun`, [sms])).json.code, 0)
  const rows = await bench.records.notifications.list({ limit: 9 })
  assert.deepEqual(rows.map(({ outcome, answer }) => `${outcome} ${answer}`).sort(), [
    'delivered receipt for +15550001: 200000 ok',
    'failed receipt for +15550001: MK:0001 off',
    'failed receipt for +15550001: no-answer',
  ])
  // One message, so that its second number changes nothing.
  assert.deepEqual(lost, [`${notification.person}: voice[0]: receipt for +15550001: no-answer`])
})

test('duty: now, shifts, policies, overrides, and a calendar to subscribe to', async () => {
  const now = (await call('GET', `${api}/on-call`)).json
  // 14 November 2023 is the fourteenth day of the rotation
  assert.deepEqual(now.schedules[0].current.people, ['bo'])
  assert.deepEqual(now.schedules[0].next.people, ['ana'])
  assert.deepEqual(now.teams[0].onCall, ['bo'])
  const start = bench.clock.nowTimeMs()
  const range = `startTimeMs=${start}&endTimeMs=${start + 2 * 86_400_000}`
  const path = `${api}/on-call/schedules/primary`
  assert.equal((await call('GET', `${path}/shifts?${range}`)).json.shifts.length, 3)
  const override = {
    schedule: 'primary',
    people: ['ana'],
    startTimeMs: start,
    endTimeMs: start + 1e6,
  }
  const made = await call('POST', `${api}/on-call/overrides`, override)
  assert.equal(made.status, 201)
  assert.deepEqual((await call('GET', `${api}/on-call`)).json.schedules[0].current.people, ['ana'])
  const policies = (await call('GET', `${api}/on-call/policies`)).json.policies
  assert.deepEqual(policies[0].steps[0].people, ['ana'])
  const { url } = (await call('GET', `${path}/feed`)).json
  const feed = await call('GET', url.replace('http://127.0.0.1:9595', ''))
  assert.match(feed.body, /^BEGIN:VCALENDAR\r\n/)
  assert.match(String(feed.headers['content-type']), /^text\/calendar/)
  assert.equal((await call('GET', `${api}/on-call/feeds/primary.ics?token=x`)).status, 404)
  const removed = await call('DELETE', `${api}/on-call/overrides/${made.json.id}`)
  assert.equal(removed.status, 204)
  assert.deepEqual((await call('GET', `${api}/on-call/overrides`)).json.overrides, [])
  const bad = await call('POST', `${api}/on-call/overrides`, { ...override, people: ['zed'] })
  assert.equal(bad.json.error.code, 'ONCALL_PERSON_UNKNOWN')
  assert.equal((await call('DELETE', `${api}/on-call/overrides/x`)).status, 404)
})

test('a maintenance window holds what it names, and ends', async () => {
  const endTimeMs = bench.clock.nowTimeMs() + 3_600_000
  const body = { name: 'move', services: ['shop'], endTimeMs, summaryReceiver: 'room' }
  await fire('Slow')
  const preview = (await call('POST', `${api}/maintenance/preview`, body)).json
  assert.deepEqual([preview.count, preview.alerts[0].name], [1, 'Slow'])
  const made = await call('POST', `${api}/maintenance`, body)
  assert.deepEqual([made.status, made.json.state], [201, 'active'])
  const [alert] = (await call('GET', `${api}/alerts`)).json.alerts
  assert.deepEqual(alert.held, { reason: 'maintenance', by: ['move'] })
  assert.equal((await call('GET', `${api}/maintenance`)).json.windows[0].heldCount, 1)
  await bench.clock.advance(1000)
  const ended = await call('POST', `${api}/maintenance/${made.json.id}/end`, {})
  assert.equal(ended.json.state, 'ended')
  await bench.clock.advance(6000)
  const summary = sent.find(({ reason }) => reason.startsWith('maintenance'))
  assert.equal(summary?.reason, 'maintenance "move" ended')
  assert.equal(summary?.alerts.length, 1)
  const wrong = { ...body, summaryReceiver: 'nobody' }
  assert.equal(
    (await call('POST', `${api}/maintenance`, wrong)).json.error.code,
    'ALERT_MAINTENANCE_INVALID',
  )
  assert.equal((await call('POST', `${api}/maintenance/x/end`, {})).status, 404)
})

test('a heartbeat that is missing is an alert, and one that comes again ends it', async () => {
  const path = '/api/v1/heartbeat'
  assert.deepEqual((await call('GET', `${path}/backup`)).json, { ok: true })
  assert.equal((await call('POST', `${path}/sync`)).status, 404)
  assert.equal((await call('POST', `${path}/sync?key=s3cret`)).status, 200)
  assert.equal((await call('GET', `${path}/other`)).status, 404)
  await bench.clock.advance(126_000)
  const [alert] = desk.list()
  assert.equal(
    alert?.labels.toString(),
    '{alertname="HeartbeatMissing", heartbeat="sync", severity="critical", team="db"}',
  )
  assert.equal(alert?.noDataSinceTimeMs, 1_700_000_000_000)
  await bench.clock.advance(600_000)
  assert.equal(desk.list()[0]!.state, 'firing')
  const views = (await call('GET', `${api}/heartbeats`)).json.heartbeats
  assert.deepEqual(
    views.map((one: { isMissing: boolean }) => one.isMissing),
    [false, true],
  )
  await call('POST', `${path}/sync?key=s3cret`)
  assert.equal(desk.list()[0]!.state, 'resolved')
  await call('POST', `${path}/backup?status=down&msg=disk%20full`)
  const down = desk.list().find(({ labels }) => labels.get('heartbeat') === 'backup')!
  assert.match(down.annotations.get('description'), /says that it is down. disk full/)
  assert.equal(down.noDataSinceTimeMs, undefined)
})

test('who may only read may not act, who may respond may not change maintenance', async () => {
  const closed = bench.makeServer({ isAuthRequired: true })
  server = closed
  for (const [scope, acts, changes] of [
    ['read', 403, 403],
    ['respond', 404, 403],
    ['admin', 404, 400],
    ['ingest', 403, 403],
  ] as const) {
    const { createHash } = await import('node:crypto')
    const hash = createHash('sha256').update(scope).digest('hex')
    await bench.records.access.addToken({ id: scope, name: scope, scope, hash, createdTimeMs: 1 })
    const headers = { authorization: `Bearer ${scope}` }
    const act = await call('POST', `${api}/pages/x/acknowledge`, {}, headers)
    assert.equal(act.status, acts, `${scope} acts`)
    const change = await call('POST', `${api}/maintenance`, {}, headers)
    assert.equal(change.status, changes, `${scope} changes`)
  }
})
