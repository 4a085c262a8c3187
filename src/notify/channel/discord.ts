/**
 * Discord webhook: one embed. Keys and defaults are Alertmanager's. Labels cannot call everybody: only
 * what the setting `content` itself says may.
 * Source: Discord developer documentation, "execute webhook"; alertmanager notify/discord (Apache-2.0),
 * behaviour re-implemented.
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { makeMultipart } from '../multipart.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderField, renderText } from './channel.ts'
import { checkSource, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson, sendRequest } from '../send-request.ts'

const titleLengthMax = 256
/** An embed may have 4,096 characters, all of them together 6,000. */
const textLengthMax = 4_096
const contentLengthMax = 2_000
const red = 0xc5303a
const green = 0x1f8a4c

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    webhook_url: secret('Address of the webhook.').optional(),
    webhook_url_file: text('A file with the address.').optional(),
    title: textOr('{{ template "discord.default.title" . }}', 'The title, a template.'),
    message: textOr('{{ template "discord.default.message" . }}', 'The message, a template.'),
    content: textOr('{{ template "discord.default.content" . }}', 'Text above the message.'),
    username: textOr('', 'Who writes.'),
    avatar_url: textOr('', 'The writer as a picture.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'webhook_url', context, { isRequired: true, isUrl: true })
  })

/** Discord. */
export const discord = defineChannel({
  kind: 'discord',
  settingsKey: 'discord_configs',
  schema,
  make: (settings, tools) => {
    const source = { value: settings.webhook_url, file: settings.webhook_url_file }
    const canCallAll = /@(everyone|here)/.test(settings.content)
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(source), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { status } = message.notification
        const title = renderText(message, settings.title, 'discord.default.title')
        const description = renderText(message, settings.message, 'discord.default.message')
        const content = renderField(message, settings.content).trim()
        const { chart } = message
        const payload = {
          ...(content === '' ? {} : { content: cutLength(content, contentLengthMax) }),
          ...(settings.username === '' ? {} : { username: settings.username }),
          ...(settings.avatar_url === '' ? {} : { avatar_url: settings.avatar_url }),
          embeds: [
            {
              title: cutLength(title, titleLengthMax),
              description: cutLength(description, textLengthMax),
              color: status === 'firing' ? red : green,
              ...(chart !== undefined && { image: { url: 'attachment://chart.png' } }),
            },
          ],
          allowed_mentions: { parse: ['users', 'roles', ...(canCallAll ? ['everyone'] : [])] },
        }
        const request = {
          url: revealSecret(source.value, source.file),
          ...reachBy(settings, tools.clock),
        }
        const reply =
          chart === undefined
            ? await postJson({ ...request, body: payload })
            : await sendRequest({ ...request, method: 'POST', ...makeForm(payload, chart.png) })
        return describeReply(reply)
      },
    }
  },
})

function makeForm(payload: object, png: Buffer) {
  const file = { name: 'files[0]', fileName: 'chart.png', type: 'image/png', content: png }
  const { body, contentType } = makeMultipart({ payload_json: JSON.stringify(payload) }, file)
  return { body, headers: { 'content-type': contentType } }
}
