/** An alert: a label set that a rule found wrong, and its life. */

import type { Labels } from './labels.ts'

/** What a rule says of a label set, sent from detection to alerting. `firing` is re-sent as long as it lasts. */
export interface DetectedAlert {
  /** Includes `alertname`; the identity. */
  labels: Labels
  annotations: Labels
  state: 'firing' | 'resolved'
  /** When it began to fire (after `for`). */
  firedTimeMs: number
  /** When the expression first held; ≤ `firedTimeMs`. */
  activeTimeMs: number
  /** End of validity for firing; the time of resolution for resolved. */
  endTimeMs: number
  /** The expression's value when last evaluated. */
  value: number
  generatorUrl: string
  /** The rule behind it; empty for alerts received from outside. */
  rule: { group: string; name: string; expression: string } | undefined
  /** When the sample that decided arrived at us, if evaluation was caused by an arrival; for latency. */
  arrivedTimeMs?: number
  /** Since when the alert is kept although its data stopped arriving. */
  noDataSinceTimeMs?: number
  /** The sender named no end: `endTimeMs` is our guess, and never shortens an end that was named. */
  isEndAssumed?: boolean
  /**
   * When it began by the word of the sender, or its end where the sender names that alone: what reports of
   * the same alert are joined by.
   */
  reportedStartTimeMs?: number
}

/** An alert as alerting knows it. */
export interface Alert extends DetectedAlert {
  fingerprint: string
  updatedTimeMs: number
  /** Why nobody is told, when nobody is. */
  held:
    | {
        reason: 'silenced' | 'inhibited' | 'maintenance' | 'out-of-hours' | 'acknowledged'
        by: string[]
      }
    | undefined
  receivers: string[]
}
