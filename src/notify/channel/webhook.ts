/**
 * Webhook in Alertmanager's payload, version 4. When something is known of the background, the extra
 * field `shipwatch` says it; receivers written for Alertmanager ignore it.
 * With `hmac` the message is signed over `<timestamp>.<body>`, so that it can be neither forged nor sent
 * again later; with `body` it says what the template says.
 * Source: alertmanager notify/webhook and template data (Apache-2.0), behaviour re-implemented.
 */

import { createHmac } from 'node:crypto'
import { durationOr, flagOr, numberOr, secret, text, textOr, z } from '../../config/schema.ts'
import { connectBy, connectionSecrets, httpConfig } from '../http-config.ts'
import { makeWebhookBody } from '../webhook-body.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, sendRequest } from '../send-request.ts'

const hmacSchema = z
  .strictObject({
    secret: secret('The secret that both sides know.').optional(),
    secret_file: text('A file with the secret.').optional(),
    header: textOr('X-Shipwatch-Signature', 'The header with the signature.').refine(
      (name) => /^[A-Za-z0-9-]+$/.test(name),
      'is not the name of a header',
    ),
  })
  .superRefine((config, context) => {
    checkSource(config, 'secret', context, { isRequired: true })
  })

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: secret('Where to post.').optional(),
    url_file: text('A file with the address.').optional(),
    max_alerts: numberOr(0, { min: 0, max: 1_000_000 }, 'Most alerts in a message; 0 is all.'),
    timeout: durationOr('10s', 'How long one attempt may take.'),
    body: text('The body, a template, instead of the payload of Alertmanager.').optional(),
    chart: flagOr(false, 'Whether the field shipwatch names the address of a chart.'),
    content_type: textOr('application/json', 'What the body is.'),
    hmac: hmacSchema.optional().meta({ description: 'Signs each message.' }),
    http_config: httpConfig,
  })
  .superRefine((config, context) => {
    checkSource(config, 'url', context, { isRequired: true, isUrl: true })
  })

/** Webhooks. */
export const webhook = defineChannel({
  kind: 'webhook',
  settingsKey: 'webhook_configs',
  schema,
  make: (settings, tools) => {
    const url = { value: settings.url, file: settings.url_file }
    const key = { value: settings.hmac?.secret, file: settings.hmac?.secret_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: settings.chart,
      secrets: () => [
        ...secretTexts(url),
        ...secretTexts(key),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const body =
          settings.body === undefined
            ? JSON.stringify(
                makeWebhookBody(message.notification, settings.max_alerts, message.chart?.url),
              )
            : renderText(message, settings.body, 'webhook.default.body')
        const headers: Record<string, string> = {
          'content-type': settings.content_type,
        }
        if (settings.hmac !== undefined) {
          const seconds = Math.floor(tools.clock.nowTimeMs() / 1_000)
          const sign = signWebhook(revealSecret(key.value, key.file), seconds, body)
          headers['x-shipwatch-timestamp'] = String(seconds)
          headers[settings.hmac.header.toLowerCase()] = sign
        }
        const reply = await sendRequest({
          method: 'POST',
          url: revealSecret(url.value, url.file),
          headers,
          body,
          timeoutMs: settings.timeout || 3_600_000,
          connect: connectBy(settings.http_config, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})

/** The signature of a message at `seconds` since 1970: `v1=` and HMAC-SHA256 in hexadecimal. */
export function signWebhook(secretText: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', secretText).update(`${seconds}.${body}`).digest('hex')
  return `v1=${digest}`
}
