/**
 * A native histogram as Prometheus's query API writes it: count and sum as texts, and each bucket that is
 * not empty as `[rule, "lower", "upper", "count"]`. The rule tells which bounds belong to the bucket:
 * 0 the upper, 1 the lower, 2 none, 3 both.
 * Source: prometheus util/jsonutil/marshal.go and model/histogram/float_histogram.go (Apache-2.0), facts only.
 */

import type { Histogram } from '../../model/histogram.ts'
import { allBuckets, type Bucket } from '../../query/query.ts'
import { formatSample } from './number.ts'

/** `{"count":"…","sum":"…","buckets":[…]}` */
export function formatHistogram(histogram: Histogram): string {
  const buckets: string[] = []
  for (const bucket of allBuckets(histogram)) {
    if (bucket.count === 0) continue
    const bounds = `"${formatSample(bucket.lower)}","${formatSample(bucket.upper)}"`
    buckets.push(`[${ruleOf(bucket)},${bounds},"${formatSample(bucket.count)}"]`)
  }
  const head = `"count":"${formatSample(histogram.count)}","sum":"${formatSample(histogram.sum)}"`
  return buckets.length === 0 ? `{${head}}` : `{${head},"buckets":[${buckets.join(',')}]}`
}

/** A bucket owns its lower bound below zero and its upper bound above; the zero bucket owns both. */
function ruleOf({ lower, upper }: Bucket): number {
  const hasLower = lower < 0
  const hasUpper = upper > 0
  if (lower === -upper || (hasLower && hasUpper)) return 3
  return hasUpper ? 0 : hasLower ? 1 : 2
}
