/** A notification in the timeline of its incident: who was told of what, or could not be. */

import type { TimelineEntry } from '../model/incident.ts'
import type { NotificationAttempt } from '../store/store.ts'

/** The entry for an attempt that came to its end. */
export function makeNotifiedEntry(attempt: NotificationAttempt): Omit<TimelineEntry, 'id'> {
  const isDelivered = attempt.outcome === 'delivered'
  const what = attempt.status === 'firing' ? 'Told' : 'Told the end to'
  return {
    timeMs: attempt.timeMs,
    kind: 'notified',
    code: isDelivered ? 'notified' : 'notification-failed',
    message: isDelivered
      ? `${what} ${attempt.receiver} by ${attempt.channel}: ${attempt.reason}.`
      : `${attempt.receiver} could not be told by ${attempt.channel}: ${attempt.answer}`,
    facts: {
      receiver: attempt.receiver,
      channel: attempt.channel,
      reason: attempt.reason,
      status: attempt.status,
      latencyMs: attempt.latencyMs,
    },
    actor: '',
  }
}
