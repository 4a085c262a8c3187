/**
 * One rule at work: asks its expression, judges or records the answer, appends its series, and hands
 * over the alerts that are due. A failure stays inside the rule: its state is left as it was.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { DetectedAlert } from '../model/alert.ts'
import type { Appender } from '../model/flow.ts'
import { type Labels, labelsFromPairs, makeLabels } from '../model/labels.ts'
import type { PreparedQuery, QueryAnswer, QueryEngine } from '../query/query.ts'
import {
  type ActiveAlert,
  type AlertState,
  type Element,
  type JudgeOptions,
  toDetected,
} from './alert-state.ts'
import type { ArrivalIndex, ReadSelector } from './arrival.ts'
import type { Allowance } from './allowance.ts'
import { ChangedSeries } from './changed-series.ts'
import { elementsOf, queryForTemplate } from './elements.ts'
import { detectErrors } from './errors.ts'
import {
  evaluationDuration,
  evaluationFailuresTotal,
  evaluationsTotal,
  lateness,
  noDataAlerts,
  partEvaluationsTotal,
  recordFailuresTotal,
} from './metrics.ts'
import { NoDataFinder } from './no-data.ts'
import type { Pace } from './pace.ts'
import type { Rule, RuleGroup } from './rule-file.ts'
import { RuleJudge, type SilencePolicy } from './rule-judge.ts'
import { RecentWorst } from './recent-worst.ts'
import { SeriesWriter, type WrittenSample } from './series-writer.ts'
import type { SharedAnswers } from './shared-answers.ts'
import { StateTimes } from './state-times.ts'
import type { SavedCourse } from './strategy/strategy-judge.ts'
import { makeLink } from './template.ts'

/** What causes an evaluation. */
export type Cause = 'arrival' | 'clock' | 'deadline'

/** What all rules share. */
export interface RuleSurroundings extends SilencePolicy {
  engine: QueryEngine
  answers: SharedAnswers
  pace: Pace
  appender: Appender
  clock: Clock
  log: Log
  index(): ArrivalIndex
  externalLabels: Labels
  externalUrl: string
  resendDelayMs: number
  /** The least time that a restored pending alert still waits. */
  forGraceMs: number
  /** Takes the alerts that are due. */
  send(alerts: DetectedAlert[]): void
  /** The state of a rule changed and must be kept. */
  noteChanged(runner: RuleRunner): void
  /** A deadline of a rule has come. */
  noteDue(runner: RuleRunner): void
}

/** What is kept of a rule over reloads and restarts. */
export interface KeptRule {
  alerts: readonly ActiveAlert[]
  courses: readonly SavedCourse[]
  /** The time in which nobody watched; already counted in the alerts. */
  gapMs: number
}

const noSamples: readonly WrittenSample[] = []

/** A rule with its state. */
export class RuleRunner {
  readonly rule: Rule
  readonly group: RuleGroup
  readonly ruleIndex: number
  readonly intervalMs: number
  readonly query: PreparedQuery
  /** Recording rules of the same group that this one reads. */
  dependencies: RuleRunner[] = []
  /** Whether samples evaluate it: alerts are, recordings when an alert reads them. */
  isOnArrival = false
  isDirty = false
  /** When the first sample arrived that made it dirty. */
  dirtySinceMs: number | undefined
  /** Time of the newest such sample. */
  newestSampleTimeMs = 0
  /** Series that changed since the last evaluation, for rules that can be asked about these alone. */
  readonly changed: ChangedSeries | undefined

  lastEvaluationTimeMs: number | undefined
  evaluationMs = 0
  lastError = ''
  health: 'unknown' | 'ok' | 'err' = 'unknown'
  lastLatenessMs: number | undefined
  /** Of the last evaluations that samples caused. */
  readonly worstLateness = new RecentWorst()
  /** Samples that the last evaluation read. */
  sampleCount = 0
  readonly stateTimes = new StateTimes()

  readonly #around: RuleSurroundings
  readonly #allowance: Allowance
  readonly #writer: SeriesWriter
  readonly #noData: NoDataFinder
  readonly #judge: RuleJudge | undefined
  readonly #recovery: PreparedQuery | undefined
  readonly #recordLabels: Labels
  readonly #offsetMs: number
  #lastElements: { labels: Labels; lastTrueTimeMs: number }[] = []
  #failingSinceMs: number | undefined
  #deadline: Timer | undefined
  #isStopped = false
  /** Alerts kept without data, as the gauge has them. */
  #noDataCount = 0
  /** What handing over took since the evaluation began. */
  #sendMs = 0
  /** A deadline has come: the whole rule must be judged. */
  #isDue = false

