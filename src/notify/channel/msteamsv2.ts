/**
 * Microsoft Teams through a workflow ("when a webhook request is received"): an adaptive card. Keys and
 * defaults are Alertmanager's.
 * Source: Microsoft Teams documentation, adaptive cards in webhooks; alertmanager notify/msteamsv2
 * (Apache-2.0), behaviour re-implemented.
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson } from '../send-request.ts'

const titleBytesMax = 1_000
/** A message may have 28 KB; line breaks take two bytes in JSON, and the card has a frame. */
const textBytesMax = 20_000

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    webhook_url: secret('Address of the workflow.').optional(),
    webhook_url_file: text('A file with the address.').optional(),
    title: textOr('{{ template "msteamsv2.default.title" . }}', 'The title, a template.'),
    text: textOr('{{ template "msteamsv2.default.text" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'webhook_url', context, { isRequired: true, isUrl: true })
  })

/** Microsoft Teams. */
export const msteamsv2 = defineChannel({
  kind: 'msteamsv2',
  settingsKey: 'msteamsv2_configs',
  schema,
  make: (settings, tools) => {
    const source = { value: settings.webhook_url, file: settings.webhook_url_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(source), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { status } = message.notification
        const title = renderText(message, settings.title, 'msteamsv2.default.title')
        const body = renderText(message, settings.text, 'msteamsv2.default.text')
        const block = { type: 'TextBlock', wrap: true }
        const color = status === 'firing' ? 'attention' : 'good'
        const actions = message.actions.map(({ title: name, url }) => ({
          type: 'Action.OpenUrl',
          title: name,
          url,
        }))
        const content = {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'full' },
          body: [
            {
              ...block,
              text: cutBytes(title, titleBytesMax),
              weight: 'bolder',
              size: 'medium',
              style: 'heading',
              color,
            },
            { ...block, text: cutBytes(body, textBytesMax) },
            ...(message.chart === undefined || message.chart.url === ''
              ? []
              : [{ type: 'Image', url: message.chart.url, altText: title, size: 'stretch' }]),
          ],
          actions,
        }
        const contentType = 'application/vnd.microsoft.card.adaptive'
        const reply = await postJson({
          url: revealSecret(source.value, source.file),
          body: { type: 'message', attachments: [{ contentType, content }] },
          ...reachBy(settings, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})
