/**
 * Batches that scrapes fill one after another. A batch of a thousand rows is 20 KB outside the heap of
 * JavaScript; made anew for every scrape, they would make the garbage collector run.
 */

import { SampleBatchBuilder } from '../../model/sample.ts'

/** Batches kept at most: as many as scrapes are usually written at once. */
const keptCountMax = 16
/** Larger ones are not kept. */
const keptRowsMax = 200_000

/** Lends batches. */
export class RowPool {
  readonly #kept: SampleBatchBuilder[] = []

  /** An empty batch, with room for about `rowCount` rows. */
  take(rowCount: number): SampleBatchBuilder {
    return this.#kept.pop() ?? new SampleBatchBuilder(Math.max(64, rowCount))
  }

  /** Takes a batch back that the store is done with. */
  give(rows: SampleBatchBuilder): void {
    if (this.#kept.length >= keptCountMax || rows.batch.seriesId.length > keptRowsMax) return
    rows.clear()
    this.#kept.push(rows)
  }
}
