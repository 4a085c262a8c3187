/**
 * One contract for every channel that speaks HTTP, against a server of its service's manners: what is
 * delivered, refused, tried again, cut, and what must not show or become markup.
 */

import assert from 'node:assert/strict'
import { createDecipheriv, createECDH, createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MemoryRecords } from '../../../test/support/memory-records.ts'
import { VirtualClock } from '../../base/clock.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import type { Alert } from '../../model/alert.ts'
import { makeLabels } from '../../model/labels.ts'
import type { NotificationAttempt } from '../../store/store.ts'
import { type Notification, Notifier } from '../notify.ts'
import { signAws } from '../aws-sign.ts'
import { canonicalQuery, signAcs3 } from '../phone/aliyun.ts'
import { signTc3 } from '../phone/tencent.ts'
import { notifySettings } from '../settings.ts'
import { signFeishu } from './feishu.ts'
import { signWebhook } from './webhook.ts'

const startTimeMs = 1_700_000_000_000

interface Call {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
  raw: Buffer
}

interface Answer {
  status: number
  body?: string
  headers?: Record<string, string>
}

/** What the suite has to know of a channel. */
interface Manners {
  key: string
  /** The settings, for a service at `address`; everything secret holds `S3CR3T`. */
  settings: (address: string) => object
  success: Answer
  /** HTTP 200, yet not delivered, for good. */
  refusal?: Answer
  /** HTTP 200, yet not delivered for now. */
  tooFast?: Answer
  /** The text that people see, which is cut. */
  textOf: (body: string, raw: Buffer) => string
  bytesMax?: number
  lengthMax?: number
  /** The service takes texts that are longer than any we make. */
  isTextFull?: boolean
  /** Whether what is said is fixed by the service or the settings. */
  isTemplate?: boolean
  /** What a label must not be able to write. */
  markup?: RegExp
  /** What has to be known before a message can be sent. */
  prepare?: (records: MemoryRecords, address: string) => Promise<void>
  /** Calls that come before the message, such as that for a token. */
  before?: (call: Call) => Answer | undefined
  check?: (call: Call) => void
}

const json = (value: object, status = 200): Answer => ({ status, body: JSON.stringify(value) })
const jsonOf = (body: string) => JSON.parse(body)

/** A browser that takes pushes. */
const browser = createECDH('prime256v1')
browser.generateKeys()
const browserAuth = Buffer.alloc(16, 5)

/** What the browser makes of a push: RFC 8291, from the other side. */
function decryptPush(raw: Buffer): string {
  const theirs = raw.subarray(21, 21 + raw[20]!)
  const one = Buffer.from([1])
  const hmac = (key: Buffer, ...parts: (string | Buffer)[]): Buffer => {
    const mac = createHmac('sha256', key)
    for (const part of parts) mac.update(part)
    return mac.digest()
  }
  const first = hmac(browserAuth, browser.computeSecret(theirs))
  const material = hmac(first, 'WebPush: info\0', browser.getPublicKey(), theirs, one)
  const second = hmac(raw.subarray(0, 16), material)
  const key = hmac(second, 'Content-Encoding: aes128gcm\0', one).subarray(0, 16)
  const nonce = hmac(second, 'Content-Encoding: nonce\0', one).subarray(0, 12)
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
  decipher.setAuthTag(raw.subarray(-16))
  const sealed = raw.subarray(21 + theirs.length, -16)
  const plain = Buffer.concat([decipher.update(sealed), decipher.final()])
  return plain.subarray(0, -1).toString('utf8')
}

