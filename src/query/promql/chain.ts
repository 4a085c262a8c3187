/**
 * Gives a chain of operands, signs, operators and postfix modifiers its shape by precedence climbing.
 *
 * The editors' grammar hangs `offset`, `@`, `[5m]` and the like over everything that stands to their
 * left (`b + a offset 1s * 10` is `((b + a) offset 1s) * 10` there). Prometheus binds them to the last
 * operand, so the shape that the grammar found is of no use around them: only the order of the pieces is.
 * Precedence: prometheus promql/parser/generated_parser.y (Apache-2.0), facts only.
 */

import type { BinaryOperator, Expression } from './tree.ts'

/** A piece of a chain, in the order of the text. */
export type ChainPiece =
  | { kind: 'operand'; node: Expression }
  | { kind: 'sign'; operator: '+' | '-'; start: number }
  | { kind: 'postfix'; apply: (inner: Expression) => Expression }
  | {
      kind: 'operator'
      operator: BinaryOperator
      combine: (left: Expression, right: Expression) => Expression
    }

/** From loose to tight; all are left-associative but `^`. */
const levels: readonly (readonly BinaryOperator[])[] = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '>', '<', '>=', '<=', '</', '>/'],
  ['+', '-'],
  ['*', '/', '%', 'atan2'],
  ['^'],
]

const levelOf = new Map<BinaryOperator, number>(
  levels.flatMap((operators, level) => operators.map((operator) => [operator, level] as const)),
)

/** A sign binds as multiplication does, so that only `^` and postfix modifiers come before it. */
const signLevel = levelOf.get('^')!

/** The tree of a whole chain: operands with signs before and modifiers behind, operators between. */
export function shapeChain(pieces: readonly ChainPiece[]): Expression {
  let at = 0

  const operand = (): Expression => {
    const piece = pieces[at++]!
    if (piece.kind === 'sign') return applySign(piece, climb(signLevel))
    if (piece.kind !== 'operand') throw new Error(`BUG: a ${piece.kind} where an operand belongs`)
    let { node } = piece
    for (let next = pieces[at]; next?.kind === 'postfix'; next = pieces[++at]) {
      node = next.apply(node)
    }
    return node
  }

  const climb = (levelMin: number): Expression => {
    let left = operand()
    for (let next = pieces[at]; next?.kind === 'operator'; next = pieces[at]) {
      const level = levelOf.get(next.operator)!
      if (level < levelMin) break
      at++
      left = next.combine(left, climb(next.operator === '^' ? level : level + 1))
    }
    return left
  }

  return climb(0)
}

/** A signed number is a number; anything else is wrapped. */
function applySign(sign: Extract<ChainPiece, { kind: 'sign' }>, inner: Expression): Expression {
  const span = { start: sign.start, end: inner.span.end }
  if (inner.kind !== 'number') return { kind: 'unary', span, operator: sign.operator, inner }
  return { kind: 'number', span, value: sign.operator === '-' ? -inner.value : inner.value }
}
