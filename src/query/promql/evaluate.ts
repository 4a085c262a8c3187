/**
 * The evaluator: walks a checked tree over a grid of steps. Everything that reads has been read
 * (`plan.ts`); an instant query is a grid of one step. Parts that are the same at every step (`@`) are
 * evaluated once and spread.
 */

import { aggregateGroups, countValues } from './aggregate.ts'
import { chooseRows } from './aggregate-choose.ts'
import { combineScalars, combineSets, combineVectors, combineWithScalar } from './binary.ts'
import { Block, type Grid, isAbsent, type RangeSeries, timeOf, type Value } from './block.ts'
import { callFunction, type Evaluators } from './call.ts'
import type { Context, Work } from './context.ts'
import { scale } from './histogram/arithmetic.ts'
import { subqueryGrid } from './plan.ts'
import { selectRanges, selectVector } from './select.ts'
import type { AggregateNode, BinaryNode, Expression, SubqueryNode, UnaryNode } from './tree.ts'
import { childrenOf, withoutParens } from './tree.ts'

/** Evaluates any expression. */
export function evaluate(node: Expression, grid: Grid, context: Context): Work<Value> {
  return context.profile?.hasNodes === true && !isRange(node)
    ? evaluateMeasured(node, grid, context)
    : evaluateNode(node, grid, context)
}

/** Ranges are measured where they are selected, since functions ask for them there. */
function isRange(node: Expression): boolean {
  return node.kind === 'matrix' || node.kind === 'subquery'
}

function* evaluateMeasured(node: Expression, grid: Grid, context: Context): Work<Value> {
  const profile = context.profile!
  const begunMs = profile.workedMs()
  const value = yield* evaluateNode(node, grid, context)
  profile.leave(node, value, begunMs)
  return value
}

function* evaluateNode(node: Expression, grid: Grid, context: Context): Work<Value> {
  const made = context.made.get(node)
  if (made !== undefined) return { type: 'vector', block: made }
  if (grid.stepCount > 1 && isInvariant(node)) {
    const countBefore = context.profile?.queryableSampleCount ?? 0
    const once = yield* evaluateNode(node, { ...grid, stepCount: 1 }, context)
    context.profile?.spreadFirstStep(countBefore, grid.stepCount)
    return spread(once, grid.stepCount, context)
  }
  switch (node.kind) {
    case 'number':
      return { type: 'scalar', value: new Float64Array(grid.stepCount).fill(node.value) }
    case 'string':
      return { type: 'string', value: node.value }
    case 'paren':
      return yield* evaluate(node.inner, grid, context)
    case 'selector':
      return { type: 'vector', block: yield* selectVector(node, grid, { context, as: 'value' }) }
    case 'matrix':
    case 'subquery': {
      const series = yield* evaluateRanges(node, grid, context)
      // No function looks at this window: it is the answer.
      if (node.kind === 'matrix') for (const one of series) context.profile?.countAll(one)
      return { type: 'matrix', series }
    }
    case 'unary':
      return yield* evaluateUnary(node, grid, context)
    case 'aggregate':
      return { type: 'vector', block: yield* evaluateAggregate(node, grid, context) }
    case 'binary':
      return yield* evaluateBinary(node, grid, context)
    case 'call':
      return yield* callFunction(node, { grid, context, evaluators })
  }
}

const evaluators: Evaluators = {
  scalar: evaluateScalar,
  vector: evaluateVector,
  ranges: evaluateRanges,
}

function* evaluateVector(node: Expression, grid: Grid, context: Context): Work<Block> {
  const value = yield* evaluate(node, grid, context)
  if (value.type !== 'vector') throw new Error(`BUG: ${value.type} where a vector was checked`)
  return value.block
}

function* evaluateScalar(node: Expression, grid: Grid, context: Context): Work<Float64Array> {
  const value = yield* evaluate(node, grid, context)
  if (value.type !== 'scalar') throw new Error(`BUG: ${value.type} where a scalar was checked`)
  return value.value
}

/** The series of a range argument. */
function* evaluateRanges(node: Expression, grid: Grid, context: Context): Work<RangeSeries[]> {
  const inner = withoutParens(node)
  const { profile } = context
  const begunMs = profile?.workedMs() ?? 0
  let series: RangeSeries[]
  if (inner.kind === 'matrix') series = selectRanges(inner.selector, context)
  else if (inner.kind === 'subquery') series = yield* evaluateSubquery(inner, grid, context)
  else throw new Error(`BUG: ${inner.kind} where a range was checked`)
  if (profile?.hasNodes === true) profile.leave(inner, { type: 'matrix', series }, begunMs)
  return series
}

function* evaluateSubquery(node: SubqueryNode, grid: Grid, context: Context): Work<RangeSeries[]> {
  const inside = subqueryGrid(node, grid, context.times)
  if (inside.stepCount === 0) return []
  context.countSamples(inside.stepCount)
  const times = Float64Array.from({ length: inside.stepCount }, (_, step) => timeOf(inside, step))
  const block = yield* evaluateVector(node.inner, inside, context)
  return block.labels.map((labels, row) => toSeries(block, row, { labels, times }))
}

