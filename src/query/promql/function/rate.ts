/**
 * rate, increase, delta, irate, idelta. Rates are extrapolated to the edges of the window as upstream
 * does: by at most half a sample distance when a sample is missing at the edge, never below zero for
 * counters. A start timestamp inside the window takes the place of extrapolation on the left.
 * Source: prometheus promql/functions.go extrapolatedRate, instantValue (Apache-2.0), re-implemented.
 */

import type { Histogram } from '../../../model/histogram.ts'
import { isFloat } from '../block.ts'
import { HistogramSum, isReset } from '../histogram/arithmetic.ts'
import { hasCustomBounds, noBuckets } from '../histogram/bucket.ts'
import {
  isSampleReset,
  magnitudeOf,
  type SampleValue,
  scaleSample,
  subtractSamples,
} from '../sample-math.ts'
import { extendedRate } from './extended.ts'
import type { FloatRun, RangeCall, RangeFunction, Window, WindowSample } from './window.ts'

interface Kind {
  isCounter: boolean
  isRate: boolean
}

function rateFunction(kind: Kind): RangeFunction {
  return {
    keepsName: false,
    floats: (run, call) => rateFloats(run, call, kind),
    mixed: (window, call) => rateMixed(window, call, kind),
    isOfCounters: kind.isCounter,
    usesStart: kind.isCounter,
    extended: (window, call) => extendedRate(window, call, kind),
  }
}

function instantFunction(isRate: boolean): RangeFunction {
  return {
    keepsName: false,
    floats: (run) => instantFloats(run, isRate),
    mixed: (window, call) => instantMixed(window, call, isRate),
    usesStart: isRate,
  }
}

/** The functions of this family by name. */
export const rateFunctions: Record<string, RangeFunction> = {
  rate: rateFunction({ isCounter: true, isRate: true }),
  increase: rateFunction({ isCounter: true, isRate: false }),
  delta: rateFunction({ isCounter: false, isRate: false }),
  irate: instantFunction(true),
  idelta: instantFunction(false),
}

/** Whether a float counter's values ever fall; most never do, and then no window needs to look. */
function everFalls(value: Float64Array, from: number, to: number): boolean {
  for (let index = from + 1; index < to; index++) {
    if (value[index]! < value[index - 1]!) return true
  }
  return false
}

function rateFloats(run: FloatRun, call: RangeCall, kind: Kind): void {
  const { timeMs, value, ordinal, low, high, fromStep, toStep, out, presence, base } = run
  const { edges, rangeMs } = call
  const divisor = kind.isRate ? rangeMs / 1000 : 1
  const { isCounter } = kind
  const canFall =
    isCounter && run.isRising !== true && everFalls(value, low[fromStep]!, high[toStep - 1]!)
  // Scrapes come evenly: a window mostly has the shape of the one before, for which all divisions are done.
  let spanMs = Number.NaN
  let startGapMs = 0
  let endGapMs = 0
  let gapCount = 0
  let sampled = 0
  let toStart = 0
  let toEnd = 0
  let factor = 0
  for (let step = fromStep; step < toStep; step++) {
    const from = low[step]!
    const last = high[step]! - 1
    if (last <= from) continue
    const first = value[from]!
    let change = value[last]! - first
    if (canFall) {
      for (let index = from + 1; index <= last; index++) {
        if (value[index]! < value[index - 1]!) change += value[index - 1]!
      }
    }
    const right = edges.startTimeMs + step * edges.stepMs
    const ownSpanMs = timeMs[last]! - timeMs[from]!
    const ownStartGapMs = timeMs[from]! - (right - rangeMs)
    const ownEndGapMs = right - timeMs[last]!
    const ownGapCount = ordinal === undefined ? last - from : ordinal[last]! - ordinal[from]!
    if (
      ownSpanMs !== spanMs ||
      ownStartGapMs !== startGapMs ||
      ownEndGapMs !== endGapMs ||
      ownGapCount !== gapCount
    ) {
      spanMs = ownSpanMs
      startGapMs = ownStartGapMs
      endGapMs = ownEndGapMs
      gapCount = ownGapCount
      sampled = spanMs / 1000
      const distance = sampled / gapCount
      toStart = startGapMs / 1000
      toEnd = endGapMs / 1000
      if (toStart >= distance * 1.1) toStart = distance / 2
      if (toEnd >= distance * 1.1) toEnd = distance / 2
      factor = (sampled + toStart + toEnd) / sampled / divisor
    }
    presence[base + step] = isFloat
    // A counter that grew by less than it had was not at zero within the window's own length before.
    if (isCounter && change > 0 && first >= 0 && !(first >= change && toStart <= sampled)) {
      const toZero = sampled * (first / change)
      if (toZero < toStart) {
        out[base + step] = change * ((sampled + toZero + toEnd) / sampled / divisor)
        continue
      }
    }
    out[base + step] = change * factor
  }
}

