/**
 * DingTalk group robot: a markdown message, signed when the robot has a secret. DingTalk answers HTTP
 * 200 with an error code in the body, takes 20 messages a minute from a robot and mutes it for up to
 * ten minutes when there are more; so we keep count ourselves.
 * Signature: base64(HMAC-SHA256(key = secret, message = timestamp + "\n" + secret)), timestamp in ms.
 */

import { createHmac } from 'node:crypto'
import { durationOr, flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import {
  defineChannel,
  describeReply,
  isHttpUrl,
  revealSecret,
  SendFailure,
  sendRequest,
} from './channel.ts'

/** What a robot takes. */
const robotLimit = { count: 20, spanMs: 60_000 }
/** The limit of DingTalk's body is 20,000 bytes; the rest is for the frame. */
const textBytesMax = 18_000
const sendTooFast = 130_101

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: secret('Address of the robot, with its access_token.').optional(),
    url_file: text('A file with the address.').optional(),
    secret: secret('The secret of a robot that checks signatures; begins with SEC.').optional(),
    secret_file: text('A file with the secret.').optional(),
    at: z
      .strictObject({
        mobiles: z
          .array(z.union([z.string(), z.number()]).transform(String))
          .default([])
          .meta({ description: 'Mobile numbers of people to call.', typeText: 'list of numbers' }),
        all: flagOr(false, 'Calls everybody in the group.'),
      })
      .prefault({})
      .meta({ description: 'Who is called by name in the message.' }),
    title: textOr('{{ template "dingtalk.default.title" . }}', 'The title, a template.'),
    text: textOr('{{ template "dingtalk.default.text" . }}', 'The message, a template.'),
    timeout: durationOr('10s', 'How long one attempt may take.'),
  })
  .superRefine((config, context) => {
    if ((config.url === undefined) === (config.url_file === undefined))
      context.addIssue({ code: 'custom', message: 'needs either "url" or "url_file"' })
    if (config.url !== undefined && !isHttpUrl(config.url.reveal()))
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: 'must be an http or https address',
      })
  })

/** DingTalk group robots. */
export const dingtalk = defineChannel({
  kind: 'dingtalk',
  settingsKey: 'dingtalk_configs',
  schema,
  make: (settings, tools) => ({
    sendsResolved: settings.send_resolved,
    secrets: () => {
      const url = settings.url?.reveal() ?? ''
      const token = isHttpUrl(url) ? new URL(url).searchParams.get('access_token') : ''
      return [url, token ?? '', settings.secret?.reveal() ?? '']
    },
    send: async (message) => {
      const url = revealSecret(settings.url, settings.url_file)
      const waitMs = tools.buckets.take(`dingtalk ${url}`, robotLimit)
      if (waitMs > 0) {
        throw new SendFailure('held back: a robot takes 20 messages a minute', {
          reason: 'rate-limited',
          canRetry: true,
          retryAfterMs: waitMs,
        })
      }
      const secretText = revealSecret(settings.secret, settings.secret_file)
      const title = message.render(settings.title, {
        escape: 'none',
        fallback: 'dingtalk.default.title',
      })
      const body = message.render(settings.text, {
        escape: 'none',
        fallback: 'dingtalk.default.text',
      })
      const calls = settings.at.mobiles.map((mobile) => `@${mobile}`).join(' ')
      const reply = await sendRequest({
        method: 'POST',
        url: secretText === '' ? url : signUrl(url, secretText, tools.clock.nowTimeMs()),
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({
          msgtype: 'markdown',
          markdown: {
            title,
            text: cutBytes(body, textBytesMax) + (calls === '' ? '' : `\n\n${calls}`),
          },
          at: { atMobiles: settings.at.mobiles, isAtAll: settings.at.all },
        }),
        timeoutMs: settings.timeout,
      })
      checkAnswer(reply.body.toString('utf8'), describeReply(reply))
      return describeReply(reply)
    },
  }),
})

/** The signature of a request at `timeMs`, base64. */
export function signDingtalk(secretText: string, timeMs: number): string {
  return createHmac('sha256', secretText).update(`${timeMs}\n${secretText}`).digest('base64')
}

function signUrl(url: string, secretText: string, timeMs: number): string {
  const signed = new URL(url)
  signed.searchParams.set('timestamp', String(timeMs))
  signed.searchParams.set('sign', signDingtalk(secretText, timeMs))
  return signed.href
}

/** HTTP 200 is no success by itself. */
function checkAnswer(body: string, shown: string): void {
  let code: unknown
  try {
    code = (JSON.parse(body) as { errcode?: unknown } | null)?.errcode
  } catch {
    code = undefined
  }
  if (code === 0) return
  if (code === sendTooFast) {
    throw new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs: 60_000 })
  }
  if (typeof code !== 'number') {
    throw new SendFailure(`no errcode in the answer: ${shown}`, { reason: 'other', canRetry: true })
  }
  // -1 is "system busy"; 310000 is signature, keyword or address refused.
  if (code === -1) throw new SendFailure(shown, { reason: 'server-error', canRetry: true })
  throw new SendFailure(shown, {
    reason: code === 310_000 ? 'auth' : 'client-error',
    canRetry: false,
  })
}

/** At most `bytesMax` bytes of UTF-8, cut between characters. */
function cutBytes(message: string, bytesMax: number): string {
  if (Buffer.byteLength(message) <= bytesMax) return message
  const { read } = new TextEncoder().encodeInto(message, new Uint8Array(bytesMax - 3))
  return `${message.slice(0, read)}…`
}
