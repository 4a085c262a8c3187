import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MailSink, type MailSinkOptions } from '../../test/support/mail-sink.ts'
import { MemoryRecords } from '../../test/support/memory-records.ts'
import { systemClock, VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import type { Alert } from '../model/alert.ts'
import type { AlertChart } from '../model/flow.ts'
import { makeLabels } from '../model/labels.ts'
import { allChannels } from './channel/all.ts'
import { signDingtalk } from './channel/dingtalk.ts'
import { mergeTexts } from './merge-queue.ts'
import { heartbeatsTotal } from './metrics.ts'
import { type Notification, Notifier } from './notify.ts'
import { notifySettings } from './settings.ts'
import { MessageTemplates } from './template.ts'
import { wordsOf } from './words.ts'

const startTimeMs = Date.UTC(2026, 10, 20, 10, 0, 0)

function settingsOf(values: Record<string, unknown>) {
  const { global, ...top } = values
  return {
    ...z.object(notifySettings.top).parse(top),
    global: z.object(notifySettings.global).parse(global ?? {}),
  }
}

function makeNotifier(values: Record<string, unknown>, clock = systemClock) {
  const records = new MemoryRecords()
  const notifier = new Notifier({
    settings: settingsOf(values),
    records,
    clock,
    log: silentLog,
    random: () => 0.5,
  })
  return { notifier, records }
}

function makeAlert(change: Partial<Alert> = {}): Alert {
  const labels = makeLabels({ alertname: 'CheckoutErrors', service: 'checkout', severity: 'page' })
  return {
    labels,
    annotations: makeLabels({
      summary: 'checkout fails 8 % of its requests',
      description: 'More than 3 % fail. <script>alert(1)</script>',
    }),
    state: 'firing',
    firedTimeMs: startTimeMs + 120,
    activeTimeMs: startTimeMs,
    endTimeMs: startTimeMs + 240_000,
    value: 0.08123,
    generatorUrl: 'http://ship.example/graph?g0.expr=x',
    rule: undefined,
    fingerprint: labels.fingerprint(),
    updatedTimeMs: startTimeMs,
    held: undefined,
    receivers: ['team'],
    ...change,
  }
}

function makeNotification(change: Partial<Notification> = {}): Notification {
  const alert = makeAlert()
  return {
    groupKey: '{}:{alertname="CheckoutErrors", service="checkout"}',
    status: 'firing',
    reason: 'first notification',
    receiver: 'team',
    groupLabels: makeLabels({ alertname: 'CheckoutErrors', service: 'checkout' }),
    commonLabels: alert.labels,
    commonAnnotations: alert.annotations,
    alerts: [alert],
    background: undefined,
    externalUrl: 'http://ship.example',
    ...change,
  }
}

const background = {
  incidentId: 'abc',
  incidentNumber: 12,
  cause: 'deployment checkout v1 → v2',
  url: 'http://ship.example/incidents/abc',
}

interface Call {
  url: string
  headers: IncomingHttpHeaders
  body: string
}

/** An HTTP server that answers what `reply` says and keeps the calls. */
async function listen(
  t: TestContext,
  reply: (call: Call, index: number) => { status: number; body?: string; headers?: object },
) {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const call = { url: request.url ?? '', headers: request.headers, body }
      calls.push(call)
      const answer = reply(call, calls.length - 1)
      response.writeHead(answer.status, { connection: 'close', ...answer.headers })
      response.end(answer.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  return { calls, address: `http://127.0.0.1:${port}` }
}

const never = new AbortController().signal

test('the list of channels equals the folder', () => {
  const files = readdirSync(join(import.meta.dirname, 'channel'))
    .filter((file) => !/^(all|channel)\.ts$|\.test\.ts$/.test(file))
    .map((file) => file.replace('.ts', ''))
  assert.deepEqual(
    allChannels.map(({ kind }) => kind),
    files.sort(),
  )
})

test('a webhook gets exactly the body that Alertmanager sends', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200, body: 'thanks' }))
  const { notifier, records } = makeNotifier({
    receivers: [{ name: 'team', webhook_configs: [{ url: `${address}/hook` }] }],
  })
  const ended = makeAlert({
    labels: makeLabels({ alertname: 'CheckoutErrors', service: 'checkout', zone: 'b' }),
    state: 'resolved',
    endTimeMs: startTimeMs + 60_000,
    fingerprint: '00000000000000ff',
  })
  const notification = makeNotification({ alerts: [makeAlert(), ended] })
  assert.deepEqual(await notifier.send(notification, never), { isDelivered: true, failures: [] })
  assert.equal(calls.length, 1)
  assert.equal(calls[0]!.headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(calls[0]!.body), {
    version: '4',
    groupKey: '{}:{alertname="CheckoutErrors", service="checkout"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'team',
    groupLabels: { alertname: 'CheckoutErrors', service: 'checkout' },
    commonLabels: { alertname: 'CheckoutErrors', service: 'checkout', severity: 'page' },
    commonAnnotations: {
      summary: 'checkout fails 8 % of its requests',
      description: 'More than 3 % fail. <script>alert(1)</script>',
    },
    routeLabels: {},
    externalURL: 'http://ship.example',
    notification_reason: 'first notification',
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'CheckoutErrors', service: 'checkout', severity: 'page' },
        annotations: {
          summary: 'checkout fails 8 % of its requests',
          description: 'More than 3 % fail. <script>alert(1)</script>',
        },
        startsAt: '2026-11-20T10:00:00.12Z',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'http://ship.example/graph?g0.expr=x',
        fingerprint: makeAlert().fingerprint,
      },
      {
        status: 'resolved',
        labels: { alertname: 'CheckoutErrors', service: 'checkout', zone: 'b' },
        annotations: {
          summary: 'checkout fails 8 % of its requests',
          description: 'More than 3 % fail. <script>alert(1)</script>',
        },
        startsAt: '2026-11-20T10:00:00.12Z',
        endsAt: '2026-11-20T10:01:00Z',
        generatorURL: 'http://ship.example/graph?g0.expr=x',
        fingerprint: '00000000000000ff',
      },
    ],
  })
  const [row] = await records.notifications.list({ limit: 10 })
  assert.equal(row!.outcome, 'delivered')
  assert.equal(row!.answer, 'HTTP 200: thanks')
  assert.equal(row!.alertCount, 2)
})

