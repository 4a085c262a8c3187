/**
 * Since when the event loop has been kept from turning. One short piece of work after the other, each
 * awaited in turn, holds the thread as one long piece does: all of a kind look at the same clock.
 */

/** The turn of the loop that work of one kind shares. */
export class LoopTurn {
  readonly #monotonicMs: () => number
  #beganMs = 0
  #isNoted = false

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  /** For how long this turn has lasted, counted from the first question about it. */
  elapsedMs(): number {
    if (!this.#isNoted) this.#note()
    return this.#monotonicMs() - this.#beganMs
  }

  /** Lets the loop turn. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#note()
  }

  #note(): void {
    this.#beganMs = this.#monotonicMs()
    if (this.#isNoted) return
    this.#isNoted = true
    setImmediate(() => {
      this.#isNoted = false
    })
  }
}
