// Sections: what is refused and in which words; what is understood; fuzz.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CodedError } from '../../base/error.ts'
import { prepareTree } from './prepare.ts'
import type { Expression } from './tree.ts'

const language = { hasExperimentalFunctions: true, hasExtendedRanges: true }
const prepare = (expression: string) => prepareTree(expression, language)

test('a refused expression names the place and the reason as Prometheus does', () => {
  const check = (expression: string, expected: string) => {
    assert.throws(
      () => prepare(expression),
      (thrown: Error) => {
        assert.equal(thrown.message, expected, expression)
        assert.equal((thrown as CodedError).code, 'QUERY_PARSE_FAILED')
        return true
      },
    )
  }
  check('', '1:1: parse error: no expression found in input')
  check('# only a comment', '1:1: parse error: no expression found in input')
  check('1 +', '1:4: parse error: unexpected end of input')
  check('sum(x', '1:6: parse error: unclosed left parenthesis')
  check('"(" + (', '1:8: parse error: unclosed left parenthesis')
  check('foo(x', '1:6: parse error: unclosed left parenthesis')
  check('rate(a[5m', '1:10: parse error: unclosed left parenthesis')
  check('a[5m', '1:5: parse error: unclosed left bracket')
  check('a{b="c"', '1:8: parse error: unexpected end of input inside braces')
  check('a{# }', '1:6: parse error: unexpected end of input inside braces')
  check('sum(a))', "1:8: parse error: unexpected right parenthesis ')'")
  check('a{b="c"}}', "1:9: parse error: unexpected character: '}'")
  check(
    'a{b="c" d="e"}',
    '1:9: parse error: unexpected identifier "d" in label matching, expected "," or "}"',
  )
  check('a b', '1:3: parse error: unexpected identifier "b"')
  check('foo(1)', '1:1: parse error: unknown function with name "foo"')
  check(
    'rate(a)',
    '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
  )
  check(
    '1 +\n rate(a)',
    '2:7: parse error: expected type range vector in call to function "rate", got instant vector',
  )
  check('"é" + é', `1:8: parse error: unexpected character: 'é'`)
  check('rate(a[5m], 1)', '1:1: parse error: expected 1 argument(s) in call to "rate", got 2')
  check(
    'label_join(a, "b")',
    '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2',
  )
  check(
    'round(a, 1, 2)',
    '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3',
  )
  check('1 > 2', '1:3: parse error: comparisons between scalars must use BOOL modifier')
  check('a + bool b', '1:3: parse error: bool modifier can only be used on comparison operators')
  check('a and 1', '1:1: parse error: set operator "and" not allowed in binary scalar expression')
  check('a and on(x) group_left b', '1:1: parse error: no grouping allowed for "and" operation')
  check(
    'a + on(x) group_left(x) b',
    '1:3: parse error: label "x" must not occur in ON and GROUP clause at once',
  )
  check('1 + on(x) a', '1:1: parse error: vector matching only allowed between instant vectors')
  prepare('1 + on() a')
  prepare('sum(offset{a="b"} offset 5m) by (offset) + offset')
  check('atan2', '1:1: parse error: unexpected <op:atan2>')
  check('sum(a b)', '1:7: parse error: unexpected identifier "b" in aggregation')
  check(
    'sum by (a b) (x)',
    '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"',
  )
  check(
    'sum by (1) (x)',
    '1:9: parse error: unexpected number "1" in grouping opts, expected label',
  )
  check('sum(x) by', '1:10: parse error: unexpected end of input in grouping opts, expected "("')
  check('a + on 5m b', '1:8: parse error: unexpected duration "5m" in grouping opts, expected "("')
  check(
    'a{b}',
    '1:4: parse error: unexpected "}" in label matching, expected label matching operator',
  )
  check('a{b=c}', '1:5: parse error: unexpected identifier "c" in label matching, expected string')
  check('a{="b"}', '1:3: parse error: unexpected "=" in label matching, expected identifier or "}"')
  check('a{b=1}', "1:5: parse error: unexpected character inside braces: '1'")
  check('a @ b', '1:5: parse error: unexpected identifier "b" in @, expected timestamp')
  check(
    'a offset "x"',
    '1:10: parse error: unexpected string "\\"x\\"" in offset, expected number, duration, step(), or range()',
  )
  check(
    'a[5m 1]',
    '1:6: parse error: unexpected number "1" in subquery or range, expected ":" or "]"',
  )
  check('a[5m:1m:]', '1:8: parse error: unexpected ":" in subquery selector, expected "]"')
  check('round(a, )', '1:8: parse error: trailing commas not allowed in function call args')
  check('"\\q"', "1:1: parse error: unknown escape sequence U+0071 'q'")
  check('a @ 5offset 1m', '1:5: parse error: bad number or duration syntax: "5"')
  check('a]', "1:2: parse error: unexpected right bracket ']'")
  check('"a', '1:1: parse error: unterminated quoted string')
  check('a[1e10]', '1:3: parse error: duration out of range')
  check('a offset inf', '1:10: parse error: duration out of range')
  check(
    'a @ 1e20',
    `1:1: parse error: timestamp out of bounds for @ modifier: ${'1'.padEnd(21, '0')}.000000`,
  )
  check('"a" + bool 1', '1:5: parse error: bool modifier can only be used on comparison operators')
  check('{}', '1:1: parse error: vector selector must contain at least one non-empty matcher')
  check(
    '{a=~".*"}',
    '1:1: parse error: vector selector must contain at least one non-empty matcher',
  )
  check('a{__name__="b"}', '1:1: parse error: metric name must not be set twice: "a" or "b"')
  check('a[0s]', '1:3: parse error: duration must be greater than 0')
  check('a[5m:1m/0]', '1:6: parse error: division by zero')
  check('(a + b)[5m]', '1:1: parse error: ranges only allowed for vector selectors')
  check('a offset 5m[5m]', '1:1: parse error: no offset modifiers allowed before range')
  check('a offset 5m offset 5m', '1:1: parse error: offset may not be set multiple times')
})

