/**
 * Series written from others as they arrive (`stream_aggregation`): samples of a rule's series are
 * taken together by group over each interval, and each output is a series of its own, named
 * `metric:interval_by_labels_output` as VictoriaMetrics has it. Time is that of arrival, and a result
 * bears the end of its interval. Groups that fell silent end with a stale marker and are forgotten.
 *
 * Per sample there is one look-up by the series' number and a few additions; labels are looked at when
 * a series is new. Outputs of counters (`total`, `increase`, `rate_sum`, `rate_avg`) mind their resets.
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
import { AggregationGroup, type AggregationOutput, makeOutputs } from './aggregation-group.ts'
import { CounterStates } from './counter-states.ts'
import type { AggregationSettings } from './settings.ts'
import { copyRow } from './value-rules.ts'

/** Groups of a rule at most; series of further groups are not aggregated, and counted. */
const groupsMax = 100_000

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

/** One rule at work. */
export class Aggregation {
  readonly intervalMs: number
  readonly match: string
  readonly #settings: AggregationSettings
  readonly #matchers: Matcher[]
  readonly #outputs: AggregationOutput[]
  readonly #hasQuantiles: boolean
  readonly #hasUnique: boolean
  readonly #counters: CounterStates | undefined
  /** Intervals that running totals stay for without a sample. */
  readonly #patience: number
  /** Samples from before are late. */
  #startTimeMs = 0
  #lateCount = 0
  readonly #random: Random
  readonly #byKey = new Map<string, number>()
  #groups: (AggregationGroup | undefined)[] = []
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
    this.#hasUnique = settings.outputs.includes('unique_samples')
    const stalenessMs = settings.staleness_interval ?? 2 * settings.interval
    const isOfCounters = /^(?:total|increase|rate_sum|rate_avg)$/
    const hasCounters = settings.outputs.some((name) => isOfCounters.test(name))
    this.#counters = hasCounters ? new CounterStates(stalenessMs) : undefined
    const hasTotals = this.#outputs.some(({ isRunning }) => isRunning)
    this.#patience = hasTotals ? Math.ceil(stalenessMs / settings.interval) : 1
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
        this.#add(mark - firstGroup, batch, row)
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

  /** Samples since the last call that were older than their interval, when those are left out. */
  takeLateCount(): number {
    const count = this.#lateCount
    this.#lateCount = 0
    return count
  }

  /**
   * Ends the interval at this time: all outputs of groups that had samples. Of those that had none, running
   * totals stay for a while, and the rest ends with stale markers.
   */
  flush(endTimeMs = 0): AggregatedSample[] {
    const samples: AggregatedSample[] = []
    this.#counters?.flush((index, perSecond) => {
      const group = this.#groups[index]
      if (group === undefined) return
      group.rateSum += perSecond
      group.rateCount++
    })
    let hasForgotten = false
    for (const [key, index] of this.#byKey) {
      const group = this.#groups[index]!
      group.total()
      this.#addOutputs(group, samples)
      group.clear()
      if (group.silentCount < this.#patience) continue
      this.#byKey.delete(key)
      hasForgotten = true
    }
    if (hasForgotten) this.#compact()
    this.#interval++
    this.#startTimeMs = endTimeMs
    return samples
  }

  #addOutputs(group: AggregationGroup, samples: AggregatedSample[]): void {
    const isSilent = group.count === 0
    const isLast = isSilent && group.silentCount + 1 >= this.#patience
    for (const [place, { compute, isRunning, suffix }] of this.#outputs.entries()) {
      const labels = group.outputs[place]!
      if (!isSilent || (isRunning && !isLast)) {
        const value = compute(group)
        // Without two values of any counter there is no rate yet.
        const isUnknown = Number.isNaN(value) && suffix.startsWith('rate_')
        if (!isUnknown) samples.push({ labels, value })
      } else if (isRunning || group.silentCount === 0) samples.push({ labels, value: undefined })
    }
  }

  #add(index: number, batch: SampleBatch, row: number): void {
    const value = batch.value[row]!
    if (Number.isNaN(value)) return
    const timeMs = batch.timeMs[row]!
    if (timeMs < this.#startTimeMs && this.#settings.ignore_old_samples) {
      this.#lateCount++
      return
    }
    const seriesId = batch.seriesId[row]!
    const group = this.#groups[index]!
    group.add(value, timeMs)
    if (this.#seenIn[seriesId] !== this.#interval) {
      this.#seenIn[seriesId] = this.#interval
      group.seriesCount++
    }
    if (this.#counters !== undefined) {
      group.increase += this.#counters.add(seriesId, timeMs, value, index)
    }
    if (this.#hasUnique) group.distinguish(value)
    if (this.#hasQuantiles) group.keep(value, this.#random)
  }

  #findGroup(seriesId: SeriesId, store: StoreView): number {
    this.#grow(seriesId)
    const labels = store.labelsOf(seriesId)
    let mark = noGroup
    if (matchesAll(this.#matchers, labels)) {
      this.#counters?.own(seriesId, labels)
      const kept = this.#keepLabels(labels)
      let index = this.#byKey.get(kept.key)
      if (index === undefined && this.#byKey.size < groupsMax) {
        index =
          this.#groups.push(
            new AggregationGroup(this.#outputs.map((one) => this.#name(kept, one))),
          ) - 1
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

  #name(kept: Labels, { suffix, quantile }: AggregationOutput): Labels {
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
    const groups: (AggregationGroup | undefined)[] = []
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
