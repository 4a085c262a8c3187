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

/** Numbers the groups of a block's rows. */
export function groupRows(block: Block, node: AggregateNode): Groups {
  const grouper = new Grouper(node)
  const groupOf = new Uint32Array(block.rowCount)
  for (let row = 0; row < block.rowCount; row++) {
    groupOf[row] = grouper.add(block.labels[row]!, block.isNameDropped[row]!)
  }
  return { groupOf, labels: grouper.labels, isNameDropped: grouper.isNameDropped }
}

/** Numbers groups as rows come. Label sets are made once a group, not once a row. */
export class Grouper {
  readonly labels: Labels[] = []
  readonly isNameDropped: boolean[] = []
  readonly #names: ReadonlySet<string>
  readonly #isWithout: boolean
  readonly #onlyName: string | undefined
  readonly #numbers = new Map<string, number>()

  constructor(node: AggregateNode) {
    const names = new Set(node.grouping)
    this.#names = names
    this.#isWithout = node.isWithout
    this.#onlyName = !node.isWithout && names.size === 1 ? node.grouping[0]! : undefined
  }

  /** The number of a row's group. */
  add(own: Labels, isNameDropped: boolean): number {
    const key = this.#keyOf(own)
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.labels.length
      this.#numbers.set(key, number)
      this.labels.push(groupLabels(own, this.#names, this.#isWithout))
      this.isNameDropped.push(false)
    }
    if (isNameDropped) this.isNameDropped[number] = true
    return number
  }

  #keyOf(own: Labels): string {
    if (this.#onlyName !== undefined) return own.get(this.#onlyName)
    if (this.#names.size === 0 && !this.#isWithout) return ''
    return groupKey(own.pairs, this.#names, this.#isWithout)
  }
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
