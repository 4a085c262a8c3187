/**
 * `/callbacks`: buttons of chats, keys of telephones, and what telephone services tell later. Buttons and
 * keys carry the token of their message as `ack:<token>` or `esc:<token>` (a bare token acknowledges);
 * chats and Twilio must prove who they are as well.
 *
 *   slack               interactivity of an app: a form with `payload`, signed
 *   telegram            a callback query of a bot, with the secret token of its webhook
 *   twilio/:token       `<Gather>`, signed: form field `Digits`, 1 acknowledges, 2 escalates; answers TwiML
 *   gateway/:token      the same for a gateway of the user's own, which signs nothing
 *   twilio-receipt/:id  what became of an SMS or a call, signed: `MessageStatus` or `CallStatus`
 *   aliyun              receipts of SMS and calls: `out_id` is the id of the receipt, `dtmf` the key
 *
 * Sources: Slack, "Verifying requests from Slack"; Telegram Bot API, setWebhook; Twilio, "Webhooks security",
 * "Messages" and "Calls" status call-backs; Alibaba Cloud, SmsReport and VoiceReport over HTTP.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSlackSigned, isTelegramSigned } from '../../alert/alert.ts'
import { apiRoot } from '../../api/api.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import { z } from '../../config/schema.ts'
import { serverErrors } from '../errors.ts'
import { requestsRefused } from '../metrics.ts'
import { bodyOf, parametersOf, pathPart } from '../request.ts'
import type { RouteContext } from './route.ts'

const bodyBytesMax = 256 * 1024
/** Receipts of one call that are looked at. */
const receiptCountMax = 100

const slackPayload = z.object({
  user: z.object({ name: z.string().optional(), username: z.string().optional() }).optional(),
  actions: z
    .array(z.object({ value: z.string().optional() }))
    .max(25)
    .default([]),
})
const telegramUpdate = z.object({
  callback_query: z
    .object({
      id: z.string(),
      data: z.string().default(''),
      from: z.object({ username: z.string().optional(), first_name: z.string().optional() }),
    })
    .optional(),
})
const word = z.union([z.string(), z.number(), z.boolean()]).transform(String).default('')
const aliyunReceipt = z.object({
  out_id: z.string().default(''),
  dtmf: word,
  /** Of a call: 200000 when somebody took it. */
  status_code: word,
  status_msg: word,
  /** Of an SMS. */
  success: word,
  err_code: word,
  err_msg: word,
})

/** Adds the routes of buttons and key-presses. */
export function addCallbackRoutes(app: FastifyInstance, context: RouteContext): void {
  const { alerts, clock } = context.parts
  const options = { bodyLimit: bodyBytesMax, config: { access: 'open' as const } }
  const root = `${apiRoot}/callbacks`
  const press = (request: FastifyRequest, wish: Wish): Promise<string> =>
    pressButton(context, request, wish)

  app.post(`${root}/slack`, options, async (request) => {
    const isSigned = isSlackSigned(
      alerts.acknowledgeSettings(),
      {
        timestamp: String(request.headers['x-slack-request-timestamp'] ?? ''),
        signature: String(request.headers['x-slack-signature'] ?? ''),
        body: bodyOf(request),
      },
      clock.nowTimeMs(),
    )
    checkSigned(isSigned, 'Slack')
    const payload = read(slackPayload, parametersOf(request).get('payload') ?? '')
    const actor = payload.user?.username ?? payload.user?.name ?? 'Slack'
    const value = payload.actions.find((action) => action.value !== undefined)?.value ?? ''
    const text = await press(request, { ...readWish(value), actor, place: 'Slack' })
    return { response_type: 'ephemeral', replace_original: false, text }
  })

  app.post(`${root}/telegram`, options, async (request) => {
    const token = String(request.headers['x-telegram-bot-api-secret-token'] ?? '')
    checkSigned(isTelegramSigned(alerts.acknowledgeSettings(), token), 'Telegram')
    const query = read(telegramUpdate, bodyOf(request).toString('utf8')).callback_query
    if (query === undefined) return {}
    const actor = query.from.username ?? query.from.first_name ?? 'Telegram'
    const text = await press(request, { ...readWish(query.data), actor, place: 'Telegram' })
    // Telegram takes a call of its API as the answer.
    return { method: 'answerCallbackQuery', callback_query_id: query.id, text: text.slice(0, 200) }
  })

  const answerKey = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const digits = parametersOf(request).get('Digits') ?? ''
    const wish = readDigits(digits, pathPart(request, 'token'))
    const said =
      wish === undefined ? 'Nothing was done. Goodbye.' : await press(request, fromPhone(wish))
    return reply
      .type('text/xml; charset=utf-8')
      .send(`<?xml version="1.0"?><Response><Say>${escapeXml(said)}</Say><Hangup/></Response>`)
  }
  app.post(`${root}/gateway/:token`, options, answerKey)
  app.post(`${root}/twilio/:token`, options, async (request, reply) => {
    checkTwilio(context, request)
    return answerKey(request, reply)
  })

  app.post(`${root}/twilio-receipt/:id`, options, async (request, reply) => {
    checkTwilio(context, request)
    const receipt = readTwilioReceipt(parametersOf(request))
    if (receipt !== undefined)
      context.parts.notifier.receipts.take(pathPart(request, 'id'), receipt)
    return reply.code(204).send()
  })

  app.post(`${root}/aliyun`, options, async (request) => {
    const body = bodyOf(request).toString('utf8')
    const given = read(z.union([z.array(aliyunReceipt).max(receiptCountMax), aliyunReceipt]), body)
    const { receipts } = context.parts.notifier
    for (const one of Array.isArray(given) ? given : [given]) {
      const wish = readDigits(one.dtmf, receipts.tokenOf(one.out_id) ?? one.out_id)
      if (wish !== undefined) await press(request, fromPhone(wish))
      const receipt = readAliyunReceipt(one)
      if (receipt !== undefined) receipts.take(one.out_id, receipt)
    }
    return { code: 0, msg: 'OK' }
  })
}

