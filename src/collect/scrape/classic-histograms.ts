/**
 * Classic histograms kept as native ones with custom buckets (`convert_classic_histograms_to_nhcb`): the
 * buckets, sum and count of one label set are gathered while a page is read and become one sample at
 * its end. Which line belongs to which histogram is found out once per series.
 * Source: prometheus/prometheus model/textparse/nhcbparse.go, util/convertnhcb (behaviour).
 */

import { customBoundsSchema, type Histogram } from '../../model/histogram.ts'
import type { SeriesId } from '../../model/sample.ts'
import type { PageExemplar, PageReader } from './page-reader.ts'
import { isNumber, parseNumber } from './number.ts'

/** One histogram of the target. */
export interface ClassicHistogram {
  /** `undefined` when relabeling dropped it or the job has too many series. */
  seriesId: SeriesId | undefined
  /** Its own entry in the table of series. */
  entry: number
  /** The turn that saw a part of it last. */
  turn: number
  hasTime: boolean
  timeMs: number
  sum: number
  count: number
  hasCount: boolean
  /** Upper bounds in the order in which they came, and what each counts in this turn. */
  bounds: number[]
  cumulative: number[]
  exemplars: PageExemplar[]
}

/** A line's part in a histogram. */
export interface HistogramPart {
  /** `__name__` and labels of the histogram as a whole. */
  pairs: string[]
  /** Upper bound of a bucket; `undefined` for sum and count. */
  bound: number | undefined
  role: 'bucket' | 'sum' | 'count'
}

const roles = ['bucket', 'sum', 'count'] as const
/** In `#placeOf`: places of buckets follow these. */
const sumPlace = 0
const countPlace = 1
const firstBucketPlace = 2

/** The part that a series has in a histogram; `undefined` when it has none. `typeOf` knows families. */
export function findHistogramPart(
  pairs: readonly string[],
  typeOf: (metric: string) => string | undefined,
): HistogramPart | undefined {
  const nameAt = pairs.indexOf('__name__')
  const name = pairs[nameAt + 1] ?? ''
  const role = roles.find((one) => name.endsWith(`_${one}`))
  if (nameAt < 0 || role === undefined) return undefined
  const family = name.slice(0, -role.length - 1)
  if (typeOf(family) !== 'histogram') return undefined
  const whole: string[] = []
  let bound: number | undefined
  for (let index = 0; index < pairs.length; index += 2) {
    const label = pairs[index]!
    if (label === 'le' && role === 'bucket') {
      const bytes = Buffer.from(pairs[index + 1]!)
      bound = parseNumber(bytes, 0, bytes.length)
      if (!isNumber || Number.isNaN(bound)) return undefined
    } else whole.push(label, index === nameAt ? family : pairs[index + 1]!)
  }
  return role === 'bucket' && bound === undefined ? undefined : { pairs: whole, bound, role }
}

/** All histograms of one target. */
export class ClassicHistograms {
  readonly #byKey = new Map<string, number>()
  #histograms: ClassicHistogram[] = []
  /** Per entry of the table of series: the histogram, plus one, and the part within. */
  #histogramOf = new Uint32Array(64)
  #placeOf = new Uint32Array(64)

  /** The histogram of this key, made when it is new. */
  find(key: string, make: () => Pick<ClassicHistogram, 'seriesId' | 'entry'>): ClassicHistogram {
    const known = this.#byKey.get(key)
    if (known !== undefined) return this.#histograms[known]!
    const made = { ...make(), turn: 0, hasTime: false, timeMs: 0, sum: 0, count: 0 }
    const histogram = { ...made, hasCount: false, bounds: [], cumulative: [], exemplars: [] }
    this.#byKey.set(key, this.#histograms.push(histogram) - 1)
    return histogram
  }

  /** The series of `entry` is this part of the histogram. */
  join(entry: number, key: string, part: HistogramPart): void {
    const index = this.#byKey.get(key)!
    if (entry >= this.#histogramOf.length) this.#grow(entry)
    this.#histogramOf[entry] = index + 1
    const { bounds, cumulative } = this.#histograms[index]!
    if (part.role === 'sum') this.#placeOf[entry] = sumPlace
    else if (part.role === 'count') this.#placeOf[entry] = countPlace
    else {
      cumulative.push(Number.NaN)
      this.#placeOf[entry] = bounds.push(part.bound!) - 1 + firstBucketPlace
    }
  }

  /** Takes the value of the series at hand, when it is part of a histogram. */
  take(entry: number, turn: number, reader: PageReader): void {
    const index = entry < this.#histogramOf.length ? this.#histogramOf[entry]! : 0
    if (index === 0) return
    const histogram = this.#histograms[index - 1]!
    if (histogram.turn !== turn) {
      histogram.turn = turn
      histogram.hasCount = false
      histogram.sum = 0
      histogram.cumulative.fill(Number.NaN)
      histogram.exemplars = []
    }
    histogram.hasTime = reader.hasTime
    histogram.timeMs = reader.timeMs
    const place = this.#placeOf[entry]!
    if (place === sumPlace) histogram.sum = reader.value
    else if (place === countPlace) {
      histogram.count = reader.value
      histogram.hasCount = true
    } else histogram.cumulative[place - firstBucketPlace] = reader.value
    if (reader.exemplars.length > 0) histogram.exemplars.push(...reader.exemplars)
  }

  /** Those of which this turn has seen something. */
  *seen(turn: number): Iterable<ClassicHistogram> {
    for (const histogram of this.#histograms) if (histogram.turn === turn) yield histogram
  }

  /** Forgets everything, together with the table of series. */
  clear(): void {
    this.#byKey.clear()
    this.#histograms = []
    this.#histogramOf = new Uint32Array(64)
    this.#placeOf = new Uint32Array(64)
  }

  #grow(entry: number): void {
    const size = Math.max(entry + 1, this.#histogramOf.length * 2)
    const histogramOf = new Uint32Array(size)
    histogramOf.set(this.#histogramOf)
    this.#histogramOf = histogramOf
    const placeOf = new Uint32Array(size)
    placeOf.set(this.#placeOf)
    this.#placeOf = placeOf
  }
}

/** The histogram with custom buckets; `undefined` when its parts contradict each other. */
export function convertHistogram(classic: ClassicHistogram): Histogram | undefined {
  const order: number[] = []
  for (const [place, value] of classic.cumulative.entries()) {
    if (!Number.isNaN(value)) order.push(place)
  }
  order.sort((a, b) => classic.bounds[a]! - classic.bounds[b]!)
  const customBounds: number[] = []
  const index: number[] = []
  const count: number[] = []
  let before = 0
  let bucket = 0
  const add = (cumulative: number): void => {
    if (cumulative > before) {
      index.push(bucket)
      count.push(cumulative - before)
    }
    before = cumulative
    bucket++
  }
  for (const place of order) {
    const cumulative = classic.cumulative[place]!
    const bound = classic.bounds[place]!
    if (cumulative < before || customBounds.at(-1) === bound) return undefined
    if (bound !== Number.POSITIVE_INFINITY) customBounds.push(bound)
    add(cumulative)
  }
  const total = classic.hasCount ? classic.count : before
  if (!(total >= before)) return undefined
  // Without the last bucket the count says what is above all bounds.
  if (total > before && bucket > customBounds.length) return undefined
  if (bucket === customBounds.length) add(total)
  return {
    schema: customBoundsSchema,
    count: total,
    sum: classic.sum,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { index, count },
    negative: { index: [], count: [] },
    customBounds,
    resetHint: 'unknown',
  }
}
