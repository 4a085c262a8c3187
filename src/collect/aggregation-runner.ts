/**
 * Runs `stream_aggregation`: hands batches to every rule, and at the end of each interval, which stands
 * on a grid, writes the results to the store. The interval that runs at a stop is not written: half an
 * interval would look like a fall.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Appender } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import { type SampleBatch, SampleBatchBuilder, type SeriesId } from '../model/sample.ts'
import { Aggregation, type PrepareSettings } from '../prepare/prepare.ts'
import type { DropLedger } from './drops.ts'
import { collectAggregationGroups, collectSamples } from './metrics.ts'

/** What the written series are called as a source. */
const sourceName = 'stream-aggregation'

/** Gives the number of a series of a source; `undefined` when the source has too many. */
export type AdmitSeries = (source: string, labels: Labels) => SeriesId | undefined

/** What it works with. */
export interface AggregationParts {
  store: Appender
  /** The number of a series of a source, unless it has too many. */
  admit: AdmitSeries
  clock: Clock
  log: Log
  random: Random
  drops: DropLedger
}

/** All rules of aggregation. */
export class AggregationRunner {
  readonly #parts: AggregationParts
  readonly #rules: readonly Aggregation[]
  readonly #timers = new Map<Aggregation, Timer>()
  #isStopped = false

  constructor(settings: PrepareSettings['stream_aggregation'], parts: AggregationParts) {
    this.#parts = parts
    this.#rules = settings.map((rule) => new Aggregation(rule, parts.random))
    for (const rule of this.#rules) this.#schedule(rule)
  }

  /** Takes rows in; rules without `keep_input` remove theirs from the batch. */
  take(batch: SampleBatch): void {
    for (const rule of this.#rules) {
      const removedCount = rule.take(batch, this.#parts.store)
      const drop = { reason: 'aggregated', count: removedCount }
      this.#parts.drops.add(sourceName, rule.match, drop)
    }
  }

  /** Ends all rules. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) timer.cancel()
  }

  #schedule(rule: Aggregation): void {
    if (this.#isStopped) return
    const { clock } = this.#parts
    const nowTimeMs = clock.nowTimeMs()
    const endTimeMs = nowTimeMs + rule.intervalMs - (nowTimeMs % rule.intervalMs)
    const timer = clock.after(endTimeMs - nowTimeMs, () => {
      void this.#flush(rule, endTimeMs)
      this.#schedule(rule)
    })
    this.#timers.set(rule, timer)
  }

  async #flush(rule: Aggregation, endTimeMs: number): Promise<void> {
    const { store, admit, log, drops } = this.#parts
    const samples = rule.flush(endTimeMs)
    const rows = new SampleBatchBuilder(Math.max(16, samples.length))
    let refusedCount = 0
    for (const { labels, value } of samples) {
      const seriesId = admit(sourceName, labels)
      if (seriesId === undefined) refusedCount++
      else if (value === undefined) rows.addStale(seriesId, endTimeMs)
      else rows.add(seriesId, endTimeMs, value)
    }
    drops.add(sourceName, rule.match, { reason: 'series-limit', count: refusedCount })
    const fullCount = rule.takeFullCount()
    drops.add(sourceName, rule.match, { reason: 'too-many-groups', count: fullCount })
    const lateCount = rule.takeLateCount()
    drops.add(sourceName, rule.match, { reason: 'older-than-interval', count: lateCount })
    const groupCount = this.#rules.reduce((sum, one) => sum + one.groupCount, 0)
    collectAggregationGroups.set(groupCount)
    if (rows.batch.count === 0) return
    try {
      const result = await store.append(rows.batch)
      collectSamples.inc({ source: sourceName }, result.accepted)
      drops.addRejected(sourceName, rule.match, result.reasons)
    } catch (thrown) {
      const reason = messageOf(thrown)
      log.error({ match: rule.match, reason }, 'Results of an aggregation were not written.')
      drops.add(sourceName, rule.match, { reason: 'store-refused', count: rows.batch.count })
    }
  }
}
