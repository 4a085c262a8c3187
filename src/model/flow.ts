/**
 * The ports between stages. A stage gets what it needs as constructor arguments of these types and
 * `app/` connects them; so stages on one floor never import each other.
 */

import type { Alert, DetectedAlert } from './alert.ts'
import type { ExemplarResult, ExemplarRow, SeriesExemplars } from './exemplar.ts'
import type { Histogram } from './histogram.ts'
import type { Labels } from './labels.ts'
import type { LogBatch, LogLevel, LogRecord } from './log-line.ts'
import type { Matcher } from './matcher.ts'
import type { SampleBatch, SeriesId } from './sample.ts'

/** Where receivers, scrapers and rules put what they have. Implemented by `store/`. */
export interface Appender {
  /** The number of a label set, given on first sight. Labels must be valid and hold `__name__`. */
  seriesId(labels: Labels): SeriesId
  /** The number of a label set that has one; without giving it one, so that a limit can be asked first. */
  findSeriesId?(labels: Labels): SeriesId | undefined
  /** The label set behind a number. */
  labelsOf(seriesId: SeriesId): Labels
  /**
   * Grows by one whenever numbers were taken back from series that ended; whoever caches numbers
   * drops the cache when it changed.
   */
  readonly seriesEpoch: number
  /**
   * Takes a batch. Resolves when every accepted row survives kill -9. The caller may reuse the
   * arrays once the promise settles. Rejects with `STORE_FULL` (retryable) when it must not accept.
   */
  append(batch: SampleBatch): Promise<AppendResult>
  /**
   * Takes exemplars of series that have a number, in any order; same promise. One that is not kept is
   * counted, never an error. Absent where none are kept.
   */
  appendExemplars?(rows: readonly ExemplarRow[]): Promise<ExemplarResult>
  /** Takes log lines; same promise. */
  appendLogs(batch: LogBatch): Promise<void>
  /** Remembers type, help and unit of a metric family. */
  setMetadata(metric: string, metadata: MetricMetadata): void
}

/** What became of a batch's rows. `accepted + rejected = count`; reasons are counted by word. */
export interface AppendResult {
  accepted: number
  /** How many of the accepted rows are native histograms; absent when none is. */
  acceptedHistograms?: number
  rejected: number
  /** `out-of-order`, `duplicate`, `too-old`, `too-far-in-future`. */
  reasons: Partial<Record<RejectReason, number>>
  /** The first rejected row, for the error text. */
  firstRejected: { seriesId: SeriesId; timeMs: number; reason: RejectReason } | undefined
}

/** Why a sample was not taken. */
export type RejectReason = 'out-of-order' | 'duplicate' | 'too-old' | 'too-far-in-future'

/** What exporters say of a metric family. */
export interface MetricMetadata {
  type:
    | 'unknown'
    | 'counter'
    | 'gauge'
    | 'histogram'
    | 'gaugehistogram'
    | 'summary'
    | 'info'
    | 'stateset'
  help: string
  unit: string
}

/** One series' samples in time order. Arrays belong to the receiver of the answer and have `count` valid rows; stale markers are kept in `value`. */
export interface SeriesColumns {
  labels: Labels
  count: number
  timeMs: Float64Array
  value: Float64Array
  /** Native histograms by row, `undefined` where the row is a float; absent when the series has none. */
  histogram?: (Histogram | undefined)[]
  /** Start timestamps by row, 0 where unknown; absent when the series has none. */
  startTimeMs?: Float64Array
  /**
   * Which of the series' samples a row is, counted from any start and without stale markers, which are
   * then left out; absent when no sample is left out. Only where `Selection.buckets` allows it.
   */
  ordinal?: Float64Array
  /** No value is a NaN, and thus none a stale marker; absent when nobody knows. */
  isEachNumber?: boolean
  /** Each value is a number and none less than the one before; absent when nobody knows. */
  isRising?: boolean
  /** The distance between any two rows that follow each other; absent when it differs or nobody knows. */
  evenMs?: number | undefined
}

/** Takes the series of an answer one by one. */
export interface SeriesVisitor {
  /** At most so many series will come. */
  expect(seriesCount: number): void
  /**
   * The columns are valid during the call only: the next series lies in the same memory. A promise asks for
   * a rest, and the next series comes when it is over.
   */
  visit(series: SeriesColumns): Promise<void> | undefined
}

/** What to read: all series that fulfil the matchers, samples with start ≤ time ≤ end. */
export interface Selection {
  matchers: readonly Matcher[]
  startTimeMs: number
  endTimeMs: number
  /**
   * Of each bucket (n × length, (n + 1) × length] the first, last, least and largest samples are enough, and
   * perhaps those on both sides of a fall: the store may leave out the others, and then tells ordinals.
   */
  buckets?: { lengthMs: number; areFallsNeeded: boolean }
  /** Stop with `STORE_TOO_MANY_SAMPLES` beyond this many samples. */
  sampleCountMax?: number
  signal?: AbortSignal
  /** Of these series alone; whoever knows no numbers of series may answer others as well. */
  seriesIds?: readonly SeriesId[]
  /** The store adds to it where the samples came from; absent when nobody asks. */
  report?: ReadReport
}

/** Samples of an answer by where they were found; those found in two places count in both. */
export interface ReadReport {
  memorySampleCount: number
  /** Samples of the engine that were still unpacked from a question before. */
  cacheSampleCount: number
  engineSampleCount: number
}

