/**
 * The head without files: for tests and for measuring. Everything is accepted, kept and readable at
 * once; nothing survives.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import type { ExemplarResult, ExemplarRow, SeriesExemplars } from '../model/exemplar.ts'
import type {
  AppendResult,
  Appender,
  ArrivalFeed,
  ArrivalListener,
  ExemplarSelection,
  LogQuerier,
  LogSelection,
  LogVolume,
  MetricMetadata,
  Querier,
  Selection,
  SeriesColumns,
} from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { LogBatch, LogRecord } from '../model/log-line.ts'
import type { Matcher } from '../model/matcher.ts'
import type { SampleBatch, SeriesId } from '../model/sample.ts'
import { Arrivals } from './head/arrivals.ts'
import { ExemplarRing } from './head/exemplar-ring.ts'
import { Head } from './head/head.ts'
import { LabelCensus, type LabelStatistics } from './head/label-counts.ts'
import {
  labelNamesFromHead,
  labelValuesFromHead,
  selectFromHead,
  seriesFromHead,
} from './head/head-querier.ts'
import { LogHead } from './head/log-head.ts'
import { MetadataTable } from './head/metadata-table.ts'

/** Exemplars kept at most. */
const exemplarCountMax = 1_000

/** A store in memory alone. */
export class MemoryStore implements Appender, Querier, ArrivalFeed, LogQuerier {
  readonly #head: Head
  readonly #census: LabelCensus
  readonly #arrivals: Arrivals
  readonly #metadata = new MetadataTable()
  readonly #logs = new LogHead()
  readonly #exemplars = new ExemplarRing(exemplarCountMax)
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #lateMs: number

  /** `isTimeChecked: false` takes samples of any time in any order; a later one replaces an earlier of the same time. `lateMs`: how far samples may be out of order. */
  constructor(
    options: { clock?: Clock; isTimeChecked?: boolean; windowMs?: number; lateMs?: number } = {},
  ) {
    this.#clock = options.clock ?? systemClock
    this.#windowMs = options.windowMs ?? Infinity
    this.#lateMs = options.lateMs ?? Infinity
    this.#head = new Head({ isTimeChecked: options.isTimeChecked ?? true })
    this.#census = new LabelCensus(this.#head.index)
    this.#arrivals = new Arrivals(this.#head)
  }

  get seriesEpoch(): number {
    return this.#head.epoch
  }

  /** How many series there are. */
  get seriesCount(): number {
    return this.#head.index.count
  }

  seriesId(labels: Labels): SeriesId {
    const { id, isNew } = this.#head.seriesId(labels)
    if (isNew) this.#arrivals.announce(id, labels)
    return id
  }

  findSeriesId(labels: Labels): SeriesId | undefined {
    return this.#head.findSeriesId(labels)
  }

  labelsOf(seriesId: SeriesId): Labels {
    return this.#head.index.labelsOf(seriesId)
  }

  async append(batch: SampleBatch): Promise<AppendResult> {
    return this.appendNow(batch)
  }

  /** As `append`, but done on return. */
  appendNow(batch: SampleBatch): AppendResult {
    const nowTimeMs = this.#clock.nowTimeMs()
    const checked = this.#head.check(batch, {
      nowTimeMs,
      windowMs: this.#windowMs,
      lateMs: this.#lateMs,
    })
    this.#head.apply(checked.batch)
    if (checked.late !== undefined) this.#head.applyLate(checked.late)
    this.#arrivals.deliver(checked.batch, nowTimeMs)
    return checked.result
  }

  async appendExemplars(rows: readonly ExemplarRow[]): Promise<ExemplarResult> {
    const result: ExemplarResult = { accepted: 0, reasons: {} }
    for (const row of rows) {
      const verdict = this.#exemplars.add(this.labelsOf(row.seriesId), row)
      if (verdict === 'take' || verdict === 'known') result.accepted++
      else result.reasons[verdict] = (result.reasons[verdict] ?? 0) + 1
    }
    return result
  }

  async selectExemplars(selection: ExemplarSelection): Promise<SeriesExemplars[]> {
    return this.#exemplars.select(selection)
  }

  async appendLogs(batch: LogBatch): Promise<void> {
    this.#logs.add(batch)
    this.#arrivals.deliverLogs(batch)
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.#metadata.set(metric, metadata)
  }

  metadata(metric?: string): Map<string, MetricMetadata> {
    return this.#metadata.read(metric)
  }

  async select(selection: Selection): Promise<SeriesColumns[]> {
    return selectFromHead(this.#head, selection)
  }

  /** How many of the series in memory have which labels; of those that fulfil the matchers. */
  labelStatistics(o: { matchers: readonly Matcher[]; limit: number }): Promise<LabelStatistics> {
    return this.#census.count(o)
  }

  selectRecent(selection: Selection): SeriesColumns[] {
    return selectFromHead(this.#head, selection)
  }

  async series(selection: Selection): Promise<Labels[]> {
    return seriesFromHead(this.#head, selection)
  }

  async labelNames(selection: Selection): Promise<string[]> {
    return labelNamesFromHead(this.#head, selection)
  }

  async labelValues(name: string, selection: Selection): Promise<string[]> {
    return labelValuesFromHead(this.#head, name, selection)
  }

  subscribe(listener: ArrivalListener): () => void {
    return this.#arrivals.subscribe(listener)
  }

  async selectLogs(selection: LogSelection): Promise<LogRecord[]> {
    return this.#logs.select(selection).map((line) => line.record)
  }

  async logVolume(selection: LogSelection, stepMs: number): Promise<LogVolume[]> {
    return this.#logs.volume(selection, stepMs).list()
  }

  async logLabelNames(startTimeNs: bigint, endTimeNs: bigint): Promise<string[]> {
    return this.#logs.labelNames(startTimeNs, endTimeNs)
  }

  async logLabelValues(name: string, startTimeNs: bigint, endTimeNs: bigint): Promise<string[]> {
    return this.#logs.labelValues(name, startTimeNs, endTimeNs)
  }

  async logStreams(
    matchers: readonly Matcher[],
    startTimeNs: bigint,
    endTimeNs: bigint,
  ): Promise<Labels[]> {
    return this.#logs.streams(matchers, startTimeNs, endTimeNs)
  }

  subscribeLogs(listener: (batch: LogBatch) => void): () => void {
    return this.#arrivals.subscribeLogs(listener)
  }
}