/** The general form: histograms, mixes, start timestamps. */
function rateMixed(window: Window, call: RangeCall, kind: Kind): SampleValue | undefined {
  const { samples, metric, leftTimeMs, rightTimeMs } = window
  const first = samples[0]!
  const last = samples[samples.length - 1]!
  if (hasMixedTypes(samples)) {
    call.context.annotations.mixedFloatsHistograms(call.span, metric)
    return undefined
  }
  if (kind.isCounter) warnOverlap(window, call)
  const start = first.startTimeMs
  const hasZero = kind.isCounter && start > leftTimeMs && start !== 0 && start < first.timeMs
  if (samples.length < 2 && !hasZero) return undefined
  const points = hasZero
    ? [{ timeMs: start, value: zeroLike(first.value), startTimeMs: 0 }, ...samples]
    : samples
  const change =
    typeof first.value === 'number'
      ? changeOfFloats(points, kind.isCounter, hasZero)
      : changeOfHistograms(points, { metric, call, isCounter: kind.isCounter, hasZero })
  if (change === undefined) return undefined
  const distance =
    samples.length > 1 ? (last.timeMs - first.timeMs) / 1000 / (samples.length - 1) : 0
  const sampled = (last.timeMs - points[0]!.timeMs) / 1000
  let toStart = hasZero ? 0 : (first.timeMs - leftTimeMs) / 1000
  if (toStart >= distance * 1.1) toStart = distance / 2
  const origin = magnitudeOf(first.value)
  const growth = magnitudeOf(change)
  if (kind.isCounter && growth > 0 && origin >= 0)
    toStart = Math.min(toStart, sampled * (origin / growth))
  let toEnd = (rightTimeMs - last.timeMs) / 1000
  if (toEnd >= distance * 1.1) toEnd = distance / 2
  const factor = (sampled + toStart + toEnd) / sampled
  return scaleSample(change, kind.isRate ? factor / (call.rangeMs / 1000) : factor)
}

function hasMixedTypes(samples: readonly WindowSample[]): boolean {
  return samples.some((sample) => typeof sample.value !== typeof samples[0]!.value)
}

function zeroLike(value: SampleValue): SampleValue {
  if (typeof value === 'number') return 0
  const nothing = { count: 0, sum: 0, zeroCount: 0, positive: noBuckets, negative: noBuckets }
  return { ...value, ...nothing, resetHint: 'unknown' }
}

/**
 * A reset between two samples, by value or by start timestamps. A start equal to the previous
 * sample's time means a delta, unless the previous sample had no (valid) start of its own.
 */
export function isResetBetween(current: WindowSample, previous: WindowSample): boolean {
  if (current.comparedTo !== previous) {
    current.isReset = compareSamples(current, previous)
    current.comparedTo = previous
  }
  return current.isReset!
}

function compareSamples(current: WindowSample, previous: WindowSample): boolean {
  if (isSampleReset(current.value, previous.value)) return true
  const start = current.startTimeMs
  if (start === 0 || start >= current.timeMs) return false
  if (start > previous.timeMs) return true
  const before = previous.startTimeMs
  return start === previous.timeMs && before !== 0 && before < previous.timeMs
}

function warnOverlap(window: Window, call: RangeCall): void {
  for (let index = 1; index < window.samples.length; index++) {
    const { startTimeMs } = window.samples[index]!
    const previous = window.samples[index - 1]!
    const isOverlap = startTimeMs < previous.timeMs && startTimeMs !== previous.startTimeMs
    if (startTimeMs !== 0 && isOverlap)
      call.context.annotations.overlappingStarts(call.span, window.metric)
  }
}

