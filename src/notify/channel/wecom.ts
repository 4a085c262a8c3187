/**
 * WeCom group robot: a Markdown or text message to a group. Answers are HTTP 200 with `errcode`. A robot
 * takes 20 messages a minute; more are merged. Lengths count in bytes of UTF-8.
 * Source: WeCom developer documentation 91770, "group robot configuration".
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { httpChannel, reachBy } from '../http-config.ts'
import { makeRobot } from '../robot.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, revealSecret } from '../secret-source.ts'
import { type AnswerCodes, checkAnswer, describeReply, postJson } from '../send-request.ts'

const limits = [{ count: 20, spanMs: 60_000 }]
const contentBytesMax = { markdown: 4_096, markdown_v2: 4_096, text: 2_048 }
const codes: AnswerCodes = {
  fields: ['errcode'],
  success: 0,
  tooFast: [45_009],
  busy: [-1],
  auth: [93_000],
}

const people = (description: string) =>
  z
    .array(z.union([z.string(), z.number()]).transform(String))
    .default([])
    .meta({ description, typeText: 'list', defaultText: '[]' })

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    webhook_url: secret('Address of the robot, with its key.').optional(),
    webhook_url_file: text('A file with the address.').optional(),
    message_type: z.enum(['markdown', 'markdown_v2', 'text']).default('markdown').meta({
      description:
        'Only text calls people by mobile number; only markdown_v2 shows a chart, and it calls nobody.',
      defaultText: 'markdown',
    }),
    message: textOr('{{ template "wecom.default.message" . }}', 'The message, a template.'),
    mentioned_list: people('User ids of people to call, or @all.'),
    mentioned_mobile_list: people('Mobile numbers of people to call; with the type text.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'webhook_url', context, { isRequired: true, isUrl: true })
    if (config.mentioned_mobile_list.length > 0 && config.message_type !== 'text') {
      context.addIssue({
        code: 'custom',
        path: ['mentioned_mobile_list'],
        message: 'only messages of the type text call people by mobile number',
      })
    }
  })

/** WeCom group robots. */
export const wecom = defineChannel({
  kind: 'wecom',
  settingsKey: 'wecom_configs',
  schema,
  make: (settings, tools) => {
    const source = { value: settings.webhook_url, file: settings.webhook_url_file }
    const kind = settings.message_type
    // In Markdown people are called within the text.
    const calls = settings.mentioned_list.map((name) => `<@${name.replace(/^@/, '')}>`).join('')
    const tail = kind === 'markdown' && calls !== '' ? `\n${calls}` : ''
    const post = async (content: string): Promise<string> => {
      const mentions = {
        mentioned_list: settings.mentioned_list,
        mentioned_mobile_list: settings.mentioned_mobile_list,
      }
      const reply = await postJson({
        url: revealSecret(source.value, source.file),
        body: { msgtype: kind, [kind]: { content, ...(kind === 'text' ? mentions : {}) } },
        ...reachBy(settings, tools.clock),
      })
      checkAnswer(reply, codes)
      return describeReply(reply)
    }
    return makeRobot({
      kind: 'wecom',
      settings,
      tools,
      address: source,
      limits,
      textBytesMax: contentBytesMax[kind] - Buffer.byteLength(tail),
      takesChart: kind === 'markdown_v2',
      write: (message) => ({
        title: renderText(message, '{{ template "__subject" . }}', '__subject'),
        text: renderText(message, settings.message, 'wecom.default.message'),
      }),
      post: (merged) => post(merged.text + tail),
    })
  },
})
