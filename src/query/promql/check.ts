/**
 * Checks an expression's types and rules that the grammar cannot know, with Prometheus's error texts.
 * Source: prometheus promql/parser/parse.go checkAST (Apache-2.0), behaviour re-implemented.
 */

import { messageOf } from '../../base/error.ts'
import { isLegacyLabelName } from '../../model/labels.ts'
import { durationMsOf } from './context.ts'
import { makeParseError } from './parse-error.ts'
import { findSignature } from './signature.ts'
import type {
  AggregateNode,
  BinaryNode,
  CallNode,
  DurationNode,
  Expression,
  SelectorNode,
  ValueType,
} from './tree.ts'
import { childrenOf } from './tree.ts'

/** What is allowed beyond stable PromQL. */
export interface Language {
  hasExperimentalFunctions: boolean
  hasExtendedRanges: boolean
}

/** The type of a checked expression. */
export function typeOf(node: Expression): ValueType {
  switch (node.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'selector':
    case 'aggregate':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'unary':
    case 'paren':
      return typeOf(node.inner)
    case 'call':
      return findSignature(node.name)!.result
    case 'binary':
      return typeOf(node.left) === 'scalar' && typeOf(node.right) === 'scalar' ? 'scalar' : 'vector'
  }
}

const typeNames: Record<ValueType, string> = {
  scalar: 'scalar',
  string: 'string',
  vector: 'instant vector',
  matrix: 'range vector',
}

/** Throws `QUERY_PARSE_FAILED` for the first rule that is broken. */
export function checkTree(root: Expression, text: string, language: Language): void {
  const fail = (node: Expression, reason: string): never => {
    throw makeParseError(text, node.span, reason)
  }
  const expect = (node: Expression, type: ValueType, context: string): void => {
    const found = typeOf(node)
    if (found !== type)
      fail(node, `expected type ${typeNames[type]} in ${context}, got ${typeNames[found]}`)
  }
  const check = (node: Expression): void => {
    if (node.kind === 'call' && node.name === 'info' && node.parameters[1] !== undefined) {
      check(node.parameters[0]!)
      checkInfo(node, fail)
    } else for (const child of childrenOf(node)) check(child)
    switch (node.kind) {
      case 'selector':
        checkSelector(node, language, fail)
        break
      case 'unary': {
        const type = typeOf(node.inner)
        if (type !== 'scalar' && type !== 'vector') {
          const reason =
            'unary expression only allowed on expressions of type scalar or instant vector'
          fail(node, `${reason}, got "${typeNames[type]}"`)
        }
        break
      }
      case 'matrix':
        checkDuration(node.range, text)
        break
      case 'subquery':
        checkDuration(node.range, text)
        if (node.step !== undefined) checkDuration(node.step, text)
        if (typeOf(node.inner) !== 'vector') {
          const found = typeOf(node.inner)
          fail(node, `subquery is only allowed on instant vector, got ${found} instead`)
        }
        break
      case 'aggregate':
        checkAggregate(node, language, { fail, expect })
        break
      case 'call':
        checkCall(node, language, { fail, expect })
        break
      case 'binary':
        checkBinary(node, { language, text, fail })
        break
    }
  }
  check(root)
}

/** A duration that does not depend on the query's times must be positive. */
function checkDuration(node: DurationNode, text: string): void {
  if (isComputed(node)) return
  const noTimes = { startTimeMs: 0, endTimeMs: 0, stepMs: 0, lookbackMs: 0, subqueryStepMs: 0 }
  let spanMs: number
  try {
    spanMs = durationMsOf(node, noTimes)
  } catch (thrown) {
    throw makeParseError(text, node.span, messageOf(thrown))
  }
  if (!(spanMs > 0)) throw makeParseError(text, node.span, 'duration must be greater than 0')
}

function isComputed(node: DurationNode): boolean {
  if (node.kind === 'operation') return isComputed(node.left) || isComputed(node.right)
  return node.kind === 'negative' ? isComputed(node.inner) : node.kind !== 'seconds'
}

type Fail = (node: Expression, reason: string) => never
type Expect = (node: Expression, type: ValueType, context: string) => void

function checkSelector(node: SelectorNode, language: Language, fail: Fail): void {
  if (node.matchers.every((matcher) => matcher.matches('')))
    fail(node, 'vector selector must contain at least one non-empty matcher')
  if (node.mode !== 'plain' && !language.hasExtendedRanges)
    fail(node, `${node.mode} modifier is not enabled; set query.extended_ranges`)
}

