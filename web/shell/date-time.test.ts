import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDateTime } from './date-time.ts'

test('a time is read in the zone it is meant in', () => {
  assert.equal(parseDateTime('2026-11-20 12:47', 'UTC'), Date.UTC(2026, 10, 20, 12, 47))
  assert.equal(
    parseDateTime('2026-11-20 12:47:03', 'Asia/Shanghai'),
    Date.UTC(2026, 10, 20, 4, 47, 3),
  )
  assert.equal(parseDateTime('2026-07-01T12:00', 'Europe/Berlin'), Date.UTC(2026, 6, 1, 10, 0))
})

test('around a change of the clocks the right offset is taken', () => {
  assert.equal(parseDateTime('2026-10-25 01:30', 'Europe/Berlin'), Date.UTC(2026, 9, 24, 23, 30))
  assert.equal(parseDateTime('2026-10-25 04:00', 'Europe/Berlin'), Date.UTC(2026, 9, 25, 3, 0))
})

test('anything else is no time', () => {
  for (const text of ['', 'now', '2026-11-20', '20.11.2026 12:47', '2026-11-20 12:4']) {
    assert.equal(parseDateTime(text, 'UTC'), undefined, text)
  }
})
