/** Function calls: evaluates the arguments and hands them to the family that knows the function. */

import { Block, type Grid, isFloat, type RangeSeries, timeOf, type Value } from './block.ts'
import { type Context, executionError, type Work } from './context.ts'
import {
  fractionBlock,
  histogramFunctions,
  mapHistograms,
  quantileBlock,
} from './function/histogram.ts'
import { infoSelectorOf, joinInfo } from './function/info.ts'
import {
  absentBlock,
  bareLabels,
  joinLabels,
  labelsOfMatchers,
  presentSteps,
  replaceLabels,
  sortByLabels,
  sortByValue,
} from './function/label.ts'
import { clamp, dateFunctions, mapFloats, mathFunctions, roundTo } from './function/math.ts'
import { overTimeFunctions } from './function/over-time.ts'
import { rateFunctions } from './function/rate.ts'
import { trendFunctions } from './function/trend.ts'
import {
  evaluateWindows,
  type RangeCall,
  type RangeFunction,
  WindowRows,
} from './function/window.ts'
import { rangeMsOf, shiftGrid } from './plan.ts'
import { selectVector } from './select.ts'
import type { CallNode, Expression, MatrixNode, SubqueryNode } from './tree.ts'
import { withoutParens } from './tree.ts'

/** The evaluator's entries, passed in so that the files need not import each other in a circle. */
export interface Evaluators {
  scalar(node: Expression, grid: Grid, context: Context): Work<Float64Array>
  vector(node: Expression, grid: Grid, context: Context): Work<Block>
  ranges(node: Expression, grid: Grid, context: Context): Work<RangeSeries[]>
}

/** What a call needs around it. */
interface Surroundings {
  grid: Grid
  context: Context
  evaluators: Evaluators
}

const rangeFunctions: Record<string, RangeFunction | undefined> = {
  __proto__: null as never,
  ...rateFunctions,
  ...overTimeFunctions,
  ...trendFunctions,
}

/** Evaluates a function call. */
export function* callFunction(node: CallNode, around: Surroundings): Work<Value> {
  const { name } = node
  const range = rangeFunctions[name]
  if (range !== undefined) return vectorOf(yield* callRange(node, range, around))
  if (Object.hasOwn(mathFunctions, name)) {
    const map = mathFunctions[name]!
    return vectorOf(mapFloats(yield* vectorAt(node, 0, around), map))
  }
  if (Object.hasOwn(dateFunctions, name)) return vectorOf(yield* callDate(node, around))
  if (Object.hasOwn(histogramFunctions, name)) {
    const map = histogramFunctions[name]!
    return vectorOf(mapHistograms(yield* vectorAt(node, 0, around), map))
  }
  const scalar = yield* callScalar(node, around)
  if (scalar !== undefined) return { type: 'scalar', value: scalar }
  return vectorOf(yield* callVector(node, around))
}

function vectorOf(block: Block): Value {
  return { type: 'vector', block }
}

function* vectorAt(node: CallNode, index: number, around: Surroundings): Work<Block> {
  return yield* around.evaluators.vector(node.parameters[index]!, around.grid, around.context)
}

function* scalarAt(node: CallNode, index: number, around: Surroundings): Work<Float64Array> {
  return yield* around.evaluators.scalar(node.parameters[index]!, around.grid, around.context)
}

function textAt(node: CallNode, index: number): string {
  const parameter = withoutParens(node.parameters[index]!)
  if (parameter.kind !== 'string') throw executionError('expected a string literal')
  return parameter.value
}

/** Functions that give scalars; `undefined` when `node` calls none of them. */
function* callScalar(node: CallNode, around: Surroundings): Work<Float64Array | undefined> {
  const { grid, context } = around
  const { startTimeMs, endTimeMs, stepMs } = context.times
  const constant = (value: number): Float64Array => new Float64Array(grid.stepCount).fill(value)
  switch (node.name) {
    case 'pi':
      return constant(Math.PI)
    case 'time':
      return Float64Array.from({ length: grid.stepCount }, (_, step) => timeOf(grid, step) / 1000)
    case 'start':
      return constant(startTimeMs / 1000)
    case 'end':
      return constant(endTimeMs / 1000)
    case 'range':
      return constant((endTimeMs - startTimeMs) / 1000)
    case 'step':
      return constant(stepMs / 1000)
    case 'min_of':
    case 'max_of': {
      const left = yield* scalarAt(node, 0, around)
      const right = yield* scalarAt(node, 1, around)
      const choose = node.name === 'min_of' ? Math.min : Math.max
      return left.map((value, step) => choose(value, right[step]!))
    }
    case 'scalar':
      return scalarOf(yield* vectorAt(node, 0, around))
    default:
      return undefined
  }
}

/** The value of the only float at each step, NaN where there is none or more than one. */
function scalarOf(input: Block): Float64Array {
  const { stepCount } = input
  const result = new Float64Array(stepCount).fill(Number.NaN)
  const seen = new Uint8Array(stepCount)
  for (let cell = 0; cell < input.rowCount * stepCount; cell++) {
    if (input.presence[cell] !== isFloat) continue
    const step = cell % stepCount
    result[step] = seen[step] === 0 ? input.value[cell]! : Number.NaN
    seen[step] = 1
  }
  return result
}

