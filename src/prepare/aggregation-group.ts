/**
 * One group of a stream aggregation: what its samples of the interval come to, and how each output is
 * computed from that. Deviations by Welford's way; quantiles over a random choice of at most a thousand
 * samples (reservoir sampling, Vitter's algorithm R), interpolated between ranks as in PromQL.
 */

import type { Random } from '../base/random.ts'
import type { Labels } from '../model/labels.ts'
import { type PlainOutput, readOutput } from './settings.ts'

/** Samples of a group that quantiles are taken over. */
const reservoirMax = 1000
/** Different values of a group that are told apart in one interval. */
const uniqueMax = 10_000

/** What is known of a group in the interval at hand, and its running totals. */
export class AggregationGroup {
  /** Labels of each output. */
  readonly outputs: readonly Labels[]
  /** Intervals without a sample since the last one with. */
  silentCount = 0
  sum = 0
  count = 0
  seriesCount = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  last = Number.NaN
  lastTimeMs = Number.NEGATIVE_INFINITY
  /** Sum of squared distances from the mean. */
  squares = 0
  mean = 0
  /** What the counters of the group have grown by, and per second. */
  increase = 0
  rateSum = 0
  rateCount = 0
  /** Since the group began. */
  increaseTotal = 0
  sumTotal = 0
  countTotal = 0
  readonly reservoir: number[] = []
  readonly unique = new Set<number>()

  constructor(outputs: readonly Labels[]) {
    this.outputs = outputs
  }

  /** Adds a value to everything that needs no more than it. */
  add(value: number, timeMs: number): void {
    this.sum += value
    this.count++
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    const distance = value - this.mean
    this.mean += distance / this.count
    this.squares += distance * (value - this.mean)
    if (timeMs < this.lastTimeMs) return
    this.last = value
    this.lastTimeMs = timeMs
  }

  /** Keeps the value among those that quantiles are taken over. */
  keep(value: number, random: Random): void {
    if (this.reservoir.length < reservoirMax) {
      this.reservoir.push(value)
      return
    }
    const place = Math.floor(random() * this.count)
    if (place < reservoirMax) this.reservoir[place] = value
  }

  /** Tells the value from others. */
  distinguish(value: number): void {
    if (this.unique.size < uniqueMax) this.unique.add(value)
  }

  /** The interval ends: adds it to the running totals. */
  total(): void {
    this.sumTotal += this.sum
    this.countTotal += this.count
    this.increaseTotal += this.increase
  }

  /** A new interval begins. */
  clear(): void {
    this.silentCount = this.count === 0 ? this.silentCount + 1 : 0
    this.sum = this.count = this.seriesCount = this.squares = this.mean = 0
    this.increase = this.rateSum = this.rateCount = 0
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
    this.last = Number.NaN
    this.lastTimeMs = Number.NEGATIVE_INFINITY
    this.reservoir.length = 0
    this.unique.clear()
  }
}

/** How an output comes about. */
export interface AggregationOutput {
  suffix: string
  quantile: number | undefined
  /** Whether it goes on growing, and so stays through intervals without samples. */
  isRunning: boolean
  compute: (group: AggregationGroup) => number
}

const computeOf: Record<PlainOutput, (group: AggregationGroup) => number> = {
  sum_samples: (group) => group.sum,
  sum_samples_total: (group) => group.sumTotal,
  avg: (group) => group.sum / group.count,
  count_samples: (group) => group.count,
  count_samples_total: (group) => group.countTotal,
  count_series: (group) => group.seriesCount,
  unique_samples: (group) => group.unique.size,
  min: (group) => group.min,
  max: (group) => group.max,
  last: (group) => group.last,
  stddev: (group) => Math.sqrt(group.squares / group.count),
  stdvar: (group) => group.squares / group.count,
  total: (group) => group.increaseTotal,
  increase: (group) => group.increase,
  rate_sum: (group) => (group.rateCount === 0 ? Number.NaN : group.rateSum),
  rate_avg: (group) => group.rateSum / group.rateCount,
}

/** The outputs that a setting names. */
export function makeOutputs(text: string): AggregationOutput[] {
  const output = readOutput(text)!
  if (typeof output === 'string') {
    const isRunning = output === 'total' || output.endsWith('_total')
    return [{ suffix: output, quantile: undefined, isRunning, compute: computeOf[output] }]
  }
  return output.map((quantile, index) => ({
    suffix: 'quantiles',
    quantile,
    isRunning: false,
    compute: (group) => {
      // The first of the quantiles puts the samples in order for all.
      if (index === 0) group.reservoir.sort((a, b) => a - b)
      return readQuantile(group.reservoir, quantile)
    },
  }))
}

/** Of samples in order. */
function readQuantile(sorted: readonly number[], quantile: number): number {
  const rank = quantile * (sorted.length - 1)
  const below = Math.floor(rank)
  const above = Math.min(below + 1, sorted.length - 1)
  if (below === rank) return sorted[below]!
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (rank - below)
}
