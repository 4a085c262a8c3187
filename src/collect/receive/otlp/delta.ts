/**
 * Deltas summed up to what they are differences of, because rate() and its kin need counters that
 * grow. One running total per series, the least lately touched forgotten first when there are too
 * many; after that, and after a restart, a total begins at zero again, which rate() takes for the
 * restart of a counter.
 *
 * Totals advance when a request is read and are put back when the store refuses the request: what
 * the sender then repeats counts once. If another request has built upon them meanwhile they stay,
 * since its samples hold the difference already, and the repeated points are refused as too late.
 * Source: opentelemetry-specification specification/metrics/data-model.md (temporality).
 */

import type { Histogram } from '../../../model/histogram.ts'
import { collectDeltaForgotten, collectDeltaSeries } from '../../metrics.ts'

/** What all totals may cost, in numbers held; some 100 MB with labels of the usual length. */
const costMax = 2_000_000
/** What a total costs beside its numbers: its labels and its place in the table. */
const ownCost = 8

/** A running total: its numbers, and the time of the point that was added last. */
interface Total {
  timeMs: number
  /** What the numbers are, such as bounds of buckets; other ones begin anew. */
  shape: string
  numbers: readonly number[]
  /** Of native histograms, instead of numbers. */
  histogram?: Histogram
}

/** The running totals of all senders. */
export class DeltaBook {
  /** In the order of the last touch. */
  readonly #totals = new Map<string, Total>()
  #cost = 0

  /** Begins a request. */
  open(): DeltaChanges {
    return new DeltaChanges(this)
  }

  get(key: string): Total | undefined {
    return this.#totals.get(key)
  }

  /** Sets or, with `undefined`, removes a total. */
  set(key: string, total: Total | undefined): void {
    const before = this.#totals.get(key)
    if (before !== undefined) {
      this.#cost -= costOf(before)
      this.#totals.delete(key)
    }
    if (total !== undefined) {
      this.#totals.set(key, total)
      this.#cost += costOf(total)
    }
    for (const [oldest, forgotten] of this.#totals) {
      if (this.#cost <= costMax) break
      this.#totals.delete(oldest)
      this.#cost -= costOf(forgotten)
      collectDeltaForgotten.inc()
    }
    collectDeltaSeries.set(this.#totals.size)
  }
}

function costOf({ numbers, histogram }: Total): number {
  if (histogram === undefined) return numbers.length + ownCost
  const { positive, negative, customBounds } = histogram
  return 2 * (positive.index.length + negative.index.length) + customBounds.length + 2 * ownCost
}

/** What one request changed. */
export class DeltaChanges {
  readonly #book: DeltaBook
  readonly #before = new Map<string, Total | undefined>()
  readonly #after = new Map<string, Total>()

  constructor(book: DeltaBook) {
    this.#book = book
  }

  /** The total with `numbers` added, or `undefined` when the point is not later than the last one. */
  add(
    key: string,
    point: { timeMs: number; shape: string; numbers: readonly number[] },
  ): readonly number[] | undefined {
    const before = this.#book.get(key)
    if (before !== undefined && point.timeMs <= before.timeMs) return undefined
    const isSame = before?.shape === point.shape
    const numbers = isSame
      ? point.numbers.map((number, index) => number + before.numbers[index]!)
      : point.numbers
    this.#note(key, before, { timeMs: point.timeMs, shape: point.shape, numbers })
    return numbers
  }

  /**
   * The same for a native histogram; `sum` puts two together, or answers `undefined` when they do not
   * fit, and the total begins anew.
   */
  addHistogram(
    key: string,
    point: { timeMs: number; histogram: Histogram },
    sum: (before: Histogram, now: Histogram) => Histogram | undefined,
  ): Histogram | undefined {
    const before = this.#book.get(key)
    if (before !== undefined && point.timeMs <= before.timeMs) return undefined
    const summed =
      before?.histogram === undefined ? undefined : sum(before.histogram, point.histogram)
    const histogram = summed ?? point.histogram
    this.#note(key, before, { timeMs: point.timeMs, shape: 'native', numbers: [], histogram })
    return histogram
  }

  #note(key: string, before: Total | undefined, total: Total): void {
    if (!this.#before.has(key)) this.#before.set(key, before)
    this.#after.set(key, total)
    this.#book.set(key, total)
  }

  /** Puts back what nobody has built upon. */
  undo(): void {
    for (const [key, total] of this.#after) {
      if (this.#book.get(key) === total) this.#book.set(key, this.#before.get(key))
    }
  }
}
