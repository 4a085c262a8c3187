/**
 * DingTalk as an application's robot that writes to people: Markdown by `oToMessages/batchSend`. The
 * application's token is kept until shortly before it ends, and fetched anew when it is refused.
 * Source: DingTalk open platform, "send one-to-one messages as a robot", "access token".
 */

import type { HttpReply } from '../../base/http-client.ts'
import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { AccessToken, RefusedToken } from '../access-token.ts'
import { cutBytes } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson, readAnswer, SendFailure } from '../send-request.ts'

/** What a message may have, as JSON within JSON. */
const textBytesMax = 4_500
const titleBytesMax = 200

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: textOr('https://api.dingtalk.com/', 'Address of DingTalk.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    app_key: text('Key of the application.'),
    app_secret: secret('Secret of the application.').optional(),
    app_secret_file: text('A file with the secret.').optional(),
    robot_code: text('Code of its robot; the key of the application unless given.').optional(),
    to: z
      .array(z.string().min(1))
      .min(1, 'needs at least one person')
      .max(20)
      .meta({ description: 'User ids of people.', typeText: 'list' }),
    title: textOr('{{ template "dingtalk.default.title" . }}', 'The title, a template.'),
    text: textOr('{{ template "dingtalk.default.text" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'app_secret', context, { isRequired: true })
  })

/** DingTalk applications. */
export const dingtalkapp = defineChannel({
  kind: 'dingtalkapp',
  settingsKey: 'dingtalkapp_configs',
  schema,
  make: (settings, tools) => {
    const appSecret = { value: settings.app_secret, file: settings.app_secret_file }
    const api = settings.api_url.replace(/\/?$/, '/v1.0/')
    const shared = {
      ...reachBy(settings, tools.clock),
    }
    const token = new AccessToken(tools.clock, async () => {
      const reply = await postJson(
        {
          ...shared,
          url: `${api}oauth2/accessToken`,
          body: {
            appKey: settings.app_key,
            appSecret: revealSecret(appSecret.value, appSecret.file),
          },
        },
        findFailure,
      )
      const { accessToken, expireIn } = readAnswer(reply) ?? {}
      if (typeof accessToken !== 'string') {
        const missing = `no accessToken in the answer: ${describeReply(reply)}`
        throw new SendFailure(missing, { reason: 'other', canRetry: true })
      }
      return { text: accessToken, lifeSeconds: Number(expireIn ?? 7_200) }
    })
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [
        ...secretTexts(appSecret),
        token.shown(),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const title = renderText(message, settings.title, 'dingtalk.default.title')
        const written = renderText(message, settings.text, 'dingtalk.default.text')
        const body = {
          robotCode: settings.robot_code ?? settings.app_key,
          userIds: settings.to,
          msgKey: 'sampleMarkdown',
          msgParam: JSON.stringify({
            title: cutBytes(title, titleBytesMax),
            text: cutBytes(written, textBytesMax),
          }),
        }
        const reply = await token.use(
          (tokenText) =>
            postJson(
              {
                ...shared,
                url: `${api}robot/oToMessages/batchSend`,
                headers: { 'x-acs-dingtalk-access-token': tokenText },
                body,
              },
              keepRefusedToken,
            ),
          isRefusedToken,
        )
        if (isRefusedToken(reply)) throw findFailure(reply)!
        checkReached(reply, settings.to.length)
        return describeReply(reply)
      },
    }
  },
})

function isRefusedToken(reply: HttpReply): boolean {
  return /^InvalidAuthentication/.test(String(readAnswer(reply)?.code ?? ''))
}

function keepRefusedToken(reply: HttpReply): SendFailure | undefined {
  return isRefusedToken(reply) ? new RefusedToken(reply) : findFailure(reply)
}

/** What its codes say, where they say more than the status. */
function findFailure(reply: HttpReply): SendFailure | undefined {
  const code = String(readAnswer(reply)?.code ?? '')
  const shown = describeReply(reply)
  if (/Throttling|FlowControl/i.test(code)) {
    const retryAfterMs = 60_000
    return new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs })
  }
  if (/^(InvalidAuthentication|Forbidden|invalidClient)/i.test(code))
    return new SendFailure(shown, { reason: 'auth', canRetry: false })
  return undefined
}

/** HTTP 200 names who was not reached: nobody reached is a failure, and for now if it was too much. */
function checkReached(reply: HttpReply, count: number): void {
  const answer = readAnswer(reply)
  const listOf = (name: string): unknown[] => {
    const list = answer?.[name]
    return Array.isArray(list) ? list : []
  }
  const heldBack = listOf('flowControlledStaffIdList').length
  const unknown = listOf('invalidStaffIdList').length
  const shown = describeReply(reply)
  if (answer?.processQueryKey === undefined)
    throw new SendFailure(`no processQueryKey in the answer: ${shown}`, {
      reason: 'other',
      canRetry: true,
    })
  if (heldBack + unknown < count) return
  const isTooFast = heldBack > 0
  throw new SendFailure(shown, {
    reason: isTooFast ? 'rate-limited' : 'client-error',
    canRetry: isTooFast,
    retryAfterMs: isTooFast ? 60_000 : undefined,
  })
}
