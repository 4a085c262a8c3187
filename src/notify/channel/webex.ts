/**
 * Webex: a message in a room, written by a bot. Keys and defaults are Alertmanager's; the bot's token
 * stands in `http_config.authorization`.
 * Source: Webex developer documentation, "create a message"; alertmanager notify/webex (Apache-2.0),
 * behaviour re-implemented.
 */

import { flagOr, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderField, renderText } from './channel.ts'
import { checkSource, isHttpUrl } from '../secret-source.ts'
import { describeReply, postJson } from '../send-request.ts'

/** What Webex takes. */
const messageBytesMax = 7_439

const globalShape = {
  webex_api_url: textOr('https://webexapis.com/v1/messages', 'Address of the Webex API.').refine(
    isHttpUrl,
    'must be an http or https address',
  ),
}

const globalSchema = z.object(globalShape)

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: text('Address of the Webex API, instead of the shared one.').optional(),
    room_id: text('The room, a template.').min(1, 'missing room_id on webex_config'),
    message: textOr('{{ template "webex.default.message" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_url', context, { isUrl: true })
    const token = config.http_config?.authorization ?? config.http_config?.bearer_token
    if ((token ?? config.http_config?.bearer_token_file) === undefined) {
      const message = 'missing webex_configs.http_config.authorization'
      context.addIssue({ code: 'custom', message, path: ['http_config'] })
    }
  })

/** Webex. */
export const webex = defineChannel({
  kind: 'webex',
  settingsKey: 'webex_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => connectionSecrets(settings.http_config),
      send: async (message) => {
        const markdown = renderText(message, settings.message, 'webex.default.message')
        const reply = await postJson({
          url: settings.api_url ?? shared.webex_api_url,
          body: {
            markdown: cutBytes(markdown, messageBytesMax),
            roomId: renderField(message, settings.room_id).trim(),
          },
          ...reachBy(settings, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})
