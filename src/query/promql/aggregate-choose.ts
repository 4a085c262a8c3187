/**
 * Aggregations that choose among the series instead of combining them: topk, bottomk, limitk,
 * limit_ratio. The result's rows are the input's rows with the cells that were not chosen emptied.
 */

import type { Labels } from '../../model/labels.ts'
import { noteIgnored } from './aggregate.ts'
import { Block, isAbsent, isFloat } from './block.ts'
import { type Context, executionError } from './context.ts'
import { groupRows } from './group.ts'
import { formatNumber } from './literal.ts'
import type { AggregateNode } from './tree.ts'

const countLimit = 2 ** 63

/** Evaluates a choosing aggregation; `parameter` has one number per step. */
export function chooseRows(
  node: AggregateNode,
  input: Block,
  parts: { context: Context; parameter: Float64Array },
): Block {
  checkParameter(node, parts)
  const { groupOf, labels } = groupRows(input, node)
  const rows: number[][] = labels.map(() => [])
  for (let row = 0; row < input.rowCount; row++) rows[groupOf[row]!]!.push(row)
  const isRanked = node.operator === 'topk' || node.operator === 'bottomk'
  if (isRanked) noteIgnored(node, input, parts.context)
  parts.context.countSamples(input.rowCount * input.stepCount)
  const chosen = new Uint8Array(input.rowCount * input.stepCount)
  const order: number[] = []
  for (const group of rows) {
    for (let step = 0; step < input.stepCount; step++) {
      const limit = parts.parameter[step]!
      const taken =
        node.operator === 'limit_ratio'
          ? chooseByRatio(group, input, { step, ratio: limit })
          : chooseByCount(node, input, { group, step, count: Math.trunc(limit) })
      for (const row of taken) chosen[row * input.stepCount + step] = 1
      if (input.stepCount === 1) order.push(...taken)
    }
  }
  const shownRows = input.stepCount === 1 ? order : [...groupOf.keys()]
  const block = new Block(input.stepCount, shownRows.length)
  for (const row of shownRows) {
    const base = block.addRow(input.labels[row]!, input.isNameDropped[row]!)
    const from = row * input.stepCount
    for (let step = 0; step < input.stepCount; step++) {
      if (chosen[from + step] === 1) block.copyCell(base + step, input, from + step)
    }
    block.dropEmptyLastRow()
  }
  return block
}

function checkParameter(
  node: AggregateNode,
  parts: { context: Context; parameter: Float64Array },
): void {
  const span = node.parameter!.span
  for (const value of parts.parameter) {
    if (node.operator === 'limit_ratio') {
      if (Number.isNaN(value)) throw executionError('Ratio value is NaN')
      if (value < -1 || value > 1)
        parts.context.annotations.badRatio(span, value, value < 0 ? -1 : 1)
    } else {
      if (Number.isNaN(value)) throw executionError('Parameter value is NaN')
      const shown = formatNumber(value)
      if (value <= -countLimit) throw executionError(`Scalar value ${shown} underflows int64`)
      if (value >= countLimit) throw executionError(`Scalar value ${shown} overflows int64`)
    }
  }
}

function chooseByCount(
  node: AggregateNode,
  input: Block,
  parts: { group: number[]; step: number; count: number },
): number[] {
  const { group, step, count } = parts
  if (count < 1) return []
  const cellOf = (row: number): number => row * input.stepCount + step
  if (node.operator === 'limitk')
    return group.filter((row) => input.presence[cellOf(row)] !== isAbsent).slice(0, count)
  const present = group.filter((row) => input.presence[cellOf(row)] === isFloat)
  const sign = node.operator === 'topk' ? -1 : 1
  const rankOf = (row: number): number => {
    const value = input.value[cellOf(row)]!
    return Number.isNaN(value) ? Infinity : sign * value
  }
  const isNan = (row: number): boolean => Number.isNaN(input.value[cellOf(row)]!)
  const compare = (a: number, b: number): number =>
    Number(isNan(a)) - Number(isNan(b)) || rankOf(a) - rankOf(b) || 0
  if (count > smallCount || present.length <= smallCount)
    return present.sort(compare).slice(0, count)
  return chooseFew(present, count, compare)
}

/** Up to this many are chosen by insertion, which beats sorting everything at each step. */
const smallCount = 32

function chooseFew(
  rows: readonly number[],
  count: number,
  compare: (a: number, b: number) => number,
): number[] {
  const best: number[] = []
  for (const row of rows) {
    if (best.length === count && compare(row, best[count - 1]!) >= 0) continue
    let place = best.length < count ? best.length : count - 1
    while (place > 0 && compare(row, best[place - 1]!) < 0) {
      best[place] = best[place - 1]!
      place--
    }
    best[place] = row
  }
  return best
}

/** A ratio takes the series whose hash lies below it; a negative one takes the others. */
function chooseByRatio(
  group: number[],
  input: Block,
  parts: { step: number; ratio: number },
): number[] {
  const ratio = Math.max(-1, Math.min(1, parts.ratio))
  return group.filter((row) => {
    if (input.presence[row * input.stepCount + parts.step] === isAbsent) return false
    const place = placeOf(input.labels[row]!)
    return ratio >= 0 ? place < ratio : place >= 1 + ratio
  })
}

const places = new WeakMap<Labels, number>()

/** A label set's fixed place in [0, 1). */
function placeOf(labels: Labels): number {
  let place = places.get(labels)
  if (place === undefined) {
    place = Number.parseInt(labels.fingerprint().slice(3), 16) / 2 ** 52
    places.set(labels, place)
  }
  return place
}
