/** Durations: parsing, formatting, what is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration } from './duration.ts'

test('a duration is read in milliseconds', () => {
  const check = (text: string, expected: number | undefined) =>
    assert.equal(parseDuration(text), expected, text)
  check('15s', 15_000)
  check('1h30m', 5_400_000)
  check('500ms', 500)
  check('1y2w3d', 31_536_000_000 + 2 * 604_800_000 + 3 * 86_400_000)
  check('5m30ms', 300_030)
  check('0', 0)
  check('', undefined)
  check('1', undefined)
  check('1.5h', undefined)
  check('30m1h', undefined)
  check('-5m', undefined)
  check('106751d', 9_223_286_400_000)
  check('106752d', undefined)
})

test('a duration is written so that it reads the same', () => {
  for (const spanMs of [
    1, 999, 1_000, 61_000, 86_400_000, 864_000_000, 604_800_000, 31_536_000_000, 90_061_001,
  ]) {
    assert.equal(parseDuration(formatDuration(spanMs)), spanMs)
  }
  assert.equal(formatDuration(90_000), '1m30s')
  assert.equal(formatDuration(864_000_000), '10d')
  assert.equal(formatDuration(0), '0s')
})
