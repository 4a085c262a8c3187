/**
 * Calendars of duty: entries whose title, or whose attendees, name people; repeated ones, further
 * dates, exceptions and moved occurrences included.
 * Source: RFC 5545.
 */

import { dayNumberOf, type LocalTime } from '../base/time-zone.ts'
import type { Shift } from '../model/on-call.ts'
import { CalendarZones, clockOf, type ZoneClock } from './calendar-zone.ts'
import {
  type CalendarLine,
  type CalendarTime,
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
/** Zones of one calendar that are named as unknown. */
const unknownZoneCountMax = 20

/** How long an entry is. */
interface EventLength {
  ms: number
  /** Its end is told by the wall clock: changes of clocks between make it shorter or longer. */
  isWall: boolean
}

/** One entry. */
interface CalendarEvent {
  uid: string
  start: CalendarTime
  length: EventLength
  rule: RecurrenceRule | undefined
  /** Further starts, with a length of their own where that is told. */
  additions: { start: CalendarTime; length: EventLength | undefined }[]
  /** Starts that do not take place; a date stands for each start on it. */
  exceptions: CalendarTime[]
  /** The start that this entry stands in for, when it moves one of a repeated entry. */
  replaces: CalendarTime | undefined
  isCancelled: boolean
  /** Empty where one occurrence was given to somebody unknown. */
  people: string[]
}

/** A calendar, read. */
export interface DutyCalendar {
  /** The clock of times without a zone. */
  clock: ZoneClock
  zones: CalendarZones
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
  const calendar: DutyCalendar = {
    clock: clockOf(zone),
    zones: new CalendarZones(),
    events: [],
    strangerCount: 0,
    problems: [],
  }
  const parts = [...listParts(lines)]
  for (const { name, own } of parts) if (name === 'VTIMEZONE') calendar.zones.define(own)
  for (const { name, own } of parts) {
    if (name !== 'VEVENT') continue
    // Alarms and other parts within an entry say nothing of it.
    let depth = 0
    const outer = own.filter((line) => {
      if (line.name === 'BEGIN') depth++
      if (line.name === 'END') depth--
      return depth === 0 && line.name !== 'END'
    })
    addEvent(calendar, outer, findPerson)
  }
  noteUnknownZones(calendar, lines)
  return calendar
}

/** The parts of a calendar, each with its lines, those of parts within included. */
function* listParts(lines: readonly CalendarLine[]): Generator<{
  name: string
  own: CalendarLine[]
}> {
  let current: { name: string; own: CalendarLine[] } | undefined
  let depth = 0
  for (const line of lines.slice(1)) {
    if (current === undefined) {
      if (line.name === 'BEGIN') current = { name: line.value.trim().toUpperCase(), own: [] }
      continue
    }
    if (line.name === 'END' && depth === 0) {
      yield current
      current = undefined
      continue
    }
    if (line.name === 'BEGIN') depth++
    if (line.name === 'END') depth--
    current.own.push(line)
  }
}

function noteUnknownZones(calendar: DutyCalendar, lines: readonly CalendarLine[]): void {
  const unknown = new Set<string>()
  for (const { parameters } of lines) {
    const id = parameters.get('TZID')
    if (id === undefined || unknown.size >= unknownZoneCountMax) continue
    if (calendar.zones.find(id) === undefined) unknown.add(id)
  }
  for (const id of unknown)
    calendar.problems.push(`the time zone "${id}" is not known; that of the schedule is taken`)
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
  const isBeyond = lines.filter(({ name }) => name === 'RRULE').length > 1 || find('EXRULE')
  if ((ruleText !== undefined && rule === undefined) || isBeyond) {
    calendar.problems.push(`"${title}" repeats in a way that is not understood: ${ruleText ?? ''}`)
    return
  }
  const replacement = find('RECURRENCE-ID')
  if (replacement?.parameters.get('RANGE')?.toUpperCase() === 'THISANDFUTURE')
    calendar.problems.push(`"${title}" changes all later ones as well; only one is changed`)
  const isCancelled = find('STATUS')?.value.toUpperCase() === 'CANCELLED'
  const people = findPeople(lines, title, findPerson)
  if (people.length === 0 && !isCancelled) {
    calendar.strangerCount++
    // One occurrence that was given to a stranger is not that of the others any more.
    if (replacement === undefined) return
  }
  calendar.events.push({
    uid: find('UID')?.value ?? '',
    start,
    length: lengthOf(calendar, start, {
      end: timeOf(find('DTEND')),
      span: find('DURATION')?.value,
    }),
    rule,
    additions: listValues(lines, 'RDATE').flatMap((line) => readAddition(calendar, line) ?? []),
    exceptions: listValues(lines, 'EXDATE').flatMap((line) => timeOf(line) ?? []),
    replaces: timeOf(replacement),
    isCancelled,
    people,
  })
}

/** Every value of the lines of a name, as a line of its own. */
function listValues(lines: readonly CalendarLine[], name: string): CalendarLine[] {
  return lines
    .filter((line) => line.name === name)
    .flatMap((line) => line.value.split(',').map((value) => ({ ...line, value })))
}

/** A further start; of a period (`start/end`, `start/span`) with its length. */
function readAddition(
  calendar: DutyCalendar,
  line: CalendarLine,
): CalendarEvent['additions'][number] | undefined {
  const [begin = '', rest] = line.value.split('/', 2)
  const start = timeOf({ ...line, value: begin })
  if (start === undefined) return undefined
  if (rest === undefined) return { start, length: undefined }
  const length = lengthOf(calendar, start, { end: timeOf({ ...line, value: rest }), span: rest })
  return { start, length }
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
  return line && readTime(line.value, line.parameters.get('TZID'))
}

function lengthOf(
  calendar: DutyCalendar,
  start: CalendarTime,
  { end, span }: { end: CalendarTime | undefined; span: string | undefined },
): EventLength {
  if (end !== undefined) {
    const isWall = end.zone === start.zone
    const ms = isWall
      ? wallOf(end.local) - wallOf(start.local)
      : instantOf(end, calendar) - instantOf(start, calendar)
    return { ms: Math.max(0, ms), isWall }
  }
  const ms = (span === undefined ? undefined : readSpan(span)) ?? (start.isDate ? dayMs : 0)
  return { ms, isWall: ms % dayMs === 0 }
}

function clockOfTime({ zone }: CalendarTime, calendar: DutyCalendar): ZoneClock {
  return (zone === undefined ? undefined : calendar.zones.find(zone)) ?? calendar.clock
}

function instantOf(time: CalendarTime, calendar: DutyCalendar): number {
  return clockOfTime(time, calendar)(time.local)
}

/** A wall clock as if it were UTC. */
function wallOf({ year, month, day, hour, minute, second }: LocalTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/** The shifts of a calendar that touch a span, cut to it, in order of their start. */
export function listCalendarShifts(calendar: DutyCalendar, span: Span): Shift[] {
  const shifts: Shift[] = []
  const moved = new Set<string>()
  for (const { uid, replaces } of calendar.events)
    if (replaces !== undefined) moved.add(`${uid} ${keyOf(replaces, calendar)}`)
  for (const event of calendar.events) {
    const { uid, people } = event
    if (event.isCancelled || people.length === 0) continue
    const gone = new Set(event.exceptions.map((time) => keyOf(time, calendar)))
    const seen = new Set<number>()
    for (const { local, startTimeMs, endTimeMs } of listOccurrences(event, calendar, span)) {
      const keys = [`at ${startTimeMs}`, `on ${dayNumberOf(local)}`]
      if (seen.has(startTimeMs) || keys.some((key) => gone.has(key))) continue
      if (event.replaces === undefined && keys.some((key) => moved.has(`${uid} ${key}`))) continue
      seen.add(startTimeMs)
      const cut = intersect({ startTimeMs, endTimeMs }, span)
      if (cut !== undefined) shifts.push({ ...cut, people, source: 'calendar' })
    }
  }
  return shifts.sort((a, b) => a.startTimeMs - b.startTimeMs)
}

/** What tells an occurrence from others: its instant, or its day where only that is written. */
function keyOf(time: CalendarTime, calendar: DutyCalendar): string {
  return time.isDate ? `on ${dayNumberOf(time.local)}` : `at ${instantOf(time, calendar)}`
}

interface Occurrence extends Span {
  local: LocalTime
}

/** Where and when an entry takes place in a span, or somewhat beyond. */
function* listOccurrences(
  event: CalendarEvent,
  calendar: DutyCalendar,
  span: Span,
): Generator<Occurrence> {
  const { start, rule } = event
  const clock = clockOfTime(start, calendar)
  if (rule === undefined) yield occurrenceAt(start.local, event.length, clock)
  for (const { start: time, length = event.length } of event.additions)
    yield occurrenceAt(time.local, length, clockOfTime(time, calendar))
  if (rule === undefined) return
  const until = rule.until === undefined ? undefined : readTime(rule.until, start.zone)
  const lastTimeMs =
    until === undefined
      ? Number.POSITIVE_INFINITY
      : instantOf(until.isDate ? { ...until, zone: start.zone } : until, calendar) +
        (until.isDate ? dayMs - 1 : 0)
  const isPast = (date: LocalTime): boolean => {
    const timeMs = clock(date)
    return timeMs >= span.endTimeMs || timeMs > lastTimeMs
  }
  // Wall clocks are at most a day from UTC, and a change of clocks adds hours.
  const fromDay = Math.floor((span.startTimeMs - event.length.ms) / dayMs) - 2
  for (const date of listDates(rule, start.local, { fromDay, isPast }))
    yield occurrenceAt(date, event.length, clock)
}

function occurrenceAt(local: LocalTime, length: EventLength, clock: ZoneClock): Occurrence {
  const startTimeMs = clock(local)
  const endTimeMs = length.isWall
    ? clock({ ...local, second: local.second + length.ms / 1000 })
    : startTimeMs + length.ms
  return { local, startTimeMs, endTimeMs }
}
