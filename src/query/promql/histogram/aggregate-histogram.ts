/** The part of `sum` and `avg` that native histograms take: one sum per group and step. */

import type { Histogram } from '../../../model/histogram.ts'
import { type Block, isHistogram } from '../block.ts'
import type { Context } from '../context.ts'
import type { Fold, Groups } from '../group.ts'
import type { AggregateNode } from '../tree.ts'
import { meanOf, sumOf } from './arithmetic.ts'

/** Adds histogram results to `result`; cells where floats and histograms, or kinds of buckets, meet stay empty. */
export function aggregateHistograms(
  node: AggregateNode,
  input: Block,
  parts: { groups: Groups; context: Context; result: Fold },
): void {
  const { groups, context, result } = parts
  const held = new Map<number, Histogram[]>()
  for (let row = 0; row < input.rowCount; row++) {
    for (let step = 0; step < input.stepCount; step++) {
      const from = row * input.stepCount + step
      if (input.presence[from] !== isHistogram) continue
      const cell = groups.groupOf[row]! * input.stepCount + step
      const list = held.get(cell)
      if (list === undefined) held.set(cell, [input.histogram![from]!])
      else list.push(input.histogram![from]!)
    }
  }
  result.histogram = []
  result.isVoid = new Uint8Array(result.count.length)
  for (const [cell, histograms] of held) {
    if (result.count[cell]! > 0) {
      context.annotations.mixedFloatsHistogramsInAggregation(node.inner.span)
      result.isVoid[cell] = 1
      continue
    }
    const answer = combine(node, histograms)
    if (answer === undefined) {
      context.annotations.mixedSchemasInAggregation(node.inner.span)
      result.isVoid[cell] = 1
      continue
    }
    result.count[cell] = histograms.length
    if (answer.hasResetConflict)
      context.annotations.conflictingResets(node.inner.span, 'aggregation')
    if (answer.isReconciled) context.annotations.boundsReconciled(node.inner.span, 'aggregation')
    result.histogram[cell] = answer.histogram
  }
}

function combine(
  node: AggregateNode,
  histograms: Histogram[],
): { histogram: Histogram; hasResetConflict: boolean; isReconciled: boolean } | undefined {
  if (node.operator === 'avg') {
    const answer = meanOf(histograms)
    if (answer === undefined) return undefined
    const { hasResetConflict, isReconciled } = answer.sum
    return { histogram: answer.mean, hasResetConflict, isReconciled }
  }
  const sum = sumOf(histograms)
  if (sum === undefined) return undefined
  const { hasResetConflict, isReconciled } = sum
  return { histogram: sum.finish(), hasResetConflict, isReconciled }
}
