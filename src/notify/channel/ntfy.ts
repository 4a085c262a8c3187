/** ntfy: a message to a topic, by JSON. Source: ntfy documentation, "publish as JSON". */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderField, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson } from '../send-request.ts'

/** A longer message would arrive as an attached file. */
const messageBytesMax = 4_096
const titleBytesMax = 250

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: textOr('https://ntfy.sh', 'Address of the server.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    topic: text('The topic.'),
    token: secret('Token of the server.').optional(),
    token_file: text('A file with the token.').optional(),
    title: textOr('{{ template "push.default.title" . }}', 'The title, a template.'),
    message: textOr('{{ template "push.default.text" . }}', 'The message, a template.'),
    priority: textOr('{{ if eq .Status "firing" }}4{{ else }}3{{ end }}', 'From 1 to 5.'),
    tags: z
      .array(z.string())
      .default([])
      .meta({ description: 'Tags, which may be names of emoji.', typeText: 'list' }),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'token', context)
  })

/** ntfy. */
export const ntfy = defineChannel({
  kind: 'ntfy',
  settingsKey: 'ntfy_configs',
  schema,
  make: (settings, tools) => {
    const token = { value: settings.token, file: settings.token_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      // On a public server the topic is the password.
      secrets: () => [
        ...secretTexts(token),
        settings.topic,
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const tokenText = revealSecret(token.value, token.file)
        const priority = Number(renderField(message, settings.priority))
        const title = renderText(message, settings.title, 'push.default.title')
        const body = renderText(message, settings.message, 'push.default.text').trim()
        const { background, externalUrl } = message.notification
        const reply = await postJson({
          url: settings.url,
          headers: tokenText === '' ? {} : { authorization: `Bearer ${tokenText}` },
          body: {
            topic: settings.topic,
            title: cutBytes(title, titleBytesMax),
            message: cutBytes(body, messageBytesMax),
            priority: priority >= 1 && priority <= 5 ? Math.round(priority) : 3,
            tags: settings.tags,
            click: background?.url ?? externalUrl,
            ...(message.chart !== undefined &&
              message.chart.url !== '' && { attach: message.chart.url, filename: 'chart.png' }),
            actions: message.actions.map(({ title, url }) => ({
              action: 'view',
              label: title,
              url,
            })),
          },
          ...reachBy(settings, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})
