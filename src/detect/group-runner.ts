/**
 * One group of rules and its rhythm by the clock. Rules are evaluated in order, each seeing what those before it recorded. Turns lie at the interval's multiples plus an
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
