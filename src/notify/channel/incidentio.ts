/**
 * incident.io: Alertmanager's payload with a token, posted to an alert source. A payload that is too
 * large for it goes out with fewer alerts, and says so.
 * Source: incident.io documentation, "alert sources"; alertmanager notify/incidentio (Apache-2.0),
 * behaviour re-implemented.
 */

import { flagOr, numberOr, secret, text, z } from '../../config/schema.ts'
import { connectBy, connectionSecrets, httpChannel } from '../http-config.ts'
import { makeWebhookBody } from '../webhook-body.ts'
import { defineChannel, hashGroupKey } from './channel.ts'
import { checkSource, hasSecret, isGiven, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, sendRequest } from '../send-request.ts'

/** What incident.io takes. */
const bodyBytesMax = 512 * 1024

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: secret('Address of the alert source.').optional(),
    url_file: text('A file with the address.').optional(),
    alert_source_token: secret('Token of the alert source.').optional(),
    alert_source_token_file: text('A file with the token.').optional(),
    max_alerts: numberOr(0, { min: 0, max: 1_000_000 }, 'Most alerts in a message; 0 is all.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'url', context, { isRequired: true, isUrl: true })
    checkSource(config, 'alert_source_token', context)
    const hasToken = isGiven(config.alert_source_token) || isGiven(config.alert_source_token_file)
    if (!hasToken && config.http_config?.authorization === undefined) {
      const message =
        'at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured'
      context.addIssue({ code: 'custom', message, path: ['alert_source_token'] })
    }
  })

/** incident.io. */
export const incidentio = defineChannel({
  kind: 'incidentio',
  settingsKey: 'incidentio_configs',
  schema,
  make: (settings, tools) => {
    const url = { value: settings.url, file: settings.url_file }
    const token = { value: settings.alert_source_token, file: settings.alert_source_token_file }
    const hasToken = hasSecret(token)
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [
        ...secretTexts(url),
        ...secretTexts(token),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const make = (alertCountMax: number): string =>
          JSON.stringify({
            ...makeWebhookBody(message.notification, alertCountMax),
            deduplication_key: hashGroupKey(message.notification),
          })
        let body = make(settings.max_alerts)
        let count = message.notification.alerts.length
        while (Buffer.byteLength(body) > bodyBytesMax && count > 1) {
          count = Math.ceil(count / 2)
          body = make(count)
        }
        const reply = await sendRequest({
          method: 'POST',
          url: revealSecret(url.value, url.file),
          headers: {
            'content-type': 'application/json',
            ...(hasToken && { authorization: `Bearer ${revealSecret(token.value, token.file)}` }),
          },
          body,
          timeoutMs: settings.timeout || 3_600_000,
          connect: connectBy(settings.http_config, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})