test('a webhook says the background when there is one, and cuts at max_alerts', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 204 }))
  const { notifier } = makeNotifier({
    receivers: [
      {
        name: 'team',
        webhook_configs: [
          {
            url: address,
            max_alerts: 1,
            http_config: { basic_auth: { username: 'u', password: 'p' } },
          },
        ],
      },
    ],
  })
  await notifier.send(
    makeNotification({ background, alerts: [makeAlert(), makeAlert(), makeAlert()] }),
    never,
  )
  const over = { ...makeAlert(), state: 'resolved' as const, labels: makeLabels({ only: 'this' }) }
  await notifier.send(makeNotification({ alerts: [over, makeAlert()] }), never)
  const cut = JSON.parse(calls[1]!.body)
  // What is left out has no part in what is said of all.
  assert.deepEqual([cut.status, cut.commonLabels], ['resolved', { only: 'this' }])
  const body = JSON.parse(calls[0]!.body)
  assert.deepEqual(body.shipwatch, background)
  assert.equal(body.alerts.length, 1)
  assert.equal(body.truncatedAlerts, 2)
  assert.equal(calls[0]!.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`)
})

test('5xx and 429 are tried again, the ledger has a row for each attempt', async (t) => {
  const { calls, address } = await listen(t, (_call, index) => ({
    status: [503, 429, 200][index]!,
    headers: index === 1 ? { 'retry-after': '1' } : {},
  }))
  const { notifier, records } = makeNotifier({
    receivers: [{ name: 'team', webhook_configs: [{ url: address }] }],
  })
  const startMs = performance.now()
  const attempts: string[] = []
  notifier.onAttempt((attempt) => attempts.push(`${attempt.attempt} ${attempt.outcome}`))
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, true)
  assert.equal(calls.length, 3)
  assert.ok(performance.now() - startMs >= 1400, 'the pause and Retry-After are kept')
  assert.deepEqual(attempts, ['1 retrying', '2 retrying', '3 delivered'])
  const rows = await records.notifications.list({ limit: 10 })
  assert.deepEqual(
    rows.map((row) => row.outcome),
    ['delivered', 'retrying', 'retrying'],
  )
})

test('another 4xx is final, and no secret shows in the answer', async (t) => {
  const { calls, address } = await listen(t, (call) => ({
    status: 404,
    body: `no hook at ${call.url}`,
  }))
  const { notifier, records } = makeNotifier({
    receivers: [{ name: 'team', webhook_configs: [{ url: `${address}/T0K3N?key=S3CRET` }] }],
  })
  const delivery = await notifier.send(makeNotification(), never)
  assert.equal(delivery.isDelivered, false)
  assert.equal(calls.length, 1)
  const [row] = await records.notifications.list({ limit: 10 })
  assert.equal(row!.outcome, 'failed')
  assert.ok(!/S3CRET|T0K3N/.test(row!.answer + delivery.failures.join()), row!.answer)
  assert.match(row!.answer, /^HTTP 404: no hook at <secret>/)
})

test('a call that nobody answers is a failure of the network and ends with the signal', async () => {
  const { notifier, records } = makeNotifier({
    receivers: [{ name: 'team', webhook_configs: [{ url: 'http://127.0.0.1:1/' }] }],
  })
  const abort = new AbortController()
  notifier.onAttempt((attempt) => {
    if (attempt.attempt === 2) abort.abort()
  })
  const delivery = await notifier.send(makeNotification(), abort.signal)
  assert.equal(delivery.isDelivered, false)
  assert.match(delivery.failures[0]!, /^webhook\[0\]: .*cannot be reached/)
  assert.equal((await records.notifications.list({ limit: 10 })).length, 2)
})

test('the signature of DingTalk is the golden one', () => {
  const secret = `SECtest${'0'.repeat(58)}`
  assert.equal(
    signDingtalk(
      'SECtest0000000000000000000000000000000000000000000000000000000000',
      1_700_000_000_000,
    ),
    'szPcgtoCabDjIT69N8i2Omun8ktW8akfg42aQqadSCU=',
  )
  assert.notEqual(signDingtalk(secret, 1), signDingtalk(secret, 2))
})

test('DingTalk gets signed markdown that names people and the cause', async (t) => {
  const { calls, address } = await listen(t, () => ({
    status: 200,
    body: '{"errcode":0,"errmsg":"ok"}',
  }))
  const { notifier } = makeNotifier({
    receivers: [
      {
        name: 'team',
        dingtalk_configs: [
          {
            url: `${address}/robot/send?access_token=tok`,
            secret: 'SECx',
            at: { mobiles: [13_800_000_000] },
          },
        ],
      },
    ],
  })
  const delivery = await notifier.send(makeNotification({ background }), never)
  assert.deepEqual(delivery.failures, [])
  const url = new URL(calls[0]!.url, address)
  assert.equal(url.searchParams.get('access_token'), 'tok')
  const timestamp = Number(url.searchParams.get('timestamp'))
  assert.ok(Math.abs(timestamp - Date.now()) < 60_000)
  assert.equal(url.searchParams.get('sign'), signDingtalk('SECx', timestamp))
  const body = JSON.parse(calls[0]!.body)
  assert.equal(body.msgtype, 'markdown')
  assert.deepEqual(body.at, { atMobiles: ['13800000000'], isAtAll: false })
  assert.ok(body.markdown.text.endsWith('@13800000000'))
  assert.equal(
    body.markdown.title,
    '[FIRING:1] CheckoutErrors checkout — suspected: deployment checkout v1 → v2',
  )
  assert.match(body.markdown.text, /\[Incident #12\]\(http:\/\/ship\.example\/incidents\/abc\)/)
})

test('HTTP 200 with an error code is a failure: final when refused, tried again when too fast', async (t) => {
  const answers = [
    '{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}',
    '{"errcode":0,"errmsg":"ok"}',
    '{"errcode":310000,"errmsg":"sign not match"}',
    'not json',
  ]
  const { address } = await listen(t, (_call, index) => ({ status: 200, body: answers[index]! }))
  const clock = new VirtualClock(startTimeMs)
  const { notifier, records } = makeNotifier(
    { receivers: [{ name: 'team', dingtalk_configs: [{ url: address }] }] },
    clock,
  )
  const heard: string[] = []
  let wake = (): void => undefined
  notifier.onAttempt((attempt) => {
    heard.push(`${attempt.outcome} ${attempt.answer.slice(0, 30)}`)
    wake()
  })
  const nextAttempt = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
    })
  const first = nextAttempt()
  const sending = notifier.send(makeNotification(), never)
  await first
  assert.match(heard[0]!, /^retrying HTTP 200: \{"errcode":130101/)
  await clock.advance(61_000)
  assert.equal((await sending).isDelivered, true)
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, false)
  assert.match(heard.at(-1)!, /^failed HTTP 200: \{"errcode":310000/)
  const abort = new AbortController()
  const odd = nextAttempt()
  const unsure = notifier.send(makeNotification(), abort.signal)
  await odd
  abort.abort()
  assert.equal((await unsure).isDelivered, false)
  assert.match(heard.at(-1)!, /^retrying no errcode/)
  assert.equal((await records.notifications.list({ limit: 10 })).length, 4)
})

test('a robot is sent 20 messages a minute; what is more goes out merged, nothing is dropped', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200, body: '{"errcode":0}' }))
  const clock = new VirtualClock(startTimeMs)
  const { notifier, records } = makeNotifier(
    { receivers: [{ name: 'team', dingtalk_configs: [{ url: address }] }] },
    clock,
  )
  for (let count = 0; count < 20; count++) await notifier.send(makeNotification(), never)
  const withdrawn = new AbortController()
  const waiting = ['red', 'green', 'blue'].map((zone) => {
    const alert = makeAlert({ annotations: makeLabels({ summary: `zone ${zone} fails` }) })
    const signal = zone === 'blue' ? withdrawn.signal : never
    return notifier.send(makeNotification({ alerts: [alert] }), signal)
  })
  withdrawn.abort()
  assert.equal((await waiting[2]!).isDelivered, false)
  await clock.advance(2_000)
  assert.equal(calls.length, 20)
  await clock.advance(1_500)
  for (const sending of waiting.slice(0, 2)) assert.equal((await sending).isDelivered, true)
  assert.equal(calls.length, 21)
  const { title, text } = JSON.parse(calls[20]!.body).markdown
  assert.match(title, /^2 messages: \[FIRING:1\]/)
  assert.match(text, /zone red fails[\s\S]*zone green fails/)
  assert.ok(!text.includes('blue'), 'what is not wanted any more is not sent')
  assert.equal((await records.notifications.list({ limit: 99 })).length, 23)
})

test('messages that do not fit into one stand in it with their titles', () => {
  const make = (name: string, length: number) =>
    ({
      title: `title ${name} [x](y)`,
      text: '好'.repeat(length),
      status: 'firing',
      words: wordsOf('en'),
      actions: [],
    }) as const
  const merged = mergeTexts([make('a', 100), make('b', 3_000), make('c', 100)], 2_000)
  assert.ok(Buffer.byteLength(merged.text) <= 2_000)
  assert.match(merged.text, /^好{100}\n\ntitle b ［x］\(y\)\n\n好{100}$/)
  const many = mergeTexts(
    Array.from({ length: 500 }, (_, index) => make(`${index}`, 100)),
    2_000,
  )
  assert.ok(Buffer.byteLength(many.text) <= 2_000)
  assert.match(many.text, /… and \d+ more\.$/)
})

async function openMail(t: TestContext, options: MailSinkOptions = {}) {
  const sink = new MailSink(options)
  const port = await sink.start()
  t.after(() => sink.stop())
  return { sink, smarthost: `127.0.0.1:${port}` }
}

test('a mail has text and HTML, names the cause, links the incident, and threads by group', async (t) => {
  const { sink, smarthost } = await openMail(t)
  const { notifier } = makeNotifier({
    global: { smtp_smarthost: smarthost, smtp_from: 'ship@example.org', smtp_require_tls: false },
    receivers: [
      {
        name: 'team',
        email_configs: [
          {
            to: 'anna@example.org, ben@example.org',
            send_resolved: true,
            headers: { 'X-Team': '{{ .CommonLabels.service }}' },
          },
        ],
      },
    ],
  })
  assert.deepEqual((await notifier.send(makeNotification({ background }), never)).failures, [])
  await notifier.send(
    makeNotification({
      status: 'resolved',
      reason: 'all alerts resolved',
      alerts: [makeAlert({ state: 'resolved' })],
    }),
    never,
  )
  const [first, second] = sink.messages
  assert.deepEqual(first!.envelope.to, ['anna@example.org', 'ben@example.org'])
  assert.equal(
    first!.mail.subject,
    '[FIRING:1] CheckoutErrors checkout — suspected: deployment checkout v1 → v2',
  )
  assert.equal(second!.mail.subject, '[RESOLVED] CheckoutErrors checkout')
  for (const part of [first!.mail.text!, first!.mail.html!]) {
    assert.match(part, /deployment checkout v1 → v2/)
    assert.match(part, /http:\/\/ship\.example\/incidents\/abc/)
    assert.match(part, /checkout fails 8 % of its requests/)
    assert.match(part, /0\.08123/)
  }
  assert.ok(!first!.mail.html!.includes('<script>'), 'labels and annotations are escaped')
  assert.match(first!.mail.html!, /color-scheme/)
  assert.equal(first!.mail.headers.find((header) => header.key === 'x-team')!.value, 'checkout')
  assert.match(first!.mail.references!, /^<[0-9a-f]+\.2026-11-20@example\.org>$/)
  assert.equal(first!.mail.references, second!.mail.references)
  assert.notEqual(first!.mail.messageId, second!.mail.messageId)
})

test('mails about a group need not be one conversation, or not one for each day', async (t) => {
  const { sink, smarthost } = await openMail(t)
  for (const threading of [{ thread_by_date: 'none' }, { enabled: false }]) {
    const { notifier } = makeNotifier({
      global: { smtp_smarthost: smarthost, smtp_from: 'ship@example.org', smtp_require_tls: false },
      receivers: [{ name: 'team', email_configs: [{ to: 'anna@example.org', threading }] }],
    })
    await notifier.send(makeNotification(), never)
  }
  const [first, second] = sink.messages
  assert.match(first!.mail.references!, /^<[0-9a-f]+\.all@example\.org>$/)
  assert.equal(second!.mail.references, undefined)
})

test('TLS is required by default: a server without it gets no mail and no password', async (t) => {
  const { sink, smarthost } = await openMail(t)
  const { notifier } = makeNotifier({
    global: { smtp_smarthost: smarthost, smtp_from: 'ship@example.org' },
    receivers: [{ name: 'team', email_configs: [{ to: 'anna@example.org' }] }],
  })
  const abort = new AbortController()
  notifier.onAttempt(() => abort.abort())
  const delivery = await notifier.send(makeNotification(), abort.signal)
  assert.equal(delivery.isDelivered, false)
  assert.equal(sink.messages.length, 0)
})

test('over TLS the user signs in; a wrong password is final and does not show', async (t) => {
  const { sink, smarthost } = await openMail(t, {
    offersTls: true,
    login: { user: 'ship', password: 'right-one' },
  })
  const make = (password: string) =>
    makeNotifier({
      global: {
        smtp_smarthost: smarthost,
        smtp_from: 'ship@example.org',
        smtp_auth_username: 'ship',
        smtp_auth_password: password,
        smtp_tls_config: { insecure_skip_verify: true },
      },
      receivers: [{ name: 'team', email_configs: [{ to: 'anna@example.org' }] }],
    })
  const right = make('right-one')
  assert.deepEqual((await right.notifier.send(makeNotification(), never)).failures, [])
  assert.equal(sink.messages[0]!.isTls, true)
  assert.equal(sink.messages[0]!.user, 'ship')
  const wrong = make('wrong-one')
  assert.equal((await wrong.notifier.send(makeNotification(), never)).isDelivered, false)
  const rows = await wrong.records.notifications.list({ limit: 10 })
  assert.equal(rows.length, 1)
  assert.ok(!rows[0]!.answer.includes('wrong-one'))
})

test('a mail that is refused for now is tried again, one refused for good is not', async (t) => {
  const { sink, smarthost } = await openMail(t)
  const { notifier, records } = makeNotifier({
    global: { smtp_smarthost: smarthost, smtp_from: 'ship@example.org', smtp_require_tls: false },
    receivers: [{ name: 'team', email_configs: [{ to: 'anna@example.org' }] }],
  })
  sink.refuseWith = 451
  notifier.onAttempt(() => {
    sink.refuseWith = undefined
  })
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, true)
  sink.refuseWith = 554
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, false)
  const rows = await records.notifications.list({ limit: 10 })
  assert.equal(rows.length, 3)
})

test('titles and lists are made as Alertmanager makes them', () => {
  const templates = new MessageTemplates([], new VirtualClock(0))
  const write = (text: string, format: 'none' | 'html') =>
    templates.render(text, { escape: format, language: 'en' }, { List: [1n] })
  assert.equal(
    write(`{{ title "HELLO o'neil d_e b-c 1x f.g" }}`, 'none'),
    "Hello O'neil D_e B-C 1X F.g",
  )
  assert.equal(write('{{ "<+>" }}', 'html'), '&lt;&#43;&gt;')
  assert.throws(() => write('{{ join "," .List }}', 'none'), /expected string/)
})

test("a user's template is used; when it fails, the message goes out in our words", async (t) => {
  const { sink, smarthost } = await openMail(t)
  const dir = mkdtempSync(join(tmpdir(), 'notify-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(
    join(dir, 'own.tmpl'),
    '{{ define "email.default.subject" }}{{ .Alerts | len }} × {{ .CommonLabels.service | toUpper }}{{ end }}',
  )
  const base = {
    global: { smtp_smarthost: smarthost, smtp_from: 'ship@example.org', smtp_require_tls: false },
    templates: [join(dir, '*.tmpl')],
  }
  const own = makeNotifier({
    ...base,
    receivers: [{ name: 'team', email_configs: [{ to: 'a@example.org', text: '{{ .Nope.X }}' }] }],
  })
  assert.deepEqual((await own.notifier.send(makeNotification(), never)).failures, [])
  assert.equal(sink.messages[0]!.mail.subject, '1 × CHECKOUT')
  assert.match(sink.messages[0]!.mail.text!, /1 firing: CheckoutErrors checkout/)
  writeFileSync(join(dir, 'own.tmpl'), '{{ define "x" }}{{ if }}{{ end }}')
  assert.throws(() => own.notifier.reload(settingsOf({ ...base })), /own\.tmpl cannot be read/)
  assert.equal(own.notifier.has('team'), true)
})

test('settings that do not suffice are refused with the receiver and the reason', () => {
  const check = (values: Record<string, unknown>, expected: RegExp) =>
    assert.throws(() => makeNotifier(values), expected)
  const receiver = (body: object) => ({ receivers: [{ name: 'team', ...body }] })
  check(
    receiver({ email_configs: [{ to: 'a@b' }] }),
    /"team", email\[0\]: no global SMTP smarthost/,
  )
  check(receiver({ email_configs: [{ to: '' }] }), /missing to address/)
  check(receiver({ webhook_configs: [{}] }), /needs either \\"url\\" or/)
  check(receiver({ webhook_configs: [{ url: 'ftp://x' }] }), /http or https/)
  check(receiver({ jira_configs: [{}] }), /project/)
  check(receiver({ sns_configs: [{}] }), /must provide either a Target ARN/)
  check(receiver({ fallback: ['nobody'] }), /there is no receiver \\"nobody\\"/)
  check(receiver({ slack_configs: [{}] }), /no global Slack API URL set/)
  check(receiver({ slak_configs: [{}] }), /slak_configs/)
  check({ receivers: [{ name: 'a' }, { name: 'a' }] }, /not unique/)
  check({ global: { jira_api_url: 'x' } }, /http or https/)
})

test('a message goes out although the ledger fails', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200 }))
  const { notifier, records } = makeNotifier({
    receivers: [{ name: 'team', webhook_configs: [{ url: address }] }],
  })
  records.failing = true
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, true)
  assert.equal(calls.length, 1)
})

test('CRAM-MD5 signs in with the secret, which is never sent', async (t) => {
  const { sink, smarthost } = await openMail(t, {
    login: { user: 'ship', password: 'S3CRET' },
    methods: ['CRAM-MD5'],
  })
  const { notifier } = makeNotifier({
    global: { smtp_smarthost: smarthost, smtp_from: 'ship@example.org', smtp_require_tls: false },
    receivers: [
      {
        name: 'team',
        email_configs: [{ to: 'anna@example.org', auth_username: 'ship', auth_secret: 'S3CRET' }],
      },
    ],
  })
  assert.deepEqual((await notifier.send(makeNotification(), never)).failures, [])
  assert.equal(sink.messages[0]!.user, 'ship')
})

const both = (address: string, change: object = {}) => ({
  receivers: [
    { name: 'team', webhook_configs: [{ url: `${address}/team` }], ...change },
    { name: 'other', webhook_configs: [{ url: `${address}/other` }] },
    { name: 'last', webhook_configs: [{ url: `${address}/last` }] },
  ],
})

test('when a channel refuses, the fallback is told in turn, and the message is not lost', async (t) => {
  const { calls, address } = await listen(t, ({ url }) => ({ status: url === '/last' ? 200 : 404 }))
  const { notifier, records } = makeNotifier(both(address, { fallback: ['other', 'last'] }))
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, true)
  assert.deepEqual(
    calls.map(({ url }) => url),
    ['/team', '/other', '/last'],
  )
  assert.equal(JSON.parse(calls[2]!.body).receiver, 'last')
  const rows = await records.notifications.list({ limit: 10 })
  assert.deepEqual(rows.map((row) => [row.receiver, row.outcome, row.fallbackOf]).reverse(), [
    ['team', 'failed', undefined],
    ['other', 'failed', 'team/webhook[0]'],
    ['last', 'delivered', 'team/webhook[0]'],
  ])
  assert.deepEqual(await notifier.deadLetters({ limit: 10 }), [])
})

/**
 * Lets the pauses between attempts pass, and no time while somebody is being called: a slow machine
 * must not look like a slow receiver.
 */
function watchPauses(
  notifier: Notifier,
  clock: VirtualClock,
): (isOver: () => boolean) => Promise<void> {
  const pausesMs: number[] = []
  notifier.onAttempt(({ outcome, attempt }) => {
    if (outcome === 'retrying') pausesMs.push(500 * 2 ** (attempt - 1))
  })
  return async (isOver) => {
    while (!isOver()) {
      const pauseMs = pausesMs.shift() ?? 0
      for (let passedMs = 0; passedMs < pauseMs && !isOver(); passedMs += 500)
        await clock.advance(500)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

test('a channel that tries in vain for too long has its fallback told meanwhile', async (t) => {
  const { calls, address } = await listen(t, ({ url }) => ({ status: url === '/team' ? 503 : 200 }))
  const clock = new VirtualClock(startTimeMs)
  const settings = both(address, { fallback: ['other'], fallback_after: '10s' })
  const { notifier } = makeNotifier(settings, clock)
  const abort = new AbortController()
  const passPauses = watchPauses(notifier, clock)
  const sending = notifier.send(makeNotification(), abort.signal)
  await passPauses(() => calls.some(({ url }) => url === '/other'))
  const triedCount = calls.filter(({ url }) => url === '/team').length
  assert.ok(triedCount >= 2, String(triedCount))
  abort.abort()
  assert.equal((await sending).isDelivered, true)
  assert.equal(calls.filter(({ url }) => url === '/other').length, 1)
})

test('the patience with a failing channel goes on over the intervals of its group', async (t) => {
  const { calls, address } = await listen(t, ({ url }) => ({ status: url === '/team' ? 503 : 200 }))
  const clock = new VirtualClock(startTimeMs)
  const settings = both(address, { fallback: ['other'], fallback_after: '1m' })
  const { notifier } = makeNotifier(settings, clock)
  const told = () => calls.filter(({ url }) => url === '/other').length
  const passPauses = watchPauses(notifier, clock)
  const results: boolean[] = []
  for (let round = 0; round < 4; round++) {
    const abort = new AbortController()
    clock.after(20_000, () => abort.abort())
    let isDone = false
    const sending = notifier.send(makeNotification(), abort.signal).finally(() => {
      isDone = true
    })
    await passPauses(() => isDone)
    results.push((await sending).isDelivered)
    if (told() > 0) break
  }
  assert.equal(results.at(-1), true)
  assert.deepEqual(new Set(results.slice(0, -1)), new Set([false]))
  assert.ok(results.length >= 2, 'not at the end of the first interval')
  assert.equal(told(), 1)
})

test('what reached nobody is kept over a restart, sent again by hand, and over when a later one arrives', async (t) => {
  let status = 404
  const { calls, address } = await listen(t, () => ({ status }))
  const { notifier, records } = makeNotifier(both(address))
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, false)
  assert.equal((await notifier.send(makeNotification(), never)).isDelivered, false)
  const [letter, ...more] = await notifier.deadLetters({ state: 'open', limit: 10 })
  assert.equal(more.length, 0, 'one for a group, however often it failed')
  assert.equal(letter!.attemptCount, 2)
  assert.match(letter!.labels, /^service=checkout$/m)
  assert.match(letter!.failure, /^webhook\[0\]: HTTP 404/)
  status = 200
  const again = new Notifier({
    settings: settingsOf(both(address)),
    records,
    clock: systemClock,
    log: silentLog,
    random: () => 0.5,
  })
  await again.start()
  assert.equal((await again.resend(letter!.id)).isDelivered, true)
  assert.deepEqual(JSON.parse(calls[2]!.body).alerts, JSON.parse(calls[0]!.body).alerts)
  const [ended] = await again.deadLetters({ limit: 10 })
  assert.equal(ended!.state, 'resent')
  await assert.rejects(again.resend('nobody'), { code: 'NOTIFY_DEAD_LETTER_UNKNOWN' })
  status = 404
  await again.send(makeNotification({ groupKey: 'x' }), never)
  status = 200
  await again.send(makeNotification({ groupKey: 'x' }), never)
  const states = (await again.deadLetters({ limit: 10 })).map(({ state }) => state)
  assert.deepEqual(states.sort(), ['resent', 'superseded'])
  status = 404
  await again.send(makeNotification({ groupKey: 'y' }), never)
  const [open] = await again.deadLetters({ state: 'open', limit: 10 })
  await again.dismiss(open!.id)
  assert.deepEqual(await again.deadLetters({ state: 'open', limit: 10 }), [])
  await assert.rejects(again.dismiss('nobody'), { code: 'NOTIFY_DEAD_LETTER_UNKNOWN' })
})

test('in quiet hours messages wait, over a restart too, and go out as one in the morning', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200 }))
  // 22:30 in Shanghai.
  const clock = new VirtualClock(Date.UTC(2026, 10, 20, 14, 30))
  const quiet_hours = { start_time: '22:00', end_time: '07:00' }
  const values = both(address, { time_zone: 'Asia/Shanghai', quiet_hours })
  const { notifier, records } = makeNotifier(values, clock)
  const labelsOf = (zone: string, severity: string) =>
    makeLabels({ alertname: 'Full', zone, severity })
  const about = (zone: string, severity: string, change: Partial<Alert> = {}): Notification => {
    const labels = labelsOf(zone, severity)
    const alert = makeAlert({ labels, fingerprint: labels.fingerprint(), ...change })
    const { state: status } = alert
    return makeNotification({ alerts: [alert], groupKey: zone, commonLabels: labels, status })
  }
  const [channel] = notifier.channels(about('a', 'warning').receiver)
  const waits = await notifier.sendTo(channel!.key, about('a', 'warning'), never)
  const heldUntilTimeMs = Date.UTC(2026, 10, 20, 23)
  assert.deepEqual(waits, { isDelivered: true, failures: [], heldUntilTimeMs })
  assert.equal((await notifier.send(about('b', 'warning'), never)).isDelivered, true)
  assert.equal(calls.length, 0)
  await notifier.send(about('c', 'critical'), never)
  assert.equal(calls.length, 1, 'what is critical is told at once')
  const ended = { state: 'resolved', endTimeMs: clock.nowTimeMs() } as const
  await notifier.send(about('b', 'warning', ended), never)
  assert.equal(notifier.status()[0]!.heldCount, 2)
  await notifier.stop()
  const again = new Notifier({
    settings: settingsOf(values),
    records,
    clock,
    log: silentLog,
    random: () => 0.5,
  })
  await again.start()
  await clock.advance(8 * 3_600_000 + 29 * 60_000)
  assert.equal(calls.length, 1)
  await clock.advance(60_000)
  while (calls.length < 2) await new Promise((resolve) => setImmediate(resolve))
  const body = JSON.parse(calls[1]!.body)
  assert.equal(body.notification_reason, 'quiet hours are over')
  assert.deepEqual(
    body.alerts.map((one: { status: string; labels: { zone: string } }) => [
      one.labels.zone,
      one.status,
    ]),
    [
      ['a', 'firing'],
      ['b', 'resolved'],
    ],
  )
  const held = await records.notifications.list({ outcome: 'held', limit: 9 })
  assert.equal(held.length, 3)
  while ((await records.states.list('notify.held.')).length > 0)
    await new Promise((resolve) => setImmediate(resolve))
})

test('what waited is kept until it was sent, so that an end in between repeats it', async (t) => {
  let status = 503
  const { calls, address } = await listen(t, () => ({ status }))
  const clock = new VirtualClock(Date.UTC(2026, 10, 20, 23))
  const values = both(address, { quiet_hours: { start_time: '22:00', end_time: '07:00' } })
  const { notifier, records } = makeNotifier(values, clock)
  const labels = makeLabels({ alertname: 'Full', severity: 'warning' })
  await notifier.send(makeNotification({ alerts: [makeAlert({ labels })] }), never)
  await clock.advance(8 * 3_600_000)
  while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await notifier.stop()
  assert.equal((await records.states.list('notify.held.')).length, 1)
  status = 200
  const again = new Notifier({
    settings: settingsOf(values),
    records,
    clock,
    log: silentLog,
    random: () => 0.5,
  })
  await again.start()
  const count = calls.length
  await clock.advance(1)
  while (calls.length === count) await new Promise((resolve) => setImmediate(resolve))
  const isForgotten = async () => (await records.states.list('notify.held.')).length === 0
  while (!(await isForgotten())) await new Promise((resolve) => setImmediate(resolve))
})

test('a receiver includes others, and tests tell each of its channels once', async (t) => {
  const { calls, address } = await listen(t, ({ url }) => ({ status: url === '/last' ? 503 : 200 }))
  const { notifier } = makeNotifier(both(address, { include: ['*'], language: 'zh' }))
  const keys = notifier.channels('team').map(({ key }) => key)
  assert.deepEqual(keys, ['webhook[0]', 'other/webhook[0]', 'last/webhook[0]'])
  const delivery = await notifier.test('team')
  assert.equal(delivery.isDelivered, false)
  assert.match(delivery.failures.join(), /^last\/webhook\[0\]: HTTP 503/)
  assert.deepEqual(calls.map(({ url }) => url).sort(), ['/last', '/other', '/team'])
  assert.throws(() => notifier.test('nobody'), { code: 'NOTIFY_RECEIVER_UNKNOWN' })
})

test('the built-in messages speak Chinese, on the clocks of the receiver', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200, body: '{"errcode":0}' }))
  const receiver = { name: 'team', language: 'zh', time_zone: 'Asia/Shanghai' }
  const { notifier, records } = makeNotifier({
    receivers: [{ ...receiver, dingtalk_configs: [{ url: address }] }],
  })
  const acknowledge = {
    url: 'http://ship.example/ack/t0ken',
    gatherUrl: 'http://ship.example/gather/t0ken',
    gatewayUrl: 'http://ship.example/gateway/t0ken',
    token: 't0ken',
    pageId: 'p1',
    acknowledgedBy: '',
  }
  await notifier.send(
    makeNotification({
      background,
      acknowledge,
      alerts: [makeAlert({ rule, noDataSinceTimeMs: startTimeMs })],
    }),
    never,
  )
  const { title, text } = JSON.parse(calls[0]!.body).markdown
  assert.match(title, /^\[告警:1\] CheckoutErrors checkout — 疑似: deployment checkout v1 → v2/)
  assert.match(
    text,
    /自 2026-11-20 18:00:00 GMT\+8, 当前值 0\.08123 \(阈值 > 0\.03\), 无数据，自 2026-11-20 18:00:00 GMT\+8/,
  )
  assert.match(text, /\[认领\]\(http:\/\/ship\.example\/ack\/t0ken\)/)
  assert.match(text, /\[静默\]\(http:\/\/ship\.example\/alerts\?silence=/)
  const [row] = await records.notifications.list({ limit: 1 })
  assert.equal(row!.pageId, 'p1')
  assert.ok(!JSON.stringify(row).includes('t0ken'), 'the ledger does not give the right to act')
  assert.match(row!.request!, /^\[告警:1\]/)
})

const rule = { group: 'g', name: 'CheckoutErrors', expression: 'ratio > 0.03' }

/** Figures for charts, always the same. */
const charts = {
  chartOf: async (alert: Alert, spanMs: number): Promise<AlertChart> => ({
    title: 'CheckoutErrors',
    unit: 'ratio',
    operator: '>',
    threshold: 0.03,
    startTimeMs: alert.firedTimeMs - spanMs,
    endTimeMs: alert.firedTimeMs,
    firedTimeMs: alert.firedTimeMs,
    series: [
      {
        count: 2,
        timeMs: Float64Array.of(alert.firedTimeMs - spanMs, alert.firedTimeMs),
        value: Float64Array.of(0.01, 0.08),
        gapMs: spanMs,
      },
    ],
    marks: [],
  }),
}

test('a chart goes with the message: within a mail, as an upload, or by an address that ends', async (t) => {
  const { sink, smarthost } = await openMail(t)
  const body = '{"ok":true,"code":0,"tenant_access_token":"t","data":{"image_key":"img_1"}}'
  const { calls, address } = await listen(t, () => ({ status: 200, body }))
  const clock = new VirtualClock(startTimeMs)
  const { notifier } = makeNotifier(
    {
      global: { smtp_smarthost: smarthost, smtp_from: 's@example.org', smtp_require_tls: false },
      receivers: [
        {
          name: 'team',
          email_configs: [{ to: 'anna@example.org' }],
          discord_configs: [{ webhook_url: `${address}/discord` }],
          telegram_configs: [{ api_url: address, bot_token: '1:x', chat_id: 5 }],
          feishuapp_configs: [
            { api_url: address, app_id: 'a', app_secret: 's3cret', to: ['anna'] },
          ],
          webhook_configs: [{ url: `${address}/hook`, chart: true }, { url: `${address}/plain` }],
        },
      ],
    },
    clock,
  )
  notifier.setCharts(charts)
  const notification = makeNotification({ alerts: [makeAlert({ rule })] })
  assert.deepEqual((await notifier.send(notification, never)).failures, [])
  const find = (path: string) => calls.find(({ url }) => url === path)!
  const { chartUrl } = JSON.parse(find('/hook').body).shipwatch
  assert.match(chartUrl, /^http:\/\/ship\.example\/api\/shipwatch\/v1\/charts\/[\w-]{24}\.png$/)
  assert.equal(JSON.parse(find('/plain').body).shipwatch, undefined)
  const token = /([\w-]{24})\.png$/.exec(chartUrl)![1]!
  const png = await notifier.chart(token)
  assert.equal(png?.subarray(1, 4).toString(), 'PNG')
  assert.equal(await notifier.chart(`${token.slice(1)}x`), undefined)
  assert.match(find('/discord').headers['content-type']!, /^multipart\/form-data/)
  assert.match(find('/discord').body, /attachment:\/\/chart\.png/)
  assert.match(find('/bot1:x/sendPhoto').body, /name="chat_id"\r\n\r\n5\r\n/)
  assert.match(find('/open-apis/im/v1/messages?receive_id_type=open_id').body, /img_1/)
  const { mail } = sink.messages[0]!
  assert.deepEqual(Buffer.from(mail.attachments[0]!.content as ArrayBuffer), png)
  assert.match(mail.html!, /src="cid:chart@shipwatch"/)
  await clock.advance(8 * 86_400_000)
  assert.equal(await notifier.chart(token), undefined)
})

test('a chart that is late or fails never keeps a message', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200 }))
  const clock = new VirtualClock(startTimeMs)
  const receivers = [{ name: 'team', webhook_configs: [{ url: address, chart: true }] }]
  const { notifier } = makeNotifier({ receivers }, clock)
  const tell = () =>
    notifier.send(makeNotification({ background, alerts: [makeAlert({ rule })] }), never)
  notifier.setCharts({ chartOf: () => Promise.reject(new Error('no figures')) })
  assert.equal((await tell()).isDelivered, true)
  await clock.advance(15_000)
  notifier.setCharts({ chartOf: () => new Promise(() => undefined) })
  const sending = tell()
  await clock.advance(2_000)
  assert.equal((await sending).isDelivered, true)
  assert.deepEqual(
    calls.map(({ body }) => JSON.parse(body).shipwatch.chartUrl),
    [undefined, undefined],
  )
})

test('that a channel reaches nobody is told to others, once, and that it does again', async (t) => {
  let status = 404
  const { calls, address } = await listen(t, ({ url }) => ({
    status: url === '/team' ? status : 200,
  }))
  const { notifier } = makeNotifier({
    ...both(address),
    notify: { alarm_receivers: ['team', 'other'] },
  })
  const told = async (count: number) => {
    const find = () => calls.filter(({ url }) => url === '/other')
    const endMs = performance.now() + 30_000
    while (find().length < count && performance.now() < endMs)
      await new Promise((resolve) => setImmediate(resolve))
    return find().map(({ body }) => JSON.parse(body))
  }
  await notifier.send(makeNotification(), never)
  await notifier.send(makeNotification({ groupKey: 'x' }), never)
  const [alarm, ...more] = await told(1)
  assert.equal(more.length, 0)
  assert.equal(alarm.status, 'firing')
  assert.equal(alarm.commonLabels.alertname, 'ShipwatchNotificationsFailing')
  assert.equal(alarm.commonLabels.channel, 'webhook[0]')
  assert.match(alarm.commonAnnotations.description, /HTTP 404/)
  status = 200
  await notifier.send(makeNotification(), never)
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await told(1)).length, 1, 'the other group has not arrived yet')
  await notifier.send(makeNotification({ groupKey: 'x' }), never)
  assert.equal((await told(2))[1].status, 'resolved')
  assert.throws(
    () => makeNotifier({ ...both(address), notify: { alarm_receivers: ['nobody'] } }),
    /nobody.*no such receiver/,
  )
})

test('the heartbeat beats while all is well, and rests while rules stall or messages reach nobody', async (t) => {
  let status = 200
  const { calls, address } = await listen(t, ({ url }) => ({
    status: url === '/beat' ? 200 : status,
  }))
  const clock = new VirtualClock(startTimeMs)
  const { notifier } = makeNotifier(
    { ...both(address), notify: { heartbeat: { url: `${address}/beat`, interval: '30s' } } },
    clock,
  )
  let trouble: string | undefined
  notifier.setWatch(() => trouble)
  await notifier.start()
  t.after(() => notifier.stop())
  const decidedCount = async (): Promise<number> =>
    (await heartbeatsTotal.get()).values.reduce((sum, { value }) => sum + value, 0)
  const beats = async (spanMs: number): Promise<number> => {
    const before = calls.filter(({ url }) => url === '/beat').length
    for (let passedMs = 0; passedMs < spanMs; passedMs += 30_000) {
      const count = await decidedCount()
      await clock.advance(30_000)
      // Each turn of the heart was sent or withheld, however long the way there takes.
      while ((await decidedCount()) === count) await new Promise((resolve) => setImmediate(resolve))
    }
    return calls.filter(({ url }) => url === '/beat').length - before
  }
  assert.equal(await beats(120_000), 4)
  trouble = 'no rule was evaluated for 400 s'
  assert.equal(await beats(120_000), 0)
  trouble = undefined
  status = 404
  await notifier.send(makeNotification(), never)
  assert.equal(await beats(90_000), 0)
  status = 200
  await notifier.send(makeNotification(), never)
  assert.equal(await beats(120_000), 4)
})

test('the ledger forgets what is older than it has to keep', async () => {
  const clock = new VirtualClock(startTimeMs)
  const { notifier, records } = makeNotifier({ notify: { ledger_retention: '1d' } }, clock)
  const attempt = {
    receiver: 'team',
    channel: 'webhook',
    groupKey: '{}',
    reason: 'first notification',
    status: 'firing' as const,
    alertCount: 1,
    attempt: 1,
    outcome: 'delivered' as const,
    answer: '',
    latencyMs: 1,
    incidentId: undefined,
    fingerprints: [],
  }
  await records.notifications.add({ ...attempt, id: 'old', timeMs: startTimeMs - 90_000_000 })
  await records.notifications.add({ ...attempt, id: 'new', timeMs: startTimeMs })
  await notifier.start()
  const rows = await records.notifications.list({ limit: 9 })
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['new'],
  )
  await notifier.stop()
})

test('in a text that is cut for a robot the ways to act still stand, and the chart', async (t) => {
  const { calls, address } = await listen(t, () => ({ status: 200, body: '{"errcode":0}' }))
  const { notifier } = makeNotifier({
    receivers: [
      { name: 'team', wecom_configs: [{ webhook_url: address, message_type: 'markdown_v2' }] },
    ],
  })
  notifier.setCharts(charts)
  const alerts = Array.from({ length: 40 }, (_, index) => {
    const labels = makeLabels({
      alertname: 'Down',
      instance: `host-${index}`,
      zone: 'z'.repeat(200),
    })
    return makeAlert({ rule, labels, fingerprint: labels.fingerprint() })
  })
  assert.deepEqual((await notifier.send(makeNotification({ alerts }), never)).failures, [])
  const { content } = JSON.parse(calls[0]!.body).markdown_v2
  assert.ok(Buffer.byteLength(content) <= 4_096)
  assert.match(content, /… \(cut\)$/)
  assert.match(content, /\[Silence\]\(http:\/\/ship\.example\/alerts\?silence=/)
  assert.match(content, /!\[Chart\]\(http:\/\/ship\.example\/api\/shipwatch\/v1\/charts\//)
})
