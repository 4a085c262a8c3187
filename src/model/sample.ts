/**
 * Samples as batches of columns: never one object per sample. A series is named by the number that
 * the store gave its label set; times are integer milliseconds since 1970 UTC in float64 (exact to
 * the year 287396); values are float64 with Prometheus's stale marker as one particular NaN.
 *
 * The stale marker is the bit pattern 0x7ff0000000000002. JavaScript may change a NaN's payload
 * when it passes through a variable, so it is written and tested through a Uint32Array view of the
 * same memory, and columns are copied with `set` or `slice`, never value by value, where it matters.
 *
 * A native histogram stands in a column of objects beside; the value of such a row is a NaN of its own
 * bit pattern, so that whoever copies values bit by bit still knows which rows they were.
 */

import type { Histogram } from './histogram.ts'

/** A number the store gives to a label set; valid while the process runs. */
export type SeriesId = number

/** Rows of (series, time, value). The first `count` rows are valid; arrays may be longer. */
export interface SampleBatch {
  count: number
  seriesId: Uint32Array
  timeMs: Float64Array
  value: Float64Array
  /**
   * Native histograms by row, `undefined` where the row is a float; may be shorter than `count`, and is
   * absent when no row has one. The row's `value` is then the mark that `setHistogramAt` writes.
   */
  histogram?: (Histogram | undefined)[]
}

const staleHigh = 0x7ff00000
const staleLow = 2

/** Which half of a float64 comes first in memory. */
const highIndex = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/** The 32-bit view that `isStaleAt` and `setStaleAt` need; make it once per column. */
export function bitsOf(value: Float64Array): Uint32Array {
  return new Uint32Array(value.buffer, value.byteOffset, value.length * 2)
}

/** Whether row `index` of the column behind `bits` is the stale marker. */
export function isStaleAt(bits: Uint32Array, index: number): boolean {
  return bits[index * 2 + highIndex] === staleHigh && bits[index * 2 + 1 - highIndex] === staleLow
}

/** Writes the stale marker to row `index`. */
export function setStaleAt(bits: Uint32Array, index: number): void {
  bits[index * 2 + highIndex] = staleHigh
  bits[index * 2 + 1 - highIndex] = staleLow
}

/** High half of the mark of a histogram: a NaN that no sender writes, and no harm when one does. */
const histogramHigh = 0x7ff46869

/** Whether row `index` bears the mark of a histogram. */
export function isHistogramAt(bits: Uint32Array, index: number): boolean {
  return bits[index * 2 + highIndex] === histogramHigh
}

/** Marks row `index` as a histogram; the low half is the store's, where equal histograms are equal. */
export function setHistogramAt(bits: Uint32Array, index: number, low = 0): void {
  bits[index * 2 + highIndex] = histogramHigh
  bits[index * 2 + 1 - highIndex] = low
}

/** An empty batch with room for `capacity` rows. */
export function makeSampleBatch(capacity: number): SampleBatch {
  return {
    count: 0,
    seriesId: new Uint32Array(capacity),
    timeMs: new Float64Array(capacity),
    value: new Float64Array(capacity),
  }
}

/** Builds a batch row by row and grows as needed; for producers that do not know their size. */
export class SampleBatchBuilder {
  batch: SampleBatch
  #bits: Uint32Array

  constructor(capacity = 256) {
    this.batch = makeSampleBatch(capacity)
    this.#bits = bitsOf(this.batch.value)
  }

  /** Adds one row. Do not pass the stale marker; use `addStale`. */
  add(seriesId: SeriesId, timeMs: number, value: number): void {
    const index = this.#reserve()
    this.batch.seriesId[index] = seriesId
    this.batch.timeMs[index] = timeMs
    this.batch.value[index] = value
  }

  /** Adds a stale marker. */
  addStale(seriesId: SeriesId, timeMs: number): void {
    const index = this.#reserve()
    this.batch.seriesId[index] = seriesId
    this.batch.timeMs[index] = timeMs
    setStaleAt(this.#bits, index)
  }

  /** Adds a native histogram. */
  addHistogram(seriesId: SeriesId, timeMs: number, histogram: Histogram): void {
    const index = this.#reserve()
    this.batch.seriesId[index] = seriesId
    this.batch.timeMs[index] = timeMs
    setHistogramAt(this.#bits, index)
    this.batch.histogram ??= []
    this.batch.histogram[index] = histogram
  }

  /** Empties the batch and keeps its memory; who has the batch must be done with it. */
  clear(): void {
    this.batch.count = 0
    delete this.batch.histogram
  }

  #reserve(): number {
    if (this.batch.count === this.batch.seriesId.length) {
      const grown = makeSampleBatch(this.batch.count * 2)
      grown.seriesId.set(this.batch.seriesId)
      grown.timeMs.set(this.batch.timeMs)
      grown.value.set(this.batch.value)
      grown.count = this.batch.count
      if (this.batch.histogram !== undefined) grown.histogram = this.batch.histogram
      this.batch = grown
      this.#bits = bitsOf(grown.value)
    }
    return this.batch.count++
  }
}
