/**
 * The door of queries: PromQL over the store, with limits, and selections of log lines.
 *
 * A query is parsed and checked (`promql/prepare.ts`), its reads are planned and made, then it is
 * evaluated over columns (`promql/evaluate.ts`). Rules on arrival use the same evaluator through
 * `PreparedQuery.evaluateRecent`, synchronously and on memory alone.
 */

import type { Clock } from '../base/clock.ts'
import { CodedError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { LogQuerier, LogVolume, Querier } from '../model/flow.ts'
import type { LogRecord } from '../model/log-line.ts'
import type { Matcher } from '../model/matcher.ts'
import type { SeriesId } from '../model/sample.ts'
import { Turnstile } from './concurrency.ts'
import { queryErrors } from './errors.ts'
import { parseLogQuery } from './logql/parse.ts'
import { makeLogPicker } from './logql/tail.ts'
import { queriesTotal, queryDuration } from './metrics.ts'
import type { QueryTimes } from './promql/context.ts'
import { describeExpression } from './promql/describe.ts'
import { findPartLabels, type PartLabels } from './promql/part-labels.ts'
import { type ExplainNode, explainTree } from './promql/explain.ts'
import { makeParseError } from './promql/parse-error.ts'
import {
  listReaches,
  type PreparedTree,
  prepareTree,
  type SelectorReach,
} from './promql/prepare.ts'
import { formatExpression } from './promql/print.ts'
import type { QueryElement, QuerySeries, QueryValue } from './promql/result.ts'
import { listFunctions } from './promql/signature.ts'
import { LoopTurn } from '../base/loop-turn.ts'
import { type Detail, type Outcome, runRecent, runResting } from './promql/run.ts'
import type { ValueType } from './promql/tree.ts'
import { RunningQueries, type RunningQuery } from './running.ts'
import type { QuerySettings } from './settings.ts'

export { allBuckets, type Bucket } from './promql/histogram/bucket.ts'
export type { PartLabels } from './promql/part-labels.ts'
export { parseNumber } from './promql/literal.ts'
export { runScript } from './script/run-script.ts'
export { ScriptStore } from './script/script-store.ts'
export { parseMetric, parseSeriesLine, type SeriesLine } from './script/series-line.ts'
export { querySettings, type QuerySettings } from './settings.ts'
export type { CaseOutcome } from './script/run-script.ts'
export type { ExplainNode, QueryElement, QuerySeries, QueryValue, RunningQuery, SelectorReach }

/** A query's result and what is to be said about it. */
export interface QueryAnswer {
  value: QueryValue
  /** At most as many as the expression gives; texts carry their place, such as `(1:6)`. */
  warnings: string[]
  infos: string[]
  stats: QueryStats
}

/** What a query cost. */
export interface QueryStats {
  /** Samples read from the store. */
  sampleCount: number
  seriesCount: number
  elapsedMs: number
  /** Only when asked for, by `hasStats`. */
  detail?: {
    /** How long it waited for a place. */
    queueMs: number
    readMs: number
    evaluateMs: number
    /** Samples that selectors looked at, as Prometheus counts them: each window's again at each step. */
    queryableSampleCount: number
    /** The same by step. */
    stepSampleCounts: Float64Array
    /** Most samples that were held at once. */
    peakSampleCount: number
  }
}

/** A query's tree with its costs. */
export interface QueryExplanation {
  root: ExplainNode
  answer: QueryAnswer
}

/** What all queries may say about how they run. */
export interface QueryOptions {
  timeoutMs?: number
  lookbackMs?: number
  /** Most series in the answer; more are cut with a warning. 0 or absent: all. */
  limit?: number
  /** Counts samples by step as well; costs a little. */
  hasStats?: boolean
  signal?: AbortSignal
}

/** An instant query. */
export interface InstantQuery extends QueryOptions {
  expression: string
  timeMs: number
}

/** A range query; steps are start, start + step … ≤ end. */
export interface RangeQuery extends QueryOptions {
  expression: string
  startTimeMs: number
  endTimeMs: number
  stepMs: number
}

/** A parsed query that is evaluated again and again. */
export interface PreparedQuery {
  readonly expression: string
  /** What every vector selector reads. */
  readonly selectors: readonly SelectorReach[]
  readonly valueType: ValueType
  /** By which labels the answer falls into parts that `seriesIds` may ask for; `undefined`: it does not. */
  readonly partLabels: PartLabels | undefined
  /** Synchronously on memory alone; `undefined` when a range reaches behind memory. Throws execution errors. */
  evaluateRecent(timeMs: number, seriesIds?: readonly SeriesId[]): QueryAnswer | undefined
  evaluate(timeMs: number, signal?: AbortSignal): Promise<QueryAnswer>
}

/** A selection of log lines: start ≤ time < end. */
export interface LogLineQuery {
  expression: string
  startTimeNs: bigint
  endTimeNs: bigint
  limit: number
  direction: 'forward' | 'backward'
  signal?: AbortSignal
}

/** Characters of an expression in the log. */
const shownLengthMax = 2_000

/** Queries over a store. */
export class QueryEngine {
  readonly #querier: Querier
  readonly #logs: LogQuerier | undefined
  readonly #clock: Clock
  readonly #log: Log
  readonly #turnstile: Turnstile
  readonly #turn: LoopTurn
  readonly #running = new RunningQueries()
  #settings: QuerySettings['query']

  constructor(parts: {
    querier: Querier
    logs: LogQuerier | undefined
    settings: QuerySettings
    clock: Clock
    log: Log
  }) {
    this.#querier = parts.querier
    this.#logs = parts.logs
    this.#settings = parts.settings.query
    this.#clock = parts.clock
    this.#log = parts.log
    this.#turnstile = new Turnstile(parts.settings.query.concurrency_max)
    this.#turn = new LoopTurn(() => parts.clock.monotonicMs())
  }

  /** Takes new settings; running queries keep theirs. */
  reload(settings: QuerySettings): void {
    this.#settings = settings.query
    this.#turnstile.resize(settings.query.concurrency_max)
  }

  /** Evaluates at one time. Rejects with `QUERY_…` errors. */
  async instant(query: InstantQuery): Promise<QueryAnswer> {
    const prepared = this.#prepareTree(query.expression)
    const times = { startTimeMs: query.timeMs, endTimeMs: query.timeMs, stepMs: 0 }
    return toAnswer(await this.#run(prepared, times, { ...query, kind: 'instant' }), query.limit)
  }

  /** Evaluates at each step; the result is a matrix. Rejects with `QUERY_…` errors. */
  async range(query: RangeQuery): Promise<QueryAnswer> {
    const prepared = this.#prepareRange(query)
    return toAnswer(await this.#run(prepared, query, { ...query, kind: 'range' }), query.limit)
  }

  /** Evaluates once more and tells what each node of the tree cost. Rejects with `QUERY_…` errors. */
  async explain(query: InstantQuery | RangeQuery): Promise<QueryExplanation> {
    const isRange = 'stepMs' in query
    const prepared = isRange ? this.#prepareRange(query) : this.#prepareTree(query.expression)
    const times = isRange
      ? query
      : { startTimeMs: query.timeMs, endTimeMs: query.timeMs, stepMs: 0 }
    const kind = isRange ? 'range' : 'instant'
    const outcome = await this.#run(prepared, times, { ...query, kind, detail: 'nodes' })
    const { profile } = outcome
    if (profile === undefined) throw new Error('BUG: an explained query without its costs')
    const root = explainTree(prepared.root, prepared.expression, profile)
    return { root, answer: toAnswer(outcome, query.limit) }
  }

  #prepareRange(query: RangeQuery): PreparedTree {
    const { startTimeMs, endTimeMs, stepMs } = query
    if (!(stepMs > 0)) {
      const reason =
        'zero or negative query resolution step widths are not accepted. Try a positive integer'
      throw queryErrors.INVALID({ reason })
    }
    if (endTimeMs < startTimeMs)
      throw queryErrors.INVALID({ reason: 'end timestamp must not be before start time' })
    return this.#prepareTree(query.expression)
  }

  /** Parses and checks once; throws `QUERY_PARSE_FAILED` with the place in `facts`. */
  prepare(expression: string): PreparedQuery {
    const prepared = this.#prepareTree(expression)
    const atZero = this.#timesOf({ startTimeMs: 0, endTimeMs: 0, stepMs: 0 }, {})
    return {
      expression,
      selectors: listReaches(prepared.root, atZero),
      valueType: prepared.valueType,
      partLabels: findPartLabels(prepared.root),
      evaluateRecent: (timeMs, seriesIds) => this.#runRecent(prepared, timeMs, seriesIds),
      evaluate: async (timeMs, signal) => {
        const times = { startTimeMs: timeMs, endTimeMs: timeMs, stepMs: 0 }
        const options = { kind: 'instant' as const, ...(signal ? { signal } : {}) }
        return toAnswer(await this.#run(prepared, times, options), undefined)
      },
    }
  }

  /** The matchers of a series selector, as in `match[]`; throws `QUERY_PARSE_FAILED`. */
  parseSelector(text: string): Matcher[] {
    const { root } = this.#prepareTree(text)
    const isPlain =
      root.kind === 'selector' &&
      root.offset === undefined &&
      root.at === undefined &&
      root.mode === 'plain'
    if (!isPlain) throw makeParseError(text, root.span, 'expected a series selector')
    return root.matchers
  }

  /** The instant and range queries that wait or run, the oldest first. */
  running(): RunningQuery[] {
    return this.#running.list()
  }

  /** Stops one of them with `QUERY_CANCELED`; false when it is not there (any more). */
  stop(id: string): boolean {
    return this.#running.stop(id)
  }

  /** The limits in force. */
  limits(): {
    timeoutMs: number
    lookbackMs: number
    sampleCountMax: number
    concurrencyMax: number
  } {
    const { timeout, lookback, sample_count_max, concurrency_max } = this.#settings
    return {
      timeoutMs: timeout,
      lookbackMs: lookback,
      sampleCountMax: sample_count_max,
      concurrencyMax: concurrency_max,
    }
  }

  /** What of the language is switched on, as Prometheus's API tells it. */
  features(): Record<'promql' | 'promql_functions', Record<string, boolean>> {
    const { experimental_functions, extended_ranges } = this.#settings
    const functions: Record<string, boolean> = {}
    for (const { name, isExperimental } of listFunctions())
      functions[name] = !isExperimental || experimental_functions
    const always = {
      at_modifier: true,
      negative_offset: true,
      subqueries: true,
      duration_expr: true,
    }
    const extended = {
      anchored: extended_ranges,
      smoothed: extended_ranges,
      fill_modifiers: extended_ranges,
    }
    return { promql: { ...always, ...extended }, promql_functions: functions }
  }

  /** The expression in Prometheus's form; throws `QUERY_PARSE_FAILED`. */
  format(expression: string): string {
    return formatExpression(this.#prepareTree(expression).root, expression)
  }

  /** The expression's tree as Prometheus's parse_query tells it; throws `QUERY_PARSE_FAILED`. */
  describe(expression: string): object {
    return describeExpression(this.#prepareTree(expression).root)
  }

  /** Log lines that a stream selector with line filters selects. */
  async selectLogs(query: LogLineQuery): Promise<LogRecord[]> {
    const { matchers, filters } = parseLogQuery(query.expression)
    const { startTimeNs, endTimeNs, limit, direction, signal } = query
    const shared = { matchers, filters, startTimeNs, endTimeNs, limit, direction }
    const selection = { ...shared, ...(signal ? { signal } : {}) }
    return this.#count('logs', () => this.#needLogs().selectLogs(selection))
  }

  /** Lines per bucket and level of the same selection. */
  async logVolume(query: {
    expression: string
    startTimeNs: bigint
    endTimeNs: bigint
    stepMs: number
  }): Promise<LogVolume[]> {
    const { matchers, filters } = parseLogQuery(query.expression)
    const { startTimeNs, endTimeNs } = query
    const shared = { matchers, filters, startTimeNs, endTimeNs }
    const selection = { ...shared, limit: 0, direction: 'forward' as const }
    return this.#count('logs', () => this.#needLogs().logVolume(selection, query.stepMs))
  }

  /** Hears lines as they arrive; returns the call that ends it. Throws on a bad query. */
  tailLogs(expression: string, listener: (records: LogRecord[]) => void): () => void {
    const pick = makeLogPicker(parseLogQuery(expression))
    return this.#needLogs().subscribeLogs((batch) => {
      const records = pick(batch)
      if (records.length > 0) listener(records)
    })
  }

  #needLogs(): LogQuerier {
    if (this.#logs === undefined) throw queryErrors.LOGS_ABSENT({})
    return this.#logs
  }

  #prepareTree(expression: string): PreparedTree {
    return prepareTree(expression, {
      hasExperimentalFunctions: this.#settings.experimental_functions,
      hasExtendedRanges: this.#settings.extended_ranges,
    })
  }

  #timesOf(
    times: Pick<QueryTimes, 'startTimeMs' | 'endTimeMs' | 'stepMs'>,
    options: QueryOptions,
  ): QueryTimes {
    const lookbackMs = options.lookbackMs ?? this.#settings.lookback
    return { ...times, lookbackMs, subqueryStepMs: this.#settings.subquery_step }
  }

  #runRecent(
    prepared: PreparedTree,
    timeMs: number,
    seriesIds: readonly SeriesId[] | undefined,
  ): QueryAnswer | undefined {
    const startedMs = this.#clock.monotonicMs()
    const times = this.#timesOf({ startTimeMs: timeMs, endTimeMs: timeMs, stepMs: 0 }, {})
    const limits = { sampleCountMax: this.#settings.sample_count_max }
    const outcome = runRecent(prepared, times, { querier: this.#querier, limits, seriesIds })
    if (outcome === undefined) return undefined
    const elapsedMs = this.#clock.monotonicMs() - startedMs
    return toAnswer({ ...outcome, elapsedMs, queueMs: 0 }, undefined)
  }

  async #run(
    prepared: PreparedTree,
    span: Pick<QueryTimes, 'startTimeMs' | 'endTimeMs' | 'stepMs'>,
    options: QueryOptions & { kind: 'instant' | 'range'; detail?: Detail },
  ): Promise<TimedOutcome> {
    const startedMs = this.#clock.monotonicMs()
    const settings = this.#settings
    const timeoutMs = Math.min(options.timeoutMs ?? settings.timeout, settings.timeout)
    if (timeoutMs <= 0) throw queryErrors.TIMEOUT({ timeoutMs, phase: 'query execution' })
    const stop = new AbortController()
    let phase = 'query queue'
    const timeout = (): CodedError => queryErrors.TIMEOUT({ timeoutMs, phase })
    const timer = this.#clock.after(timeoutMs, () => stop.abort(timeout()))
    const cancel = (): void => stop.abort(queryErrors.CANCELED({ phase }))
    if (options.signal?.aborted) cancel()
    options.signal?.addEventListener('abort', cancel, { once: true })
    const { expression } = prepared
    const { kind } = options
    const startedTimeMs = this.#clock.nowTimeMs()
    const row = this.#running.add({ expression, kind, startedTimeMs }, cancel)
    const pause = (): void => {
      stop.signal.throwIfAborted()
      if (this.#clock.monotonicMs() - startedMs > timeoutMs) throw timeout()
    }
    try {
      return await this.#count(options.kind, async () => {
        const leave = await this.#turnstile.enter(stop.signal)
        phase = 'expression evaluation'
        const queueMs = this.#clock.monotonicMs() - startedMs
        row.isWaiting = false
        try {
          const outcome = await runResting(prepared, this.#timesOf(span, options), {
            querier: this.#querier,
            limits: { sampleCountMax: settings.sample_count_max },
            signal: stop.signal,
            pause,
            turn: this.#turn,
            monotonicMs: () => this.#clock.monotonicMs(),
            detail: options.detail ?? (options.hasStats === true ? 'steps' : 'none'),
          })
          return { ...outcome, elapsedMs: this.#clock.monotonicMs() - startedMs, queueMs }
        } finally {
          leave()
        }
      })
    } finally {
      timer.cancel()
      this.#running.remove(row.id)
      options.signal?.removeEventListener('abort', cancel)
      const elapsedMs = this.#clock.monotonicMs() - startedMs
      queryDuration.observe({ kind }, elapsedMs / 1000)
      if (elapsedMs > settings.slow_after) {
        const shown = expression.slice(0, shownLengthMax)
        this.#log.warn({ kind, expression: shown, ...span, elapsedMs, phase }, 'A query was slow.')
      }
    }
  }

  async #count<Result>(kind: string, work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work()
      queriesTotal.inc({ kind, outcome: 'ok' })
      return result
    } catch (thrown) {
      const outcome = thrown instanceof CodedError ? thrown.code : 'unexpected'
      queriesTotal.inc({ kind, outcome })
      if (outcome === 'unexpected')
        this.#log.error({ kind, error: String(thrown) }, 'A query broke.')
      throw thrown
    }
  }
}

