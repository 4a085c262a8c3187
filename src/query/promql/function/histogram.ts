/**
 * histogram_quantile, histogram_quantiles, histogram_fraction over classic and native histograms, and
 * the simple questions to native ones. Classic buckets are grouped by their labels without `le` once.
 * Source: prometheus promql/quantile.go, functions.go (Apache-2.0), behaviour re-implemented.
 */

import { customBoundsSchema, type Histogram } from '../../../model/histogram.ts'
import type { Labels } from '../../../model/labels.ts'
import { Block, isFloat, isHistogram } from '../block.ts'
import { type Context, executionError } from '../context.ts'
import { noBuckets } from '../histogram/bucket.ts'
import { histogramFraction, histogramQuantile, histogramVariance } from '../histogram/statistic.ts'
import { formatLabelNumber, parsePlainNumber } from '../literal.ts'
import type { Span } from '../tree.ts'

/** Functions of one native histogram to a float. */
export const histogramFunctions: Record<string, (histogram: Histogram) => number> = {
  histogram_count: (histogram) => histogram.count,
  histogram_sum: (histogram) => histogram.sum,
  histogram_avg: (histogram) => histogram.sum / histogram.count,
  histogram_stdvar: histogramVariance,
  histogram_stddev: (histogram) => Math.sqrt(histogramVariance(histogram)),
}

/** Applies one of `histogramFunctions`; floats vanish. */
export function mapHistograms(input: Block, map: (histogram: Histogram) => number): Block {
  const block = new Block(input.stepCount, input.rowCount)
  for (let row = 0; row < input.rowCount; row++) {
    const base = block.addRow(input.labels[row]!, true)
    for (let step = 0; step < input.stepCount; step++) {
      const from = row * input.stepCount + step
      if (input.presence[from] === isHistogram)
        block.setFloat(base + step, map(input.histogram![from]!))
    }
    block.dropEmptyLastRow()
  }
  return block
}

/** One cumulative bucket of a classic histogram. */
interface ClassicBucket {
  upper: number
  count: number
}

/** All series of one histogram: classic buckets by bound, and a native one. */
interface HistogramRows {
  labels: Labels
  classic: { row: number; upper: number }[]
  native: number[]
}

/** Where the vector argument stands, and what it is called in annotations. */
export interface HistogramInput {
  block: Block
  span: Span
  context: Context
}

/** `histogram_quantile(ratio, v)`, and with `label` one row per ratio for `histogram_quantiles`. */
export function quantileBlock(
  input: HistogramInput,
  ratios: readonly Float64Array[],
  label: string | undefined,
): Block {
  const result = new Block(input.block.stepCount, 0)
  const out = new RowMap(result)
  visitHistograms(input, (rows, step, found) => {
    for (const column of ratios) {
      const ratio = column[step]!
      const labels =
        label === undefined ? rows.labels : rows.labels.with(label, formatLabelNumber(ratio))
      const metric = rows.labels.get('__name__')
      const value =
        found.native === undefined
          ? classicQuantile(ratio, found.classic, { input, metric })
          : nativeQuantile(ratio, found.native, { input, metric })
      out.set(labels, step, value)
    }
  })
  return result
}

/** `histogram_fraction(lower, upper, v)` */
export function fractionBlock(
  input: HistogramInput,
  lower: Float64Array,
  upper: Float64Array,
): Block {
  const result = new Block(input.block.stepCount, 0)
  const out = new RowMap(result)
  visitHistograms(input, (rows, step, found) => {
    const histogram = found.native ?? toHistogram(found.classic)
    if (histogram === undefined) {
      out.set(rows.labels, step, Number.NaN)
      return
    }
    const answer = histogramFraction(lower[step]!, upper[step]!, histogram)
    if (answer.hasNan) {
      const metric = rows.labels.get('__name__')
      input.context.annotations.nanObservationsInFraction(input.span, metric)
    }
    out.set(rows.labels, step, answer.value)
  })
  return result
}

/** Rows by label set, made when first written. */
class RowMap {
  readonly #block: Block
  readonly #bases = new Map<string, number>()

  constructor(block: Block) {
    this.#block = block
  }

