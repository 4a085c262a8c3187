/** Bark: a push message to an iPhone. Answers carry `code`. Source: Bark server API, `POST /push`. */

import { durationOr, flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import {
  checkAnswer,
  checkSource,
  defineChannel,
  describeReply,
  isHttpUrl,
  postJson,
  renderText,
  revealSecret,
  secretTexts,
} from './channel.ts'
import { connectBy, connectionSecrets, httpConfig } from '../http-config.ts'

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
    timeout: durationOr('10s', 'How long one attempt may take.'),
    http_config: httpConfig,
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
          timeoutMs: settings.timeout || 10_000,
          connect: connectBy(settings.http_config, tools.clock),
        })
        checkAnswer(reply, { fields: ['code'], success: 200, tooFast: [429], busy: [500, 503] })
        return describeReply(reply)
      },
    }
  },
})
