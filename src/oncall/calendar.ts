/**
 * Calendars of duty, in and out. In: entries whose title, or whose attendees, name people; repeated
 * ones, exceptions and moved occurrences included. A zone is taken by its name; definitions of zones
 * within the file are not read. Out: one entry for each shift.
 * Source: RFC 5545.
 */

import { isTimeZone, type LocalTime, timeOfLocal } from '../base/time-zone.ts'
import type { Shift } from '../model/on-call.ts'
import {
  type CalendarLine,
  type CalendarTime,
  escapeText,
  formatLines,
  formatUtc,
  readLines,
  readSpan,
  readTime,
  unescapeText,
} from './ical-text.ts'
import { listDates, type RecurrenceRule, readRule } from './recurrence.ts'
import { intersect, type Span } from './rotation.ts'

const dayMs = 86_400_000
/** Entries of one calendar; more are left out. */
const eventCountMax = 5_000

/** One entry. */
interface CalendarEvent {
  uid: string
  start: CalendarTime
  lengthMs: number
  rule: RecurrenceRule | undefined
  /** Starts that do not take place. */
  exceptions: CalendarTime[]
  /** The start that this entry stands in for, when it moves one of a repeated entry. */
  replaces: CalendarTime | undefined
  isCancelled: boolean
  people: string[]
}

/** A calendar, read. */
export interface DutyCalendar {
  zone: string
  events: CalendarEvent[]
  /** Entries that name nobody known, and those beyond what can be read. */
  strangerCount: number
  problems: string[]
}

/** Finds people by what calendars call them: name or e-mail address, in any letter case. */
export type FindPerson = (text: string) => string | undefined

/** Reads a calendar; throws `SyntaxError` when it is none. `zone` is for times without one. */
export function readCalendar(text: string, zone: string, findPerson: FindPerson): DutyCalendar {
  const lines = readLines(text)
  if (lines[0]?.name !== 'BEGIN' || lines[0].value.toUpperCase() !== 'VCALENDAR')
    throw new SyntaxError('it does not begin with BEGIN:VCALENDAR')
  const calendar: DutyCalendar = { zone, events: [], strangerCount: 0, problems: [] }
  let current: CalendarLine[] | undefined
  let depth = 0
  for (const line of lines) {
    if (line.name === 'BEGIN') {
      if (current !== undefined) depth++
      else if (line.value.toUpperCase() === 'VEVENT') current = []
    } else if (line.name === 'END') {
      if (current !== undefined && depth > 0) depth--
      else if (current !== undefined) {
        addEvent(calendar, current, findPerson)
        current = undefined
      }
    } else if (depth === 0) current?.push(line)
  }
  return calendar
}

function addEvent(calendar: DutyCalendar, lines: CalendarLine[], findPerson: FindPerson): void {
  if (calendar.events.length >= eventCountMax) {
    calendar.strangerCount++
    return
  }
  const find = (name: string): CalendarLine | undefined => lines.find((line) => line.name === name)
  const start = timeOf(find('DTSTART'))
  const title = unescapeText(find('SUMMARY')?.value ?? '')
  if (start === undefined) {
    calendar.problems.push(`"${title}" has no start`)
    return
  }
  const ruleText = find('RRULE')?.value
  const rule = ruleText === undefined ? undefined : readRule(ruleText)
  if (ruleText !== undefined && rule === undefined) {
    calendar.problems.push(`"${title}" repeats in a way that is not understood: ${ruleText}`)
    return
  }
  const isCancelled = find('STATUS')?.value.toUpperCase() === 'CANCELLED'
  const people = findPeople(lines, title, findPerson)
  if (people.length === 0 && !isCancelled) {
    calendar.strangerCount++
    return
  }
  calendar.events.push({
    uid: find('UID')?.value ?? '',
    start,
    lengthMs: lengthOf(calendar.zone, start, find('DTEND'), find('DURATION')),
    rule,
    exceptions: lines
      .filter((line) => line.name === 'EXDATE')
      .flatMap((line) =>
        line.value.split(',').flatMap((value) => timeOf({ ...line, value }) ?? []),
      ),
    replaces: timeOf(find('RECURRENCE-ID')),
    isCancelled,
    people,
  })
}

