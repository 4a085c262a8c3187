/**
 * Microsoft Teams through an incoming webhook of the older kind (Office 365 connector): a message card.
 * Keys and defaults are Alertmanager's. The connector answers HTTP 200 with `1`; a text that speaks of
 * a failure is one, whatever the status.
 * Source: Microsoft Teams documentation, "message card"; alertmanager notify/msteams (Apache-2.0),
 * behaviour re-implemented.
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson, SendFailure } from '../send-request.ts'

const titleBytesMax = 1_000
/** A message may have 28 KB; line breaks take two bytes in JSON. */
const textBytesMax = 20_000
const red = '8C1A1A'
const green = '2DC72D'

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    webhook_url: secret('Address of the incoming webhook.').optional(),
    webhook_url_file: text('A file with the address.').optional(),
    title: textOr('{{ template "msteams.default.title" . }}', 'The title, a template.'),
    summary: textOr('{{ template "msteams.default.summary" . }}', 'The message as one line.'),
    text: textOr('{{ template "msteams.default.text" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'webhook_url', context, { isRequired: true, isUrl: true })
  })

/** Microsoft Teams, by connector. */
export const msteams = defineChannel({
  kind: 'msteams',
  settingsKey: 'msteams_configs',
  schema,
  make: (settings, tools) => {
    const source = { value: settings.webhook_url, file: settings.webhook_url_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(source), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { status } = message.notification
        const title = renderText(message, settings.title, 'msteams.default.title')
        const summary = renderText(message, settings.summary, 'msteams.default.summary')
        const body = renderText(message, settings.text, 'msteams.default.text')
        const open = (name: string, uri: string): object => ({
          '@type': 'OpenUri',
          name,
          targets: [{ os: 'default', uri }],
        })
        const actions = message.actions.map(({ title: name, url }) => open(name, url))
        const reply = await postJson({
          url: revealSecret(source.value, source.file),
          body: {
            '@context': 'http://schema.org/extensions',
            type: 'MessageCard',
            '@type': 'MessageCard',
            title: cutBytes(title, titleBytesMax),
            summary: cutBytes(summary, titleBytesMax),
            text: cutBytes(body, textBytesMax),
            ...(message.chart !== undefined &&
              message.chart.url !== '' && {
                sections: [{ images: [{ image: message.chart.url }] }],
              }),
            themeColor: status === 'firing' ? red : green,
            ...(actions.length > 0 && { potentialAction: actions }),
          },
          ...reachBy(settings, tools.clock),
        })
        checkWords(describeReply(reply))
        return describeReply(reply)
      },
    }
  },
})

/** "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 …". */
function checkWords(shown: string): void {
  const match = /delivery failed|HTTP error (\d{3})/i.exec(shown)
  if (match === null) return
  const status = Number(/HTTP error (\d{3})/i.exec(shown)?.[1] ?? 0)
  if (status === 429) {
    const retryAfterMs = 60_000
    throw new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs })
  }
  const canRetry = status === 0 || status >= 500
  throw new SendFailure(shown, { reason: canRetry ? 'server-error' : 'client-error', canRetry })
}
