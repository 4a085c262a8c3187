/**
 * What an evaluation cost, gathered only when it is asked for: samples looked at per step as Prometheus
 * counts them (`stats=all`), and for each node of the tree its rows, time and reads (explain).
 * Without a profile in the context the evaluator does none of this.
 */

import type { ReadReport } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import { type Block, type Grid, isAbsent, type Value } from './block.ts'
import type { Expression, SelectorNode } from './tree.ts'

/** Labels of a node's rows that are told. */
const shownLabelsMax = 12
/** Values of one label that are told as examples. */
const shownValuesMax = 5
/** Rows whose labels are counted. */
const countedRowsMax = 20_000

/** What one read from the store was. */
export interface ReadCost extends ReadReport {
  seriesCount: number
  sampleCount: number
  /** Samples that are kept in the span: more than were read where rollups were enough. */
  storedSampleCount: number
  elapsedMs: number
  /** How many selectors of the expression share this read. */
  selectorCount: number
}

/** How many values a label has among the rows of a node. */
export interface LabelCount {
  name: string
  valueCount: number
  /** The values with the most rows first. */
  examples: { value: string; seriesCount: number }[]
}

/** What one node cost, everything below it included. */
export interface NodeCost {
  seriesCount: number
  /** Points of the result, or samples of a range. */
  pointCount: number
  elapsedMs: number
  labels: LabelCount[]
  read: ReadCost | undefined
}

/** One evaluation's costs. */
export class Profile {
  /** Whether nodes are told apart. */
  readonly hasNodes: boolean
  readonly #monotonicMs: () => number
  readonly #nodes = new Map<Expression, NodeCost>()
  readonly #stepSampleCount: Float64Array
  #firstStep = 0
  #restedMs = 0
  #nestedDepth = 0
  /** Samples that selectors looked at, over all steps. */
  queryableSampleCount = 0
  peakSampleCount = 0
  readElapsedMs = 0
  evaluateElapsedMs = 0

  constructor(parts: { hasNodes: boolean; stepCount: number; monotonicMs: () => number }) {
    this.hasNodes = parts.hasNodes
    this.#monotonicMs = parts.monotonicMs
    this.#stepSampleCount = new Float64Array(parts.stepCount)
  }

  /** Samples looked at by step of the query. */
  get stepSampleCounts(): Float64Array {
    return this.#stepSampleCount
  }

  /** Which step of the query the first step of what follows is. */
  beginSlice(firstStep: number): void {
    this.#firstStep = firstStep
  }

  /** Time in which other work went on does not count. */
  rest(elapsedMs: number): void {
    this.#restedMs += elapsedMs
  }

  /** The time by which nodes are measured. */
  workedMs(): number {
    return this.#monotonicMs() - this.#restedMs
  }

