/** In which state a rule is, since when, and how long it has been in each since the start. */

/** A state of a rule. */
export type RuleState = 'firing' | 'pending' | 'inactive'

/** Counts the time in each state. */
export class StateTimes {
  /** When the present state began; `undefined` when it was so at the start. */
  sinceTimeMs: number | undefined
  readonly #spansMs: Record<RuleState, number> = { firing: 0, pending: 0, inactive: 0 }
  #state: RuleState | undefined
  #notedTimeMs = 0

  /** An evaluation found this state. */
  note(timeMs: number, state: RuleState): void {
    if (this.#state !== undefined) {
      this.#spansMs[this.#state] += Math.max(0, timeMs - this.#notedTimeMs)
      if (this.#state !== state) this.sinceTimeMs = timeMs
    }
    this.#state = state
    this.#notedTimeMs = timeMs
  }

  /** Up to the last evaluation. */
  get spansMs(): Readonly<Record<RuleState, number>> {
    return this.#spansMs
  }
}