/** By attendees, else by the title: the whole of it, or names between commas. */
function findPeople(lines: CalendarLine[], title: string, findPerson: FindPerson): string[] {
  const attendees = lines
    .filter((line) => line.name === 'ATTENDEE')
    .flatMap((line) => findPerson(line.value.replace(/^mailto:/i, '')) ?? [])
  const whole = findPerson(title)
  const named =
    whole === undefined
      ? title.split(/[,;&+/]|\band\b/).flatMap((part) => findPerson(part) ?? [])
      : [whole]
  return [...new Set(named.length > 0 ? named : attendees)]
}

function timeOf(line: CalendarLine | undefined): CalendarTime | undefined {
  if (line === undefined) return undefined
  const zone = line.parameters.get('TZID')
  return readTime(line.value, zone !== undefined && isTimeZone(zone) ? zone : undefined)
}

function lengthOf(
  zone: string,
  start: CalendarTime,
  end: CalendarLine | undefined,
  span: CalendarLine | undefined,
): number {
  const endTime = timeOf(end)
  if (endTime !== undefined) return Math.max(0, instantOf(endTime, zone) - instantOf(start, zone))
  const spanMs = span === undefined ? undefined : readSpan(span.value)
  return spanMs ?? (start.isDate ? dayMs : 0)
}

function instantOf({ local, zone }: CalendarTime, calendarZone: string): number {
  return timeOfLocal(local, zone ?? calendarZone)
}

/** The shifts of a calendar that touch a span, cut to it, in order of their start. */
export function listCalendarShifts(calendar: DutyCalendar, span: Span): Shift[] {
  const shifts: Shift[] = []
  const moved = new Set(
    calendar.events.flatMap(({ uid, replaces }) =>
      replaces === undefined ? [] : [`${uid} ${instantOf(replaces, calendar.zone)}`],
    ),
  )
  for (const event of calendar.events) {
    if (event.isCancelled) continue
    const gone = new Set(event.exceptions.map((time) => instantOf(time, calendar.zone)))
    for (const startTimeMs of listStarts(event, calendar.zone, span)) {
      if (gone.has(startTimeMs)) continue
      if (event.replaces === undefined && moved.has(`${event.uid} ${startTimeMs}`)) continue
      const cut = intersect({ startTimeMs, endTimeMs: startTimeMs + event.lengthMs }, span)
      if (cut !== undefined) shifts.push({ ...cut, people: event.people, source: 'calendar' })
    }
  }
  return shifts.sort((a, b) => a.startTimeMs - b.startTimeMs)
}

function* listStarts(event: CalendarEvent, calendarZone: string, span: Span): Generator<number> {
  const zone = event.start.zone ?? calendarZone
  if (event.rule === undefined) {
    yield timeOfLocal(event.start.local, zone)
    return
  }
  const { until } = event.rule
  const untilTime = until === undefined ? undefined : readTime(until, zone)
  const lastTimeMs =
    untilTime === undefined
      ? Number.POSITIVE_INFINITY
      : instantOf(untilTime, zone) + (untilTime.isDate ? dayMs - 1 : 0)
  const isPast = (date: LocalTime): boolean => {
    const timeMs = timeOfLocal(date, zone)
    return timeMs >= span.endTimeMs || timeMs > lastTimeMs
  }
  for (const date of listDates(event.rule, event.start.local, isPast)) {
    const timeMs = timeOfLocal(date, zone)
    if (timeMs + event.lengthMs > span.startTimeMs) yield timeMs
  }
}

/** Shifts as a calendar that others can subscribe to. */
export function formatCalendar(
  schedule: string,
  shifts: readonly Shift[],
  stampTimeMs: number,
): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Shipwatch//On-call//EN',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    `NAME:${escapeText(schedule)}`,
    `X-WR-CALNAME:${escapeText(schedule)}`,
    'REFRESH-INTERVAL;VALUE=DURATION:PT1H',
  ]
  for (const { startTimeMs, endTimeMs, people, source } of shifts) {
    lines.push(
      'BEGIN:VEVENT',
      `UID:${startTimeMs}-${encodeURIComponent(`${schedule}-${people.join('-')}`)}@shipwatch`,
      `DTSTAMP:${formatUtc(stampTimeMs)}`,
      `DTSTART:${formatUtc(startTimeMs)}`,
      `DTEND:${formatUtc(endTimeMs)}`,
      `SUMMARY:${escapeText(people.join(', '))}`,
      `DESCRIPTION:${escapeText(`${schedule}: ${source}`)}`,
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
    )
  }
  lines.push('END:VCALENDAR')
  return formatLines(lines)
}
