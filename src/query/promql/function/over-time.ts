/**
 * The `*_over_time` family: one number (or histogram) of all samples in a window. Sums and means are
 * compensated (Neumaier); variance is Welford's with compensation, as upstream.
 * Source: prometheus promql/functions.go (Apache-2.0), behaviour re-implemented.
 */

import type { Histogram } from '../../../model/histogram.ts'
import { isFloat } from '../block.ts'
import { meanOf, sumOf } from '../histogram/arithmetic.ts'
import { quantileOf } from '../quantile.ts'
import type { SampleValue } from '../sample-math.ts'
import {
  type FloatRun,
  floatsOnly,
  type RangeCall,
  type RangeFunction,
  type Window,
} from './window.ts'

type Floats = RangeFunction['floats']

function plain(floats: Floats): RangeFunction {
  return { keepsName: false, floats, mixed: floatsOnly(floats) }
}

function whole(
  floats: Floats,
  mixed: (window: Window) => SampleValue | undefined,
  keepsName = false,
): RangeFunction {
  return { keepsName, floats, mixed }
}

/** The functions of this family by name. */
export const overTimeFunctions: Record<string, RangeFunction> = {
  sum_over_time: { keepsName: false, floats: sumFloats, mixed: sumMixed },
  avg_over_time: { keepsName: false, floats: averageFloats, mixed: averageMixed },
  min_over_time: plain((run) => extremeFloats(run, false)),
  max_over_time: plain((run) => extremeFloats(run, true)),
  stddev_over_time: plain((run) => varianceFloats(run, true)),
  stdvar_over_time: plain((run) => varianceFloats(run, false)),
  quantile_over_time: plain(quantileFloats),
  mad_over_time: plain(madFloats),
  ts_of_min_over_time: plain((run) => timeOfExtreme(run, false)),
  ts_of_max_over_time: plain((run) => timeOfExtreme(run, true)),
  count_over_time: whole(countFloats, (window) => window.samples.length),
  present_over_time: whole(presentFloats, () => 1),
  last_over_time: whole(
    (run) => pickFloats(run, { isLast: true, isTime: false }),
    (window) => window.samples[window.samples.length - 1]!.value,
    true,
  ),
  first_over_time: whole(
    (run) => pickFloats(run, { isLast: false, isTime: false }),
    (window) => window.samples[0]!.value,
    true,
  ),
  ts_of_last_over_time: whole(
    (run) => pickFloats(run, { isLast: true, isTime: true }),
    (window) => window.samples[window.samples.length - 1]!.timeMs / 1000,
  ),
  ts_of_first_over_time: whole(
    (run) => pickFloats(run, { isLast: false, isTime: true }),
    (window) => window.samples[0]!.timeMs / 1000,
  ),
}

function sumFloats(run: FloatRun): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    let sum = 0
    let error = 0
    for (let index = from; index < to; index++) {
      const next = value[index]!
      const total = sum + next
      if (total === Infinity || total === -Infinity) error = 0
      else if (Math.abs(sum) >= Math.abs(next)) error += sum - total + next
      else error += next - total + sum
      sum = total
    }
    out[base + step] = sum + error
    presence[base + step] = isFloat
  }
}

function averageFloats(run: FloatRun): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    let sum = value[from]!
    let error = 0
    let index = from + 1
    for (; index < to; index++) {
      const next = value[index]!
      const total = sum + next
      if (total === Infinity || total === -Infinity) break
      if (Math.abs(sum) >= Math.abs(next)) error += sum - total + next
      else error += next - total + sum
      sum = total
    }
    const count = to - from
    const mean =
      index === to
        ? sum / count + error / count
        : averageOnward(value, { from, index, to }, { sum, error })
    out[base + step] = mean
    presence[base + step] = isFloat
  }
}

/** Carries a mean along from where a plain sum would overflow. */
function averageOnward(
  value: Float64Array,
  at: { from: number; index: number; to: number },
  start: { sum: number; error: number },
): number {
  let mean = start.sum / (at.index - at.from)
  let error = start.error / (at.index - at.from)
  for (let index = at.index; index < at.to; index++) {
    const count = index - at.from + 1
    const weight = (count - 1) / count
    const before = weight * mean
    const next = value[index]! / count
    mean = before + next
    error *= weight
    if (Math.abs(mean) === Infinity) error = 0
    else if (Math.abs(before) >= Math.abs(next)) error += before - mean + next
    else error += next - mean + before
  }
  return mean + error
}

function onlyHistograms(window: Window, call: RangeCall): Histogram[] | undefined {
  const histograms: Histogram[] = []
  for (const { value } of window.samples) if (typeof value !== 'number') histograms.push(value)
  if (histograms.length === window.samples.length) return histograms
  call.context.annotations.mixedFloatsHistograms(call.span, window.metric)
  return undefined
}

function sumMixed(window: Window, call: RangeCall): SampleValue | undefined {
  const histograms = onlyHistograms(window, call)
  if (histograms === undefined) return undefined
  const sum = sumOf(histograms)
  if (sum === undefined) {
    call.context.annotations.mixedSchemas(call.span, window.metric)
    return undefined
  }
  noteSum(sum, call)
  return sum.finish()
}

function averageMixed(window: Window, call: RangeCall): SampleValue | undefined {
  const histograms = onlyHistograms(window, call)
  if (histograms === undefined) return undefined
  const answer = meanOf(histograms)
  if (answer === undefined) {
    call.context.annotations.mixedSchemas(call.span, window.metric)
    return undefined
  }
  noteSum(answer.sum, call)
  return answer.mean
}

