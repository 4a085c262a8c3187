/** Alerts as other programs hand them in, brought into the shape of our own. */

import type { DetectedAlert } from '../model/alert.ts'
import type { Labels } from '../model/labels.ts'

/** An alert as another program hands it in; a time that it leaves open is `undefined`. */
export interface ReceivedAlert {
  labels: Labels
  annotations: Labels
  startTimeMs: number | undefined
  endTimeMs: number | undefined
  generatorUrl: string
}

/** One without a start begins now; one without an end fires for `resolveTimeoutMs`. */
export function toDetected(
  alert: ReceivedAlert,
  nowTimeMs: number,
  resolveTimeoutMs: number,
): DetectedAlert {
  const isEndAssumed = alert.endTimeMs === undefined
  const endTimeMs = alert.endTimeMs ?? nowTimeMs + resolveTimeoutMs
  // What has ended and names no start began at its end.
  const startTimeMs = alert.startTimeMs ?? Math.min(endTimeMs, nowTimeMs)
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    state: endTimeMs > nowTimeMs ? 'firing' : 'resolved',
    firedTimeMs: startTimeMs,
    activeTimeMs: startTimeMs,
    endTimeMs,
    value: Number.NaN,
    generatorUrl: alert.generatorUrl,
    rule: undefined,
    arrivedTimeMs: nowTimeMs,
    reportedStartTimeMs: alert.startTimeMs ?? alert.endTimeMs ?? nowTimeMs,
    ...(isEndAssumed ? { isEndAssumed } : {}),
  }
}
