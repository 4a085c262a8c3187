/**
 * Windows of samples over the steps of a range function. The common case, series of plain floats, is
 * one loop per series over flat arrays with the window's bounds computed beforehand; windows that
 * hold histograms or start timestamps, and the extended selectors, go through small arrays of samples.
 */

import type { Histogram } from '../../../model/histogram.ts'
import { Block, type Grid, isAbsent, isHistogram, type RangeSeries } from '../block.ts'
import type { Context, Work } from '../context.ts'
import { firstAfter, rowsPerRest } from '../look.ts'
import type { SampleValue } from '../sample-math.ts'
import type { CallNode, Span } from '../tree.ts'

/** One call of a range function. */
export interface RangeCall {
  node: CallNode
  /** The range argument's place, for annotations. */
  span: Span
  context: Context
  /** The evaluation's own steps. */
  grid: Grid
  /** The right edges of the windows: the steps, shifted by `offset` and `@`. */
  edges: Grid
  rangeMs: number
  mode: 'plain' | 'anchored' | 'smoothed'
  /** Scalar arguments, one number per step. */
  scalars: Float64Array[]
}

/** A run of windows over one series of floats: window of step s is rows [low[s], high[s]). */
export interface FloatRun {
  timeMs: Float64Array
  value: Float64Array
  low: Int32Array
  high: Int32Array
  fromStep: number
  toStep: number
  /** Which of the stored samples each row is, where some were left out: to count them. */
  ordinal?: Float64Array | undefined
  /** No value is less than the one before. */
  isRising?: boolean | undefined
  /** Where the results go: cell `base + step`. */
  out: Float64Array
  presence: Uint8Array
  base: number
}

/** One sample of a mixed window. */
export interface WindowSample {
  timeMs: number
  value: SampleValue
  /** 0 when unknown. */
  startTimeMs: number
  /** The sample before that it was compared with last, and whether there was a reset: windows overlap. */
  comparedTo?: WindowSample | undefined
  isReset?: boolean
}

/** One window in the general form. */
export interface Window {
  samples: WindowSample[]
  metric: string
  step: number
  leftTimeMs: number
  rightTimeMs: number
}

/** How a range function is evaluated. */
export interface RangeFunction {
  keepsName: boolean
  /** All windows of a series without histograms. */
  floats: (run: FloatRun, call: RangeCall) => void
  /** One window with histograms in it; `undefined` for no result. */
  mixed: (window: Window, call: RangeCall) => SampleValue | undefined
  /** It is meant for counters, which have names that end in a certain way. */
  isOfCounters?: boolean
  /** Start timestamps matter to it. */
  usesStart?: boolean
  /** Windows of `anchored` and `smoothed` selectors; others are refused. */
  extended?: (window: Window, call: RangeCall) => SampleValue | undefined
}

/** Evaluates a range function over all series. */
export function* evaluateWindows(
  definition: RangeFunction,
  series: readonly RangeSeries[],
  call: RangeCall,
): Work<Block> {
  call.context.countSamples(series.length * call.grid.stepCount)
  const rows = new WindowRows(definition, call)
  rows.expect(series.length)
  for (let index = 0; index < series.length; index++) {
    if (index % rowsPerRest === rowsPerRest - 1) yield
    rows.add(series[index]!)
  }
  return rows.block
}

/** Makes a row of each series of a range function's argument. */
export class WindowRows {
  readonly #definition: RangeFunction
  readonly #call: RangeCall
  readonly #low: Int32Array
  readonly #high: Int32Array
  #notedName = ''
  block: Block

  constructor(definition: RangeFunction, call: RangeCall) {
    const { stepCount } = call.grid
    this.#definition = definition
    this.#call = call
    this.#low = new Int32Array(stepCount)
    this.#high = new Int32Array(stepCount)
    this.block = new Block(stepCount, 0)
  }

