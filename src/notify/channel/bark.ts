/** Bark: a push message to an iPhone. Answers carry `code`. Source: Bark server API, `POST /push`. */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { checkAnswer, describeReply, postJson } from '../send-request.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'

/** Apple takes 4 KB in all. */
const bodyBytesMax = 2_500
const titleBytesMax = 250

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: textOr('https://api.day.app', 'Address of the server.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    device_key: secret('Key of the device.').optional(),
    device_key_file: text('A file with the key.').optional(),
    title: textOr('{{ template "push.default.title" . }}', 'The title, a template.'),
    message: textOr('{{ template "push.default.text" . }}', 'The message, a template.'),
    level: z
      .enum(['active', 'timeSensitive', 'critical', 'passive'])
      .default('timeSensitive')
      .meta({ description: 'How loud what fires is.', defaultText: 'timeSensitive' }),
    sound: textOr('', 'The sound.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'device_key', context, { isRequired: true })
  })

/** Bark. */
export const bark = defineChannel({
  kind: 'bark',
  settingsKey: 'bark_configs',
  schema,
  make: (settings, tools) => {
    const key = { value: settings.device_key, file: settings.device_key_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(key), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { status, background, externalUrl } = message.notification
        const title = renderText(message, settings.title, 'push.default.title')
        const body = renderText(message, settings.message, 'push.default.text').trim()
        const reply = await postJson({
          url: `${settings.url.replace(/\/$/, '')}/push`,
          body: {
            device_key: revealSecret(key.value, key.file),
            title: cutBytes(title, titleBytesMax),
            body: cutBytes(body, bodyBytesMax),
            group: 'Shipwatch',
            level: status === 'firing' ? settings.level : 'active',
            url: background?.url ?? externalUrl,
            ...(message.chart !== undefined &&
              message.chart.url !== '' && { image: message.chart.url }),
            ...(settings.sound === '' ? {} : { sound: settings.sound }),
          },
          ...reachBy(settings, tools.clock),
        })
        checkAnswer(reply, { fields: ['code'], success: 200, tooFast: [429], busy: [500, 503] })
        return describeReply(reply)
      },
    }
  },
})
