/**
 * The clocks that times of a calendar are meant by. A name is taken as the platform's zone, or as what
 * Windows calls one; the platform knows more changes of clocks than calendars write down. Any other
 * name is what the calendar's own definition of it says (VTIMEZONE): stretches of standard time and
 * daylight time, each with the wall-clock times at which it begins.
 * Source: RFC 5545, section 3.6.5.
 */

import { dayNumberOf, isTimeZone, type LocalTime, timeOfLocal } from '../base/time-zone.ts'
import { type CalendarLine, readTime } from './ical-text.ts'
import { listDates, type RecurrenceRule, readRule } from './recurrence.ts'
import { findWindowsZone } from './windows-zones.ts'

/** Definitions of one calendar, and beginnings written out in one; more are left out. */
const zoneCountMax = 200
const onsetCountMax = 2_000
/** Clocks before are those of the first stretch that is known. */
const firstYear = 1970

/** What a zone's wall clock means: the instant at which it shows a time. */
export type ZoneClock = (local: LocalTime) => number

/** The clock of one of the platform's zones. */
export function clockOf(zone: string): ZoneClock {
  return (local) => timeOfLocal(local, zone)
}

/** One stretch of a definition, such as daylight time. */
interface Observance {
  start: LocalTime
  rule: RecurrenceRule | undefined
  /** Further beginnings, written out. */
  dates: LocalTime[]
  offsetBeforeMs: number
  offsetMs: number
}

/** When clocks change: the wall clock before, as if it were UTC. */
interface Onset {
  wallMs: number
  beforeMs: number
  afterMs: number
}

/** The zones of one calendar. */
export class CalendarZones {
  readonly #defined = new Map<string, ZoneClock>()
  readonly #found = new Map<string, ZoneClock | undefined>()

  /** Takes a definition: the lines between BEGIN:VTIMEZONE and its end, parts included. */
  define(lines: readonly CalendarLine[]): void {
    const find = (name: string): string | undefined =>
      lines.find((line) => line.name === name)?.value
    const id = find('TZID')
    if (id === undefined || this.#defined.size >= zoneCountMax) return
    const place = find('X-LIC-LOCATION')
    const observances = readObservances(lines)
    if (place !== undefined && isTimeZone(place)) this.#defined.set(id, clockOf(place))
    else if (observances.length > 0) this.#defined.set(id, makeClock(observances))
  }

  /** The clock behind a name; `undefined` when nobody knows it. */
  find(id: string): ZoneClock | undefined {
    if (this.#found.has(id)) return this.#found.get(id)
    const zone = findZone(id)
    const clock = zone === undefined ? this.#defined.get(id) : clockOf(zone)
    if (this.#found.size < zoneCountMax) this.#found.set(id, clock)
    return clock
  }
}

/** By its name, by that of Windows, or by the end of a path such as `/mozilla.org/20070129_1/Europe/Berlin`. */
function findZone(id: string): string | undefined {
  if (isTimeZone(id)) return id
  const windows = findWindowsZone(id)
  if (windows !== undefined && isTimeZone(windows)) return windows
  const parts = id.split('/')
  for (const count of [3, 2]) {
    const end = parts.slice(-count).join('/')
    if (parts.length > count && isTimeZone(end)) return end
  }
  return undefined
}

function readObservances(lines: readonly CalendarLine[]): Observance[] {
  const observances: Observance[] = []
  let current: CalendarLine[] | undefined
  for (const line of lines) {
    if (line.name === 'BEGIN') current = []
    else if (line.name === 'END') {
      const read = current && readObservance(current)
      if (read !== undefined) observances.push(read)
      current = undefined
    } else current?.push(line)
  }
  return observances
}

function readObservance(lines: readonly CalendarLine[]): Observance | undefined {
  const find = (name: string): string | undefined => lines.find((line) => line.name === name)?.value
  const start = readTime(find('DTSTART') ?? '', undefined)?.local
  const offsetBeforeMs = readOffset(find('TZOFFSETFROM') ?? '')
  const offsetMs = readOffset(find('TZOFFSETTO') ?? '')
  if (start === undefined || offsetBeforeMs === undefined || offsetMs === undefined)
    return undefined
  const ruleText = find('RRULE')
  const dates = lines
    .filter((line) => line.name === 'RDATE')
    .flatMap((line) => line.value.split(','))
    .slice(0, onsetCountMax)
    .flatMap((text) => readTime(text, undefined)?.local ?? [])
  const rule = ruleText === undefined ? undefined : readRule(ruleText)
  return { start, rule, dates, offsetBeforeMs, offsetMs }
}

/** `+0100`, `-033000` */
function readOffset(text: string): number | undefined {
  const match = /^([+-])(\d{2})(\d{2})(\d{2})?$/.exec(text.trim())
  if (match === null) return undefined
  const [, sign, hours, minutes, seconds] = match
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds ?? 0)) * 1000
  return sign === '-' ? -ms : ms
}

function makeClock(observances: readonly Observance[]): ZoneClock {
  let knownYear = Number.NEGATIVE_INFINITY
  let onsets: Onset[] = []
  return (local) => {
    // Changes of clocks are listed as far as anybody asked.
    if (local.year >= knownYear) {
      knownYear = local.year + 2
      onsets = observances
        .flatMap((observance) => listOnsets(observance, knownYear))
        .sort((a, b) => a.wallMs - b.wallMs)
    }
    const wallMs = wallOf(local)
    const last = onsets.findLast((onset) => onset.wallMs <= wallMs)
    if (last === undefined) return wallMs - (onsets[0]?.beforeMs ?? 0)
    // A time that clocks skip is meant by the clock before; of one that they show twice, the first is.
    const isSkipped = wallMs < last.wallMs + last.afterMs - last.beforeMs
    return wallMs - (isSkipped ? last.beforeMs : last.afterMs)
  }
}

function listOnsets(observance: Observance, endYear: number): Onset[] {
  const { start, rule, dates, offsetBeforeMs: beforeMs, offsetMs: afterMs } = observance
  const until = rule?.until === undefined ? undefined : readTime(rule.until, undefined)
  // The end of a rule is told in UTC.
  const lastWallMs = until === undefined ? Infinity : wallOf(until.local) + beforeMs
  const isPast = (date: LocalTime): boolean => date.year >= endYear || wallOf(date) > lastWallMs
  const fromDay = dayNumberOf({ year: firstYear, month: 1, day: 1 })
  const repeated = rule === undefined ? [] : listDates(rule, start, { fromDay, isPast })
  const walls = new Set([start, ...dates, ...repeated].map(wallOf))
  return [...walls].map((wallMs) => ({ wallMs, beforeMs, afterMs }))
}

function wallOf({ year, month, day, hour, minute, second }: LocalTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
