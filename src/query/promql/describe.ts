/**
 * A parsed expression as the JSON that Prometheus's `/api/v1/parse_query` answers and its web UI's tree
 * of an expression is drawn from. Times are milliseconds; durations that depend on the query are 0.
 * Source: prometheus web/api/v1/translate_ast.go (Apache-2.0), shape re-implemented.
 */

import type { Matcher } from '../../model/matcher.ts'
import { typeOf } from './check.ts'
import { durationMsOf } from './context.ts'
import { formatFixed } from './literal.ts'
import { findSignature } from './signature.ts'
import type { BinaryNode, DurationNode, Expression, SelectorNode, TimeShift } from './tree.ts'

/** The tree below a checked node; ready for `JSON.stringify`. */
export function describeExpression(node: Expression): object {
  switch (node.kind) {
    case 'number':
      return { type: 'numberLiteral', val: formatFixed(node.value) }
    case 'string':
      return { type: 'stringLiteral', val: node.value }
    case 'paren':
      return { type: 'parenExpr', expr: describeExpression(node.inner) }
    case 'unary':
      return { type: 'unaryExpr', op: node.operator, expr: describeExpression(node.inner) }
    case 'selector':
      return { type: 'vectorSelector', ...describeSelector(node) }
    case 'matrix': {
      const { selector, range } = node
      return { type: 'matrixSelector', range: fixedMsOf(range), ...describeSelector(selector) }
    }
    case 'subquery':
      return {
        type: 'subquery',
        expr: describeExpression(node.inner),
        range: fixedMsOf(node.range),
        step: node.step === undefined ? 0 : fixedMsOf(node.step),
        ...describeShift(node),
      }
    case 'call':
      return {
        type: 'call',
        func: describeFunction(node.name),
        args: node.parameters.map(describeExpression),
      }
    case 'aggregate':
      return {
        type: 'aggregation',
        op: node.operator,
        expr: describeExpression(node.inner),
        param: node.parameter === undefined ? null : describeExpression(node.parameter),
        grouping: node.grouping,
        without: node.isWithout,
      }
    case 'binary':
      return {
        type: 'binaryExpr',
        op: node.operator,
        lhs: describeExpression(node.left),
        rhs: describeExpression(node.right),
        matching: describeMatching(node),
        bool: node.isBool,
      }
  }
}

function describeSelector(node: SelectorNode): object {
  return {
    name: node.name,
    matchers: node.matchers.map(describeMatcher),
    ...describeShift(node),
    anchored: node.mode === 'anchored',
    smoothed: node.mode === 'smoothed',
  }
}

function describeMatcher({ name, operator, value }: Matcher): object {
  return { name, value, type: operator }
}

function describeShift({ offset, at }: TimeShift): object {
  return {
    offset: offset === undefined ? 0 : fixedMsOf(offset),
    timestamp: typeof at === 'object' ? at.timeMs : null,
    startOrEnd: typeof at === 'string' ? at : null,
  }
}

function describeFunction(name: string): object {
  const { parameters, variadic, result } = findSignature(name)!
  return { name, argTypes: parameters, variadic, returnType: result }
}

/** Only vectors on both sides are matched. */
function describeMatching(node: BinaryNode): object | null {
  if (typeOf(node.left) === 'scalar' || typeOf(node.right) === 'scalar') return null
  const { cardinality, labels, isOn, include, fillLeft, fillRight } = node.matching
  return {
    card: cardinality,
    labels,
    on: isOn,
    include,
    fillValues: { lhs: fillLeft ?? null, rhs: fillRight ?? null },
  }
}

function fixedMsOf(node: DurationNode): number {
  const noTimes = { startTimeMs: 0, endTimeMs: 0, stepMs: 0, lookbackMs: 0, subqueryStepMs: 0 }
  return isFixed(node) ? durationMsOf(node, noTimes) : 0
}

function isFixed(node: DurationNode): boolean {
  if (node.kind === 'negative') return isFixed(node.inner)
  if (node.kind === 'operation') return isFixed(node.left) && isFixed(node.right)
  return node.kind === 'seconds'
}
