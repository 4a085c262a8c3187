/** Patterns of log lines. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPatterns } from './cause.ts'
import { maskLine, plainPartOf } from './log-pattern.ts'

test('what changes from line to line is masked, what stays is kept', () => {
  const check = (line: string, expected: string) => assert.equal(maskLine(line), expected)
  check('level=error msg="payment token rejected" order=o-77', 'payment token rejected')
  check('{"level":"error","message":"timeout after 30 ms"}', 'timeout after <n> ms')
  check(
    '2026-11-20T10:00:00.123Z ERROR db: no connection to 10.0.0.7:5432',
    '<time> ERROR db: no connection to <address>',
  )
  check("cannot open '/etc/x' for user 42", 'cannot open <text> for user <n>')
  check('job 0d9a1c2e-1111-4222-8333-444455556666 failed', 'job <id> failed')
  check('bad block deadbeef01 at 0xff', 'bad block <hex> at <hex>')
  check('{"broken": json', '{<text>: json')
})

test('a pattern is new only when it never occurred before', () => {
  const old = [{ line: 'error: timeout after 3 s' }]
  const fresh = [
    { line: 'error: timeout after 9 s' },
    { line: 'error: token tok_01 rejected' },
    { line: 'error: token tok_02 rejected' },
  ]
  assert.deepEqual(newPatterns(old, fresh), [
    { pattern: 'error: token <id> rejected', count: 2, sample: 'error: token tok_01 rejected' },
  ])
})

test('the plain part serves as a line filter when it is long enough', () => {
  assert.equal(
    plainPartOf('<time> ERROR db: no connection to <address>'),
    'ERROR db: no connection to',
  )
  assert.equal(plainPartOf('<n> <hex>'), '')
})
