/**
 * Aggregations that make one row per group: sum, avg, min, max, count, group, stddev, stdvar,
 * quantile, count_values. Rows get integer group numbers once; then every operator is one pass over
 * flat arrays. Sums and means are compensated (Kahan, Neumaier) as upstream does.
 * Source: prometheus promql/engine.go aggregation (Apache-2.0), behaviour re-implemented.
 */

import { Block, isAbsent, isFloat, isHistogram } from './block.ts'
import { type Context, executionError, type Work } from './context.ts'
import { aggregateHistograms } from './histogram/aggregate-histogram.ts'
import { formatHistogram } from './histogram/format-histogram.ts'
import { type Fold, type Groups, groupRows } from './group.ts'
import { groupLabels } from './label-set.ts'
import { formatFixed } from './literal.ts'
import { quantileOf } from './quantile.ts'
import { rowsPerRest } from './look.ts'
import type { AggregateNode } from './tree.ts'

/** Evaluates any aggregation that gives one row per group. */
export function* aggregateGroups(
  node: AggregateNode,
  input: Block,
  parts: { context: Context; parameter: Float64Array | undefined },
): Work<Block> {
  const { context, parameter } = parts
  const groups = groupRows(input, node)
  context.countSamples(groups.labels.length * input.stepCount)
  switch (node.operator) {
    case 'quantile':
      return quantileGroups(node, input, { groups, context, parameter: parameter! })
    case 'sum':
    case 'avg': {
      const result = yield* fold(input, groups, node.operator === 'sum' ? addSum : addMean)
      finishMeans(result, node.operator === 'avg')
      if (input.histogram !== undefined)
        aggregateHistograms(node, input, { groups, context, result })
      return toBlock(result, groups)
    }
    case 'min':
    case 'max': {
      noteIgnored(node, input, context)
      return toBlock(yield* fold(input, groups, node.operator === 'min' ? addMin : addMax), groups)
    }
    case 'stddev':
    case 'stdvar': {
      noteIgnored(node, input, context)
      const result = yield* fold(input, groups, addVariance)
      finishVariance(result, node.operator === 'stddev')
      return toBlock(result, groups)
    }
    default: {
      const result = yield* fold(input, groups, addCount)
      if (node.operator === 'group') result.value.fill(1)
      return toBlock(result, groups)
    }
  }
}

type AddRow = (fold: Fold, to: number, input: Block, from: number) => void

function* fold(input: Block, groups: Groups, addRow: AddRow): Work<Fold> {
  const size = groups.labels.length * input.stepCount
  const result: Fold = {
    stepCount: input.stepCount,
    count: new Float64Array(size),
    value: new Float64Array(size),
    a: new Float64Array(size),
    b: new Float64Array(size),
    histogram: undefined,
    isVoid: undefined,
  }
  for (let row = 0; row < input.rowCount; row++) {
    if (row % rowsPerRest === rowsPerRest - 1) yield
    addRow(result, groups.groupOf[row]! * input.stepCount, input, row * input.stepCount)
  }
  return result
}

function toBlock(fold: Fold, groups: Groups): Block {
  const block = new Block(fold.stepCount, 0)
  groups.labels.forEach((labels, group) => {
    block.labels.push(labels)
    block.isNameDropped.push(groups.isNameDropped[group]!)
  })
  block.value = fold.value
  block.presence = new Uint8Array(fold.count.length)
  block.histogram = fold.histogram
  for (let cell = 0; cell < fold.count.length; cell++) {
    if (fold.count[cell]! === 0 || fold.isVoid?.[cell] === 1) continue
    block.presence[cell] = fold.histogram?.[cell] === undefined ? isFloat : isHistogram
  }
  return block
}

function addSum(fold: Fold, to: number, input: Block, from: number): void {
  const { value: sum, a: compensation, count, stepCount } = fold
  const { value, presence } = input
  for (let step = 0; step < stepCount; step++) {
    if (presence[from + step] !== isFloat) continue
    const cell = to + step
    const next = value[from + step]!
    const before = sum[cell]!
    const total = before + next
    if (!Number.isFinite(total)) compensation[cell] = 0
    else if (Math.abs(before) >= Math.abs(next)) compensation[cell]! += before - total + next
    else compensation[cell]! += next - total + before
    sum[cell] = total
    count[cell]!++
  }
}

/** As `addSum`, until the sum would overflow; from there `b` marks a mean that is carried along. */
function addMean(fold: Fold, to: number, input: Block, from: number): void {
  const { value: sum, a: compensation, b: isIncremental, count, stepCount } = fold
  const { value, presence } = input
  for (let step = 0; step < stepCount; step++) {
    if (presence[from + step] !== isFloat) continue
    const cell = to + step
    let next = value[from + step]!
    const n = ++count[cell]!
    if (isIncremental[cell] === 0) {
      const total = sum[cell]! + next
      if (n > 1 && Math.abs(total) === Infinity) {
        isIncremental[cell] = 1
        sum[cell]! /= n - 1
        compensation[cell]! /= n - 1
      }
    }
    if (isIncremental[cell] === 1) {
      const weight = (n - 1) / n
      sum[cell]! *= weight
      compensation[cell]! *= weight
      next /= n
    }
    const before = sum[cell]!
    const total = before + next
    if (Math.abs(total) === Infinity) compensation[cell] = 0
    else if (Math.abs(before) >= Math.abs(next)) compensation[cell]! += before - total + next
    else compensation[cell]! += next - total + before
    sum[cell] = total
  }
}