  constructor(options: {
    rule: Rule
    group: RuleGroup
    ruleIndex: number
    intervalMs: number
    offsetMs: number
    around: RuleSurroundings
  }) {
    const { rule, around } = options
    this.rule = rule
    this.group = options.group
    this.ruleIndex = options.ruleIndex
    this.intervalMs = options.intervalMs
    this.#offsetMs = options.offsetMs
    this.#around = around
    this.#judge = rule.kind === 'alerting' ? new RuleJudge(rule, around) : undefined
    this.query = around.answers.prepare(this.#judge?.expression ?? rule.expression)
    this.#allowance = around.answers.allowanceOf(this.query)
    const recovery = this.#judge?.recovery
    this.#recovery = recovery === undefined ? undefined : around.answers.prepare(recovery)
    this.changed = this.#makeChanged()
    this.#writer = new SeriesWriter(around.appender)
    this.#noData = new NoDataFinder(this.query, around)
    this.#recordLabels = makeLabels(Object.fromEntries(rule.labels))
  }

  /** The alerts of an alerting rule. */
  get alerts(): AlertState | undefined {
    return this.#judge?.alerts
  }

  /** Identity over reloads and restarts: where it stands, its name and its labels, as Prometheus matches rules. */
  get key(): string {
    const { file, name } = this.group
    return `${file};${name};${this.rule.kind};${this.rule.name};${this.#recordLabels.fingerprint()}`
  }

  /** What the rule reads. */
  get selectors(): readonly ReadSelector[] {
    return [...this.query.selectors, ...(this.#recovery?.selectors ?? [])]
  }

  /** Not before this (monotonic) may arrival evaluate it again. */
  get allowedFromMs(): number {
    return this.#allowance.fromMs
  }

  get hasQueryOffset(): boolean {
    return this.#offsetMs > 0
  }

  /**
   * Evaluates at `timeMs` from memory alone. Answers `undefined` when the range reaches behind
   * memory; else the promise that resolves when the rule's series are durable.
   */
  evaluateNow(timeMs: number, cause: Cause): Promise<void> | undefined {
    const startMs = this.#around.clock.monotonicMs()
    if (cause === 'arrival') {
      const done = this.#evaluateChanged(timeMs, startMs)
      if (done !== undefined) return done
    }
    this.#isDue = false
    this.changed?.begin()
    const { answers } = this.#around
    const askedTimeMs = timeMs - this.#offsetMs
    let answer: QueryAnswer | undefined
    let recovered: QueryAnswer | undefined
    try {
      answer = answers.evaluateRecent(this.query, askedTimeMs)
      if (this.#recovery !== undefined)
        recovered = answers.evaluateRecent(this.#recovery, askedTimeMs)
    } catch (thrown) {
      this.#fail(timeMs, thrown, startMs)
      return Promise.resolve()
    }
    if (answer === undefined || (this.#recovery !== undefined && recovered === undefined)) {
      this.changed?.lose()
      return undefined
    }
    return this.#apply(timeMs, answer, { cause, startMs, recovered })
  }

  /** Plain alerts whose answer falls into parts can be asked about a few of them. */
  #makeChanged(): ChangedSeries | undefined {
    const { partLabels } = this.query
    const isPlain = this.#judge !== undefined && this.#judge.strategy === undefined
    if (!isPlain || partLabels === undefined || this.hasQueryOffset) return undefined
    const names = new Set<string | undefined>()
    for (const { matchers } of this.query.selectors) {
      const name = matchers.find((matcher) => matcher.name === '__name__')
      names.add(name?.operator === '=' ? name.value : undefined)
    }
    return new ChangedSeries(partLabels, names.size > 1 || names.has(undefined))
  }

  /**
   * Evaluates the changed label sets alone; all others are as they were, since their samples are. Answers
   * `undefined` when the whole rule must be evaluated.
   */
  #evaluateChanged(timeMs: number, startMs: number): Promise<void> | undefined {
    const { changed } = this
    if (changed === undefined || this.#isDue || this.health !== 'ok') return undefined
    if (timeMs < (this.lastEvaluationTimeMs ?? 0)) return undefined
    const { appender, index } = this.#around
    const part = changed.take(appender, () => index().listSeries(this.ruleIndex))
    if (part === undefined) return undefined
    try {
      const answer = this.query.evaluateRecent(timeMs, part.seriesIds)
      const elements = answer === undefined ? undefined : elementsOf(answer.value)
      if (answer !== undefined && elements !== undefined) {
        const isChanged = this.#judge!.judgePart(timeMs, onlyOf(elements, part.keys), {
          limit: this.group.limit,
          dataOf: this.#noData.at(timeMs, this.ruleIndex, part.seriesIds),
          template: this.#template(timeMs),
          only: part.keys,
        })
        if (isChanged !== undefined) {
          this.#noteJudged(timeMs, isChanged, this.dirtySinceMs)
          partEvaluationsTotal.inc()
          const run = { cause: 'arrival' as const, startMs, arrivedTimeMs: this.dirtySinceMs }
          this.#conclude(timeMs, answer, run)
          return isChanged
            ? this.#write(() => this.#writer.write(timeMs, this.#listAlertSamples(), true))
            : Promise.resolve()
        }
      }
    } catch {
      // The whole evaluation will meet the same and tell it.
    }
    return undefined
  }

  /** Evaluates at `timeMs`, reading from disk when memory is too short. */
  async evaluate(timeMs: number, cause: Cause): Promise<void> {
    const done = this.evaluateNow(timeMs, cause)
    if (done !== undefined) return done
    const startMs = this.#around.clock.monotonicMs()
    let answer: QueryAnswer
    let recovered: QueryAnswer | undefined
    try {
      answer = await this.query.evaluate(timeMs - this.#offsetMs)
      recovered = await this.#recovery?.evaluate(timeMs - this.#offsetMs)
    } catch (thrown) {
      this.#fail(timeMs, thrown, startMs)
      return
    }
    await this.#apply(timeMs, answer, { cause, startMs, recovered })
  }

  /** Ends what the rule has open: it was removed. Alerts are resolved. */
  async end(timeMs: number): Promise<void> {
    this.stop()
    if (this.#judge !== undefined) {
      this.#judge.end(timeMs, this.#template(timeMs))
      this.#send(timeMs, undefined)
    }
    await this.#write(() => this.#writer.end(timeMs - this.#offsetMs))
  }

  /** Stops timers; keeps alerts as they are. */
  stop(): void {
    this.#isStopped = true
    this.#deadline?.cancel()
    this.#countNoData(undefined)
  }

  #countNoData(alerts: Iterable<ActiveAlert> | undefined): void {
    let count = 0
    for (const alert of alerts ?? []) if (alert.noDataSinceTimeMs !== undefined) count++
    if (count !== this.#noDataCount) noDataAlerts.inc(count - this.#noDataCount)
    this.#noDataCount = count
  }

  /** Takes over alerts kept from before a reload or restart. */
  restore({ alerts, courses, gapMs }: KeptRule): void {
    if (this.alerts === undefined) return
    const { forGraceMs, clock } = this.#around
    const { holdMs } = this.alerts.rule
    for (const alert of alerts) {
      if (gapMs > 0 && alert.state === 'pending' && this.#judge?.strategy === undefined) {
        // As Prometheus: short ones begin anew, others wait for the grace period at least.
        if (holdMs < forGraceMs) continue
        const latestTimeMs = clock.nowTimeMs() + forGraceMs - holdMs
        if (forGraceMs > 0) alert.activeTimeMs = Math.max(alert.activeTimeMs, latestTimeMs)
      }
      this.alerts.active.set(alert.labels.key, alert)
    }
    this.#judge?.strategy?.restore(courses, gapMs)
    this.#armDeadline()
  }

  /** What is to be kept of the rule; without alerts and courses there is nothing. */
  get kept(): KeptRule {
    const courses = this.#judge?.strategy?.save() ?? []
    return { alerts: this.#judge?.list() ?? [], courses, gapMs: 0 }
  }

  #apply(
    timeMs: number,
    answer: QueryAnswer,
    run: { cause: Cause; startMs: number; recovered: QueryAnswer | undefined },
  ): Promise<void> {
    // A newer instant was judged while this answer was on its way from disk.
    if (this.#isStopped) return Promise.resolve()
    if (this.lastEvaluationTimeMs !== undefined && timeMs < this.lastEvaluationTimeMs)
      return Promise.resolve()
    const arrivedTimeMs = run.cause === 'arrival' ? this.dirtySinceMs : undefined
    let samples: readonly WrittenSample[]
    try {
      const elements = elementsOf(answer.value)
      if (elements === undefined) {
        throw detectErrors.RESULT_NOT_VECTOR({ rule: this.rule.name, type: answer.value.type })
      }
      samples =
        this.alerts === undefined
          ? this.#record(timeMs, elements)
          : this.#judgeAnswer(timeMs, elements, { arrivedTimeMs, recovered: run.recovered })
    } catch (thrown) {
      this.#fail(timeMs, thrown, run.startMs)
      if (this.alerts !== undefined && this.alerts.active.size === 0)
        return this.#write(() => this.#writer.end(timeMs - this.#offsetMs))
      return Promise.resolve()
    }
    this.#conclude(timeMs, answer, { ...run, arrivedTimeMs })
    const onlyChanges = run.cause !== 'clock' && this.alerts !== undefined
    return this.#write(() => this.#writer.write(timeMs - this.#offsetMs, samples, onlyChanges))
  }

  /** Notes how an evaluation went that went well. */
  #conclude(
    timeMs: number,
    answer: QueryAnswer,
    run: { cause: Cause; startMs: number; arrivedTimeMs: number | undefined },
  ): void {
    const { arrivedTimeMs } = run
    this.#failingSinceMs = undefined
    this.health = 'ok'
    this.lastError = ''
    this.sampleCount = answer.stats.sampleCount
    if (this.alerts !== undefined) this.stateTimes.note(timeMs, this.alerts.worst())
    this.#countNoData(this.alerts?.active.values())
    this.#finish(timeMs, run.startMs, run.cause)
    evaluationsTotal.inc({ cause: run.cause })
    if (arrivedTimeMs !== undefined) {
      this.lastLatenessMs = this.#around.clock.nowTimeMs() - arrivedTimeMs
      this.worstLateness.add(this.lastLatenessMs)
      lateness.observe(this.lastLatenessMs / 1000)
    }
    this.#armDeadline()
  }

  #judgeAnswer(
    timeMs: number,
    elements: readonly Element[],
    how: { arrivedTimeMs: number | undefined; recovered: QueryAnswer | undefined },
  ): readonly WrittenSample[] {
    const { arrivedTimeMs, recovered } = how
    const judge = this.#judge!
    if (elements.length === 0 && judge.isAtRest) {
      judge.noteRest(timeMs)
      return noSamples
    }
    const isChanged = judge.judge(timeMs, elements, {
      limit: this.group.limit,
      dataOf: this.#noData.at(timeMs - this.#offsetMs, this.ruleIndex),
      template: this.#template(timeMs),
      recovered: recovered === undefined ? undefined : elementsOf(recovered.value),
    })
    this.#noteJudged(timeMs, isChanged, arrivedTimeMs)
    return this.#listAlertSamples()
  }

  /** Keeps and sends what was judged. */
  #noteJudged(timeMs: number, isChanged: boolean, arrivedTimeMs: number | undefined): void {
    if (isChanged) this.#around.noteChanged(this)
    this.#send(timeMs, arrivedTimeMs)
  }

  /** The series of the alerts. */
  #listAlertSamples(): WrittenSample[] {
    const samples: WrittenSample[] = []
    for (const alert of this.alerts?.active.values() ?? []) {
      if (alert.state === 'inactive') continue
      samples.push(
        {
          labels: alert.labels.with('alertstate', alert.state).with('__name__', 'ALERTS'),
          value: 1,
        },
        {
          labels: alert.labels.with('__name__', 'ALERTS_FOR_STATE'),
          value: Math.floor(alert.activeTimeMs / 1000),
        },
      )
    }
    return samples
  }

  #template(timeMs: number): JudgeOptions['template'] {
    const { externalLabels, externalUrl } = this.#around
    return {
      externalLabels,
      externalUrl,
      query: (expression: string) =>
        queryForTemplate(this.#around.engine, expression, timeMs - this.#offsetMs),
    }
  }

  /** `dataOf` of the finder wants the labels as the expression answered them. */
  #record(timeMs: number, elements: readonly Element[]): WrittenSample[] {
    const pairs = this.#recordLabels.pairs
    const samples: WrittenSample[] = []
    const keys = new Set<string>()
    for (const element of elements) {
      const labels = labelsFromPairs([
        ...element.labels.pairs,
        ...pairs,
        '__name__',
        this.rule.name,
      ])
      if (keys.has(labels.key)) {
        throw detectErrors.DUPLICATE_LABELS({ rule: this.rule.name, labels: String(labels) })
      }
      keys.add(labels.key)
      samples.push({ labels, value: element.value, histogram: element.histogram })
    }
    const { limit } = this.group
    if (limit > 0 && samples.length > limit) {
      throw detectErrors.LIMIT_EXCEEDED({ rule: this.rule.name, limit, count: samples.length })
    }
    this.#noteSilent(timeMs, elements, samples)
    return samples
  }

