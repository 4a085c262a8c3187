/**
 * The rules that samples touched, each until its evaluation: first touched, first asked. A rule that may
 * not be asked yet waits aside without holding up others, and one that reads a recording lets this
 * one go first. Work is cut into slices, so that samples are taken in between.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { PreparedQuery } from '../query/query.ts'
import { dirtyRules } from './metrics.ts'
import type { Pace } from './pace.ts'
import type { RuleRunner } from './rule-runner.ts'

/** How long touches are collected before the rules run. */
const arrivalDelayMs = 2
/** Sample times may be this far ahead of our clock and still be judged at once. */
const skewMsMax = 5_000
/** Places of rules that have run are given back in portions of this many at least. */
const donePlacesMin = 1_024

/** Where a dirty rule is. */
const nowhere = 0
const inReady = 1
const inWaiting = 2

/** Runs the dirty rules of one set of rules. */
export class ArrivalQueue {
  readonly #clock: Clock
  readonly #pace: Pace
  readonly #rules: readonly RuleRunner[]
  /** Rules with the same expression: one answer serves all. */
  readonly #alike = new Map<PreparedQuery, RuleRunner[]>()
  /** By rule: where it is queued. */
  readonly #place: Uint8Array
  /** Those that may run, in the order in which they were touched; before `#readyFrom` they have run. */
  #ready: RuleRunner[] = []
  #readyFrom = 0
  readonly #waiting = new WaitingRules()
  #wake: { timer: Timer; dueMs: number } | undefined
  #isRunning = false
  #isStopped = false

  constructor(options: { rules: readonly RuleRunner[]; clock: Clock; pace: Pace }) {
    this.#rules = options.rules
    this.#clock = options.clock
    this.#pace = options.pace
    this.#place = new Uint8Array(options.rules.length)
    for (const rule of options.rules) {
      const alike = this.#alike.get(rule.query)
      if (alike === undefined) this.#alike.set(rule.query, [rule])
      else alike.push(rule)
    }
  }

  /** Samples arrived that a rule reads. */
  touch(ruleIndex: number, arrival: { arrivedTimeMs: number; newestTimeMs: number }): void {
    const rule = this.#rules[ruleIndex]
    if (rule === undefined || !rule.isOnArrival) return
    rule.dirtySinceMs ??= arrival.arrivedTimeMs
    if (arrival.newestTimeMs > rule.newestSampleTimeMs)
      rule.newestSampleTimeMs = arrival.newestTimeMs
    this.add(rule)
  }

