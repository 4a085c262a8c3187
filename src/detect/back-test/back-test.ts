/**
 * Rules over the past: "over the last 30 days this rule would have fired three times". Recordings of the
 * tested text come first and are laid over the store; then each alerting rule goes over the span in
 * stretches, evaluated at the instants at which its group would have had its turns.
 *
 * What differs from work: rules are evaluated by the clock alone, so that an alert may be up to an interval
 * late; templates cannot ask further queries; and only data that is still kept is seen.
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import type { Querier } from '../../model/flow.ts'
import { type Labels, makeLabels } from '../../model/labels.ts'
import { QueryEngine, type QuerySettings } from '../../query/query.ts'
import type { ReadSelector } from '../arrival.ts'
import { detectErrors } from '../errors.ts'
import { nextTurnMs } from '../group-runner.ts'
import { Pace } from '../pace.ts'
import type { RuleGroup } from '../rule-file.ts'
import type { DetectSettings } from '../settings.ts'
import type { Firing } from './firing-log.ts'
import { PastAlertingRule, PastRecordingRule, type PastSurroundings } from './past-rule.ts'
import { RecordedSeries } from './recorded-series.ts'

/** What is tested, and over which time. */
export interface BackTestRequest {
  groups: readonly RuleGroup[]
  startTimeMs: number
  endTimeMs: number
}

/** What would have happened. */
export interface BackTestReport {
  startTimeMs: number
  endTimeMs: number
  elapsedMs: number
  rules: BackTestRule[]
}

/** One alerting rule of a report. */
export interface BackTestRule {
  group: string
  name: string
  intervalMs: number
  evaluationCount: number
  failedCount: number
  /** Why evaluations failed, or why the rule could not be tested; empty when all went well. */
  lastError: string
  firingCount: number
  /** The first thousand. */
  firings: Firing[]
  /** Times that the condition held, but not for as long as `for` wants. */
  missedCount: number
}

/** What a test works on. */
export interface BackTestParts {
  querier: Querier
  settings: DetectSettings & QuerySettings
  clock: Clock
  externalUrl: string
}

/** How a test is watched and stopped. */
export interface BackTestWatch {
  signal: AbortSignal
  /** 0 to 1. */
  onProgress(ratio: number): void
}

/** Instants of one rule; more is a slip in a time rather than a wish. */
const stepCountMax = 1_000_000
/** Answers that a stretch may have in memory: instants × series. They are sorted in one go, which nobody may notice. */
const cellCountMax = 250_000
const stretchStepsFirst = 120
const stretchStepsMax = 5_000

/** Tests rules over a span. Rejects with `DETECT_TEST_TOO_LONG`, and when it is stopped. */
export async function runBackTest(
  request: BackTestRequest,
  parts: BackTestParts,
  watch: BackTestWatch,
): Promise<BackTestReport> {
  const startedMs = parts.clock.monotonicMs()
  const { startTimeMs, endTimeMs } = request
  const test = new BackTest(request, parts, watch)
  const rules = await test.run()
  const elapsedMs = parts.clock.monotonicMs() - startedMs
  return { startTimeMs, endTimeMs, elapsedMs, rules }
}

class BackTest {
  readonly #request: BackTestRequest
  readonly #parts: BackTestParts
  readonly #watch: BackTestWatch
  readonly #around: PastSurroundings
  #doneSpanMs = 0
  #allSpanMs = 0

