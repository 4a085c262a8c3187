/** Gotify: a message to an application. Source: Gotify API, `POST /message`. */

import { flagOr, numberOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson } from '../send-request.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'

const messageBytesMax = 16_000

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: text('Address of the server.').refine(isHttpUrl, 'must be an http or https address'),
    token: secret('Token of the application.').optional(),
    token_file: text('A file with the token.').optional(),
    title: textOr('{{ template "push.default.title" . }}', 'The title, a template.'),
    message: textOr('{{ template "push.default.text" . }}', 'The message, a template.'),
    priority: numberOr(8, { min: 0, max: 10 }, 'Priority of what fires.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'token', context, { isRequired: true })
  })

/** Gotify. */
export const gotify = defineChannel({
  kind: 'gotify',
  settingsKey: 'gotify_configs',
  schema,
  make: (settings, tools) => {
    const token = { value: settings.token, file: settings.token_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(token), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { status, background, externalUrl } = message.notification
        const title = renderText(message, settings.title, 'push.default.title')
        const body = renderText(message, settings.message, 'push.default.text').trim()
        const reply = await postJson({
          url: `${settings.url.replace(/\/$/, '')}/message`,
          headers: { 'x-gotify-key': revealSecret(token.value, token.file) },
          body: {
            title,
            message: cutBytes(body, messageBytesMax),
            priority: status === 'firing' ? settings.priority : Math.min(settings.priority, 4),
            extras: {
              'client::notification': {
                click: { url: background?.url ?? externalUrl },
                ...(message.chart !== undefined &&
                  message.chart.url !== '' && { bigImageUrl: message.chart.url }),
              },
            },
          },
          ...reachBy(settings, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})
