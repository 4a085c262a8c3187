/**
 * How often one rule may be asked when samples arrive. What it saves while nothing touches it, it may
 * spend at once; so a rule that costs little is asked about every sample, however busy thousands of
 * others are, and a dear one that every sample touches is spaced by what it costs.
 */

import type { Pace } from './pace.ts'

/** At most this often, whatever it costs. */
const spacingMsMin = 20
/** Whatever others do, a rule has one part in so many of the time for itself … */
const ownShare = 500
/** … and may save this much of it. */
const savedMsMax = 20
/** While all rules together take little, it may take one part in so many. */
const commonShare = 10

/** Of one rule. */
export class Allowance {
  readonly #pace: Pace
  #savedMs = savedMsMax
  #notedMs = Number.NEGATIVE_INFINITY

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** An evaluation ended at `nowMs` (monotonic) and took `costMs`: from when arrival may cause the next. */
  spend(nowMs: number, costMs: number): number {
    const share = ownShare * this.#pace.pressure
    this.#savedMs = Math.min(savedMsMax, this.#savedMs + (nowMs - this.#notedMs) / share) - costMs
    this.#notedMs = nowMs
    const ownWaitMs = this.#savedMs > 0 ? 0 : -this.#savedMs * share
    const commonWaitMs = costMs * commonShare * this.#pace.crowding
    return nowMs + Math.max(spacingMsMin, Math.min(ownWaitMs, commonWaitMs))
  }
}
