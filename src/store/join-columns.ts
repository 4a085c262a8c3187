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
  return joined
}

function histogramsOf(series: SeriesColumns): (Histogram | undefined)[] {
  return series.histogram ?? new Array<undefined>(series.count).fill(undefined)
}