/** The second argument of `info` is a set of label matchers, not a query. */
function checkInfo(node: CallNode, fail: Fail): void {
  const selector = node.parameters[1]!
  if (selector.kind !== 'selector')
    fail(selector, `expected label selectors as the second argument to "info" function`)
  else if (selector.name !== '')
    fail(selector, 'expected label selectors only, got vector selector')
}

function checkAggregate(
  node: AggregateNode,
  language: Language,
  parts: { fail: Fail; expect: Expect },
): void {
  const isLimit = node.operator === 'limitk' || node.operator === 'limit_ratio'
  if (isLimit && !language.hasExperimentalFunctions)
    parts.fail(
      node,
      `${node.operator}() is experimental and must be enabled with query.experimental_functions`,
    )
  parts.expect(node.inner, 'vector', 'aggregation expression')
  if (node.parameter === undefined) return
  const type = node.operator === 'count_values' ? 'string' : 'scalar'
  parts.expect(node.parameter, type, 'aggregation parameter')
}

function checkCall(
  node: CallNode,
  language: Language,
  parts: { fail: Fail; expect: Expect },
): void {
  const signature = findSignature(node.name)!
  const { name, parameters, variadic } = signature
  if (signature.isExperimental && !language.hasExperimentalFunctions)
    parts.fail(node, `function "${name}" is not enabled; set query.experimental_functions`)
  const count = node.parameters.length
  if (variadic === 0 && count !== parameters.length) {
    parts.fail(node, `expected ${parameters.length} argument(s) in call to "${name}", got ${count}`)
  }
  if (variadic !== 0) {
    const countMin = parameters.length - 1
    if (count < countMin)
      parts.fail(
        node,
        `expected at least ${countMin} argument(s) in call to "${name}", got ${count}`,
      )
    const countMax = countMin + variadic
    if (variadic > 0 && count > countMax)
      parts.fail(
        node,
        `expected at most ${countMax} argument(s) in call to "${name}", got ${count}`,
      )
  }
  node.parameters.forEach((child, index) => {
    const type = parameters[Math.min(index, parameters.length - 1)]!
    parts.expect(child, type, `call to function "${name}"`)
  })
}

const comparisons = new Set(['==', '!=', '>', '<', '>=', '<='])
const setOperators = new Set(['and', 'or', 'unless'])

function checkBinary(
  node: BinaryNode,
  parts: { language: Language; text: string; fail: Fail },
): void {
  const { language, text, fail } = parts
  const { left, right, operator, matching } = node
  const leftType = typeOf(left)
  const rightType = typeOf(right)
  const isComparison = comparisons.has(operator)
  const isSet = setOperators.has(operator)
  const failAtOperator = (reason: string): never => {
    const start = left.span.end + /^\s*/.exec(text.slice(left.span.end))![0].length
    throw makeParseError(text, { start, end: start + operator.length }, reason)
  }
  if (node.isBool && !isComparison)
    failAtOperator('bool modifier can only be used on comparison operators')
  if (isComparison && !node.isBool && leftType === 'scalar' && rightType === 'scalar')
    failAtOperator('comparisons between scalars must use BOOL modifier')
  if (matching.isOn) {
    for (const label of matching.labels) {
      if (matching.include.includes(label))
        failAtOperator(`label "${label}" must not occur in ON and GROUP clause at once`)
    }
  }
  for (const [side, type] of [
    [left, leftType],
    [right, rightType],
  ] as const) {
    if (type !== 'scalar' && type !== 'vector')
      fail(side, 'binary expression must contain only scalar and instant vector types')
  }
  const hasFill = matching.fillLeft !== undefined || matching.fillRight !== undefined
  if (hasFill && !language.hasExtendedRanges)
    fail(node, 'fill modifiers are not enabled; set query.extended_ranges')
  for (const label of [...matching.labels, ...matching.include]) {
    if (label === '' || (!isLegacyLabelName(label) && /\ufffd/.test(label)))
      fail(node, `invalid label name for grouping: "${label}"`)
  }
  if (leftType !== 'vector' || rightType !== 'vector') {
    // Upstream lets `on()` and `ignoring()` without labels pass, and so does this.
    if (matching.labels.length > 0 || hasFill)
      fail(node, 'vector matching only allowed between instant vectors')
    if (isSet) fail(node, `set operator "${operator}" not allowed in binary scalar expression`)
  } else if (isSet) {
    if (matching.cardinality === 'one-to-many' || matching.cardinality === 'many-to-one')
      fail(node, `no grouping allowed for "${operator}" operation`)
    if (hasFill) fail(node, 'filling in missing series not allowed for set operators')
  }
}
