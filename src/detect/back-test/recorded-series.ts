/**
 * What recording rules would have recorded, laid over the store: a recorded name is read from here
 * alone, everything else from the store. Where a recorded series ends there is a stale marker, as at work.
 */

import type { Querier, Selection, SeriesColumns } from '../../model/flow.ts'
import { type Labels, metricNameLabel } from '../../model/labels.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'
import { bitsOf, setStaleAt } from '../../model/sample.ts'

/** Samples of all recorded series together. */
const sampleCountMax = 20_000_000

interface Recorded {
  labels: Labels
  count: number
  timeMs: Float64Array
  value: Float64Array
  /** Ends that were the silence of the source, not a leave. */
  silentEndTimesMs: Set<number>
}

/** The recorded series over the store. */
export class RecordedSeries implements Querier {
  readonly #store: Querier
  readonly #names = new Set<string>()
  readonly #series = new Map<string, Recorded>()
  #sampleCount = 0

  constructor(store: Querier) {
    this.#store = store
  }

  /** Whether another sample would be too many. */
  get isFull(): boolean {
    return this.#sampleCount >= sampleCountMax
  }

  /** From now on this name is read from here. */
  addName(name: string): void {
    this.#names.add(name)
  }

  /** Adds a sample, later than those before it. */
  add(labels: Labels, timeMs: number, value: number): void {
    const row = this.#next(labels, timeMs)
    row.value[row.count++] = value
  }

  /** Ends a series. */
  end(labels: Labels, timeMs: number, isSilent: boolean): void {
    const row = this.#next(labels, timeMs)
    if (isSilent) row.silentEndTimesMs.add(timeMs)
    setStaleAt(bitsOf(row.value), row.count++)
  }

  /** Whether the end of a series at this time was the silence of its source. */
  isSilentEnd(labels: Labels, timeMs: number): boolean {
    return this.#series.get(labels.key)?.silentEndTimesMs.has(timeMs) === true
  }

  async select(selection: Selection): Promise<SeriesColumns[]> {
    const own = this.#selectOwn(selection)
    if (this.#isOwnAlone(selection.matchers)) return own
    const others = await this.#store.select(selection)
    return [...others.filter(({ labels }) => !this.#isOwn(labels)), ...own]
  }

  selectRecent(selection: Selection): SeriesColumns[] | undefined {
    const own = this.#selectOwn(selection)
    if (this.#isOwnAlone(selection.matchers)) return own
    const others = this.#store.selectRecent(selection)
    return others && [...others.filter(({ labels }) => !this.#isOwn(labels)), ...own]
  }

  series(selection: Selection): Promise<Labels[]> {
    return this.#store.series(selection)
  }

  labelNames(selection: Selection): Promise<string[]> {
    return this.#store.labelNames(selection)
  }

  labelValues(name: string, selection: Selection): Promise<string[]> {
    return this.#store.labelValues(name, selection)
  }

  metadata(metric?: string): ReturnType<Querier['metadata']> {
    return this.#store.metadata(metric)
  }

  #isOwn(labels: Labels): boolean {
    return this.#names.has(labels.get(metricNameLabel))
  }

  #isOwnAlone(matchers: readonly Matcher[]): boolean {
    return matchers.some(
      ({ name, operator, value }) =>
        name === metricNameLabel && operator === '=' && this.#names.has(value),
    )
  }

  #selectOwn({ matchers, startTimeMs, endTimeMs }: Selection): SeriesColumns[] {
    const found: SeriesColumns[] = []
    for (const row of this.#series.values()) {
      if (!matchesAll(matchers, row.labels)) continue
      const from = firstFrom(row, startTimeMs)
      const to = firstFrom(row, endTimeMs + 1)
      if (from >= to) continue
      found.push({
        labels: row.labels,
        count: to - from,
        timeMs: row.timeMs.slice(from, to),
        value: row.value.slice(from, to),
      })
    }
    return found
  }

  #next(labels: Labels, timeMs: number): Recorded {
    let row = this.#series.get(labels.key)
    if (row === undefined) {
      row = {
        labels,
        count: 0,
        timeMs: new Float64Array(64),
        value: new Float64Array(64),
        silentEndTimesMs: new Set(),
      }
      this.#series.set(labels.key, row)
    }
    if (row.count === row.timeMs.length) {
      row.timeMs = grow(row.timeMs)
      row.value = grow(row.value)
    }
    row.timeMs[row.count] = timeMs
    this.#sampleCount++
    return row
  }
}

/** Place of the first sample at or after a time. */
function firstFrom({ timeMs, count }: Recorded, fromTimeMs: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timeMs[middle]! < fromTimeMs) low = middle + 1
    else high = middle
  }
  return low
}

function grow(column: Float64Array): Float64Array {
  const grown = new Float64Array(column.length * 2)
  grown.set(column)
  return grown
}
