/** Alerts in the timeline of their incident: that one fires, and that it ended. */

import type { AlertView } from '../api/api.ts'
import type { Alert } from '../model/alert.ts'
import type { TimelineEntry } from '../model/incident.ts'

/** The entry for an alert as it is now. */
export function makeAlertEntry(alert: Alert, view: AlertView): Omit<TimelineEntry, 'id'> {
  const { fingerprint } = alert
  if (alert.state !== 'firing') {
    return {
      timeMs: alert.endTimeMs,
      kind: 'alert-resolved',
      code: 'alert-resolved',
      message: `Alert ${view.name} ended.`,
      facts: { fingerprint, labels: view.labels },
      actor: '',
    }
  }
  const summary = view.annotations['summary']
  return {
    timeMs: alert.firedTimeMs,
    kind: 'alert-firing',
    code: 'alert-firing',
    message: `Alert ${view.name} fires${summary === undefined ? '' : `: ${summary}`}`,
    facts: { fingerprint, labels: view.labels, value: alert.value },
    actor: '',
  }
}