test('what binds tighter is inside', () => {
  const check = (expression: string, expected: string) =>
    assert.equal(show(prepare(expression).root), expected)
  check('-1 ^ 2', '-(1^2)')
  check('2 ^ -1', '(2^-1)')
  check('2 ^ 3 ^ 2', '(2^(3^2))')
  check('1 - 2 - 3', '((1-2)-3)')
  check('a or b and c unless d', '(a or((b and c)unless d))')
  check('-a @ 5 + b offset 1m', '(-a@5000+b offset)')
  check('1./2', '(1/2)')
  check('min_of(1, max_of(2, 3))', 'min_of(1,max_of(2,3))')
  check('0x1F + 1e3 + 1_000 + .5 + 1m', '((((31+1000)+1000)+0.5)+60)')
})

function show(node: Expression): string {
  switch (node.kind) {
    case 'number':
      return String(node.value)
    case 'unary':
      return node.operator + show(node.inner)
    case 'binary': {
      const isWord = /\w/.test(node.operator)
      const right = show(node.right)
      const gap = isWord && /^\w/.test(right) ? ' ' : ''
      const left = show(node.left)
      const before = isWord && /\w$/.test(left) ? ' ' : ''
      return `(${left}${before}${node.operator}${gap}${right})`
    }
    case 'selector': {
      const at = typeof node.at === 'object' ? `@${node.at.timeMs}` : ''
      return `${node.name}${at}${node.offset === undefined ? '' : ' offset'}`
    }
    case 'call':
      return `${node.name}(${node.parameters.map(show).join(',')})`
    default:
      return node.kind
  }
}

test('strings know the escapes of Go', () => {
  const check = (literal: string, expected: string) => {
    const { root } = prepare(literal)
    assert.equal(root.kind === 'string' && root.value, expected)
  }
  check('"a\\n\\x41\\u00e9\\""', 'a\nAé"')
  check("'\\xc3\\xa9'", 'é')
  check('`a\\n`', 'a\\n')
  check('"__proto__"', '__proto__')
})

test('whatever is typed is either understood or refused with a place', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      'rate(',
      'sum by (x) (',
      '(',
      ')',
      '[5m]',
      '[5m:1m]',
      '{',
      '}',
      'x="y"',
      ',',
      '+',
      '-',
    ],
    ...[
      '^',
      '==',
      'bool',
      'on(x)',
      'group_left',
      'offset',
      '5m',
      '1',
      '"s',
      '@',
      'start()',
      '#',
      '\n',
    ],
    ...[
      'min_of(',
      'unless',
      'fill(0)',
      'smoothed',
      '\\',
      'é',
      '\u0000',
      '__proto__',
      'info(',
      '0x',
      '1e',
    ],
  )
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join(' ')),
    fc.string({ maxLength: 60 }),
  )
  fc.assert(
    fc.property(text, (expression) => {
      try {
        prepare(expression)
      } catch (thrown) {
        assert.ok(thrown instanceof CodedError, `${expression}: ${String(thrown)}`)
        assert.match(thrown.message, /^\d+:\d+: parse error: /)
      }
    }),
    { numRuns: 2000 },
  )
})

test('deep nesting is refused, not fatal', () => {
  const nest = (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)}`
  prepare(nest(300))
  assert.throws(() => prepare(nest(1200)), /nested too deeply/)
  assert.throws(() => prepare(nest(20_000)), /parse error/)
  prepare(`a${' or a{b="c"}'.repeat(900)}`)
  assert.throws(() => prepare(`a${' + a'.repeat(20_000)}`), /nested too deeply/)
  assert.throws(() => prepare(`a[${'-'.repeat(20_000)}5m]`), /parse error/)
})

test('brackets by the hundred thousand are refused at their place, in one pass', () => {
  const place = (text: string): string => {
    try {
      prepare(text)
    } catch (thrown) {
      return (thrown as Error).message
    }
    return 'fine'
  }
  const expected = '1:501: parse error: the expression is nested too deeply'
  assert.equal(place('('.repeat(200_000)), expected)
  assert.equal(place(`${'('.repeat(10_000)}1${')'.repeat(10_000)}`), expected)
  assert.match(place('sum by (a) ('.repeat(1000)), /nested too deeply/)
  // Brackets in strings and comments are none.
  assert.equal(place(`up{a="${'(['.repeat(600)}\\""} # ${'('.repeat(600)}`), 'fine')
})

test('a regular expression that cannot be read is told once', () => {
  assert.throws(() => prepare('up{job=~"("}'), {
    message: '1:4: parse error: error parsing regexp: missing closing ): `^(?s:()$`',
  })
})
