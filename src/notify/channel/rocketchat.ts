/**
 * Rocket.Chat by `chat.postMessage`. Keys and defaults are Alertmanager's. Failures come as HTTP 200 with
 * `{"success":false}`. Labels call nobody: an `@` in them is followed by an invisible character.
 * Source: Rocket.Chat developer documentation, "post message"; alertmanager notify/rocketchat (Apache-2.0),
 * behaviour re-implemented.
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, type OutgoingMessage, renderField, renderText } from './channel.ts'
import {
  checkSource,
  chooseSecret,
  isHttpUrl,
  revealSecret,
  secretTexts,
} from '../secret-source.ts'
import { describeReply, postJson, readAnswer, SendFailure } from '../send-request.ts'

const titleLengthMax = 1_024
/** A message has 5,000 characters unless its server allows more. */
const textLengthMax = 5_000

const globalShape = {
  rocketchat_api_url: textOr('https://open.rocket.chat/', 'Address of Rocket.Chat.').refine(
    isHttpUrl,
    'must be an http or https address',
  ),
  rocketchat_token: secret('Token of the user at Rocket.Chat.').optional(),
  rocketchat_token_file: text('A file with that token.').optional(),
  rocketchat_token_id: secret('Id of the user at Rocket.Chat.').optional(),
  rocketchat_token_id_file: text('A file with that id.').optional(),
}

const globalSchema = z.object(globalShape)

const field = z.strictObject({
  title: textOr('', 'The name, a template.'),
  value: textOr('', 'The value, a template.'),
  short: z.boolean().optional().meta({ description: 'Whether two of them share a line.' }),
})

const action = z.strictObject({
  type: textOr('', 'The kind, such as button.'),
  text: textOr('', 'What it says, a template.'),
  url: textOr('', 'What it opens, a template.'),
  msg: textOr('', 'What it writes into the chat, a template.'),
})

const schema = z
  .strictObject({
    send_resolved: flagOr(false, 'Whether to tell when it is over.'),
    api_url: text('Address of Rocket.Chat, instead of the shared one.').optional(),
    token: secret('Token of the user, instead of the shared one.').optional(),
    token_file: text('A file with that token.').optional(),
    token_id: secret('Id of the user, instead of the shared one.').optional(),
    token_id_file: text('A file with that id.').optional(),
    channel: textOr('', 'The channel or person, a template.'),
    color: textOr(
      '{{ if eq .Status "firing" }}red{{ else }}green{{ end }}',
      'Colour of the bar at the side.',
    ),
    title: textOr('{{ template "rocketchat.default.title" . }}', 'The title.'),
    title_link: textOr('{{ template "rocketchat.default.titlelink" . }}', 'What the title opens.'),
    text: textOr('{{ template "rocketchat.default.text" . }}', 'The message.'),
    fields: z.array(field).default([]).meta({ description: 'Fields of the message.' }),
    short_fields: flagOr(false, 'Whether two fields share a line.'),
    emoji: textOr('{{ template "rocketchat.default.emoji" . }}', 'The writer as an emoji.'),
    icon_url: textOr('{{ template "rocketchat.default.iconurl" . }}', 'The writer as a picture.'),
    image_url: textOr('', 'A picture below the message.'),
    thumb_url: textOr('', 'A small picture beside the message.'),
    link_names: flagOr(false, 'Whether @name and #channel become links.'),
    actions: z.array(action).default([]).meta({ description: 'Buttons of the message.' }),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_url', context, { isUrl: true })
    checkSource(config, 'token', context)
    checkSource(config, 'token_id', context)
  })

type RocketchatSettings = z.output<typeof schema>

/** Rocket.Chat. */
export const rocketchat = defineChannel({
  kind: 'rocketchat',
  settingsKey: 'rocketchat_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const token = chooseSecret(
      { value: settings.token, file: settings.token_file },
      { value: shared.rocketchat_token, file: shared.rocketchat_token_file },
      {
        missing: 'no global Rocketchat Token set either inline or in a file',
      },
    )
    const tokenId = chooseSecret(
      { value: settings.token_id, file: settings.token_id_file },
      { value: shared.rocketchat_token_id, file: shared.rocketchat_token_id_file },
      {
        missing: 'no global Rocketchat TokenID set either inline or in a file',
      },
    )
    const api = (settings.api_url ?? shared.rocketchat_api_url).replace(/\/?$/, '/')
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [
        ...secretTexts(token),
        ...secretTexts(tokenId),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const reply = await postJson({
          url: `${api}api/v1/chat.postMessage`,
          headers: {
            'x-auth-token': revealSecret(token.value, token.file),
            'x-user-id': revealSecret(tokenId.value, tokenId.file),
          },
          body: makeBody(settings, message),
          ...reachBy(settings, tools.clock),
        })
        checkSuccess(readAnswer(reply), describeReply(reply))
        return describeReply(reply)
      },
    }
  },
})

function makeBody(settings: RocketchatSettings, message: OutgoingMessage): object {
  const write = (template: string): string => renderField(message, template)
  const buttons = message.actions.map(({ title, url }) => ({
    type: 'button',
    text: title,
    url,
    msg: '',
  }))
  const attachment = {
    title: cutLength(
      renderText(message, settings.title, 'rocketchat.default.title'),
      titleLengthMax,
    ),
    title_link: write(settings.title_link),
    text: cutLength(renderText(message, settings.text, 'rocketchat.default.text'), textLengthMax),
    color: write(settings.color),
    image_url: write(settings.image_url) || (message.chart?.url ?? ''),
    thumb_url: write(settings.thumb_url),
    fields: settings.fields.map((one) => ({
      title: write(one.title),
      value: write(one.value),
      short: one.short ?? settings.short_fields,
    })),
    actions: [
      ...settings.actions.map((one) => ({
        type: write(one.type),
        text: write(one.text),
        url: write(one.url),
        msg: write(one.msg),
      })),
      ...buttons,
    ],
  }
  return {
    channel: write(settings.channel),
    emoji: write(settings.emoji),
    avatar: write(settings.icon_url),
    parseUrls: false,
    ...(settings.link_names && { linkNames: true }),
    attachments: [attachment],
  }
}

function checkSuccess(answer: Record<string, unknown> | undefined, shown: string): void {
  if (answer?.success === true) return
  if (answer === undefined) {
    const message = `no success in the answer: ${shown}`
    throw new SendFailure(message, { reason: 'other', canRetry: true })
  }
  const isTooFast = /too-many-requests/.test(String(answer.error))
  throw new SendFailure(shown, {
    reason: isTooFast ? 'rate-limited' : 'client-error',
    canRetry: isTooFast,
    retryAfterMs: isTooFast ? 60_000 : undefined,
  })
}
