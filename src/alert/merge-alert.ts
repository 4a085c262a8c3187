/**
 * A verdict joined with what is known of its alert.
 * Source: alertmanager provider/mem/mem.go (Put) and types/types.go (Merge), Apache-2.0, behaviour
 * re-implemented.
 */

import type { Alert, DetectedAlert } from '../model/alert.ts'

/** Changes the known alert; answers whether people may care: it began, ended, or its data came or went. */
export function mergeAlert(
  known: Alert,
  detected: DetectedAlert,
  is: { knownFiring: boolean; firing: boolean; nowTimeMs: number },
): boolean {
  const { firedTimeMs, activeTimeMs, noDataSinceTimeMs } = known
  const joined = detected.rule === undefined ? joinReports(known, detected, is.nowTimeMs) : {}
  delete known.isEndAssumed
  delete known.reportedStartTimeMs
  delete known.noDataSinceTimeMs
  delete known.arrivedTimeMs
  Object.assign(known, detected, joined, { updatedTimeMs: is.nowTimeMs })
  // The same trouble: it began when it first began.
  if (is.knownFiring) {
    known.firedTimeMs = Math.min(firedTimeMs, detected.firedTimeMs)
    known.activeTimeMs = Math.min(activeTimeMs, detected.activeTimeMs)
  }
  if (!is.firing) known.held = undefined
  const isNoDataNews = (noDataSinceTimeMs === undefined) !== (known.noDataSinceTimeMs === undefined)
  return is.firing !== is.knownFiring || isNoDataNews
}

/** Start and end of two reports that overlap; nothing when the later one stands for itself. */
function joinReports(
  known: Alert,
  later: DetectedAlert,
  nowTimeMs: number,
): Partial<Pick<Alert, 'reportedStartTimeMs' | 'endTimeMs'>> {
  const start = known.reportedStartTimeMs ?? known.firedTimeMs
  const laterStart = later.reportedStartTimeMs ?? later.firedTimeMs
  const isWithin = (timeMs: number): boolean => timeMs > start && timeMs < known.endTimeMs
  if (!isWithin(later.endTimeMs) && !isWithin(laterStart)) return {}
  const reportedStartTimeMs = Math.min(start, laterStart)
  // An end that somebody named holds against a guess and against an earlier one, but not against the end.
  const isEndKept = later.endTimeMs > nowTimeMs && known.isEndAssumed !== true
  if (!isEndKept || known.endTimeMs <= later.endTimeMs) return { reportedStartTimeMs }
  return { reportedStartTimeMs, endTimeMs: known.endTimeMs }
}