  /** Makes room for so many series. */
  expect(seriesCount: number): void {
    this.block = new Block(this.block.stepCount, seriesCount)
  }

  add(series: RangeSeries): void {
    const { block } = this
    const call = this.#call
    const definition = this.#definition
    const low = this.#low
    const high = this.#high
    const { context } = call
    const base = block.addRow(series.labels, series.isNameDropped || !definition.keepsName)
    findBounds(series, call, { low, high })
    if (series.histogram === undefined) context.profile?.countWindows(low, high, series.ordinal)
    else context.profile?.countMixedWindows(low, high, series)
    const run: FloatRun = {
      timeMs: series.timeMs,
      value: series.value,
      ordinal: series.ordinal,
      isRising: series.isRising,
      low,
      high,
      fromStep: 0,
      toStep: block.stepCount,
      out: block.value,
      presence: block.presence,
      base,
    }
    const hasStart = definition.usesStart === true && series.startTimeMs !== undefined
    if (call.mode === 'plain' && series.histogram === undefined && !hasStart)
      definition.floats(run, call)
    else evaluateMixed(definition, series, { call, run, block, hasStart })
    block.dropEmptyLastRow()
    if (definition.isOfCounters === true && block.rowCount * block.stepCount > base) {
      this.#noteName(series.labels.get('__name__'), base)
    }
  }

  /** A rate of something that does not look like a counter is worth an info. */
  #noteName(name: string, base: number): void {
    if (name === this.#notedName || name === '') return
    const { block } = this
    const cells = block.presence.subarray(base, base + block.stepCount)
    if (block.histogram !== undefined && cells.includes(isHistogram)) return
    this.#notedName = name
    if (/_(total|sum|count|bucket)$/.test(name)) return
    this.#call.context.annotations.perhapsNoCounter(this.#call.span, name)
  }
}

/** Left-open windows: low is the first sample later than the left edge, high the first later than the right. */
function findBounds(
  series: RangeSeries,
  call: RangeCall,
  out: { low: Int32Array; high: Int32Array },
): void {
  const { startTimeMs, stepMs, stepCount } = call.edges
  const { low, high } = out
  const beforeMs = call.rangeMs + (call.mode === 'plain' ? 0 : call.context.times.lookbackMs)
  const afterMs = call.mode === 'smoothed' ? call.context.times.lookbackMs : 0
  findEdges(series, { startTimeMs, stepMs, stepCount, shiftMs: afterMs }, high)
  // Where windows are whole steps long, each begins where one some steps before it ended.
  const lengthSteps = (beforeMs + afterMs) / stepMs
  const isEven =
    Number.isInteger(lengthSteps) && Number.isInteger(startTimeMs) && Number.isInteger(stepMs)
  const ownCount = isEven ? Math.min(lengthSteps, stepCount) : stepCount
  findEdges(series, { startTimeMs, stepMs, stepCount: ownCount, shiftMs: -beforeMs }, low)
  if (ownCount < stepCount) low.set(high.subarray(0, stepCount - ownCount), ownCount)
}

/** For each edge the first row later than it. */
function findEdges(series: RangeSeries, edges: Grid & { shiftMs: number }, out: Int32Array): void {
  const { timeMs, count, evenMs } = series
  const { startTimeMs, stepMs, stepCount, shiftMs } = edges
  if (evenMs !== undefined && stepMs % evenMs === 0 && Number.isInteger(startTimeMs)) {
    findEvenEdges(startTimeMs + shiftMs - timeMs[0]!, { evenMs, count, ...edges }, out)
    return
  }
  let at = firstAfter(timeMs, count, startTimeMs + shiftMs)
  let stride = 0
  for (let step = 0; step < stepCount; step++) {
    const edge = startTimeMs + step * stepMs + shiftMs
    // Samples come evenly as a rule: the edge moves over as many as it did before.
    let next = at + stride
    if (next > count || next === at || timeMs[next - 1]! > edge) next = at
    while (next < count && timeMs[next]! <= edge) next++
    stride = next - at
    at = next
    out[step] = at
  }
}

