/** The message that messages reach nobody: told to receivers other than the one that fails. */

import { makeLabels } from '../model/labels.ts'
import type { Notification } from './notification.ts'

/** How the group keys of alarms begin. */
export const alarmPrefix = 'notifications failing:'

/** What an alarm is about. */
export interface AlarmFacts {
  receiver: string
  channel: string
  failure: string
  /** Whether it is over. */
  isOver: boolean
  nowTimeMs: number
  externalUrl: string
}

/** An alarm to a receiver, or its end. */
export function makeAlarm(to: string, facts: AlarmFacts): Notification {
  const { receiver, channel, failure, isOver, nowTimeMs, externalUrl } = facts
  const labels = makeLabels({
    alertname: 'ShipwatchNotificationsFailing',
    receiver,
    channel,
    severity: 'critical',
  })
  const annotations = makeLabels({
    summary: isOver
      ? `Messages to ${receiver} over ${channel} arrive again.`
      : `Messages to ${receiver} over ${channel} reach nobody.`,
    description: isOver ? '' : failure,
    runbook:
      'See the ledger for what the other side answers, mend the receiver, test it, and send again what reached nobody.',
  })
  const state = isOver ? 'resolved' : 'firing'
  return {
    groupKey: `${alarmPrefix}${receiver}/${channel}`,
    status: state,
    reason: isOver ? 'all alerts resolved' : 'first notification',
    receiver: to,
    groupLabels: makeLabels({ alertname: 'ShipwatchNotificationsFailing', receiver }),
    commonLabels: labels,
    commonAnnotations: annotations,
    alerts: [
      {
        labels,
        annotations,
        state,
        firedTimeMs: nowTimeMs,
        activeTimeMs: nowTimeMs,
        endTimeMs: nowTimeMs,
        value: 1,
        generatorUrl: '',
        rule: undefined,
        fingerprint: labels.fingerprint(),
        updatedTimeMs: nowTimeMs,
        held: undefined,
        receivers: [to],
      },
    ],
    background: undefined,
    externalUrl,
  }
}
