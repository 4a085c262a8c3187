/** Grouping of rows for aggregations, and the accumulators that operators fill per group and step. */

import type { Labels } from '../../model/labels.ts'
import type { Block } from './block.ts'
import { groupLabels, isReserved } from './label-set.ts'
import type { AggregateNode } from './tree.ts'

/** Which group each row belongs to. */
export interface Groups {
  /** Group number by row. */
  groupOf: Uint32Array
  labels: Labels[]
  isNameDropped: boolean[]
}

/** Numbers the groups of a block's rows. Label sets are made once a group, not once a row. */
export function groupRows(block: Block, node: AggregateNode): Groups {
  const names = new Set(node.grouping)
  const groupOf = new Uint32Array(block.rowCount)
  const labels: Labels[] = []
  const isNameDropped: boolean[] = []
  const numbers = new Map<string, number>()
  const onlyName = !node.isWithout && names.size === 1 ? node.grouping[0]! : undefined
  const isWhole = names.size === 0 && !node.isWithout
  for (let row = 0; row < block.rowCount; row++) {
    const own = block.labels[row]!
    const key = isWhole
      ? ''
      : onlyName === undefined
        ? groupKey(own.pairs, names, node.isWithout)
        : own.get(onlyName)
    let number = numbers.get(key)
    if (number === undefined) {
      number = labels.length
      numbers.set(key, number)
      labels.push(groupLabels(own, names, node.isWithout))
      isNameDropped.push(false)
    }
    groupOf[row] = number
    if (block.isNameDropped[row]) isNameDropped[number] = true
  }
  return { groupOf, labels, isNameDropped }
}

/** Equal for rows whose `groupLabels` are equal, without making these. */
function groupKey(
  pairs: readonly string[],
  names: ReadonlySet<string>,
  isWithout: boolean,
): string {
  let key = ''
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index]!
    if (isWithout ? names.has(name) || isReserved(name) : !names.has(name)) continue
    key += `${name}\xff${pairs[index + 1]!}\xff`
  }
  return key
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
