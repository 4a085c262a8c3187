/** A verdict joined with what is known of its alert. */

import type { Alert, DetectedAlert } from '../model/alert.ts'

/** Changes the known alert; answers whether people may care: it began, ended, or its data came or went. */
export function mergeAlert(
  known: Alert,
  detected: DetectedAlert,
  is: { knownFiring: boolean; firing: boolean; nowTimeMs: number },
): boolean {
  const { firedTimeMs, activeTimeMs, noDataSinceTimeMs, endTimeMs, isEndAssumed } = known
  delete known.isEndAssumed
  delete known.noDataSinceTimeMs
  delete known.arrivedTimeMs
  Object.assign(known, detected, { updatedTimeMs: is.nowTimeMs })
  // The same trouble: it began when it first began.
  if (is.knownFiring) {
    known.firedTimeMs = Math.min(firedTimeMs, detected.firedTimeMs)
    known.activeTimeMs = Math.min(activeTimeMs, detected.activeTimeMs)
    const isFromOutside = detected.rule === undefined
    if (is.firing && isFromOutside && isEndAssumed !== true && endTimeMs > detected.endTimeMs) {
      known.endTimeMs = endTimeMs
      delete known.isEndAssumed
    }
  }
  if (!is.firing) known.held = undefined
  const isNoDataNews = (noDataSinceTimeMs === undefined) !== (known.noDataSinceTimeMs === undefined)
  return is.firing !== is.knownFiring || isNoDataNews
}
