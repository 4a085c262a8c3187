import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInSpan, parseTimeSpan, type TimeSpanText } from './time-interval.ts'

function isIn(text: TimeSpanText, time: string): boolean {
  return isInSpan(parseTimeSpan(text), Date.parse(time))
}

test('a span without ranges holds always', () => {
  assert.equal(isIn({}, '2026-01-01T00:00:00Z'), true)
})

test('times of day include their start and not their end, 24:00 is the end of the day', () => {
  const day = { times: [{ start_time: '09:00', end_time: '17:00' }] }
  assert.equal(isIn(day, '2026-01-01T08:59:59Z'), false)
  assert.equal(isIn(day, '2026-01-01T09:00:00Z'), true)
  assert.equal(isIn(day, '2026-01-01T16:59:59Z'), true)
  assert.equal(isIn(day, '2026-01-01T17:00:00Z'), false)
  const evening = { times: [{ start_time: '23:00', end_time: '24:00' }] }
  assert.equal(isIn(evening, '2026-01-01T23:59:59Z'), true)
  assert.equal(isIn(evening, '2026-01-02T00:00:00Z'), false)
})

test('the time zone decides, across the change to summer time', () => {
  const china = { times: [{ start_time: '09:00', end_time: '10:00' }], location: 'Asia/Shanghai' }
  assert.equal(isIn(china, '2026-01-01T01:30:00Z'), true)
  assert.equal(isIn(china, '2026-01-01T09:30:00Z'), false)
  const berlin = { times: [{ start_time: '09:00', end_time: '10:00' }], location: 'Europe/Berlin' }
  assert.equal(isIn(berlin, '2026-03-28T08:30:00Z'), true)
  assert.equal(isIn(berlin, '2026-03-29T08:30:00Z'), false)
  assert.equal(isIn(berlin, '2026-03-29T07:30:00Z'), true)
})

test('weekdays, months and years are names, numbers and ranges; all kinds must hold', () => {
  const span = { weekdays: ['Monday:friday'], months: ['may:8', 'december'], years: ['2025:2026'] }
  assert.equal(isIn(span, '2026-05-04T00:00:00Z'), true)
  assert.equal(isIn(span, '2026-05-03T00:00:00Z'), false)
  assert.equal(isIn(span, '2026-12-01T00:00:00Z'), true)
  assert.equal(isIn(span, '2026-09-01T00:00:00Z'), false)
  assert.equal(isIn(span, '2027-05-04T00:00:00Z'), false)
})

test('negative days count from the end of the month, leap years included', () => {
  const last = { days_of_month: ['-1'] }
  assert.equal(isIn(last, '2026-02-28T12:00:00Z'), true)
  assert.equal(isIn(last, '2028-02-28T12:00:00Z'), false)
  assert.equal(isIn(last, '2028-02-29T12:00:00Z'), true)
  assert.equal(isIn({ days_of_month: ['5:-1'] }, '2026-04-30T12:00:00Z'), true)
  assert.equal(isIn({ days_of_month: ['5:-1'] }, '2026-04-04T12:00:00Z'), false)
  assert.equal(isIn({ days_of_month: ['31'] }, '2026-04-30T12:00:00Z'), false)
})

test('what is not a span is refused with the reason', () => {
  const check = (text: TimeSpanText, expected: RegExp) =>
    assert.throws(() => parseTimeSpan(text), expected)
  check({ times: [{ start_time: '25:00', end_time: '26:00' }] }, /couldn't parse timestamp 25:00/)
  check({ times: [{ start_time: '10:00', end_time: '10:00' }] }, /cannot be equal or greater/)
  check({ weekdays: ['caturday'] }, /caturday is not a valid weekday/)
  check({ weekdays: ['friday:monday'] }, /start day cannot be before end day/)
  check({ days_of_month: ['0'] }, /not a valid day/)
  check({ days_of_month: ['-3:5'] }, /must be negative/)
  check({ days_of_month: ['-1:-5'] }, /always before/)
  check({ months: ['13'] }, /13 is not a valid month/)
  check({ years: ['next'] }, /not a valid year/)
  check({ location: 'Moon/Base' }, /unknown time zone Moon\/Base/)
})
