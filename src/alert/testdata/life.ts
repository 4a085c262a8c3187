/**
 * One life of a process for simulations: a clock, records and a notifier that go silent for good at a
 * chosen moment, just before or just after the n-th thing that reaches the outside. What was done is
 * done, what was not is not, and nobody is told which: as with kill -9.
 */

import type { MemoryRecords } from '../../../test/support/memory-records.ts'
import type { Clock, Timer, VirtualClock } from '../../base/clock.ts'
import type { Records } from '../../store/store.ts'
import type { FakeNotifier } from './bench.ts'

/** When to die: at the n-th deed from now, before or after doing it. */
export interface Death {
  deedsLeft: number
  side: 'before' | 'after'
}

/** A life that ends when told, or at its `death`. */
export class Life {
  death: Death | undefined
  isOver = false
  readonly clock: Clock
  readonly records: Records
  readonly notifier: FakeNotifier

  constructor(world: { clock: VirtualClock; records: MemoryRecords; notifier: FakeNotifier }) {
    this.clock = this.#makeClock(world.clock)
    this.records = this.#makeRecords(world.records)
    this.notifier = this.#makeNotifier(world.notifier)
  }

  #makeClock(clock: VirtualClock): Clock {
    return {
      nowTimeMs: () => clock.nowTimeMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, action): Timer => clock.after(delayMs, () => !this.isOver && action()),
      sleep: (delayMs) =>
        new Promise((resolve) => clock.after(delayMs, () => !this.isOver && resolve())),
    }
  }

  #makeRecords(records: MemoryRecords): Records {
    const keepers = new Map<string | symbol, object>()
    return new Proxy(records as unknown as Records, {
      get: (_target, name) => {
        const known = keepers.get(name)
        if (known !== undefined) return known
        const inner = Reflect.get(records, name) as Record<string, (...args: unknown[]) => unknown>
        const keeper = new Proxy(inner, {
          get: (target, method) => {
            const call = Reflect.get(target, method) as (...args: unknown[]) => Promise<unknown>
            return (...args: unknown[]) => this.#act(() => call(...args))
          },
        })
        keepers.set(name, keeper)
        return keeper
      },
    })
  }

  #makeNotifier(notifier: FakeNotifier): FakeNotifier {
    return new Proxy(notifier, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown
        if (typeof value !== 'function') return value
        const call = (...args: unknown[]) => value.apply(target, args)
        return name === 'sendTo' ? (...args: unknown[]) => this.#act(() => call(...args)) : call
      },
    })
  }

  /** Does a deed, unless death comes first; after death nothing is ever answered. */
  async #act<Answer>(deed: () => Promise<Answer> | Answer): Promise<Answer> {
    if (this.isOver) return await new Promise<never>(() => undefined)
    const isLast = this.death !== undefined && --this.death.deedsLeft <= 0
    if (isLast && this.death?.side === 'before') this.isOver = true
    const answer = this.isOver ? undefined : await deed()
    if (isLast) this.isOver = true
    return this.isOver ? await new Promise<never>(() => undefined) : (answer as Answer)
  }
}
