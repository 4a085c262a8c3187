/** Rows of a series in order of time, equal times once. */

import { bitsOf } from '../../model/sample.ts'

/** Columns of which rows `[from, to)` count. */
export interface RowRange {
  timeMs: Float64Array
  value: Float64Array
  from: number
  to: number
}

/** Whether times ascend, each once. */
export function areAscending({ timeMs, from, to }: RowRange): boolean {
  for (let row = from + 1; row < to; row++) if (timeMs[row]! <= timeMs[row - 1]!) return false
  return true
}

/** Sorts rows by time in place and keeps the first of equal times; answers where they end now. */
export function sortRows(rows: RowRange): number {
  const { from, to } = rows
  const timeMs = rows.timeMs.slice(from, to)
  const bits = bitsOf(rows.value.slice(from, to))
  const order = Uint32Array.from(timeMs, (_, row) => row)
  order.sort((a, b) => timeMs[a]! - timeMs[b]! || a - b)
  const target = bitsOf(rows.value)
  let at = from
  for (const row of order) {
    if (at > from && rows.timeMs[at - 1] === timeMs[row]) continue
    rows.timeMs[at] = timeMs[row]!
    target[at * 2] = bits[row * 2]!
    target[at * 2 + 1] = bits[row * 2 + 1]!
    at++
  }
  return at
}
