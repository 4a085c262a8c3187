/**
 * Which samples of a series a rollup keeps: of each bucket (n × length, (n + 1) × length] the first and last,
 * the least and largest, both sides of every fall, which may be a counter's reset, and what is no number. A
 * gauge falls all the time: then falls are not kept, and what is asked of counters needs all its samples.
 * Stale markers are left out. With its ordinal, the place among all samples, each tells how many were left out.
 *
 * Whatever is asked of windows that are made of whole buckets is answered from these as from all: minimum,
 * maximum, first, last, count, and rate, increase and delta to the last bit. Sums and means are not.
 */

import { bitsOf, isStaleAt } from '../../model/sample.ts'

/** More falls than this are those of a gauge. */
const fallsPerBucketMax = 1

/** Chooses rows. Holds scratch space: what is kept is valid until the next call. */
export class RollupRows {
  timeMs = new Float64Array(1_024)
  value = new Float64Array(1_024)
  ordinal = new Float64Array(1_024)
  count = 0
  /** Whether both sides of every fall are kept. */
  hasFalls = true
  #isKept = new Uint8Array(1_024)

  /** Keeps what buckets of a length need of rows `[from, to)`, which are in order of time. */
  fill(
    columns: { timeMs: Float64Array; value: Float64Array },
    range: { from: number; to: number; bucketMs: number },
  ): void {
    const { from, to } = range
    if (this.timeMs.length < to - from) {
      const size = (to - from) * 2
      this.timeMs = new Float64Array(size)
      this.value = new Float64Array(size)
      this.ordinal = new Float64Array(size)
      this.#isKept = new Uint8Array(size)
    }
    this.hasFalls = this.#mark(columns, range)
    if (!this.hasFalls) this.#mark(columns, { ...range, areFallsKept: false })
    const bits = bitsOf(columns.value)
    const ownBits = bitsOf(this.value)
    let ordinal = 0
    this.count = 0
    for (let row = from; row < to; row++) {
      if (Number.isNaN(columns.value[row]!) && isStaleAt(bits, row)) continue
      if (this.#isKept[row - from] === 1) {
        const at = this.count++
        this.timeMs[at] = columns.timeMs[row]!
        ownBits[at * 2] = bits[row * 2]!
        ownBits[at * 2 + 1] = bits[row * 2 + 1]!
        this.ordinal[at] = ordinal
      }
      ordinal++
    }
  }

  /** Marks what is kept; answers whether there are so few falls that they can be. */
  #mark(
    columns: { timeMs: Float64Array; value: Float64Array },
    range: { from: number; to: number; bucketMs: number; areFallsKept?: boolean },
  ): boolean {
    const { timeMs, value } = columns
    const { from, to, bucketMs, areFallsKept = true } = range
    let bucketCount = 0
    let fallCount = 0
    const bits = bitsOf(value)
    const isKept = this.#isKept.fill(0, 0, to - from)
    let endTimeMs = Number.NEGATIVE_INFINITY
    let last = -1
    let least = -1
    let largest = -1
    for (let row = from; row < to; row++) {
      const number = value[row]!
      if (Number.isNaN(number)) {
        if (isStaleAt(bits, row)) continue
        isKept[row - from] = 1
      }
      if (timeMs[row]! > endTimeMs) {
        if (last >= 0) {
          isKept[last - from] = 1
          isKept[least - from] = 1
          isKept[largest - from] = 1
        }
        bucketCount++
        endTimeMs = Math.ceil(timeMs[row]! / bucketMs) * bucketMs
        isKept[row - from] = 1
        least = row
        largest = row
      } else {
        // A number takes the place of what is none.
        if (number < value[least]! || Number.isNaN(value[least]!)) least = row
        if (number > value[largest]! || Number.isNaN(value[largest]!)) largest = row
      }
      if (last >= 0 && number < value[last]! && areFallsKept) {
        fallCount++
        isKept[last - from] = 1
        isKept[row - from] = 1
      }
      last = row
    }
    if (last < 0) return true
    isKept[last - from] = 1
    isKept[least - from] = 1
    isKept[largest - from] = 1
    return fallCount <= bucketCount * fallsPerBucketMax + 1
  }
}
