/** Calendars as Outlook, Google and others write them: zones of their own, every kind of repetition, exceptions. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { listCalendarShifts, readCalendar } from './calendar.ts'

const people = new Map([
  ['ana', 'ana'],
  ['bo', 'bo'],
])

function read(text: string, zone = 'UTC') {
  const body = text.trim().replace(/\n/g, '\r\n')
  return readCalendar(`BEGIN:VCALENDAR\r\n${body}\r\nEND:VCALENDAR\r\n`, zone, (name) =>
    people.get(name.trim().toLowerCase()),
  )
}

/** What takes place between two days, in UTC. */
function list(text: string, from: string, to: string, zone?: string): string[] {
  const span = { startTimeMs: Date.parse(`${from}Z`), endTimeMs: Date.parse(`${to}Z`) }
  const show = (timeMs: number): string =>
    new Date(timeMs).toISOString().slice(2, 16).replace('T', ' ')
  return listCalendarShifts(read(text, zone), span).map(
    (shift) => `${show(shift.startTimeMs)} – ${show(shift.endTimeMs)} ${shift.people.join('+')}`,
  )
}

/** The first days of what a rule says, from a Tuesday on. */
function days(rule: string, count = 4, start = '20260106T100000Z'): string[] {
  const text = `BEGIN:VEVENT\nDTSTART:${start}\nDURATION:PT1H\nRRULE:${rule}\nSUMMARY:bo\nEND:VEVENT`
  return list(text, '2025-01-01', '2036-01-01')
    .slice(0, count)
    .map((line) => line.slice(0, 8))
}

const berlinAsOutlookWritesIt = `BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE`

describe('a zone of a calendar', () => {
  const daily = (id: string, clock: string): string =>
    `BEGIN:VEVENT\nDTSTART;TZID=${id}:20260327T${clock}\nDURATION:PT1H\nRRULE:FREQ=DAILY\nSUMMARY:Ana\nEND:VEVENT`

  test('is what its definition says, on either side of a change of clocks', () => {
    const text = `${daily('Customized Time Zone', '090000')}\n${berlinAsOutlookWritesIt}`
    assert.deepEqual(list(text, '2026-03-28', '2026-03-30'), [
      '26-03-28 08:00 – 26-03-28 09:00 ana',
      '26-03-29 07:00 – 26-03-29 08:00 ana',
    ])
    assert.deepEqual(list(text, '2026-10-24', '2026-10-26'), [
      '26-10-24 07:00 – 26-10-24 08:00 ana',
      '26-10-25 08:00 – 26-10-25 09:00 ana',
    ])
  })

  test('shows skipped and doubled times as the platform does', () => {
    for (const clock of ['020000', '023000', '030000']) {
      const own = list(
        `${berlinAsOutlookWritesIt}\n${daily('Customized Time Zone', clock)}`,
        '2026-03-27',
        '2026-10-30',
      )
      assert.deepEqual(own, list(daily('Europe/Berlin', clock), '2026-03-27', '2026-10-30'), clock)
    }
  })

  test('may have the name that Windows gives it, or a path before its name', () => {
    const expected = list(daily('Europe/Berlin', '090000'), '2026-03-28', '2026-03-30')
    for (const id of ['W. Europe Standard Time', '/mozilla.org/20070129_1/Europe/Berlin'])
      assert.deepEqual(list(daily(id, '090000'), '2026-03-28', '2026-03-30'), expected, id)
  })

  test('that nobody knows is told, and the zone of the schedule is taken', () => {
    const text = daily('Atlantis', '090000')
    assert.deepEqual(read(text).problems, [
      'the time zone "Atlantis" is not known; that of the schedule is taken',
    ])
    assert.deepEqual(list(text, '2026-03-28', '2026-03-29', 'Asia/Shanghai'), [
      '26-03-28 01:00 – 26-03-28 02:00 ana',
    ])
  })

  test('with stretches that ended keeps the last of them', () => {
    const zone = `BEGIN:VTIMEZONE
TZID:Old
BEGIN:STANDARD
DTSTART:19900101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
RDATE:20001029T030000
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19910331T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20000326T010000Z
END:DAYLIGHT
END:VTIMEZONE`
    assert.deepEqual(
      list(`${zone}\n${daily('Old', '090000')}`, '2026-07-01', '2026-07-02').map((line) =>
        line.slice(9, 14),
      ),
      ['08:00'],
    )
  })
})

