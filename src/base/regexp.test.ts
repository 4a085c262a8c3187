/** Anchored RE2 patterns: meaning, fast paths equal to the engine, hostile patterns, errors. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePattern } from './regexp.ts'

test('a pattern is anchored and its dot matches newlines', () => {
  const check = (source: string, text: string, expected: boolean) =>
    assert.equal(
      compilePattern(source).test(text),
      expected,
      `${source} on ${JSON.stringify(text)}`,
    )
  check('a', 'ab', false)
  check('a.*', 'a\nb', true)
  check('a|b', 'b', true)
  check('(a|bc)', 'bc', true)
  check('ab|', '', true)
  check('.+', '', false)
  check('', '', true)
  check('foo.+', 'foo', false)
  check('5..', '503', true)
  check('(?i)GET', 'get', true)
  check('a|b.*', 'xb', false)
})

test('literals are listed so that an index can answer', () => {
  assert.deepEqual(compilePattern('a|b|c').literals, ['a', 'b', 'c'])
  assert.equal(compilePattern('a.c').literals, undefined)
})

test('a hostile pattern takes linear time and a bad one is refused', () => {
  assert.equal(compilePattern('(a+)+b').test('a'.repeat(5_000)), false)
  assert.throws(() => compilePattern('a(b'), SyntaxError)
  assert.throws(() => compilePattern('(?=a)'), SyntaxError)
})

test('groups are told by number and by name', () => {
  const groups = compilePattern('(?P<host>.*):(\\d+)').groups('a:80')
  assert.deepEqual(groups?.byIndex, ['a:80', 'a', '80'])
  assert.equal(groups?.byName.get('host'), 'a')
})
