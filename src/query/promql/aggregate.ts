/**
 * Aggregations that make one row per group: the folds (`fold.ts`), quantile, count_values. Rows get integer
 * group numbers once; then every operator is one pass over flat arrays.
 * Source: prometheus promql/engine.go aggregation (Apache-2.0), behaviour re-implemented.
 */

import { Block, isAbsent, isFloat, isHistogram } from './block.ts'
import { type Context, executionError, type Work } from './context.ts'
import { aggregateHistograms } from './histogram/aggregate-histogram.ts'
import { formatHistogram } from './histogram/format-histogram.ts'
import { findFold, foldRows, toBlock } from './fold.ts'
import { type Groups, groupRows } from './group.ts'
import { groupLabels } from './label-set.ts'
import { formatFixed } from './literal.ts'
import { quantileOf } from './quantile.ts'
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
    default: {
      const operator = findFold(node.operator)
      if (operator === undefined) throw new Error(`BUG: no aggregation ${node.operator}`)
      if (!takesHistograms.has(node.operator)) noteIgnored(node, input, context)
      const result = yield* foldRows(operator, input, groups)
      const isSum = node.operator === 'sum' || node.operator === 'avg'
      if (isSum && input.histogram !== undefined)
        aggregateHistograms(node, input, { groups, context, result })
      return toBlock(result, groups)
    }
  }
}

/** Aggregations that take part in histograms; the others tell that they ignore them. */
const takesHistograms = new Set(['sum', 'avg', 'count', 'group'])

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
