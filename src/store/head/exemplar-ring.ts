/**
 * Exemplars in memory: the newest of all series together, a bounded number, the oldest overwritten, as
 * Prometheus keeps them. They are journaled and come back after a restart. Rules, first that holds:
 *
 *   none are kept                                    disabled
 *   names and values of more than 128 characters     labels-too-long
 *   the series' newest once more                     kept already, nothing to do; without a time of its
 *                                                    own, labels and value decide
 *   older than the series' newest, or as old and smaller by value, then by labels    out-of-order
 *
 * Source: prometheus tsdb/exemplar.go (Apache-2.0), behaviour re-implemented.
 */

import type { Exemplar, ExemplarReason, SeriesExemplars } from '../../model/exemplar.ts'
import type { ExemplarSelection } from '../../model/flow.ts'
import { compareText, type Labels } from '../../model/labels.ts'
import { matchesAll } from '../../model/matcher.ts'
import { storeMetrics } from '../metrics.ts'

/** Unicode characters of an exemplar's names and values, as OpenMetrics has it. */
const labelCharactersMax = 128

interface ExemplarSeries {
  labels: Labels
  newest: Exemplar
  isNewestUntimed: boolean
  count: number
}

/** An exemplar to be judged or kept. */
type NewExemplar = Exemplar & { readonly isUntimed?: boolean }

/** The exemplars of a store. */
export class ExemplarRing {
  #countMax: number
  readonly #byKey = new Map<string, ExemplarSeries>()
  /** Exemplars and their series by place; places are filled in turn, `#next` is written next. */
  #exemplars: Exemplar[] = []
  #series: ExemplarSeries[] = []
  #next = 0

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** Why an exemplar is not taken, `known` when there is nothing to do. */
  judge(labels: Labels, exemplar: NewExemplar): ExemplarReason | 'take' | 'known' {
    if (this.#countMax === 0) return 'disabled'
    if (isTooLong(exemplar.labels)) return 'labels-too-long'
    const series = this.#byKey.get(labels.key)
    if (series === undefined) return 'take'
    const { newest } = series
    const isUntimed = exemplar.isUntimed === true && series.isNewestUntimed
    const order = compareExemplars(
      isUntimed ? { ...exemplar, timeMs: newest.timeMs } : exemplar,
      newest,
    )
    if (isUntimed && order !== 0) return exemplar.timeMs < newest.timeMs ? 'out-of-order' : 'take'
    return order === 0 ? 'known' : order < 0 ? 'out-of-order' : 'take'
  }

  /** Keeps an exemplar if it still can; answers as `judge`. */
  add(labels: Labels, exemplar: NewExemplar): ExemplarReason | 'take' | 'known' {
    const verdict = this.judge(labels, exemplar)
    if (verdict === 'take') this.#put(labels, exemplar)
    return verdict
  }

  /** Exemplars of series that fulfil one of the sets of matchers, sorted by label set. */
  select(selection: ExemplarSelection): SeriesExemplars[] {
    const { matcherSets, startTimeMs, endTimeMs } = selection
    const found = new Map<ExemplarSeries, Exemplar[]>()
    for (const series of this.#byKey.values()) {
      if (matcherSets.some((set) => matchesAll(set, series.labels))) found.set(series, [])
    }
    if (found.size === 0) return []
    const { length } = this.#exemplars
    for (let step = 0; step < length; step++) {
      const place = (this.#next + step) % length
      const exemplar = this.#exemplars[place]!
      if (exemplar.timeMs < startTimeMs || exemplar.timeMs > endTimeMs) continue
      found.get(this.#series[place]!)?.push(exemplar)
    }
    return [...found]
      .filter(([, exemplars]) => exemplars.length > 0)
      .map(([{ labels }, exemplars]) => ({ labels, exemplars }))
      .sort((a, b) => compareText(a.labels.key, b.labels.key))
  }

  /** Takes another limit; the newest stay. */
  resize(countMax: number): void {
    if (countMax === this.#countMax) return
    this.#countMax = countMax
    this.#rebuild(() => true)
  }

  /** Forgets what a selection finds. */
  remove(selection: ExemplarSelection): void {
    const { matcherSets } = selection
    this.removeOf((labels) => matcherSets.some((set) => matchesAll(set, labels)), selection)
  }

  /** Forgets exemplars with start ≤ time ≤ end of the series that are meant. */
  removeOf(
    isMeant: (labels: Labels) => boolean,
    range: { startTimeMs: number; endTimeMs: number },
  ): void {
    const { startTimeMs, endTimeMs } = range
    if (![...this.#byKey.values()].some(({ labels }) => isMeant(labels))) return
    this.#rebuild(
      ({ timeMs }, labels) => timeMs < startTimeMs || timeMs > endTimeMs || !isMeant(labels),
    )
  }

  #put(labels: Labels, one: NewExemplar): void {
    const exemplar = { labels: one.labels, value: one.value, timeMs: one.timeMs }
    let series = this.#byKey.get(labels.key)
    if (series === undefined) {
      series = { labels, newest: exemplar, isNewestUntimed: false, count: 0 }
      this.#byKey.set(labels.key, series)
    }
    series.newest = exemplar
    series.isNewestUntimed = one.isUntimed === true
    series.count++
    const oldest = this.#series[this.#next]
    if (oldest !== undefined) {
      storeMetrics.evictedExemplars.inc()
      if (--oldest.count === 0) this.#byKey.delete(oldest.labels.key)
    }
    this.#exemplars[this.#next] = exemplar
    this.#series[this.#next] = series
    this.#next = (this.#next + 1) % this.#countMax
    storeMetrics.exemplars.set(this.#exemplars.length)
  }

  #rebuild(isKept: (exemplar: Exemplar, labels: Labels) => boolean): void {
    const kept: [Labels, Exemplar][] = []
    const { length } = this.#exemplars
    for (let step = 0; step < length; step++) {
      const place = (this.#next + step) % length
      const { labels } = this.#series[place]!
      if (isKept(this.#exemplars[place]!, labels)) kept.push([labels, this.#exemplars[place]!])
    }
    this.#exemplars = []
    this.#series = []
    this.#next = 0
    this.#byKey.clear()
    for (const [labels, exemplar] of kept.slice(-this.#countMax || kept.length)) {
      if (this.#countMax > 0) this.#put(labels, exemplar)
    }
    storeMetrics.exemplars.set(this.#exemplars.length)
  }
}

function isTooLong(labels: Labels): boolean {
  let units = 0
  for (const text of labels.pairs) units += text.length
  if (units <= labelCharactersMax) return false
  let characters = 0
  for (const text of labels.pairs) for (const _character of text) characters++
  return characters > labelCharactersMax
}

/** By time, then by value, then by labels: the order in which exemplars of a series are taken. */
export function compareExemplars(a: Exemplar, b: Exemplar): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs
  if (a.value !== b.value && !(Number.isNaN(a.value) && Number.isNaN(b.value))) {
    return a.value < b.value ? -1 : 1
  }
  return compareText(a.labels.key, b.labels.key)
}