test('a rule may combine its parts', () => {
  // The last working day of a month.
  assert.deepEqual(days('FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1'), [
    '26-01-30',
    '26-02-27',
    '26-03-31',
    '26-04-30',
  ])
  // A Friday the 13th.
  assert.deepEqual(days('FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', 3), [
    '26-02-13',
    '26-03-13',
    '26-11-13',
  ])
  assert.deepEqual(days('FREQ=MONTHLY;BYDAY=+2WE,-1SU;COUNT=3'), [
    '26-01-14',
    '26-01-25',
    '26-02-11',
  ])
  assert.deepEqual(days('FREQ=MONTHLY;BYMONTHDAY=-1,15;UNTIL=20260228T100000Z'), [
    '26-01-15',
    '26-01-31',
    '26-02-15',
    '26-02-28',
  ])
  assert.deepEqual(days('FREQ=YEARLY;BYMONTH=11;BYDAY=4TH', 2), ['26-11-26', '27-11-25'])
  assert.deepEqual(days('FREQ=YEARLY;BYDAY=-1MO', 2), ['26-12-28', '27-12-27'])
  assert.deepEqual(days('FREQ=YEARLY;BYWEEKNO=20', 2), ['26-05-12', '27-05-18'])
  assert.deepEqual(days('FREQ=YEARLY;BYYEARDAY=100,-1', 2), ['26-04-10', '26-12-31'])
  assert.deepEqual(days('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=1,2', 3), [
    '26-02-01',
    '26-02-02',
    '27-02-01',
  ])
  // From RFC 5545: the first day of the week makes a difference.
  const ofWeeks = 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST='
  assert.deepEqual(days(`${ofWeeks}MO`, 4, '19970805T090000Z'), [])
  const early = (start: string): string[] =>
    list(
      `BEGIN:VEVENT\nDTSTART:19970805T090000Z\nRRULE:${ofWeeks}${start}\nDURATION:PT1H\nSUMMARY:bo\nEND:VEVENT`,
      '1997-01-01',
      '1998-01-01',
    ).map((line) => line.slice(3, 8))
  assert.deepEqual(early('MO'), ['08-05', '08-10', '08-19', '08-24'])
  assert.deepEqual(early('SU'), ['08-05', '08-17', '08-19', '08-31'])
})

test('a rule that nothing ever fits ends, and one with wrong parts is refused in words', () => {
  assert.deepEqual(days('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'), [])
  assert.deepEqual(days('FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3'), [])
  for (const rule of ['FREQ=HOURLY', 'FREQ=DAILY;BYMONTHDAY=40', 'FREQ=DAILY;BYEASTER=0']) {
    const text = `BEGIN:VEVENT\nDTSTART:20260106T100000Z\nRRULE:${rule}\nSUMMARY:bo\nEND:VEVENT`
    assert.deepEqual(read(text).problems, [`"bo" repeats in a way that is not understood: ${rule}`])
  }
})

test('further dates, periods and days without one', () => {
  const text = `BEGIN:VEVENT
DTSTART;TZID=Europe/Madrid:20261005T090000
DTEND;TZID=Europe/Madrid:20261005T170000
RRULE:FREQ=WEEKLY;COUNT=3
RDATE;TZID=Europe/Madrid:20261007T090000,20261005T090000
RDATE;VALUE=PERIOD:20261008T070000Z/PT2H,20261009T070000Z/20261009T080000Z
EXDATE;VALUE=DATE:20261012
SUMMARY:Bo
END:VEVENT`
  assert.deepEqual(list(text, '2026-10-01', '2026-10-31'), [
    '26-10-05 07:00 – 26-10-05 15:00 bo',
    '26-10-07 07:00 – 26-10-07 15:00 bo',
    '26-10-08 07:00 – 26-10-08 09:00 bo',
    '26-10-09 07:00 – 26-10-09 08:00 bo',
    '26-10-19 07:00 – 26-10-19 15:00 bo',
  ])
})

test('one occurrence may be moved, cancelled, or given to somebody unknown', () => {
  const text = `BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20261005
RRULE:FREQ=DAILY;COUNT=5
SUMMARY:Ana
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;VALUE=DATE:20261006
DTSTART;VALUE=DATE:20261006
SUMMARY:Bo
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;VALUE=DATE:20261007
DTSTART;VALUE=DATE:20261007
STATUS:CANCELLED
SUMMARY:Ana
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;VALUE=DATE:20261008
DTSTART;VALUE=DATE:20261008
SUMMARY:A stranger
END:VEVENT`
  assert.deepEqual(list(text, '2026-10-01', '2026-10-31'), [
    '26-10-05 00:00 – 26-10-06 00:00 ana',
    '26-10-06 00:00 – 26-10-07 00:00 bo',
    '26-10-09 00:00 – 26-10-10 00:00 ana',
  ])
  assert.equal(read(text).strangerCount, 1)
})

test('an end by the wall clock stays there when clocks change', () => {
  const text = `BEGIN:VEVENT
DTSTART;TZID=Europe/Madrid:20261023T180000
DTEND;TZID=Europe/Madrid:20261024T090000
RRULE:FREQ=DAILY
SUMMARY:Ana
END:VEVENT`
  assert.deepEqual(list(text, '2026-10-24 12:00', '2026-10-26 07:59'), [
    '26-10-24 16:00 – 26-10-25 08:00 ana',
    '26-10-25 17:00 – 26-10-26 07:59 ana',
  ])
})