function changeOfFloats(
  points: readonly WindowSample[],
  isCounter: boolean,
  hasZero: boolean,
): number {
  let change = (points[points.length - 1]!.value as number) - (points[0]!.value as number)
  if (!isCounter) return change
  for (let index = hasZero ? 2 : 1; index < points.length; index++) {
    if (isResetBetween(points[index]!, points[index - 1]!))
      change += points[index - 1]!.value as number
  }
  return change
}

function changeOfHistograms(
  points: readonly WindowSample[],
  parts: { metric: string; call: RangeCall; isCounter: boolean; hasZero: boolean },
): Histogram | undefined {
  const { metric, call, isCounter } = parts
  const { annotations } = call.context
  const values = points.map((point) => point.value as Histogram)
  const last = values[values.length - 1]!
  if (isCounter && values.some((value) => value.resetHint === 'gauge'))
    annotations.notCounterHistogram(call.span, metric)
  if (!isCounter && (values[0]!.resetHint !== 'gauge' || last.resetHint !== 'gauge'))
    annotations.notGaugeHistogram(call.span, metric)
  // A first sample before a reset does not count, whatever its buckets look like.
  const isFirstReset = isCounter && values.length > 1 && isResetBetween(points[1]!, points[0]!)
  if (isFirstReset) values[0] = zeroLike(values[1]!) as Histogram
  const isCustom = hasCustomBounds(values[0]!)
  const looked = isCounter ? values : [last]
  if (looked.some((value) => hasCustomBounds(value) !== isCustom)) {
    annotations.mixedSchemas(call.span, metric)
    return undefined
  }
  const sum = new HistogramSum(last)
  sum.add(values[0]!, -1)
  const isSubtractionReconciled = sum.isReconciled
  sum.isReconciled = false
  if (isCounter) {
    for (let index = 1; index < values.length; index++) {
      const isFirst = index === 1
      // Behind a first sample that does not count there may be one more.
      const hasReset = isFirst
        ? isFirstReset && isReset(values[1]!, values[0]!)
        : isResetBetween(points[index]!, points[index - 1]!)
      if (hasReset) sum.add(values[index - 1]!)
      else if (values[index]!.schema < values[0]!.schema)
        sum.add(zeroLike(values[index]!) as Histogram)
    }
  }
  if (isSubtractionReconciled) annotations.boundsReconciled(call.span, 'subtraction')
  if (sum.isReconciled) annotations.boundsReconciled(call.span, 'addition')
  return { ...sum.finish(), resetHint: 'gauge' }
}

function instantFloats(run: FloatRun, isRate: boolean): void {
  const { timeMs, value, low, high, fromStep, toStep, out, presence, base } = run
  for (let step = fromStep; step < toStep; step++) {
    const last = high[step]! - 1
    if (last <= low[step]!) continue
    const spanMs = timeMs[last]! - timeMs[last - 1]!
    if (spanMs === 0) continue
    const current = value[last]!
    const previous = value[last - 1]!
    const change = isRate && current < previous ? current : current - previous
    out[base + step] = isRate ? change / (spanMs / 1000) : change
    presence[base + step] = isFloat
  }
}

function instantMixed(window: Window, call: RangeCall, isRate: boolean): SampleValue | undefined {
  const [previous, current] = window.samples.slice(-2)
  if (previous === undefined || current === undefined) return undefined
  const { annotations } = call.context
  if (typeof previous.value !== typeof current.value) {
    annotations.mixedFloatsHistograms(call.span, window.metric)
    return undefined
  }
  if (typeof previous.value === 'object' && typeof current.value === 'object') {
    const gaugeCount = [previous.value, current.value].filter(
      (value) => value.resetHint === 'gauge',
    ).length
    if (isRate && gaugeCount > 0) annotations.notCounterHistogram(call.span, window.metric)
    if (!isRate && gaugeCount < 2) annotations.notGaugeHistogram(call.span, window.metric)
  }
  const spanMs = current.timeMs - previous.timeMs
  if (spanMs === 0) return undefined
  const notes = { isReconciled: false }
  const hasReset = isRate && isResetBetween(current, previous)
  const change = hasReset ? current.value : subtractSamples(current.value, previous.value, notes)
  if (change === undefined) {
    annotations.mixedSchemas(call.span, window.metric)
    return undefined
  }
  if (notes.isReconciled) annotations.boundsReconciled(call.span, 'subtraction')
  const result = isRate ? scaleSample(change, 1000 / spanMs) : change
  return typeof result === 'number' ? result : { ...result, resetHint: 'gauge' }
}
