/**
 * A limit on how many series one source may bring, so that a label with a new value per request cannot
 * fill the memory that all sources share. Series that the store has already are never refused: they
 * cost nothing more. What is refused is looked at for the label that explodes.
 *
 * Admitted series are bits by their number in the store. When the store takes numbers back from series
 * that ended, everybody asks for theirs again, and counting begins anew.
 */

import type { Appender } from '../model/flow.ts'
import { type Labels, metricNameLabel } from '../model/labels.ts'
import type { SeriesId } from '../model/sample.ts'

/** Label names whose values are counted among the refused. */
const watchedNamesMax = 32
/** Values, and metric names, that are told apart. */
const watchedValuesMax = 1000
/** Values are told apart by their beginning. */
const watchedLengthMax = 64

/** Who gives numbers to series. */
type SeriesNumberer = Pick<Appender, 'seriesEpoch' | 'seriesId' | 'findSeriesId'>

/** Counts the series of one source. */
export class SeriesGuard {
  readonly #appender: SeriesNumberer
  #countMax: number
  #epoch: number
  #admitted = new Uint32Array(32)
  #count = 0
  #valuesOfName = new Map<string, Set<string>>()
  #refusedOfMetric = new Map<string, number>()

  /** `countMax` 0 means no limit. */
  constructor(appender: SeriesNumberer, countMax: number) {
    this.#appender = appender
    this.#countMax = countMax
    this.#epoch = appender.seriesEpoch
  }

  /** Series admitted since the store last took numbers back. */
  get count(): number {
    this.#followEpoch()
    return this.#count
  }

  /** Another limit; 0 means none. What was refused may be asked for again. */
  reload(countMax: number): void {
    if (countMax === this.#countMax) return
    this.#countMax = countMax
    this.#forgetRefused()
  }

  /** The number of a label set, or `undefined` when the source has too many. */
  admit(labels: Labels): SeriesId | undefined {
    if (this.#countMax === 0) return this.#appender.seriesId(labels)
    this.#followEpoch()
    const isFull = this.#count >= this.#countMax
    const known = isFull ? this.#appender.findSeriesId?.(labels) : undefined
    if (isFull && known === undefined) {
      this.#watch(labels)
      return undefined
    }
    const seriesId = known ?? this.#appender.seriesId(labels)
    this.#mark(seriesId)
    return seriesId
  }

  /** What explodes, in words; `undefined` when nothing was refused lately. */
  explain(): string | undefined {
    this.#followEpoch()
    const [metric] = [...this.#refusedOfMetric].sort((a, b) => b[1] - a[1])[0] ?? []
    if (metric === undefined) return undefined
    const [name, values] = [...this.#valuesOfName].sort((a, b) => b[1].size - a[1].size)[0] ?? []
    const limit = `more than ${this.#countMax} series, the limit of a source; new ones are not kept`
    if (name === undefined || values!.size < 2) return `${limit}, most of ${metric}`
    const shown = values!.size >= watchedValuesMax ? `${watchedValuesMax} or more` : values!.size
    return `${limit}: the label ${name} has ${shown} values among them, most of ${metric}`
  }

  #followEpoch(): void {
    const { seriesEpoch } = this.#appender
    if (seriesEpoch === this.#epoch) return
    this.#epoch = seriesEpoch
    this.#admitted.fill(0)
    this.#count = 0
    this.#forgetRefused()
  }

  #forgetRefused(): void {
    this.#valuesOfName = new Map()
    this.#refusedOfMetric = new Map()
  }

  #mark(seriesId: SeriesId): void {
    const word = seriesId >>> 5
    if (word >= this.#admitted.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.#admitted.length * 2))
      grown.set(this.#admitted)
      this.#admitted = grown
    }
    const bit = 1 << (seriesId & 31)
    if ((this.#admitted[word]! & bit) !== 0) return
    this.#admitted[word]! |= bit
    this.#count++
  }

  #watch(labels: Labels): void {
    for (let index = 0; index < labels.pairs.length; index += 2) {
      const name = labels.pairs[index]!.slice(0, watchedLengthMax)
      const value = labels.pairs[index + 1]!.slice(0, watchedLengthMax)
      if (name === metricNameLabel) {
        const count = this.#refusedOfMetric.get(value)
        if (count === undefined && this.#refusedOfMetric.size >= watchedValuesMax) continue
        this.#refusedOfMetric.set(value, (count ?? 0) + 1)
        continue
      }
      let values = this.#valuesOfName.get(name)
      if (values === undefined) {
        if (this.#valuesOfName.size >= watchedNamesMax) continue
        values = new Set()
        this.#valuesOfName.set(name, values)
      }
      if (values.size < watchedValuesMax) values.add(value)
    }
  }
}