type TimedOutcome = Outcome & { elapsedMs: number; queueMs: number }

function toAnswer(outcome: TimedOutcome, limit: number | undefined): QueryAnswer {
  const { sampleCount, seriesCount, infos, elapsedMs, queueMs, profile } = outcome
  const { value, isCut } = cut(outcome.value, limit)
  const warnings = isCut
    ? [...outcome.warnings, 'results truncated due to limit']
    : outcome.warnings
  const stats: QueryStats = { sampleCount, seriesCount, elapsedMs }
  if (profile !== undefined) {
    stats.detail = {
      queueMs,
      readMs: profile.readElapsedMs,
      evaluateMs: profile.evaluateElapsedMs,
      queryableSampleCount: profile.queryableSampleCount,
      stepSampleCounts: profile.stepSampleCounts,
      peakSampleCount: profile.peakSampleCount,
    }
  }
  return { value, warnings, infos, stats }
}

function cut(value: QueryValue, limit = 0): { value: QueryValue; isCut: boolean } {
  if (limit > 0 && value.type === 'vector' && value.elements.length > limit)
    return { value: { ...value, elements: value.elements.slice(0, limit) }, isCut: true }
  if (limit > 0 && value.type === 'matrix' && value.series.length > limit)
    return { value: { ...value, series: value.series.slice(0, limit) }, isCut: true }
  return { value, isCut: false }
}
