/**
 * Feishu and Lark group robot: a card, signed when the robot has a secret. Answers are HTTP 200 with
 * `code`. A robot takes 100 messages a minute and 5 a second; more are merged.
 * Signature, mind the swap: base64(HMAC-SHA256(key = timestamp + "\n" + secret, message = "")),
 * timestamp in seconds, both in the body.
 * Source: Feishu open platform, "custom bot usage guide".
 */

import { createHmac } from 'node:crypto'
import type { HttpReply } from '../../base/http-client.ts'
import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { makeFeishuCard } from '../feishu-card.ts'
import type { RobotText } from '../merge-queue.ts'
import { httpChannel, reachBy } from '../http-config.ts'
import { makeRobot } from '../robot.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, revealSecret } from '../secret-source.ts'
import {
  type AnswerCodes,
  checkAnswer,
  describeReply,
  postJson,
  readAnswer,
  SendFailure,
} from '../send-request.ts'

const limits = [
  { count: 100, spanMs: 60_000 },
  { count: 5, spanMs: 1_000 },
]
/** A body may have 20 KB; line breaks and quotes take two bytes in JSON, and the card has a frame. */
const textBytesMax = 14_000
const codes: AnswerCodes = {
  fields: ['code', 'StatusCode'],
  success: 0,
  tooFast: [11_232],
  auth: [19_021, 19_022, 19_024],
}

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    webhook_url: secret('Address of the robot, with its id.').optional(),
    webhook_url_file: text('A file with the address.').optional(),
    secret: secret('The secret of a robot that checks signatures.').optional(),
    secret_file: text('A file with the secret.').optional(),
    at: z
      .strictObject({
        user_ids: z
          .array(z.string())
          .default([])
          .meta({ description: 'Ids of people to call, such as ou_….', typeText: 'list' }),
        all: flagOr(false, 'Calls everybody in the group.'),
      })
      .prefault({})
      .meta({ description: 'Who is called by name in the message.' }),
    title: textOr('{{ template "feishu.default.title" . }}', 'The title, a template.'),
    text: textOr('{{ template "feishu.default.text" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'webhook_url', context, { isRequired: true, isUrl: true })
    checkSource(config, 'secret', context)
  })

/** Feishu group robots. */
export const feishu = defineChannel({
  kind: 'feishu',
  settingsKey: 'feishu_configs',
  schema,
  make: (settings, tools) => {
    const source = { value: settings.webhook_url, file: settings.webhook_url_file }
    const key = { value: settings.secret, file: settings.secret_file }
    const calls = [...settings.at.user_ids, ...(settings.at.all ? ['all'] : [])]
      .map((id) => `<at id=${id}></at>`)
      .join(' ')
    const post = async (message: RobotText): Promise<string> => {
      const secretText = revealSecret(key.value, key.file)
      const seconds = Math.floor(tools.clock.nowTimeMs() / 1_000)
      const reply = await postJson(
        {
          url: revealSecret(source.value, source.file),
          body: {
            ...(secretText === ''
              ? {}
              : { timestamp: String(seconds), sign: signFeishu(secretText, seconds) }),
            msg_type: 'interactive',
            card: makeFeishuCard(message, { calls }),
          },
          ...reachBy(settings, tools.clock),
        },
        findTooFast,
      )
      const failure = findTooFast(reply)
      if (failure !== undefined) throw failure
      checkAnswer(reply, codes)
      return describeReply(reply)
    }
    return makeRobot({
      kind: 'feishu',
      settings,
      tools,
      address: source,
      key,
      limits,
      textBytesMax,
      takesChart: false,
      write: (message) => ({
        title: renderText(message, settings.title, 'feishu.default.title'),
        text: renderText(message, settings.text, 'feishu.default.text'),
      }),
      post,
    })
  },
})

/** The signature of a request at `seconds` since 1970, base64. */
export function signFeishu(secretText: string, seconds: number): string {
  return createHmac('sha256', `${seconds}\n${secretText}`).update('').digest('base64')
}

/** 11232, whatever the status; 9499 is "too many requests" only when its words say so. */
function findTooFast(reply: HttpReply): SendFailure | undefined {
  const answer = readAnswer(reply)
  const code = answer?.code
  const words = String(answer?.msg ?? '')
  if (code !== 11_232 && !(code === 9_499 && /too many|frequen/i.test(words))) return undefined
  return new SendFailure(describeReply(reply), {
    reason: 'rate-limited',
    canRetry: true,
    retryAfterMs: 30_000,
  })
}
