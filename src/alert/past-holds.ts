/**
 * Which silences and maintenance windows would have held alerts of the past: those that are still known
 * (a silence for five days after its end, a window for thirty), each over the times for which it was made.
 */

import type { Labels } from '../model/labels.ts'

/** What held alerts for a while, or for several. */
export interface PastHolder {
  kind: 'silence' | 'maintenance'
  id: string
  /** What people call it. */
  title: string
  spans: readonly Span[]
  isOf(labels: Labels): boolean
}

/** What held one alert. */
export interface PastHold {
  kind: PastHolder['kind']
  id: string
  title: string
  /** Whether it held the alert from its beginning to its end, so that nobody would have been told. */
  isWhole: boolean
}

interface Span {
  startTimeMs: number
  endTimeMs: number
}

/** What of these held an alert with labels over a span; what held it as a whole first. */
export function findPastHolds(
  holders: readonly PastHolder[],
  labels: Labels,
  span: Span,
): PastHold[] {
  const holds: PastHold[] = []
  for (const { kind, id, title, spans, isOf } of holders) {
    const touching = spans.filter(
      (one) => one.startTimeMs < span.endTimeMs && one.endTimeMs > span.startTimeMs,
    )
    if (touching.length === 0 || !isOf(labels)) continue
    const isWhole = touching.some(
      (one) => one.startTimeMs <= span.startTimeMs && one.endTimeMs >= span.endTimeMs,
    )
    holds.push({ kind, id, title, isWhole })
  }
  return holds.sort((a, b) => Number(b.isWhole) - Number(a.isWhole))
}