function* callDate(node: CallNode, around: Surroundings): Work<Block> {
  const input =
    node.parameters.length === 0 ? timeVector(around.grid) : yield* vectorAt(node, 0, around)
  return mapFloats(input, dateFunctions[node.name]!)
}

function timeVector(grid: Grid): Block {
  const block = new Block(grid.stepCount, 1)
  const base = block.addRow(bareLabels, false)
  for (let step = 0; step < grid.stepCount; step++)
    block.setFloat(base + step, timeOf(grid, step) / 1000)
  return block
}

function* callVector(node: CallNode, around: Surroundings): Work<Block> {
  switch (node.name) {
    case 'vector':
      return yield* callOfScalar(node, around)
    case 'timestamp':
    case 'start_timestamp':
      return yield* callTimestamp(node, around)
    case 'absent':
      return yield* callAbsent(node, around)
    case 'absent_over_time':
      return yield* callAbsentOverTime(node, around)
    case 'clamp':
    case 'clamp_min':
    case 'clamp_max':
    case 'round':
      return yield* callBounded(node, around)
    case 'label_replace': {
      const input = yield* vectorAt(node, 0, around)
      const [target, replacement, source, pattern] = [1, 2, 3, 4].map((at) => textAt(node, at))
      return replaceLabels(input, {
        target: target!,
        replacement: replacement!,
        source: source!,
        pattern: pattern!,
      })
    }
    case 'label_join': {
      const input = yield* vectorAt(node, 0, around)
      const sources = node.parameters.slice(3).map((_, index) => textAt(node, index + 3))
      return joinLabels(input, { target: textAt(node, 1), separator: textAt(node, 2), sources })
    }
    case 'sort':
    case 'sort_desc':
    case 'sort_by_label':
    case 'sort_by_label_desc':
      return yield* callSort(node, around)
    case 'info':
      return yield* callInfo(node, around)
    default:
      return yield* callHistogram(node, around)
  }
}

function* callOfScalar(node: CallNode, around: Surroundings): Work<Block> {
  const value = yield* scalarAt(node, 0, around)
  const block = new Block(around.grid.stepCount, 1)
  block.addRow(bareLabels, false)
  block.value = value
  block.presence.fill(isFloat)
  return block
}

/** Of a selector the samples' own times; of anything else the evaluation's. */
function* callTimestamp(node: CallNode, around: Surroundings): Work<Block> {
  const { grid, context } = around
  const inner = withoutParens(node.parameters[0]!)
  if (inner.kind === 'selector') {
    const as = node.name === 'timestamp' ? 'time' : 'start-time'
    return yield* selectVector(inner, grid, { context, as })
  }
  const input = yield* vectorAt(node, 0, around)
  const block = new Block(input.stepCount, input.rowCount)
  for (let row = 0; row < input.rowCount; row++) {
    const base = block.addRow(input.labels[row]!, true)
    for (let step = 0; step < input.stepCount; step++) {
      if (input.presence[base + step]! === 0) continue
      block.setFloat(base + step, node.name === 'timestamp' ? timeOf(grid, step) / 1000 : 0)
    }
  }
  return block
}

function* callAbsent(node: CallNode, around: Surroundings): Work<Block> {
  const inner = withoutParens(node.parameters[0]!)
  const labels = inner.kind === 'selector' ? labelsOfMatchers(inner.matchers) : bareLabels
  const input = yield* vectorAt(node, 0, around)
  return absentBlock(around.grid.stepCount, labels, presentSteps(input))
}

function* callAbsentOverTime(node: CallNode, around: Surroundings): Work<Block> {
  const inner = withoutParens(node.parameters[0]!)
  const labels = inner.kind === 'matrix' ? labelsOfMatchers(inner.selector.matchers) : bareLabels
  const present = yield* callRange(node, overTimeFunctions['present_over_time']!, around)
  return absentBlock(around.grid.stepCount, labels, presentSteps(present))
}

function* callBounded(node: CallNode, around: Surroundings): Work<Block> {
  const input = yield* vectorAt(node, 0, around)
  const first = node.parameters.length > 1 ? yield* scalarAt(node, 1, around) : undefined
  switch (node.name) {
    case 'round':
      return mapFloats(input, (value, step) => roundTo(value, first?.[step] ?? 1))
    case 'clamp_min':
      return mapFloats(input, (value, step) => Math.max(first![step]!, value))
    case 'clamp_max':
      return mapFloats(input, (value, step) => Math.min(first![step]!, value))
    default: {
      const second = yield* scalarAt(node, 2, around)
      const block = mapFloats(input, (value, step) => clamp(value, first![step]!, second[step]!))
      // Bounds in the wrong order leave nothing.
      for (let cell = 0; cell < block.rowCount * block.stepCount; cell++) {
        const step = cell % block.stepCount
        if (first![step]! > second[step]!) block.presence[cell] = 0
      }
      return block
    }
  }
}

