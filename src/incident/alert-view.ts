/** An alert as an incident keeps it: plain data that outlives the alert itself. */

import type { AlertView } from '../api/api.ts'
import type { Alert } from '../model/alert.ts'
import { healthOfSeverity } from '../model/health.ts'

/** Makes the view of an alert that belongs to `incidentId`. */
export function makeAlertView(alert: Alert, incidentId: string | undefined): AlertView {
  return {
    fingerprint: alert.fingerprint,
    name: alert.labels.get('alertname'),
    state: alert.state,
    health: healthOfSeverity(alert.labels.get('severity')),
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    activeTimeMs: alert.activeTimeMs,
    firedTimeMs: alert.firedTimeMs,
    endTimeMs: alert.state === 'resolved' ? alert.endTimeMs : undefined,
    value: alert.value,
    held: alert.held,
    receivers: alert.receivers,
    expression: alert.rule?.expression ?? '',
    incidentId,
  }
}
