/** The calendar's days are those of the reader's zone, also when clocks change. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pieceOf, stepDate, weeksOf } from './calendar-weeks.ts'

const hourMs = 3_600_000

test('a week begins on the Monday before, at midnight of the zone', () => {
  const [week] = weeksOf('2026-11-20', 'week', 'Asia/Shanghai')
  assert.deepEqual(week?.dates.slice(0, 2), ['2026-11-16', '2026-11-17'])
  assert.equal(week?.edgesMs[0], Date.parse('2026-11-15T16:00:00Z'))
  assert.equal(week?.edgesMs.length, 8)
})

test('the day on which clocks go back is 25 hours long', () => {
  const [week] = weeksOf('2026-10-25', 'week', 'Europe/Berlin')
  assert.equal(week!.edgesMs[7]! - week!.edgesMs[6]!, 25 * hourMs)
  const piece = pieceOf({ startTimeMs: week!.edgesMs[6]!, endTimeMs: week!.edgesMs[7]! }, week!)
  assert.deepEqual(piece, { fromRatio: 6 / 7, toRatio: 1, isCutBefore: false, isCutAfter: false })
})

test('a month shows each week that it touches', () => {
  assert.equal(weeksOf('2026-11-20', 'month', 'UTC').length, 6)
  assert.equal(weeksOf('2026-10-05', 'month', 'UTC').length, 5)
  assert.equal(weeksOf('2027-02-05', 'month', 'UTC')[0]?.dates[0], '2027-02-01')
})

test('steps go by week, fortnight and month', () => {
  assert.equal(stepDate('2026-12-31', 'week', 1), '2027-01-07')
  assert.equal(stepDate('2026-12-31', 'fortnight', -1), '2026-12-17')
  assert.equal(stepDate('2026-12-31', 'month', 1), '2027-01-01')
  assert.equal(stepDate('2026-03-31', 'month', -1), '2026-02-01')
})

test('a shift is cut at the edges of the week, and outside of it is nothing', () => {
  const [week] = weeksOf('2026-11-20', 'week', 'UTC')
  const begin = week!.edgesMs[0]!
  const piece = pieceOf({ startTimeMs: begin - hourMs, endTimeMs: begin + 12 * hourMs }, week!)
  assert.deepEqual(piece, {
    fromRatio: 0,
    toRatio: 0.5 / 7,
    isCutBefore: true,
    isCutAfter: false,
  })
  assert.equal(pieceOf({ startTimeMs: begin - hourMs, endTimeMs: begin }, week!), undefined)
})
