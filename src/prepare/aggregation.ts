/**
 * Series written from others as they arrive (`stream_aggregation`): samples of a rule's series are
 * taken together by group over each interval, and each output is a series of its own, named
 * `metric:interval_by_labels_output` as VictoriaMetrics has it. Time is that of arrival, and a result
 * bears the end of its interval. Groups that fell silent end with a stale marker and are forgotten.
 *
 * Per sample there is one look-up by the series' number and a few additions; labels are looked at when
 * a series is new. Quantiles are over a random choice of at most a thousand samples (reservoir
 * sampling, Vitter's algorithm R), interpolated between ranks as in PromQL.
 */

import { formatDuration } from '../base/duration.ts'
import type { Random } from '../base/random.ts'
import { type Labels, labelsFromPairs, metricNameLabel } from '../model/labels.ts'
import { type Matcher, matchesAll } from '../model/matcher.ts'
import {
  bitsOf,
  isHistogramAt,
  isStaleAt,
  type SampleBatch,
  type SeriesId,
} from '../model/sample.ts'
import { parseSelector } from './selector.ts'
import { type AggregationSettings, type PlainOutput, readOutput } from './settings.ts'
import { copyRow } from './value-rules.ts'

/** Groups of a rule at most; series of further groups are not aggregated, and counted. */
const groupsMax = 100_000
/** Samples of a group that quantiles are taken over. */
const reservoirMax = 1000

/** In `#groupOf`: not looked at yet; not of the rule; no room; group 0 and following. */
const unknownGroup = 0
const noGroup = 1
const fullGroup = 2
const firstGroup = 3

/** One result. */
export interface AggregatedSample {
  labels: Labels
  /** `undefined` is the stale marker. */
  value: number | undefined
}

interface StoreView {
  seriesEpoch: number
  labelsOf(seriesId: SeriesId): Labels
}

/** What is known of a group in the interval at hand. */
class Group {
  readonly outputs: readonly Labels[]
  sum = 0
  count = 0
  seriesCount = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  last = Number.NaN
  lastTimeMs = Number.NEGATIVE_INFINITY
  readonly reservoir: number[] = []

  constructor(outputs: readonly Labels[]) {
    this.outputs = outputs
  }

  clear(): void {
    this.sum = 0
    this.count = 0
    this.seriesCount = 0
    this.min = Number.POSITIVE_INFINITY
    this.max = Number.NEGATIVE_INFINITY
    this.last = Number.NaN
    this.lastTimeMs = Number.NEGATIVE_INFINITY
    this.reservoir.length = 0
  }
}

interface Output {
  suffix: string
  quantile: number | undefined
  compute: (group: Group) => number
}

const computeOf: Record<PlainOutput, (group: Group) => number> = {
  sum_samples: (group) => group.sum,
  avg: (group) => group.sum / group.count,
  count_samples: (group) => group.count,
  count_series: (group) => group.seriesCount,
  min: (group) => group.min,
  max: (group) => group.max,
  last: (group) => group.last,
}

/** One rule at work. */
export class Aggregation {
  readonly intervalMs: number
  readonly match: string
  readonly #settings: AggregationSettings
  readonly #matchers: Matcher[]
  readonly #outputs: Output[]
  readonly #hasQuantiles: boolean
  readonly #random: Random
  readonly #byKey = new Map<string, number>()
  #groups: (Group | undefined)[] = []
  #groupOf = new Uint32Array(1024)
  /** The interval in which a series was seen last, for counting series. */
  #seenIn = new Uint32Array(1024)
  #interval = 1
  #epoch = -1
  #fullCount = 0

  constructor(settings: AggregationSettings, random: Random) {
    this.#settings = settings
    this.#random = random
    this.intervalMs = settings.interval
    this.match = settings.match
    this.#matchers = parseSelector(settings.match)
    this.#outputs = settings.outputs.flatMap(makeOutputs)
    this.#hasQuantiles = this.#outputs.some(({ quantile }) => quantile !== undefined)
  }

  /** Groups that had samples in this interval or the one before. */
  get groupCount(): number {
    return this.#byKey.size
  }

  /** Takes rows in; without `keep_input` removes those of the rule from the batch and gives how many. */
  take(batch: SampleBatch, store: StoreView): number {
    if (store.seriesEpoch !== this.#epoch) {
      this.#epoch = store.seriesEpoch
      this.#groupOf.fill(unknownGroup)
    }
    const { keep_input: isKept } = this.#settings
    const bits = bitsOf(batch.value)
    let kept = 0
    for (let row = 0; row < batch.count; row++) {
      const seriesId = batch.seriesId[row]!
      let mark = seriesId < this.#groupOf.length ? this.#groupOf[seriesId]! : unknownGroup
      if (mark === unknownGroup) mark = this.#findGroup(seriesId, store)
      // A native histogram is no number that could be summed with others here: it passes.
      if (isHistogramAt(bits, row)) mark = noGroup
      if (mark === fullGroup) this.#fullCount++
      else if (mark !== noGroup && !isStaleAt(bits, row)) {
        this.#add(this.#groups[mark - firstGroup]!, batch, row)
      }
      if (isKept || mark === noGroup || mark === fullGroup) {
        if (kept < row) copyRow(batch, bits, row, kept)
        kept++
      }
    }
    const removedCount = batch.count - kept
    batch.count = kept
    return removedCount
  }

