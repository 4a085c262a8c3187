/** Grouping of rows for aggregations, and the accumulators that operators fill per group and step. */

import type { Labels } from '../../model/labels.ts'
import type { Block } from './block.ts'
import { groupLabels } from './label-set.ts'
import type { AggregateNode } from './tree.ts'

/** Which group each row belongs to. */
export interface Groups {
  /** Group number by row. */
  groupOf: Uint32Array
  labels: Labels[]
  isNameDropped: boolean[]
}

/** Numbers the groups of a block's rows. */
export function groupRows(block: Block, node: AggregateNode): Groups {
  const names = new Set(node.grouping)
  const groupOf = new Uint32Array(block.rowCount)
  const labels: Labels[] = []
  const isNameDropped: boolean[] = []
  const numbers = new Map<string, number>()
  const isWhole = names.size === 0 && !node.isWithout
  for (let row = 0; row < block.rowCount; row++) {
    const shared = isWhole ? undefined : groupLabels(block.labels[row]!, names, node.isWithout)
    const key = shared?.key ?? ''
    let number = numbers.get(key)
    if (number === undefined) {
      number = labels.length
      numbers.set(key, number)
      labels.push(shared ?? groupLabels(block.labels[row]!, names, false))
      isNameDropped.push(false)
    }
    groupOf[row] = number
    if (block.isNameDropped[row]) isNameDropped[number] = true
  }
  return { groupOf, labels, isNameDropped }
}

/** Accumulators, one cell per group and step. What `a` and `b` mean is each operator's matter. */
export interface Fold {
  stepCount: number
  /** How many samples went in. */
  count: Float64Array
  value: Float64Array
  a: Float64Array
  b: Float64Array
  histogram: Block['histogram']
  /** Cells that must stay empty although samples went in. */
  isVoid: Uint8Array | undefined
}
