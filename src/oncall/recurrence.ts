/**
 * Repeated events of calendars: the wall-clock times at which one begins. Taken is all of RFC 5545 but
 * repetition by hour, minute and second: every part narrows the days of a period, and where a rule
 * leaves the day open it is that of the first event. A rule that is not understood is refused, rather
 * than half followed.
 * Source: RFC 5545, section 3.3.10.
 */

import { dayNumberOf, type LocalTime, weekdayOf } from '../base/time-zone.ts'

const weekdayCodes = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA']
const frequencies = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const
/** Periods of a rule that are looked at: 60 years of days. */
const periodCountMax = 22_000
const dayMs = 86_400_000

/** A rule, read. Empty lists narrow nothing. */
export interface RecurrenceRule {
  frequency: (typeof frequencies)[number]
  interval: number
  count: number | undefined
  /** As written; compared by the caller, who knows the zone. */
  until: string | undefined
  /** Weekdays, each with its place in the month or year; 0 is every one. */
  weekdays: { weekday: number; place: number }[]
  months: number[]
  monthDays: number[]
  yearDays: number[]
  weeks: number[]
  hours: number[]
  minutes: number[]
  seconds: number[]
  /** Places within a period that are kept, from either end. */
  places: number[]
  /** 0 is Sunday. */
  weekStart: number
}

/** Bounds of the lists of numbers; negative ones count from the end where that makes sense. */
const lists = {
  BYMONTH: { min: 1, max: 12 },
  BYMONTHDAY: { min: 1, max: 31, isFromEnd: true },
  BYYEARDAY: { min: 1, max: 366, isFromEnd: true },
  BYWEEKNO: { min: 1, max: 53, isFromEnd: true },
  BYHOUR: { min: 0, max: 23 },
  BYMINUTE: { min: 0, max: 59 },
  BYSECOND: { min: 0, max: 60 },
  BYSETPOS: { min: 1, max: 366, isFromEnd: true },
}
const known = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYDAY', 'WKST', ...Object.keys(lists)]

/** Reads the value of RRULE; `undefined` when it is beyond what is taken. */
export function readRule(value: string): RecurrenceRule | undefined {
  const parts = new Map(
    value.split(';').map((part): [string, string] => {
      const [name, text] = part.split('=', 2)
      return [(name ?? '').trim().toUpperCase(), (text ?? '').trim().toUpperCase()]
    }),
  )
  const frequency = frequencies.find((name) => name === parts.get('FREQ'))
  if (frequency === undefined || [...parts.keys()].some((name) => !known.includes(name)))
    return undefined
  const interval = Number(parts.get('INTERVAL') ?? 1)
  const count = parts.has('COUNT') ? Number(parts.get('COUNT')) : undefined
  const isWhole = [interval, count ?? 1].every((one) => Number.isInteger(one) && one >= 1)
  const weekStart = weekdayCodes.indexOf(parts.get('WKST') ?? 'MO')
  const weekdays = readWeekdays(parts.get('BYDAY'))
  const numbers = new Map<string, number[]>()
  for (const [name, bounds] of Object.entries(lists)) {
    const read = readNumbers(parts.get(name), bounds)
    if (read === undefined) return undefined
    numbers.set(name, read)
  }
  if (!isWhole || weekStart < 0 || weekdays === undefined) return undefined
  const listOf = (name: keyof typeof lists): number[] => numbers.get(name) ?? []
  return {
    frequency,
    interval,
    count,
    until: parts.get('UNTIL'),
    weekdays,
    months: listOf('BYMONTH'),
    monthDays: listOf('BYMONTHDAY'),
    yearDays: listOf('BYYEARDAY'),
    weeks: listOf('BYWEEKNO'),
    hours: listOf('BYHOUR'),
    minutes: listOf('BYMINUTE'),
    seconds: listOf('BYSECOND'),
    places: listOf('BYSETPOS'),
    weekStart,
  }
}

