/**
 * Alertmanager's payload of webhooks, version 4. When something is known of the background, the extra
 * field `shipwatch` says it; receivers written for Alertmanager ignore it.
 * Source: alertmanager notify/webhook and template data (Apache-2.0), behaviour re-implemented.
 */

import type { Alert } from '../model/alert.ts'
import { findCommon } from '../model/common-labels.ts'
import type { Notification } from './notification.ts'

/** The body of a webhook call, with at most `alertCountMax` alerts; 0 is all. */
export function makeWebhookBody(
  notification: Notification,
  alertCountMax: number,
  chartUrl = '',
): object {
  const { background, acknowledge } = notification
  const isCut = alertCountMax > 0 && notification.alerts.length > alertCountMax
  const alerts = isCut ? notification.alerts.slice(0, alertCountMax) : notification.alerts
  // What is left out is in nothing that is said of all.
  const said = isCut ? summarize(alerts) : notification
  return {
    version: '4',
    groupKey: notification.groupKey,
    truncatedAlerts: notification.alerts.length - alerts.length,
    status: said.status,
    receiver: notification.receiver,
    groupLabels: notification.groupLabels,
    commonLabels: said.commonLabels,
    commonAnnotations: said.commonAnnotations,
    routeLabels: notification.routeLabels ?? {},
    externalURL: notification.externalUrl,
    notification_reason: notification.reason,
    alerts: alerts.map(makeWebhookAlert),
    ...(background === undefined && acknowledge === undefined && chartUrl === ''
      ? {}
      : {
          shipwatch: {
            ...background,
            ...(chartUrl !== '' && { chartUrl }),
            ...(acknowledge !== undefined && {
              pageId: acknowledge.pageId,
              acknowledgeUrl: acknowledge.url,
              acknowledgedBy: acknowledge.acknowledgedBy,
            }),
          },
        }),
  }
}

function summarize(
  alerts: readonly Alert[],
): Pick<Notification, 'status' | 'commonLabels' | 'commonAnnotations'> {
  return {
    status: alerts.some((alert) => alert.state === 'firing') ? 'firing' : 'resolved',
    commonLabels: findCommon(alerts.map((alert) => alert.labels)),
    commonAnnotations: findCommon(alerts.map((alert) => alert.annotations)),
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
