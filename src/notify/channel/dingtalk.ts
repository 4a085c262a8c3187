/**
 * DingTalk group robot: a markdown message, signed when the robot has a secret. DingTalk answers HTTP
 * 200 with an error code in the body, takes 20 messages a minute from a robot and mutes it for up to
 * ten minutes when there are more; so we keep count ourselves and merge what is too much.
 * Signature: base64(HMAC-SHA256(key = secret, message = timestamp + "\n" + secret)), timestamp in ms.
 */

import { createHmac } from 'node:crypto'
import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import type { RobotText } from '../merge-queue.ts'
import { httpChannel, reachBy } from '../http-config.ts'
import { makeRobot } from '../robot.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, revealSecret } from '../secret-source.ts'
import { type AnswerCodes, checkAnswer, describeReply, postJson } from '../send-request.ts'

/** What a robot takes. */
const limits = [{ count: 20, spanMs: 60_000 }]
/** The limit of DingTalk's body is 20,000 bytes; the rest is for the frame. */
const textBytesMax = 16_000
/** 130101 is "send too fast", -1 "system busy", 310000 signature, keyword or address refused. */
const codes: AnswerCodes = {
  fields: ['errcode'],
  success: 0,
  tooFast: [130_101],
  busy: [-1],
  auth: [310_000],
}

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
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'url', context, { isRequired: true, isUrl: true })
    checkSource(config, 'secret', context)
  })

/** DingTalk group robots. */
export const dingtalk = defineChannel({
  kind: 'dingtalk',
  settingsKey: 'dingtalk_configs',
  schema,
  make: (settings, tools) => {
    const source = { value: settings.url, file: settings.url_file }
    const key = { value: settings.secret, file: settings.secret_file }
    const calls = settings.at.mobiles.map((mobile) => `@${mobile}`).join(' ')
    const tail = calls === '' ? '' : `\n\n${calls}`
    const post = async ({ title, text }: RobotText): Promise<string> => {
      const url = revealSecret(source.value, source.file)
      const secretText = revealSecret(key.value, key.file)
      const reply = await postJson({
        url: secretText === '' ? url : signUrl(url, secretText, tools.clock.nowTimeMs()),
        body: {
          msgtype: 'markdown',
          markdown: { title, text: text + tail },
          at: { atMobiles: settings.at.mobiles, isAtAll: settings.at.all },
        },
        ...reachBy(settings, tools.clock),
      })
      checkAnswer(reply, codes)
      return describeReply(reply)
    }
    return makeRobot({
      kind: 'dingtalk',
      settings,
      tools,
      address: source,
      key,
      limits,
      textBytesMax: textBytesMax - Buffer.byteLength(tail),
      takesChart: true,
      write: (message) => ({
        title: renderText(message, settings.title, 'dingtalk.default.title'),
        text: renderText(message, settings.text, 'dingtalk.default.text'),
      }),
      post,
    })
  },
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
