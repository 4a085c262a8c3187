/** Times, durations, limits and escaped names of Prometheus's API, with its error texts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  limitParameter,
  parseDurationText,
  parseTimeText,
  timeParameter,
  unescapeLabelName,
} from './parameter.ts'

test('a time is float seconds rounded to milliseconds, or RFC 3339', () => {
  const check = (text: string, expected: number): void =>
    assert.equal(parseTimeText(text), expected)
  check('1435781451.7816', 1_435_781_451_782)
  check('0', 0)
  check('-1.5', -1500)
  check('1e3', 1_000_000)
  check('2015-07-01T20:10:51.781Z', 1_435_781_451_781)
  check('2015-07-01T20:10:51.781999999Z', 1_435_781_451_781)
  check('2015-07-02T04:10:51+08:00', 1_435_781_451_000)
})

test('what is no time is refused in words that clients know', () => {
  for (const text of ['', 'now', '2015-07-01', '2015-07-01T20:10:51', 'NaN', '1e300', '5m']) {
    assert.throws(() => parseTimeText(text), {
      message: `cannot parse "${text}" to a valid timestamp`,
      status: 400,
    })
  }
  assert.throws(() => timeParameter(new URLSearchParams('start=x'), 'start', 0), {
    message:
      'invalid parameter "start": Invalid time value for \'start\': cannot parse "x" to a valid timestamp',
  })
})

test('a duration is float seconds or written with units', () => {
  const check = (text: string, expected: number): void =>
    assert.equal(parseDurationText(text), expected)
  check('15', 15_000)
  check('0.5', 500)
  check('1h30m', 5_400_000)
  check('250ms', 250)
  assert.throws(() => parseDurationText('1 hour'), {
    message: 'cannot parse "1 hour" to a valid duration',
  })
  assert.throws(() => parseDurationText('1e18'), { message: /It overflows int64$/ })
})

test('a limit is a whole number, and 0 is none', () => {
  const read = (text: string) => limitParameter(new URLSearchParams({ limit: text }), 'limit')
  assert.equal(read('10'), 10)
  assert.equal(read('0'), undefined)
  assert.equal(read(''), undefined)
  assert.throws(() => read('-1'), { message: /limit must be non-negative$/ })
  assert.throws(() => read('many'), { message: /parsing "many": invalid syntax$/ })
})

test('escaped label names are read back, others stay', () => {
  const check = (name: string, expected: string): void =>
    assert.equal(unescapeLabelName(name), expected)
  check('job', 'job')
  check('__proto__', '__proto__')
  check('U__http_2e_status__code', 'http.status_code')
  check('U__http_2e_status_code', 'U__http_2e_status_code')
  check('U___1f600_', '😀')
  check('U___ffffff_', 'U___ffffff_')
})
