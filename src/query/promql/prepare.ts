/** An expression made ready to run: parsed, checked, and what it reads known. */

import type { Matcher } from '../../model/matcher.ts'
import type { Grid } from './block.ts'
import { completeInfo } from './call.ts'
import { checkTree, type Language, typeOf } from './check.ts'
import { durationMsOf, type QueryTimes } from './context.ts'
import { parseTree } from './parse.ts'
import { rangeMsOf } from './plan.ts'
import type { Expression, TimeShift, ValueType } from './tree.ts'
import { childrenOf } from './tree.ts'

/** What one selector reads, relative to the time of evaluation. */
export interface SelectorReach {
  matchers: readonly Matcher[]
  /** How far back from the shifted time, lookback or range and subqueries included. */
  rangeMs: number
  offsetMs: number
}

/** A checked expression. */
export interface PreparedTree {
  expression: string
  root: Expression
  valueType: ValueType
}

/** Parses and checks; throws `QUERY_PARSE_FAILED`. */
export function prepareTree(expression: string, language: Language): PreparedTree {
  const root = parseTree(expression)
  checkTree(root, expression, language)
  completeCalls(root)
  return { expression, root, valueType: typeOf(root) }
}

function completeCalls(node: Expression): void {
  for (const child of childrenOf(node)) completeCalls(child)
  if (node.kind === 'call') completeInfo(node)
}

/** Every selector of a tree and how far it reaches. */
export function listReaches(root: Expression, times: QueryTimes): SelectorReach[] {
  const reaches: SelectorReach[] = []
  const walk = (node: Expression, outside: { rangeMs: number; offsetMs: number }): void => {
    if (node.kind === 'subquery') {
      const stepMs = node.step === undefined ? times.subqueryStepMs : durationMsOf(node.step, times)
      const rangeMs = outside.rangeMs + rangeMsOf(node.range, times) + stepMs
      walk(node.inner, { rangeMs, offsetMs: outside.offsetMs + offsetMsOf(node, times) })
      return
    }
    if (node.kind !== 'selector' && node.kind !== 'matrix') {
      for (const child of childrenOf(node)) walk(child, outside)
      return
    }
    const selector = node.kind === 'matrix' ? node.selector : node
    const ownMs = node.kind === 'matrix' ? rangeMsOf(node.range, times) : times.lookbackMs
    const extraMs = selector.mode === 'plain' ? 0 : times.lookbackMs
    reaches.push({
      matchers: selector.matchers,
      rangeMs: outside.rangeMs + ownMs + extraMs,
      offsetMs: outside.offsetMs + offsetMsOf(selector, times),
    })
  }
  walk(root, { rangeMs: 0, offsetMs: 0 })
  return reaches
}

function offsetMsOf(node: TimeShift, times: QueryTimes): number {
  return node.offset === undefined ? 0 : durationMsOf(node.offset, times)
}

/** The grid of a query. */
export function gridOf(times: QueryTimes): Grid {
  const { startTimeMs, endTimeMs, stepMs } = times
  const stepCount = stepMs > 0 ? Math.floor((endTimeMs - startTimeMs) / stepMs) + 1 : 1
  return { startTimeMs, stepMs, stepCount }
}
