/**
 * `selector smoothed`: the value on the straight line between the samples around each step, as far
 * as the lookback reaches on both sides; behind the last sample its value holds.
 * Source: prometheus promql/engine.go smoothSeries (Apache-2.0), behaviour re-implemented.
 */

import type { SeriesColumns } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import type { Block } from './block.ts'
import type { Context } from './context.ts'
import { hasCustomBounds } from './histogram/bucket.ts'
import { firstAfter, type LookBounds } from './look.ts'
import { lineBetween } from './sample-math.ts'
import type { SelectorNode } from './tree.ts'

/** Fills one row with smoothed values. */
export function smoothSelector(
  columns: SeriesColumns,
  bounds: LookBounds,
  out: { block: Block; base: number; context: Context; node: SelectorNode },
): void {
  const { timeMs, count } = columns
  const { startTimeMs, stepMs, stepCount } = bounds.grid
  const bits = bitsOf(columns.value)
  const valueAt = (index: number): number | Histogram | undefined => {
    if (index < 0 || index >= count) return undefined
    const histogram = columns.histogram?.[index]
    return histogram ?? (isStaleAt(bits, index) ? undefined : columns.value[index]!)
  }
  for (let step = 0; step < stepCount; step++) {
    const target = startTimeMs + step * stepMs
    const next = firstAfter(timeMs, count, target)
    const before =
      next > 0 && timeMs[next - 1]! > target - bounds.lookbackMs ? valueAt(next - 1) : undefined
    if (before === undefined) continue
    const isExact = timeMs[next - 1] === target
    const isNear = next < count && timeMs[next]! <= target + bounds.lookbackMs
    const after = isExact || !isNear ? undefined : valueAt(next)
    const value =
      after === undefined ? before : blend(before, after, { columns, next, target, out })
    if (value === undefined) continue
    if (typeof value === 'number') out.block.setFloat(out.base + step, value)
    else out.block.setHistogram(out.base + step, value)
  }
}

function blend(
  before: number | Histogram,
  after: number | Histogram,
  at: {
    columns: SeriesColumns
    next: number
    target: number
    out: { context: Context; node: SelectorNode }
  },
): number | Histogram | undefined {
  const { columns, next, target, out } = at
  const metric = columns.labels.get('__name__')
  const { annotations } = out.context
  if (typeof before !== typeof after) {
    annotations.mixedFloatsHistograms(out.node.span, metric)
    return undefined
  }
  const isMixed =
    typeof before === 'object' &&
    typeof after === 'object' &&
    hasCustomBounds(before) !== hasCustomBounds(after)
  if (isMixed) {
    annotations.mixedSchemas(out.node.span, metric)
    return undefined
  }
  const { timeMs } = columns
  const share = (target - timeMs[next - 1]!) / (timeMs[next]! - timeMs[next - 1]!)
  return lineBetween(before, after, share)
}
