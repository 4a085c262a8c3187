/**
 * The last step of every way in, before the store: each source has a limit of series, rules mend or
 * drop values that cannot be true, and streams are aggregated. Receivers and scrapers hold it as their
 * `Appender`. Without rules a batch passes untouched.
 */

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import type { ExemplarResult, ExemplarRow } from '../model/exemplar.ts'
import type { LogBatch } from '../model/log-line.ts'
import type { AppendResult, Appender, MetricMetadata } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { SampleBatch, SeriesId } from '../model/sample.ts'
import {
  type LabelVerdict,
  type PrepareSettings,
  type SeriesCensus,
  SeriesGuard,
  type SourceSeries,
  UnitRules,
  ValueRules,
  validateLabels,
  validateNames,
} from '../prepare/prepare.ts'
import { type AdmitSeries, AggregationRunner } from './aggregation-runner.ts'
import { ConvertedNumbers } from './converted-series.ts'
import type { DropLedger } from './drops.ts'
import { collectClamped } from './metrics.ts'
import { NormalizationRunner, normalizationSource } from './normalization-runner.ts'

/** What the refusal of a series is called in drops. */
export const seriesLimitReason = 'series-limit'

/** Sources that have a guard of their own at most; further ones share the last. */
const guardsMax = 1000

const nothingAppended: AppendResult = {
  accepted: 0,
  rejected: 0,
  reasons: {},
  firstRejected: undefined,
}

/** What it works with. */
export interface IngestParts {
  store: Appender
  limits: SeriesLimits
  settings: PrepareSettings
  clock: Clock
  log: Log
  drops: DropLedger
}

/** How many series sources may bring. */
export interface SeriesLimits {
  /** For a source without a limit of its own; 0 means none. */
  default: number
  /** By source. */
  bySource: ReadonlyMap<string, number>
}

/** Stands before the store. */
export class IngestAppender implements Appender {
  readonly #parts: IngestParts
  readonly #store: Appender
  readonly #guards = new Map<string, SeriesGuard>()
  #limits: SeriesLimits
  #settings: PrepareSettings
  #valueRules: ValueRules
  #unitRules: UnitRules
  readonly #converted = new ConvertedNumbers()
  #hasLegacyNames = false
  /** Grows when our own numbers lose their meaning. */
  #ownEpoch = 0
  #storeEpoch: number
  #aggregations: AggregationRunner | undefined
  #normalizations: NormalizationRunner | undefined
  #isStarted = false

  constructor(parts: IngestParts) {
    this.#parts = parts
    this.#store = parts.store
    this.#limits = parts.limits
    this.#settings = parts.settings
    this.#valueRules = new ValueRules(parts.settings.value_rules)
    this.#unitRules = new UnitRules(parts.settings.unit_rules)
    this.#storeEpoch = parts.store.seriesEpoch
  }

  /** Begins to aggregate and to normalize. */
  start(): void {
    this.#isStarted = true
    this.#startNormalizations()
    this.#startAggregations()
  }

  /** Ends both. */
  stop(): void {
    this.#isStarted = false
    this.#normalizations = undefined
    this.#aggregations?.stop()
    this.#aggregations = undefined
  }

