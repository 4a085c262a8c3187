/**
 * One group of rules: its rhythm by the clock, and its dirty rules on arrival. Rules are evaluated in
 * order, each seeing what those before it recorded. Turns lie at the interval's multiples plus an
 * offset from the group's name, so that groups do not all run at once; a turn that comes while the
 * one before still runs is skipped and counted.
 * Source of the rhythm: Prometheus rules/group.go (Apache-2.0), behaviour re-implemented.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { addText, startFnv64 } from '../base/hash.ts'
import { iterationsMissedTotal } from './metrics.ts'
import type { Pace } from './pace.ts'
import type { RuleGroup } from './rule-file.ts'
import type { RuleRunner } from './rule-runner.ts'

/** A group at work. */
export class GroupRunner {
  readonly group: RuleGroup
  readonly intervalMs: number
  readonly rules: readonly RuleRunner[]
  lastEvaluationTimeMs: number | undefined
  evaluationMs = 0
  /** Turns that were skipped since the start. */
  missedCount = 0
  readonly #clock: Clock
  readonly #pace: Pace
  #timer: Timer | undefined
  #isTurning = false
  #isStopped = false

  constructor(options: {
    group: RuleGroup
    intervalMs: number
    rules: readonly RuleRunner[]
    clock: Clock
    pace: Pace
  }) {
    this.group = options.group
    this.intervalMs = options.intervalMs
    this.rules = options.rules
    this.#clock = options.clock
    this.#pace = options.pace
  }

  /** Begins the rhythm. */
  start(): void {
    this.#arm(nextTurnMs(this.group, this.intervalMs, this.#clock.nowTimeMs()))
  }

  /** Ends the rhythm; rules keep their alerts. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const rule of this.rules) rule.stop()
  }

  #arm(turnTimeMs: number): void {
    const delayMs = turnTimeMs - this.#clock.nowTimeMs()
    this.#timer = this.#clock.after(Math.max(0, delayMs), () => {
      if (this.#isStopped) return
      const nowTimeMs = this.#clock.nowTimeMs()
      // A clock that was set back or a timer that came early waits on.
      if (nowTimeMs < turnTimeMs) return this.#arm(turnTimeMs)
      const missedCount = Math.floor((nowTimeMs - turnTimeMs) / this.intervalMs)
      if (missedCount > 0) this.#noteMissed(missedCount)
      this.#arm(nextTurnMs(this.group, this.intervalMs, nowTimeMs))
      if (this.#isTurning) this.#noteMissed(1)
      else void this.turn(turnTimeMs + missedCount * this.intervalMs)
    })
  }

  #noteMissed(count: number): void {
    this.missedCount += count
    iterationsMissedTotal.inc(count)
  }

  /** Evaluates every rule at `turnTimeMs`, in order. */
  async turn(turnTimeMs: number): Promise<void> {
    this.#isTurning = true
    const startMs = this.#clock.monotonicMs()
    this.#pace.begin()
    for (const rule of this.rules) {
      if (this.#isStopped) break
      // Arrival may have judged a later instant already; time does not run backwards for a rule.
      const timeMs = Math.max(turnTimeMs, rule.lastEvaluationTimeMs ?? 0)
      rule.isDirty = false
      await rule.evaluate(timeMs, 'clock')
      rule.dirtySinceMs = undefined
      if (this.#pace.isTired) await this.#pace.rest()
    }
    this.lastEvaluationTimeMs = turnTimeMs
    this.evaluationMs = this.#clock.monotonicMs() - startMs
    this.#isTurning = false
  }

  /**
   * Evaluates the dirty rules at `timeMs`, in order. Answers when (monotonic) those that had to wait
   * may run, or `undefined` when none waits.
   */
  async evaluateDirty(timeMs: number): Promise<number | undefined> {
    let waitUntilMs: number | undefined
    for (const rule of this.rules) {
      if (!rule.isDirty || this.#isStopped) continue
      const allowedMs = allowedFrom(rule)
      if (allowedMs > this.#clock.monotonicMs()) {
        waitUntilMs = Math.min(waitUntilMs ?? Infinity, allowedMs)
        continue
      }
      rule.isDirty = false
      const done = rule.evaluateNow(
        Math.max(timeMs, rule.lastEvaluationTimeMs ?? 0),
        rule.dirtySinceMs === undefined ? 'deadline' : 'arrival',
      )
      rule.dirtySinceMs = undefined
      if (done !== undefined) this.#pace.addArrivalWork(rule.evaluationMs)
      // The range reaches behind memory: the clock will read the disk.
      if (done === undefined) continue
      // Only what later rules read must be durable before they run.
      if (rule.alerts === undefined) await done
      if (this.#pace.isTired) await this.#pace.rest()
    }
    return waitUntilMs
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

/** The first turn of a group after `nowTimeMs`. */
export function nextTurnMs(
  group: Pick<RuleGroup, 'file' | 'name'>,
  intervalMs: number,
  nowTimeMs: number,
): number {
  const state = startFnv64()
  addText(state, `${group.file};${group.name}`)
  const offsetMs = (state.high * 65_536 + (state.low >>> 16)) % intervalMs
  const base = nowTimeMs - (nowTimeMs % intervalMs) + offsetMs
  return base > nowTimeMs ? base : base + intervalMs
}
