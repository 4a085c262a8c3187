/**
 * Windows of samples over the steps of a range function. The common case, series of plain floats, is
 * one loop per series over flat arrays with the window's bounds computed beforehand; windows that
 * hold histograms or start timestamps, and the extended selectors, go through small arrays of samples.
 */

import type { Histogram } from '../../../model/histogram.ts'
import { Block, type Grid, isAbsent, type RangeSeries } from '../block.ts'
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
  const { grid, context } = call
  context.countSamples(series.length * grid.stepCount)
  const block = new Block(grid.stepCount, series.length)
  const low = new Int32Array(grid.stepCount)
  const high = new Int32Array(grid.stepCount)
  for (let index = 0; index < series.length; index++) {
    if (index % rowsPerRest === rowsPerRest - 1) yield
    const one = series[index]!
    const base = block.addRow(one.labels, one.isNameDropped || !definition.keepsName)
    findBounds(one, call, { low, high })
    if (one.histogram === undefined) context.profile?.countWindows(low, high, one.ordinal)
    else context.profile?.countMixedWindows(low, high, one)
    const run: FloatRun = {
      timeMs: one.timeMs,
      value: one.value,
      ordinal: one.ordinal,
      low,
      high,
      fromStep: 0,
      toStep: grid.stepCount,
      out: block.value,
      presence: block.presence,
      base,
    }
    const hasStart = definition.usesStart === true && one.startTimeMs !== undefined
    if (call.mode === 'plain' && one.histogram === undefined && !hasStart)
      definition.floats(run, call)
    else evaluateMixed(definition, one, { call, run, block, hasStart })
    block.dropEmptyLastRow()
  }
  return block
}

/** Left-open windows: low is the first sample later than the left edge, high the first later than the right. */
function findBounds(
  series: RangeSeries,
  call: RangeCall,
  out: { low: Int32Array; high: Int32Array },
): void {
  const { timeMs, count } = series
  const { startTimeMs, stepMs, stepCount } = call.edges
  const { low, high } = out
  const beforeMs = call.rangeMs + (call.mode === 'plain' ? 0 : call.context.times.lookbackMs)
  const afterMs = call.mode === 'smoothed' ? call.context.times.lookbackMs : 0
  let left = firstAfter(timeMs, count, startTimeMs - beforeMs)
  let right = firstAfter(timeMs, count, startTimeMs + afterMs)
  let leftStride = 0
  let rightStride = 0
  for (let step = 0; step < stepCount; step++) {
    const leftEdge = startTimeMs + step * stepMs - beforeMs
    const rightEdge = startTimeMs + step * stepMs + afterMs
    // Samples come evenly as a rule: the edge moves over as many as it did before.
    let next = left + leftStride
    if (next > count || next === left || timeMs[next - 1]! > leftEdge) next = left
    while (next < count && timeMs[next]! <= leftEdge) next++
    leftStride = next - left
    left = next
    next = right + rightStride
    if (next > count || next === right || timeMs[next - 1]! > rightEdge) next = right
    while (next < count && timeMs[next]! <= rightEdge) next++
    rightStride = next - right
    right = next
    low[step] = left
    high[step] = right
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
