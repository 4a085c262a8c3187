/**
 * Limits of native histograms: how fine their buckets may be, and how many. A histogram that exceeds
 * them is made coarser, two neighbouring buckets becoming one with each step of the schema.
 * Source: prometheus/prometheus scrape/target.go, bucketLimitAppender and maxSchemaAppender (behaviour).
 */

import { customBoundsSchema, type Histogram } from '../../model/histogram.ts'
import { lowerResolution } from '../receive/histogram-parts.ts'

/** Schemas of exponential buckets, from the coarsest to the finest. */
const schemaMin = -4
const schemaMax = 8

/** The finest schema whose buckets grow by at least this factor; the finest there is when it asks for nothing. */
export function findSchemaMax(bucketFactor: number): number {
  if (bucketFactor <= 1) return schemaMax
  const schema = Math.floor(-Math.log2(Math.log2(bucketFactor)))
  return Math.min(schemaMax, Math.max(schemaMin, schema))
}

/**
 * The histogram within the limits; `undefined` when it cannot be brought there. `bucketCountMax` 0 means
 * no limit.
 */
export function limitHistogram(
  histogram: Histogram,
  limits: { schemaMax: number; bucketCountMax: number },
): Histogram | undefined {
  const { bucketCountMax } = limits
  const isOver = (found: Histogram): boolean =>
    bucketCountMax > 0 && found.positive.index.length + found.negative.index.length > bucketCountMax
  if (histogram.schema === customBoundsSchema) return isOver(histogram) ? undefined : histogram
  let limited = histogram
  if (limited.schema > limits.schemaMax) limited = coarsen(limited, limits.schemaMax)
  while (isOver(limited)) {
    if (limited.schema <= schemaMin) return undefined
    limited = coarsen(limited, limited.schema - 1)
  }
  return limited
}

function coarsen(histogram: Histogram, schema: number): Histogram {
  const shift = histogram.schema - schema
  return {
    ...histogram,
    schema,
    positive: lowerResolution(histogram.positive, shift),
    negative: lowerResolution(histogram.negative, shift),
  }
}
