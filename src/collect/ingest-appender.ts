/**
 * The last step of every way in, before the store: each source has a limit of series. Receivers and
 * scrapers hold it as their `Appender`.
 */

import type { LogBatch } from '../model/log-line.ts'
import type { AppendResult, Appender, MetricMetadata } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { SampleBatch, SeriesId } from '../model/sample.ts'
import { SeriesGuard } from '../prepare/prepare.ts'

/** What the refusal of a series is called in drops. */
export const seriesLimitReason = 'series-limit'

/** Sources that have a guard of their own at most; further ones share the last. */
const guardsMax = 1000

/** How many series sources may bring. */
export interface SeriesLimits {
  /** For a source without a limit of its own; 0 means none. */
  default: number
  /** By source. */
  bySource: ReadonlyMap<string, number>
}

/** Stands before the store. */
export class IngestAppender implements Appender {
  readonly #store: Appender
  readonly #guards = new Map<string, SeriesGuard>()
  #limits: SeriesLimits

  constructor(store: Appender, limits: SeriesLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** Other limits, from the next series on. */
  reload(limits: SeriesLimits): void {
    this.#limits = limits
    for (const [source, guard] of this.#guards) guard.reload(this.#limitOf(source))
  }

  /** The number of a label set that `source` brings; `undefined` when it has too many. */
  admit(source: string, labels: Labels): SeriesId | undefined {
    return this.#guardOf(source).admit(labels)
  }

  /** Sources whose series are refused, and why in words. */
  refusals(): { source: string; message: string }[] {
    return [...this.#guards].flatMap(([source, guard]) => {
      const message = guard.explain()
      return message === undefined ? [] : [{ source, message }]
    })
  }

  get seriesEpoch(): number {
    return this.#store.seriesEpoch
  }

  seriesId(labels: Labels): SeriesId {
    return this.#store.seriesId(labels)
  }

  findSeriesId(labels: Labels): SeriesId | undefined {
    return this.#store.findSeriesId?.(labels)
  }

  labelsOf(seriesId: SeriesId): Labels {
    return this.#store.labelsOf(seriesId)
  }

  append(batch: SampleBatch): Promise<AppendResult> {
    return this.#store.append(batch)
  }

  appendLogs(batch: LogBatch): Promise<void> {
    return this.#store.appendLogs(batch)
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.#store.setMetadata(metric, metadata)
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
