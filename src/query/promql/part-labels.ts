/**
 * By which labels an answer falls into parts that do not touch each other: in `a / b > 0.9` each element
 * depends on nothing but the series that have its labels, the metric's name aside; in
 * `sum by (job) (rate(a[5m])) > 3` on the series with its job. Such an expression can be asked about a few
 * series alone, if they make whole parts: no sample of theirs changes the rest of its answer. Time alone may,
 * where windows slide and shifted samples come near.
 */

import type { AggregateOperator, Expression } from './tree.ts'

/** All labels but the metric's name, or the named ones. */
export type PartLabels = 'all' | readonly string[]

/** Functions that look at one value. */
const valueFunctions = new Set(
  'abs ceil floor exp ln log2 log10 round sgn sqrt deg rad clamp clamp_max clamp_min'.split(' '),
)
/** Functions that look at the window of one series. */
const windowFunctions = new Set(
  `rate irate increase delta idelta deriv predict_linear changes resets double_exponential_smoothing
   avg_over_time min_over_time max_over_time sum_over_time count_over_time quantile_over_time
   stddev_over_time stdvar_over_time mad_over_time last_over_time first_over_time
   present_over_time`.split(/\s+/),
)
/** Aggregations that answer one element for each group, with the group's labels. */
const groupOperators = new Set<AggregateOperator>([
  'sum',
  'avg',
  'min',
  'max',
  'count',
  'group',
  'stddev',
  'stdvar',
  'quantile',
])

type Kind = { type: 'vector'; by: PartLabels } | { type: 'number' } | { type: 'other' }

const other: Kind = { type: 'other' }

/** The labels of the parts; `undefined` when every element may depend on every series, or on no sample at all. */
export function findPartLabels(root: Expression): PartLabels | undefined {
  const kind = kindOf(root)
  return kind.type === 'vector' ? kind.by : undefined
}

function kindOf(node: Expression): Kind {
  switch (node.kind) {
    case 'number':
      return { type: 'number' }
    case 'selector':
      return selectorKind(node)
    case 'paren':
    case 'unary':
      return kindOf(node.inner)
    case 'matrix':
      return selectorKind(node.selector)
    case 'call':
      return callKind(node)
    case 'aggregate':
      return groupKind(node)
    case 'binary':
      return binaryKind(node)
    default:
      return other
  }
}

/** A fixed time is the same whatever arrives. */
function selectorKind({ mode, at }: Extract<Expression, { kind: 'selector' }>): Kind {
  return mode === 'plain' && at === undefined ? { type: 'vector', by: 'all' } : other
}

function callKind({ name, parameters }: Extract<Expression, { kind: 'call' }>): Kind {
  if (!valueFunctions.has(name) && !windowFunctions.has(name)) return other
  const kinds = parameters.map(kindOf)
  const vectors = kinds.filter(({ type }) => type === 'vector')
  return vectors.length === 1 && kinds.every(({ type }) => type !== 'other') ? vectors[0]! : other
}

function groupKind(node: Extract<Expression, { kind: 'aggregate' }>): Kind {
  const { operator, parameter, grouping, isWithout } = node
  const inner = kindOf(node.inner)
  const isPlain = parameter === undefined || kindOf(parameter).type === 'number'
  if (!groupOperators.has(operator) || isWithout || grouping.length === 0 || !isPlain) return other
  if (inner.type !== 'vector' || grouping.includes('__name__')) return other
  const by = [...new Set(grouping)].sort()
  const { by: innerBy } = inner
  return innerBy === 'all' || by.every((name) => innerBy.includes(name))
    ? { type: 'vector', by }
    : other
}

function binaryKind(node: Extract<Expression, { kind: 'binary' }>): Kind {
  const { fillLeft, fillRight } = node.matching
  if (node.hasMatching || fillLeft !== undefined || fillRight !== undefined) return other
  const [left, right] = [kindOf(node.left), kindOf(node.right)]
  if (left.type === 'other' || right.type === 'other') return other
  if (left.type === 'number') return right
  if (right.type === 'number') return left
  return String(left.by) === String(right.by) && typeof left.by === typeof right.by ? left : other
}