  /** A recorded series that ends because its source fell silent has not taken its leave. */
  #noteSilent(
    timeMs: number,
    elements: readonly Element[],
    samples: readonly WrittenSample[],
  ): void {
    const before = this.#lastElements
    this.#lastElements = elements.map(({ labels }) => ({ labels, lastTrueTimeMs: timeMs }))
    if (this.#around.noDataKeepMs === 0) return
    const vanished = this.#writer.listVanished(samples)
    if (vanished.length === 0) return
    const dataOf = this.#noData.at(timeMs - this.#offsetMs, this.ruleIndex)
    for (const labels of vanished) {
      const element = before.find((row) =>
        row.labels.pairs.every(
          (text, place) =>
            place % 2 === 1 ||
            text === '__name__' ||
            this.rule.labels.has(text) ||
            labels.get(text) === row.labels.pairs[place + 1],
        ),
      )
      const seriesId = this.#writer.seriesIdOf(labels)
      if (element === undefined || seriesId === undefined) continue
      if (dataOf(element) === 'silent') this.#silentSeries.push(seriesId)
    }
  }

  readonly #silentSeries: number[] = []

  #send(timeMs: number, arrivedTimeMs: number | undefined): void {
    const alerts = this.alerts
    if (alerts === undefined) return
    const { resendDelayMs } = this.#around
    const due = alerts.takeDue(timeMs, resendDelayMs)
    if (due.length === 0) return
    const startMs = this.#around.clock.monotonicMs()
    this.#around.send(
      due.map((alert) =>
        toDetected(alert, {
          rule: alerts.rule,
          group: this.group.name,
          timeMs,
          validMs: 4 * Math.max(this.intervalMs, resendDelayMs),
          externalLabels: this.#around.externalLabels,
          generatorUrl: `${this.#around.externalUrl.replace(/\/$/, '')}${makeLink(this.rule.expression, 1)}`,
          arrivedTimeMs,
        }),
      ),
    )
    this.#sendMs += this.#around.clock.monotonicMs() - startMs
  }

  /** Nothing is changed. Firing alerts stay valid for as long as silence may keep them: not knowing is not healthy. */
  #fail(timeMs: number, thrown: unknown, startMs: number): void {
    this.health = 'err'
    this.changed?.lose()
    this.lastError = messageOf(thrown)
    this.#finish(timeMs, startMs, 'arrival')
    evaluationFailuresTotal.inc()
    this.#failingSinceMs ??= timeMs
    const keepMs = this.#judge?.noDataKeepMs ?? 0
    if (timeMs - this.#failingSinceMs < keepMs) this.#send(timeMs, undefined)
    this.#around.log.warn(
      { rule: this.rule.name, group: this.group.name, error: this.lastError },
      'a rule could not be evaluated',
    )
  }

  /**
   * What comes after the verdict is not a cost of the rule: who fires is asked as often as who does not.
   * Nor does the clock spend what arrival may take.
   */
  #finish(timeMs: number, startMs: number, cause: Cause): void {
    const nowMs = this.#around.clock.monotonicMs()
    this.evaluationMs = nowMs - startMs - this.#sendMs
    this.#sendMs = 0
    this.lastEvaluationTimeMs = timeMs
    if (cause !== 'clock') this.#allowance.spend(nowMs, this.evaluationMs)
    evaluationDuration.observe(this.evaluationMs / 1000)
  }

  async #write(action: () => Promise<void>): Promise<void> {
    const silent = this.#silentSeries.splice(0)
    try {
      await action()
      for (const seriesId of silent) this.#around.index().markSilent(seriesId)
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#around.log.warn(
        { rule: this.rule.name, error: messageOf(thrown) },
        'the series of a rule could not be appended; its alerts go on',
      )
    }
  }

  /** `for` and keep_firing_for end at their instant, not at the next turn of the group. */
  #armDeadline(): void {
    this.#deadline?.cancel()
    const dueMs = this.#judge?.nextDeadlineMs()
    if (dueMs === undefined || this.hasQueryOffset || this.#isStopped) return
    const delayMs = dueMs - this.#around.clock.nowTimeMs()
    if (delayMs > this.intervalMs) return
    this.#deadline = this.#around.clock.after(Math.max(1, delayMs), () => {
      this.#isDue = true
      this.#around.noteDue(this)
    })
  }
}

/** The elements of some label sets. */
function onlyOf(elements: readonly Element[], keys: ReadonlySet<string>): Element[] {
  return elements.filter(({ labels }) => keys.has(labels.with('__name__', '').key))
}