function noteSum(sum: { isReconciled: boolean; hasResetConflict: boolean }, call: RangeCall): void {
  const { annotations } = call.context
  if (sum.hasResetConflict) annotations.conflictingResets(call.span, 'aggregation')
  if (sum.isReconciled) annotations.boundsReconciled(call.span, 'aggregation')
}

/** Windows of at least this many samples that share most of them with the next are slid over. */
const slideFromCount = 8

function extremeFloats(run: FloatRun, isMax: boolean): void {
  const { low, high, fromStep } = run
  const lastStep = run.toStep - 1
  const windowCount = Math.max(high[fromStep]! - low[fromStep]!, high[lastStep]! - low[lastStep]!)
  const advance = (high[lastStep]! - high[fromStep]!) / Math.max(1, lastStep - fromStep)
  if (windowCount >= slideFromCount && windowCount > 2 * advance) slideExtremes(run, isMax)
  else scanExtremes(run, isMax)
}

function scanExtremes(run: FloatRun, isMax: boolean): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const to = high[step]!
    let index = low[step]!
    if (index >= to) continue
    let held = value[index]!
    for (index++; index < to; index++) {
      const next = value[index]!
      if ((isMax ? next > held : next < held) || Number.isNaN(held)) held = next
    }
    out[base + step] = held
    presence[base + step] = isFloat
  }
}

/**
 * Windows that overlap much: a queue of the samples that may still be the extreme of a later window, best
 * first, so that each sample is looked at once however long the windows are. NaN never enters.
 */
function slideExtremes(run: FloatRun, isMax: boolean): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  const queue = new Int32Array(high[toStep - 1]! - low[fromStep]!)
  let first = 0
  let end = 0
  let index = low[fromStep]!
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    for (index = Math.max(index, from); index < to; index++) {
      const next = value[index]!
      if (Number.isNaN(next)) continue
      while (end > first) {
        const back = value[queue[end - 1]!]!
        if (isMax ? back >= next : back <= next) break
        end--
      }
      queue[end++] = index
    }
    while (first < end && queue[first]! < from) first++
    out[base + step] = first < end ? value[queue[first]!]! : Number.NaN
    presence[base + step] = isFloat
  }
}

function timeOfExtreme(run: FloatRun, isMax: boolean): void {
  const { timeMs, value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    let best = from
    for (let index = from + 1; index < to; index++) {
      const next = value[index]!
      const held = value[best]!
      if ((isMax ? next >= held : next <= held) || Number.isNaN(held)) best = index
    }
    out[base + step] = timeMs[best]! / 1000
    presence[base + step] = isFloat
  }
}

function varianceFloats(run: FloatRun, isDeviation: boolean): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    const variance = varianceOf(value, from, to)
    out[base + step] = isDeviation ? Math.sqrt(variance) : variance
    presence[base + step] = isFloat
  }
}

function varianceOf(value: Float64Array, from: number, to: number): number {
  let mean = 0
  let meanError = 0
  let squares = 0
  let squaresError = 0
  for (let index = from; index < to; index++) {
    const sample = value[index]!
    const delta = sample - (mean + meanError)
    const part = delta / (index - from + 1)
    const nextMean = mean + part
    if (Math.abs(nextMean) === Infinity) meanError = 0
    else if (Math.abs(mean) >= Math.abs(part)) meanError += mean - nextMean + part
    else meanError += part - nextMean + mean
    mean = nextMean
    const square = delta * (sample - (mean + meanError))
    const nextSquares = squares + square
    if (Math.abs(nextSquares) === Infinity) squaresError = 0
    else if (Math.abs(squares) >= Math.abs(square)) squaresError += squares - nextSquares + square
    else squaresError += square - nextSquares + squares
    squares = nextSquares
  }
  return (squares + squaresError) / (to - from)
}

function quantileFloats(run: FloatRun, call: RangeCall): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  const ratios = call.scalars[0]!
  let held = new Float64Array(64)
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const count = high[step]! - from
    if (count <= 0) continue
    if (held.length < count) held = new Float64Array(count * 2)
    held.set(value.subarray(from, from + count))
    out[base + step] = quantileOf(ratios[step]!, held, count)
    presence[base + step] = isFloat
  }
}

/** Median of the distances from the median. */
function madFloats(run: FloatRun): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const count = high[step]! - from
    if (count <= 0) continue
    const held = value.slice(from, from + count)
    const hasNan = held.some((sample) => Number.isNaN(sample))
    const median = quantileOf(0.5, held, count)
    for (let index = 0; index < count; index++) held[index] = Math.abs(held[index]! - median)
    out[base + step] = hasNan ? Number.NaN : quantileOf(0.5, held, count)
    presence[base + step] = isFloat
  }
}

function countFloats(run: FloatRun): void {
  const { ordinal, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    out[base + step] = ordinal === undefined ? to - from : ordinal[to - 1]! - ordinal[from]! + 1
    presence[base + step] = isFloat
  }
}

function presentFloats(run: FloatRun): void {
  const { low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    if (high[step]! <= low[step]!) continue
    out[base + step] = 1
    presence[base + step] = isFloat
  }
}

function pickFloats(run: FloatRun, what: { isLast: boolean; isTime: boolean }): void {
  const { timeMs, value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    if (high[step]! <= low[step]!) continue
    const index = what.isLast ? high[step]! - 1 : low[step]!
    out[base + step] = what.isTime ? timeMs[index]! / 1000 : value[index]!
    presence[base + step] = isFloat
  }
}
