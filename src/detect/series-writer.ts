/**
 * Appends what a rule makes: recorded series, ALERTS and ALERTS_FOR_STATE. Series that were there
 * last time and are no more get a stale marker, so that queries see them end at once.
 */

import type { Appender } from '../model/flow.ts'
import type { Histogram } from '../model/histogram.ts'
import type { Labels } from '../model/labels.ts'
import { SampleBatchBuilder, type SeriesId } from '../model/sample.ts'
import { samplesRejectedTotal } from './metrics.ts'

/** One sample to append. */
export interface WrittenSample {
  labels: Labels
  value: number
  /** A native histogram, instead of the value. */
  histogram?: Histogram | undefined
}

/** The series of one rule. */
export class SeriesWriter {
  readonly #appender: Appender
  /** What was written last, by label key. */
  #written = new Map<string, { labels: Labels; seriesId: SeriesId; value: number }>()
  #epoch: number

  constructor(appender: Appender) {
    this.#appender = appender
    this.#epoch = appender.seriesEpoch
  }

  /** Label sets written last time that are not in `samples`. */
  listVanished(samples: readonly WrittenSample[]): Labels[] {
    const keys = new Set(samples.map((sample) => sample.labels.key))
    return [...this.#written].filter(([key]) => !keys.has(key)).map(([, { labels }]) => labels)
  }

  /** The number that a label set had when it was written, if it was. */
  seriesIdOf(labels: Labels): SeriesId | undefined {
    return this.#written.get(labels.key)?.seriesId
  }

  /**
   * Appends `samples` at `timeMs` and ends what vanished. With `onlyChanges`, series whose value is
   * the one written last are left out. Resolves when they are durable.
   */
  async write(
    timeMs: number,
    samples: readonly WrittenSample[],
    onlyChanges: boolean,
  ): Promise<void> {
    if (samples.length === 0 && this.#written.size === 0) return
    const builder = new SampleBatchBuilder(Math.max(16, samples.length * 2))
    if (this.#appender.seriesEpoch !== this.#epoch) {
      this.#epoch = this.#appender.seriesEpoch
      for (const row of this.#written.values()) row.seriesId = this.#appender.seriesId(row.labels)
    }
    const next = new Map<string, { labels: Labels; seriesId: SeriesId; value: number }>()
    for (const { labels, value, histogram } of samples) {
      const before = this.#written.get(labels.key)
      const seriesId = before?.seriesId ?? this.#appender.seriesId(labels)
      next.set(labels.key, { labels, seriesId, value })
      if (histogram !== undefined) builder.addHistogram(seriesId, timeMs, histogram)
      else if (!onlyChanges || before === undefined || before.value !== value)
        builder.add(seriesId, timeMs, value)
    }
    for (const [key, row] of this.#written) {
      if (!next.has(key)) builder.addStale(row.seriesId, timeMs)
    }
    this.#written = next
    if (builder.batch.count === 0) return
    const result = await this.#appender.append(builder.batch)
    if (result.rejected > 0) samplesRejectedTotal.inc(result.rejected)
  }

  /** Ends all series. */
  async end(timeMs: number): Promise<void> {
    await this.write(timeMs, [], false)
  }
}
