/**
 * Feishu and Lark as an application that writes to people or groups, with the chart in the card. The
 * application's token is kept until shortly before it ends, and fetched anew when it is refused. Answers
 * carry `code`, whatever the status.
 * Source: Feishu open platform, "tenant_access_token", "send a message", "upload an image".
 */

import type { HttpReply } from '../../base/http-client.ts'
import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { AccessToken, RefusedToken } from '../access-token.ts'
import { cutBytes } from '../cut-text.ts'
import { makeFeishuCard } from '../feishu-card.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { chartsTotal } from '../metrics.ts'
import { makeMultipart } from '../multipart.ts'
import { sendToEach } from '../phone/each-number.ts'
import { defineChannel, type OutgoingMessage, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import {
  type ChannelRequest,
  describeReply,
  readAnswer,
  SendFailure,
  sendRequest,
} from '../send-request.ts'

/** A card may have 30 KB; line breaks and quotes take more in JSON within JSON. */
const textBytesMax = 12_000
const titleBytesMax = 500
const refusedTokenCodes = new Set([99_991_661, 99_991_663, 99_991_664, 99_991_668, 99_991_671])
const tooFastCodes = new Set([99_991_400, 230_020, 11_232])
const authCodes = new Set([...refusedTokenCodes, 10_003, 10_014, 99_991_672, 99_991_679])

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: textOr('https://open.feishu.cn/', 'Address of Feishu, or of Lark.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    app_id: text('Id of the application.'),
    app_secret: secret('Secret of the application.').optional(),
    app_secret_file: text('A file with the secret.').optional(),
    receive_id_type: z
      .enum(['open_id', 'user_id', 'union_id', 'email', 'chat_id'])
      .default('open_id')
      .meta({ description: 'What the ids in "to" are.', defaultText: 'open_id' }),
    to: z
      .array(z.string().min(1))
      .min(1, 'needs at least one receiver')
      .max(100)
      .meta({ description: 'People or groups.', typeText: 'list' }),
    title: textOr('{{ template "feishu.default.title" . }}', 'The title, a template.'),
    text: textOr('{{ template "feishu.default.text" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'app_secret', context, { isRequired: true })
  })

type FeishuAppSettings = z.output<typeof schema>

/** Feishu applications. */
export const feishuapp = defineChannel({
  kind: 'feishuapp',
  settingsKey: 'feishuapp_configs',
  schema,
  make: (settings, tools) => {
    const appSecret = { value: settings.app_secret, file: settings.app_secret_file }
    const api = settings.api_url.replace(/\/?$/, '/open-apis/')
    const shared = {
      method: 'POST',
      ...reachBy(settings, tools.clock),
    } as const
    const token = new AccessToken(tools.clock, async () => {
      const reply = await sendRequest({
        ...shared,
        url: `${api}auth/v3/tenant_access_token/internal`,
        headers: jsonHeaders,
        body: JSON.stringify({
          app_id: settings.app_id,
          app_secret: revealSecret(appSecret.value, appSecret.file),
        }),
      })
      checkCode(reply)
      const { tenant_access_token, expire } = readAnswer(reply) ?? {}
      return { text: String(tenant_access_token), lifeSeconds: Number(expire ?? 7_200) }
    })
    /** A refused token comes with HTTP 400 and a code; so statuses are judged by their code first. */
    const post = async (request: Pick<ChannelRequest, 'url' | 'headers' | 'body'>) => {
      const reply = await token.use(
        (tokenText) => {
          const headers = { ...request.headers, authorization: `Bearer ${tokenText}` }
          return sendRequest({ ...shared, ...request, headers }, keepRefusedToken)
        },
        (answer) => refusedTokenCodes.has(Number(readAnswer(answer)?.code)),
      )
      checkCode(reply)
      return reply
    }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [
        ...secretTexts(appSecret),
        token.shown(),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const imageKey = await uploadChart(message, `${api}im/v1/images`, post)
        const content = JSON.stringify(makeCard(settings, message, imageKey))
        const url = `${api}im/v1/messages?receive_id_type=${settings.receive_id_type}`
        return sendToEach(message, {
          to: settings.to,
          text: '',
          timeoutMs: shared.timeoutMs,
          tools,
          channel: settings,
          http: settings.http_config,
          send: async ({ to }) => {
            const body = { receive_id: to, msg_type: 'interactive', content }
            const request = { url, headers: jsonHeaders, body: JSON.stringify(body) }
            return describeReply(await post(request))
          },
        })
      },
    }
  },
})

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' }

function keepRefusedToken(reply: HttpReply): SendFailure | undefined {
  const code = Number(readAnswer(reply)?.code)
  if (refusedTokenCodes.has(code)) return new RefusedToken(reply)
  return tooFastCodes.has(code) ? tooFast(reply) : undefined
}

function tooFast(reply: HttpReply): SendFailure {
  const retryAfterMs = 30_000
  return new SendFailure(describeReply(reply), {
    reason: 'rate-limited',
    canRetry: true,
    retryAfterMs,
  })
}

function checkCode(reply: HttpReply): void {
  const code = readAnswer(reply)?.code
  if (code === 0) return
  const shown = describeReply(reply)
  if (typeof code !== 'number')
    throw new SendFailure(`no code in the answer: ${shown}`, { reason: 'other', canRetry: true })
  if (tooFastCodes.has(code)) throw tooFast(reply)
  const reason = authCodes.has(code) ? 'auth' : 'client-error'
  throw new SendFailure(shown, { reason, canRetry: false })
}

/** The chart's key at Feishu; the message goes out without when it cannot be uploaded. */
async function uploadChart(
  message: OutgoingMessage,
  url: string,
  post: (request: Pick<ChannelRequest, 'url' | 'headers' | 'body'>) => Promise<HttpReply>,
): Promise<string | undefined> {
  if (message.chart === undefined) return undefined
  const file = {
    name: 'image',
    fileName: 'chart.png',
    type: 'image/png',
    content: message.chart.png,
  }
  const { body, contentType } = makeMultipart({ image_type: 'message' }, file)
  try {
    const reply = await post({ url, headers: { 'content-type': contentType }, body })
    const data = readAnswer(reply)?.data as { image_key?: unknown } | undefined
    return typeof data?.image_key === 'string' ? data.image_key : undefined
  } catch (thrown) {
    if (!(thrown instanceof SendFailure)) throw thrown
    chartsTotal.inc({ outcome: 'refused' })
    return undefined
  }
}

function makeCard(
  settings: FeishuAppSettings,
  message: OutgoingMessage,
  imageKey: string | undefined,
): object {
  const { words, actions, notification } = message
  const title = renderText(message, settings.title, 'feishu.default.title')
  const body = renderText(message, settings.text, 'feishu.default.text')
  const card = {
    title: cutBytes(title, titleBytesMax),
    text: cutBytes(body, textBytesMax),
    status: notification.status,
    words,
    actions,
  }
  return makeFeishuCard(card, { imageKey })
}
