// Sections: what is written how; long expressions are broken; what is printed means the same; the tree as JSON.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeExpression } from './describe.ts'
import { prepareTree } from './prepare.ts'
import { formatExpression } from './print.ts'

const language = { hasExperimentalFunctions: true, hasExtendedRanges: true }
const parse = (text: string) => prepareTree(text, language).root
const format = (text: string) => formatExpression(parse(text), text)

test('an expression is written as Prometheus writes it', () => {
  const check = (text: string, expected: string) => {
    assert.equal(format(text), expected)
    assert.equal(format(expected), expected)
  }
  check('sum by(a,b)(x)', 'sum by (a, b) (x)')
  check('sum(x)without()', 'sum without () (x)')
  check('topk  (5,x)', 'topk(5, x)')
  check('x{b="1",a!~"2"}[300s]offset 1h@3', 'x{a!~"2",b="1"}[5m] @ 3.000 offset 1h')
  check('a offset -90s @ end()', 'a @ end() offset -1m30s')
  check('a[1h:30s]', 'a[1h:30s]')
  check('a[1h:]', 'a[1h:]')
  check('{__name__="a",b="c"}', '{__name__="a",b="c"}')
  check('{"my.metric",`x y`="1"}', '{"my.metric","x y"="1"}')
  check('a==bool on(x)group_left(y)b', 'a == bool on (x) group_left (y) b')
  check('a + ignoring(x) b', 'a + ignoring (x) b')
  check('a+fill(0)b', 'a + fill (0) b')
  check('-1^+a', '-1 ^ +a')
  check('1e3 + 5m + 0x10', '1000 + 5m + 16')
  check('rate(a[5m*2])', 'rate(a[5m * 2])')
  check('-sum(a)', '-sum(a)')
})

test('a long expression is broken where its parts begin', () => {
  const long = (name: string) => `rate(${name}_requests_total{job="api",code=~"5.."}[5m])`
  assert.equal(
    format(
      `sum by (job) (${long('first')}) / (sum by (job) (${long('second')} + ${long('third')}))`,
    ),
    [
      '  sum by (job) (rate(first_requests_total{code=~"5..",job="api"}[5m]))',
      '/',
      '  (',
      '    sum by (job) (',
      '        rate(second_requests_total{code=~"5..",job="api"}[5m])',
      '      +',
      '        rate(third_requests_total{code=~"5..",job="api"}[5m])',
      '    )',
      '  )',
    ].join('\n'),
  )
})

test('what is printed means what was read', () => {
  for (const text of [
    'histogram_quantile(0.9, sum by (le) (rate(a_bucket{x="\\"y\\\\"}[5m])))',
    'a or b and c unless on (x) d',
    '(a + b)[5m:1m] offset 1m',
    'max_over_time((-a ^ 2)[1h:])',
    'count_values("v", a) > bool 2',
  ]) {
    const shown = JSON.stringify(describeExpression(parse(text)))
    assert.equal(JSON.stringify(describeExpression(parse(format(text)))), shown, text)
  }
})

test('the tree is told as parse_query tells it', () => {
  assert.deepEqual(describeExpression(parse('sum by (job) (rate(a{b="c"}[5m] offset 1m)) > 2')), {
    type: 'binaryExpr',
    op: '>',
    lhs: {
      type: 'aggregation',
      op: 'sum',
      expr: {
        type: 'call',
        func: { name: 'rate', argTypes: ['matrix'], variadic: 0, returnType: 'vector' },
        args: [
          {
            type: 'matrixSelector',
            range: 300_000,
            name: 'a',
            matchers: [
              { name: 'b', value: 'c', type: '=' },
              { name: '__name__', value: 'a', type: '=' },
            ],
            offset: 60_000,
            timestamp: null,
            startOrEnd: null,
            anchored: false,
            smoothed: false,
          },
        ],
      },
      param: null,
      grouping: ['job'],
      without: false,
    },
    rhs: { type: 'numberLiteral', val: '2' },
    matching: null,
    bool: false,
  })
  const joined = describeExpression(parse('a * on (x) group_left (y) b')) as { matching: object }
  assert.deepEqual(joined.matching, {
    card: 'many-to-one',
    labels: ['x'],
    on: true,
    include: ['y'],
    fillValues: { lhs: null, rhs: null },
  })
})