  set(labels: Labels, step: number, value: number): void {
    let base = this.#bases.get(labels.key)
    if (base === undefined) {
      base = this.#block.addRow(labels, true)
      this.#bases.set(labels.key, base)
    }
    if (this.#block.presence[base + step] === isFloat)
      throw executionError('vector cannot contain metrics with the same labelset')
    this.#block.setFloat(base + step, value)
  }
}

type Visit = (
  rows: HistogramRows,
  step: number,
  found: { classic: ClassicBucket[]; native: Histogram | undefined },
) => void

function visitHistograms(input: HistogramInput, visit: Visit): void {
  const { block, span, context } = input
  for (const rows of groupHistograms(input)) {
    for (let step = 0; step < block.stepCount; step++) {
      const classic: ClassicBucket[] = []
      for (const { row, upper } of rows.classic) {
        const cell = row * block.stepCount + step
        if (block.presence[cell] === isFloat) classic.push({ upper, count: block.value[cell]! })
      }
      let native: Histogram | undefined
      for (const row of rows.native) {
        const cell = row * block.stepCount + step
        if (block.presence[cell] === isHistogram) native = block.histogram![cell]!
      }
      if (native !== undefined && classic.length > 0)
        context.annotations.mixedClassicNative(span, rows.labels.get('__name__'))
      else if (native !== undefined || classic.length > 0) visit(rows, step, { classic, native })
    }
  }
}

function groupHistograms(input: HistogramInput): Iterable<HistogramRows> {
  const { block, span, context } = input
  const groups = new Map<string, HistogramRows>()
  for (let row = 0; row < block.rowCount; row++) {
    const labels = block.labels[row]!
    const cells = block.presence.subarray(row * block.stepCount, (row + 1) * block.stepCount)
    const le = labels.get('le')
    const upper = parsePlainNumber(le)
    const hasFloats = cells.includes(isFloat)
    if (hasFloats && upper === undefined)
      context.annotations.badBucketLabel(span, labels.get('__name__'), le)
    const shared = labels.with('le', '')
    let group = groups.get(shared.key)
    if (group === undefined) {
      group = { labels: shared, classic: [], native: [] }
      groups.set(shared.key, group)
    }
    if (hasFloats && upper !== undefined) group.classic.push({ row, upper })
    if (cells.includes(isHistogram)) group.native.push(row)
  }
  for (const group of groups.values()) group.classic.sort((a, b) => a.upper - b.upper)
  return groups.values()
}

/** Equal bounds in different spellings become one bucket. */
function joinEqualBounds(buckets: readonly ClassicBucket[]): ClassicBucket[] {
  const joined: ClassicBucket[] = []
  for (const bucket of buckets) {
    const last = joined[joined.length - 1]
    if (last?.upper === bucket.upper) last.count += bucket.count
    else joined.push({ ...bucket })
  }
  return joined
}

function nativeQuantile(
  ratio: number,
  histogram: Histogram,
  parts: { input: HistogramInput; metric: string },
): number {
  const { value, nan } = histogramQuantile(ratio, histogram)
  const { annotations } = parts.input.context
  if (nan === 'result') annotations.nanObservations(parts.input.span, parts.metric, 'NaN')
  if (nan === 'skew') annotations.nanObservations(parts.input.span, parts.metric, 'skewed higher')
  return value
}

function classicQuantile(
  ratio: number,
  found: readonly ClassicBucket[],
  parts: { input: HistogramInput; metric: string },
): number {
  if (Number.isNaN(ratio)) return Number.NaN
  if (ratio < 0) return -Infinity
  if (ratio > 1) return Infinity
  if (found[found.length - 1]!.upper !== Infinity) return Number.NaN
  const buckets = joinEqualBounds(found)
  const repair = makeMonotonic(buckets)
  if (repair !== undefined)
    parts.input.context.annotations.forcedMonotonicity(parts.input.span, parts.metric, repair)
  if (buckets.length < 2) return Number.NaN
  const total = buckets[buckets.length - 1]!.count
  if (total === 0 || Number.isNaN(total)) return Number.NaN
  const rank = ratio * total
  let place = buckets.findIndex((bucket) => bucket.count >= rank)
  if (place < 0) place = buckets.length - 1
  if (place === buckets.length - 1) return buckets[buckets.length - 2]!.upper
  const { upper, count } = buckets[place]!
  if (place === 0) return upper <= 0 ? upper : upper * (rank / count)
  const before = buckets[place - 1]!
  return before.upper + (upper - before.upper) * ((rank - before.count) / (count - before.count))
}

/** Differences smaller than this share are rounding, not news. */
const smallShare = 1e-12

/** Lifts counts that fall; answers what was repaired beyond rounding. */
function makeMonotonic(
  buckets: ClassicBucket[],
): { bucketFrom: number; bucketTo: number; differenceMax: number } | undefined {
  let repair: { bucketFrom: number; bucketTo: number; differenceMax: number } | undefined
  let previous = buckets[0]!.count
  for (const bucket of buckets.slice(1)) {
    const { count, upper } = bucket
    const isRounding =
      Math.abs(count - previous) / (Math.abs(count) + Math.abs(previous)) < smallShare
    if (count < previous && !isRounding) {
      const differenceMax = Math.max(repair?.differenceMax ?? 0, previous - count)
      repair = { bucketFrom: repair?.bucketFrom ?? upper, bucketTo: upper, differenceMax }
    }
    if (count < previous || isRounding) bucket.count = previous
    else previous = count
  }
  return repair
}

/** A classic histogram as one with custom bounds; `undefined` without an infinite bucket. */
function toHistogram(found: readonly ClassicBucket[]): Histogram | undefined {
  if (found[found.length - 1]!.upper !== Infinity) return undefined
  const buckets = joinEqualBounds(found)
  return {
    schema: customBoundsSchema,
    count: buckets[buckets.length - 1]!.count,
    sum: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: {
      index: buckets.map((_, index) => index),
      count: buckets.map(({ count }, index) => count - (buckets[index - 1]?.count ?? 0)),
    },
    negative: noBuckets,
    customBounds: buckets.slice(0, -1).map((bucket) => bucket.upper),
    resetHint: 'unknown',
  }
}
