/** From an evaluated expression to what callers get: names dropped, equal label sets joined, rows ordered. */

import type { Histogram } from '../../model/histogram.ts'
import { compareLabels, type Labels } from '../../model/labels.ts'
import {
  Block,
  type Grid,
  isAbsent,
  isHistogram,
  type RangeSeries,
  timeOf,
  type Value,
} from './block.ts'
import { type Context, executionError } from './context.ts'
import { withoutName } from './label-set.ts'
import { firstAfter } from './look.ts'
import { rangeMsOf, shiftGrid } from './plan.ts'
import { type Expression, withoutParens } from './tree.ts'

/** One series of a matrix: `count` points; `histogram` holds native histograms by row where there are any. */
export interface QuerySeries {
  labels: Labels
  count: number
  timeMs: Float64Array
  value: Float64Array
  histogram?: (Histogram | undefined)[]
}

/** One element of a vector; `value` is NaN where `histogram` is given. */
export interface QueryElement {
  labels: Labels
  value: number
  histogram?: Histogram
}

/** A query's result. */
export type QueryValue =
  | { type: 'scalar'; timeMs: number; value: number }
  | { type: 'string'; timeMs: number; value: string }
  | { type: 'vector'; timeMs: number; elements: QueryElement[] }
  | { type: 'matrix'; series: QuerySeries[] }

/** The result of an instant query. */
export function toInstant(value: Value, root: Expression, context: Context): QueryValue {
  const timeMs = context.times.startTimeMs
  switch (value.type) {
    case 'scalar':
      return { type: 'scalar', timeMs, value: value.value[0]! }
    case 'string':
      return { type: 'string', timeMs, value: value.value }
    case 'matrix':
      return { type: 'matrix', series: cutWindows(value.series, root, context) }
    case 'vector': {
      const block = dropNames(value.block)
      const elements: QueryElement[] = []
      for (let row = 0; row < block.rowCount; row++) {
        const labels = block.labels[row]!
        const kind = block.presence[row]
        if (kind === isHistogram)
          elements.push({ labels, value: Number.NaN, histogram: block.histogram![row]! })
        else if (kind !== isAbsent) elements.push({ labels, value: block.value[row]! })
      }
      return { type: 'vector', timeMs, elements }
    }
  }
}

/** The result of a range query: always a matrix, ordered by labels. */
export function toMatrix(value: Value, grid: Grid, bareLabels: Labels): QueryValue {
  if (value.type === 'scalar') {
    const timeMs = Float64Array.from(value.value, (_, step) => timeOf(grid, step))
    const series = { labels: bareLabels, count: grid.stepCount, timeMs, value: value.value }
    return { type: 'matrix', series: [series] }
  }
  if (value.type !== 'vector') throw new Error(`BUG: a range query of type ${value.type}`)
  const block = dropNames(value.block)
  const series: QuerySeries[] = []
  const allTimes = Float64Array.from({ length: grid.stepCount }, (_, step) => timeOf(grid, step))
  for (let row = 0; row < block.rowCount; row++) {
    const one = rowToSeries(block, row, allTimes)
    if (one.count > 0) series.push(one)
  }
  series.sort((a, b) => compareLabels(a.labels, b.labels))
  return { type: 'matrix', series }
}

function rowToSeries(block: Block, row: number, allTimes: Float64Array): QuerySeries {
  const { stepCount } = block
  const base = row * stepCount
  const labels = block.labels[row]!
  const presence = block.presence.subarray(base, base + stepCount)
  const values = block.value.subarray(base, base + stepCount)
  if (!presence.includes(isAbsent) && !presence.includes(isHistogram))
    return { labels, count: stepCount, timeMs: allTimes, value: values }
  const timeMs = new Float64Array(stepCount)
  const value = new Float64Array(stepCount)
  const histogram: (Histogram | undefined)[] = []
  let count = 0
  for (let step = 0; step < stepCount; step++) {
    if (presence[step] === isAbsent) continue
    timeMs[count] = allTimes[step]!
    value[count] = values[step]!
    if (presence[step] === isHistogram) histogram[count] = block.histogram![base + step]
    count++
  }
  return { labels, count, timeMs, value, ...(histogram.length > 0 ? { histogram } : {}) }
}

/** Removes names that operators dropped; rows that become alike are joined when they never meet. */
function dropNames(block: Block): Block {
  if (!block.isNameDropped.includes(true)) return joinAlike(block, block.labels)
  const labels = block.labels.map((one, row) => (block.isNameDropped[row] ? withoutName(one) : one))
  return joinAlike(block, labels)
}

function joinAlike(block: Block, labels: readonly Labels[]): Block {
  const { stepCount } = block
  const first = new Map<string, number>()
  let hasTwins = false
  labels.forEach((one, row) => {
    if (first.has(one.key)) hasTwins = true
    else first.set(one.key, row)
  })
  const joined = new Block(stepCount, hasTwins ? first.size : 0)
  if (!hasTwins) {
    for (const one of labels) joined.labels.push(one)
    joined.value = block.value
    joined.presence = block.presence
    joined.histogram = block.histogram
    return joined
  }
  const bases = new Map<string, number>()
  labels.forEach((one, row) => {
    const base = bases.get(one.key) ?? joined.addRow(one, false)
    bases.set(one.key, base)
    for (let step = 0; step < stepCount; step++) {
      const from = row * stepCount + step
      if (block.presence[from] === isAbsent) continue
      if (joined.presence[base + step] !== isAbsent)
        throw executionError('vector cannot contain metrics with the same labelset')
      joined.copyCell(base + step, block, from)
    }
  })
  return joined
}

/** The windows of a range selector or subquery that an instant query asked for. */
function cutWindows(
  series: readonly RangeSeries[],
  root: Expression,
  context: Context,
): QuerySeries[] {
  const node = withoutParens(root)
  if (node.kind !== 'matrix' && node.kind !== 'subquery') throw new Error('BUG: no range to cut')
  const grid = { startTimeMs: context.times.startTimeMs, stepMs: 0, stepCount: 1 }
  const shift = node.kind === 'matrix' ? node.selector : node
  const right = shiftGrid(shift, grid, context.times).startTimeMs
  const left = right - rangeMsOf(node.range, context.times)
  const cut: QuerySeries[] = []
  for (const one of series) {
    const from = firstAfter(one.timeMs, one.count, left)
    const to = firstAfter(one.timeMs, one.count, right)
    if (from >= to) continue
    const labels = one.isNameDropped ? withoutName(one.labels) : one.labels
    const histogram = one.histogram?.slice(from, to)
    const hasHistograms = histogram?.some((found) => found !== undefined) === true
    cut.push({
      labels,
      count: to - from,
      timeMs: one.timeMs.slice(from, to),
      value: one.value.slice(from, to),
      ...(hasHistograms ? { histogram } : {}),
    })
  }
  return cut.sort((a, b) => compareLabels(a.labels, b.labels))
}