function finishMeans(fold: Fold, isMean: boolean): void {
  const { value, a: compensation, b: isIncremental, count } = fold
  for (let cell = 0; cell < value.length; cell++) {
    if (isMean && isIncremental[cell] === 0)
      value[cell] = value[cell]! / count[cell]! + compensation[cell]! / count[cell]!
    else value[cell]! += compensation[cell]!
  }
}

function addMin(fold: Fold, to: number, input: Block, from: number): void {
  const { value: least, count, stepCount } = fold
  for (let step = 0; step < stepCount; step++) {
    if (input.presence[from + step] !== isFloat) continue
    const next = input.value[from + step]!
    const before = least[to + step]!
    if (count[to + step]!++ === 0 || next < before || Number.isNaN(before)) least[to + step] = next
  }
}

function addMax(fold: Fold, to: number, input: Block, from: number): void {
  const { value: greatest, count, stepCount } = fold
  for (let step = 0; step < stepCount; step++) {
    if (input.presence[from + step] !== isFloat) continue
    const next = input.value[from + step]!
    const before = greatest[to + step]!
    if (count[to + step]!++ === 0 || next > before || Number.isNaN(before))
      greatest[to + step] = next
  }
}

function addCount(fold: Fold, to: number, input: Block, from: number): void {
  const { value, count, stepCount } = fold
  for (let step = 0; step < stepCount; step++) {
    if (input.presence[from + step] === isAbsent) continue
    count[to + step]!++
    value[to + step]!++
  }
}

/** Welford: `a` is the mean, `value` the sum of squared differences. */
function addVariance(fold: Fold, to: number, input: Block, from: number): void {
  const { value, a: mean, count, stepCount } = fold
  for (let step = 0; step < stepCount; step++) {
    if (input.presence[from + step] !== isFloat) continue
    const cell = to + step
    const next = input.value[from + step]!
    const n = ++count[cell]!
    const delta = next - mean[cell]!
    mean[cell]! += delta / n
    value[cell]! += delta * (next - mean[cell]!)
  }
}

function finishVariance(fold: Fold, isDeviation: boolean): void {
  const { value, count } = fold
  for (let cell = 0; cell < value.length; cell++) {
    const variance = value[cell]! / count[cell]!
    value[cell] = isDeviation ? Math.sqrt(variance) : variance
  }
}

/** Tells that histograms do not take part, when there are any. */
export function noteIgnored(node: AggregateNode, input: Block, context: Context): void {
  if (input.histogram === undefined) return
  if (input.presence.includes(isHistogram))
    context.annotations.ignoredInAggregation(node.inner.span, node.operator)
}

function quantileGroups(
  node: AggregateNode,
  input: Block,
  parts: { groups: Groups; context: Context; parameter: Float64Array },
): Block {
  const { groups, context, parameter } = parts
  noteIgnored(node, input, context)
  for (const ratio of parameter) {
    if (!(ratio >= 0 && ratio <= 1)) {
      context.annotations.badQuantile(node.parameter!.span, ratio)
      break
    }
  }
  const rows: number[][] = groups.labels.map(() => [])
  for (let row = 0; row < input.rowCount; row++) rows[groups.groupOf[row]!]!.push(row)
  const block = new Block(input.stepCount, groups.labels.length)
  for (let group = 0; group < rows.length; group++) {
    const base = block.addRow(groups.labels[group]!, groups.isNameDropped[group]!)
    const held = new Float64Array(rows[group]!.length)
    for (let step = 0; step < input.stepCount; step++) {
      let count = 0
      for (const row of rows[group]!) {
        const cell = row * input.stepCount + step
        if (input.presence[cell] === isFloat) held[count++] = input.value[cell]!
      }
      if (count > 0) block.setFloat(base + step, quantileOf(parameter[step]!, held, count))
    }
    block.dropEmptyLastRow()
  }
  return block
}

/** `count_values`: one row per group and value seen. */
export function countValues(node: AggregateNode, input: Block, label: string): Block {
  if (label === '' || /\ufffd/.test(label)) throw executionError(`invalid label name "${label}"`)
  const names = new Set(node.grouping)
  // `without` takes the new label away too, where it names it.
  const isShown = !node.isWithout || !names.has(label)
  const block = new Block(input.stepCount, 0)
  const bases = new Map<string, number>()
  for (let row = 0; row < input.rowCount; row++) {
    const shared = groupLabels(input.labels[row]!, names, node.isWithout)
    for (let step = 0; step < input.stepCount; step++) {
      const cell = row * input.stepCount + step
      const kind = input.presence[cell]
      if (kind === isAbsent) continue
      const shown =
        kind === isFloat
          ? formatFixed(input.value[cell]!)
          : formatHistogram(input.histogram![cell]!)
      const labels = isShown ? shared.with(label, shown) : shared
      let base = bases.get(labels.key)
      if (base === undefined) {
        base = block.addRow(labels, input.isNameDropped[row]!)
        bases.set(labels.key, base)
      }
      block.presence[base + step] = isFloat
      block.value[base + step]!++
    }
  }
  return block
}
