/**
 * One rule over a stretch of the past: its expression is asked as one range query, and its answers are
 * judged instant by instant by the same judge as at work.
 */

import { messageOf } from '../../base/error.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { PreparedQuery, QueryEngine } from '../../query/query.ts'
import type { DataState, Element, JudgeOptions } from '../alert-state.ts'
import type { ReadSelector } from '../arrival.ts'
import { findMeasuredComparison } from '../condition.ts'
import { NoDataFinder } from '../no-data.ts'
import type { Pace } from '../pace.ts'
import type { AlertingRule, RecordingRule, RuleGroup } from '../rule-file.ts'
import { RuleJudge, type SilencePolicy } from '../rule-judge.ts'
import { FiringLog } from './firing-log.ts'
import { endOf, PastAnswers, type Stretch } from './past-answers.ts'
import { PastData } from './past-data.ts'
import type { RecordedSeries } from './recorded-series.ts'

/** What rules are tested over. */
export interface Past {
  engine: QueryEngine
  querier: RecordedSeries
  signal: AbortSignal
  /** Lets others have their turn. */
  pace: Pace
}

/** What alerting rules need beside. */
export interface PastSurroundings extends Past {
  policy: SilencePolicy
  template: JudgeOptions['template']
}

/** An alerting rule. */
export class PastAlertingRule {
  readonly log: FiringLog
  evaluationCount = 0
  failedCount = 0
  /** Why evaluations failed; empty when none did. */
  lastError = ''
  /** The most series that an answer had, to choose how long stretches may be. */
  seriesCount = 0
  readonly #group: RuleGroup
  readonly #offsetMs: number
  readonly #judge: RuleJudge
  readonly #query: PreparedQuery
  readonly #selectors: readonly ReadSelector[]
  readonly #around: PastSurroundings

  constructor(
    rule: AlertingRule,
    place: { group: RuleGroup; offsetMs: number },
    around: PastSurroundings,
  ) {
    this.#group = place.group
    this.#offsetMs = place.offsetMs
    this.#around = around
    this.#judge = new RuleJudge(rule, around.policy)
    this.#query = around.engine.prepare(this.#judge.expression)
    this.#selectors = this.#query.selectors
    const operator = findMeasuredComparison(rule.expression)?.operator ?? '>'
    this.log = new FiringLog(operator.startsWith('<'))
  }

  /** Goes on over the next stretch. */
  async run(stretch: Stretch): Promise<void> {
    const { engine, querier, signal, pace } = this.#around
    const offsetMs = this.#offsetMs
    const asked = { ...stretch, startTimeMs: stretch.startTimeMs - offsetMs }
    const ask = (expression: string) =>
      PastAnswers.ask(engine, expression, { stretch: asked, signal })
    const answers = await ask(this.#judge.expression)
    this.seriesCount = Math.max(this.seriesCount, answers.seriesCount)
    this.evaluationCount += stretch.stepCount
    if (answers.isEmpty && this.#judge.isAtRest) return
    const { recovery } = this.#judge
    const recovered = recovery === undefined ? undefined : await ask(recovery)
    const rule = { expression: this.#judge.expression, selectors: this.#selectors }
    const data = await PastData.read(rule, { engine, querier, stretch: asked, signal })
    const finder = new NoDataFinder(this.#query, data)
    const end = endOf(stretch)
    pace.begin()
    for (let timeMs = stretch.startTimeMs; timeMs <= end; timeMs += stretch.stepMs) {
      const elements = answers.at(timeMs - offsetMs)
      if (elements.length === 0 && this.#judge.isAtRest) continue
      if (this.#around.pace.isTired) await this.#rest()
      data.timeMs = timeMs - offsetMs
      this.#step(timeMs, elements, {
        dataOf: finder.at(timeMs - offsetMs, 0),
        recovered: recovered?.at(timeMs - offsetMs),
      })
    }
  }

  async #rest(): Promise<void> {
    await this.#around.pace.rest()
    this.#around.signal.throwIfAborted()
  }

  #step(
    timeMs: number,
    elements: readonly Element[],
    given: {
      dataOf(element: { labels: Labels; lastTrueTimeMs: number }): DataState
      recovered: readonly Element[] | undefined
    },
  ): void {
    try {
      this.#judge.judge(timeMs, elements, {
        limit: this.#group.limit,
        template: this.#around.template,
        ...given,
      })
    } catch (thrown) {
      this.failedCount++
      this.lastError = messageOf(thrown)
    }
    this.log.note(this.#judge.alerts.active)
  }
}

interface Written {
  labels: Labels
  element: Element
}

/** A recording rule: what it would have recorded goes where later rules read it. */
export class PastRecordingRule {
  readonly #rule: RecordingRule
  readonly #offsetMs: number
  readonly #query: PreparedQuery
  readonly #past: Past
  readonly #isKept: boolean
  #written = new Map<string, Written>()

  constructor(
    rule: RecordingRule,
    place: { offsetMs: number; isSilenceKept: boolean },
    past: Past,
  ) {
    this.#rule = rule
    this.#offsetMs = place.offsetMs
    this.#isKept = place.isSilenceKept
    this.#past = past
    this.#query = past.engine.prepare(rule.expression)
    past.querier.addName(rule.name)
  }

  /** Goes on over the next stretch; answers how many series there were. */
  async run(stretch: Stretch): Promise<number> {
    const { engine, querier, signal } = this.#past
    const asked = { ...stretch, startTimeMs: stretch.startTimeMs - this.#offsetMs }
    const { expression } = this.#rule
    const answers = await PastAnswers.ask(engine, expression, { stretch: asked, signal })
    if (answers.isEmpty && this.#written.size === 0) return 0
    const rule = { expression, selectors: this.#query.selectors }
    const data = this.#isKept
      ? await PastData.read(rule, { engine, querier, stretch: asked, signal })
      : undefined
    const finder = data && new NoDataFinder(this.#query, data)
    const extra = [...this.#rule.labels].flat()
    const end = endOf(asked)
    for (let timeMs = asked.startTimeMs; timeMs <= end; timeMs += stretch.stepMs) {
      if (querier.isFull) break
      if (this.#past.pace.isTired) await this.#past.pace.rest()
      const next = new Map<string, Written>()
      for (const element of answers.at(timeMs)) {
        const pairs = [...element.labels.pairs, ...extra, '__name__', this.#rule.name]
        const labels = labelsFromPairs(pairs)
        next.set(labels.key, { labels, element })
        querier.add(labels, timeMs, element.value)
      }
      if (data !== undefined) data.timeMs = timeMs
      const dataOf = finder?.at(timeMs, 0)
      for (const [key, { labels, element }] of this.#written) {
        if (next.has(key)) continue
        const asking = { labels: element.labels, lastTrueTimeMs: timeMs - stretch.stepMs }
        querier.end(labels, timeMs, dataOf?.(asking) === 'silent')
      }
      this.#written = next
    }
    return answers.seriesCount
  }
}
