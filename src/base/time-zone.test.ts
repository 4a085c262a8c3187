import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTimeZone, type LocalTime, readLocal, timeOfLocal, weekdayOf } from './time-zone.ts'

function at(text: string): LocalTime {
  const [date, time] = text.split(' ')
  const [year, month, day] = date!.split('-').map(Number)
  const [hour, minute] = time!.split(':').map(Number)
  return { year: year!, month: month!, day: day!, hour: hour!, minute: minute!, second: 0 }
}

function check(zone: string, local: string, utc: string): void {
  assert.equal(new Date(timeOfLocal(at(local), zone)).toISOString().slice(0, 16), utc, local)
}

test('a wall clock names an instant, on either side of a change of clocks', () => {
  check('Asia/Shanghai', '2026-11-20 09:00', '2026-11-20T01:00')
  check('Europe/Madrid', '2026-07-01 09:00', '2026-07-01T07:00')
  check('Europe/Madrid', '2026-12-01 09:00', '2026-12-01T08:00')
  check('America/New_York', '2026-03-08 01:59', '2026-03-08T06:59')
  check('America/New_York', '2026-03-08 03:00', '2026-03-08T07:00')
})

test('a skipped time counts as much later, of a doubled time the first is meant', () => {
  check('America/New_York', '2026-03-08 02:30', '2026-03-08T07:30')
  check('America/New_York', '2026-11-01 01:30', '2026-11-01T05:30')
  check('Australia/Lord_Howe', '2026-10-04 02:10', '2026-10-03T15:40')
})

test('every instant of two years is read and named again, but for doubled hours', () => {
  for (const zone of ['America/New_York', 'Europe/Madrid', 'Australia/Lord_Howe', 'Asia/Kolkata']) {
    for (let timeMs = Date.UTC(2026, 0, 1); timeMs < Date.UTC(2028, 0, 1); timeMs += 47 * 60_000) {
      const again = timeOfLocal(readLocal(timeMs, zone), zone)
      assert.ok(again === timeMs || (again < timeMs && timeMs - again <= 3_600_000), zone)
    }
  }
})

test('zones are known or not, and weekdays follow the date', () => {
  assert.equal(isTimeZone('Asia/Shanghai'), true)
  assert.equal(isTimeZone('Mars/Olympus'), false)
  assert.equal(weekdayOf({ year: 2026, month: 11, day: 20 }), 5)
})