  /** A rule is to be evaluated. */
  add(rule: RuleRunner): void {
    if (this.#isStopped) return
    rule.isDirty = true
    if (this.#place[rule.ruleIndex] !== nowhere) return
    this.#place[rule.ruleIndex] = inReady
    this.#ready.push(rule)
    if (!this.#isRunning) this.#wakeIn(arrivalDelayMs)
  }

  /** Evaluates nothing more. */
  stop(): void {
    this.#isStopped = true
    this.#wake?.timer.cancel()
  }

  #wakeIn(delayMs: number): void {
    const dueMs = this.#clock.monotonicMs() + delayMs
    if (this.#wake !== undefined) {
      if (this.#wake.dueMs <= dueMs) return
      this.#wake.timer.cancel()
    }
    this.#wake = { timer: this.#clock.after(delayMs, () => void this.#run()), dueMs }
  }

  async #run(): Promise<void> {
    this.#wake = undefined
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    this.#pace.begin()
    this.#release()
    dirtyRules.set(this.#ready.length - this.#readyFrom + this.#waiting.size)
    try {
      while (this.#readyFrom < this.#ready.length && !this.#isStopped) {
        const rule = this.#ready[this.#readyFrom++]!
        this.#place[rule.ruleIndex] = nowhere
        if (!rule.isDirty || this.#mustWait(rule)) continue
        const alike = this.#alike.get(rule.query)!
        if (alike.length === 1) {
          const done = this.#evaluate(rule)
          if (done !== undefined) await done
          if (this.#pace.isTired) await this.#rest()
        } else await this.#evaluateAlike(rule, alike)
      }
    } finally {
      this.#isRunning = false
      this.#wakeForNext()
    }
  }

  /** Whatever became of one rule, the others have their turn. */
  #wakeForNext(): void {
    if (this.#isStopped) return
    if (this.#readyFrom < this.#ready.length) {
      this.#wakeIn(arrivalDelayMs)
      return
    }
    this.#ready = []
    this.#readyFrom = 0
    const dueMs = this.#waiting.nextDueMs
    if (dueMs !== undefined) this.#wakeIn(Math.max(1, dueMs - this.#clock.monotonicMs()))
  }

  /** Those whose time has come may run. */
  #release(): void {
    const nowMs = this.#clock.monotonicMs()
    for (
      let rule = this.#waiting.take(nowMs);
      rule !== undefined;
      rule = this.#waiting.take(nowMs)
    ) {
      this.#place[rule.ruleIndex] = inReady
      this.#ready.push(rule)
    }
    if (this.#readyFrom < donePlacesMin) return
    this.#ready.splice(0, this.#readyFrom)
    this.#readyFrom = 0
  }

  /** Rules that have the expression of one which may run take the same answer, as long as it holds. */
  async #evaluateAlike(first: RuleRunner, alike: readonly RuleRunner[]): Promise<void> {
    const firstDone = this.#evaluate(first)
    if (firstDone !== undefined) await firstDone
    for (const rule of alike) {
      if (!rule.isDirty || this.#isStopped) continue
      const done = this.#evaluate(rule)
      if (done !== undefined) await done
      if (this.#pace.isTired) await this.#rest()
    }
  }

  async #rest(): Promise<void> {
    await this.#pace.rest()
    this.#release()
  }

  /** Puts a rule aside that may not be asked yet. */
  #mustWait(rule: RuleRunner): boolean {
    const allowedMs = allowedFrom(rule)
    if (allowedMs <= this.#clock.monotonicMs()) return false
    this.#place[rule.ruleIndex] = inWaiting
    this.#waiting.add(rule, allowedMs)
    return true
  }

  /** Asks a rule; answers a promise when others have to be told first. */
  #evaluate(rule: RuleRunner): Promise<void> | undefined {
    if (rule.dependencies.some((other) => other.isDirty)) return this.#evaluateAfterRead(rule)
    return this.#evaluateOne(rule)
  }

  async #evaluateAfterRead(rule: RuleRunner): Promise<void> {
    for (const other of rule.dependencies)
      if (other.isDirty && !this.#isStopped) await this.#evaluateAfterRead(other)
    if (rule.isDirty && !this.#isStopped) await this.#evaluateOne(rule)
  }

  /** Only what later rules read must be durable before they run: recordings are waited for. */
  #evaluateOne(rule: RuleRunner): Promise<void> | undefined {
    rule.isDirty = false
    const cause = rule.dirtySinceMs === undefined ? 'deadline' : 'arrival'
    const done = rule.evaluateNow(this.#instantFor(rule), cause)
    rule.dirtySinceMs = undefined
    // The range reaches behind memory: the clock will read the disk.
    if (done === undefined) return undefined
    this.#pace.addArrivalWork(rule.evaluationMs)
    return rule.alerts === undefined ? done : undefined
  }

  /** The instant of this stretch of work; or a little later, when a sender's clock runs ahead of ours. */
  #instantFor(rule: RuleRunner): number {
    const nowTimeMs = this.#pace.beganTimeMs
    let timeMs = Math.max(nowTimeMs, rule.lastEvaluationTimeMs ?? 0)
    if (rule.newestSampleTimeMs <= nowTimeMs + skewMsMax)
      timeMs = Math.max(timeMs, rule.newestSampleTimeMs)
    for (const other of rule.dependencies)
      timeMs = Math.max(timeMs, other.lastEvaluationTimeMs ?? 0)
    return timeMs
  }
}

/** A rule waits for the recordings that it reads. */
function allowedFrom(rule: RuleRunner): number {
  let allowedMs = rule.allowedFromMs
  for (const other of rule.dependencies) {
    if (other.isDirty) allowedMs = Math.max(allowedMs, allowedFrom(other))
  }
  return allowedMs
}

/** Rules by the (monotonic) time from which they may run: a binary heap. */
class WaitingRules {
  readonly #rules: RuleRunner[] = []
  readonly #dueMs: number[] = []

  get size(): number {
    return this.#rules.length
  }

  /** When the first may run. */
  get nextDueMs(): number | undefined {
    return this.#dueMs[0]
  }

  add(rule: RuleRunner, dueMs: number): void {
    let place = this.#rules.length
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#dueMs[parent]! <= dueMs) break
      this.#move(parent, place)
      place = parent
    }
    this.#rules[place] = rule
    this.#dueMs[place] = dueMs
  }

  /** The first, when it may run at `nowMs`. */
  take(nowMs: number): RuleRunner | undefined {
    if (this.#rules.length === 0 || this.#dueMs[0]! > nowMs) return undefined
    const first = this.#rules[0]!
    const rule = this.#rules.pop()!
    const dueMs = this.#dueMs.pop()!
    const count = this.#rules.length
    if (count === 0) return first
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= count) break
      if (child + 1 < count && this.#dueMs[child + 1]! < this.#dueMs[child]!) child++
      if (this.#dueMs[child]! >= dueMs) break
      this.#move(child, place)
      place = child
    }
    this.#rules[place] = rule
    this.#dueMs[place] = dueMs
    return first
  }

  #move(from: number, to: number): void {
    this.#rules[to] = this.#rules[from]!
    this.#dueMs[to] = this.#dueMs[from]!
  }
}