/** Which exemplars to read. */
export interface ExemplarSelection {
  matcherSets: readonly (readonly Matcher[])[]
  startTimeMs: number
  endTimeMs: number
}

/** Where queries read. Implemented by `store/`. Memory first; older data from the engine. */
export interface Querier {
  /** Series in no particular order; a series without samples in the range is left out. */
  select(selection: Selection): Promise<SeriesColumns[]>
  /**
   * Hands over the series of `select` in the same order, but one by one, so that nothing is held but what the
   * visitor keeps of them. Where it is absent `select` has to do.
   */
  visit?(selection: Selection, visitor: SeriesVisitor): Promise<void>
  /** Tells that nobody reads an answer of `select` any more, so that its arrays may be used again. Never needed. */
  release?(answer: readonly SeriesColumns[]): void
  /** The same from memory alone and at once, for rules on arrival; `undefined` when the range reaches behind memory. */
  selectRecent(selection: Selection): SeriesColumns[] | undefined
  /** Exemplars with start ≤ time ≤ end of series that fulfil any of the sets of matchers, by series. */
  selectExemplars?(selection: ExemplarSelection): Promise<SeriesExemplars[]>
  /** Label sets with at least one sample in the range. */
  series(selection: Selection): Promise<Labels[]>
  labelNames(selection: Selection): Promise<string[]>
  labelValues(name: string, selection: Selection): Promise<string[]>
  /** By metric family; all when `metric` is undefined. */
  metadata(metric?: string): Map<string, MetricMetadata>
}

/** Hears what arrives, after it is durable and readable. Called synchronously; must be quick. */
export interface ArrivalListener {
  /** A label set got its number. */
  onSeries(seriesId: SeriesId, labels: Labels): void
  /** Rows that were accepted (rejected rows have been removed). Valid during the call only. */
  onSamples(batch: SampleBatch, arrivedTimeMs: number): void
}

/** The store's side of arrival. */
export interface ArrivalFeed {
  /** Existing series are announced at once. Returns the call that ends the subscription. */
  subscribe(listener: ArrivalListener): () => void
}

/** Log queries. */
export interface LogSelection {
  matchers: readonly Matcher[]
  /** start ≤ time < end */
  startTimeNs: bigint
  endTimeNs: bigint
  /** Every filter must hold. */
  filters: readonly LogFilter[]
  levels?: readonly LogLevel[]
  limit: number
  direction: 'forward' | 'backward'
  signal?: AbortSignal
}

/** `|=`, `!=`, `|~`, `!~` over the line. */
export interface LogFilter {
  operator: '|=' | '!=' | '|~' | '!~'
  value: string
}

/** Where log queries read. Implemented by `store/`. */
export interface LogQuerier {
  selectLogs(selection: LogSelection): Promise<LogRecord[]>
  /** Lines per bucket and level, for the volume chart. `stepMs` buckets from `startTimeNs`. */
  logVolume(selection: LogSelection, stepMs: number): Promise<LogVolume[]>
  logLabelNames(startTimeNs: bigint, endTimeNs: bigint): Promise<string[]>
  logLabelValues(name: string, startTimeNs: bigint, endTimeNs: bigint): Promise<string[]>
  logStreams(
    matchers: readonly Matcher[],
    startTimeNs: bigint,
    endTimeNs: bigint,
  ): Promise<Labels[]>
  /** Hears lines as they arrive, for live tails and log metrics. Returns the call that ends it. */
  subscribeLogs(listener: (batch: LogBatch) => void): () => void
}

/** Lines in one bucket. */
export interface LogVolume {
  timeMs: number
  level: LogLevel
  count: number
}

/** Where detection puts its verdicts. Implemented by `alert/`. Resolves when they are persisted. */
export interface AlertSink {
  publish(alerts: readonly DetectedAlert[]): Promise<void>
}

/** What the notifications of a group should say beyond the alerts: asked just before sending. Implemented by `incident/`. */
export interface AlertContext {
  /** `undefined` when nothing is known. Must answer within its caller's patience (2 s); late answers are ignored. */
  describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined>
}

/** The background of a group of alerts. */
export interface AlertBackground {
  incidentId: string
  incidentNumber: number
  /** The sentence of the cause, such as "deployment checkout v1 → v2", or empty. */
  cause: string
  /** Address of the incident's page. */
  url: string
}

/** Where messages get pictures of alerts from. Implemented by `incident/`. */
export interface AlertCharts {
  /** The alert's own signal over the last `spanMs`; `undefined` when there is nothing to draw. */
  chartOf(alert: Alert, spanMs: number): Promise<AlertChart | undefined>
}

/** What the picture of an alert shows. */
export interface AlertChart {
  title: string
  unit: 'ratio' | 'seconds' | 'bytes' | 'per-second' | 'count'
  /** Of the limit, such as `>`; empty when the rule names none. */
  operator: string
  threshold: number | undefined
  startTimeMs: number
  endTimeMs: number
  firedTimeMs: number
  /** Columns of which `count` rows are valid; a longer pause than `gapMs` is a gap in the line. */
  series: { count: number; timeMs: Float64Array; value: Float64Array; gapMs: number }[]
  /** Deployments, by version. */
  marks: { timeMs: number; label: string }[]
}
