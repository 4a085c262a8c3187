/** The quantile of plain numbers, interpolated linearly; NaN sorts below everything. */

/** Sorts the first `count` of `held` in place and interpolates. */
export function quantileOf(ratio: number, held: Float64Array, count: number): number {
  if (count === 0 || Number.isNaN(ratio)) return Number.NaN
  if (ratio < 0) return -Infinity
  if (ratio > 1) return Infinity
  const sorted = held.subarray(0, count)
  sortNanFirst(sorted)
  const rank = ratio * (count - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(count - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return sorted[lower]! * (1 - weight) + sorted[upper]! * weight
}

/** Typed arrays sort NaN to the end; a rotation brings it to the front. */
function sortNanFirst(values: Float64Array): void {
  values.sort()
  let nanCount = 0
  while (nanCount < values.length && Number.isNaN(values[values.length - 1 - nanCount]!)) nanCount++
  if (nanCount === 0 || nanCount === values.length) return
  values.copyWithin(nanCount, 0, values.length - nanCount)
  values.fill(Number.NaN, 0, nanCount)
}
