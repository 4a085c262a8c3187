/** Comparing counts: known tails, and the two keys. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareCounts, logBinomialTail } from './compare.ts'

test('the binomial tail is exact', () => {
  const check = (k: number, n: number, p: number, expected: number) => {
    const found = Math.exp(logBinomialTail(k, n, p))
    assert.ok(
      Math.abs(found - expected) < 1e-9 * expected,
      `P(X>=${k}) is ${found}, not ${expected}`,
    )
  }
  // Counted by hand: ten throws of a coin.
  check(10, 10, 0.5, 1 / 1024)
  check(9, 10, 0.5, 11 / 1024)
  check(8, 10, 0.5, 56 / 1024)
  check(6, 10, 0.5, 386 / 1024)
  check(3, 3, 0.1, 0.001)
  // 30 of 30 at 0.1: Stirling's range.
  check(30, 30, 0.1, 1e-30)
})

test('a doubled error ratio on much traffic is worse, and its strength grows with the evidence', () => {
  const little = compareCounts({ bad: 12, total: 200 }, { bad: 6, total: 2_000 })
  const much = compareCounts({ bad: 120, total: 2_000 }, { bad: 60, total: 20_000 })
  assert.equal(little.isWorse, true)
  assert.equal(much.isWorse, true)
  assert.ok(much.strength >= little.strength)
})

test('no errors before needs no special case', () => {
  const found = compareCounts({ bad: 16, total: 200 }, { bad: 0, total: 3_000 })
  assert.equal(found.isWorse, true)
  assert.equal(found.strength, 1)
})

test('a difference that is certain but does not matter is not worse', () => {
  const found = compareCounts({ bad: 3_000, total: 1_000_000 }, { bad: 1_500, total: 1_000_000 })
  assert.ok(found.pValue < 1e-6)
  assert.equal(found.isWorse, false)
  assert.equal(found.strength, 0)
})

test('a large difference on few requests proves nothing', () => {
  assert.equal(compareCounts({ bad: 4, total: 10 }, { bad: 0, total: 3_000 }).isEnough, false)
  assert.equal(compareCounts({ bad: 4, total: 100 }, { bad: 0, total: 3_000 }).isWorse, false)
})
