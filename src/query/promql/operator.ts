/** What the binary operators do with two cells: floats, histograms, and mixes of them. */

import type { Histogram } from '../../model/histogram.ts'
import type { Annotations } from './annotation.ts'
import { divide, HistogramSum, isSameHistogram, scale } from './histogram/arithmetic.ts'
import { trimHistogram } from './histogram/statistic.ts'
import type { SampleValue } from './sample-math.ts'
import type { BinaryNode, BinaryOperator } from './tree.ts'

/** Arithmetic on floats. */
export const arithmetic: Partial<Record<BinaryOperator, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
  atan2: Math.atan2,
}

/** Go's `math.Pow`: unlike ECMAScript, 1 to any power is 1, and so is -1 to an infinite one. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1
  return a ** b
}

/** Comparisons of floats. */
export const comparison: Partial<Record<BinaryOperator, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
}

/** Whether the result is another quantity than the left side, and so loses its name. */
export function changesQuantity(operator: BinaryOperator): boolean {
  return arithmetic[operator] !== undefined
}

/** The outcome of one pair of cells; `undefined` when there is none. */
export function combineCells(
  node: BinaryNode,
  left: SampleValue,
  right: SampleValue,
  annotations: Annotations,
): SampleValue | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const calculate = arithmetic[node.operator]
    if (calculate !== undefined) return calculate(left, right)
    const compare = comparison[node.operator]
    if (compare !== undefined) {
      const holds = compare(left, right)
      return node.isBool ? Number(holds) : holds ? left : undefined
    }
  } else {
    const answer = combineHistograms(node, left, right, annotations)
    if (answer !== incompatible) return answer
  }
  annotations.incompatibleTypes(node.span, {
    left: typeof left === 'number' ? 'float' : 'histogram',
    operator: node.operator,
    right: typeof right === 'number' ? 'float' : 'histogram',
  })
  return undefined
}

const incompatible = Symbol('incompatible')

function combineHistograms(
  node: BinaryNode,
  left: SampleValue,
  right: SampleValue,
  annotations: Annotations,
): SampleValue | undefined | typeof incompatible {
  const { operator } = node
  if (typeof left === 'number') {
    if (operator === '*' && typeof right === 'object') return scale(right, left)
    return incompatible
  }
  if (typeof right === 'number') {
    if (operator === '*') return scale(left, right)
    if (operator === '/') return divide(left, right)
    if (operator === '</') return trimHistogram(left, right, 'below')
    if (operator === '>/') return trimHistogram(left, right, 'above')
    return incompatible
  }
  if (operator === '==' || operator === '!=') {
    const holds = isSameHistogram(left, right) === (operator === '==')
    return node.isBool ? Number(holds) : holds ? left : undefined
  }
  if (operator === '+' || operator === '-') return addHistograms(node, left, right, annotations)
  return incompatible
}

function addHistograms(
  node: BinaryNode,
  left: Histogram,
  right: Histogram,
  annotations: Annotations,
): Histogram | undefined {
  const isSum = node.operator === '+'
  const sum = new HistogramSum(left)
  if (!sum.add(right, isSum ? 1 : -1)) {
    annotations.mixedSchemas(node.span, '')
    return undefined
  }
  const where = isSum ? 'addition' : 'subtraction'
  if (sum.hasResetConflict) annotations.conflictingResets(node.span, where)
  if (sum.isReconciled) annotations.boundsReconciled(node.span, where)
  const result = sum.finish()
  return isSum ? result : { ...result, resetHint: 'gauge' }
}
