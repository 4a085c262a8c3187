/**
 * rate, increase and delta over `anchored` and `smoothed` ranges, and the samples that changes and
 * resets see there. Anchored: the last sample at or before the left edge stands for the edge.
 * Smoothed: both edges are interpolated from the samples around them. No extrapolation in either.
 * Source: prometheus promql/functions.go extendedRate (Apache-2.0), behaviour re-implemented.
 */

import { hasCustomBounds } from '../histogram/bucket.ts'
import {
  addSamples,
  isSampleReset,
  lineBetween,
  type SampleValue,
  scaleSample,
  subtractSamples,
} from '../sample-math.ts'
import type { RangeCall, Window, WindowSample } from './window.ts'

/** The samples from the anchor on: the last one at or before the left edge, then those up to the right. */
export function anchoredSamples(window: Window): WindowSample[] {
  const { samples, leftTimeMs, rightTimeMs } = window
  let first = 0
  while (first + 1 < samples.length && samples[first + 1]!.timeMs <= leftTimeMs) first++
  const kept = samples.slice(first).filter((sample) => sample.timeMs <= rightTimeMs)
  const last = kept[kept.length - 1]
  return last === undefined || last.timeMs <= leftTimeMs ? [] : kept
}

/** One window of rate, increase or delta. */
export function extendedRate(
  window: Window,
  call: RangeCall,
  kind: { isCounter: boolean; isRate: boolean },
): SampleValue | undefined {
  const samples = call.mode === 'anchored' ? anchoredSamples(window) : smoothedSamples(window)
  if (samples.length === 0 || !isUniform(samples, { window, call, kind })) return undefined
  const edges = findEdges(samples, window, { isSmoothed: call.mode === 'smoothed', ...kind })
  if (edges === undefined) return undefined
  let change = subtractSamples(edges.right.value, edges.left.value)
  if (kind.isCounter) {
    const between = samples
      .filter((sample) => sample.timeMs > window.leftTimeMs && sample.timeMs <= window.rightTimeMs)
      .map((sample) => sample.value)
    // An edge on a line across a reset has the reset behind it already; only values tell from there.
    if (edges.left.isInterpolated && between.length > 0) between[0] = withoutHint(between[0]!)
    if (edges.right.isInterpolated) between.push(withoutHint(edges.right.value))
    let previous = edges.left.value
    for (const current of between) {
      if (isSampleReset(current, previous) && change !== undefined)
        change = addSamples(change, previous)
      previous = current
    }
  }
  if (change === undefined) return undefined
  if (typeof change !== 'number') change = { ...change, resetHint: 'gauge' }
  return kind.isRate ? scaleSample(change, 1000 / call.rangeMs) : change
}

/** Samples that a smoothed window needs: one before the left edge, those inside, one behind the right. */
function smoothedSamples(window: Window): WindowSample[] {
  const { samples, leftTimeMs, rightTimeMs } = window
  let first = 0
  while (first + 1 < samples.length && samples[first + 1]!.timeMs <= leftTimeMs) first++
  let last = first
  while (last + 1 < samples.length && samples[last]!.timeMs < rightTimeMs) last++
  const kept = samples.slice(first, last + 1)
  const isOutside = kept[0]!.timeMs > rightTimeMs || kept[kept.length - 1]!.timeMs <= leftTimeMs
  return isOutside ? [] : kept
}

interface Edge {
  value: SampleValue
  isInterpolated: boolean
}

function findEdges(
  samples: readonly WindowSample[],
  window: Window,
  kind: { isSmoothed: boolean; isCounter: boolean },
): { left: Edge; right: Edge } | undefined {
  const first = samples[0]!
  const last = samples[samples.length - 1]!
  const { leftTimeMs, rightTimeMs } = window
  const canInterpolate = kind.isSmoothed && samples.length > 1
  const isLeft = canInterpolate && first.timeMs < leftTimeMs
  const isRight = canInterpolate && last.timeMs > rightTimeMs
  const left = isLeft
    ? interpolate(first, samples[1]!, { timeMs: leftTimeMs, edge: 'left', ...kind })
    : first.value
  // Both edges on one line must agree about where a reset lies on it.
  const edge = isLeft && samples.length === 2 ? 'left' : 'right'
  const right = isRight
    ? interpolate(samples[samples.length - 2]!, last, { timeMs: rightTimeMs, edge, ...kind })
    : last.value
  if (left === undefined || right === undefined) return undefined
  return {
    left: { value: left, isInterpolated: isLeft },
    right: { value: right, isInterpolated: isRight },
  }
}

function withoutHint(value: SampleValue): SampleValue {
  return typeof value === 'number' ? value : { ...value, resetHint: 'unknown' }
}

/** On a reset a counter is taken to start from zero (left edge) or to go on climbing (right edge). */
function interpolate(
  from: WindowSample,
  to: WindowSample,
  at: { timeMs: number; edge: 'left' | 'right'; isCounter: boolean },
): SampleValue | undefined {
  const share = (at.timeMs - from.timeMs) / (to.timeMs - from.timeMs)
  if (!at.isCounter || !isSampleReset(to.value, from.value))
    return lineBetween(from.value, to.value, share)
  if (at.edge === 'left') return scaleSample(to.value, share)
  return addSamples(from.value, scaleSample(to.value, share))
}

function isUniform(
  samples: readonly WindowSample[],
  parts: { window: Window; call: RangeCall; kind: { isCounter: boolean } },
): boolean {
  const { window, call, kind } = parts
  const { annotations } = call.context
  const first = samples[0]!.value
  if (samples.some((sample) => typeof sample.value !== typeof first)) {
    annotations.mixedFloatsHistograms(call.span, window.metric)
    return false
  }
  if (typeof first === 'number') return true
  const histograms = samples
    .map((sample) => sample.value)
    .filter((value) => typeof value !== 'number')
  if (histograms.some((value) => hasCustomBounds(value) !== hasCustomBounds(first))) {
    annotations.mixedSchemas(call.span, window.metric)
    return false
  }
  if (kind.isCounter && histograms.some((value) => value.resetHint === 'gauge'))
    annotations.notCounterHistogram(call.span, window.metric)
  const last = histograms[histograms.length - 1]!
  if (!kind.isCounter && (first.resetHint !== 'gauge' || last.resetHint !== 'gauge'))
    annotations.notGaugeHistogram(call.span, window.metric)
  return true
}
