/** At most so many queries at once; others wait in order of arrival. */

import { queriesActive, queriesWaiting } from './metrics.ts'

/** Hands out places. */
export class Turnstile {
  #placeCount: number
  #takenCount = 0
  readonly #waiting = new Set<() => void>()

  constructor(placeCount: number) {
    this.#placeCount = placeCount
  }

  /** Changes the number of places; those who wait may enter at once. */
  resize(placeCount: number): void {
    this.#placeCount = placeCount
    this.#admit()
  }

  /** Resolves with the call that gives the place back; rejects with the signal's reason when it aborts first. */
  enter(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', giveUp)
        this.#takenCount++
        queriesActive.set(this.#takenCount)
        resolve(() => this.#leave())
      }
      const giveUp = (): void => {
        this.#waiting.delete(start)
        queriesWaiting.set(this.#waiting.size)
        reject(signal.reason)
      }
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.add(start)
      this.#admit()
    })
  }

  #leave(): void {
    this.#takenCount--
    queriesActive.set(this.#takenCount)
    this.#admit()
  }

  #admit(): void {
    for (const start of this.#waiting) {
      if (this.#takenCount >= this.#placeCount) break
      this.#waiting.delete(start)
      start()
    }
    queriesWaiting.set(this.#waiting.size)
  }
}