const manners: Record<string, Manners> = {
  slack: {
    key: 'slack_configs',
    settings: (address) => ({
      api_url: `${address}/services/S3CR3T-S3CR3T-S3CR3T`,
      channel: '#ops',
    }),
    success: { status: 200, body: 'ok' },
    refusal: json({ ok: false, error: 'channel_not_found' }),
    tooFast: json({ ok: false, error: 'ratelimited' }),
    textOf: (body) => jsonOf(body).attachments[0].text,
    lengthMax: 30_000,
    markup: /<!channel>/,
    check: ({ body }) => {
      const { channel, attachments } = jsonOf(body)
      assert.doesNotMatch(body, /<!|<@/)
      assert.equal(channel, '#ops')
      assert.equal(attachments[0].color, 'danger')
      assert.match(attachments[0].title, /^\[FIRING:1\] Down/)
      assert.equal(attachments[0].title_link, 'http://ship.example/incidents/abc')
    },
  },
  pagerduty: {
    key: 'pagerduty_configs',
    settings: (address) => ({
      url: `${address}/v2/enqueue`,
      routing_key: 'S3CR3T',
      severity: '{{ .CommonLabels.severity }}',
    }),
    success: json({ status: 'success', message: 'Event processed' }, 202),
    textOf: (body) => jsonOf(body).payload.summary,
    lengthMax: 1_024,
    check: ({ body }) => {
      const event = jsonOf(body)
      assert.equal(event.routing_key, 'S3CR3T')
      assert.equal(event.event_action, 'trigger')
      assert.match(event.dedup_key, /^[0-9a-f]{64}$/)
      // "page" is no severity of PagerDuty.
      assert.equal(event.payload.severity, 'error')
      assert.equal(event.payload.timestamp, new Date(startTimeMs).toISOString())
      assert.equal(event.payload.custom_details.suspected_cause, 'deployment checkout v1 → v2')
      assert.deepEqual(event.links[0], {
        href: 'http://ship.example/incidents/abc',
        text: 'Incident #12',
      })
    },
  },
  wechat: {
    key: 'wechat_configs',
    settings: (address) => ({
      api_url: `${address}/cgi-bin/`,
      api_secret: 'S3CR3T',
      corp_id: 'corp',
      agent_id: '1000002',
      to_user: 'anna|ben',
    }),
    before: ({ url }) =>
      url.startsWith('/cgi-bin/gettoken?corpid=corp&corpsecret=S3CR3T')
        ? json({ errcode: 0, access_token: 'S3CR3T-TOKEN', expires_in: 7_200 })
        : undefined,
    success: json({ errcode: 0, errmsg: 'ok' }),
    refusal: json({ errcode: 81_013, errmsg: 'user & party & tag all invalid' }),
    tooFast: json({ errcode: 45_009, errmsg: 'api freq out of limit' }),
    textOf: (body) => jsonOf(body).text.content,
    bytesMax: 2_048,
    check: ({ url, body }) => {
      assert.equal(url, '/cgi-bin/message/send?access_token=S3CR3T-TOKEN')
      const { touser, agentid, msgtype } = jsonOf(body)
      assert.deepEqual(
        { touser, agentid, msgtype },
        {
          touser: 'anna|ben',
          agentid: 1_000_002,
          msgtype: 'text',
        },
      )
    },
  },
  wecom: {
    key: 'wecom_configs',
    settings: (address) => ({
      webhook_url: `${address}/cgi-bin/webhook/send?key=S3CR3T`,
      mentioned_list: ['anna'],
    }),
    success: json({ errcode: 0, errmsg: 'ok' }),
    refusal: json({ errcode: 93_000, errmsg: 'invalid webhook url' }),
    tooFast: json({ errcode: 45_009, errmsg: 'api freq out of limit' }),
    textOf: (body) => jsonOf(body).markdown.content,
    bytesMax: 4_096,
    markup: /<!channel>|<@all>|\[click\]/,
    check: ({ body }) => assert.ok(jsonOf(body).markdown.content.endsWith('\n<@anna>')),
  },
  feishu: {
    key: 'feishu_configs',
    settings: (address) => ({
      webhook_url: `${address}/open-apis/bot/v2/hook/S3CR3T-S3CR3T-S3CR3T`,
      secret: 'S3CR3T',
      at: { all: true },
    }),
    success: json({ code: 0, msg: 'success', StatusCode: 0 }),
    refusal: json({ code: 19_021, msg: 'sign match fail or timestamp is not within one hour' }),
    tooFast: json({ code: 9_499, msg: 'too many request' }),
    textOf: (body) => jsonOf(body).card.elements[0].text.content,
    bytesMax: 14_000,
    markup: /<at id=all>|<@all>|\[click\]/,
    check: ({ body }) => {
      const { timestamp, sign, card } = jsonOf(body)
      assert.equal(sign, signFeishu('S3CR3T', Number(timestamp)))
      assert.equal(card.header.template, 'red')
      assert.ok(Buffer.byteLength(body) <= 20_000)
    },
  },
  dingtalk: {
    key: 'dingtalk_configs',
    settings: (address) => ({
      url: `${address}/robot/send?access_token=S3CR3T`,
      secret: 'SECS3CR3T',
      at: { mobiles: [13_800_000_000] },
    }),
    success: json({ errcode: 0, errmsg: 'ok' }),
    refusal: json({ errcode: 310_000, errmsg: 'sign not match' }),
    tooFast: json({ errcode: 130_101, errmsg: 'send too fast, exceed 20 times per minute' }),
    textOf: (body) => jsonOf(body).markdown.text,
    bytesMax: 18_000,
    markup: /<!channel>|\[click\]/,
  },
  feishuapp: {
    key: 'feishuapp_configs',
    settings: (address) => ({
      api_url: address,
      app_id: 'cli_1',
      app_secret: 'S3CR3T',
      receive_id_type: 'email',
      to: ['anna@example.org'],
    }),
    before: ({ url, body }) => {
      if (!url.endsWith('/tenant_access_token/internal')) return undefined
      assert.deepEqual(jsonOf(body), { app_id: 'cli_1', app_secret: 'S3CR3T' })
      return json({ code: 0, tenant_access_token: 'S3CR3T-TOKEN', expire: 7_200 })
    },
    success: json({ code: 0, msg: 'success', data: { message_id: 'om_1' } }),
    refusal: json({ code: 230_001, msg: 'invalid receive_id' }),
    tooFast: json({ code: 230_020, msg: 'too fast' }),
    textOf: (body) => jsonOf(jsonOf(body).content).elements[0].text.content,
    bytesMax: 12_000,
    markup: /<at id=all>|<@all>|\[click\]/,
    check: ({ url, headers, body }) => {
      assert.equal(url, '/open-apis/im/v1/messages?receive_id_type=email')
      assert.equal(headers.authorization, 'Bearer S3CR3T-TOKEN')
      assert.equal(jsonOf(body).receive_id, 'anna@example.org')
    },
  },
  dingtalkapp: {
    key: 'dingtalkapp_configs',
    settings: (address) => ({
      api_url: address,
      app_key: 'ding1',
      app_secret: 'S3CR3T',
      to: ['anna', 'ben'],
    }),
    before: ({ url }) =>
      url === '/v1.0/oauth2/accessToken'
        ? json({ accessToken: 'S3CR3T-TOKEN', expireIn: 7_200 })
        : undefined,
    success: json({ processQueryKey: 'k', invalidStaffIdList: ['ben'] }),
    refusal: json({ processQueryKey: 'k', invalidStaffIdList: ['anna', 'ben'] }),
    tooFast: json({ processQueryKey: 'k', flowControlledStaffIdList: ['anna', 'ben'] }),
    textOf: (body) => jsonOf(jsonOf(body).msgParam).text,
    bytesMax: 4_500,
    markup: /<!channel>|\[click\]/,
    check: ({ url, headers, body }) => {
      assert.equal(url, '/v1.0/robot/oToMessages/batchSend')
      assert.equal(headers['x-acs-dingtalk-access-token'], 'S3CR3T-TOKEN')
      const { robotCode, userIds, msgKey } = jsonOf(body)
      assert.deepEqual([robotCode, userIds, msgKey], ['ding1', ['anna', 'ben'], 'sampleMarkdown'])
    },
  },
  telegram: {
    key: 'telegram_configs',
    settings: (address) => ({ api_url: address, bot_token: '12:S3CR3T', chat_id: -100_123 }),
    success: json({ ok: true, result: {} }),
    refusal: json({ ok: false, error_code: 400, description: 'Bad Request: chat not found' }),
    textOf: (body) => jsonOf(body).text,
    lengthMax: 4_096,
    markup: /<b>bold|<at /,
    check: ({ url, body }) => {
      assert.equal(url, '/bot12:S3CR3T/sendMessage')
      assert.equal(jsonOf(body).chat_id, -100_123)
      assert.equal(jsonOf(body).parse_mode, 'HTML')
    },
  },
  discord: {
    key: 'discord_configs',
    settings: (address) => ({ webhook_url: `${address}/api/webhooks/1/S3CR3T-S3CR3T-S3CR3T` }),
    success: { status: 204 },
    textOf: (body) => jsonOf(body).embeds[0].description,
    lengthMax: 4_096,
    markup: /\[click\]|<@/,
    check: ({ body }) => {
      const { embeds, allowed_mentions } = jsonOf(body)
      assert.ok(embeds[0].title.length <= 256)
      assert.deepEqual(allowed_mentions.parse, ['users', 'roles'])
    },
  },
  msteamsv2: {
    key: 'msteamsv2_configs',
    settings: (address) => ({ webhook_url: `${address}/workflows/S3CR3T-S3CR3T-S3CR3T` }),
    success: { status: 202 },
    textOf: (body) => jsonOf(body).attachments[0].content.body[1].text,
    bytesMax: 20_000,
    markup: /\[click\]|<at/,
    check: ({ body }) => {
      const { contentType, content } = jsonOf(body).attachments[0]
      assert.equal(contentType, 'application/vnd.microsoft.card.adaptive')
      assert.equal(content.actions[0].url, 'http://ship.example/incidents/abc')
    },
  },
  msteams: {
    key: 'msteams_configs',
    settings: (address) => ({ webhook_url: `${address}/webhookb2/S3CR3T-S3CR3T-S3CR3T` }),
    success: { status: 200, body: '1' },
    refusal: {
      status: 200,
      body: 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 404',
    },
    tooFast: {
      status: 200,
      body: 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429',
    },
    textOf: (body) => jsonOf(body).text,
    bytesMax: 20_000,
    markup: /\[click\]|<at/,
    check: ({ body }) => {
      const card = jsonOf(body)
      assert.equal(card.type, 'MessageCard')
      assert.equal(card.themeColor, '8C1A1A')
      assert.equal(card.potentialAction[0].targets[0].uri, 'http://ship.example/incidents/abc')
    },
  },
  mattermost: {
    key: 'mattermost_configs',
    settings: (address) => ({
      webhook_url: `${address}/hooks/S3CR3T-S3CR3T-S3CR3T`,
      channel: 'ops',
      priority: { priority: 'urgent', requested_ack: true },
      props: { card: 'see {{ .CommonLabels.alertname }}' },
    }),
    success: { status: 200, body: 'ok' },
    textOf: (body) => jsonOf(body).attachments[0].text,
    lengthMax: 14_000,
    markup: /\[click\]|@all|!channel>/,
    check: ({ body }) => {
      const { channel, props, priority, attachments } = jsonOf(body)
      assert.equal(channel, 'ops')
      assert.deepEqual(props, { card: 'see Down' })
      assert.equal(priority.priority, 'urgent')
      assert.equal(attachments[0].color, '#c5303a')
    },
  },
  rocketchat: {
    key: 'rocketchat_configs',
    settings: (address) => ({
      api_url: address,
      token: 'S3CR3T',
      token_id: 'S3CR3T-ID',
      channel: '#ops',
    }),
    success: json({ success: true }),
    refusal: json({ success: false, error: 'error-room-not-found' }),
    tooFast: json({ success: false, error: 'error-too-many-requests' }),
    textOf: (body) => jsonOf(body).attachments[0].text,
    lengthMax: 5_000,
    markup: /\[click\]|@all/,
    check: ({ url, headers, body }) => {
      assert.equal(url, '/api/v1/chat.postMessage')
      assert.equal(`${headers['x-user-id']} ${headers['x-auth-token']}`, 'S3CR3T-ID S3CR3T')
      assert.equal(jsonOf(body).channel, '#ops')
      assert.equal(jsonOf(body).attachments[0].color, 'red')
    },
  },
  webex: {
    key: 'webex_configs',
    settings: (address) => ({
      api_url: `${address}/v1/messages`,
      room_id: 'room',
      http_config: { authorization: { credentials: 'S3CR3T' } },
    }),
    success: json({ id: 'x' }),
    textOf: (body) => jsonOf(body).markdown,
    bytesMax: 7_439,
    markup: /\[click\]|<@/,
    check: ({ headers, body }) => {
      assert.equal(headers.authorization, 'Bearer S3CR3T')
      assert.equal(jsonOf(body).roomId, 'room')
    },
  },
  incidentio: {
    key: 'incidentio_configs',
    settings: (address) => ({ url: `${address}/v2/alert_events`, alert_source_token: 'S3CR3T' }),
    success: json({ status: 'success' }, 202),
    textOf: (body) => jsonOf(body).commonAnnotations.summary,
    check: ({ headers, body }) => {
      assert.equal(headers.authorization, 'Bearer S3CR3T')
      assert.match(jsonOf(body).deduplication_key, /^[0-9a-f]{64}$/)
    },
  },
  sns: {
    key: 'sns_configs',
    settings: (address) => ({
      api_url: address,
      sigv4: { region: 'us-east-2', access_key: 'AKID', secret_key: 'S3CR3T' },
      topic_arn: 'arn:aws:sns:us-east-2:1:ops.fifo',
      attributes: { severity: '{{ .CommonLabels.severity }}' },
    }),
    success: { status: 200, body: '<PublishResponse/>' },
    textOf: (body) => new URLSearchParams(body).get('Message')!,
    bytesMax: 262_144,
    isTextFull: true,
    check: ({ headers, body }) => {
      const form = new URLSearchParams(body)
      assert.equal(form.get('MessageAttributes.entry.1.Value.StringValue'), 'page')
      assert.match(form.get('MessageGroupId')!, /^[0-9a-f]{64}$/)
      assert.match(form.get('Subject')!, /^\[FIRING:1\] Down/)
      const signed = signAws(
        {
          url: `http://${headers.host}/`,
          region: 'us-east-2',
          service: 'sns',
          headers: { 'content-type': headers['content-type']! },
          body,
          timeMs: startTimeMs,
        },
        { id: 'AKID', secret: 'S3CR3T' },
      )
      assert.equal(headers.authorization, signed.authorization)
    },
  },
  jira: {
    key: 'jira_configs',
    settings: (address) => ({
      api_url: `${address}/rest/api/2/`,
      project: 'OPS',
      issue_type: 'Bug',
      labels: ['a b'],
      priority: 'High',
      fields: { customfield_1: { value: '{{ .CommonLabels.severity }}' } },
      http_config: { basic_auth: { username: 'ship', password: 'S3CR3T' } },
    }),
    before: ({ url }) => (url.endsWith('/search') ? json({ issues: [] }) : undefined),
    success: json({ key: 'OPS-1' }, 201),
    textOf: (body) => jsonOf(body).fields.description,
    lengthMax: 32_767,
    check: ({ url, body }) => {
      assert.equal(url, '/rest/api/2/issue')
      const { fields } = jsonOf(body)
      assert.match(fields.summary, /^\[FIRING:1\] Down/)
      assert.deepEqual(fields.project, { key: 'OPS' })
      assert.deepEqual(fields.issuetype, { name: 'Bug' })
      assert.deepEqual(fields.customfield_1, { value: 'page' })
      assert.match(fields.labels.join(), /^ALERT\{[0-9a-f]{64}\},a_b$/)
    },
  },
  opsgenie: {
    key: 'opsgenie_configs',
    settings: (address) => ({
      api_url: address,
      api_key: 'S3CR3T',
      responders: [{ name: 'ops', type: 'team' }],
      priority: 'P1',
      tags: 'a, {{ .CommonLabels.severity }}',
    }),
    success: json({ result: 'Request will be processed' }, 202),
    textOf: (body) => jsonOf(body).message,
    lengthMax: 130,
    check: ({ url, headers, body }) => {
      assert.equal(url, '/v2/alerts')
      assert.equal(headers.authorization, 'GenieKey S3CR3T')
      const alert = jsonOf(body)
      assert.deepEqual(alert.responders, [{ name: 'ops', type: 'team' }])
      assert.deepEqual(alert.tags, ['a', 'page'])
      assert.equal(alert.priority, 'P1')
    },
  },
  pushover: {
    key: 'pushover_configs',
    settings: (address) => ({ api_url: address, token: 'S3CR3T', user_key: 'S3CR3T-USER' }),
    success: json({ status: 1, request: 'x' }),
    refusal: json({ status: 0, errors: ['application token is invalid'] }),
    textOf: (body) => new URLSearchParams(body).get('message')!,
    lengthMax: 1_024,
    check: ({ body }) => {
      const form = new URLSearchParams(body)
      assert.equal(form.get('token'), 'S3CR3T')
      assert.equal(form.get('priority'), '2')
      assert.equal(form.get('retry'), '60')
    },
  },
  ntfy: {
    key: 'ntfy_configs',
    settings: (address) => ({ url: address, topic: 'S3CR3T', token: 'S3CR3T-TOKEN' }),
    success: json({ id: 'x' }),
    textOf: (body) => jsonOf(body).message,
    bytesMax: 4_096,
    check: ({ headers, body }) => {
      assert.equal(headers.authorization, 'Bearer S3CR3T-TOKEN')
      assert.equal(jsonOf(body).priority, 4)
      assert.equal(jsonOf(body).click, 'http://ship.example/incidents/abc')
    },
  },
  gotify: {
    key: 'gotify_configs',
    settings: (address) => ({ url: address, token: 'S3CR3T' }),
    success: json({ id: 1 }),
    textOf: (body) => jsonOf(body).message,
    bytesMax: 16_000,
    check: ({ url, headers }) =>
      assert.equal(`${url} ${headers['x-gotify-key']}`, '/message S3CR3T'),
  },
  bark: {
    key: 'bark_configs',
    settings: (address) => ({ url: address, device_key: 'S3CR3T' }),
    success: json({ code: 200, message: 'success' }),
    refusal: json({ code: 400, message: 'failed to get device token' }),
    tooFast: json({ code: 429, message: 'slow down' }),
    textOf: (body) => jsonOf(body).body,
    bytesMax: 2_500,
    check: ({ body }) => assert.equal(jsonOf(body).level, 'timeSensitive'),
  },
  serverchan: {
    key: 'serverchan_configs',
    settings: (address) => ({ url: address, send_key: 'S3CR3T' }),
    success: json({ code: 0, message: '' }),
    refusal: json({ code: 40_001, message: 'bad key' }),
    textOf: (body) => jsonOf(body).desp,
    bytesMax: 32_000,
    markup: /<at|\[click\]/,
    check: ({ url, body }) => {
      assert.equal(url, '/S3CR3T.send')
      assert.ok(jsonOf(body).title.length <= 32)
    },
  },
  'sms over Twilio': {
    key: 'sms_configs',
    settings: (address) => ({
      to: ['+15550001'],
      twilio: { account_sid: 'AC1', auth_token: 'S3CR3T', api_url: address, from: '+15550000' },
    }),
    success: json({ sid: 'SM1' }, 201),
    textOf: (body) => new URLSearchParams(body).get('Body')!,
    lengthMax: 1_600,
    check: ({ url, headers, body }) => {
      assert.equal(url, '/2010-04-01/Accounts/AC1/Messages.json')
      const basic = Buffer.from('AC1:S3CR3T').toString('base64')
      assert.equal(headers.authorization, `Basic ${basic}`)
      assert.equal(new URLSearchParams(body).get('To'), '+15550001')
    },
  },
  'sms over a gateway': {
    key: 'sms_configs',
    settings: (address) => ({
      to: ['+15550001'],
      http: { url: `${address}/S3CR3T-S3CR3T-S3CR3T` },
    }),
    success: { status: 200 },
    textOf: (body) => jsonOf(body).text,
    lengthMax: 1_600,
  },
  'sms over Alibaba Cloud': {
    key: 'sms_configs',
    settings: (address) => ({
      to: ['+8613800000000'],
      aliyun: {
        endpoint: address,
        access_key_id: 'id',
        access_key_secret: 'S3CR3T',
        sign_name: '船',
        template_code: 'SMS_1',
        template_params: { what: '{{ .CommonAnnotations.summary }} http://x.example/y' },
      },
    }),
    success: json({ Code: 'OK', BizId: '1' }),
    refusal: json({ Code: 'isv.MOBILE_NUMBER_ILLEGAL', Message: 'no' }),
    tooFast: json({ Code: 'isv.BUSINESS_LIMIT_CONTROL', Message: 'too many' }),
    isTemplate: true,
    textOf: () => '…',
    check: ({ url, headers }) => {
      const query = new URL(url, 'http://x').searchParams
      assert.equal(query.get('PhoneNumbers'), '13800000000')
      // Alibaba Cloud refuses parameters with addresses.
      assert.deepEqual(JSON.parse(query.get('TemplateParam')!), { what: 'checkout is down' })
      const { authorization } = signAcs3({
        accessKeyId: 'id',
        accessKeySecret: 'S3CR3T',
        host: headers.host!,
        query: url.slice(2),
        headers: Object.fromEntries(
          ['action', 'version', 'date', 'signature-nonce'].map((name) => [
            `x-acs-${name}`,
            String(headers[`x-acs-${name}`]),
          ]),
        ),
      })
      assert.equal(headers.authorization, authorization)
    },
  },
  'sms over Tencent Cloud': {
    key: 'sms_configs',
    settings: (address) => ({
      to: ['+8613800000000'],
      tencent: {
        endpoint: address,
        secret_id: 'id',
        secret_key: 'S3CR3T',
        sdk_app_id: '1400000000',
        sign_name: '船',
        template_id: '1',
        template_params: ['{{ .CommonAnnotations.summary }}'],
      },
    }),
    success: json({ Response: { SendStatusSet: [{ Code: 'Ok' }], RequestId: 'x' } }),
    refusal: json({ Response: { Error: { Code: 'AuthFailure.SignatureFailure' } } }),
    tooFast: json({
      Response: { SendStatusSet: [{ Code: 'LimitExceeded.PhoneNumberDailyLimit' }] },
    }),
    isTemplate: true,
    textOf: (body) => jsonOf(body).TemplateParamSet[0],
    lengthMax: 35,
    check: ({ headers, body }) => {
      assert.deepEqual(jsonOf(body).TemplateParamSet, ['checkout is down'])
      const authorization = signTc3({
        secretId: 'id',
        secretKey: 'S3CR3T',
        service: 'sms',
        seconds: startTimeMs / 1_000,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          host: headers.host!,
          'x-tc-action': 'SendSms',
        },
        body,
      })
      assert.equal(headers.authorization, authorization)
    },
  },
  'voice over Twilio': {
    key: 'voice_configs',
    settings: (address) => ({
      to: ['+15550001'],
      twilio: { account_sid: 'AC1', auth_token: 'S3CR3T', api_url: address, from: '+15550000' },
    }),
    success: json({ sid: 'CA1' }, 201),
    isTemplate: true,
    textOf: (body) => new URLSearchParams(body).get('Twiml')!,
    lengthMax: 2_000,
    markup: /<!channel>|<@all>/,
    check: ({ url, body }) => {
      assert.equal(url, '/2010-04-01/Accounts/AC1/Calls.json')
      const twiml = new URLSearchParams(body).get('Twiml')!
      assert.match(twiml, /^<Response><Say language="en-US">Alert\. Down .* checkout is down\./)
      assert.match(twiml, /Since 22:13 UTC\. Suspected: deployment checkout v1 → v2\.<\/Say>/)
    },
  },
  'voice over Alibaba Cloud': {
    key: 'voice_configs',
    settings: (address) => ({
      to: ['+8613800000000'],
      aliyun: {
        endpoint: address,
        access_key_id: 'id',
        access_key_secret: 'S3CR3T',
        tts_code: 'TTS_1',
        tts_params: { what: '{{ .CommonAnnotations.summary }}' },
      },
    }),
    success: json({ Code: 'OK', CallId: '1' }),
    refusal: json({ Code: 'isv.TTS_TEMPLATE_ILLEGAL', Message: 'no' }),
    tooFast: json({ Code: 'Throttling.User', Message: 'too many' }, 400),
    isTemplate: true,
    textOf: () => '…',
    check: ({ url }) => {
      const query = new URL(url, 'http://x').searchParams
      assert.equal(query.get('CalledNumber'), '13800000000')
      assert.deepEqual(JSON.parse(query.get('TtsParam')!), { what: 'checkout is down' })
    },
  },
  'voice over Tencent Cloud': {
    key: 'voice_configs',
    settings: (address) => ({
      to: ['+8613800000000'],
      tencent: {
        endpoint: address,
        secret_id: 'id',
        secret_key: 'S3CR3T',
        voice_sdk_app_id: '1400000000',
        template_id: '1',
        template_params: ['{{ .CommonAnnotations.summary }}'],
      },
    }),
    success: json({
      Response: { SendStatus: { CallId: 'x', SessionContext: '' }, RequestId: 'r' },
    }),
    refusal: json({ Response: { Error: { Code: 'InvalidParameterValue.CalledNumber' } } }),
    tooFast: json({ Response: { Error: { Code: 'LimitExceeded.DeliveryFrequencyLimit' } } }),
    isTemplate: true,
    textOf: (body) => jsonOf(body).TemplateParamSet[0],
    lengthMax: 35,
    check: ({ headers, body }) => {
      assert.equal(headers['x-tc-action'], 'SendTts')
      assert.equal(jsonOf(body).CalledNumber, '+8613800000000')
      assert.match(headers.authorization!, /Credential=id\/2023-11-14\/vms\/tc3_request/)
    },
  },
  'voice over a gateway': {
    key: 'voice_configs',
    settings: (address) => ({
      to: ['+15550001'],
      http: { url: `${address}/S3CR3T-S3CR3T-S3CR3T` },
    }),
    success: { status: 200 },
    isTemplate: true,
    textOf: (body) => jsonOf(body).text,
    lengthMax: 500,
  },
  wechatofficial: {
    key: 'wechatofficial_configs',
    settings: (address) => ({
      api_url: address,
      app_id: 'wx1',
      app_secret: 'S3CR3T',
      template_id: 'T1',
      to_users: ['openid-1'],
      data: { thing1: '{{ .CommonAnnotations.summary }}' },
      value_length_max: 20,
    }),
    before: ({ url }) =>
      url.startsWith('/cgi-bin/token?grant_type=client_credential&appid=wx1&secret=S3CR3T')
        ? json({ access_token: 'S3CR3T-TOKEN', expires_in: 7_200 })
        : undefined,
    success: json({ errcode: 0, errmsg: 'ok', msgid: 1 }),
    refusal: json({ errcode: 43_004, errmsg: 'require subscribe' }),
    tooFast: json({ errcode: 45_009, errmsg: 'reach max api daily quota limit' }),
    isTemplate: true,
    textOf: (body) => jsonOf(body).data.thing1.value,
    lengthMax: 20,
    check: ({ url, body }) => {
      assert.equal(url, '/cgi-bin/message/template/send?access_token=S3CR3T-TOKEN')
      assert.deepEqual(jsonOf(body), {
        touser: 'openid-1',
        template_id: 'T1',
        url: 'http://ship.example/incidents/abc',
        data: { thing1: { value: 'checkout is down' } },
      })
    },
  },
  webpush: {
    key: 'webpush_configs',
    settings: () => ({ users: ['anna'] }),
    prepare: (records, address) =>
      records.pushes.save({
        endpoint: `${address}/S3CR3T-S3CR3T-S3CR3T`,
        owner: 'anna',
        createdBy: 'anna',
        label: 'phone',
        publicKey: browser.getPublicKey('base64url'),
        auth: browserAuth.toString('base64url'),
        createdTimeMs: 1,
      }),
    success: { status: 201 },
    isTemplate: true,
    textOf: (_body, raw) => jsonOf(decryptPush(raw)).body,
    bytesMax: 2_500,
    check: ({ url, headers, raw }) => {
      assert.equal(url, '/S3CR3T-S3CR3T-S3CR3T')
      assert.match(headers.authorization!, /^vapid t=.*, k=/)
      assert.equal(headers.urgency, 'high')
      const { title, body, actions } = jsonOf(decryptPush(raw))
      assert.match(title, /^\[FIRING:1\] Down/)
      assert.match(body, /checkout is down/)
      assert.equal(actions[0].url, 'http://ship.example/incidents/abc')
    },
  },
  victorops: {
    key: 'victorops_configs',
    settings: (address) => ({ api_url: address, api_key: 'S3CR3T', routing_key: 'ops' }),
    success: json({ result: 'success' }),
    refusal: json({ result: 'failure', messages: 'no such team' }),
    textOf: (body) => jsonOf(body).state_message,
    lengthMax: 20_480,
    check: ({ url, body }) => {
      assert.equal(url, '/S3CR3T/ops')
      assert.equal(jsonOf(body).message_type, 'CRITICAL')
      assert.match(jsonOf(body).entity_id, /^[0-9a-f]{64}$/)
    },
  },
  webhook: {
    key: 'webhook_configs',
    settings: (address) => ({
      url: `${address}/S3CR3T-S3CR3T-S3CR3T`,
      hmac: { secret: 'S3CR3T' },
      body: '{"say":{{ .CommonAnnotations.summary | toJson }}}',
    }),
    success: { status: 204 },
    textOf: (body) => jsonOf(body).say,
    check: ({ headers, body }) => {
      const seconds = Number(headers['x-shipwatch-timestamp'])
      assert.equal(headers['x-shipwatch-signature'], signWebhook('S3CR3T', seconds, body))
    },
  },
}

