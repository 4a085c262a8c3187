/**
 * Lets others have the thread: work on rules is cut into slices of bounded length, and what arrival
 * causes has a share of the time. Samples may come faster than rules can be asked about them; then
 * dear rules are asked less often, in proportion to what each costs, at the least as often as by their
 * clock; and when even what each has for itself is too much together, so are all.
 */

import type { Clock } from '../base/clock.ts'

/** Longest stretch of rule work without a rest. */
const sliceMs = 10
/** What arrival causes may take one part in so many of the time, all rules together … */
const commonShare = 20
/** … and when thousands of them take no more than what each has for itself, one in so many. */
const topShare = 4
/** How long the time of arrival's work is added up before it is compared with its share. */
const measureMs = 200
/** The spacing of rules is changed by this factor at most, so that one pause says little. */
const stepMax = 2
/** Beyond this the clock of the groups does what is left. */
const factorMax = 4_096

/** Counts the work done since the last rest. */
export class Pace {
  readonly #clock: Clock
  #restedMs: number
  /** When the stretch of work began: one instant for all of it, so that what rules share is asked once. */
  beganTimeMs: number

  #crowding = 1
  #pressure = 1
  #workMs = 0
  #measuredMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#measuredMs = clock.monotonicMs()
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

  /** Adds the time of an evaluation that arrival caused. */
  addArrivalWork(workMs: number): void {
    this.#workMs += workMs
  }

  /** By what factor dear rules must be spaced wider than each of them alone would need; at least 1. */
  get crowding(): number {
    this.#measure()
    return this.#crowding
  }

  /** By what factor less each rule has for itself; at least 1. */
  get pressure(): number {
    this.#measure()
    return this.#pressure
  }

  #measure(): void {
    const spanMs = this.#clock.monotonicMs() - this.#measuredMs
    if (spanMs < measureMs) return
    const taken = this.#workMs / spanMs
    // A long quiet time counts as often as it was long.
    const turns = Math.min(12, Math.floor(spanMs / measureMs))
    this.#crowding = adjust(this.#crowding, taken * commonShare, turns)
    this.#pressure = adjust(this.#pressure, taken * topShare, turns)
    this.#workMs = 0
    this.#measuredMs += spanMs
  }

  /** Yields to the event loop. */
  async rest(): Promise<void> {
    await this.#clock.sleep(0)
    this.begin()
  }
}

function adjust(factor: number, excess: number, turns: number): number {
  const step = Math.max(stepMax ** -turns, Math.min(stepMax, excess))
  return Math.max(1, Math.min(factorMax, factor * step))
}