function fromPhone(wish: Pick<Wish, 'token' | 'action'>): Wish {
  return { ...wish, actor: 'telephone', place: 'the telephone' }
}

/** Throws `SERVER_CALLBACK_REFUSED`. */
function checkTwilio({ parts }: RouteContext, request: FastifyRequest): void {
  const isSigned = parts.notifier.isTwilioCall({
    // The address that Twilio was given, whatever a proxy makes of it.
    url: parts.externalUrl.replace(/\/$/, '') + request.url,
    form: new URLSearchParams(bodyOf(request).toString('utf8')),
    signature: String(request.headers['x-twilio-signature'] ?? ''),
  })
  checkSigned(isSigned, 'Twilio', 'no receiver has an account there')
}

/** The last word about an SMS or a call; `undefined` while it is on its way. */
function readTwilioReceipt(
  form: URLSearchParams,
): { isDelivered: boolean; answer: string } | undefined {
  const status = form.get('MessageStatus') ?? form.get('CallStatus') ?? form.get('SmsStatus') ?? ''
  const isDelivered = ['delivered', 'read', 'completed'].includes(status)
  const isLost = ['undelivered', 'failed', 'busy', 'no-answer', 'canceled'].includes(status)
  if (!isDelivered && !isLost) return undefined
  const code = form.get('ErrorCode') ?? ''
  return { isDelivered, answer: code === '' ? status : `${status}, error ${code}` }
}

function readAliyunReceipt(
  one: z.output<typeof aliyunReceipt>,
): { isDelivered: boolean; answer: string } | undefined {
  if (one.status_code !== '') {
    const answer = `${one.status_code} ${one.status_msg}`.trim()
    return { isDelivered: one.status_code === '200000', answer }
  }
  if (one.success === '') return undefined
  return { isDelivered: one.success === 'true', answer: `${one.err_code} ${one.err_msg}`.trim() }
}

interface Wish {
  token: string
  action: 'acknowledge' | 'escalate'
  /** Who it is, when the token does not say. */
  actor: string
  place: string
}

/** Does what the button says; answers a sentence for whoever pressed it. */
async function pressButton(
  context: RouteContext,
  request: FastifyRequest,
  wish: Wish,
): Promise<string> {
  const { pages } = context.parts.alerts
  try {
    const { page, person } = await pages.readToken(wish.token)
    const actor = person || wish.actor
    const act = { actor, reason: `By ${wish.place}.` }
    request.principal = { ...request.principal, actor }
    await pages[wish.action](page.id, act)
    context.audit(request, `page-${wish.action}`, { id: page.id })
    return wish.action === 'acknowledge'
      ? `${actor} acknowledged: ${page.title}`
      : `${actor} escalated: ${page.title}`
  } catch (thrown) {
    // Who pressed must read why; the other side would only call again.
    if (thrown instanceof CodedError) return `${thrown.message} ${thrown.hint}`
    throw thrown
  }
}

function readWish(value: string): Pick<Wish, 'token' | 'action'> {
  const match = /^(ack|esc):(.*)$/s.exec(value)
  return match?.[1] === 'esc'
    ? { token: match[2]!, action: 'escalate' }
    : { token: match?.[2] ?? value, action: 'acknowledge' }
}

function readDigits(digits: string, token: string): Pick<Wish, 'token' | 'action'> | undefined {
  if (digits === '1') return { token, action: 'acknowledge' }
  return digits === '2' ? { token, action: 'escalate' } : undefined
}

/** Throws `SERVER_CALLBACK_REFUSED`. */
function checkSigned(
  isSigned: boolean | undefined,
  source: string,
  missing = 'its secret is not configured under "acknowledge"',
): void {
  if (isSigned === true) return
  requestsRefused.inc({ reason: 'signature' })
  const reason = isSigned === undefined ? missing : 'its signature is wrong or too old'
  throw serverErrors.CALLBACK_REFUSED({ source, reason })
}

function read<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw serverErrors.REQUEST_INVALID({ problems: `it is not JSON (${messageOf(thrown)})` })
  }
  const result = schema.safeParse(value)
  if (!result.success)
    throw serverErrors.REQUEST_INVALID({ problems: result.error.issues[0]?.message ?? '' })
  return result.data
}

function escapeXml(value: string): string {
  return value
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '')
}
