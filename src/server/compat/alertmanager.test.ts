/** Alertmanager's API v2 over a real alert desk: shapes, filters, what is taken and what is refused. */

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { AlertDesk } from '../../alert/alert.ts'
import { alertSettings } from '../../alert/settings.ts'
import { silentLog } from '../../base/log.ts'
import { parseYaml } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import type { Notifier } from '../../notify/notify.ts'
import { OnCall } from '../../oncall/oncall.ts'
import { oncallSettings } from '../../oncall/settings.ts'
import type { Server } from '../server.ts'

const config = parseYaml(
  `
route:
  receiver: default
  group_by: [alertname]
  routes:
  - matchers: [team=db]
    receiver: db
  - matchers: [team=night]
    receiver: night
    mute_time_intervals: [always]
inhibit_rules:
- source_matchers: [alertname=Down]
  target_matchers: [alertname=Slow]
  equal: [host]
time_intervals:
- name: always
  time_intervals: [{}]
`,
  'a.yml',
).value as object

let bench: ServerBench
let server: Server
let desk: AlertDesk

beforeEach(async () => {
  bench = new ServerBench()
  const settings = {
    ...z.object({ ...alertSettings.top, ...oncallSettings.top }).parse(config),
    global: z.object(alertSettings.global).parse({}),
  }
  desk = new AlertDesk({
    notifier: {
      has: () => true,
      receivers: () => [],
      escalationPolicy: () => undefined,
      channels: () => [],
      sendTo: async () => ({ isDelivered: true, failures: [] }),
    } as unknown as Notifier,
    records: bench.records,
    settings,
    oncall: new OnCall(settings),
    clock: bench.clock,
    log: silentLog,
    externalUrl: '',
  })
  await desk.start()
  bench.alerts = desk
  server = bench.makeServer({ isAuthRequired: false })
})
afterEach(async () => {
  await bench.close()
  await desk.stop()
})

const host = { host: '127.0.0.1:9595' }
const nowText = (offsetMs = 0): string => new Date(bench.clock.nowTimeMs() + offsetMs).toISOString()