  /** Takes other limits and rules, from the next batch on; rules of aggregation that stay as they were go on. */
  reload(limits: SeriesLimits, settings: PrepareSettings): void {
    this.#limits = limits
    for (const [source, guard] of this.#guards) guard.reload(this.#limitOf(source))
    const before = this.#settings
    this.#settings = settings
    this.#valueRules = new ValueRules(settings.value_rules)
    if (JSON.stringify(before.unit_rules) !== JSON.stringify(settings.unit_rules)) {
      this.#unitRules = new UnitRules(settings.unit_rules)
      this.#converted.clear()
      this.#ownEpoch++
    }
    const { stream_aggregation: rules, normalization } = settings
    const isSame = JSON.stringify(before.normalization) === JSON.stringify(normalization)
    if (!isSame && this.#isStarted) this.#startNormalizations()
    if (JSON.stringify(before.stream_aggregation) === JSON.stringify(rules)) return
    this.#aggregations?.stop()
    this.#aggregations = undefined
    if (this.#isStarted) this.#startAggregations()
  }

  /** Lets names in of letters, digits, `_` and `:` alone, from receivers; scrape jobs decide themselves. */
  set hasLegacyNames(isLegacy: boolean) {
    this.#hasLegacyNames = isLegacy
  }

  /** What is wrong with labels that a receiver brings. */
  judge(labels: Labels): LabelVerdict | undefined {
    return validateLabels(labels) ?? (this.#hasLegacyNames ? validateNames(labels) : undefined)
  }

  /** The number of a label set that `source` brings; `undefined` when it has too many. */
  admit(source: string, labels: Labels): SeriesId | undefined {
    const guard = this.#guardOf(source)
    const converted = this.#unitRules.isEmpty ? undefined : this.#unitRules.convert(labels)
    if (converted === undefined) return guard.admit(labels)
    this.#followStore()
    const seriesId = guard.admit(converted.labels)
    return seriesId === undefined
      ? undefined
      : this.#converted.numberOf(seriesId, converted.conversion)
  }

  /** Every source with how many series it has brought, of how many it may. */
  sourceSeries(): { source: string; series: SourceSeries }[] {
    return [...this.#guards].map(([source, guard]) => ({ source, series: guard.describe() }))
  }

  /** Labels and metrics of a source by how many values and series they have; `undefined` when it is not known. */
  takeCensus(source: string): SeriesCensus | undefined {
    return this.#guards.get(source)?.takeCensus((seriesId) => this.#store.labelsOf(seriesId))
  }

  /** Sources whose series are refused, and why in words. */
  refusals(): { source: string; message: string }[] {
    return [...this.#guards].flatMap(([source, guard]) => {
      const message = guard.explain()
      return message === undefined ? [] : [{ source, message }]
    })
  }

  get seriesEpoch(): number {
    return this.#store.seriesEpoch + this.#ownEpoch
  }

  seriesId(labels: Labels): SeriesId {
    return this.#store.seriesId(labels)
  }

  findSeriesId(labels: Labels): SeriesId | undefined {
    const converted = this.#unitRules.isEmpty ? undefined : this.#unitRules.convert(labels)
    if (converted === undefined) return this.#store.findSeriesId?.(labels)
    this.#followStore()
    const seriesId = this.#store.findSeriesId?.(converted.labels)
    return seriesId === undefined
      ? undefined
      : this.#converted.numberOf(seriesId, converted.conversion)
  }

  labelsOf(seriesId: SeriesId): Labels {
    return this.#store.labelsOf(this.#converted.seriesIdOf(seriesId))
  }

  /** Rows that rules leave out are neither accepted nor rejected. */
  append(batch: SampleBatch): Promise<AppendResult> {
    this.#convert(batch)
    this.#mend(batch)
    this.#normalizations?.take(batch)
    this.#aggregations?.take(batch)
    return batch.count === 0 ? Promise.resolve(nothingAppended) : this.#store.append(batch)
  }

  async appendExemplars(rows: readonly ExemplarRow[]): Promise<ExemplarResult> {
    const own = this.#converted.isEmpty ? rows : this.#converted.applyToExemplars(rows)
    const kept = await this.#store.appendExemplars?.(own)
    return kept ?? { accepted: 0, reasons: { disabled: rows.length } }
  }

  appendLogs(batch: LogBatch): Promise<void> {
    return this.#store.appendLogs(batch)
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    const converted = this.#unitRules.convertMetadata(metric, metadata)
    if (converted === undefined) this.#store.setMetadata(metric, metadata)
    else this.#store.setMetadata(converted[0], converted[1])
  }

  /** When the store took numbers back, ours stand for nothing: everybody asks again. */
  #followStore(): void {
    if (this.#storeEpoch === this.#store.seriesEpoch) return
    this.#storeEpoch = this.#store.seriesEpoch
    this.#converted.clear()
  }

  #convert(batch: SampleBatch): void {
    if (this.#converted.isEmpty) return
    const count = this.#converted.apply(batch)
    this.#parts.drops.add('unit-rule', 'unit_rules', { reason: 'histogram-has-no-unit', count })
  }

  #mend(batch: SampleBatch): void {
    for (const { match, reason, action, count } of this.#valueRules.apply(batch, this.#store)) {
      if (action === 'clamp') collectClamped.inc({ reason }, count)
      else this.#parts.drops.add('value-rule', match, { reason, count })
    }
  }

  #startNormalizations(): void {
    const { normalization: rules } = this.#settings
    const { store, clock, log, drops } = this.#parts
    const admit = (labels: Labels) => this.#guardOf(normalizationSource).admit(labels)
    const parts = { store, admit, clock, log, drops }
    this.#normalizations = rules.length > 0 ? new NormalizationRunner(rules, parts) : undefined
  }

  #startAggregations(): void {
    const { stream_aggregation: rules } = this.#settings
    if (rules.length === 0) return
    const { clock, log, drops } = this.#parts
    // Units were brought to base units before.
    const admit: AdmitSeries = (source, labels) => this.#guardOf(source).admit(labels)
    const parts = { store: this.#store, admit, clock, log, drops, random: systemRandom }
    this.#aggregations = new AggregationRunner(rules, parts)
  }

  #guardOf(source: string): SeriesGuard {
    const isNew = !this.#guards.has(source)
    const key = isNew && this.#guards.size >= guardsMax ? 'others' : source
    let guard = this.#guards.get(key)
    if (guard === undefined) {
      guard = new SeriesGuard(this.#store, this.#limitOf(key))
      this.#guards.set(key, guard)
    }
    return guard
  }

  #limitOf(source: string): number {
    return this.#limits.bySource.get(source) ?? this.#limits.default
  }
}

/** The number of a label set: with the limit of the source where there is one, else the store's. */
export function admitSeries(
  appender: Appender,
  source: string,
  labels: Labels,
): SeriesId | undefined {
  return appender instanceof IngestAppender
    ? appender.admit(source, labels)
    : appender.seriesId(labels)
}

/** What is wrong with labels that a receiver brings; `undefined` when they may pass. */
export function judgeLabels(appender: Appender, labels: Labels): LabelVerdict | undefined {
  return appender instanceof IngestAppender ? appender.judge(labels) : validateLabels(labels)
}