function makeAlert(summary: string): Alert {
  const labels = makeLabels({ alertname: 'Down', service: '<!channel><@all>', severity: 'page' })
  return {
    labels,
    annotations: makeLabels({
      summary,
      description: '<at id=all></at> [click](http://evil.example) <b>bold</b>',
      runbook_url: 'http://wiki.example/down',
    }),
    state: 'firing',
    firedTimeMs: startTimeMs,
    activeTimeMs: startTimeMs,
    endTimeMs: startTimeMs + 240_000,
    value: 0.08,
    generatorUrl: '',
    rule: undefined,
    fingerprint: labels.fingerprint(),
    updatedTimeMs: startTimeMs,
    held: undefined,
    receivers: ['team'],
  }
}

function makeNotification(change: Partial<Notification> & { summary?: string } = {}): Notification {
  const { summary = 'checkout is down', ...rest } = change
  const alert = makeAlert(summary)
  return {
    groupKey: '{}:{alertname="Down"}',
    status: 'firing',
    reason: 'first notification',
    receiver: 'team',
    groupLabels: makeLabels({ alertname: 'Down', service: '<!channel><@all>' }),
    commonLabels: alert.labels,
    commonAnnotations: alert.annotations,
    alerts: [alert],
    background: {
      incidentId: 'abc',
      incidentNumber: 12,
      cause: 'deployment checkout v1 → v2',
      url: 'http://ship.example/incidents/abc',
    },
    externalUrl: 'http://ship.example',
    ...rest,
  }
}

