/** Puts the slices of a long range query together, series by series in order of time. */

import type { Histogram } from '../../model/histogram.ts'
import { compareLabels } from '../../model/labels.ts'
import type { QuerySeries, QueryValue } from './result.ts'

/** Takes the matrices of consecutive slices. */
export class MatrixJoiner {
  readonly #slices = new Map<string, QuerySeries[]>()
  #sliceCount = 0
  /** Points held so far. */
  pointCount = 0

  /** Adds the next slice. */
  add(value: QueryValue): void {
    this.#sliceCount++
    if (value.type !== 'matrix') return
    for (const series of value.series) {
      this.pointCount += series.count
      const held = this.#slices.get(series.labels.key)
      if (held === undefined) this.#slices.set(series.labels.key, [series])
      else held.push(series)
    }
  }

  /** Whether there was one slice only, which needs no joining. */
  get isWhole(): boolean {
    return this.#sliceCount === 1
  }

  /** The whole matrix, ordered by labels. */
  join(): QueryValue {
    const series = [...this.#slices.values()].map(joinSlices)
    series.sort((a, b) => compareLabels(a.labels, b.labels))
    return { type: 'matrix', series }
  }
}

function joinSlices(slices: readonly QuerySeries[]): QuerySeries {
  let count = 0
  for (const slice of slices) count += slice.count
  const timeMs = new Float64Array(count)
  const value = new Float64Array(count)
  const histogram: (Histogram | undefined)[] = []
  let row = 0
  for (const slice of slices) {
    timeMs.set(slice.timeMs.subarray(0, slice.count), row)
    value.set(slice.value.subarray(0, slice.count), row)
    slice.histogram?.forEach((found, index) => {
      if (found !== undefined) histogram[row + index] = found
    })
    row += slice.count
  }
  const { labels } = slices[0]!
  return { labels, count, timeMs, value, ...(histogram.length > 0 ? { histogram } : {}) }
}
