/**
 * Time comes only from here, so that tests can hold it. `systemClock` is the machine's; `VirtualClock`
 * stands still until a test moves it and then fires the timers that fell due, in order.
 */

/** A running timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void
}

/** Wall clock in integer milliseconds since 1970 UTC, a monotonic reading, and timers. */
export interface Clock {
  /** Wall time, integer milliseconds since 1970 UTC. */
  nowTimeMs(): number
  /** Monotonic milliseconds (fractions allowed) for measuring spans. */
  monotonicMs(): number
  /** Calls `action` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer
  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void>
}

/** The longest delay that the platform's timers take: 2^31 - 1 ms; longer ones are chained. */
const delayMsMax = 2_147_483_647

class SystemClock implements Clock {
  nowTimeMs(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  after(delayMs: number, action: () => void): Timer {
    let handle: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(remainingMs, delayMsMax)
      handle = setTimeout(
        () => (remainingMs > stepMs ? arm(remainingMs - stepMs) : action()),
        Math.max(0, stepMs),
      )
      handle.unref()
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(handle) }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, delayMs))
  }
}

/** The machine's clock. */
export const systemClock: Clock = new SystemClock()

interface VirtualTimer {
  dueTimeMs: number
  order: number
  action: () => void
  isCancelled: boolean
}

/** A clock that moves only when told; timers fire in order of due time, then of creation. */
export class VirtualClock implements Clock {
  #nowTimeMs: number
  #order = 0
  #timers: VirtualTimer[] = []

  constructor(startTimeMs = 0) {
    this.#nowTimeMs = startTimeMs
  }

  nowTimeMs(): number {
    return this.#nowTimeMs
  }

  monotonicMs(): number {
    return this.#nowTimeMs
  }

  after(delayMs: number, action: () => void): Timer {
    const timer: VirtualTimer = {
      dueTimeMs: this.#nowTimeMs + Math.max(0, delayMs),
      order: this.#order++,
      action,
      isCancelled: false,
    }
    this.#timers.push(timer)
    this.#timers.sort((a, b) => a.dueTimeMs - b.dueTimeMs || a.order - b.order)
    return {
      cancel: () => {
        timer.isCancelled = true
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  /** Moves time forward by `spanMs`, firing due timers and letting promises settle between them. */
  async advance(spanMs: number): Promise<void> {
    const endTimeMs = this.#nowTimeMs + spanMs
    for (;;) {
      const next = this.#timers[0]
      if (next === undefined || next.dueTimeMs > endTimeMs) break
      this.#timers.shift()
      this.#nowTimeMs = Math.max(this.#nowTimeMs, next.dueTimeMs)
      if (!next.isCancelled) next.action()
      await settle()
    }
    this.#nowTimeMs = endTimeMs
    await settle()
  }
}

/** Lets queued microtasks and immediate callbacks run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
