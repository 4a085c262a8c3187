/**
 * An `ExportMetricsServiceRequest` as both encodings are read into it, before names are translated.
 * Attributes are `[key, value, …]` with values as text, which is all that labels hold.
 * Source: opentelemetry-proto opentelemetry/proto/metrics/v1/metrics.proto.
 */

import { collectErrors } from '../../errors.ts'

/** `[key, value, …]` in the order of the sender. */
export type Attributes = string[]

/** What one process sent. */
export interface OtlpResource {
  attributes: Attributes
  scopes: OtlpScope[]
}

/** What one instrumentation library sent. */
export interface OtlpScope {
  name: string
  version: string
  schemaUrl: string
  attributes: Attributes
  metrics: OtlpMetric[]
}

/** One metric with its points. */
export interface OtlpMetric {
  name: string
  description: string
  unit: string
  type: 'gauge' | 'sum' | 'histogram' | 'exponential-histogram' | 'summary' | 'none'
  temporality: 'unspecified' | 'delta' | 'cumulative'
  isMonotonic: boolean
  points: OtlpPoint[]
}

/** One point of any type; what its type does not have is empty. */
export interface OtlpPoint {
  attributes: Attributes
  /** 0 when unknown. */
  startTimeMs: number
  timeMs: number
  /** False: the sender says that there is nothing, which ends the series. */
  isRecorded: boolean
  /** Of gauges and sums. */
  value: number
  count: number
  sum: number | undefined
  bounds: number[]
  bucketCounts: number[]
  /** `[quantile, value, …]` */
  quantiles: number[]
  /** Of exponential histograms. */
  exponential: ExponentialData | undefined
  exemplars: OtlpExemplar[]
}

/** Buckets of one sign: counts from bucket `offset` on. */
export interface ExponentialBuckets {
  offset: number
  counts: number[]
}

/** What exponential histograms have beyond others. */
export interface ExponentialData {
  scale: number
  zeroCount: number
  zeroThreshold: number
  positive: ExponentialBuckets
  negative: ExponentialBuckets
}

/** One observation that a point tells of. */
export interface OtlpExemplar {
  attributes: Attributes
  timeMs: number
  value: number
  /** In lower-case hexadecimal digits, or empty. */
  traceId: string
  spanId: string
}

/** Flag of a point: there is no recorded value. */
export const noRecordedValueFlag = 1

/**
 * Points, attributes and buckets of one request at most: each costs tens of bytes in memory and as
 * little as two in the body.
 */
const partCountMax = 1_000_000

/** Counts what a request unfolds to. */
export class PartBudget {
  #count = 0

  /** Throws `COLLECT_ROWS_TOO_MANY`. */
  take(count: number): void {
    this.#count += count
    if (this.#count > partCountMax) throw collectErrors.ROWS_TOO_MANY({ countMax: partCountMax })
  }
}

/** Shared by all points that have none; whoever adds some makes a list first. */
const noNumbers: number[] = []
Object.freeze(noNumbers)

const noExemplars: OtlpExemplar[] = []
Object.freeze(noExemplars)

/** The data of an exponential histogram without anything. */
export function makeExponential(): ExponentialData {
  return {
    scale: 0,
    zeroCount: 0,
    zeroThreshold: 0,
    positive: { offset: 0, counts: [] },
    negative: { offset: 0, counts: [] },
  }
}

/** An exemplar without anything. */
export function makeExemplar(): OtlpExemplar {
  return { attributes: [], timeMs: 0, value: 0, traceId: '', spanId: '' }
}

/** Adds an exemplar to a point. */
export function addExemplar(point: OtlpPoint, exemplar: OtlpExemplar): void {
  if (point.exemplars === noExemplars) point.exemplars = [exemplar]
  else point.exemplars.push(exemplar)
}

/** A point without anything. */
export function makePoint(): OtlpPoint {
  return {
    attributes: [],
    startTimeMs: 0,
    timeMs: 0,
    isRecorded: true,
    value: 0,
    count: 0,
    sum: undefined,
    bounds: noNumbers,
    bucketCounts: noNumbers,
    quantiles: noNumbers,
    exponential: undefined,
    exemplars: noExemplars,
  }
}

/** A metric without anything. */
export function makeMetric(): OtlpMetric {
  return {
    name: '',
    description: '',
    unit: '',
    type: 'none',
    temporality: 'unspecified',
    isMonotonic: false,
    points: [],
  }
}

/** A scope without anything. */
export function makeScope(): OtlpScope {
  return { name: '', version: '', schemaUrl: '', attributes: [], metrics: [] }
}

/** Names of the enumeration's numbers. */
export const temporalities = ['unspecified', 'delta', 'cumulative'] as const
