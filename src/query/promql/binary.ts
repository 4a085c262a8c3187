/**
 * Binary operators. Series of both sides are put into match groups once, by their labels; then each
 * group is combined step by step. A group of one series on each side, the common case, is one loop.
 * Source: prometheus promql/engine.go VectorBinop and friends (Apache-2.0), behaviour re-implemented.
 */

import { type Labels, quote } from '../../model/labels.ts'
import { Block, isAbsent, isFloat } from './block.ts'
import { type Context, executionError } from './context.ts'
import { matchLabels, withoutName } from './label-set.ts'
import { arithmetic, changesQuantity, combineCells, comparison } from './operator.ts'
import type { SampleValue } from './sample-math.ts'
import type { BinaryNode } from './tree.ts'

/** Two scalars. */
export function combineScalars(
  node: BinaryNode,
  left: Float64Array,
  right: Float64Array,
): Float64Array {
  const result = new Float64Array(left.length)
  const calculate = arithmetic[node.operator]
  const compare = comparison[node.operator]
  for (let step = 0; step < result.length; step++) {
    const a = left[step]!
    const b = right[step]!
    result[step] = calculate === undefined ? Number(compare!(a, b)) : calculate(a, b)
  }
  return result
}

/** A vector and a scalar, in either order. */
export function combineWithScalar(
  node: BinaryNode,
  input: Block,
  parts: { scalar: Float64Array; isScalarLeft: boolean; context: Context },
): Block {
  const { scalar, isScalarLeft, context } = parts
  const { stepCount } = input
  const block = new Block(stepCount, input.rowCount)
  const dropsName = changesQuantity(node.operator) || node.isBool
  const calculate = arithmetic[node.operator]
  const compare = comparison[node.operator]
  for (let row = 0; row < input.rowCount; row++) {
    const base = block.addRow(input.labels[row]!, dropsName || input.isNameDropped[row]!)
    const from = row * stepCount
    for (let step = 0; step < stepCount; step++) {
      const kind = input.presence[from + step]
      if (kind === isAbsent) continue
      const other = scalar[step]!
      if (kind === isFloat && (calculate !== undefined || compare !== undefined)) {
        const value = input.value[from + step]!
        const a = isScalarLeft ? other : value
        const b = isScalarLeft ? value : other
        if (calculate !== undefined) block.value[base + step] = calculate(a, b)
        else if (node.isBool) block.value[base + step] = Number(compare!(a, b))
        else if (compare!(a, b)) block.value[base + step] = value
        else continue
        block.presence[base + step] = isFloat
        continue
      }
      const value = cellOf(input, from + step)
      const result = isScalarLeft
        ? combineCells(node, other, value, context.annotations)
        : combineCells(node, value, other, context.annotations)
      if (result !== undefined) setCell(block, base + step, result)
    }
    block.dropEmptyLastRow()
  }
  return block
}

function cellOf(block: Block, cell: number): SampleValue {
  return block.presence[cell] === isFloat ? block.value[cell]! : block.histogram![cell]!
}

function setCell(block: Block, cell: number, value: SampleValue): void {
  if (typeof value === 'number') block.setFloat(cell, value)
  else block.setHistogram(cell, value)
}

/** Rows of both sides that have their matching labels in common. */
interface MatchGroup {
  /** What they have in common. */
  labels: Labels
  many: number[]
  one: number[]
}

/** `and`, `or`, `unless` */
export function combineSets(node: BinaryNode, left: Block, right: Block): Block {
  const groups = matchRows(node, left, right)
  const { stepCount } = left
  const block = new Block(stepCount, left.rowCount + (node.operator === 'or' ? right.rowCount : 0))
  const copyRows = (
    from: Block,
    rows: readonly number[],
    keeps: (step: number) => boolean,
  ): void => {
    for (const row of rows) {
      const base = block.addRow(from.labels[row]!, from.isNameDropped[row]!)
      for (let step = 0; step < stepCount; step++) {
        if (keeps(step)) block.copyCell(base + step, from, row * stepCount + step)
      }
      block.dropEmptyLastRow()
    }
  }
  const always = (): boolean => true
  for (const { many, one } of groups.values()) {
    const isThere = node.operator === 'or' ? unionOf(left, many) : unionOf(right, one)
    if (node.operator === 'and') copyRows(left, many, (step) => isThere[step] === 1)
    else if (node.operator === 'unless') copyRows(left, many, (step) => isThere[step] === 0)
    else {
      copyRows(left, many, always)
      copyRows(right, one, (step) => isThere[step] === 0)
    }
  }
  return joinRows(block)
}

/** Steps at which any of the rows has a cell. */
function unionOf(block: Block, rows: readonly number[]): Uint8Array {
  const present = new Uint8Array(block.stepCount)
  for (const row of rows) {
    const from = row * block.stepCount
    for (let step = 0; step < block.stepCount; step++) {
      if (block.presence[from + step] !== isAbsent) present[step] = 1
    }
  }
  return present
}