async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) {
  const reply = await server.inject({
    method,
    url: `/api/v2${path}`,
    headers: { ...host, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined
      ? {}
      : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return {
    status: reply.statusCode,
    headers: reply.headers,
    text: reply.body,
    // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
    json: (reply.body === '' ? undefined : JSON.parse(reply.body)) as any,
  }
}

/** The names of the alerts shown for a query. */
async function shown(query: string): Promise<string> {
  const { json } = await call('GET', `/alerts?${query}`)
  return (json as { labels: { i: string } }[])
    .map((alert) => alert.labels.i)
    .sort()
    .join('')
}

test('an alert that is handed in is shown in the exact shape', async () => {
  const posted = await call('POST', '/alerts', [
    {
      labels: { alertname: 'X', i: '1', empty: '', ['__proto__']: 'p' },
      annotations: { summary: 's' },
      startsAt: nowText(-60_000),
      endsAt: nowText(60_000),
      generatorURL: 'http://prometheus/graph',
    },
  ])
  assert.deepEqual([posted.status, posted.text], [200, ''])
  const { json, headers } = await call('GET', '/alerts')
  assert.match(String(headers['content-type']), /^application\/json/)
  assert.equal(headers['cache-control'], 'no-store')
  const [{ fingerprint, ...alert }] = json
  assert.match(fingerprint, /^[0-9a-f]{16}$/)
  assert.deepEqual(alert, {
    annotations: { summary: 's' },
    endsAt: nowText(60_000),
    receivers: [{ name: 'default' }],
    startsAt: nowText(-60_000),
    status: { inhibitedBy: [], mutedBy: [], silencedBy: [], state: 'active' },
    updatedAt: nowText(),
    generatorURL: 'http://prometheus/graph',
    labels: { alertname: 'X', i: '1', ['__proto__']: 'p' },
  })
})

test('times that are left out are filled in; what has ended is not shown', async () => {
  await call('POST', '/alerts', [
    { labels: { alertname: 'X', i: '1' } },
    { labels: { alertname: 'X', i: '2' }, startsAt: '0001-01-01T00:00:00.000Z' },
    { labels: { alertname: 'X', i: '3' }, endsAt: nowText(-1) },
  ])
  const { json } = await call('GET', '/alerts')
  assert.deepEqual(
    json.map((one: { startsAt: string; endsAt: string }) => [one.startsAt, one.endsAt]),
    [1, 2].map(() => [nowText(), nowText(300_000)]),
  )
})

test('a bad alert is named and does not harm the others of its request', async () => {
  const { status, json } = await call('POST', '/alerts', [
    { labels: { alertname: 'X', i: '1' } },
    { labels: { alertname: '' } },
    { labels: { alertname: 7 } },
    { labels: { alertname: 'X' }, startsAt: 'soon' },
    { labels: { alertname: 'X' }, startsAt: nowText(), endsAt: nowText(-1) },
    null,
  ])
  assert.equal(status, 400)
  assert.equal(typeof json, 'string')
  assert.match(json, /alert 1: at least one label pair required; alert 2: labels.alertname/)
  assert.match(json, /alert 3: startsAt must be a time.*alert 4: start time must be before end/)
  assert.match(json, /alert 5: alert in body must be an object/)
  assert.equal(await shown(''), '1')
  for (const body of ['{', '{}', '"x"'])
    assert.equal((await call('POST', '/alerts', body)).status, 400)
})

test('alerts are filtered by matcher, receiver and what holds them', async () => {
  await call('POST', '/alerts', [
    { labels: { alertname: 'Down', host: 'a', i: '1' } },
    { labels: { alertname: 'Slow', host: 'a', i: '2', team: 'db' } },
    { labels: { alertname: 'Slow', host: 'b', i: '3', team: 'db' } },
    { labels: { alertname: 'Other', i: '4' } },
    { labels: { alertname: 'Late', i: '5', team: 'night' } },
  ])
  await call('POST', '/silences', silence([{ name: 'i', value: '4', isRegex: false }]))
  assert.equal(await shown(''), '12345')
  assert.equal(await shown('active=false'), '245')
  assert.equal(await shown('silenced=false'), '1235')
  assert.equal(await shown('inhibited=false'), '1345')
  assert.equal(await shown('filter=team%3Ddb&filter=host%3D~%22b|c%22'), '3')
  assert.equal(await shown('receiver=d.*'), '1234')
  assert.equal(await shown('receiver=d'), '')
  assert.equal(await shown('receiver_matchers=owner%3Dx'), '')
  const { json } = await call('GET', '/alerts?filter=i%3D5')
  assert.deepEqual(json[0].status, {
    inhibitedBy: [],
    mutedBy: ['always'],
    silencedBy: [],
    state: 'suppressed',
  })
  for (const query of ['filter=nothing', 'receiver=(', 'filter=a%3D~(']) {
    const refused = await call('GET', `/alerts?${query}`)
    assert.equal(refused.status, 400)
    assert.equal(typeof refused.json, 'string')
  }
})

test('groups are shown by route, with their alerts', async () => {
  await call('POST', '/alerts', [
    { labels: { alertname: 'B', i: '1' } },
    { labels: { alertname: 'A', i: '2', team: 'db' } },
    { labels: { alertname: 'A', i: '3', team: 'db' } },
    { labels: { alertname: 'C', i: '4', team: 'night' } },
  ])
  const summary = async (query: string) =>
    (await call('GET', `/alerts/groups?${query}`)).json.map(
      (group: {
        labels: object
        routeLabels: object
        receiver: { name: string }
        alerts: unknown[]
      }) => [group.labels, group.routeLabels, group.receiver.name, group.alerts.length],
    )
  assert.deepEqual(await summary(''), [
    [{ alertname: 'A' }, {}, 'db', 2],
    [{ alertname: 'B' }, {}, 'default', 1],
    [{ alertname: 'C' }, {}, 'night', 1],
  ])
  assert.equal((await summary('muted=false')).length, 2)
  assert.deepEqual(await summary('receiver=db&filter=i%3D3'), [[{ alertname: 'A' }, {}, 'db', 1]])
})

function silence(matchers: object[], change: object = {}): object {
  return {
    matchers,
    startsAt: nowText(),
    endsAt: nowText(3_600_000),
    createdBy: 'ann',
    comment: 'known',
    ...change,
  }
}

test('a silence is made, shown, changed, found and ended', async () => {
  const body = silence([{ name: 'i', value: '1|2', isRegex: true }], { annotations: { a: 'b' } })
  const made = await call('POST', '/silences', body)
  assert.equal(made.status, 200)
  const { silenceID } = made.json
  assert.match(silenceID, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual((await call('GET', `/silence/${silenceID}`)).json, {
    id: silenceID,
    status: { state: 'active' },
    updatedAt: nowText(),
    annotations: { a: 'b' },
    comment: 'known',
    createdBy: 'ann',
    endsAt: nowText(3_600_000),
    matchers: [{ isEqual: true, isRegex: true, name: 'i', value: '1|2' }],
    startsAt: nowText(),
  })
  const changed = await call('POST', '/silences', { ...body, id: silenceID, comment: 'more' })
  assert.equal(changed.json.silenceID, silenceID)
  const negative = [{ name: 'i', value: '1', isRegex: false, isEqual: false }]
  const other = await call('POST', '/silences', {
    ...silence([...negative, { name: 'x', value: 'y', isRegex: false }]),
    id: silenceID,
  })
  assert.notEqual(other.json.silenceID, silenceID)
  const pending = await call(
    'POST',
    '/silences',
    silence([{ name: 'p', value: 'q', isRegex: false }], { startsAt: nowText(60_000) }),
  )
  const states = async (query: string) =>
    (await call('GET', `/silences?${query}`)).json.map(
      (one: { status: { state: string } }) => one.status.state,
    )
  assert.deepEqual(await states(''), ['active', 'pending', 'expired'])
  assert.deepEqual(await states('expired=false'), ['active', 'pending'])
  assert.deepEqual(await states('pending=false&active=false'), ['expired'])
  assert.deepEqual(await states('filter=p%3Dq'), ['pending'])
  // A filter is compared with what is written, and not with what it would match.
  assert.deepEqual(await states('filter=i!%3D1'), ['active'])
  assert.deepEqual(await states('filter=i%3D1'), [])
  assert.deepEqual(await states('filter=i%3D~%221|2%22'), ['expired'])
  const ended = await call('DELETE', `/silence/${pending.json.silenceID}`)
  assert.deepEqual([ended.status, ended.text], [200, ''])
  assert.deepEqual(await states(''), ['active', 'expired', 'expired'])
})

test('a silence may hold all but one, and one that begins at the zero time begins now', async () => {
  const allBut = [{ name: 'i', value: '1', isRegex: false, isEqual: false }]
  const made = await call('POST', '/silences', silence(allBut))
  assert.equal(made.status, 200, made.text)
  const zero = { startsAt: '0001-01-01T00:00:00Z' }
  const one = [{ name: 'zero', value: 'b', isRegex: false, isEqual: null }]
  const { silenceID } = (await call('POST', '/silences', silence(one, zero))).json
  const { json } = await call('GET', `/silence/${silenceID}`)
  assert.deepEqual([json.startsAt, json.matchers[0].isEqual], [nowText(), true])
  for (const id of [made.json.silenceID, silenceID]) await call('DELETE', `/silence/${id}`)
})

test('silences that make no sense are refused with a bare text', async () => {
  const check = async (body: unknown, status: number, expected: RegExp) => {
    const reply = await call('POST', '/silences', body)
    assert.equal(reply.status, status, reply.text)
    assert.match(reply.json, expected)
  }
  const one = [{ name: 'a', value: 'b', isRegex: false }]
  await check('{', 400, /not JSON/)
  await check([], 400, /silence in body must be an object/)
  await check(silence([]), 400, /at least one matcher required/)
  await check(silence([{ name: 'a', value: '', isRegex: false }]), 400, /empty string/)
  await check(silence([{ name: 'a', value: '(', isRegex: true }]), 400, /missing closing/)
  await check(silence([{ name: 'a', value: 'b' }]), 400, /isRegex/)
  await check(silence(one, { endsAt: nowText(-1) }), 400, /start time must be before end time/)
  await check(silence(one, { startsAt: nowText(-9), endsAt: nowText(-1) }), 400, /in the past/)
  await check(silence(one, { endsAt: undefined }), 400, /endsAt in body is required/)
  await check(silence(one, { id: 'nope' }), 404, /no silence "nope"/)
  assert.equal((await call('GET', '/silence/nope')).status, 404)
  assert.equal((await call('DELETE', '/silence/nope')).status, 404)
})

test('status and receivers have the exact shape, without secrets', async () => {
  const { json } = await call('GET', '/status')
  assert.deepEqual(json.cluster, { name: '', status: 'disabled', peers: [] })
  assert.deepEqual(Object.keys(json.versionInfo).sort(), [
    'branch',
    'buildDate',
    'buildUser',
    'goVersion',
    'revision',
    'version',
  ])
  assert.match(json.config.original, /route:\n {2}receiver: default/)
  assert.match(json.uptime, /^\d{4}-/)
  const receivers = await call('GET', '/receivers')
  assert.deepEqual(receivers.json, [{ name: 'default', labels: {} }])
  assert.deepEqual((await call('GET', '/receivers?receiver_matchers=a%3Db')).json, [])
})

test('nothing answers under /alertmanager/, and methods that are not taken say so', async () => {
  const url = '/alertmanager/api/v2/status'
  const reply = await server.inject({ url, headers: { ...host, accept: 'text/html' } })
  assert.equal(reply.statusCode, 404)
  const put = await server.inject({ method: 'PUT', url: '/api/v2/alerts', headers: host })
  assert.equal(put.statusCode, 405)
})

test('handing alerts in needs no token on this machine; silencing does', async () => {
  const strict = bench.makeServer({ isAuthRequired: true })
  const send = async (path: string, payload: unknown) => {
    const reply = await strict.inject({
      method: 'POST',
      url: `/api/v2${path}`,
      headers: { ...host, 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    })
    return reply.statusCode
  }
  assert.equal(await send('/alerts', []), 200)
  assert.equal(await send('/silences', {}), 401)
  const read = await strict.inject({ url: '/api/v2/alerts', headers: host })
  assert.equal(read.statusCode, 401)
  assert.equal(typeof JSON.parse(read.body), 'string')
})
