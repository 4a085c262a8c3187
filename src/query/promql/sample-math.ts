/**
 * Arithmetic on samples that are floats or native histograms, both of the same kind. Results are
 * `undefined` when exponential and custom buckets meet.
 */

import type { Histogram } from '../../model/histogram.ts'
import { HistogramSum, isReset, scale } from './histogram/arithmetic.ts'

/** A float or a native histogram. */
export type SampleValue = number | Histogram

/** What an addition or subtraction found on its way. */
export interface MathNotes {
  isReconciled: boolean
}

/** `a + b` */
export function addSamples(
  a: SampleValue,
  b: SampleValue,
  notes?: MathNotes,
): SampleValue | undefined {
  return combine(a, b, { factor: 1, notes })
}

/** `a - b` */
export function subtractSamples(
  a: SampleValue,
  b: SampleValue,
  notes?: MathNotes,
): SampleValue | undefined {
  return combine(a, b, { factor: -1, notes })
}

function combine(
  a: SampleValue,
  b: SampleValue,
  parts: { factor: 1 | -1; notes: MathNotes | undefined },
): SampleValue | undefined {
  if (typeof a === 'number' || typeof b === 'number')
    return typeof a === typeof b ? (a as number) + parts.factor * (b as number) : undefined
  const sum = new HistogramSum(a)
  if (!sum.add(b, parts.factor)) return undefined
  if (parts.notes !== undefined && sum.isReconciled) parts.notes.isReconciled = true
  return sum.finish()
}

/** `a · factor` */
export function scaleSample(a: SampleValue, factor: number): SampleValue {
  return typeof a === 'number' ? a * factor : scale(a, factor)
}

/** The point at `share` (0..1) of the line from `a` to `b`. */
export function lineBetween(
  a: SampleValue,
  b: SampleValue,
  share: number,
): SampleValue | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a + (b - a) * share
  const climb = subtractSamples(b, a)
  return climb === undefined ? undefined : addSamples(a, scaleSample(climb, share))
}

/** Whether a counter went back between two samples. */
export function isSampleReset(current: SampleValue, previous: SampleValue): boolean {
  if (typeof current === 'number' || typeof previous === 'number')
    return typeof current !== typeof previous || current < previous
  return isReset(current, previous)
}

/** The magnitude that tells how far a counter is from zero: the float, or the histogram's count. */
export function magnitudeOf(value: SampleValue): number {
  return typeof value === 'number' ? value : value.count
}