/** `or` may bring the same label set from both sides, at different steps. */
function joinRows(block: Block): Block {
  const keys = new Set(block.labels.map((labels) => labels.key))
  if (keys.size === block.rowCount) return block
  const joined = new Block(block.stepCount, keys.size)
  const bases = new Map<string, number>()
  for (let row = 0; row < block.rowCount; row++) {
    const labels = block.labels[row]!
    const base = bases.get(labels.key) ?? joined.addRow(labels, block.isNameDropped[row]!)
    bases.set(labels.key, base)
    for (let step = 0; step < block.stepCount; step++)
      joined.copyCell(base + step, block, row * block.stepCount + step)
  }
  return joined
}

function matchRows(node: BinaryNode, many: Block, one: Block): Map<string, MatchGroup> {
  const names = new Set(node.matching.labels)
  const groups = new Map<string, MatchGroup>()
  const place = (block: Block, side: 'many' | 'one'): void => {
    for (let row = 0; row < block.rowCount; row++) {
      const labels = matchLabels(block.labels[row]!, names, node.matching.isOn)
      let group = groups.get(labels.key)
      if (group === undefined) {
        group = { labels, many: [], one: [] }
        groups.set(labels.key, group)
      }
      group[side].push(row)
    }
  }
  place(many, 'many')
  place(one, 'one')
  return groups
}

/** Two vectors under an arithmetic or comparison operator. */
export function combineVectors(
  node: BinaryNode,
  left: Block,
  right: Block,
  context: Context,
): Block {
  return new VectorOperation(node, left, right, context).run()
}

class VectorOperation {
  readonly #node: BinaryNode
  readonly #isSwapped: boolean
  readonly #many: Block
  readonly #one: Block
  readonly #context: Context
  readonly #result: Block
  readonly #bases = new Map<string, number>()
  /** Which match group wrote a cell last, to tell the two kinds of double matches apart. */
  #writers: Int32Array
  #groupNumber = 0

  constructor(node: BinaryNode, left: Block, right: Block, context: Context) {
    this.#node = node
    this.#isSwapped = node.matching.cardinality === 'one-to-many'
    this.#many = this.#isSwapped ? right : left
    this.#one = this.#isSwapped ? left : right
    this.#context = context
    const rowGuess = Math.min(this.#many.rowCount, Math.max(this.#one.rowCount, 1))
    this.#result = new Block(left.stepCount, rowGuess)
    this.#writers = new Int32Array(0)
  }

  run(): Block {
    for (const group of matchRows(this.#node, this.#many, this.#one).values()) {
      this.#groupNumber++
      this.#combineGroup(group)
    }
    return this.#result
  }

  // With group_right upstream fills by role, not by side: fill_right stands in for a missing series on
  // the "one" side, though that is the left. Its tests hold it to that, and so do ours.
  get #fillMany(): number | undefined {
    return this.#node.matching.fillLeft
  }

  get #fillOne(): number | undefined {
    return this.#node.matching.fillRight
  }

