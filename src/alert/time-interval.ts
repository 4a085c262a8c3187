/**
 * Named spans of the calendar for routes: times of day, days of the week and of the month, months,
 * years, in a time zone. All given kinds must hold; within a kind, one range is enough.
 * Source: alertmanager timeinterval/timeinterval.go (Apache-2.0), behaviour re-implemented.
 */

/** From `first` to `last`, both included. */
interface NumberRange {
  first: number
  last: number
}

/** One span as written; every key may be absent. */
export interface TimeSpanText {
  times?: { start_time: string; end_time: string }[] | null | undefined
  weekdays?: string[] | null | undefined
  days_of_month?: string[] | null | undefined
  months?: string[] | null | undefined
  years?: string[] | null | undefined
  location?: string | undefined
}

/** One span, read. `undefined` holds always. */
export interface TimeSpan {
  /** Minutes of the day; the end is not included. */
  times: NumberRange[] | undefined
  /** 0 is Sunday. */
  weekdays: NumberRange[] | undefined
  /** Negative days count from the end of the month. */
  daysOfMonth: NumberRange[] | undefined
  months: NumberRange[] | undefined
  years: NumberRange[] | undefined
  calendar: Intl.DateTimeFormat
}

const weekdayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]

const wholeNumber = /^[+-]?\d+$/
/** Names that the platform takes for a zone and the zone database does not have. */
const noZone =
  /^(?:[+-].*|ACT|AET|AGT|ART|AST|BET|BST|CAT|CNT|CST|CTT|EAT|ECT|IET|IST|JST|MIT|NET|NST|PLT|PNT|PRT|PST|SST|VST)$/

/** Making a calendar costs milliseconds; there are few zones. */
const calendars = new Map<string, Intl.DateTimeFormat>()

/** Reads a span; throws `SyntaxError` with the reason. */
export function parseTimeSpan(text: TimeSpanText): TimeSpan {
  return {
    times: text.times?.map(({ start_time, end_time }) => {
      const range = { first: parseClock(start_time), last: parseClock(end_time) }
      if (range.first >= range.last)
        throw new SyntaxError('start time cannot be equal or greater than end time')
      return range
    }),
    weekdays: text.weekdays?.map((range) => parseRange(range, 'day', parseWeekday)),
    daysOfMonth: text.days_of_month?.map(parseDays),
    months: text.months?.map((range) => parseRange(range, 'month', parseMonth)),
    years: text.years?.map((range) => parseRange(range, 'year', parseYear)),
    calendar: findCalendar(text.location || 'UTC'),
  }
}

/** Whether a time lies in the span. */
export function isInSpan(span: TimeSpan, timeMs: number): boolean {
  const now = readCalendar(span.calendar, timeMs)
  const { times, weekdays, daysOfMonth, months, years } = span
  if (times !== undefined && !times.some((r) => now.minute >= r.first && now.minute < r.last))
    return false
  if (weekdays !== undefined && !isInAny(weekdays, now.weekday)) return false
  if (months !== undefined && !isInAny(months, now.month)) return false
  if (years !== undefined && !isInAny(years, now.year)) return false
  if (daysOfMonth === undefined) return true
  const dayCount = new Date(Date.UTC(now.year, now.month, 0)).getUTCDate()
  return daysOfMonth.some(({ first, last }) => {
    const from = first < 0 ? dayCount + first + 1 : first
    const to = last < 0 ? dayCount + last + 1 : last
    return now.day >= from && now.day <= to
  })
}

function isInAny(ranges: readonly NumberRange[], value: number): boolean {
  return ranges.some(({ first, last }) => value >= first && value <= last)
}

function parseClock(text: string): number {
  const match = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text)
  if (match === null) throw new SyntaxError(`couldn't parse timestamp ${text}, invalid format`)
  return match[1] === undefined ? 24 * 60 : Number(match[1]) * 60 + Number(match[2])
}

function parseRange(text: string, what: string, parse: (part: string) => number): NumberRange {
  const [head, tail, ...more] = text.toLowerCase().split(':')
  if (more.length > 0) throw new SyntaxError(`"${text}" is not a range such as a:b`)
  const first = parse(head!)
  const last = tail === undefined ? first : parse(tail)
  if (first > last) throw new SyntaxError(`start ${what} cannot be before end ${what}: "${text}"`)
  return { first, last }
}

function parseWeekday(text: string): number {
  const day = weekdayNames.indexOf(text)
  if (day < 0) throw new SyntaxError(`${text} is not a valid weekday`)
  return day
}

function parseMonth(text: string): number {
  const month = monthNames.indexOf(text) + 1
  const number = month > 0 ? month : wholeNumber.test(text) ? Number(text) : 0
  if (number < 1 || number > 12) throw new SyntaxError(`${text} is not a valid month`)
  return number
}

function parseYear(text: string): number {
  if (!wholeNumber.test(text)) throw new SyntaxError(`${text} is not a valid year`)
  return Number(text)
}

function parseDays(text: string): NumberRange {
  const parse = (part: string): number => {
    const day = wholeNumber.test(part) ? Number(part) : 0
    if (day === 0 || Math.abs(day) > 31)
      throw new SyntaxError(`${part} is not a valid day of the month: not in -31..-1, 1..31`)
    return day
  }
  const [head, tail, ...more] = text.split(':')
  if (more.length > 0) throw new SyntaxError(`"${text}" is not a range such as a:b`)
  const first = parse(head!)
  const last = tail === undefined ? first : parse(tail)
  if (first < 0 && last > 0)
    throw new SyntaxError(`end day must be negative if start day is negative: "${text}"`)
  // As Alertmanager reckons, by the shortest month: a range that is empty there is a mistake.
  const inMonth = (day: number): number => (day < 0 ? 28 + day : day)
  if (inMonth(first) > inMonth(last))
    throw new SyntaxError(`end day ${last} is always before start day ${first}`)
  return { first, last }
}

function findCalendar(location: string): Intl.DateTimeFormat {
  const known = calendars.get(location)
  if (known !== undefined) return known
  let calendar: Intl.DateTimeFormat
  try {
    if (noZone.test(location)) throw new RangeError(location)
    calendar = new Intl.DateTimeFormat('en-US', {
      ...(location === 'Local' ? {} : { timeZone: location }),
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      weekday: 'long',
      hour: 'numeric',
      minute: 'numeric',
    })
    // The platform does not mind small letters; the zone database does.
    const { timeZone } = calendar.resolvedOptions()
    if (timeZone !== location && timeZone.toLowerCase() === location.toLowerCase())
      throw new RangeError(location)
  } catch (thrown) {
    throw new SyntaxError(`unknown time zone ${location}`, { cause: thrown })
  }
  calendars.set(location, calendar)
  return calendar
}

function readCalendar(calendar: Intl.DateTimeFormat, timeMs: number) {
  const parts = new Map(calendar.formatToParts(timeMs).map(({ type, value }) => [type, value]))
  return {
    year: Number(parts.get('year')),
    month: Number(parts.get('month')),
    day: Number(parts.get('day')),
    weekday: weekdayNames.indexOf((parts.get('weekday') ?? '').toLowerCase()),
    minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  }
}