function toSeries(
  block: Block,
  row: number,
  parts: { labels: Block['labels'][number]; times: Float64Array },
): RangeSeries {
  const { stepCount } = block
  const base = row * stepCount
  const presence = block.presence.subarray(base, base + stepCount)
  const isNameDropped = block.isNameDropped[row]!
  const shared = { labels: parts.labels, isNameDropped, startTimeMs: undefined }
  const value = block.value.subarray(base, base + stepCount)
  if (block.histogram === undefined && !presence.includes(isAbsent))
    return { ...shared, count: stepCount, timeMs: parts.times, value, histogram: undefined }
  const timeMs = new Float64Array(stepCount)
  const kept = new Float64Array(stepCount)
  const histogram: RangeSeries['histogram'] = []
  let count = 0
  for (let step = 0; step < stepCount; step++) {
    if (presence[step] === isAbsent) continue
    timeMs[count] = parts.times[step]!
    kept[count] = value[step]!
    const found = block.histogram?.[base + step]
    // A subquery may skip or repeat samples; what they said of their neighbours no longer holds.
    if (found !== undefined)
      histogram[count] = found.resetHint === 'gauge' ? found : { ...found, resetHint: 'unknown' }
    count++
  }
  const hasHistograms = histogram.length > 0
  return { ...shared, count, timeMs, value: kept, histogram: hasHistograms ? histogram : undefined }
}

function* evaluateUnary(node: UnaryNode, grid: Grid, context: Context): Work<Value> {
  const inner = yield* evaluate(node.inner, grid, context)
  if (node.operator === '+') return inner
  if (inner.type === 'scalar') return { type: 'scalar', value: inner.value.map((value) => -value) }
  if (inner.type !== 'vector') throw new Error(`BUG: ${inner.type} under a sign`)
  const from = inner.block
  const block = new Block(from.stepCount, from.rowCount)
  for (let row = 0; row < from.rowCount; row++) block.addRow(from.labels[row]!, true)
  block.presence = from.presence
  block.value = from.value.map((value) => -value)
  block.histogram = from.histogram?.map((found) => (found === undefined ? found : scale(found, -1)))
  return { type: 'vector', block }
}

function* evaluateAggregate(node: AggregateNode, grid: Grid, context: Context): Work<Block> {
  const hasText = node.operator === 'count_values'
  const parameter =
    node.parameter === undefined || hasText
      ? undefined
      : yield* evaluateScalar(node.parameter, grid, context)
  const input = yield* evaluateVector(node.inner, grid, context)
  switch (node.operator) {
    case 'count_values': {
      const label = withoutParens(node.parameter!)
      return countValues(node, input, label.kind === 'string' ? label.value : '')
    }
    case 'topk':
    case 'bottomk':
    case 'limitk':
    case 'limit_ratio':
      return chooseRows(node, input, { context, parameter: parameter! })
    default:
      return yield* aggregateGroups(node, input, { context, parameter })
  }
}

function* evaluateBinary(node: BinaryNode, grid: Grid, context: Context): Work<Value> {
  const left = yield* evaluate(node.left, grid, context)
  const right = yield* evaluate(node.right, grid, context)
  yield
  if (left.type === 'scalar' && right.type === 'scalar')
    return { type: 'scalar', value: combineScalars(node, left.value, right.value) }
  if (left.type === 'vector' && right.type === 'vector') {
    const isSet = /^(and|or|unless)$/.test(node.operator)
    const block = isSet
      ? combineSets(node, left.block, right.block)
      : combineVectors(node, left.block, right.block, context)
    return { type: 'vector', block }
  }
  const isScalarLeft = left.type === 'scalar'
  const vector = isScalarLeft ? right : left
  const scalar = isScalarLeft ? left : right
  if (vector.type !== 'vector' || scalar.type !== 'scalar')
    throw new Error('BUG: operands were not checked')
  const parts = { scalar: scalar.value, isScalarLeft, context }
  return { type: 'vector', block: combineWithScalar(node, vector.block, parts) }
}

/** Functions whose result depends on the step although their arguments do not. */
const stepDependent =
  /^(time|timestamp|start_timestamp|predict_linear|minute|hour|month|year|day(s|_).*)$/

const invariant = new WeakMap<Expression, boolean>()

/** Whether an expression gives the same at every step, because all it reads is pinned by `@`. */
function isInvariant(node: Expression): boolean {
  let known = invariant.get(node)
  if (known === undefined) {
    known = findInvariant(node) && hasSelector(node)
    invariant.set(node, known)
  }
  return known
}

function findInvariant(node: Expression): boolean {
  if (node.kind === 'selector' || node.kind === 'subquery') return node.at !== undefined
  if (node.kind === 'matrix') return node.selector.at !== undefined
  if (node.kind === 'call' && stepDependent.test(node.name)) return false
  return childrenOf(node).every(findInvariant)
}

function hasSelector(node: Expression): boolean {
  return node.kind === 'selector' || childrenOf(node).some(hasSelector)
}

/** The one step's value at all steps. */
function spread(once: Value, stepCount: number, context: Context): Value {
  if (once.type === 'scalar')
    return { type: 'scalar', value: new Float64Array(stepCount).fill(once.value[0]!) }
  if (once.type !== 'vector') return once
  const from = once.block
  context.countSamples(from.rowCount * stepCount)
  const block = new Block(stepCount, from.rowCount)
  for (let row = 0; row < from.rowCount; row++) {
    const base = block.addRow(from.labels[row]!, from.isNameDropped[row]!)
    block.value.fill(from.value[row]!, base, base + stepCount)
    block.presence.fill(from.presence[row]!, base, base + stepCount)
    const found = from.histogram?.[row]
    if (found === undefined) continue
    block.histogram ??= []
    for (let step = 0; step < stepCount; step++) block.histogram[base + step] = found
  }
  return { type: 'vector', block }
}
