/**
 * Series whose values come in another unit than they are kept in. Who brings them is given a number of
 * ours in place of the store's; before the store their rows are converted and get the store's number.
 * So one series may arrive in two units, and nobody else's series is touched.
 */

import type { ExemplarRow } from '../model/exemplar.ts'
import { customBoundsSchema, type Histogram } from '../model/histogram.ts'
import {
  bitsOf,
  isHistogramAt,
  isStaleAt,
  type SampleBatch,
  type SeriesId,
} from '../model/sample.ts'
import { type Conversion, convertValue, copyRow } from '../prepare/prepare.ts'

/** Our numbers begin here; the store counts from 0, and marks of tables are behind. */
const firstNumber = 0x8000_0000
/** As many as fit before the marks of tables; far more than memory holds. */
const numberCountMax = 0x7000_0000

interface Converted {
  seriesId: SeriesId
  conversion: Conversion
}

/** Numbers of converted series. */
export class ConvertedNumbers {
  #series: Converted[] = []
  readonly #numberOf = new Map<SeriesId, [Conversion, SeriesId][]>()

  /** Whether there are none, so that batches need not be looked at. */
  get isEmpty(): boolean {
    return this.#series.length === 0
  }

  /** Our number of the store's series when it arrives with this conversion. */
  numberOf(seriesId: SeriesId, conversion: Conversion): SeriesId {
    const known = this.#numberOf.get(seriesId) ?? []
    for (const [other, number] of known) if (other === conversion) return number
    if (this.#series.length >= numberCountMax) return seriesId
    const number = firstNumber + this.#series.push({ seriesId, conversion }) - 1
    this.#numberOf.set(seriesId, [...known, [conversion, number]])
    return number
  }

  /** The store's number behind any number. */
  seriesIdOf(number: SeriesId): SeriesId {
    return number < firstNumber ? number : this.#series[number - firstNumber]!.seriesId
  }

  /** Converts the batch in place; gives how many rows could not be, which are left out. */
  apply(batch: SampleBatch): number {
    const bits = bitsOf(batch.value)
    let kept = 0
    for (let row = 0; row < batch.count; row++) {
      if (batch.seriesId[row]! >= firstNumber && !this.#convert(batch, bits, row)) continue
      if (kept < row) copyRow(batch, bits, row, kept)
      kept++
    }
    const lostCount = batch.count - kept
    batch.count = kept
    return lostCount
  }

  /** The same of exemplars, as copies. */
  applyToExemplars(rows: readonly ExemplarRow[]): ExemplarRow[] {
    return rows.map((row) => {
      if (row.seriesId < firstNumber) return row
      const { seriesId, conversion } = this.#series[row.seriesId - firstNumber]!
      return { ...row, seriesId, value: convertValue(row.value, conversion) }
    })
  }

  /** Forgets all numbers: everybody asks for theirs again. */
  clear(): void {
    this.#series = []
    this.#numberOf.clear()
  }

  #convert(batch: SampleBatch, bits: Uint32Array, row: number): boolean {
    const { seriesId, conversion } = this.#series[batch.seriesId[row]! - firstNumber]!
    batch.seriesId[row] = seriesId
    if (isStaleAt(bits, row)) return true
    if (!isHistogramAt(bits, row)) {
      batch.value[row] = convertValue(batch.value[row]!, conversion)
      return true
    }
    const histogram = batch.histogram?.[row]
    if (histogram?.schema !== customBoundsSchema || conversion.shift !== 0) return false
    batch.histogram![row] = convertHistogram(histogram, conversion)
    return true
  }
}

function convertHistogram(histogram: Histogram, conversion: Conversion): Histogram {
  return {
    ...histogram,
    sum: convertValue(histogram.sum, conversion),
    customBounds: histogram.customBounds.map((bound) => convertValue(bound, conversion)),
  }
}
