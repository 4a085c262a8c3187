/**
 * Whether each element of an answer depends on nothing but the latest samples of the series that have its
 * labels, the metric's name aside: `a / b > 0.9` does, `sum(a)` and `rate(a[5m])` do not. Such an
 * expression can be asked about a few series alone, and the rest of its answer stays as it was.
 */

import type { Expression } from './tree.ts'

/** Functions that look at one value. */
const valueFunctions = new Set(
  'abs ceil floor exp ln log2 log10 round sgn sqrt deg rad clamp clamp_max clamp_min'.split(' '),
)

/** Whether an expression is so. */
export function isElementwise(root: Expression): boolean {
  return kindOf(root) === 'vector'
}

function kindOf(node: Expression): 'vector' | 'number' | 'other' {
  switch (node.kind) {
    case 'number':
      return 'number'
    case 'selector':
      return node.mode === 'plain' && node.offset === undefined && node.at === undefined
        ? 'vector'
        : 'other'
    case 'paren':
    case 'unary':
      return kindOf(node.inner)
    case 'call': {
      if (!valueFunctions.has(node.name)) return 'other'
      const [first, ...rest] = node.parameters.map(kindOf)
      return first === 'vector' && rest.every((kind) => kind === 'number') ? 'vector' : 'other'
    }
    case 'binary': {
      const { fillLeft, fillRight } = node.matching
      if (node.hasMatching || fillLeft !== undefined || fillRight !== undefined) return 'other'
      const kinds = [kindOf(node.left), kindOf(node.right)]
      if (kinds.includes('other')) return 'other'
      return kinds.includes('vector') ? 'vector' : 'number'
    }
    default:
      return 'other'
  }
}
