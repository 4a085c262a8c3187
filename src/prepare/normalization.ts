/**
 * Series on one scale, written beside those that they are made of (`normalization`), so that unlike things
 * can be compared and alerted on alike: `metric:1h_zscore` says by how many deviations a value is away
 * from the mean of the last hour, `metric:1h_minmax` where it lies between the smallest (0) and the
 * largest (1). Both are worked out as samples arrive; a series without spread is 0.
 */

import { formatDuration } from '../base/duration.ts'
import { type Labels, metricNameLabel } from '../model/labels.ts'
import { type Matcher, matchesAll } from '../model/matcher.ts'
import {
  bitsOf,
  isHistogramAt,
  isStaleAt,
  type SampleBatch,
  type SampleBatchBuilder,
  type SeriesId,
} from '../model/sample.ts'
import { RollingWindow } from './rolling-window.ts'
import { parseSelector } from './selector.ts'
import type { NormalizationSettings } from './settings.ts'

/** Series of a rule at most: each holds 2.5 KB. */
const seriesMax = 10_000

/** In `#placeOf`: not looked at yet; not of the rule; no room; series 0 and following. */
const unknownSeries = 0
const noSeries = 1
const fullSeries = 2
const firstSeries = 3

type Method = NormalizationSettings['methods'][number]

interface Derived {
  method: Method
  seriesId: SeriesId
}

/** A series of the rule. */
interface Followed {
  key: string
  window: RollingWindow
  derived: Derived[]
}

interface StoreView {
  seriesEpoch: number
  labelsOf(seriesId: SeriesId): Labels
}

/** Where what comes of a batch goes. */
export interface NormalizationOutput {
  admit: AdmitDerived
  rows: SampleBatchBuilder
  /** Later times are mistakes of a sender: one would carry the window away. */
  endTimeMs: number
}

/** Gives the number of a series that is written; `undefined` when there are too many. */
export type AdmitDerived = (labels: Labels) => SeriesId | undefined

/** One rule at work. */
export class Normalization {
  readonly match: string
  readonly #settings: NormalizationSettings
  readonly #matchers: Matcher[]
  readonly #windows = new Map<string, RollingWindow>()
  #followed: Followed[] = []
  #placeOf = new Uint32Array(1024)
  #epoch = -1
  #refusedCount = 0
  #lateCount = 0

  constructor(settings: NormalizationSettings) {
    this.#settings = settings
    this.match = settings.match
    this.#matchers = parseSelector(settings.match)
  }

  /** Adds to `rows` what comes of the batch. */
  take(batch: SampleBatch, store: StoreView, out: NormalizationOutput): void {
    if (store.seriesEpoch !== this.#epoch) {
      this.#epoch = store.seriesEpoch
      this.#placeOf.fill(unknownSeries)
      this.#followed = []
    }
    const bits = bitsOf(batch.value)
    for (let row = 0; row < batch.count; row++) {
      const seriesId = batch.seriesId[row]!
      let place = seriesId < this.#placeOf.length ? this.#placeOf[seriesId]! : unknownSeries
      const timeMs = batch.timeMs[row]!
      if (place === unknownSeries) place = this.#follow(seriesId, timeMs, store, out.admit)
      if (place === noSeries || isHistogramAt(bits, row) || timeMs > out.endTimeMs) continue
      if (place === fullSeries) this.#refusedCount++
      else {
        const { window, derived } = this.#followed[place - firstSeries]!
        if (isStaleAt(bits, row)) end(derived, timeMs, out.rows)
        else this.#derive(window, derived, { timeMs, value: batch.value[row]! }, out.rows)
      }
    }
  }

  /** Samples since the last call that found no room, and that came after their window had passed. */
  takeCounts(): { refusedCount: number; lateCount: number } {
    const counts = { refusedCount: this.#refusedCount, lateCount: this.#lateCount }
    this.#refusedCount = this.#lateCount = 0
    return counts
  }

  #derive(
    window: RollingWindow,
    derived: readonly Derived[],
    sample: { timeMs: number; value: number },
    rows: SampleBatchBuilder,
  ): void {
    const { timeMs, value } = sample
    if (!Number.isFinite(value)) return
    if (!window.add(timeMs, value)) {
      this.#lateCount++
      return
    }
    for (const { method, seriesId } of derived)
      rows.add(seriesId, timeMs, scale(method, window, value))
  }

  #follow(seriesId: SeriesId, timeMs: number, store: StoreView, admit: AdmitDerived): number {
    if (seriesId >= this.#placeOf.length) {
      const grown = new Uint32Array(Math.max(seriesId + 1, this.#placeOf.length * 2))
      grown.set(this.#placeOf)
      this.#placeOf = grown
    }
    const labels = store.labelsOf(seriesId)
    let place = noSeries
    if (matchesAll(this.#matchers, labels)) {
      const window = this.#findWindow(labels.key, timeMs)
      const derived = window && this.#name(labels, admit)
      place = fullSeries
      if (window !== undefined && derived !== undefined) {
        place = this.#followed.push({ key: labels.key, window, derived }) - 1 + firstSeries
      }
    }
    this.#placeOf[seriesId] = place
    return place
  }

  /** The window of the series, made when it is new; those that are over give way. */
  #findWindow(key: string, timeMs: number): RollingWindow | undefined {
    const known = this.#windows.get(key)
    if (known !== undefined) return known
    if (this.#windows.size >= seriesMax) {
      const followed = new Set(this.#followed.map((one) => one.key))
      for (const [other, window] of this.#windows) {
        if (window.isOver(timeMs) && !followed.has(other)) this.#windows.delete(other)
      }
      if (this.#windows.size >= seriesMax) return undefined
    }
    const window = new RollingWindow(this.#settings.window)
    this.#windows.set(key, window)
    return window
  }

  #name(labels: Labels, admit: AdmitDerived): Derived[] | undefined {
    const derived: Derived[] = []
    for (const method of this.#settings.methods) {
      const suffix = `${formatDuration(this.#settings.window)}_${method}`
      const name = `${labels.get(metricNameLabel)}:${suffix}`
      const seriesId = admit(labels.with(metricNameLabel, name))
      if (seriesId === undefined) return undefined
      derived.push({ method, seriesId })
    }
    return derived
  }
}

function end(derived: readonly Derived[], timeMs: number, rows: SampleBatchBuilder): void {
  for (const { seriesId } of derived) rows.addStale(seriesId, timeMs)
}

function scale(method: Method, window: RollingWindow, value: number): number {
  if (method === 'zscore') {
    return window.deviation > 0 ? (value - window.mean) / window.deviation : 0
  }
  const span = window.max - window.min
  return span > 0 ? (value - window.min) / span : 0
}
