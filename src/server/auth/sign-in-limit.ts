/**
 * How often one address may fail to sign in. An attempt is counted before it is judged, so that many
 * at once cannot slip through; success forgets the count. The table is bounded: the oldest goes first.
 */

import type { Clock } from '../../base/clock.ts'

/** Failures are forgotten this long after the first of them. */
const windowMs = 300_000
const addressCountMax = 10_000

interface Tally {
  count: number
  endTimeMs: number
}

/** Counts attempts by address. */
export class SignInLimit {
  readonly #clock: Clock
  readonly #countMax: number
  readonly #tallies = new Map<string, Tally>()

  constructor(clock: Clock, countMax: number) {
    this.#clock = clock
    this.#countMax = countMax
  }

  /** Counts an attempt; 0 when it may go on, else how long to wait in milliseconds. */
  take(address: string): number {
    const nowTimeMs = this.#clock.nowTimeMs()
    let tally = this.#tallies.get(address)
    if (tally === undefined || tally.endTimeMs <= nowTimeMs) {
      this.#tallies.delete(address)
      if (this.#tallies.size >= addressCountMax) {
        this.#tallies.delete(this.#tallies.keys().next().value!)
      }
      tally = { count: 0, endTimeMs: nowTimeMs + windowMs }
      this.#tallies.set(address, tally)
    }
    if (tally.count >= this.#countMax) return tally.endTimeMs - nowTimeMs
    tally.count++
    return 0
  }

  /** Forgets an address after a success. */
  forgive(address: string): void {
    this.#tallies.delete(address)
  }
}
