/** Notes when the alerts of a rule fired: one entry from firing to its end, with the worst value between. */

import type { ActiveAlert } from '../alert-state.ts'

/** One alert that fired. */
export interface Firing {
  labels: Record<string, string>
  annotations: Record<string, string>
  /** When the condition began to hold. */
  activeTimeMs: number
  firedTimeMs: number
  /** `undefined`: it still fired at the end of the test. */
  endTimeMs: number | undefined
  /** The value furthest beyond the threshold. */
  peakValue: number
  /** Whether its data was missing at any time while it fired. */
  hadNoData: boolean
}

/** Entries that are told of one rule; the count counts all. */
const firingCountMax = 1_000

/** The firings of one rule. */
export class FiringLog {
  readonly firings: Firing[] = []
  firingCount = 0
  /** Alerts that waited for `for` and ended before it had passed. */
  missedCount = 0
  readonly #open = new Map<string, Firing>()
  readonly #pending = new Set<string>()
  readonly #isLowWorse: boolean

  /** `isLowWorse`: the rule fires on small values. */
  constructor(isLowWorse: boolean) {
    this.#isLowWorse = isLowWorse
  }

  /** Notes the alerts of an instant. */
  note(alerts: Iterable<[string, ActiveAlert]>): void {
    const seen = new Set<string>()
    for (const [key, alert] of alerts) {
      seen.add(key)
      if (alert.state === 'pending') this.#pending.add(key)
      else this.#pending.delete(key)
      const open = this.#open.get(key)
      if (alert.state === 'firing') {
        const firing = open ?? this.#begin(key, alert)
        const isWorse = this.#isLowWorse
          ? alert.value < firing.peakValue
          : alert.value > firing.peakValue
        if (isWorse || Number.isNaN(firing.peakValue)) firing.peakValue = alert.value
        if (alert.noDataSinceTimeMs !== undefined) firing.hadNoData = true
      } else if (open !== undefined) {
        open.endTimeMs = alert.resolvedTimeMs
        this.#open.delete(key)
      }
    }
    for (const key of this.#pending) {
      if (seen.has(key)) continue
      this.#pending.delete(key)
      this.missedCount++
    }
  }

  #begin(key: string, alert: ActiveAlert): Firing {
    const firing: Firing = {
      labels: alert.labels.toObject(),
      annotations: alert.annotations.toObject(),
      activeTimeMs: alert.activeTimeMs,
      firedTimeMs: alert.firedTimeMs ?? alert.activeTimeMs,
      endTimeMs: undefined,
      peakValue: alert.value,
      hadNoData: false,
    }
    this.#open.set(key, firing)
    this.firingCount++
    if (this.firings.length < firingCountMax) this.firings.push(firing)
    return firing
  }
}
