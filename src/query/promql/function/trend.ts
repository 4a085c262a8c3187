/**
 * changes, resets, deriv, predict_linear, double_exponential_smoothing: how a series moves.
 * Source: prometheus promql/functions.go (Apache-2.0), behaviour re-implemented.
 */

import { isFloat } from '../block.ts'
import { executionError } from '../context.ts'
import { isSameHistogram } from '../histogram/arithmetic.ts'
import type { SampleValue } from '../sample-math.ts'
import { anchoredSamples } from './extended.ts'
import { isResetBetween } from './rate.ts'
import {
  evaluateOne,
  type FloatRun,
  floatsOnly,
  type RangeCall,
  type RangeFunction,
  type Window,
  type WindowSample,
} from './window.ts'

/** The functions of this family by name. */
export const trendFunctions: Record<string, RangeFunction> = {
  changes: counting(countChanges, isChange, false),
  resets: counting(countResets, isResetBetween, true),
  deriv: regression(derivFloats),
  predict_linear: regression(predictFloats),
  double_exponential_smoothing: regression(smoothFloats),
}

type Differs = (current: WindowSample, previous: WindowSample) => boolean

function counting(
  floats: RangeFunction['floats'],
  differs: Differs,
  usesStart: boolean,
): RangeFunction {
  const count = (samples: readonly WindowSample[]): number => {
    let found = 0
    for (let index = 1; index < samples.length; index++) {
      if (differs(samples[index]!, samples[index - 1]!)) found++
    }
    return found
  }
  return {
    keepsName: false,
    floats,
    mixed: (window) => count(window.samples),
    usesStart,
    extended: (window) => {
      const samples = anchoredSamples(window)
      return samples.length === 0 ? undefined : count(samples)
    },
  }
}

function isChange(current: WindowSample, previous: WindowSample): boolean {
  return isDifferent(current.value, previous.value)
}

function isDifferent(a: SampleValue, b: SampleValue): boolean {
  if (typeof a === 'number' || typeof b === 'number')
    return typeof a !== typeof b || (a !== b && !(Number.isNaN(a) && Number.isNaN(b)))
  return !isSameHistogram(a, b)
}

function countChanges(run: FloatRun): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    let count = 0
    for (let index = from + 1; index < to; index++) {
      const a = value[index]!
      const b = value[index - 1]!
      if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) count++
    }
    out[base + step] = count
    presence[base + step] = isFloat
  }
}

function countResets(run: FloatRun): void {
  const { value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const to = high[step]!
    if (from >= to) continue
    let count = 0
    for (let index = from + 1; index < to; index++) if (value[index]! < value[index - 1]!) count++
    out[base + step] = count
    presence[base + step] = isFloat
  }
}

/** These need two floats; one float beside histograms is worth an info. */
function regression(floats: RangeFunction['floats']): RangeFunction {
  const onFloats = floatsOnly(floats)
  return {
    keepsName: false,
    floats,
    mixed: (window: Window, call: RangeCall) => {
      if (window.samples.every((sample) => typeof sample.value === 'number'))
        return evaluateOne(floats, window, call)
      return onFloats(window, call)
    },
  }
}

/** Slope and intercept of the line fitted last; one object, so that windows do not allocate. */
const line = { slope: 0, intercept: 0 }

/**
 * Least squares over rows [from, to), time counted from `originMs`, into `line`; sums compensated
 * (Neumaier). All four sums are finite or poisoned together, so overflow needs no case of its own.
 */
function fitLine(run: FloatRun, rows: { from: number; to: number }, originMs: number): void {
  const { timeMs, value } = run
  const { from, to } = rows
  const first = value[from]!
  let isConstant = true
  let x = 0
  let xError = 0
  let y = 0
  let yError = 0
  let xy = 0
  let xyError = 0
  let xx = 0
  let xxError = 0
  for (let index = from; index < to; index++) {
    const nextX = (timeMs[index]! - originMs) / 1000
    const nextY = value[index]!
    if (nextY !== first) isConstant = false
    let total = x + nextX
    xError += Math.abs(x) >= Math.abs(nextX) ? x - total + nextX : nextX - total + x
    x = total
    total = y + nextY
    yError += Math.abs(y) >= Math.abs(nextY) ? y - total + nextY : nextY - total + y
    y = total
    const nextXy = nextX * nextY
    total = xy + nextXy
    xyError += Math.abs(xy) >= Math.abs(nextXy) ? xy - total + nextXy : nextXy - total + xy
    xy = total
    const nextXx = nextX * nextX
    total = xx + nextXx
    xxError += Math.abs(xx) >= Math.abs(nextXx) ? xx - total + nextXx : nextXx - total + xx
    xx = total
  }
  if (isConstant) {
    const isInfinite = Math.abs(first) === Infinity
    line.slope = isInfinite ? Number.NaN : 0
    line.intercept = isInfinite ? Number.NaN : first
    return
  }
  const n = to - from
  const sumX = x + xError
  const sumY = y + yError
  line.slope = (xy + xyError - (sumX * sumY) / n) / (xx + xxError - (sumX * sumX) / n)
  line.intercept = sumY / n - (line.slope * sumX) / n
}

function derivFloats(run: FloatRun): void {
  for (let step = run.fromStep; step < run.toStep; step++) {
    const from = run.low[step]!
    const to = run.high[step]!
    if (to - from < 2) continue
    fitLine(run, { from, to }, run.timeMs[from]!)
    run.out[run.base + step] = line.slope
    run.presence[run.base + step] = isFloat
  }
}

function predictFloats(run: FloatRun, call: RangeCall): void {
  const { startTimeMs, stepMs } = call.grid
  const ahead = call.scalars[0]!
  for (let step = run.fromStep; step < run.toStep; step++) {
    const from = run.low[step]!
    const to = run.high[step]!
    if (to - from < 2) continue
    fitLine(run, { from, to }, startTimeMs + step * stepMs)
    run.out[run.base + step] = line.slope * ahead[step]! + line.intercept
    run.presence[run.base + step] = isFloat
  }
}

/** Holt's double exponential smoothing. */
function smoothFloats(run: FloatRun, call: RangeCall): void {
  const { value } = run
  for (let step = run.fromStep; step < run.toStep; step++) {
    const levelFactor = call.scalars[0]![step]!
    const trendFactor = call.scalars[1]![step]!
    const from = run.low[step]!
    const to = run.high[step]!
    if (from >= to) continue
    checkFactor('smoothing', levelFactor, 'sf')
    checkFactor('trend', trendFactor, 'tf')
    if (to - from < 2) continue
    let before = 0
    let level = value[from]!
    let trend = value[from + 1]! - value[from]!
    for (let index = from + 1; index < to; index++) {
      if (index > from + 1) trend = trendFactor * (level - before) + (1 - trendFactor) * trend
      const next = levelFactor * value[index]! + (1 - levelFactor) * (level + trend)
      before = level
      level = next
    }
    run.out[run.base + step] = level
    run.presence[run.base + step] = isFloat
  }
}

function checkFactor(name: string, value: number, symbol: string): void {
  if (value > 0 && value < 1) return
  const shown = value.toFixed(6)
  throw executionError(`invalid ${name} factor. Expected: 0 < ${symbol} < 1, got: ${shown}`)
}
