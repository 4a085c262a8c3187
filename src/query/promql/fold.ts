/**
 * Aggregations that need one pass over rows in any amount of memory: sum, avg, min, max, count, group, stddev,
 * stdvar. Each is a loop that adds a row to the cells of its group, and what is done to these at the end.
 * Sums and means are compensated (Kahan, Neumaier) as upstream does.
 * Source: prometheus promql/engine.go aggregation (Apache-2.0), behaviour re-implemented.
 */

import { Block, isAbsent, isFloat, isHistogram } from './block.ts'
import type { Context, Work } from './context.ts'
import { type Fold, Grouper, type Groups } from './group.ts'
import { rowsPerRest } from './look.ts'
import type { AggregateNode, AggregateOperator } from './tree.ts'

type AddRow = (fold: Fold, to: number, input: Block, from: number) => void

/** One aggregation: how a row is added, and how groups are finished. */
export interface FoldOperator {
  addRow: AddRow
  finish: (fold: Fold) => void
}

const operators: Partial<Record<AggregateOperator, FoldOperator>> = {
  sum: { addRow: addSum, finish: (fold) => finishMeans(fold, false) },
  avg: { addRow: addMean, finish: (fold) => finishMeans(fold, true) },
  min: { addRow: addMin, finish: () => undefined },
  max: { addRow: addMax, finish: () => undefined },
  count: { addRow: addCount, finish: () => undefined },
  group: { addRow: addCount, finish: (fold) => fold.value.fill(1) },
  stddev: { addRow: addVariance, finish: (fold) => finishVariance(fold, true) },
  stdvar: { addRow: addVariance, finish: (fold) => finishVariance(fold, false) },
}

/** The pass of an aggregation; `undefined` when one is not enough. */
export function findFold(operator: AggregateOperator): FoldOperator | undefined {
  return operators[operator]
}

/** Adds all rows to their groups. */
export function* foldRows(operator: FoldOperator, input: Block, groups: Groups): Work<Fold> {
  const { stepCount } = input
  const fold = makeFold(stepCount, groups.labels.length)
  for (let row = 0; row < input.rowCount; row++) {
    if (row % rowsPerRest === rowsPerRest - 1) yield
    operator.addRow(fold, groups.groupOf[row]! * stepCount, input, row * stepCount)
  }
  operator.finish(fold)
  return fold
}

/** Adds rows of floats as they come. */
export class RowFold {
  readonly #operator: FoldOperator
  readonly #context: Context
  readonly #grouper: Grouper
  #groupCount = 0
  #fold: Fold

  constructor(node: AggregateNode, stepCount: number, context: Context) {
    const operator = findFold(node.operator)
    if (operator === undefined) throw new Error(`BUG: ${node.operator} is no fold`)
    this.#operator = operator
    this.#context = context
    this.#grouper = new Grouper(node)
    this.#fold = makeFold(stepCount, 0)
  }

  /** Adds the only row of a block. */
  add(input: Block): void {
    const { stepCount } = input
    const number = this.#grouper.add(input.labels[0]!, input.isNameDropped[0]!)
    const to = number * stepCount
    if (number === this.#groupCount) {
      this.#groupCount++
      this.#context.countSamples(stepCount)
      if (to + stepCount > this.#fold.count.length) this.#grow(number)
    }
    this.#operator.addRow(this.#fold, to, input, 0)
  }

  /** The groups, when all rows were added. */
  finish(): Block {
    this.#operator.finish(this.#fold)
    const { labels, isNameDropped } = this.#grouper
    return toBlock(this.#fold, { labels, isNameDropped })
  }

  /** Gives up what it held. */
  discard(): void {
    this.#context.releaseSamples(this.#groupCount * this.#fold.stepCount)
  }

  #grow(number: number): void {
    const before = this.#fold
    const fold = makeFold(before.stepCount, Math.max(4, number * 2))
    fold.count.set(before.count)
    fold.value.set(before.value)
    fold.a.set(before.a)
    fold.b.set(before.b)
    this.#fold = fold
  }
}

function makeFold(stepCount: number, groupCount: number): Fold {
  const size = stepCount * groupCount
  return {
    stepCount,
    count: new Float64Array(size),
    value: new Float64Array(size),
    a: new Float64Array(size),
    b: new Float64Array(size),
    histogram: undefined,
    isVoid: undefined,
  }
}

/** One row for each group. */
export function toBlock(fold: Fold, groups: Pick<Groups, 'labels' | 'isNameDropped'>): Block {
  const block = new Block(fold.stepCount, 0)
  groups.labels.forEach((labels, group) => {
    block.labels.push(labels)
    block.isNameDropped.push(groups.isNameDropped[group]!)
  })
  const size = groups.labels.length * fold.stepCount
  block.value = fold.value
  block.presence = new Uint8Array(size)
  block.histogram = fold.histogram
  for (let cell = 0; cell < size; cell++) {
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
