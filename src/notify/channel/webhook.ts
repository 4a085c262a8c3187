/**
 * Webhook in Alertmanager's payload, version 4. When something is known of the background, the extra
 * field `shipwatch` says it; receivers written for Alertmanager ignore it.
 * Source: alertmanager notify/webhook and template data (Apache-2.0), behaviour re-implemented.
 */

import { durationOr, flagOr, numberOr, secret, text, textOr, z } from '../../config/schema.ts'
import type { Alert } from '../../model/alert.ts'
import type { Notification } from '../notification.ts'
import {
  defineChannel,
  describeReply,
  isHttpUrl,
  notYet,
  revealSecret,
  sendRequest,
} from './channel.ts'

const httpConfig = z
  .strictObject({
    basic_auth: z
      .strictObject({
        username: textOr('', 'The user.'),
        password: secret('The password.').optional(),
        password_file: text('A file with the password.').optional(),
      })
      .optional()
      .meta({ description: 'Sends user and password.' }),
    authorization: z
      .strictObject({
        type: textOr('Bearer', 'The scheme.'),
        credentials: secret('The token.').optional(),
        credentials_file: text('A file with the token.').optional(),
      })
      .optional()
      .meta({ description: 'Sends an Authorization header.' }),
    bearer_token: secret('As authorization (older form).').optional(),
    bearer_token_file: text('As authorization (older form).').optional(),
    follow_redirects: z
      .boolean()
      .optional()
      .meta({ description: 'Accepted; redirects are never followed with an alert in hand.' }),
    enable_http2: z.boolean().optional().meta({ description: 'Accepted; HTTP/1.1 is spoken.' }),
    tls_config: notYet('TLS of the connection.'),
    oauth2: notYet('OAuth 2 client credentials.'),
    proxy_url: notYet('A proxy.'),
    http_headers: notYet('Further headers.'),
  })
  .superRefine((config, context) => {
    const count = [
      config.basic_auth,
      config.authorization,
      config.bearer_token ?? config.bearer_token_file,
    ]
    if (count.filter((way) => way !== undefined).length > 1)
      context.addIssue({ code: 'custom', message: 'at most one way of authentication is allowed' })
  })

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    url: secret('Where to post.').optional(),
    url_file: text('A file with the address.').optional(),
    max_alerts: numberOr(0, { min: 0, max: 1_000_000 }, 'Most alerts in a message; 0 is all.'),
    timeout: durationOr('10s', 'How long one attempt may take.'),
    http_config: httpConfig.optional().meta({ description: 'How to authenticate.' }),
  })
  .superRefine((config, context) => {
    if ((config.url === undefined) === (config.url_file === undefined))
      context.addIssue({ code: 'custom', message: 'needs either "url" or "url_file"' })
    if (config.url !== undefined && !isHttpUrl(config.url.reveal()))
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: 'must be an http or https address',
      })
  })

/** Webhooks. */
export const webhook = defineChannel({
  kind: 'webhook',
  settingsKey: 'webhook_configs',
  schema,
  make: (settings) => ({
    sendsResolved: settings.send_resolved,
    secrets: () => {
      const url = settings.url?.reveal() ?? ''
      if (!isHttpUrl(url)) return [url]
      const { pathname, search, password } = new URL(url)
      return [url, pathname, search.slice(1), password]
    },
    send: async ({ notification }) => {
      const reply = await sendRequest({
        method: 'POST',
        url: revealSecret(settings.url, settings.url_file),
        headers: { 'content-type': 'application/json', ...authHeaders(settings.http_config) },
        body: JSON.stringify(makeWebhookBody(notification, settings.max_alerts)),
        timeoutMs: settings.timeout || 3_600_000,
      })
      return describeReply(reply)
    },
  }),
})

function authHeaders(config: z.output<typeof httpConfig> | undefined): Record<string, string> {
  if (config?.basic_auth !== undefined) {
    const { username, password, password_file } = config.basic_auth
    const pair = `${username}:${revealSecret(password, password_file)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  }
  if (config?.authorization !== undefined) {
    const { type, credentials, credentials_file } = config.authorization
    return { authorization: `${type} ${revealSecret(credentials, credentials_file)}` }
  }
  const token = revealSecret(config?.bearer_token, config?.bearer_token_file)
  return token === '' ? {} : { authorization: `Bearer ${token}` }
}

/** The body of a webhook call. */
function makeWebhookBody(notification: Notification, alertCountMax: number): object {
  const { background } = notification
  const isCut = alertCountMax > 0 && notification.alerts.length > alertCountMax
  const alerts = isCut ? notification.alerts.slice(0, alertCountMax) : notification.alerts
  return {
    version: '4',
    groupKey: notification.groupKey,
    truncatedAlerts: notification.alerts.length - alerts.length,
    status: notification.status,
    receiver: notification.receiver,
    groupLabels: notification.groupLabels,
    commonLabels: notification.commonLabels,
    commonAnnotations: notification.commonAnnotations,
    routeLabels: {},
    externalURL: notification.externalUrl,
    notification_reason: notification.reason,
    alerts: alerts.map(makeWebhookAlert),
    ...(background === undefined
      ? {}
      : {
          shipwatch: {
            incidentId: background.incidentId,
            incidentNumber: background.incidentNumber,
            cause: background.cause,
            url: background.url,
          },
        }),
  }
}

function makeWebhookAlert(alert: Alert): object {
  return {
    status: alert.state,
    labels: alert.labels,
    annotations: alert.annotations,
    startsAt: formatTime(alert.firedTimeMs),
    // The Go zero time: a firing alert has no end.
    endsAt: alert.state === 'firing' ? '0001-01-01T00:00:00Z' : formatTime(alert.endTimeMs),
    generatorURL: alert.generatorUrl,
    fingerprint: alert.fingerprint,
  }
}

/** RFC 3339 with the fraction as short as it is, as Go writes it. */
function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.?0*Z$/, 'Z')
}
