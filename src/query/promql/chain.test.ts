// Sections: every operator beside every modifier; chains at random; signs; modifiers of operators; places.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTree } from './parse.ts'
import { childrenOf, type Expression, withoutParens } from './tree.ts'

/** From loose to tight. */
const levels = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '>', '<', '>=', '<='],
  ['+', '-'],
  ['*', '/', '%', 'atan2'],
  ['^'],
]
const operators = levels.flat()
const postfixes = ['offset 1s', '@ 5', '@ end()', '[5m]', '[5m:1m]', '[5m] anchored', 'smoothed']

/** The tree without parentheses and places. */
function shape(node: Expression): unknown {
  const bare = withoutParens(node)
  const { kind } = bare
  const below = childrenOf(bare).map(shape)
  if (bare.kind === 'binary') {
    const { operator, isBool, matching } = bare
    return { kind, operator, isBool, matching, below }
  }
  if (bare.kind === 'unary') {
    const { value } = below[0] as { value?: number }
    if (value === undefined) return { kind, operator: bare.operator, below }
    return { kind: 'number', value: bare.operator === '-' ? -value : value }
  }
  if (bare.kind === 'number') return { kind, value: bare.value }
  if (bare.kind === 'selector') {
    const offset = bare.offset?.kind === 'seconds' ? bare.offset.value : bare.offset?.kind
    return { kind, name: bare.name, at: bare.at, offset, mode: bare.mode }
  }
  return { kind, below }
}

const isSame = (text: string, explicit: string) =>
  assert.deepEqual(shape(parseTree(text)), shape(parseTree(explicit)), `${text} is ${explicit}`)

test('a modifier belongs to the operand before it, between any two operators', () => {
  const levelOf = (operator: string) => levels.findIndex((level) => level.includes(operator))
  for (const first of operators) {
    for (const second of operators) {
      const isLeftFirst =
        levelOf(first) > levelOf(second) || (levelOf(first) === levelOf(second) && first !== '^')
      for (const postfix of postfixes) {
        const shown = [`a ${postfix}`, `b ${postfix}`, `c ${postfix}`]
        const [a, b, c] = shown
        const explicit = isLeftFirst
          ? `((${a}) ${first} (${b})) ${second} (${c})`
          : `(${a}) ${first} ((${b}) ${second} (${c}))`
        isSame(`${a} ${first} ${b} ${second} ${c}`, explicit)
        const middleOnly = isLeftFirst
          ? `((a) ${first} (${b})) ${second} (c)`
          : `(a) ${first} ((${b}) ${second} (c))`
        isSame(`a ${first} ${b} ${second} c`, middleOnly)
      }
    }
  }
})

interface Node {
  text: string
  explicit: string
  level: number
}

const operand = fc.oneof(
  fc.constantFrom('a', 'b{x="y"}', '1', '(a + b)', 'sum(a offset 2s * b)', 'rate(a[5m] offset 1s)'),
  fc
    .tuple(fc.constantFrom('a', 'b{x="y"}'), fc.constantFrom(...postfixes))
    .map((pair) => pair.join(' ')),
  fc.constantFrom(
    'a offset 1s @ 5',
    'a @ start() offset -1s',
    '(a + b)[5m:] offset 1m',
    'a[1m] offset (1m + 2s)',
  ),
)
const operatorTail = fc.constantFrom(
  '',
  ' on (x)',
  ' ignoring (x, y) group_left (z)',
  ' on () group_right ()',
)

const tree: fc.Arbitrary<Node> = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 6 },
    operand.map((text): Node => ({ text, explicit: `(${text})`, level: 9 })),
    fc.tuple(fc.constantFrom('-', '+'), tie('node')).map(([sign, inner]): Node => {
      // A sign takes in what binds tighter than multiplication; it must not touch another sign's text.
      const text = inner.level >= 5 ? inner.text : `(${inner.text})`
      return { text: `${sign}${text}`, explicit: `(${sign}${inner.explicit})`, level: 4.5 }
    }),
    fc
      .tuple(tie('node'), fc.constantFrom(...operators), operatorTail, tie('node'))
      .map(([left, operator, tail, right]): Node => {
        const level = levels.findIndex((names) => names.includes(operator))
        const isPower = operator === '^'
        const wrap = (side: Node, isBare: boolean) => (isBare ? side.text : `(${side.text})`)
        // To the right of an operator a sign needs no parentheses, whatever the operator.
        const isRightBare =
          right.level > level || (isPower && right.level === level) || right.level === 4.5
        const isLeftBare = left.level > level || (!isPower && left.level === level)
        const isHidden = isRightBare && right.level === 4.5 && level === 5
        return {
          text: `${wrap(left, isLeftBare)} ${operator}${tail} ${wrap(right, isRightBare)}`,
          explicit: `(${left.explicit} ${operator}${tail} ${right.explicit})`,
          // `a ^ -b` may not be followed by `^` as if it were whole: the sign would take it in.
          level: isHidden ? 4.75 : level,
        }
      }),
  ),
})).node

test('any chain means what it means with every pair of parentheses written', () => {
  fc.assert(
    fc.property(tree, ({ text, explicit }) => isSame(text, explicit)),
    { numRuns: 1500 },
  )
})

test('the place of every node holds exactly its text', () => {
  const check = (node: Expression, text: string): void => {
    const own = text.slice(node.span.start, node.span.end)
    assert.deepEqual(shape(parseTree(own)), shape(node), `${own} in ${text}`)
    for (const child of childrenOf(node)) {
      // The selector inside a range stands for the whole while its modifiers are behind the range.
      if (node.kind !== 'matrix') check(child, text)
    }
  }
  fc.assert(
    fc.property(tree, ({ text }) => check(parseTree(text), text)),
    { numRuns: 500 },
  )
})

test('signs bind looser than power and modifiers, tighter than multiplication', () => {
  isSame('-a ^ b', '-(a ^ b)')
  isSame('-a ^ -b ^ c', '-(a ^ (-(b ^ c)))')
  isSame('a ^ -b * c', '(a ^ (-b)) * c')
  isSame('-a * b', '(-a) * b')
  isSame('-2 ^ 2', '-(2 ^ 2)')
  isSame('- 2 ^ 2', '-(2 ^ 2)')
  isSame('2 ^ -1', '2 ^ (-1)')
  isSame('1 -1', '1 - 1')
  isSame('a offset 5m -1', '(a offset 5m) - 1')
  isSame('-a offset 5m ^ 2', '-((a offset 5m) ^ 2)')
})

test('bool, on and group_left stay with their operator', () => {
  isSame(
    'a == bool on (x) b offset 1s + on (y) group_left (z) c @ 5 * d',
    'a == bool on (x) ((b offset 1s) + on (y) group_left (z) ((c @ 5) * d))',
  )
  isSame('x < 0 and a offset 30m > 0', '(x < 0) and ((a offset 30m) > 0)')
  isSame('b + a offset 1s * 10', 'b + ((a offset 1s) * 10)')
})

test('a number or an operation takes no offset of its own', () => {
  const refused = (text: string, position: string) =>
    assert.throws(
      () => parseTree(text),
      (thrown: Error) => {
        assert.match(
          thrown.message,
          new RegExp(`^${position}: parse error: offset modifier must be`),
        )
        return true
      },
    )
  refused('a + 1 offset 5m', '1:5')
  refused('a * (b + c) offset 5m', '1:5')
  refused('-sum(a) offset 5m', '1:2')
})
