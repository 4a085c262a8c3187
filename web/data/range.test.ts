import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  moveRange,
  parseSpan,
  readRange,
  scaleRange,
  spanText,
  stepOf,
  writeRange,
} from './range.ts'

const nowTimeMs = 1_800_000_000_000
const hourMs = 3_600_000

test('a relative range follows the clock and is written as it was read', () => {
  const range = readRange({ from: '6h' }, nowTimeMs)
  assert.deepEqual(range, {
    fromTimeMs: nowTimeMs - 6 * hourMs,
    toTimeMs: nowTimeMs,
    lastMs: 6 * hourMs,
  })
  assert.deepEqual(writeRange(range), { from: '6h', to: undefined })
})

test('an absolute range stands still and survives the address', () => {
  const search = { from: String(nowTimeMs - hourMs), to: String(nowTimeMs - 60_000) }
  const range = readRange(search, nowTimeMs)
  assert.equal(range.lastMs, undefined)
  assert.deepEqual(writeRange(range), search)
})

test('nonsense in the address falls back to the last hour', () => {
  for (const search of [{ from: '0h' }, { from: 'x' }, { from: '5', to: '4' }, { from: '-1h' }]) {
    assert.equal(readRange(search as Record<string, string>, nowTimeMs).lastMs, hourMs)
  }
})

test('spans are read and written in their shortest form', () => {
  assert.equal(parseSpan('90m'), 90 * 60_000)
  assert.equal(parseSpan('1y'), undefined)
  assert.equal(spanText(48 * hourMs), '2d')
  assert.equal(spanText(90_000), '90s')
})

test('moving later ends at now and follows the clock again', () => {
  const earlier = moveRange(readRange({ from: '1h' }, nowTimeMs), -0.5, nowTimeMs)
  assert.equal(earlier.toTimeMs, nowTimeMs - hourMs / 2)
  assert.equal(moveRange(earlier, 0.5, nowTimeMs).lastMs, hourMs)
})

test('widening never reaches past now, narrowing never below a minute', () => {
  const still = readRange({ from: String(nowTimeMs - hourMs), to: String(nowTimeMs) }, nowTimeMs)
  assert.equal(scaleRange(still, 2, nowTimeMs).toTimeMs, nowTimeMs)
  const narrow = scaleRange(still, 0.000001, nowTimeMs)
  assert.equal(narrow.toTimeMs - narrow.fromTimeMs, 60_000)
})

test('the step keeps a chart below its number of points', () => {
  for (const from of ['5m', '1h', '7d', '400d']) {
    const range = readRange({ from }, nowTimeMs)
    assert.ok((range.toTimeMs - range.fromTimeMs) / stepOf(range) <= 240, from)
  }
})
