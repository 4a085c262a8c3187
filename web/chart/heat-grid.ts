/**
 * Histograms over time as a grid of cells: one column for each time, one row for each bucket, the lowest
 * first. Classic histograms bring their bounds in the label `le` and count up to each; native ones bring
 * buckets of their own at each time, which are laid over rows of equal ratio.
 */

import { type HistogramSeries, parseSampleValue, type Series } from '../data/prometheus.ts'

/** The cells; `counts` is row after row. */
export interface HeatGrid {
  timesMs: readonly number[]
  stepMs: number
  rows: readonly HeatRow[]
  counts: Float64Array
  countMax: number
}

/** A row: values above `low` up to `high`; either may be infinite. */
export interface HeatRow {
  low: number
  high: number
}

/** Rows of a native histogram: more cannot be told apart on a screen. */
const nativeRowsMax = 48

/** Whether all series are parts of classic histograms. */
export function isClassic(series: readonly Series[]): boolean {
  return series.length > 0 && series.every((one) => Object.hasOwn(one.labels, 'le'))
}

/** The grid of classic histograms; series of one bound are added. */
export function gridOfClassic(
  series: readonly Series[],
  timesMs: readonly number[],
  stepMs: number,
): HeatGrid {
  const byBound = new Map<number, Float64Array>()
  for (const { labels, values } of series) {
    const bound = parseSampleValue(labels['le'] ?? '')
    if (Number.isNaN(bound)) continue
    const sums = byBound.get(bound) ?? new Float64Array(timesMs.length)
    byBound.set(bound, sums)
    for (let at = 0; at < timesMs.length; at++) sums[at]! += values[at] ?? 0
  }
  const bounds = [...byBound.keys()].sort((a, b) => a - b)
  const counts = new Float64Array(bounds.length * timesMs.length)
  bounds.forEach((bound, row) => {
    const own = byBound.get(bound)!
    const below = row === 0 ? undefined : byBound.get(bounds[row - 1]!)!
    for (let at = 0; at < timesMs.length; at++)
      counts[row * timesMs.length + at] = Math.max(0, own[at]! - (below?.[at] ?? 0))
  })
  const rows = bounds.map((high, row) => ({
    low: row === 0 ? (high > 0 ? 0 : Number.NEGATIVE_INFINITY) : bounds[row - 1]!,
    high,
  }))
  return trimmed({ timesMs, stepMs, rows, counts, countMax: 0 })
}

/** The grid of native histograms; series are added. */
export function gridOfNative(
  series: readonly HistogramSeries[],
  timesMs: readonly number[],
  stepMs: number,
): HeatGrid {
  const rows = findRows(series)
  const counts = new Float64Array(rows.length * timesMs.length)
  const start = timesMs[0] ?? 0
  for (const { points } of series) {
    for (const { timeMs, value } of points) {
      const at = Math.round((timeMs - start) / stepMs)
      if (at < 0 || at >= timesMs.length) continue
      for (const [, lower, upper, count] of value.buckets ?? []) {
        const bucket = { low: parseSampleValue(lower), high: parseSampleValue(upper) }
        spread(bucket, Number(count), rows, (row, part) => {
          counts[row * timesMs.length + at]! += part
        })
      }
    }
  }
  return trimmed({ timesMs, stepMs, rows, counts, countMax: 0 })
}

/** Rows of equal ratio over the positive buckets, one for what is around zero, one for what is below. */
function findRows(series: readonly HistogramSeries[]): HeatRow[] {
  let low = Number.POSITIVE_INFINITY
  let high = 0
  let ratioMin = Number.POSITIVE_INFINITY
  let lowest = 0
  let hasZero = false
  for (const { points } of series) {
    for (const { value } of points) {
      for (const [, lower, upper] of value.buckets ?? []) {
        const from = parseSampleValue(lower)
        const to = parseSampleValue(upper)
        if (from < 0 && to <= 0) lowest = Math.min(lowest, from)
        else if (from <= 0) hasZero = true
        else if (Number.isFinite(to)) {
          low = Math.min(low, from)
          high = Math.max(high, to)
          ratioMin = Math.min(ratioMin, to / from)
        }
      }
    }
  }
  const rows: HeatRow[] = []
  const begin = low < high ? low : 1
  if (lowest < 0) rows.push({ low: lowest, high: 0 })
  if (hasZero) rows.push({ low: 0, high: begin })
  if (low < high) {
    const wanted = Math.round(Math.log(high / low) / Math.log(ratioMin))
    const rowCount = Math.min(nativeRowsMax, Math.max(1, wanted))
    const ratio = (high / low) ** (1 / rowCount)
    for (let row = 0; row < rowCount; row++)
      rows.push({ low: low * ratio ** row, high: low * ratio ** (row + 1) })
  }
  return rows
}

/** Gives a bucket's count to the rows that it lies over, by their share of its ratio. */
function spread(
  bucket: HeatRow,
  count: number,
  rows: readonly HeatRow[],
  give: (row: number, part: number) => void,
): void {
  const isPositive = bucket.low > 0
  for (let row = 0; row < rows.length; row++) {
    const { low, high } = rows[row]!
    if (!isPositive) {
      const isBelow = bucket.high <= 0 && bucket.low < 0
      if (isBelow ? high <= 0 : low === 0 || (rows[0]!.low > 0 && row === 0)) {
        give(row, count)
        return
      }
      continue
    }
    if (low <= 0) continue
    const from = Math.max(low, bucket.low)
    const to = Math.min(high, bucket.high)
    if (to <= from) continue
    give(row, (count * Math.log(to / from)) / Math.log(bucket.high / bucket.low))
  }
}

/** Rows at both ends that never have anything are left out; the largest count is found. */
function trimmed(grid: HeatGrid): HeatGrid {
  const width = grid.timesMs.length
  const sumOf = (row: number): number => {
    let sum = 0
    for (let at = 0; at < width; at++) sum += grid.counts[row * width + at]!
    return sum
  }
  let first = 0
  let end = grid.rows.length
  while (first < end && sumOf(first) === 0) first++
  while (end > first && sumOf(end - 1) === 0) end--
  const counts = grid.counts.slice(first * width, end * width)
  let countMax = 0
  for (const count of counts) countMax = Math.max(countMax, count)
  return { ...grid, rows: grid.rows.slice(first, end), counts, countMax }
}
