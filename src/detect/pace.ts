/** Lets others have the thread: work on rules is cut into slices of bounded length. */

import type { Clock } from '../base/clock.ts'

/** Longest stretch of rule work without a rest. */
const sliceMs = 10

/** Counts the work done since the last rest. */
export class Pace {
  readonly #clock: Clock
  #restedMs: number
  /** When the stretch of work began: one instant for all of it, so that what rules share is asked once. */
  beganTimeMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#restedMs = clock.monotonicMs()
    this.beganTimeMs = clock.nowTimeMs()
  }

  /** Begins a stretch of work; call it when other work may have run in between. */
  begin(): void {
    this.#restedMs = this.#clock.monotonicMs()
    this.beganTimeMs = this.#clock.nowTimeMs()
  }

  /** Whether it is time to rest. */
  get isTired(): boolean {
    return this.#clock.monotonicMs() - this.#restedMs > sliceMs
  }

  /** Yields to the event loop. */
  async rest(): Promise<void> {
    await this.#clock.sleep(0)
    this.begin()
  }
}