/** The same for rows of one distance and steps that are multiples of it; the first edge is told from the first row on. */
function findEvenEdges(
  firstMs: number,
  rows: { evenMs: number; count: number; stepMs: number; stepCount: number },
  out: Int32Array,
): void {
  const { evenMs, count, stepMs, stepCount } = rows
  const stride = stepMs / evenMs
  let at = Math.floor(firstMs / evenMs) + 1
  for (let step = 0; step < stepCount; step++) {
    out[step] = Math.max(0, Math.min(at, count))
    at += stride
  }
}

function evaluateMixed(
  definition: RangeFunction,
  series: RangeSeries,
  parts: { call: RangeCall; run: FloatRun; block: Block; hasStart: boolean },
): void {
  const { call, run, block } = parts
  const { edges } = call
  const evaluate = call.mode === 'plain' ? definition.mixed : definition.extended!
  const metric = series.labels.get('__name__')
  const made: (WindowSample | undefined)[] = []
  const sampleAt = (index: number): WindowSample => {
    const value = series.histogram?.[index] ?? series.value[index]!
    const startTimeMs = series.startTimeMs?.[index] ?? 0
    const timeMs = series.timeMs[index]!
    return { timeMs, value, startTimeMs, comparedTo: undefined, isReset: false }
  }
  for (let step = 0; step < edges.stepCount; step++) {
    const from = run.low[step]!
    const to = run.high[step]!
    if (from >= to) continue
    const isGeneral =
      parts.hasStart || call.mode !== 'plain' || hasHistogram(series.histogram, from, to)
    if (!isGeneral) {
      definition.floats({ ...run, fromStep: step, toStep: step + 1 }, call)
      continue
    }
    const rightTimeMs = edges.startTimeMs + step * edges.stepMs
    const samples: WindowSample[] = []
    for (let index = from; index < to; index++) {
      made[index] ??= sampleAt(index)
      samples.push(made[index]!)
    }
    const leftTimeMs = rightTimeMs - call.rangeMs
    const answer = evaluate({ samples, metric, step, leftTimeMs, rightTimeMs }, call)
    if (answer === undefined) continue
    if (typeof answer === 'number') block.setFloat(run.base + step, answer)
    else block.setHistogram(run.base + step, answer)
  }
}

function hasHistogram(
  histogram: (Histogram | undefined)[] | undefined,
  from: number,
  to: number,
): boolean {
  if (histogram === undefined) return false
  for (let index = from; index < to; index++) if (histogram[index] !== undefined) return true
  return false
}

/** For functions that ignore histograms: the floats of a mixed window alone, with an info when both are there. */
export function floatsOnly(floats: RangeFunction['floats']): RangeFunction['mixed'] {
  return (window, call) => {
    const kept = window.samples.filter((sample) => typeof sample.value === 'number')
    if (kept.length === 0) return undefined
    if (kept.length < window.samples.length)
      call.context.annotations.ignoredInRange(call.span, window.metric)
    return evaluateOne(floats, { ...window, samples: kept }, call)
  }
}

/** Runs a loop over floats on one window. */
export function evaluateOne(
  floats: RangeFunction['floats'],
  window: Window,
  call: RangeCall,
): number | undefined {
  const { step, samples } = window
  const low = new Int32Array(step + 1)
  const high = new Int32Array(step + 1).fill(samples.length)
  const out = new Float64Array(step + 1)
  const presence = new Uint8Array(step + 1)
  floats(
    {
      timeMs: Float64Array.from(samples, (sample) => sample.timeMs),
      value: Float64Array.from(samples, (sample) => sample.value as number),
      low,
      high,
      fromStep: step,
      toStep: step + 1,
      out,
      presence,
      base: 0,
    },
    call,
  )
  return presence[step] === isAbsent ? undefined : out[step]!
}
