/** A native histogram as text, as Prometheus prints it: `{count:3, sum:5, (0.5,1]:1, (1,2]:2}`. */

import type { Histogram } from '../../../model/histogram.ts'
import { formatNumber } from '../literal.ts'
import { allBuckets, hasCustomBounds } from './bucket.ts'

/** Formats a histogram. */
export function formatHistogram(histogram: Histogram): string {
  const parts = [`count:${formatNumber(histogram.count)}`, `sum:${formatNumber(histogram.sum)}`]
  for (const { lower, upper, count } of allBuckets(histogram)) {
    const isZero = !hasCustomBounds(histogram) && lower <= 0 && upper >= 0
    const isLowerClosed = isZero || upper <= 0 || lower === -Infinity
    const isUpperClosed = isZero || upper > 0 || hasCustomBounds(histogram)
    const left = isLowerClosed ? '[' : '('
    const right = isUpperClosed ? ']' : ')'
    parts.push(
      `${left}${formatNumber(lower)},${formatNumber(upper)}${right}:${formatNumber(count)}`,
    )
  }
  return `{${parts.join(', ')}}`
}
