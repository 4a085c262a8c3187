import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addMatcher, searchedTexts, toQuery } from './log-query.ts'

test('plain words become a line filter, LogQL stays as it is', () => {
  assert.equal(toQuery(''), '{service_name=~".+"}')
  assert.equal(toQuery('{ } != "a"'), '{service_name=~".+"} != "a"')
  assert.equal(toQuery('timeout "x"'), '{service_name=~".+"} |= "timeout \\"x\\""')
  assert.equal(toQuery('{a="b"} |= "c"'), '{a="b"} |= "c"')
})

test('a matcher is added inside the selector, also when a value holds a brace', () => {
  assert.equal(addMatcher('', 'service', 'cart'), '{service="cart"}')
  assert.equal(addMatcher('{a="}"} |= "x"', 'b', 'c'), '{a="}", b="c"} |= "x"')
  assert.equal(addMatcher('{a="b"}', 'a', 'b'), '{a="b"}')
  assert.equal(addMatcher('oops', 'a', 'b'), '{a="b"} |= "oops"')
})

test('searched texts are found to be marked', () => {
  assert.deepEqual(searchedTexts('{a="b"} |= "x\\"y" != "z" |= `q`'), ['x"y', 'q'])
})