  /**
   * Counts samples that a selector looked at for one step. Inside a subquery nothing counts: its points do, in
   * the window around it, as in Prometheus.
   */
  countStep(step: number, count: number): void {
    if (this.#nestedDepth > 0) return
    this.queryableSampleCount += count
    // A subquery that is the whole expression has steps of its own; they count for the only one asked for.
    const at = Math.min(this.#firstStep + step, this.#stepSampleCount.length - 1)
    this.#stepSampleCount[at]! += count
  }

  /** Counts windows of samples, one for each step: rows low ≤ row < high; `ordinal` where some were left out. */
  countWindows(low: Int32Array, high: Int32Array, ordinal: Float64Array | undefined): void {
    if (this.#nestedDepth > 0) return
    const counts = this.#stepSampleCount
    const last = counts.length - 1
    let sum = 0
    for (let step = 0; step < low.length; step++) {
      const from = low[step]!
      const to = high[step]!
      const isWhole = ordinal === undefined || from >= to
      const count = isWhole ? to - from : ordinal[to - 1]! - ordinal[from]! + 1
      sum += count
      counts[Math.min(this.#firstStep + step, last)]! += count
    }
    this.queryableSampleCount += sum
  }

  /** The same for windows that hold histograms. */
  countMixedWindows(low: Int32Array, high: Int32Array, series: MixedRows): void {
    const sums = new Float64Array(series.count + 1)
    for (let row = 0; row < series.count; row++)
      sums[row + 1] = sums[row]! + weightOf(series.histogram?.[row])
    for (let step = 0; step < low.length; step++)
      this.countStep(step, sums[Math.max(low[step]!, high[step]!)]! - sums[low[step]!]!)
  }

  /** Counts all samples of a series for the first step. */
  countAll(series: MixedRows): void {
    let count = series.count
    for (const found of series.histogram ?? [])
      if (found !== undefined) count += weightOf(found) - 1
    this.countStep(0, count)
  }

  /** The inside of a subquery begins (1) or ends (-1). */
  nest(change: 1 | -1): void {
    this.#nestedDepth += change
  }

  /** What was counted for the first step of a slice is true of each: the part does not depend on the step. */
  spreadFirstStep(countBefore: number, stepCount: number): void {
    const count = this.queryableSampleCount - countBefore
    if (count === 0) return
    for (let step = 1; step < stepCount; step++) this.countStep(step, count)
  }

  /** Notes what a selector's read cost. */
  noteRead(node: SelectorNode, read: ReadCost): void {
    const cost = this.#costOf(node)
    if (cost.read === undefined) cost.read = { ...read }
    else {
      cost.read.seriesCount = Math.max(cost.read.seriesCount, read.seriesCount)
      cost.read.sampleCount += read.sampleCount
      cost.read.storedSampleCount += read.storedSampleCount
      cost.read.elapsedMs += read.elapsedMs
      cost.read.memorySampleCount += read.memorySampleCount
      cost.read.cacheSampleCount += read.cacheSampleCount
      cost.read.engineSampleCount += read.engineSampleCount
    }
  }

  /** Notes a node that was evaluated; `begunMs` is `workedMs` from before. */
  leave(node: Expression, value: Value, begunMs: number): void {
    const cost = this.#costOf(node)
    const endMs = this.workedMs()
    cost.elapsedMs += endMs - begunMs
    const { seriesCount, pointCount } = sizeOf(value)
    cost.seriesCount = Math.max(cost.seriesCount, seriesCount)
    cost.pointCount += pointCount
    if (cost.labels.length === 0) cost.labels = countLabels(value)
    // The time of this counting is nobody's.
    this.#restedMs += this.workedMs() - endMs
  }

  /** What a node cost; `undefined` when it was never evaluated by itself. */
  costOf(node: Expression): NodeCost | undefined {
    return this.#nodes.get(node)
  }

  #costOf(node: Expression): NodeCost {
    let cost = this.#nodes.get(node)
    if (cost === undefined) {
      cost = { seriesCount: 0, pointCount: 0, elapsedMs: 0, labels: [], read: undefined }
      this.#nodes.set(node, cost)
    }
    return cost
  }
}

/** Rows of which some may be histograms. */
interface MixedRows {
  count: number
  histogram: (Histogram | undefined)[] | undefined
}

/**
 * How many samples one counts for: a float for one, a histogram for as many as fill its bytes in Prometheus's
 * memory (model/histogram FloatHistogram.Size, promql HPoint.size: facts only).
 */
function weightOf(histogram: Histogram | undefined): number {
  if (histogram === undefined) return 1
  const { positive, negative, customBounds } = histogram
  const spanCount = countSpans(positive.index) + countSpans(negative.index)
  const bucketCount = positive.index.length + negative.index.length
  return Math.floor((168 + 8 * (spanCount + bucketCount + customBounds.length) + 8) / 16)
}

/** Runs of neighbouring buckets. */
function countSpans(index: readonly number[]): number {
  let count = 0
  for (let at = 0; at < index.length; at++) if (index[at - 1] !== index[at]! - 1) count++
  return count
}

function sizeOf(value: Value): { seriesCount: number; pointCount: number } {
  switch (value.type) {
    case 'scalar':
      return { seriesCount: 1, pointCount: value.value.length }
    case 'string':
      return { seriesCount: 1, pointCount: 1 }
    case 'matrix': {
      let pointCount = 0
      for (const one of value.series) pointCount += one.count
      return { seriesCount: value.series.length, pointCount }
    }
    case 'vector': {
      const { presence, rowCount, stepCount } = value.block
      let pointCount = 0
      for (let cell = 0; cell < rowCount * stepCount; cell++)
        if (presence[cell] !== isAbsent) pointCount++
      return { seriesCount: rowCount, pointCount }
    }
  }
}

/** The labels of a value's rows, those with the most values first. */
function countLabels(value: Value): LabelCount[] {
  if (value.type === 'scalar' || value.type === 'string') return []
  const rows =
    value.type === 'vector' ? value.block.labels : value.series.map((series) => series.labels)
  const byName = new Map<string, Map<string, number>>()
  for (let row = 0; row < Math.min(rows.length, countedRowsMax); row++) {
    const { pairs } = rows[row]!
    for (let at = 0; at < pairs.length; at += 2) {
      const values = byName.get(pairs[at]!) ?? new Map<string, number>()
      byName.set(pairs[at]!, values)
      values.set(pairs[at + 1]!, (values.get(pairs[at + 1]!) ?? 0) + 1)
    }
  }
  return [...byName]
    .sort((a, b) => b[1].size - a[1].size || (a[0] < b[0] ? -1 : 1))
    .slice(0, shownLabelsMax)
    .map(([name, values]) => ({
      name,
      valueCount: values.size,
      examples: [...values]
        .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
        .slice(0, shownValuesMax)
        .map(([one, seriesCount]) => ({ value: one, seriesCount })),
    }))
}

/** Counts the present cells of a selector's block step by step. */
export function countSelected(profile: Profile, block: Block, grid: Grid): void {
  const { presence, rowCount, stepCount, histogram } = block
  const counts = new Float64Array(stepCount)
  let cell = 0
  for (let row = 0; row < rowCount; row++)
    for (let step = 0; step < stepCount; step++) if (presence[cell++] !== isAbsent) counts[step]!++
  histogram?.forEach((found, at) => {
    if (found !== undefined && at < cell) counts[at % stepCount]! += weightOf(found) - 1
  })
  for (let step = 0; step < grid.stepCount; step++)
    if (counts[step]! > 0) profile.countStep(step, counts[step]!)
}
