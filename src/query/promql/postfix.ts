/**
 * What stands behind an expression: `[5m]`, `[1h:1m]`, `offset`, `@`, `anchored`, `smoothed`. The
 * grammar hangs them over a whole unary or binary expression; Prometheus means the last operand.
 */

import { makeParseError } from './parse-error.ts'
import type {
  AtModifier,
  DurationNode,
  Expression,
  SelectorNode,
  Span,
  SubqueryNode,
} from './tree.ts'

/** Where the modifier stands, for errors. */
export interface Place {
  text: string
  span: Span
}

/** `inner[range]` */
export function applyRange(inner: Expression, place: Place, range: DurationNode): Expression {
  return applyToLast(inner, place, (last, span) => {
    if (last.kind !== 'selector')
      return fail(place, 'ranges only allowed for vector selectors', last)
    if (last.offset !== undefined)
      return fail(place, 'no offset modifiers allowed before range', last)
    if (last.at !== undefined) return fail(place, 'no @ modifiers allowed before range', last)
    return { kind: 'matrix', span, selector: last, range }
  })
}

/** `inner[range:step]` */
export function applySubquery(
  inner: Expression,
  place: Place,
  window: { range: DurationNode; step: DurationNode | undefined },
): Expression {
  return applyToLast(inner, place, (last, span) => ({
    kind: 'subquery',
    span,
    inner: last,
    ...window,
    offset: undefined,
    at: undefined,
  }))
}

/** `inner offset duration` */
export function applyOffset(inner: Expression, place: Place, offset: DurationNode): Expression {
  return applyToLast(inner, place, (last, span) => {
    const target = shiftable(last)
    if (target === undefined) {
      const reason =
        'offset modifier must be preceded by an instant vector selector or range vector'
      return fail(place, `${reason} selector or a subquery`, last)
    }
    if (target.offset !== undefined)
      return fail(place, 'offset may not be set multiple times', last)
    target.offset = offset
    return withSpan(last, span)
  })
}

/** `inner @ time` */
export function applyAt(inner: Expression, place: Place, at: AtModifier): Expression {
  return applyToLast(inner, place, (last, span) => {
    const target = shiftable(last)
    if (target === undefined) {
      const reason = '@ modifier must be preceded by an instant vector selector or range vector'
      return fail(place, `${reason} selector or a subquery`, last)
    }
    if (target.at !== undefined)
      return fail(place, '@ <timestamp> may not be set multiple times', last)
    target.at = at
    return withSpan(last, span)
  })
}

/** `inner anchored`, `inner smoothed` */
export function applyMode(
  inner: Expression,
  place: Place,
  mode: 'anchored' | 'smoothed',
): Expression {
  return applyToLast(inner, place, (last, span) => {
    if (last.kind !== 'selector' && last.kind !== 'matrix')
      return fail(place, `${mode} modifier must be preceded by an instant or range selector`, last)
    if (last.kind === 'selector' && mode === 'anchored')
      return fail(place, 'anchored modifier must be preceded by a range selector', last)
    const selector = last.kind === 'matrix' ? last.selector : last
    if (selector.mode === mode)
      return fail(place, `${mode} modifier may not be set multiple times`, last)
    if (selector.mode !== 'plain')
      return fail(place, 'anchored and smoothed modifiers cannot be used together', last)
    selector.mode = mode
    return withSpan(last, span)
  })
}

function applyToLast(
  node: Expression,
  place: Place,
  apply: (last: Expression, span: Span) => Expression,
): Expression {
  const span = { start: node.span.start, end: place.span.end }
  if (node.kind === 'unary') return { ...node, span, inner: applyToLast(node.inner, place, apply) }
  if (node.kind === 'binary') return { ...node, span, right: applyToLast(node.right, place, apply) }
  return apply(node, span)
}

function shiftable(node: Expression): SelectorNode | SubqueryNode | undefined {
  if (node.kind === 'matrix') return node.selector
  return node.kind === 'selector' || node.kind === 'subquery' ? node : undefined
}

function withSpan(node: Expression, span: Span): Expression {
  node.span = span
  return node
}

function fail(place: Place, reason: string, node: Expression): never {
  throw makeParseError(place.text, node.span, reason)
}
