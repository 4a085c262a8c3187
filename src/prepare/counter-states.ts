/**
 * The last value of each counter that a stream aggregation sums up: what a new value adds is its distance
 * from the one before, or all of it when the counter began anew. A counter that is seen for the first
 * time, or again after a long silence, adds nothing: how long it took to get there is not known.
 */

import type { Labels } from '../model/labels.ts'
import type { SeriesId } from '../model/sample.ts'

/** Last values by the series' number. */
export class CounterStates {
  readonly #stalenessMs: number
  #value = new Float64Array(1024)
  #timeMs = new Float64Array(1024)
  /** Growth in the interval at hand, and the time of the value that it began from. */
  #increase = new Float64Array(1024)
  #startTimeMs = new Float64Array(1024)
  readonly #owner: (Labels | undefined)[] = []
  /** Series with growth in the interval at hand, each with its group. */
  readonly #grown: SeriesId[] = []
  readonly #groups: number[] = []

  constructor(stalenessMs: number) {
    this.#stalenessMs = stalenessMs
  }

  /** The number stands for this series; what another left behind is forgotten. */
  own(seriesId: SeriesId, labels: Labels): void {
    if (seriesId >= this.#value.length) this.#grow(seriesId)
    const before = this.#owner[seriesId]
    if (before === labels || before?.key === labels.key) return
    this.#owner[seriesId] = labels
    this.#timeMs[seriesId] = 0
    this.#startTimeMs[seriesId] = 0
  }

  /** Takes a value of an owned series; gives what it adds to its group. */
  add(seriesId: SeriesId, timeMs: number, value: number, group: number): number {
    const lastTimeMs = this.#timeMs[seriesId]!
    if (timeMs <= lastTimeMs) return 0
    const last = this.#value[seriesId]!
    this.#value[seriesId] = value
    this.#timeMs[seriesId] = timeMs
    if (lastTimeMs === 0 || timeMs - lastTimeMs > this.#stalenessMs) return 0
    const increase = value >= last ? value - last : value
    if (this.#startTimeMs[seriesId] === 0) {
      this.#startTimeMs[seriesId] = lastTimeMs
      this.#increase[seriesId] = 0
      this.#grown.push(seriesId)
      this.#groups.push(group)
    }
    this.#increase[seriesId]! += increase
    return increase
  }

  /** Ends the interval: tells the growth per second of each series that had two values to compare. */
  flush(tell: (group: number, perSecond: number) => void): void {
    for (const [place, seriesId] of this.#grown.entries()) {
      const startTimeMs = this.#startTimeMs[seriesId]!
      this.#startTimeMs[seriesId] = 0
      // Another series may have the number by now.
      if (startTimeMs === 0) continue
      const spanMs = this.#timeMs[seriesId]! - startTimeMs
      if (spanMs > 0) tell(this.#groups[place]!, (this.#increase[seriesId]! / spanMs) * 1000)
    }
    this.#grown.length = 0
    this.#groups.length = 0
  }

  #grow(seriesId: SeriesId): void {
    const size = Math.max(seriesId + 1, this.#value.length * 2)
    this.#value = extend(this.#value, size)
    this.#timeMs = extend(this.#timeMs, size)
    this.#increase = extend(this.#increase, size)
    this.#startTimeMs = extend(this.#startTimeMs, size)
  }
}

function extend(column: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(size)
  grown.set(column)
  return grown
}