  constructor(request: BackTestRequest, parts: BackTestParts, watch: BackTestWatch) {
    this.#request = request
    this.#parts = parts
    this.#watch = watch
    const { settings, clock, externalUrl } = parts
    const querier = new RecordedSeries(parts.querier)
    const log = silentLog
    const engine = new QueryEngine({ querier, logs: undefined, settings, clock, log })
    this.#around = {
      engine,
      querier,
      signal: watch.signal,
      pace: new Pace(clock),
      policy: {
        noDataKeepMs: settings.no_data === 'keep' ? settings.no_data_keep_for : 0,
        noDataKeepForMs: settings.no_data_keep_for,
      },
      template: {
        externalLabels: externalLabelsOf(settings),
        externalUrl,
        query: () => {
          throw new Error('a back-test asks no further queries')
        },
      },
    }
  }

  async run(): Promise<BackTestRule[]> {
    const { groups, startTimeMs, endTimeMs } = this.#request
    const spanMs = endTimeMs - startTimeMs
    this.#allSpanMs = groups.reduce((sum, group) => sum + group.rules.length * spanMs, 0)
    const found: BackTestRule[] = []
    for (const group of groups) {
      const intervalMs = this.#intervalOf(group)
      const stepCount = Math.floor(spanMs / intervalMs)
      if (stepCount > stepCountMax)
        throw detectErrors.TEST_TOO_LONG({
          test: group.name,
          count: stepCount,
          limit: stepCountMax,
        })
    }
    for (const group of groups) await this.#record(group)
    for (const group of groups) found.push(...(await this.#alert(group)))
    return found
  }

  /** Records what alerts of the text may read, from as long before the span as they look back. */
  async #record(group: RuleGroup): Promise<void> {
    const { endTimeMs, startTimeMs } = this.#request
    const isSilenceKept = this.#parts.settings.no_data === 'keep'
    const place = { offsetMs: this.#offsetOf(group), isSilenceKept }
    for (const rule of group.rules) {
      if (rule.kind !== 'recording') continue
      const past = new PastRecordingRule(rule, place, this.#around)
      const fromTimeMs = startTimeMs - this.#reachOf(rule.name)
      await this.#over(group, { fromTimeMs, endTimeMs }, (stretch) => past.run(stretch))
    }
  }

  async #alert(group: RuleGroup): Promise<BackTestRule[]> {
    const { startTimeMs: fromTimeMs, endTimeMs } = this.#request
    const found: BackTestRule[] = []
    for (const rule of group.rules) {
      if (rule.kind !== 'alerting') continue
      const place = { group, offsetMs: this.#offsetOf(group) }
      const past = new PastAlertingRule(rule, place, this.#around)
      let broken = ''
      try {
        await this.#over(group, { fromTimeMs, endTimeMs }, async (stretch) => {
          await past.run(stretch)
          return past.seriesCount
        })
      } catch (thrown) {
        this.#watch.signal.throwIfAborted()
        broken = messageOf(thrown)
      }
      found.push({
        group: group.name,
        name: rule.name,
        intervalMs: this.#intervalOf(group),
        evaluationCount: past.evaluationCount,
        failedCount: past.failedCount,
        lastError: broken === '' ? past.lastError : broken,
        firingCount: past.log.firingCount,
        firings: past.log.firings,
        missedCount: past.log.missedCount,
      })
    }
    return found
  }

  /** Cuts a span into stretches that fit into memory. `work` answers how many series there were. */
  async #over(
    group: RuleGroup,
    span: { fromTimeMs: number; endTimeMs: number },
    work: (stretch: { startTimeMs: number; stepCount: number; stepMs: number }) => Promise<number>,
  ): Promise<void> {
    const stepMs = this.#intervalOf(group)
    let startTimeMs = nextTurnMs(group, stepMs, span.fromTimeMs - 1)
    let wantedCount = stretchStepsFirst
    while (startTimeMs <= span.endTimeMs) {
      this.#watch.signal.throwIfAborted()
      const leftCount = Math.floor((span.endTimeMs - startTimeMs) / stepMs) + 1
      const stepCount = Math.min(leftCount, wantedCount)
      const seriesCount = await work({ startTimeMs, stepCount, stepMs })
      const fittingCount = Math.floor(cellCountMax / Math.max(1, seriesCount))
      wantedCount = Math.max(10, Math.min(stretchStepsMax, fittingCount, wantedCount * 4))
      startTimeMs += stepCount * stepMs
      this.#doneSpanMs += stepCount * stepMs
      this.#watch.onProgress(Math.min(1, this.#doneSpanMs / Math.max(1, this.#allSpanMs)))
    }
  }

  #intervalOf(group: RuleGroup): number {
    return group.intervalMs ?? this.#parts.settings.global.evaluation_interval
  }

  #offsetOf(group: RuleGroup): number {
    return group.queryOffsetMs ?? this.#parts.settings.global.rule_query_offset
  }

  /** How far back other rules of the text read a recorded name. */
  #reachOf(name: string): number {
    const reads = ({ matchers }: ReadSelector): boolean =>
      matchers.every((matcher) => matcher.name !== '__name__' || matcher.matches(name))
    let reachMs = 0
    for (const rule of this.#request.groups.flatMap((group) => group.rules)) {
      for (const selector of this.#around.engine.prepare(rule.expression).selectors)
        if (reads(selector))
          reachMs = Math.max(reachMs, selector.rangeMs + Math.max(0, selector.offsetMs))
    }
    return reachMs
  }
}

function externalLabelsOf(settings: DetectSettings): Labels {
  return makeLabels(settings.global.external_labels)
}