  /** Samples since the last call that found no room for their group. */
  takeFullCount(): number {
    const count = this.#fullCount
    this.#fullCount = 0
    return count
  }

  /** Ends the interval: all outputs of groups that had samples, stale markers of those that had none. */
  flush(): AggregatedSample[] {
    const samples: AggregatedSample[] = []
    let hasForgotten = false
    for (const [key, index] of this.#byKey) {
      const group = this.#groups[index]!
      const isSilent = group.count === 0
      for (const [place, { compute }] of this.#outputs.entries()) {
        const value = isSilent ? undefined : compute(group)
        samples.push({ labels: group.outputs[place]!, value })
      }
      if (isSilent) {
        this.#byKey.delete(key)
        hasForgotten = true
      } else group.clear()
    }
    if (hasForgotten) this.#compact()
    this.#interval++
    return samples
  }

  #add(group: Group, batch: SampleBatch, row: number): void {
    const value = batch.value[row]!
    if (Number.isNaN(value)) return
    const timeMs = batch.timeMs[row]!
    const seriesId = batch.seriesId[row]!
    group.sum += value
    group.count++
    if (value < group.min) group.min = value
    if (value > group.max) group.max = value
    if (timeMs >= group.lastTimeMs) {
      group.last = value
      group.lastTimeMs = timeMs
    }
    if (this.#seenIn[seriesId] !== this.#interval) {
      this.#seenIn[seriesId] = this.#interval
      group.seriesCount++
    }
    if (!this.#hasQuantiles) return
    if (group.reservoir.length < reservoirMax) group.reservoir.push(value)
    else {
      const place = Math.floor(this.#random() * group.count)
      if (place < reservoirMax) group.reservoir[place] = value
    }
  }

  #findGroup(seriesId: SeriesId, store: StoreView): number {
    this.#grow(seriesId)
    const labels = store.labelsOf(seriesId)
    let mark = noGroup
    if (matchesAll(this.#matchers, labels)) {
      const kept = this.#keepLabels(labels)
      let index = this.#byKey.get(kept.key)
      if (index === undefined && this.#byKey.size < groupsMax) {
        index = this.#groups.push(new Group(this.#outputs.map((one) => this.#name(kept, one)))) - 1
        this.#byKey.set(kept.key, index)
      }
      mark = index === undefined ? fullGroup : index + firstGroup
    }
    this.#groupOf[seriesId] = mark
    return mark
  }

  #keepLabels(labels: Labels): Labels {
    const { by, without } = this.#settings
    if (by.length > 0) {
      return labels.filter((name) => name === metricNameLabel || by.includes(name))
    }
    return labels.filter((name) => name === metricNameLabel || !without.includes(name))
  }

  #name(kept: Labels, { suffix, quantile }: Output): Labels {
    const { by, without } = this.#settings
    const sorted = (names: readonly string[]): string => [...new Set(names)].sort().join('_')
    const clause =
      by.length > 0 ? `_by_${sorted(by)}` : without.length > 0 ? `_without_${sorted(without)}` : ''
    const tail = `${formatDuration(this.intervalMs)}${clause}_${suffix}`
    const name = `${kept.get(metricNameLabel)}:${tail.replace(/[^a-zA-Z0-9_:]/g, '_')}`
    const named = kept.with(metricNameLabel, name)
    return quantile === undefined
      ? named
      : labelsFromPairs([...named.pairs, 'quantile', String(quantile)])
  }

  /** Forgets the places of groups that are gone; series find theirs again. */
  #compact(): void {
    const groups: (Group | undefined)[] = []
    for (const [key, index] of this.#byKey) {
      this.#byKey.set(key, groups.push(this.#groups[index]) - 1)
    }
    this.#groups = groups
    this.#groupOf.fill(unknownGroup)
  }

  #grow(seriesId: SeriesId): void {
    if (seriesId < this.#groupOf.length) return
    const size = Math.max(seriesId + 1, this.#groupOf.length * 2)
    const groupOf = new Uint32Array(size)
    groupOf.set(this.#groupOf)
    this.#groupOf = groupOf
    const seenIn = new Uint32Array(size)
    seenIn.set(this.#seenIn)
    this.#seenIn = seenIn
  }
}

function makeOutputs(text: string): Output[] {
  const output = readOutput(text)!
  if (typeof output === 'string') {
    return [{ suffix: output, quantile: undefined, compute: computeOf[output] }]
  }
  return output.map((quantile, index) => ({
    suffix: 'quantiles',
    quantile,
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
