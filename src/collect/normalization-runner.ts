/** Runs `normalization`: shows every batch to the rules and writes what comes of it, at the same times. */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Appender } from '../model/flow.ts'
import { type SampleBatch, SampleBatchBuilder } from '../model/sample.ts'
import { type AdmitDerived, Normalization, type PrepareSettings } from '../prepare/prepare.ts'
import type { DropLedger } from './drops.ts'
import { collectSamples } from './metrics.ts'

/** What the written series are called as a source. */
export const normalizationSource = 'normalization'

/** The store refuses what is further in the future. */
const futureMsMax = 10 * 60_000

/** What it works with. */
export interface NormalizationParts {
  store: Appender
  admit: AdmitDerived
  clock: Clock
  log: Log
  drops: DropLedger
}

/** All rules of normalization. */
export class NormalizationRunner {
  readonly #parts: NormalizationParts
  readonly #rules: readonly Normalization[]

  constructor(settings: PrepareSettings['normalization'], parts: NormalizationParts) {
    this.#parts = parts
    this.#rules = settings.map((rule) => new Normalization(rule))
  }

  /** Looks at rows that are about to be kept; what comes of them is written behind. */
  take(batch: SampleBatch): void {
    const { store, admit, clock, drops } = this.#parts
    const rows = new SampleBatchBuilder()
    const endTimeMs = clock.nowTimeMs() + futureMsMax
    for (const rule of this.#rules) {
      rule.take(batch, store, { admit, rows, endTimeMs })
      const { refusedCount, lateCount } = rule.takeCounts()
      const place = rule.match
      drops.add(normalizationSource, place, { reason: 'too-many-series', count: refusedCount })
      drops.add(normalizationSource, place, { reason: 'older-than-window', count: lateCount })
    }
    if (rows.batch.count > 0) void this.#write(rows.batch)
  }

  /** Never rejects. */
  async #write(batch: SampleBatch): Promise<void> {
    const { store, log, drops } = this.#parts
    const { count } = batch
    try {
      const result = await store.append(batch)
      collectSamples.inc({ source: normalizationSource }, result.accepted)
      drops.addRejected(normalizationSource, normalizationSource, result.reasons)
    } catch (thrown) {
      log.error({ reason: messageOf(thrown) }, 'Normalized series were not written.')
      drops.add(normalizationSource, normalizationSource, { reason: 'store-refused', count })
    }
  }
}
