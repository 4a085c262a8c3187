/** Who hears of arrivals. A listener that throws is a defect of ours: it is let through to the top. */

import type { ArrivalListener } from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import type { SampleBatch, SeriesId } from '../../model/sample.ts'
import type { Head } from './head.ts'

/** The listeners of a store. */
export class Arrivals {
  readonly #head: Head
  readonly #listeners = new Set<ArrivalListener>()
  readonly #logListeners = new Set<(batch: LogBatch) => void>()

  constructor(head: Head) {
    this.#head = head
  }

  /** Adds a listener and tells it of every series there is. */
  subscribe(listener: ArrivalListener): () => void {
    const { index } = this.#head
    for (let id = 0; id < index.idEnd; id++) {
      if (index.isLive[id] === 1) listener.onSeries(id, index.makeLabelsOf(id))
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Adds a listener for log lines. */
  subscribeLogs(listener: (batch: LogBatch) => void): () => void {
    this.#logListeners.add(listener)
    return () => this.#logListeners.delete(listener)
  }

  /** A label set got its number. */
  announce(id: SeriesId, labels: Labels): void {
    for (const listener of this.#listeners) listener.onSeries(id, labels)
  }

  /** Rows became readable. */
  deliver(batch: SampleBatch, arrivedTimeMs: number): void {
    if (batch.count === 0) return
    for (const listener of this.#listeners) listener.onSamples(batch, arrivedTimeMs)
  }

  /** Lines became readable. */
  deliverLogs(batch: LogBatch): void {
    if (batch.count === 0) return
    for (const listener of this.#logListeners) listener(batch)
  }
}
