/**
 * How often one expression may be asked when samples arrive, by all rules that have it. What it saves while
 * nothing touches it, it may spend at once; so what costs little is asked about every sample, however
 * busy thousands of others are, and what is dear and touched by every sample is spaced by what it costs.
 */

import type { Pace } from './pace.ts'

/** At most this often, whatever it costs. */
const spacingMsMin = 20
/** Whatever others do, an expression has one part in so many of the time for itself … */
const ownShare = 500
/** … and may save this much of it. */
const savedMsMax = 20
/** While all together take little, it may take one part in so many. */
const commonShare = 10

/** Of one expression. */
export class Allowance {
  /** Not before this (monotonic) may arrival cause the next evaluation. */
  fromMs = 0
  readonly #pace: Pace
  #savedMs = savedMsMax
  #notedMs = Number.NEGATIVE_INFINITY

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** An evaluation ended at `nowMs` (monotonic) and took `costMs`. */
  spend(nowMs: number, costMs: number): void {
    const share = ownShare * this.#pace.pressure
    this.#savedMs = Math.min(savedMsMax, this.#savedMs + (nowMs - this.#notedMs) / share) - costMs
    this.#notedMs = nowMs
    const ownWaitMs = this.#savedMs > 0 ? 0 : -this.#savedMs * share
    const commonWaitMs = costMs * commonShare * this.#pace.crowding
    this.fromMs = nowMs + Math.max(spacingMsMin, Math.min(ownWaitMs, commonWaitMs))
  }
}
