/**
 * Repeated events of calendars: the wall-clock times at which one begins. Taken: FREQ of DAILY,
 * WEEKLY, MONTHLY, YEARLY with INTERVAL, COUNT, UNTIL, BYDAY (weekly; monthly with a place such as
 * `2MO` or `-1FR`), BYMONTHDAY. A rule with other parts is refused, rather than half followed.
 * Source: RFC 5545, section 3.3.10.
 */

import { dayNumberOf, type LocalTime, weekdayOf } from '../base/time-zone.ts'

const weekdayCodes = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA']
/** Steps of a rule that are looked at: 60 years of days. */
const stepCountMax = 22_000

/** A rule, read. */
export interface RecurrenceRule {
  frequency: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY'
  interval: number
  count: number | undefined
  /** As written; compared by the caller, who knows the zone. */
  until: string | undefined
  /** Weekdays, each with its place in the month; 0 is every one. */
  days: { weekday: number; place: number }[]
  monthDays: number[]
}

/** Reads the value of RRULE; `undefined` when it is beyond what is taken. */
export function readRule(value: string): RecurrenceRule | undefined {
  const parts = new Map(
    value.split(';').map((part): [string, string] => {
      const [name, text] = part.split('=', 2)
      return [(name ?? '').toUpperCase(), text ?? '']
    }),
  )
  const frequency = parts.get('FREQ')?.toUpperCase() as RecurrenceRule['frequency'] | undefined
  if (!['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'].includes(frequency ?? '')) return undefined
  const known = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYDAY', 'BYMONTHDAY', 'WKST']
  if ([...parts.keys()].some((name) => !known.includes(name))) return undefined
  const interval = Number(parts.get('INTERVAL') ?? 1)
  const count = parts.has('COUNT') ? Number(parts.get('COUNT')) : undefined
  if (!(interval >= 1) || (count !== undefined && !(count >= 1))) return undefined
  const days: RecurrenceRule['days'] = []
  for (const text of parts.get('BYDAY')?.split(',') ?? []) {
    const match = /^([+-]?\d{1,2})?(SU|MO|TU|WE|TH|FR|SA)$/i.exec(text)
    if (match === null) return undefined
    const weekday = weekdayCodes.indexOf(match[2]!.toUpperCase())
    days.push({ weekday, place: Number(match[1] ?? 0) })
  }
  const monthDays = (parts.get('BYMONTHDAY')?.split(',') ?? []).map(Number)
  if (monthDays.some((day) => !Number.isInteger(day) || day === 0)) return undefined
  if (frequency === 'YEARLY' && days.length + monthDays.length > 0) return undefined
  return { frequency: frequency!, interval, count, until: parts.get('UNTIL'), days, monthDays }
}

/** The dates of a repeated event in order, its first included; ends when `isPast` says so. */
export function* listDates(
  rule: RecurrenceRule,
  first: LocalTime,
  isPast: (date: LocalTime) => boolean,
): Generator<LocalTime> {
  let given = 0
  const firstDay = dayNumberOf(first)
  for (let step = 0; step < stepCountMax; step++) {
    for (const date of datesOfStep(rule, first, step)) {
      if (dayNumberOf(date) < firstDay) continue
      if (isPast(date) || (rule.count !== undefined && given >= rule.count)) return
      given++
      yield date
    }
  }
}

/** The dates within one day, week, month or year of the rule. */
function datesOfStep(rule: RecurrenceRule, first: LocalTime, step: number): LocalTime[] {
  const offset = step * rule.interval
  if (rule.frequency === 'DAILY') {
    const date = addDays(first, offset)
    const isTaken =
      rule.days.length === 0 || rule.days.some(({ weekday }) => weekday === weekdayOf(date))
    return isTaken ? [date] : []
  }
  if (rule.frequency === 'WEEKLY') {
    if (rule.days.length === 0) return [addDays(first, offset * 7)]
    // Weeks begin on Monday.
    const monday = addDays(first, offset * 7 - ((weekdayOf(first) + 6) % 7))
    const places = rule.days.map(({ weekday }) => (weekday + 6) % 7).sort((a, b) => a - b)
    return places.map((place) => addDays(monday, place))
  }
  const years = rule.frequency === 'YEARLY' ? offset : 0
  const months = rule.frequency === 'MONTHLY' ? offset : 0
  return datesOfMonth(rule, { ...first, year: first.year + years }, months)
}

function datesOfMonth(rule: RecurrenceRule, first: LocalTime, months: number): LocalTime[] {
  const begin = new Date(Date.UTC(first.year, first.month - 1 + months, 1))
  const year = begin.getUTCFullYear()
  const month = begin.getUTCMonth() + 1
  const dayCount = new Date(Date.UTC(year, month, 0)).getUTCDate()
  const days = new Set<number>()
  const wanted = rule.monthDays.length + rule.days.length === 0 ? [first.day] : rule.monthDays
  for (const day of wanted) {
    const inMonth = day < 0 ? dayCount + day + 1 : day
    if (inMonth >= 1 && inMonth <= dayCount) days.add(inMonth)
  }
  for (const { weekday, place } of rule.days) {
    const all: number[] = []
    for (let day = 1; day <= dayCount; day++)
      if (weekdayOf({ year, month, day }) === weekday) all.push(day)
    const chosen = place === 0 ? all : [place > 0 ? all[place - 1] : all.at(place)]
    for (const day of chosen) if (day !== undefined) days.add(day)
  }
  return [...days].sort((a, b) => a - b).map((day) => ({ ...first, year, month, day }))
}

function addDays(date: LocalTime, count: number): LocalTime {
  const moved = new Date(Date.UTC(date.year, date.month - 1, date.day + count))
  return {
    ...date,
    year: moved.getUTCFullYear(),
    month: moved.getUTCMonth() + 1,
    day: moved.getUTCDate(),
  }
}
