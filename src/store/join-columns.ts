/** Puts together what the engine and memory have of the same series. */

import type { SeriesColumns } from '../model/flow.ts'
import type { Histogram } from '../model/histogram.ts'

/** All series of both; where a series is in both, its older samples come first. */
export function joinColumns(
  older: readonly SeriesColumns[],
  recent: readonly SeriesColumns[],
): SeriesColumns[] {
  const joined = new Map<string, SeriesColumns>()
  for (const series of older) joined.set(series.labels.key, series)
  for (const series of recent) {
    const before = joined.get(series.labels.key)
    joined.set(series.labels.key, before === undefined ? series : joinTwo(before, series))
  }
  return [...joined.values()]
}

function joinTwo(older: SeriesColumns, recent: SeriesColumns): SeriesColumns {
  const count = older.count + recent.count
  const timeMs = new Float64Array(count)
  const value = new Float64Array(count)
  timeMs.set(older.timeMs.subarray(0, older.count))
  timeMs.set(recent.timeMs.subarray(0, recent.count), older.count)
  value.set(older.value.subarray(0, older.count))
  value.set(recent.value.subarray(0, recent.count), older.count)
  const joined: SeriesColumns = { labels: recent.labels, count, timeMs, value }
  if (older.histogram !== undefined || recent.histogram !== undefined) {
    joined.histogram = [...histogramsOf(older), ...histogramsOf(recent)]
  }
  const isOrdered = older.count === 0 || timeMs[older.count - 1]! < recent.timeMs[0]!
  return isOrdered || recent.count === 0 ? joined : inOrder(joined)
}

/** Rows by time, of equal ones the first: memory has some that came late, and perhaps the engine too. */
function inOrder(series: SeriesColumns): SeriesColumns {
  const order = Uint32Array.from({ length: series.count }, (_, row) => row)
  order.sort((a, b) => series.timeMs[a]! - series.timeMs[b]! || a - b)
  const timeMs = new Float64Array(series.count)
  const value = new Float64Array(series.count)
  const histogram: (Histogram | undefined)[] = []
  let count = 0
  for (const row of order) {
    if (count > 0 && timeMs[count - 1] === series.timeMs[row]) continue
    timeMs[count] = series.timeMs[row]!
    // Bits survive `set`, as they do not when a value passes through a variable.
    value.set(series.value.subarray(row, row + 1), count)
    histogram.push(series.histogram?.[row])
    count++
  }
  const ordered: SeriesColumns = { labels: series.labels, count, timeMs, value }
  if (series.histogram !== undefined) ordered.histogram = histogram
  return ordered
}

function histogramsOf(series: SeriesColumns): (Histogram | undefined)[] {
  return series.histogram ?? new Array<undefined>(series.count).fill(undefined)
}
