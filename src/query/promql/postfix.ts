/**
 * What stands behind an operand: `[5m]`, `[1h:1m]`, `offset`, `@`, `anchored`, `smoothed`.
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

/** The expression's text and where the modifier ends in it. */
export interface Place {
  text: string
  end: number
}

/** `inner[range]` */
export function applyRange(inner: Expression, place: Place, range: DurationNode): Expression {
  if (inner.kind !== 'selector')
    return fail(place, 'ranges only allowed for vector selectors', inner)
  if (inner.offset !== undefined)
    return fail(place, 'no offset modifiers allowed before range', inner)
  if (inner.at !== undefined) return fail(place, 'no @ modifiers allowed before range', inner)
  return { kind: 'matrix', span: spanTo(inner, place), selector: inner, range }
}

/** `inner[range:step]` */
export function applySubquery(
  inner: Expression,
  place: Place,
  window: { range: DurationNode; step: DurationNode | undefined },
): Expression {
  const span = spanTo(inner, place)
  return { kind: 'subquery', span, inner, ...window, offset: undefined, at: undefined }
}

/** `inner offset duration` */
export function applyOffset(inner: Expression, place: Place, offset: DurationNode): Expression {
  const target = shiftable(inner)
  if (target === undefined) {
    const reason = 'offset modifier must be preceded by an instant vector selector or range vector'
    return fail(place, `${reason} selector or a subquery`, inner)
  }
  if (target.offset !== undefined) return fail(place, 'offset may not be set multiple times', inner)
  target.offset = offset
  return withSpan(inner, place)
}

/** `inner @ time` */
export function applyAt(inner: Expression, place: Place, at: AtModifier): Expression {
  const target = shiftable(inner)
  if (target === undefined) {
    const reason = '@ modifier must be preceded by an instant vector selector or range vector'
    return fail(place, `${reason} selector or a subquery`, inner)
  }
  if (target.at !== undefined)
    return fail(place, '@ <timestamp> may not be set multiple times', inner)
  target.at = at
  return withSpan(inner, place)
}

/** `inner anchored`, `inner smoothed` */
export function applyMode(
  inner: Expression,
  place: Place,
  mode: 'anchored' | 'smoothed',
): Expression {
  if (inner.kind !== 'selector' && inner.kind !== 'matrix')
    return fail(place, `${mode} modifier must be preceded by an instant or range selector`, inner)
  if (inner.kind === 'selector' && mode === 'anchored')
    return fail(place, 'anchored modifier must be preceded by a range selector', inner)
  const selector = inner.kind === 'matrix' ? inner.selector : inner
  if (selector.mode === mode)
    return fail(place, `${mode} modifier may not be set multiple times`, inner)
  if (selector.mode !== 'plain')
    return fail(place, 'anchored and smoothed modifiers cannot be used together', inner)
  selector.mode = mode
  return withSpan(inner, place)
}

function shiftable(node: Expression): SelectorNode | SubqueryNode | undefined {
  if (node.kind === 'matrix') return node.selector
  return node.kind === 'selector' || node.kind === 'subquery' ? node : undefined
}

function withSpan(node: Expression, place: Place): Expression {
  node.span = spanTo(node, place)
  return node
}

function spanTo(node: Expression, place: Place): Span {
  return { start: node.span.start, end: place.end }
}

function fail(place: Place, reason: string, node: Expression): never {
  throw makeParseError(place.text, node.span, reason)
}