function readWeekdays(text: string | undefined): RecurrenceRule['weekdays'] | undefined {
  const weekdays: RecurrenceRule['weekdays'] = []
  for (const part of text?.split(',') ?? []) {
    const match = /^([+-]?\d{1,2})?(SU|MO|TU|WE|TH|FR|SA)$/.exec(part)
    if (match === null) return undefined
    weekdays.push({ weekday: weekdayCodes.indexOf(match[2]!), place: Number(match[1] ?? 0) })
  }
  return weekdays
}

function readNumbers(
  text: string | undefined,
  { min, max, isFromEnd = false }: { min: number; max: number; isFromEnd?: boolean },
): number[] | undefined {
  const numbers = text?.split(',').map(Number) ?? []
  const isTaken = (one: number): boolean => {
    const size = isFromEnd ? Math.abs(one) : one
    return Number.isInteger(one) && size >= min && size <= max
  }
  return numbers.every(isTaken) ? [...new Set(numbers)] : undefined
}

/**
 * The times of a repeated event in order, its first included; ends when `isPast` says so. Days before
 * `fromDay` (since 1970) count, but are neither asked about nor given.
 */
export function* listDates(
  rule: RecurrenceRule,
  first: LocalTime,
  { fromDay, isPast }: { fromDay: number; isPast: (date: LocalTime) => boolean },
): Generator<LocalTime> {
  const firstDay = dayNumberOf(first)
  const filled = fillFrom(rule, first)
  let given = 0
  // Where nothing is counted, what is long past need not be gone through.
  let period = rule.count === undefined ? countPeriods(rule, first, fromDay) : 0
  for (const end = period + periodCountMax; period < end; period++) {
    for (const date of datesOf(filled, first, period)) {
      const day = dayNumberOf(date)
      if (day < firstDay || (day === firstDay && secondsOf(date) < secondsOf(first))) continue
      if (rule.count !== undefined && given >= rule.count) return
      given++
      if (day < fromDay) continue
      if (isPast(date)) return
      yield date
    }
    // Nothing may ever fit, such as the 30th of February: the end is asked about all the same.
    const begin = daysOf(filled, first, period)[0]
    if (begin !== undefined && begin >= fromDay && isPast(dateOf(begin))) return
  }
}

/** Whole periods between the first event and a day, less one. */
function countPeriods(rule: RecurrenceRule, first: LocalTime, day: number): number {
  const days = Math.max(0, day - dayNumberOf(first))
  const length = { DAILY: 1, WEEKLY: 7, MONTHLY: 31, YEARLY: 366 }[rule.frequency]
  return Math.max(0, Math.floor(days / length / rule.interval) - 1)
}

/** A rule that leaves the day open means the day of the first event. */
function fillFrom(rule: RecurrenceRule, first: LocalTime): RecurrenceRule {
  const { weekdays, monthDays, yearDays, weeks, months } = rule
  const isDayNamed = weekdays.length + monthDays.length + yearDays.length > 0
  if (isDayNamed || rule.frequency === 'DAILY') return rule
  if (rule.frequency === 'WEEKLY' || weeks.length > 0)
    return { ...rule, weekdays: [{ weekday: weekdayOf(first), place: 0 }] }
  const isMonthOpen = rule.frequency === 'YEARLY' && months.length === 0
  return { ...rule, monthDays: [first.day], months: isMonthOpen ? [first.month] : months }
}

/** The times within one day, week, month or year of the rule. */
function datesOf(rule: RecurrenceRule, first: LocalTime, period: number): LocalTime[] {
  const days = daysOf(rule, first, period).filter((day) => isTaken(rule, day))
  const or = (list: number[], one: number): number[] =>
    list.length === 0 ? [one] : list.toSorted((a, b) => a - b)
  const dates: LocalTime[] = []
  for (const day of days)
    for (const hour of or(rule.hours, first.hour))
      for (const minute of or(rule.minutes, first.minute))
        for (const second of or(rule.seconds, first.second))
          dates.push({ ...dateOf(day), hour, minute, second })
  if (rule.places.length === 0) return dates
  const kept = new Set(rule.places.map((place) => (place > 0 ? place - 1 : dates.length + place)))
  return dates.filter((_date, index) => kept.has(index))
}

