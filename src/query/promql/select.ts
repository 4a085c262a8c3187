/**
 * From stored samples to selector values. An instant selector takes at each step the last sample in
 * (t - lookback, t] unless that is a stale marker; a range selector takes all samples but markers.
 */

import type { SeriesColumns } from '../../model/flow.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { Block, type Grid, isFloat, type RangeSeries } from './block.ts'
import type { Context, Work } from './context.ts'
import { firstAfter, type LookBounds, rowsPerRest } from './look.ts'
import { shiftGrid } from './plan.ts'
import { countSelected } from './profile.ts'
import { smoothSelector } from './smooth.ts'
import type { SelectorNode } from './tree.ts'

/** The value of an instant selector; `as` may ask for each sample's own time, or its start time, in seconds instead. */
export function* selectVector(
  node: SelectorNode,
  grid: Grid,
  parts: { context: Context; as: 'value' | 'time' | 'start-time' },
): Work<Block> {
  const { context } = parts
  const series = context.data.get(node) ?? []
  context.countSamples(series.length * grid.stepCount)
  const rows = new VectorRows(node, grid, parts)
  rows.expect(series.length)
  for (let index = 0; index < series.length; index++) {
    if (index % rowsPerRest === rowsPerRest - 1) yield
    rows.add(series[index]!)
  }
  if (context.profile !== undefined) countSelected(context.profile, rows.block, grid)
  return rows.block
}

/** Makes a row of each series of an instant selector. */
export class VectorRows {
  readonly #node: SelectorNode
  readonly #bounds: LookBounds
  readonly #context: Context
  readonly #as: 'value' | 'time' | 'start-time'
  block: Block

  constructor(
    node: SelectorNode,
    grid: Grid,
    parts: { context: Context; as: 'value' | 'time' | 'start-time' },
  ) {
    const { context, as } = parts
    this.#node = node
    this.#context = context
    this.#as = as
    const { times } = context
    this.#bounds = { grid: shiftGrid(node, grid, times), lookbackMs: times.lookbackMs }
    this.block = new Block(grid.stepCount, 0)
  }

  /** Makes room for so many series. */
  expect(seriesCount: number): void {
    this.block = new Block(this.block.stepCount, seriesCount)
  }

  add(columns: SeriesColumns): void {
    const { block } = this
    const bounds = this.#bounds
    const context = this.#context
    const node = this.#node
    const as = this.#as
    const base = block.addRow(columns.labels, as !== 'value')
    if (node.mode === 'smoothed') smoothSelector(columns, bounds, { block, base, context, node })
    else if (columns.histogram === undefined && as === 'value') {
      pickFloats(columns, bounds, { value: block.value, presence: block.presence, base })
    } else pickAny(columns, bounds, { block, base, as })
    block.dropEmptyLastRow()
  }
}

function pickFloats(
  columns: SeriesColumns,
  bounds: LookBounds,
  out: { value: Float64Array; presence: Uint8Array; base: number },
): void {
  const { timeMs, value, count } = columns
  const { startTimeMs, stepMs, stepCount } = bounds.grid
  const { value: outValue, presence, base } = out
  const lookbackMs = bounds.lookbackMs
  const bits = bitsOf(value)
  let index = firstAfter(timeMs, count, startTimeMs) - 1
  for (let step = 0; step < stepCount; step++) {
    const target = startTimeMs + step * stepMs
    while (index + 1 < count && timeMs[index + 1]! <= target) index++
    if (index < 0 || timeMs[index]! <= target - lookbackMs) continue
    const found = value[index]!
    if (Number.isNaN(found) && isStaleAt(bits, index)) continue
    outValue[base + step] = found
    presence[base + step] = isFloat
  }
}

function pickAny(
  columns: SeriesColumns,
  bounds: LookBounds,
  out: { block: Block; base: number; as: 'value' | 'time' | 'start-time' },
): void {
  const { timeMs, value, count, histogram } = columns
  const { startTimeMs, stepMs, stepCount } = bounds.grid
  const bits = bitsOf(value)
  let index = firstAfter(timeMs, count, startTimeMs) - 1
  for (let step = 0; step < stepCount; step++) {
    const target = startTimeMs + step * stepMs
    while (index + 1 < count && timeMs[index + 1]! <= target) index++
    if (index < 0 || timeMs[index]! <= target - bounds.lookbackMs) continue
    const found = histogram?.[index]
    if (found === undefined && isStaleAt(bits, index)) continue
    const cell = out.base + step
    if (out.as === 'time') out.block.setFloat(cell, timeMs[index]! / 1000)
    else if (out.as === 'start-time')
      out.block.setFloat(cell, (columns.startTimeMs?.[index] ?? 0) / 1000)
    else if (found !== undefined) out.block.setHistogram(cell, found)
    else out.block.setFloat(cell, value[index]!)
  }
}

/** The series of a range selector, free of stale markers. */
export function selectRanges(node: SelectorNode, context: Context): RangeSeries[] {
  return (context.data.get(node) ?? []).map(withoutStale)
}

/** A series as range functions see it. */
export function withoutStale(columns: SeriesColumns): RangeSeries {
  const { labels, count, timeMs, value, histogram, startTimeMs, ordinal, isRising } = columns
  const rest = { histogram, startTimeMs, ordinal, isRising }
  const series = { labels, isNameDropped: false, count, timeMs, value, ...rest }
  // Where samples were left out, the markers were first.
  if (ordinal !== undefined) return series
  if (columns.isEachNumber === true) return { ...series, evenMs: columns.evenMs }
  const bits = bitsOf(value)
  let staleCount = 0
  for (let index = 0; index < count; index++) {
    if (!Number.isNaN(value[index]!)) continue
    if (isStaleAt(bits, index) && histogram?.[index] === undefined) staleCount++
  }
  if (staleCount === 0) return series
  const kept: RangeSeries = {
    ...series,
    count: count - staleCount,
    timeMs: new Float64Array(count - staleCount),
    value: new Float64Array(count - staleCount),
    histogram: histogram === undefined ? undefined : [],
    startTimeMs: startTimeMs === undefined ? undefined : new Float64Array(count - staleCount),
  }
  let row = 0
  for (let index = 0; index < count; index++) {
    const found = histogram?.[index]
    if (found === undefined && isStaleAt(bits, index)) continue
    kept.timeMs[row] = timeMs[index]!
    kept.value[row] = value[index]!
    if (found !== undefined) kept.histogram![row] = found
    if (kept.startTimeMs !== undefined) kept.startTimeMs[row] = startTimeMs![index]!
    row++
  }
  return kept
}
