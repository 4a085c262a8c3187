/** Sections: rotations, layers and hours, overrides, calendars in and out, targets, names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '../config/config.ts'
import { z } from '../config/schema.ts'
import type { Shift } from '../model/on-call.ts'
import { OnCall } from './oncall.ts'
import { oncallSettings } from './settings.ts'

const people = `
people:
- {name: ana, email: ana@x.org, contacts: [{name: push, receiver: ana}]}
- {name: bo, contacts: [{name: push, receiver: bo}]}
- {name: cy, contacts: [{name: push, receiver: cy}]}
teams:
- {name: db, members: [ana, bo, cy], schedule: s}
- {name: web, members: [bo, cy]}
`

function make(schedule: string, more = ''): OnCall {
  const yaml = `${people}schedules:\n- name: s\n${schedule}\n${more}`
  return new OnCall(z.object(oncallSettings.top).parse(parseYaml(yaml, 'a.yml').value))
}

const time = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)

function show(shifts: readonly Shift[]): string[] {
  const at = (timeMs: number): string =>
    new Date(timeMs).toISOString().slice(5, 16).replace('T', ' ')
  return shifts.map(
    (one) => `${at(one.startTimeMs)} – ${at(one.endTimeMs)} ${one.people.join('+')} ${one.source}`,
  )
}

function list(duty: OnCall, from: string, to: string): string[] {
  return show(duty.shifts('s', { startTimeMs: time(from), endTimeMs: time(to) }))
}

test('a weekly turn changes at the hand-over on local clocks, also when they change', () => {
  const duty = make(`  time_zone: Europe/Madrid
  layers:
  - {people: [ana, bo], start: 2026-10-12, handover: '09:00'}`)
  assert.deepEqual(list(duty, '2026-10-10 00:00', '2026-11-03 00:00'), [
    '10-12 07:00 – 10-19 07:00 ana layer 1',
    '10-19 07:00 – 10-26 08:00 bo layer 1',
    '10-26 08:00 – 11-02 08:00 ana layer 1',
    '11-02 08:00 – 11-03 00:00 bo layer 1',
  ])
})

test('daily, monthly, hourly and custom turns', () => {
  const daily = make(
    `  layers: [{people: [ana, bo, cy], rotation: daily, every: 2, start: 2026-01-01}]`,
  )
  assert.deepEqual(list(daily, '2026-01-06 12:00', '2026-01-08 00:00'), [
    '01-06 12:00 – 01-07 00:00 cy layer 1',
    '01-07 00:00 – 01-08 00:00 ana layer 1',
  ])
  const monthly = make(`  layers: [{people: [ana, bo], rotation: monthly, start: 2026-01-31}]`)
  assert.deepEqual(list(monthly, '2026-02-01 00:00', '2026-04-01 00:00'), [
    '02-01 00:00 – 02-28 00:00 ana layer 1',
    '02-28 00:00 – 03-31 00:00 bo layer 1',
    '03-31 00:00 – 04-01 00:00 ana layer 1',
  ])
  const hourly = make(
    `  layers: [{people: [ana, bo], rotation: hourly, every: 8, start: 2026-01-01T06:00}]`,
  )
  assert.deepEqual(list(hourly, '2026-01-01 00:00', '2026-01-02 00:00'), [
    '01-01 06:00 – 01-01 14:00 ana layer 1',
    '01-01 14:00 – 01-01 22:00 bo layer 1',
    '01-01 22:00 – 01-02 00:00 ana layer 1',
  ])
  const custom = make(
    `  layers: [{people: [ana, [bo, cy]], rotation: custom, shift: 36h, start: 2026-01-01}]`,
  )
  assert.deepEqual(list(custom, '2026-01-01 00:00', '2026-01-04 00:00'), [
    '01-01 00:00 – 01-02 12:00 ana layer 1',
    '01-02 12:00 – 01-04 00:00 bo+cy layer 1',
  ])
})

test('a later layer goes before an earlier one in its hours, also past midnight', () => {
  const duty = make(`  layers:
  - {name: week, people: [ana], start: 2026-01-01}
  - name: night
    people: [bo]
    start: 2026-01-01
    end: 2026-01-06
    restrictions: [{weekdays: [friday, saturday], start_time: '22:00', end_time: '06:00'}]`)
  // 2 January 2026 is a Friday
  assert.deepEqual(list(duty, '2026-01-02 12:00', '2026-01-05 00:00'), [
    '01-02 12:00 – 01-02 22:00 ana week',
    '01-02 22:00 – 01-03 06:00 bo night',
    '01-03 06:00 – 01-03 22:00 ana week',
    '01-03 22:00 – 01-04 06:00 bo night',
    '01-04 06:00 – 01-05 00:00 ana week',
  ])
  assert.deepEqual(list(duty, '2026-01-09 21:00', '2026-01-10 07:00'), [
    '01-09 21:00 – 01-10 07:00 ana week',
  ])
})

test('a shift never overlaps another, and what is on call at a time is in the list of its day', () => {
  const duty = make(`  time_zone: America/New_York
  layers:
  - {name: a, people: [ana, bo], rotation: daily, start: 2026-02-27, handover: '02:30'}
  - name: b
    people: [cy, [ana, bo]]
    rotation: custom
    shift: 7h
    start: 2026-03-01
    restrictions: [{start_time: '23:00', end_time: '04:00'}]`)
  const from = time('2026-03-06 00:00')
  const shifts = duty.shifts('s', { startTimeMs: from, endTimeMs: time('2026-03-10 00:00') })
  for (const [index, shift] of shifts.entries()) {
    assert.ok(shift.startTimeMs < shift.endTimeMs)
    assert.equal(shift.startTimeMs, shifts[index - 1]?.endTimeMs ?? from)
    const middle = Math.floor((shift.startTimeMs + shift.endTimeMs) / 2)
    const found = duty.onCallAt('s', middle)!
    assert.deepEqual(
      [found.people, found.endTimeMs],
      [shift.people, index === shifts.length - 1 ? found.endTimeMs : shift.endTimeMs],
    )
  }
})

test('an override goes before everything, or replaces one of several', () => {
  const duty = make(`  layers: [{name: w, people: [[ana, bo]], start: 2026-01-01}]`)
  const base = { schedule: 's', createdBy: 'x', comment: '' }
  duty.setOverrides([
    {
      ...base,
      id: '1',
      people: ['cy'],
      replaces: 'ana',
      startTimeMs: time('2026-01-02 00:00'),
      endTimeMs: time('2026-01-04 00:00'),
    },
    {
      ...base,
      id: '2',
      people: ['ana'],
      replaces: '',
      startTimeMs: time('2026-01-03 00:00'),
      endTimeMs: time('2026-01-03 12:00'),
    },
    {
      ...base,
      id: '3',
      people: ['ana'],
      replaces: '',
      schedule: 'other',
      startTimeMs: 0,
      endTimeMs: 9e15,
    },
  ])
  assert.deepEqual(list(duty, '2026-01-01 00:00', '2026-01-05 00:00'), [
    '01-01 00:00 – 01-02 00:00 ana+bo w',
    '01-02 00:00 – 01-03 00:00 cy+bo override',
    '01-03 00:00 – 01-03 12:00 ana override',
    '01-03 12:00 – 01-04 00:00 cy+bo override',
    '01-04 00:00 – 01-05 00:00 ana+bo w',
  ])
})

const calendar = (events: string): string =>
  `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${events.trim().replace(/\n/g, '\r\n')}\r\nEND:VCALENDAR\r\n`

test('a calendar says who is on call: titles, addresses, zones, repetition, exceptions, moves', () => {
  const duty = make(`  time_zone: Europe/Madrid
  layers: [{name: rest, people: [cy], start: 2026-01-01}]`)
  const told = duty.setCalendar(
    's',
    calendar(`
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Madrid:20261019T090000
DTEND;TZID=Europe/Madrid:20261019T170000
RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20261101T000000Z
EXDATE;TZID=Europe/Madrid:20261021T090000
SUMMARY:Ana
BEGIN:VALARM
SUMMARY:bo
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;TZID=Europe/Madrid:20261028T090000
DTSTART:20261029T100000Z
DURATION:PT2H
SUMMARY:duty
ATTENDEE;CN="An, a":mailto:ANA@x.org
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20261030
SUMMARY:bo\\, Ana
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART:20261024T100000Z
DTEND:20261024T110000Z
SUMMARY:nobody we know
END:VEVENT
BEGIN:VEVENT
UID:4
DTSTART:20261024T100000Z
RRULE:FREQ=MINUTELY
SUMMARY:bo
END:VEVENT`),
  )
  assert.deepEqual(told, [
    '"bo" repeats in a way that is not understood: FREQ=MINUTELY',
    '1 entries name nobody known',
  ])
  const shown = list(duty, '2026-10-18 00:00', '2026-11-05 00:00')
  assert.deepEqual(
    shown.filter((line) => line.endsWith('calendar')),
    [
      '10-19 07:00 – 10-19 15:00 ana calendar',
      '10-26 08:00 – 10-26 16:00 ana calendar',
      '10-29 10:00 – 10-29 12:00 ana calendar',
      '10-29 23:00 – 10-30 23:00 bo+ana calendar',
    ],
  )
  assert.equal(shown.filter((line) => line.includes('cy')).length, 5)
  assert.throws(() => duty.setCalendar('s', '<html>'), SyntaxError)
})

test('repetition by count, interval, day of the month and place in the month', () => {
  const duty = make('')
  const starts = (rule: string): string[] => {
    duty.setCalendar(
      's',
      calendar(
        `BEGIN:VEVENT\nDTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:${rule}\nSUMMARY:bo\nEND:VEVENT`,
      ),
    )
    return list(duty, '2026-01-01 00:00', '2026-12-31 00:00').map((line) => line.slice(0, 5))
  }
  assert.deepEqual(starts('FREQ=DAILY;COUNT=3;INTERVAL=2'), ['01-05', '01-07', '01-09'])
  assert.deepEqual(starts('FREQ=DAILY;COUNT=3;BYDAY=SA,SU'), ['01-10', '01-11', '01-17'])
  assert.deepEqual(starts('FREQ=WEEKLY;COUNT=3;INTERVAL=2;BYDAY=TU,MO'), [
    '01-05',
    '01-06',
    '01-19',
  ])
  assert.deepEqual(starts('FREQ=MONTHLY;COUNT=3;BYMONTHDAY=31'), ['01-31', '03-31', '05-31'])
  assert.deepEqual(starts('FREQ=MONTHLY;COUNT=2;BYDAY=-1FR'), ['01-30', '02-27'])
  assert.deepEqual(starts('FREQ=MONTHLY;COUNT=2;BYDAY=2TU'), ['01-13', '02-10'])
  assert.deepEqual(starts('FREQ=YEARLY;UNTIL=20270101'), ['01-05'])
})

test('what goes out as a calendar comes in as the same shifts', () => {
  const duty = make(`  time_zone: Asia/Shanghai
  layers: [{name: 'w, x', people: [ana, [bo, cy]], rotation: daily, start: 2026-01-01, handover: '09:00'}]`)
  const span = { startTimeMs: time('2026-01-02 00:00'), endTimeMs: time('2026-01-09 00:00') }
  const text = duty.formatCalendar('s', span, time('2026-01-01 00:00'))
  assert.ok(text.split('\r\n').every((line) => Buffer.byteLength(line) <= 75))
  const other = make('')
  assert.deepEqual(other.setCalendar('s', text), [])
  const plain = (one: Shift) => [one.startTimeMs, one.endTimeMs, one.people.join()]
  assert.deepEqual(other.shifts('s', span).map(plain), duty.shifts('s', span).map(plain))
})

test('a step reaches a person, who is on call, everybody of a team, or a receiver', () => {
  const duty = make(
    `  layers: [{people: [ana], start: 2026-01-01, restrictions: [{start_time: '08:00', end_time: '20:00'}]}]`,
  )
  const delay = 60_000
  const day = time('2026-01-02 12:00')
  const night = time('2026-01-02 23:00')
  assert.deepEqual(duty.targetOf({ person: 'bo', delay, also: ['room'] }, day), {
    people: ['bo'],
    receivers: ['room'],
    title: 'person bo',
  })
  assert.deepEqual(duty.targetOf({ schedule: 's', delay }, day).people, ['ana'])
  assert.deepEqual(duty.targetOf({ schedule: 's', delay }, night).people, [])
  assert.deepEqual(duty.targetOf({ team: 'db', delay }, day).people, ['ana'])
  assert.deepEqual(duty.targetOf({ team: 'db', delay }, night).people, ['ana', 'bo', 'cy'])
  assert.deepEqual(duty.targetOf({ everyone: 'web', delay }, day).people, ['bo', 'cy'])
  assert.deepEqual(duty.targetOf({ receiver: 'r', delay }, day).receivers, ['r'])
})

test('quiet hours end in the morning of the person', () => {
  const yaml = `people:
- name: ana
  time_zone: Europe/Madrid
  contacts: [{name: p, receiver: r}]
  quiet_hours: {start_time: '22:00', end_time: '07:00'}`
  const duty = new OnCall(z.object(oncallSettings.top).parse(parseYaml(yaml, 'a.yml').value))
  assert.equal(duty.quietUntil('ana', time('2026-01-02 23:30')), time('2026-01-03 06:00'))
  assert.equal(duty.quietUntil('ana', time('2026-01-03 05:59')), time('2026-01-03 06:00'))
  assert.equal(duty.quietUntil('ana', time('2026-01-03 06:00')), undefined)
})

test('names that refer to nothing are refused, all at once', () => {
  const wrong = `escalation_policies:
- {name: p, steps: [{person: nobody}, {schedule: none}, {team: no}, {everyone: no}]}`
  assert.throws(
    () => make('  layers: [{people: [ghost], start: 2026-01-01}]', wrong),
    (thrown: Error) =>
      ['"ghost"', '"nobody"', '"none"', '"no"'].every((name) => thrown.message.includes(name)),
  )
  assert.throws(
    () => make('').shifts('other', { startTimeMs: 0, endTimeMs: 1 }),
    /no schedule "other"/,
  )
  assert.throws(() => make('').shifts('s', { startTimeMs: 1, endTimeMs: 1 }), /not before/)
  assert.throws(() => make('').shifts('s', { startTimeMs: 0, endTimeMs: 9e12 }), /400 days/)
})

test('settings that cannot be meant are refused', () => {
  const parse = (yaml: string) =>
    z.object(oncallSettings.top).safeParse(parseYaml(yaml, 'a.yml').value).error?.issues[0]?.message
  assert.match(parse('people: [{name: a, contacts: []}]') ?? '', /needs a way/)
  const layer = (text: string) => `schedules: [{name: s, layers: [{people: [a], ${text}}]}]`
  assert.match(parse(layer('start: 2026-02-30')) ?? '', /must be a date/)
  assert.match(parse(layer('start: 2026-02-01, rotation: custom')) ?? '', /needs it/)
  assert.match(parse('schedules: [{name: s, time_zone: Mars}]') ?? '', /time zone/)
  assert.match(parse('escalation_policies: [{name: p, steps: [{delay: 5m}]}]') ?? '', /exactly one/)
  assert.match(
    parse('teams: [{name: t, members: []}, {name: t, members: []}]') ?? '',
    /there twice/,
  )
})
