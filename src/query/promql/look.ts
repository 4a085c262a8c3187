/** How samples are looked up in time. */

import type { Grid } from './block.ts'

/** Rows between two rests of a long loop; about a millisecond of work each. */
export const rowsPerRest = 64

/** Where a selector looks: steps and how far back. */
export interface LookBounds {
  grid: Grid
  lookbackMs: number
}

/** Index of the first sample later than `target`, by halving. */
export function firstAfter(timeMs: Float64Array, count: number, target: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timeMs[middle]! <= target) low = middle + 1
    else high = middle
  }
  return low
}