function* callSort(node: CallNode, around: Surroundings): Work<Block> {
  const { context } = around
  const input = yield* vectorAt(node, 0, around)
  if (context.isRange) {
    context.annotations.sortIneffective(node.span)
    return input
  }
  const isDescending = node.name.endsWith('_desc')
  if (!node.name.startsWith('sort_by_label')) return sortByValue(input, isDescending)
  const names = node.parameters.slice(1).map((_, index) => textAt(node, index + 1))
  return sortByLabels(input, names, isDescending)
}

function* callInfo(node: CallNode, around: Surroundings): Work<Block> {
  const { grid, context } = around
  const input = yield* vectorAt(node, 0, around)
  const selector = node.parameters[1]
  if (selector?.kind !== 'selector') throw new Error('BUG: info without its selector')
  const info = yield* selectVector(selector, grid, { context, as: 'value' })
  const infoTime = yield* selectVector(selector, grid, { context, as: 'time' })
  return joinInfo(input, selector, { info, infoTime })
}

/** Gives every `info` call its complete second argument; done once, before planning. */
export function completeInfo(node: CallNode): void {
  if (node.name === 'info') node.parameters = [node.parameters[0]!, infoSelectorOf(node)]
}

function* callHistogram(node: CallNode, around: Surroundings): Work<Block> {
  const { context } = around
  const input = (block: Block, index: number) => ({
    block,
    span: node.parameters[index]!.span,
    context,
  })
  if (node.name === 'histogram_fraction') {
    const lower = yield* scalarAt(node, 0, around)
    const upper = yield* scalarAt(node, 1, around)
    return fractionBlock(input(yield* vectorAt(node, 2, around), 2), lower, upper)
  }
  const isMany = node.name === 'histogram_quantiles'
  const ratios: Float64Array[] = []
  const indexes = isMany ? node.parameters.map((_, index) => index).slice(2) : [0]
  for (const index of indexes) {
    const column = yield* scalarAt(node, index, around)
    const bad = column.find((ratio) => !(ratio >= 0 && ratio <= 1))
    if (bad !== undefined) context.annotations.badQuantile(node.parameters[index]!.span, bad)
    ratios.push(column)
  }
  const at = isMany ? 0 : 1
  const label = isMany ? textAt(node, 1) : undefined
  return quantileBlock(input(yield* vectorAt(node, at, around), at), ratios, label)
}

function* callRange(node: CallNode, definition: RangeFunction, around: Surroundings): Work<Block> {
  const { grid, context } = around
  const at = node.name === 'quantile_over_time' ? 1 : 0
  const parameter = node.parameters[at]!
  const range = withoutParens(parameter) as MatrixNode | SubqueryNode
  const shifted = range.kind === 'matrix' ? range.selector : range
  const mode = range.kind === 'matrix' ? range.selector.mode : 'plain'
  checkMode(node.name, mode)
  const scalars: Float64Array[] = []
  for (const [index] of node.parameters.entries()) {
    if (index !== at) scalars.push(yield* scalarAt(node, index, around))
  }
  if (node.name === 'quantile_over_time') {
    const bad = scalars[0]!.find((ratio) => !(ratio >= 0 && ratio <= 1))
    if (bad !== undefined) context.annotations.badQuantile(node.parameters[0]!.span, bad)
  }
  if (range.kind === 'subquery') context.profile?.nest(1)
  const series = yield* around.evaluators.ranges(parameter, grid, context)
  if (range.kind === 'subquery') context.profile?.nest(-1)
  return yield* evaluateWindows(definition, series, {
    node,
    span: parameter.span,
    context,
    grid,
    edges: shiftGrid(shifted, grid, context.times),
    rangeMs: rangeMsOf(range.range, context.times),
    mode,
    scalars,
  })
}

/** Whether a call is of a function of one range and nothing else. */
export function canMakeWindowRows(node: CallNode): boolean {
  return rangeFunctions[node.name] !== undefined && node.parameters.length === 1
}

/** What makes rows of a range selector's series as they come, for such a call. */
export function makeWindowRows(node: CallNode, grid: Grid, context: Context): WindowRows {
  const definition = rangeFunctions[node.name]
  const range = withoutParens(node.parameters[0]!)
  if (definition === undefined || range.kind !== 'matrix')
    throw new Error(`BUG: no rows of ${node.name}`)
  const { selector } = range
  return new WindowRows(definition, {
    node,
    span: node.parameters[0]!.span,
    context,
    grid,
    edges: shiftGrid(selector, grid, context.times),
    rangeMs: rangeMsOf(range.range, context.times),
    mode: selector.mode,
    scalars: [],
  })
}

const smoothable = ['delta', 'increase', 'rate']
const anchorable = ['changes', 'delta', 'increase', 'rate', 'resets']

function checkMode(name: string, mode: RangeCall['mode']): void {
  if (mode === 'plain') return
  const allowed = mode === 'smoothed' ? smoothable : anchorable
  if (allowed.includes(name)) return
  const list = allowed.join(', ')
  throw executionError(`${mode} modifier can only be used with: ${list} - not with ${name}`)
}
