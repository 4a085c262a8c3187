/** One metric of StatsD being gathered: its value, the buckets or quantiles of its timings, its series. */

import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import { formatBound } from '../scrape/number.ts'
import type { MetricType } from './statsd-line.ts'
import type { StatsdSettings } from './statsd-settings.ts'

/** Timings of one interval that quantiles are taken over; of more, the latest. */
const timingsMax = 10_000

/** Adds one row; `undefined` as value ends the series. */
export type AddRow = (series: Labels, value: number | undefined) => void

/** What timers become. */
export class TimerShape {
  readonly bounds: readonly number[]
  readonly boundTexts: readonly string[]
  readonly quantiles: readonly number[]
  readonly isSummary: boolean

  constructor(settings: Pick<StatsdSettings, 'timer_type' | 'buckets' | 'quantiles'>) {
    this.bounds = settings.buckets
    this.boundTexts = [...settings.buckets.map(formatBound), '+Inf']
    this.quantiles = settings.quantiles
    this.isSummary = settings.timer_type === 'summary'
  }
}

/** One metric of one set of tags. */
export class StatsdMetric {
  readonly type: MetricType
  lastTimeMs = 0
  value = 0
  /** Values of a set since the last writing. */
  readonly members = new Set<string>()
  readonly #labels: Labels
  readonly #shape: TimerShape
  /** Not cumulative, the last one for what is above all bounds. */
  readonly #buckets: Float64Array
  #timings: number[] = []
  #timingPlace = 0
  #count = 0
  #sum = 0

  constructor(type: MetricType, labels: Labels, shape: TimerShape) {
    this.type = type
    this.#labels = labels
    this.#shape = shape
    const hasBuckets = type === 'histogram' && !shape.isSummary
    this.#buckets = new Float64Array(hasBuckets ? shape.bounds.length + 1 : 0)
  }

  /** Adds a timing that stands for `weight` of its kind. */
  observe(value: number, weight: number): void {
    this.#count += weight
    this.#sum += value * weight
    if (!this.#shape.isSummary) {
      const place = this.#shape.bounds.findIndex((bound) => value <= bound)
      this.#buckets[place < 0 ? this.#shape.bounds.length : place]! += weight
      return
    }
    this.#timings[this.#timingPlace] = value
    this.#timingPlace = (this.#timingPlace + 1) % timingsMax
  }

  /** Adds the metric's series; an interval begins. */
  write(isOver: boolean, add: AddRow): void {
    const tell = (series: Labels, value: number): void => add(series, isOver ? undefined : value)
    if (this.type === 'histogram') this.#writeTimings(tell)
    else tell(this.#labels, this.type === 'set' ? this.members.size : this.value)
    this.members.clear()
  }

  #writeTimings(tell: (series: Labels, value: number) => void): void {
    const name = this.#labels.get('__name__')
    if (this.#shape.isSummary) this.#writeQuantiles(tell)
    else {
      const bucket = this.#labels.with('__name__', `${name}_bucket`)
      let count = 0
      for (const [place, text] of this.#shape.boundTexts.entries()) {
        count += this.#buckets[place]!
        tell(bucket.with('le', text), count)
      }
    }
    tell(this.#labels.with('__name__', `${name}_count`), this.#count)
    tell(this.#labels.with('__name__', `${name}_sum`), this.#sum)
  }

  /** Of this interval's timings, interpolated between ranks; without any they are not a number. */
  #writeQuantiles(tell: (series: Labels, value: number) => void): void {
    const sorted = this.#timings.sort((a, b) => a - b)
    for (const quantile of this.#shape.quantiles) {
      const rank = quantile * (sorted.length - 1)
      const below = sorted[Math.floor(rank)] ?? Number.NaN
      const above = sorted[Math.ceil(rank)] ?? Number.NaN
      const value = below + (above - below) * (rank - Math.floor(rank))
      const pairs = [...this.#labels.pairs, 'quantile', formatBound(quantile)]
      tell(labelsFromPairs(pairs), value)
    }
    this.#timings = []
    this.#timingPlace = 0
  }
}
