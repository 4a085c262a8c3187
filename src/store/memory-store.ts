/**
 * The head without files: for tests and for measuring. Everything is accepted, kept and readable at
 * once; nothing survives.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import type {
  AppendResult,
  Appender,
  ArrivalFeed,
  ArrivalListener,
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
import { Head } from './head/head.ts'
import {
  labelNamesFromHead,
  labelValuesFromHead,
  selectFromHead,
  seriesFromHead,
} from './head/head-querier.ts'
import { LogHead } from './head/log-head.ts'
import { MetadataTable } from './head/metadata-table.ts'

/** A store in memory alone. */
export class MemoryStore implements Appender, Querier, ArrivalFeed, LogQuerier {
  readonly #head: Head
  readonly #arrivals: Arrivals
  readonly #metadata = new MetadataTable()
  readonly #logs = new LogHead()
  readonly #clock: Clock
  readonly #windowMs: number

  /** `isTimeChecked: false` takes samples of any time in any order; a later one replaces an earlier of the same time. */
  constructor(options: { clock?: Clock; isTimeChecked?: boolean; windowMs?: number } = {}) {
    this.#clock = options.clock ?? systemClock
    this.#windowMs = options.windowMs ?? Infinity
    this.#head = new Head({ isTimeChecked: options.isTimeChecked ?? true })
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
    const checked = this.#head.check(batch, { nowTimeMs, windowMs: this.#windowMs })
    this.#head.apply(checked.batch)
    this.#arrivals.deliver(checked.batch, nowTimeMs)
    return checked.result
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
