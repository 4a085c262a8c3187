/**
 * A PromQL expression as our own tree. Every node carries its place in the text (UTF-16 offsets), so
 * that errors and annotations can name it. Durations may be expressions (`[5m*2]`, `offset step()`);
 * they become numbers when a query's start, end and step are known (`plan.ts`).
 */

import type { Matcher } from '../../model/matcher.ts'

/** A half-open range of the expression's text. */
export interface Span {
  start: number
  end: number
}

/** What an expression yields. */
export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix'

/** Any expression. */
export type Expression =
  | NumberNode
  | StringNode
  | SelectorNode
  | MatrixNode
  | SubqueryNode
  | CallNode
  | AggregateNode
  | BinaryNode
  | UnaryNode
  | ParenNode

/** A number; durations written as numbers are seconds. */
export interface NumberNode {
  kind: 'number'
  span: Span
  value: number
}

/** A string. */
export interface StringNode {
  kind: 'string'
  span: Span
  value: string
}

/** `@` with a time, or with the query's own ends. */
export type AtModifier = { timeMs: number } | 'start' | 'end'

/** Shift in time of a selector or a subquery. */
export interface TimeShift {
  offset: DurationNode | undefined
  at: AtModifier | undefined
}

/** `name{matchers}`; also the inside of a matrix selector. */
export interface SelectorNode extends TimeShift {
  kind: 'selector'
  span: Span
  /** The metric name in front of the braces, or empty. */
  name: string
  matchers: Matcher[]
  /** `anchored` and `smoothed` change what a range holds at its ends. */
  mode: 'plain' | 'anchored' | 'smoothed'
}

/** `selector[range]` */
export interface MatrixNode {
  kind: 'matrix'
  span: Span
  selector: SelectorNode
  range: DurationNode
}

/** `expression[range:step]` */
export interface SubqueryNode extends TimeShift {
  kind: 'subquery'
  span: Span
  inner: Expression
  range: DurationNode
  /** `undefined` means the default step. */
  step: DurationNode | undefined
}

/** `name(arguments)` */
export interface CallNode {
  kind: 'call'
  span: Span
  name: string
  parameters: Expression[]
}

/** The aggregation operators. */
export type AggregateOperator =
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'count'
  | 'group'
  | 'stddev'
  | 'stdvar'
  | 'topk'
  | 'bottomk'
  | 'count_values'
  | 'quantile'
  | 'limitk'
  | 'limit_ratio'

/** `sum by (a) (inner)` */
export interface AggregateNode {
  kind: 'aggregate'
  span: Span
  operator: AggregateOperator
  /** The first argument of `topk`, `quantile` and so on. */
  parameter: Expression | undefined
  inner: Expression
  grouping: string[]
  isWithout: boolean
}

/** The binary operators. `</` and `>/` trim native histograms. */
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | 'atan2'
  | '=='
  | '!='
  | '>'
  | '<'
  | '>='
  | '<='
  | '</'
  | '>/'
  | 'and'
  | 'or'
  | 'unless'

/** How the two sides of a vector operator find each other. */
export interface VectorMatching {
  cardinality: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  isOn: boolean
  labels: string[]
  /** Labels copied from the "one" side. */
  include: string[]
  fillLeft: number | undefined
  fillRight: number | undefined
}

/** `left operator right` */
export interface BinaryNode {
  kind: 'binary'
  span: Span
  operator: BinaryOperator
  left: Expression
  right: Expression
  isBool: boolean
  matching: VectorMatching
  /** Whether `on` or `ignoring` was written. */
  hasMatching: boolean
}

/** `+x`, `-x` */
export interface UnaryNode {
  kind: 'unary'
  span: Span
  operator: '+' | '-'
  inner: Expression
}

/** `(x)` */
export interface ParenNode {
  kind: 'paren'
  span: Span
  inner: Expression
}

/** A duration that is a number of seconds, or is computed from `step()` and `range()`. */
export type DurationNode =
  | { kind: 'seconds'; span: Span; value: number }
  | { kind: 'step' | 'range'; span: Span }
  | {
      kind: 'operation'
      span: Span
      operator: '+' | '-' | '*' | '/' | '%' | '^' | 'min' | 'max'
      left: DurationNode
      right: DurationNode
    }
  | { kind: 'negative'; span: Span; inner: DurationNode }

/** The expression inside any number of parentheses. */
export function withoutParens(node: Expression): Expression {
  let current = node
  while (current.kind === 'paren') current = current.inner
  return current
}

/** The expressions directly below a node. */
export function childrenOf(node: Expression): Expression[] {
  switch (node.kind) {
    case 'number':
    case 'string':
    case 'selector':
      return []
    case 'matrix':
      return [node.selector]
    case 'subquery':
    case 'unary':
    case 'paren':
      return [node.inner]
    case 'call':
      return node.parameters
    case 'aggregate':
      return node.parameter === undefined ? [node.inner] : [node.parameter, node.inner]
    case 'binary':
      return [node.left, node.right]
  }
}
