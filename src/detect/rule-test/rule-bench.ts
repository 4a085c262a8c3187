/**
 * Rules on a bench: the same groups and state machine as at work, over given samples, under a clock
 * that moves from evaluation to evaluation. As in promtool all groups are evaluated at one interval,
 * whatever theirs is, and what vanishes is resolved at once, as Prometheus does.
 * Source: prometheus cmd/promtool/unittest.go (Apache-2.0), behaviour re-implemented.
 */

import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import type { Labels } from '../../model/labels.ts'
import { type QueryAnswer, QueryEngine, querySettings, type SeriesLine } from '../../query/query.ts'
import type { ActiveAlert } from '../alert-state.ts'
import { ArrivalIndex } from '../arrival.ts'
import { GroupRunner } from '../group-runner.ts'
import { Pace } from '../pace.ts'
import type { RuleGroup } from '../rule-file.ts'
import { RuleRunner, type RuleSurroundings } from '../rule-runner.ts'
import { SharedAnswers } from '../shared-answers.ts'
import { BenchStore } from './bench-store.ts'

/** A rule that could not be evaluated. */
export interface RuleFailure {
  rule: string
  timeMs: number
  reason: string
}

/** What a bench is made of. */
export interface RuleBenchParts {
  /** In the order in which they are evaluated. */
  groups: readonly RuleGroup[]
  startTimeMs: number
  /** Of all groups; also the step of subqueries that name none. */
  evaluationIntervalMs: number
  externalLabels: Labels
  externalUrl: string
}

/** Groups of rules over samples. */
export class RuleBench {
  readonly #clock: VirtualClock
  readonly #store: BenchStore
  readonly #engine: QueryEngine
  readonly #groups: GroupRunner[]
  readonly #startTimeMs: number
  readonly #intervalMs: number
  #nextTimeMs: number

  constructor(parts: RuleBenchParts) {
    const { startTimeMs, evaluationIntervalMs, externalLabels, externalUrl } = parts
    const clock = new VirtualClock(startTimeMs)
    const settings = z.object(querySettings.top).parse({})
    settings.query.subquery_step = evaluationIntervalMs
    this.#clock = clock
    this.#startTimeMs = startTimeMs
    this.#intervalMs = evaluationIntervalMs
    this.#nextTimeMs = startTimeMs
    this.#store = new BenchStore(clock)
    this.#engine = new QueryEngine({
      querier: this.#store,
      logs: undefined,
      settings,
      clock,
      log: silentLog,
    })
    const pace = new Pace(clock)
    const answers = new SharedAnswers(this.#engine, pace)
    this.#store.onAppend(() => answers.forget())
    const index = new ArrivalIndex([], () => undefined)
    const around: RuleSurroundings = {
      engine: this.#engine,
      answers,
      appender: this.#store,
      clock,
      pace,
      log: silentLog,
      index: () => index,
      externalLabels,
      externalUrl,
      noDataKeepMs: 0,
      noDataKeepForMs: 3_600_000,
      resendDelayMs: 60_000,
      forGraceMs: 0,
      send: () => undefined,
      noteChanged: () => undefined,
      noteDue: () => undefined,
    }
    this.#groups = parts.groups.map((group) => {
      const intervalMs = evaluationIntervalMs
      const offsetMs = group.queryOffsetMs ?? 0
      const rules = group.rules.map(
        (rule, ruleIndex) =>
          new RuleRunner({ rule, group, ruleIndex, intervalMs, offsetMs, around }),
      )
      return new GroupRunner({ group, intervalMs, rules, clock, pace })
    })
  }

  /** Adds the samples of a series: the first at the start, the others `intervalMs` apart. */
  add(line: SeriesLine, intervalMs: number): void {
    for (const [index, value] of line.values.entries()) {
      if (value === undefined) continue
      this.#store.input.add(line.labels, this.#startTimeMs + index * intervalMs, value)
    }
  }

  /**
   * Evaluates all that is due up to and including `timeMs`; the last evaluation is then the present.
   * Stops after the first instant at which a rule fails; answers its failures.
   */
  async advance(timeMs: number): Promise<RuleFailure[]> {
    while (this.#nextTimeMs <= timeMs) {
      const turnTimeMs = this.#nextTimeMs
      this.#nextTimeMs += this.#intervalMs
      await this.#clock.advance(turnTimeMs - this.#clock.nowTimeMs())
      for (const group of this.#groups) await group.turn(turnTimeMs)
      const failures = this.#groups.flatMap((group) => listFailures(group, turnTimeMs))
      if (failures.length > 0) return failures
    }
    return []
  }

  /** The alerts of one name that fire now. */
  firing(alertName: string): ActiveAlert[] {
    const rules = this.#groups.flatMap((group) => group.rules)
    return rules
      .filter(({ rule }) => rule.kind === 'alerting' && rule.name === alertName)
      .flatMap(({ alerts }) => [...(alerts?.active.values() ?? [])])
      .filter((alert) => alert.state === 'firing')
  }

  /** Asks as of `timeMs`; nothing later than the present instant is seen. */
  ask(expression: string, timeMs: number): Promise<QueryAnswer> {
    return this.#engine.instant({ expression, timeMs })
  }
}

function listFailures(group: GroupRunner, timeMs: number): RuleFailure[] {
  return group.rules
    .filter((rule) => rule.health === 'err')
    .map(({ rule, lastError }) => ({ rule: rule.name, timeMs, reason: lastError }))
}
