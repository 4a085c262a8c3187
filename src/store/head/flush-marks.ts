/**
 * What the engine has of memory's rows: of each series all up to its mark, since a flush brings a series'
 * rows in order of time. A flush begins, takes rows before a time of each series once, and ends.
 *
 * Some rows are behind: a flush passed their time, and yet the engine may not have them (they came later, or
 * the flush failed). `behindTimeMs` is the time of the oldest. Questions about times before what memory
 * covers begin there instead. It is lowered by every such row, and forgotten once a flush has passed it.
 */

import type { SeriesId } from '../../model/sample.ts'
import { grow } from './series-index.ts'

/** What the engine has, by series. */
export class FlushMarks {
  #markTimeMs: Float64Array = new Float64Array(1_024).fill(Number.NEGATIVE_INFINITY)
  #behindTimeMs = Infinity
  /** The same of rows that the flush under way will bring. */
  #takenBehindTimeMs = Infinity
  /** A flush is under way that takes rows before this time. */
  #takenTimeMs = Number.NEGATIVE_INFINITY
  /** The last flush brought what there was before this time. */
  passedTimeMs = Number.NEGATIVE_INFINITY

  /** Makes room for a series of which the engine has nothing. */
  prepare(id: SeriesId): void {
    if (id >= this.#markTimeMs.length) {
      const capacity = Math.max(id + 1, this.#markTimeMs.length * 2)
      this.#markTimeMs = grow(this.#markTimeMs, new Float64Array(capacity))
    }
    this.forget(id)
  }

  /** A flush begins that takes what memory has before a time. */
  begin(untilTimeMs: number): void {
    this.#takenTimeMs = untilTimeMs
    this.#takenBehindTimeMs = Math.min(this.#takenBehindTimeMs, this.#behindTimeMs)
    this.#behindTimeMs = Infinity
  }

  /** It has ended: the engine has everything, or it will be brought again. */
  end(isDone: boolean, coveredTimeMs: number): void {
    if (isDone) {
      // Memory may cover less than what the flush left.
      if (this.#takenTimeMs < coveredTimeMs) this.noteBehind(this.#takenTimeMs)
      this.passedTimeMs = Math.max(this.passedTimeMs, this.#takenTimeMs)
    } else this.noteBehind(this.#takenBehindTimeMs)
    this.#takenBehindTimeMs = Infinity
    this.#takenTimeMs = Number.NEGATIVE_INFINITY
  }

  /** Up to which time the engine has a series' samples. */
  timeMs(id: SeriesId): number {
    return this.#markTimeMs[id]!
  }

  /** The engine has a series' samples up to a time. */
  note(id: SeriesId, timeMs: number): void {
    if (timeMs > this.#markTimeMs[id]!) this.#markTimeMs[id] = timeMs
  }

  /** Rows of any time may come now, and all of them have to reach the engine. */
  forget(id: SeriesId): void {
    this.#markTimeMs[id] = Number.NEGATIVE_INFINITY
  }

  /** Whether no flush will take a row of this time any more. */
  isPassed(id: SeriesId, timeMs: number): boolean {
    return timeMs <= this.#markTimeMs[id]! || timeMs < this.#takenTimeMs
  }

  /** Time of the oldest row that is behind; `Infinity` without any. */
  get behindTimeMs(): number {
    return Math.min(this.#behindTimeMs, this.#takenBehindTimeMs)
  }

  /** A row of this time is behind. */
  noteBehind(timeMs: number): void {
    if (timeMs < this.#behindTimeMs) this.#behindTimeMs = timeMs
  }
}
