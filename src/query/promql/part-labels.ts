/**
 * By which labels an answer falls into parts that do not touch each other: in `a / b > 0.9` each element
 * depends on nothing but the latest samples of the series that have its labels, the metric's name aside; in
 * `sum by (job) (a) > 3` on those of the series with its job. Such an expression can be asked about a few
 * series alone, if they make whole parts, and the rest of its answer stays as it was.
 */

import type { AggregateOperator, Expression } from './tree.ts'

/** All labels but the metric's name, or the named ones. */
export type PartLabels = 'all' | readonly string[]

/** Functions that look at one value. */
const valueFunctions = new Set(
  'abs ceil floor exp ln log2 log10 round sgn sqrt deg rad clamp clamp_max clamp_min'.split(' '),
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

/** The labels of the parts; `undefined` when every element may depend on every series, or on more than the latest samples. */
export function findPartLabels(root: Expression): PartLabels | undefined {
  const kind = kindOf(root)
  return kind.type === 'vector' ? kind.by : undefined
}

function kindOf(node: Expression): Kind {
  switch (node.kind) {
    case 'number':
      return { type: 'number' }
    case 'selector':
      return node.mode === 'plain' && node.offset === undefined && node.at === undefined
        ? { type: 'vector', by: 'all' }
        : other
    case 'paren':
    case 'unary':
      return kindOf(node.inner)
    case 'call': {
      if (!valueFunctions.has(node.name)) return other
      const [first, ...rest] = node.parameters.map(kindOf)
      return first?.type === 'vector' && rest.every(({ type }) => type === 'number') ? first : other
    }
    case 'aggregate':
      return groupKind(node)
    case 'binary':
      return binaryKind(node)
    default:
      return other
  }
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
