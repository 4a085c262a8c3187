/**
 * Wall clocks of places: from an instant to the date and time that people there read, and back. Days
 * with a change of clocks are why this is not arithmetic: a time that a clock skips counts as the same
 * span after the change, and of a time that it shows twice the first is meant.
 * Source of the rules: RFC 5545, section 3.3.5 (local time with a zone); zones are the platform's.
 */

/** A date and time as a wall clock shows it. */
export interface LocalTime {
  year: number
  /** 1..12 */
  month: number
  /** 1..31 */
  day: number
  hour: number
  minute: number
  second: number
}

const dayMs = 86_400_000

/** Making one costs milliseconds; there are few zones. */
const formats = new Map<string, Intl.DateTimeFormat>()

/** Whether the platform knows a zone such as `Asia/Shanghai`. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    // The platform's way of saying no.
    return false
  }
}

/** What a wall clock in a zone shows; throws `RangeError` for an unknown zone. */
export function readLocal(timeMs: number, zone: string): LocalTime {
  const shown = new Date(timeMs + offsetMs(timeMs, zone))
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    second: shown.getUTCSeconds(),
  }
}

/** The instant at which a wall clock in a zone shows a time. Days and months beyond their end roll over. */
export function timeOfLocal(local: LocalTime, zone: string): number {
  const { year, month, day, hour, minute, second } = local
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const before = wallMs - offsetMs(wallMs - dayMs, zone)
  const after = wallMs - offsetMs(wallMs + dayMs, zone)
  const isShown = (timeMs: number): boolean => timeMs + offsetMs(timeMs, zone) === wallMs
  if (isShown(before)) return isShown(after) ? Math.min(before, after) : before
  return isShown(after) ? after : before
}

/** 0 is Sunday. */
export function weekdayOf(local: Pick<LocalTime, 'year' | 'month' | 'day'>): number {
  return new Date(Date.UTC(local.year, local.month - 1, local.day)).getUTCDay()
}

/** Days since 1970 of a date. */
export function dayNumberOf(local: Pick<LocalTime, 'year' | 'month' | 'day'>): number {
  return Math.round(Date.UTC(local.year, local.month - 1, local.day) / dayMs)
}

/** How far a zone's clocks are ahead of UTC. */
function offsetMs(timeMs: number, zone: string): number {
  if (zone === 'UTC') return 0
  const parts = new Map(
    formatOf(zone)
      .formatToParts(timeMs)
      .map((part) => [part.type, part.value]),
  )
  const read = (name: Intl.DateTimeFormatPartTypes): number => Number(parts.get(name))
  const wallMs = Date.UTC(
    read('year'),
    read('month') - 1,
    read('day'),
    read('hour'),
    read('minute'),
    read('second'),
  )
  return wallMs - Math.floor(timeMs / 1000) * 1000
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(zone, format)
  return format
}
