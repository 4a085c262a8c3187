/**
 * The tree of an expression with what each node cost, told in the words of the expression itself.
 * Times are of the node with everything below it; `ownMs` is what the node itself took, of a selector with
 * its part of the reading. Reads go side by side, so that all nodes together may take longer than the query.
 */

import type { LabelCount, NodeCost, Profile, ReadCost } from './profile.ts'
import { childrenOf, type Expression } from './tree.ts'

/** Characters of a node's text that are shown. */
const shownLengthMax = 400

/** One node of the explained tree. */
export interface ExplainNode {
  kind: Expression['kind']
  /** The node's part of the expression on one line, cut when it is long. */
  text: string
  /** What stands at its top: the operator, the function or the metric; empty for parentheses. */
  name: string
  /** Its place in the expression (UTF-16 offsets, the end not included). */
  start: number
  end: number
  seriesCount: number
  pointCount: number
  elapsedMs: number
  ownMs: number
  /** Labels of the rows, the one with the most values first. */
  labels: LabelCount[]
  /** What its selector read; absent for what reads nothing. */
  read?: ReadCost
  children: ExplainNode[]
}

/** The explained tree. */
export function explainTree(root: Expression, expression: string, profile: Profile): ExplainNode {
  const walk = (node: Expression): { told: ExplainNode; evaluateMs: number } => {
    // The selector of a range is no step of its own.
    const inside = node.kind === 'matrix' ? [] : childrenOf(node)
    const below = inside.filter((child) => !isConstant(child)).map(walk)
    const cost = profile.costOf(node)
    const selector = node.kind === 'matrix' ? node.selector : node
    const read = profile.costOf(selector)?.read
    const belowMs = below.reduce((sum, child) => sum + child.evaluateMs, 0)
    // A node that the evaluator went past is as long as what is below it.
    const evaluateMs = isMeasured(cost) ? cost.elapsedMs : belowMs
    const readMs = read === undefined ? 0 : read.elapsedMs / read.selectorCount
    const ownMs = Math.max(0, evaluateMs - belowMs) + readMs
    const children = below.map((child) => child.told)
    const told: ExplainNode = {
      kind: node.kind,
      text: textOf(node, expression),
      name: nameOf(node),
      start: node.span.start,
      end: node.span.end,
      seriesCount: cost?.seriesCount ?? read?.seriesCount ?? 0,
      pointCount: cost?.pointCount ?? read?.sampleCount ?? 0,
      elapsedMs: children.reduce((sum, child) => sum + child.elapsedMs, ownMs),
      ownMs,
      labels: cost?.labels ?? [],
      ...(read === undefined ? {} : { read }),
      children,
    }
    return { told, evaluateMs }
  }
  return walk(root).told
}

function isMeasured(cost: NodeCost | undefined): cost is NodeCost {
  return cost !== undefined && (cost.elapsedMs > 0 || cost.pointCount > 0)
}

function textOf(node: Expression, expression: string): string {
  const { start, end } = node.span
  const text = expression.slice(start, Math.min(end, start + shownLengthMax))
  return text.replace(/\s+/g, ' ') + (end - start > shownLengthMax ? '…' : '')
}

/** Numbers and texts cost nothing worth a row. */
function isConstant(node: Expression): boolean {
  if (node.kind === 'number' || node.kind === 'string') return true
  return (node.kind === 'paren' || node.kind === 'unary') && isConstant(node.inner)
}

function nameOf(node: Expression): string {
  switch (node.kind) {
    case 'selector':
      return node.name
    case 'matrix':
      return node.selector.name
    case 'call':
      return node.name
    case 'aggregate':
    case 'binary':
    case 'unary':
      return node.operator
    default:
      return ''
  }
}
