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

/** Series that a census looks at, spread evenly over all: ten thousand labels take a few milliseconds. */
const censusSeriesMax = 20_000
/** Values told as examples of a label, and names told. */
const examplesMax = 5
const censusNamesMax = 20

/** One source against its limit. */
export interface SourceSeries {
  seriesCount: number
  /** 0 means no limit. */
  seriesCountMax: number
  /** How often a new series was refused since the limit was met. */
  refusedCount: number
  /** What explodes, in words; empty when nothing was refused lately. */
  message: string
}

/** Which labels and metrics make a source's series many. */
export interface SeriesCensus {
  seriesCount: number
  /** Series that were looked at: all, or as many as are enough to tell. */
  examinedCount: number
  /** By falling number of values, among the series examined. */
  labels: { name: string; valueCount: number; examples: string[] }[]
  /** By falling number of series, among those examined. */
  metrics: { name: string; seriesCount: number }[]
}

/** Who gives numbers to series. */
type SeriesNumberer = Pick<Appender, 'seriesEpoch' | 'seriesId' | 'findSeriesId'>

/** Counts the series of one source. */
export class SeriesGuard {
  readonly #appender: SeriesNumberer
  #countMax: number
  #epoch: number
  #admitted = new Uint32Array(32)
  #count = 0
  #refusedCount = 0
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
    this.#followEpoch()
    const isFull = this.#countMax > 0 && this.#count >= this.#countMax
    const known = isFull ? this.#appender.findSeriesId?.(labels) : undefined
    if (isFull && known === undefined) {
      this.#refusedCount++
      this.#watch(labels)
      return undefined
    }
    const seriesId = known ?? this.#appender.seriesId(labels)
    this.#mark(seriesId)
    return seriesId
  }

  /** How the source stands. */
  describe(): SourceSeries {
    return {
      seriesCount: this.count,
      seriesCountMax: this.#countMax,
      refusedCount: this.#refusedCount,
      message: this.explain() ?? '',
    }
  }

  /** Labels and metrics by how many values and series they have. */
  takeCensus(labelsOf: (seriesId: SeriesId) => Labels): SeriesCensus {
    this.#followEpoch()
    const stride = Math.max(1, Math.ceil(this.#count / censusSeriesMax))
    const valuesOfName = new Map<string, Set<string>>()
    const seriesOfMetric = new Map<string, number>()
    let place = 0
    let examinedCount = 0
    for (const seriesId of this.#ids()) {
      if (place++ % stride !== 0) continue
      examinedCount++
      const { pairs } = labelsOf(seriesId)
      for (let index = 0; index < pairs.length; index += 2) {
        const value = pairs[index + 1]!
        if (pairs[index] === metricNameLabel) {
          seriesOfMetric.set(value, (seriesOfMetric.get(value) ?? 0) + 1)
        } else {
          const values = valuesOfName.get(pairs[index]!) ?? new Set()
          valuesOfName.set(pairs[index]!, values.add(value))
        }
      }
    }
    return { seriesCount: this.#count, examinedCount, ...rank(valuesOfName, seriesOfMetric) }
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
    const examples = [...values!].slice(0, 3).map((value) => JSON.stringify(value))
    return `${limit}: the label ${name} has ${shown} values among them, such as ${examples.join(', ')}, most of ${metric}`
  }

  *#ids(): Iterable<SeriesId> {
    for (const [word, bits] of this.#admitted.entries()) {
      for (let bit = 0; bit < 32 && bits !== 0; bit++) {
        if ((bits & (1 << bit)) !== 0) yield word * 32 + bit
      }
    }
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
    this.#refusedCount = 0
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

function rank(
  valuesOfName: ReadonlyMap<string, ReadonlySet<string>>,
  seriesOfMetric: ReadonlyMap<string, number>,
): Pick<SeriesCensus, 'labels' | 'metrics'> {
  const labels = [...valuesOfName]
    .sort((a, b) => b[1].size - a[1].size || (a[0] < b[0] ? -1 : 1))
    .slice(0, censusNamesMax)
    .map(([name, values]) => {
      const examples = [...values].slice(0, examplesMax)
      const shown = examples.map((value) => value.slice(0, watchedLengthMax))
      return { name, valueCount: values.size, examples: shown }
    })
  const metrics = [...seriesOfMetric]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, censusNamesMax)
    .map(([name, seriesCount]) => ({ name, seriesCount }))
  return { labels, metrics }
}