interface Stage {
  /** What was logged, as text. */
  logged: string[]
  calls: Call[]
  attempts: NotificationAttempt[]
  clock: VirtualClock
  answers: (Answer | 'silence')[]
  send(notification?: Notification): Promise<{ isDelivered: boolean; failures: string[] }>
}

/** A notifier with one channel, and its service, which answers `answers` in turn, then success. */
async function open(t: TestContext, one: Manners, change: object = {}): Promise<Stage> {
  const stage = {
    calls: [] as Call[],
    answers: [] as (Answer | 'silence')[],
    logged: [] as string[],
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const raw = Buffer.concat(chunks)
      const call = { method, url, headers, body: raw.toString('utf8'), raw }
      let answer: Answer | 'silence' | undefined = one.before?.(call)
      if (answer === undefined) {
        stage.calls.push(call)
        answer = stage.answers.shift() ?? one.success
      }
      if (answer === 'silence') return
      response.writeHead(answer.status, { connection: 'close', ...answer.headers })
      response.end(answer.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const clock = new VirtualClock(startTimeMs)
  const records = new MemoryRecords()
  const address = `${(change as { scheme?: string }).scheme ?? 'http'}://127.0.0.1:${port}`
  await one.prepare?.(records, address)
  const { scheme: _scheme, ...more } = change as { scheme?: string }
  const receivers = [{ name: 'team', [one.key]: [{ ...one.settings(address), ...more }] }]
  const settings = {
    ...z.object(notifySettings.top).parse({ receivers, notify: { push_private_addresses: true } }),
    global: z.object(notifySettings.global).parse({}),
  }
  const note = (fields: object, message: string) => {
    stage.logged.push(`${JSON.stringify(fields)} ${message}`)
  }
  const log: Log = { ...silentLog, debug: note, info: note, warn: note, error: note }
  const notifier = new Notifier({ settings, records, clock, log, random: () => 0.5 })
  const attempts: NotificationAttempt[] = []
  notifier.onAttempt((attempt) => attempts.push(attempt))
  t.after(() => notifier.stop())
  const never = new AbortController().signal
  return {
    ...stage,
    attempts,
    clock,
    send: (notification = makeNotification()) => notifier.send(notification, never),
  }
}

/** Sends, waits for the first attempt to fail for now, and lets the pause pass. */
async function sendThroughPause(stage: Stage, spanMs: number): Promise<boolean> {
  let isDone = false
  const sending = stage.send().finally(() => {
    isDone = true
  })
  const endMs = performance.now() + 30_000
  while (stage.attempts.length === 0 && performance.now() < endMs)
    await new Promise((resolve) => setImmediate(resolve))
  assert.equal(stage.attempts[0]?.outcome, 'retrying', stage.attempts[0]?.answer)
  assert.equal(isDone, false)
  // On a slow machine a further attempt may be too slow as well; it has a pause of its own.
  while (!isDone && performance.now() < endMs) {
    await stage.clock.advance(spanMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return (await sending).isDelivered
}

for (const [kind, one] of Object.entries(manners)) {
  test(`${kind}: a message arrives and says what, since when, why, where and what to do`, async (t) => {
    const stage = await open(t, one)
    const delivery = await stage.send()
    assert.deepEqual(delivery.failures, [])
    const [call] = stage.calls
    one.check?.(call!)
    if (kind === 'webhook' || one.isTemplate === true) return
    const said = decodeURIComponent(call!.body.replace(/\+/g, ' ').replace(/%(?![0-9A-F]{2})/g, ''))
    assert.match(said, /checkout is down/)
    assert.match(said, /2023-11-14[T ]22:13:20/)
    assert.match(said, /deployment checkout v1 → v2/)
    assert.match(said, /ship\.example\/incidents\/abc/)
    assert.match(said, /wiki\.example\/down/)
  })

  test(`${kind}: a refusal is final, what may pass is tried again, and no secret shows`, async (t) => {
    const refused = await open(t, one)
    refused.answers.push({ status: 400, body: 'S3CR3T-S3CR3T-S3CR3T S3CR3T is wrong' })
    const delivery = await refused.send()
    assert.equal(delivery.isDelivered, false)
    assert.equal(refused.calls.length, 1)
    assert.ok(refused.logged.length > 0)
    const shown = JSON.stringify([refused.attempts, delivery.failures, refused.logged])
    assert.match(shown, /is wrong/)
    assert.ok(!shown.replace(kind, '').includes('S3CR3T-'), shown)

    const broken = await open(t, one)
    broken.answers.push({ status: 503 })
    assert.equal(await sendThroughPause(broken, 1_000), true)
    assert.equal(broken.calls.length, 2)

    const held = await open(t, one)
    held.answers.push({ status: 429, headers: { 'retry-after': '120' } })
    let isDone = false
    const sending = held.send().then(({ isDelivered }) => {
      isDone = isDelivered
    })
    while (held.attempts.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await held.clock.advance(119_000)
    assert.equal(isDone, false, 'Retry-After is kept')
    await held.clock.advance(2_000)
    await sending
    assert.equal(isDone, true)
  })

  test(`${kind}: silence and a broken TLS are failures of the way and tried again`, async (t) => {
    const silent = await open(t, one, { timeout: '100ms' })
    silent.answers.push('silence')
    assert.equal(await sendThroughPause(silent, 1_000), true)
    assert.match(silent.attempts[0]!.answer, /did not answer within 100 ms/)

    // A server without TLS: the handshake fails, and the message is not sent in the clear.
    const plain = await open(t, one, { scheme: 'https' })
    const sending = plain.send()
    while (plain.attempts.length === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(plain.attempts[0]!.outcome, 'retrying')
    assert.match(plain.attempts[0]!.answer, /cannot be reached/)
    assert.equal(plain.calls.length, 0)
    void sending
  })

  if (one.refusal !== undefined) {
    test(`${kind}: HTTP 200 with an error in the body is no success`, async (t) => {
      const stage = await open(t, one)
      stage.answers.push(one.refusal!)
      assert.equal((await stage.send()).isDelivered, false)
      assert.equal(stage.attempts.length, 1)
      if (one.tooFast === undefined) return
      const fast = await open(t, one)
      fast.answers.push(one.tooFast)
      assert.equal(await sendThroughPause(fast, 121_000), true)
    })
  }

  test(`${kind}: a long text is cut between characters, and labels do not become markup`, async (t) => {
    const stage = await open(t, one)
    const summary = `x${'🚢'.repeat(20_000)}`
    const groupLabels = makeLabels({ alertname: 'Down', service: summary })
    assert.deepEqual((await stage.send(makeNotification({ summary, groupLabels }))).failures, [])
    const text = one.textOf(stage.calls[0]!.body, stage.calls[0]!.raw)
    assert.ok(text.isWellFormed() && !text.includes('\ufffd'), 'whole characters')
    if (one.bytesMax !== undefined) assert.ok(Buffer.byteLength(text) <= one.bytesMax)
    if (one.lengthMax !== undefined) assert.ok(text.length <= one.lengthMax)
    if (one.isTextFull === true) return
    if (one.bytesMax !== undefined || one.lengthMax !== undefined) assert.ok(text.includes('…'))
    if (one.markup === undefined) return
    const marked = await open(t, one)
    await marked.send()
    assert.doesNotMatch(one.textOf(marked.calls[0]!.body, marked.calls[0]!.raw), one.markup)
  })
}

test('the signatures are the golden ones', () => {
  assert.equal(
    signFeishu('feishu-secret', 1_700_000_000),
    'OrBzY1Y01Gq+HgJsl+7OfWcMVwc7YocohQm5iiZwjhU=',
  )
  // The published example of Alibaba Cloud.
  const query = canonicalQuery({
    RegionId: 'cn-shanghai',
    ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd',
  })
  const { authorization } = signAcs3({
    accessKeyId: 'YourAccessKeyId',
    accessKeySecret: 'YourAccessKeySecret',
    host: 'ecs.cn-shanghai.aliyuncs.com',
    query,
    headers: {
      'x-acs-action': 'RunInstances',
      'x-acs-version': '2014-05-26',
      'x-acs-date': '2023-10-26T10:22:32Z',
      'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
    },
  })
  assert.match(
    authorization!,
    /Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0$/,
  )
  // Of Amazon's published suite of signatures, "post-x-www-form-urlencoded".
  const amazon = signAws(
    {
      url: 'https://example.amazonaws.com/',
      region: 'us-east-1',
      service: 'service',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Param1=value1',
      timeMs: Date.parse('2015-08-30T12:36:00Z'),
    },
    { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  )
  assert.match(
    amazon.authorization!,
    /Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a$/,
  )
  // The published example of Tencent Cloud.
  const tencent = signTc3({
    secretId: 'AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******',
    secretKey: 'Gu5t9xGARNpq86cd98joQYCN3*******',
    service: 'cvm',
    seconds: 1_551_113_065,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      host: 'cvm.tencentcloudapi.com',
    },
    body: '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
  })
  assert.match(
    tencent,
    /Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c$/,
  )
})

test('PagerDuty hears the end under the key of the beginning', async (t) => {
  const stage = await open(t, manners.pagerduty!)
  await stage.send()
  await stage.send(makeNotification({ status: 'resolved' }))
  const [begin, end] = stage.calls.map((call) => jsonOf(call.body))
  assert.equal(end.event_action, 'resolve')
  assert.equal(end.dedup_key, begin.dedup_key)
  assert.equal(end.routing_key, begin.routing_key)
})

test('each number gets its SMS once, although another one has to be tried again', async (t) => {
  const stage = await open(t, manners['sms over a gateway']!, { to: ['+15550001', '+15550002'] })
  stage.answers.push({ status: 200 }, { status: 503 })
  assert.equal(await sendThroughPause(stage, 1_000), true)
  assert.deepEqual(
    stage.calls.map(({ body }) => jsonOf(body).to),
    ['+15550001', '+15550002', '+15550002'],
  )
})

test('Opsgenie closes the alert that it opened', async (t) => {
  const stage = await open(t, manners.opsgenie!)
  await stage.send()
  await stage.send(makeNotification({ status: 'resolved' }))
  const { alias } = jsonOf(stage.calls[0]!.body)
  assert.equal(stage.calls[1]!.url, `/v2/alerts/${alias}/close?identifierType=alias`)
})

test('HTML that Telegram cannot read goes out as plain text', async (t) => {
  const stage = await open(t, manners.telegram!)
  const description = "Bad Request: can't parse entities: unsupported start tag"
  stage.answers.push(json({ ok: false, error_code: 400, description }, 400))
  assert.equal((await stage.send()).isDelivered, true)
  const { parse_mode, text } = jsonOf(stage.calls[1]!.body)
  assert.equal(parse_mode, undefined)
  assert.match(text, /service=<!channel><@all>/)
})

/** A token under the names of every service. */
const namesOfToken = (token: string): object => ({
  access_token: token,
  tenant_access_token: token,
  accessToken: token,
  expires_in: 7_200,
  expire: 7_200,
  expireIn: 7_200,
})
const errcode = json({ errcode: 42_001, errmsg: 'access_token expired' })
for (const [kind, path, expired] of [
  ['wechat', 'gettoken', errcode],
  ['wechatofficial', 'cgi-bin/token', errcode],
  ['feishuapp', 'tenant_access_token', json({ code: 99_991_663, msg: 'token invalid' }, 400)],
  ['dingtalkapp', 'oauth2', json({ code: 'InvalidAuthentication', message: 'no' }, 400)],
] as const) {
  test(`a token that ${kind} refuses is fetched anew, one that it takes is kept`, async (t) => {
    let tokenCount = 0
    const one: Manners = {
      ...manners[kind]!,
      before: ({ url }) =>
        url.includes(path)
          ? json({ ...namesOfToken(`token-${++tokenCount}`), errcode: 0, code: 0 })
          : undefined,
    }
    const stage = await open(t, one)
    await stage.send()
    await stage.send()
    assert.equal(tokenCount, 1)
    stage.answers.push(expired)
    assert.equal((await stage.send()).isDelivered, true)
    assert.equal(tokenCount, 2)
    const { url, headers } = stage.calls.at(-1)!
    assert.match(`${url} ${JSON.stringify(headers)}`, /token-2/)
  })
}

test('Jira keeps one issue for a group: changed, closed and opened again by its transitions', async (t) => {
  let status = { statusCategory: { key: 'new' } }
  const one: Manners = {
    ...manners.jira!,
    before: ({ method, url }) => {
      if (url.endsWith('/search')) return json({ issues: [{ key: 'OPS-1', fields: { status } }] })
      if (method !== 'GET') return undefined
      const transitions = [
        { id: '31', name: 'Done' },
        { id: '41', name: 'Reopen' },
      ]
      return json({ transitions })
    },
  }
  const transitions = { resolve_transition: 'Done', reopen_transition: 'Reopen' }
  const stage = await open(t, one, transitions)
  await stage.send(makeNotification({ status: 'resolved' }))
  status = { statusCategory: { key: 'done' } }
  await stage.send()
  assert.deepEqual(
    stage.calls.map(({ method, url, body }) => [method, url, jsonOf(body).transition?.id]),
    [
      ['PUT', '/rest/api/2/issue/OPS-1', undefined],
      ['POST', '/rest/api/2/issue/OPS-1/transitions', '31'],
      ['PUT', '/rest/api/2/issue/OPS-1', undefined],
      ['POST', '/rest/api/2/issue/OPS-1/transitions', '41'],
    ],
  )
})

test('Slack changes the message that stands, and writes anew once it is gone or over', async (t) => {
  const app = (address: string) => ({
    app_token: 'S3CR3T',
    app_url: `${address}/api/chat.postMessage`,
    channel: '#ops',
    update_message: true,
    send_resolved: true,
  })
  const stage = await open(t, { ...manners.slack!, settings: app })
  const posted = (ts: string): Answer => json({ ok: true, channel: 'C1', ts })
  const gone = json({ ok: false, error: 'message_not_found' })
  stage.answers.push(posted('1'), posted('1'), gone, posted('2'), posted('2'), posted('3'))
  for (let count = 0; count < 3; count++) await stage.send()
  await stage.send(makeNotification({ status: 'resolved' }))
  await stage.send()
  assert.deepEqual(
    stage.calls.map(({ url, body }) => [url, jsonOf(body).ts]),
    [
      ['/api/chat.postMessage', undefined],
      ['/api/chat.update', '1'],
      ['/api/chat.update', '1'],
      ['/api/chat.postMessage', undefined],
      ['/api/chat.update', '2'],
      ['/api/chat.postMessage', undefined],
    ],
  )
})

test('who can acknowledge has a button for it where there are buttons', async (t) => {
  const acknowledge = {
    url: 'http://ship.example/ack/t0ken',
    gatherUrl: 'http://ship.example/gather/t0ken',
    gatewayUrl: 'http://ship.example/gateway/t0ken',
    token: 't0ken',
    pageId: 'p1',
    acknowledgedBy: '',
  }
  for (const kind of Object.keys(manners)) {
    const one = manners[kind]!
    const isWithout = kind === 'webhook'
    if (one.isTemplate === true || isWithout) continue
    const stage = await open(t, one)
    await stage.send(makeNotification({ acknowledge }))
    const body = decodeURIComponent(stage.calls[0]!.body.replace(/%(?![0-9A-F]{2})/g, ''))
    assert.match(body, /ship\.example\/ack\/t0ken/, kind)
  }
  const interactive = await open(t, manners.slack!, { interactive: true })
  await interactive.send(makeNotification({ acknowledge }))
  const [button] = jsonOf(interactive.calls[0]!.body).attachments[0].actions
  assert.deepEqual([button.value, button.url], ['ack:t0ken', undefined])
})

test('a message arrives also where Telegram refuses the addresses of its buttons', async (t) => {
  const stage = await open(t, manners.telegram!)
  const description = 'Bad Request: BUTTON_URL_INVALID'
  stage.answers.push(json({ ok: false, error_code: 400, description }, 400))
  assert.equal((await stage.send()).isDelivered, true)
  const [first, second] = stage.calls.map(({ body }) => jsonOf(body))
  assert.equal(first.reply_markup.inline_keyboard[0][0].url, 'http://ship.example/incidents/abc')
  assert.equal(second.reply_markup, undefined)
  assert.equal(second.parse_mode, 'HTML')
})

test('a call asks for a key where the matter can be taken on, and says it twice', async (t) => {
  const acknowledge = {
    url: 'http://ship.example/ack/t0ken',
    gatherUrl: 'http://ship.example/gather/t0ken',
    gatewayUrl: 'http://ship.example/gateway/t0ken',
    token: 't0ken',
    pageId: 'p1',
    acknowledgedBy: '',
  }
  const twilio = await open(t, manners['voice over Twilio']!)
  await twilio.send(makeNotification({ acknowledge, language: 'zh' }))
  const twiml = new URLSearchParams(twilio.calls[0]!.body).get('Twiml')!
  const gathers = twiml.match(
    /<Gather numDigits="1" [^>]*action="http:\/\/ship\.example\/gather\/t0ken">/g,
  )
  assert.equal(gathers?.length, 2)
  assert.match(twiml, /<Say language="zh-CN">按 1 认领，按 2 升级。<\/Say><\/Gather>/)
  const aliyun = await open(t, manners['voice over Alibaba Cloud']!)
  await aliyun.send(makeNotification({ acknowledge }))
  const aliyunQuery = new URL(aliyun.calls[0]!.url, 'http://x').searchParams
  assert.match(aliyunQuery.get('OutId')!, /^[\w-]{14}$/)
  const { settings } = manners['voice over Alibaba Cloud']!
  const asking = await open(t, {
    ...manners['voice over Alibaba Cloud']!,
    settings: (address) => {
      const { aliyun, ...rest } = settings(address) as { aliyun: object }
      const menu = { acknowledge_code: 'TTS_2', escalate_code: 'TTS_3', bye_code: 'TTS_4' }
      return { ...rest, aliyun: { ...aliyun, called_show_number: '0571000', menu } }
    },
  })
  await asking.send(makeNotification({ acknowledge }))
  await asking.send(makeNotification())
  const [asked, plain] = asking.calls.map(({ url, headers }) => ({
    action: headers['x-acs-action'],
    query: Object.fromEntries(new URL(url, 'http://x').searchParams),
  }))
  assert.equal(plain!.action, 'SingleCallByTts', 'nothing can be taken on')
  assert.equal(asked!.action, 'IvrCall')
  const { OutId: outId, ...query } = asked!.query
  assert.match(outId!, /^[\w-]{14}$/)
  const said = query['StartTtsParams']!
  assert.deepEqual(JSON.parse(said), { what: 'checkout is down' })
  assert.deepEqual(query, {
    CalledNumber: '13800000000',
    CalledShowNumber: '0571000',
    StartCode: 'TTS_1',
    StartTtsParams: said,
    PlayTimes: '2',
    Timeout: '5000',
    ByeCode: 'TTS_4',
    'MenuKeyMap.1.Key': '1',
    'MenuKeyMap.1.Code': 'TTS_2',
    'MenuKeyMap.1.TtsParams': said,
    'MenuKeyMap.2.Key': '2',
    'MenuKeyMap.2.Code': 'TTS_3',
    'MenuKeyMap.2.TtsParams': said,
  })
  const gateway = await open(t, manners['voice over a gateway']!)
  await gateway.send(makeNotification({ acknowledge }))
  assert.equal(jsonOf(gateway.calls[0]!.body).gatherUrl, acknowledge.gatewayUrl)
})