  get #hasFill(): boolean {
    return this.#fillMany !== undefined || this.#fillOne !== undefined
  }

  /** Whether any series of the "many" side has a cell at a step. */
  #hasMany(step: number): boolean {
    const { presence, rowCount, stepCount } = this.#many
    for (let row = 0; row < rowCount; row++) {
      if (presence[row * stepCount + step] !== isAbsent) return true
    }
    return false
  }

  #combineGroup(group: MatchGroup): void {
    const hasFill = this.#hasFill
    if (!hasFill && (group.one.length === 0 || (group.many.length === 0 && group.one.length === 1)))
      return
    const isPair = group.many.length === 1 && group.one.length === 1 && !hasFill
    const isPlain = this.#many.histogram === undefined && this.#one.histogram === undefined
    const calculate = arithmetic[this.#node.operator]
    if (isPair && isPlain && calculate !== undefined) {
      this.#combinePair(group.many[0]!, group.one[0]!, calculate)
      return
    }
    for (let step = 0; step < this.#result.stepCount; step++) this.#combineStep(group, step)
  }

  /** One float series on each side. */
  #combinePair(many: number, one: number, calculate: (a: number, b: number) => number): void {
    const { stepCount } = this.#result
    const left = this.#isSwapped ? this.#one : this.#many
    const right = this.#isSwapped ? this.#many : this.#one
    const fromLeft = (this.#isSwapped ? one : many) * stepCount
    const fromRight = (this.#isSwapped ? many : one) * stepCount
    const base = this.#baseOf(this.#many.labels[many]!, this.#one.labels[one], false)
    const { value, presence } = this.#result
    for (let step = 0; step < stepCount; step++) {
      if (left.presence[fromLeft + step] === isAbsent) continue
      if (right.presence[fromRight + step] === isAbsent) continue
      if (presence[base + step] !== isAbsent) this.#failTwice(base + step)
      value[base + step] = calculate(left.value[fromLeft + step]!, right.value[fromRight + step]!)
      presence[base + step] = isFloat
      this.#writers[base + step] = this.#groupNumber
    }
  }

  #combineStep(group: MatchGroup, step: number): void {
    const { stepCount } = this.#result
    const one = this.#findOne(group, step)
    const oneLabels = one === undefined ? group.labels : this.#one.labels[one]!
    const oneValue = one === undefined ? this.#fillOne : cellOf(this.#one, one * stepCount + step)
    let matchCount = 0
    for (const row of group.many) {
      const cell = row * stepCount + step
      if (this.#many.presence[cell] === isAbsent) continue
      matchCount++
      if (oneValue === undefined) continue
      if (matchCount > 1 && this.#node.matching.cardinality === 'one-to-one') {
        throw executionError(
          'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
        )
      }
      const value = this.#combine(cellOf(this.#many, cell), oneValue)
      if (value === undefined) continue
      const isDropped = this.#many.isNameDropped[row]!
      this.#write(this.#baseOf(this.#many.labels[row]!, oneLabels, isDropped) + step, value)
    }
    if (matchCount > 0 || one === undefined || this.#fillMany === undefined) return
    const value = this.#combine(this.#fillMany, oneValue!)
    if (value !== undefined) this.#write(this.#baseOf(group.labels, oneLabels, false) + step, value)
  }

  #combine(many: SampleValue, one: SampleValue): SampleValue | undefined {
    const { annotations } = this.#context
    return this.#isSwapped
      ? combineCells(this.#node, one, many, annotations)
      : combineCells(this.#node, many, one, annotations)
  }

  /** The row of the "one" side that has a cell at a step; two are an error. */
  #findOne(group: MatchGroup, step: number): number | undefined {
    let found: number | undefined
    for (const row of group.one) {
      if (this.#one.presence[row * this.#one.stepCount + step] === isAbsent) continue
      if (found !== undefined) {
        // Where nothing stands on the other side, upstream does not look at this one.
        if (!this.#hasFill && !this.#hasMany(step)) return undefined
        const side = this.#isSwapped ? 'left' : 'right'
        const pair = `[${inBraces(this.#one.labels[row]!)}, ${inBraces(this.#one.labels[found]!)}]`
        throw executionError(
          `found duplicate series for the match group ${inBraces(group.labels)} on the ${side} hand-side of the operation: ${pair};many-to-many matching not allowed: matching labels must be unique on one side`,
        )
      }
      found = row
    }
    return found
  }

  #write(cell: number, value: SampleValue): void {
    if (this.#result.presence[cell] !== isAbsent) this.#failTwice(cell)
    setCell(this.#result, cell, value)
    this.#writers[cell] = this.#groupNumber
  }

  #failTwice(cell: number): never {
    throw executionError(
      this.#writers[cell] === this.#groupNumber
        ? 'multiple matches for labels: grouping labels must ensure unique matches'
        : 'vector cannot contain metrics with the same labelset',
    )
  }

  /** First cell of the row for a pair of label sets. */
  #baseOf(many: Labels, one: Labels | undefined, isManyDropped: boolean): number {
    const labels = this.#resultLabels(many, one)
    let base = this.#bases.get(labels.key)
    if (base === undefined) {
      const isDropped = changesQuantity(this.#node.operator) || this.#node.isBool || isManyDropped
      base = this.#result.addRow(labels, isDropped)
      this.#bases.set(labels.key, base)
      if (this.#writers.length < this.#result.value.length) {
        const grown = new Int32Array(this.#result.value.length)
        grown.set(this.#writers)
        this.#writers = grown
      }
    }
    return base
  }

  readonly #resultCache = new Map<Labels, Map<Labels | undefined, Labels>>()

  #resultLabels(many: Labels, one: Labels | undefined): Labels {
    let cached = this.#resultCache.get(many)
    if (cached === undefined) {
      cached = new Map()
      this.#resultCache.set(many, cached)
    }
    let labels = cached.get(one)
    if (labels === undefined) {
      labels = this.#makeLabels(many, one)
      cached.set(one, labels)
    }
    return labels
  }

  #makeLabels(many: Labels, one: Labels | undefined): Labels {
    const { matching, operator } = this.#node
    let labels = changesQuantity(operator) ? withoutName(many) : many
    if (matching.cardinality === 'one-to-one') {
      const names = new Set(matching.labels)
      labels = matching.isOn
        ? labels.filter((name) => names.has(name))
        : labels.filter((name) => !names.has(name))
    }
    for (const name of matching.include) labels = labels.with(name, one?.get(name) ?? '')
    return labels
  }
}

/** A label set with its name among the labels, as upstream prints it. */
function inBraces({ pairs }: Labels): string {
  const inner: string[] = []
  for (let at = 0; at < pairs.length; at += 2) inner.push(`${pairs[at]}=${quote(pairs[at + 1]!)}`)
  return `{${inner.join(', ')}}`
}
