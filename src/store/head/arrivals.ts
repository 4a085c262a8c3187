/** Who hears of arrivals. A listener that throws is a defect of ours: it is let through to the top. */

import type { ArrivalListener } from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { bitsOf, makeSampleBatch, type SampleBatch, type SeriesId } from '../../model/sample.ts'
import type { Head } from './head.ts'

/** Older rows than this are history: no rule on arrival waits for them. */
const reachMs = 300_000

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
    const recent = takeRecent(batch, arrivedTimeMs - reachMs)
    if (recent.count === 0) return
    for (const listener of this.#listeners) listener.onSamples(recent, arrivedTimeMs)
  }

  /** Lines became readable. */
  deliverLogs(batch: LogBatch): void {
    if (batch.count === 0) return
    for (const listener of this.#logListeners) listener(batch)
  }
}

/** The rows from a time on: the batch itself when that is all of it. */
function takeRecent(batch: SampleBatch, fromTimeMs: number): SampleBatch {
  const { count, seriesId, timeMs } = batch
  let first = 0
  while (first < count && timeMs[first]! >= fromTimeMs) first++
  if (first === count) return batch
  const recent = makeSampleBatch(count)
  const bits = bitsOf(batch.value)
  const recentBits = bitsOf(recent.value)
  if (batch.histogram !== undefined) recent.histogram = []
  for (let row = 0; row < count; row++) {
    if (timeMs[row]! < fromTimeMs) continue
    const at = recent.count++
    recent.seriesId[at] = seriesId[row]!
    recent.timeMs[at] = timeMs[row]!
    recentBits[at * 2] = bits[row * 2]!
    recentBits[at * 2 + 1] = bits[row * 2 + 1]!
    if (recent.histogram !== undefined) recent.histogram[at] = batch.histogram![row]
  }
  return recent
}
