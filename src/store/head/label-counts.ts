/**
 * How many series have which labels, for people who look for the label that explodes. The whole store is
 * counted from the postings, which know it by list lengths; a selection by walking its series.
 */

import type { Matcher } from '../../model/matcher.ts'
import { metricNameLabel } from '../../model/labels.ts'
import type { SeriesIndex } from './series-index.ts'

/** Series of a selection that are walked at most. */
const walkedSeriesMax = 200_000
/** Values of each label that are named. */
const shownValuesMax = 20
/** Entries between two rests, so that counting a million values holds nothing up. */
const entriesPerRest = 5_000

/** A text with the number of series that have it. */
export interface CountedText {
  text: string
  seriesCount: number
}

/** One label name among the series. */
export interface CountedLabel {
  name: string
  seriesCount: number
  valueCount: number
  /** Bytes of the different values. */
  valueBytes: number
  /** Those with the most series. */
  values: CountedText[]
}

/** The labels of the series in memory; lists are cut to a limit, the largest first. */
export interface LabelStatistics {
  /** Series that were counted. */
  seriesCount: number
  /** Different pairs of name and value. */
  pairCount: number
  labels: CountedLabel[]
  /** Metric names by series. */
  metrics: CountedText[]
  /** `name=value` by series. */
  pairs: CountedText[]
  /** There were more series than are walked; the rest is not in the numbers. */
  isCut: boolean
}

/** What is asked: matchers (none for everything) and the length of lists. */
interface CensusQuestion {
  matchers: readonly Matcher[]
  limit: number
}

/** Counts that are asked for at once by many go one after the other, and the same one is made once. */
export class LabelCensus {
  readonly #index: SeriesIndex
  /** The counts of everything that are being made, by their limit. */
  readonly #wholes = new Map<number, Promise<LabelStatistics>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(index: SeriesIndex) {
    this.#index = index
  }

  /** Counts the labels of the series that fulfil all matchers, all series without any. */
  count(question: CensusQuestion): Promise<LabelStatistics> {
    if (question.matchers.length > 0) return this.#inTurn(question)
    const { limit } = question
    let whole = this.#wholes.get(limit)
    if (whole === undefined) {
      whole = this.#inTurn(question).finally(() => this.#wholes.delete(limit))
      this.#wholes.set(limit, whole)
    }
    return whole
  }

  #inTurn(question: CensusQuestion): Promise<LabelStatistics> {
    const work = this.#last.then(() => countLabels(this.#index, question))
    this.#last = work.catch(() => undefined)
    return work
  }
}

async function countLabels(index: SeriesIndex, o: CensusQuestion): Promise<LabelStatistics> {
  const { symbols } = index
  const counter = new LabelCounter(o.limit)
  if (o.matchers.length === 0) {
    const { postings } = index
    for (const name of [...postings.names()]) {
      counter.beginName(symbols.textOf(name))
      for (const value of postings.values(name)) {
        if (counter.add(symbols.textOf(value), postings.count(name, value))) await rest()
      }
      counter.endName()
    }
    return counter.finish(index.count, false)
  }
  const matched = index.match(o.matchers)
  const ids = matched.subarray(0, walkedSeriesMax)
  const byName = new Map<number, Map<number, number>>()
  for (let at = 0; at < ids.length; at++) {
    if (at % entriesPerRest === entriesPerRest - 1) await rest()
    // A series may have ended during a rest.
    if (index.isLive[ids[at]!] !== 1) continue
    const set = index.symbolsOf(ids[at]!)
    for (let pair = 0; pair < set.length; pair += 2) countSymbol(byName, set[pair]!, set[pair + 1]!)
  }
  for (const [name, byValue] of byName) {
    if (!symbols.has(name)) continue
    counter.beginName(symbols.textOf(name))
    for (const [value, count] of byValue)
      if (symbols.has(value)) counter.add(symbols.textOf(value), count)
    counter.endName()
  }
  return counter.finish(ids.length, matched.length > ids.length)
}

function countSymbol(byName: Map<number, Map<number, number>>, name: number, value: number): void {
  let byValue = byName.get(name)
  if (byValue === undefined) {
    byValue = new Map()
    byName.set(name, byValue)
  }
  byValue.set(value, (byValue.get(value) ?? 0) + 1)
}

function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

class LabelCounter {
  readonly #limit: number
  readonly #labels: CountedLabel[] = []
  readonly #pairs: LargestTexts
  #metrics: CountedText[] = []
  #pairCount = 0
  #entryCount = 0
  #label: CountedLabel = { name: '', seriesCount: 0, valueCount: 0, valueBytes: 0, values: [] }
  #values = new LargestTexts(0)

  constructor(limit: number) {
    this.#limit = limit
    this.#pairs = new LargestTexts(limit)
  }

  beginName(name: string): void {
    this.#label = { name, seriesCount: 0, valueCount: 0, valueBytes: 0, values: [] }
    this.#values = new LargestTexts(
      name === metricNameLabel ? Math.max(this.#limit, shownValuesMax) : shownValuesMax,
    )
  }

  /** Answers whether it is time for a rest. */
  add(value: string, seriesCount: number): boolean {
    this.#label.seriesCount += seriesCount
    this.#label.valueCount++
    this.#label.valueBytes += Buffer.byteLength(value)
    this.#values.add(value, seriesCount)
    if (this.#pairs.takes(seriesCount)) this.#pairs.add(`${this.#label.name}=${value}`, seriesCount)
    this.#pairCount++
    return ++this.#entryCount % entriesPerRest === 0
  }

  endName(): void {
    const values = this.#values.list()
    if (this.#label.name === metricNameLabel) this.#metrics = values.slice(0, this.#limit)
    if (this.#label.valueCount > 0)
      this.#labels.push({ ...this.#label, values: values.slice(0, shownValuesMax) })
  }

  finish(seriesCount: number, isCut: boolean): LabelStatistics {
    this.#labels.sort((a, b) => b.valueCount - a.valueCount || (a.name < b.name ? -1 : 1))
    return {
      seriesCount,
      pairCount: this.#pairCount,
      labels: this.#labels,
      metrics: this.#metrics,
      pairs: this.#pairs.list(),
      isCut,
    }
  }
}

/** The texts with the largest counts, without sorting all of them. */
class LargestTexts {
  readonly #limit: number
  #texts: CountedText[] = []
  /** Counts below it cannot be among the largest. */
  #countMin = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  takes(seriesCount: number): boolean {
    return this.#limit > 0 && seriesCount >= this.#countMin
  }

  add(text: string, seriesCount: number): void {
    if (!this.takes(seriesCount)) return
    this.#texts.push({ text, seriesCount })
    if (this.#texts.length >= this.#limit * 2 + 64) this.#cut()
  }

  list(): CountedText[] {
    this.#cut()
    return this.#texts
  }

  #cut(): void {
    this.#texts.sort((a, b) => b.seriesCount - a.seriesCount || (a.text < b.text ? -1 : 1))
    if (this.#texts.length < this.#limit) return
    this.#texts.length = this.#limit
    this.#countMin = this.#texts.at(-1)?.seriesCount ?? 0
  }
}
