/**
 * When did a signal begin to go wrong? One change point in one series.
 *
 * 1. The split that leaves the least squared error of two levels (binary segmentation with one split,
 *    O(n) by running sums) finds the shift; because rates are taken over a window, the shift is a ramp
 *    and the split lies in its middle.
 * 2. From there back to the last point that is still within the old level: median + max(4 robust
 *    deviations, 10 % of the shift). The next point is the onset.
 *
 * A shift counts only when it exceeds 4 robust deviations of the old level and 10 % of its value.
 * Points that are not numbers (no traffic, no data) are left out: missing is not zero. A series that
 * has no points before its first bad one has an onset with `hasBaseline` false.
 */

/** An onset found. */
export interface Onset {
  timeMs: number
  /** Level before (median); NaN without a baseline. */
  before: number
  /** Level after (median). */
  after: number
  hasBaseline: boolean
}

/** Fewer points than this on the old side are no baseline. */
const baselineCountMin = 5

/** Finds the onset, or `undefined` when the level never shifted to the worse. */
export function findOnset(
  series: { count: number; timeMs: Float64Array; value: Float64Array },
  worse: 'higher' | 'lower',
): Onset | undefined {
  const timesMs: number[] = []
  const values: number[] = []
  for (let index = 0; index < series.count; index++) {
    const value = series.value[index]!
    if (!Number.isFinite(value)) continue
    timesMs.push(series.timeMs[index]!)
    values.push(worse === 'higher' ? value : -value)
  }
  if (values.length === 0) return undefined
  const flip = worse === 'higher' ? 1 : -1
  const split = bestSplit(values)
  if (split === undefined) {
    return values.length < baselineCountMin
      ? {
          timeMs: timesMs[0]!,
          before: Number.NaN,
          after: flip * median(values),
          hasBaseline: false,
        }
      : undefined
  }
  const after = median(values.slice(split))
  // The middle of the ramp already pulls the old level up; the median of what came before does not.
  const old = values.slice(0, split)
  const before = median(old)
  const deviation = 1.4826 * median(old.map((value) => Math.abs(value - before)))
  const shift = after - before
  if (shift <= Math.max(4 * deviation, 0.1 * Math.abs(before), Number.EPSILON)) return undefined
  const limit = before + Math.max(4 * deviation, 0.1 * shift)
  let first = split
  while (first > 0 && values[first - 1]! > limit) first--
  if (first < baselineCountMin) {
    return { timeMs: timesMs[first]!, before: Number.NaN, after: flip * after, hasBaseline: false }
  }
  return { timeMs: timesMs[first]!, before: flip * before, after: flip * after, hasBaseline: true }
}

/** Index where the second level begins; `undefined` when there are too few points or no rise. */
function bestSplit(values: readonly number[]): number | undefined {
  const count = values.length
  if (count < baselineCountMin + 1) return undefined
  let total = 0
  for (const value of values) total += value
  let best = 0
  let bestIndex: number | undefined
  let left = 0
  for (let index = 1; index < count; index++) {
    left += values[index - 1]!
    const leftMean = left / index
    const rightMean = (total - left) / (count - index)
    // Least squared error of two levels = greatest squared difference between them, weighted.
    const gain = (index * (count - index) * (rightMean - leftMean) ** 2) / count
    if (rightMean > leftMean && gain > best) {
      best = gain
      bestIndex = index
    }
  }
  return bestIndex
}

/** The middle of the values; NaN of none. */
function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