/** All days of one period that the months of the rule leave, as numbers since 1970. */
function daysOf(rule: RecurrenceRule, first: LocalTime, period: number): number[] {
  const offset = period * rule.interval
  const firstDay = dayNumberOf(first)
  if (rule.frequency === 'DAILY') return [firstDay + offset]
  if (rule.frequency === 'WEEKLY') {
    const begin = firstDay - ((weekdayOf(first) - rule.weekStart + 7) % 7) + offset * 7
    return listDays(begin, begin + 7)
  }
  const { year } = first
  if (rule.frequency === 'MONTHLY') return daysOfMonth(year, first.month + offset)
  const months =
    rule.months.length === 0
      ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
      : rule.months.toSorted((a, b) => a - b)
  return months.flatMap((month) => daysOfMonth(year + offset, month))
}

function isTaken(rule: RecurrenceRule, day: number): boolean {
  const date = dateOf(day)
  const { year, month } = date
  if (rule.months.length > 0 && !rule.months.includes(month)) return false
  const monthBegin = dayNumberOf({ year, month, day: 1 })
  const monthLength = dayNumberOf({ year, month: month + 1, day: 1 }) - monthBegin
  const inMonth = { index: day - monthBegin, length: monthLength }
  if (!isAt(rule.monthDays, inMonth)) return false
  const yearBegin = dayNumberOf({ year, month: 1, day: 1 })
  const yearLength = dayNumberOf({ year: year + 1, month: 1, day: 1 }) - yearBegin
  const inYear = { index: day - yearBegin, length: yearLength }
  if (!isAt(rule.yearDays, inYear)) return false
  if (rule.weeks.length > 0 && !isAt(rule.weeks, weekOf(day, rule.weekStart))) return false
  if (rule.weekdays.length === 0) return true
  const { frequency, months } = rule
  const isInYear = frequency === 'YEARLY' && months.length === 0
  const around = isInYear ? inYear : inMonth
  const weekday = weekdayOf(date)
  return rule.weekdays.some((one) => {
    if (one.weekday !== weekday) return false
    if (one.place === 0 || frequency === 'DAILY' || frequency === 'WEEKLY') return true
    if (one.place > 0) return Math.floor(around.index / 7) + 1 === one.place
    return Math.floor((around.length - 1 - around.index) / 7) + 1 === -one.place
  })
}

/** Whether a place, counted from either end, is among those wanted; where none is wanted, each is. */
function isAt(
  wanted: readonly number[],
  { index, length }: { index: number; length: number },
): boolean {
  return wanted.length === 0 || wanted.includes(index + 1) || wanted.includes(index - length)
}

/** The place of a day's week among the weeks of its year; the first one has four days of the year at least. */
function weekOf(day: number, weekStart: number): { index: number; length: number } {
  const beginOf = (year: number): number => {
    const fourth = { year, month: 1, day: 4 }
    return dayNumberOf(fourth) - ((weekdayOf(fourth) - weekStart + 7) % 7)
  }
  let { year } = dateOf(day)
  if (day < beginOf(year)) year--
  else if (day >= beginOf(year + 1)) year++
  const begin = beginOf(year)
  return { index: Math.floor((day - begin) / 7), length: (beginOf(year + 1) - begin) / 7 }
}

function daysOfMonth(year: number, month: number): number[] {
  return listDays(
    dayNumberOf({ year, month, day: 1 }),
    dayNumberOf({ year, month: month + 1, day: 1 }),
  )
}

function listDays(begin: number, end: number): number[] {
  return Array.from({ length: end - begin }, (_none, index) => begin + index)
}

function dateOf(day: number): LocalTime {
  const date = new Date(day * dayMs)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: 0,
    minute: 0,
    second: 0,
  }
}

function secondsOf({ hour, minute, second }: LocalTime): number {
  return (hour * 60 + minute) * 60 + second
}
