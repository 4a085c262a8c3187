/**
 * Times and spans as templates use them: `.StartsAt.Format "15:04"`, `since .StartsAt`. Layouts are
 * Go's: the reference time is Mon Jan 2 15:04:05 2006.
 * Source: pkg.go.dev/time, behaviour re-implemented for the layouts that templates use.
 */

import { humanizeSeconds } from '../humanize.ts'

/** A time in a zone. */
export class GoTime extends Date {
  readonly #zone: string

  constructor(timeMs: number, zone = 'UTC') {
    super(timeMs)
    this.#zone = zone
  }

  Format(layout: string): string {
    return formatLayout(this, String(layout), this.#zone)
  }

  Year(): bigint {
    return this.#figure('2006')
  }

  Month(): string {
    return this.Format('January')
  }

  Day(): bigint {
    return this.#figure('2')
  }

  Weekday(): string {
    return this.Format('Monday')
  }

  Hour(): bigint {
    return this.#figure('15')
  }

  Minute(): bigint {
    return this.#figure('4')
  }

  Second(): bigint {
    return this.#figure('5')
  }

  #figure(layout: string): bigint {
    return BigInt(this.Format(layout))
  }

  Unix(): bigint {
    return BigInt(Math.floor(this.getTime() / 1000))
  }

  UnixMilli(): bigint {
    return BigInt(this.getTime())
  }

  UTC(): GoTime {
    return new GoTime(this.getTime())
  }

  Local(): GoTime {
    return new GoTime(this.getTime(), Intl.DateTimeFormat().resolvedOptions().timeZone)
  }

  Sub(other: Date): GoSpan {
    return new GoSpan((this.getTime() - other.getTime()) / 1000)
  }

  Before(other: Date): boolean {
    return this.getTime() < other.getTime()
  }

  After(other: Date): boolean {
    return this.getTime() > other.getTime()
  }

  IsZero(): boolean {
    return this.getTime() === goZeroTimeMs
  }

  /** The same instant shown in another zone; throws `RangeError` for an unknown one. */
  inZone(zone: string): GoTime {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return new GoTime(this.getTime(), zone)
  }
}

/** Go's zero time, the end of what has none. */
export const goZeroTimeMs = -62_135_596_800_000

/** A span; prints as Go's `time.Duration` does. */
export class GoSpan {
  readonly seconds: number

  constructor(seconds: number) {
    this.seconds = seconds
  }

  Seconds(): number {
    return this.seconds
  }

  Minutes(): number {
    return this.seconds / 60
  }

  Hours(): number {
    return this.seconds / 3600
  }

  /** As people write it. */
  humanize(): string {
    return humanizeSeconds(this.seconds)
  }

  toString(): string {
    const total = Math.abs(this.seconds)
    const sign = this.seconds < 0 ? '-' : ''
    if (total === 0) return '0s'
    if (total < 1) return `${sign}${Number((total * 1000).toFixed(6))}ms`
    const hours = Math.floor(total / 3600)
    const minutes = Math.floor(total / 60) % 60
    const seconds = Number((total % 60).toFixed(9))
    if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`
    return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`
  }
}

const layoutPart =
  /January|Jan|Monday|Mon|MST|2006|Z07:00|-07:00|-0700|\.0+|\.9+|002|01|02|03|04|05|06|15|PM|pm|_2|1|2|3|4|5/g

function formatLayout(time: Date, layout: string, zone: string): string {
  const parts = partsOf(time, zone)
  return layout.replace(layoutPart, (code) => {
    if (/^\.[09]/.test(code)) {
      const digits = parts.milliseconds.padEnd(code.length - 1, '0').slice(0, code.length - 1)
      const shown = code[1] === '9' ? digits.replace(/0+$/, '') : digits
      return shown === '' ? '' : `.${shown}`
    }
    return parts.byCode[code] ?? code
  })
}

function partsOf(
  time: Date,
  zone: string,
): { byCode: Record<string, string>; milliseconds: string } {
  const { figures, long, short, offset } = zone === 'UTC' ? readUtc(time) : readIn(zone, time)
  const hour = Number(figures['hour'])
  const hour12 = String(hour % 12 === 0 ? 12 : hour % 12)
  const isUtc = offset === '+00:00'
  return {
    milliseconds: String(time.getTime() - Math.floor(time.getTime() / 1000) * 1000).padStart(
      3,
      '0',
    ),
    byCode: {
      '2006': figures['year']!.padStart(4, '0'),
      '06': figures['year']!.slice(-2),
      '01': figures['month']!,
      '1': String(Number(figures['month'])),
      January: long['month']!,
      Jan: short['month']!,
      '02': figures['day']!,
      _2: String(Number(figures['day'])).padStart(2, ' '),
      '2': String(Number(figures['day'])),
      Monday: long['weekday']!,
      Mon: short['weekday']!,
      '15': figures['hour']!,
      '03': hour12.padStart(2, '0'),
      '3': hour12,
      '04': figures['minute']!,
      '4': String(Number(figures['minute'])),
      '05': figures['second']!,
      '5': String(Number(figures['second'])),
      PM: hour < 12 ? 'AM' : 'PM',
      pm: hour < 12 ? 'am' : 'pm',
      MST: figures['timeZoneName']!,
      'Z07:00': isUtc ? 'Z' : offset,
      '-07:00': offset,
      '-0700': offset.replace(':', ''),
    },
  }
}

interface ReadTime {
  figures: Record<string, string>
  long: Record<string, string>
  short: Record<string, string>
  /** `+01:00` */
  offset: string
}

const monthNames =
  'January February March April May June July August September October November December'.split(' ')
const dayNames = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** The zone of nearly every message, without the platform's formatters: they take half a millisecond. */
function readUtc(time: Date): ReadTime {
  const two = (figure: number): string => String(figure).padStart(2, '0')
  const month = monthNames[time.getUTCMonth()]!
  const weekday = dayNames[time.getUTCDay()]!
  return {
    figures: {
      year: String(time.getUTCFullYear()),
      month: two(time.getUTCMonth() + 1),
      day: two(time.getUTCDate()),
      hour: two(time.getUTCHours()),
      minute: two(time.getUTCMinutes()),
      second: two(time.getUTCSeconds()),
      timeZoneName: 'UTC',
    },
    long: { month, weekday },
    short: { month: month.slice(0, 3), weekday: weekday.slice(0, 3) },
    offset: '+00:00',
  }
}

interface ZoneFormats {
  figures: Intl.DateTimeFormat
  long: Intl.DateTimeFormat
  short: Intl.DateTimeFormat
  offset: Intl.DateTimeFormat
}

/** By zone; one takes about 100 KB. */
const zoneFormats = new Map<string, ZoneFormats>()
const zoneFormatsMax = 64

function readIn(zone: string, time: Date): ReadTime {
  const formats = zoneFormats.get(zone) ?? makeFormats(zone)
  const read = (format: Intl.DateTimeFormat): Record<string, string> =>
    Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]))
  return {
    figures: read(formats.figures),
    long: read(formats.long),
    short: read(formats.short),
    offset: read(formats.offset)['timeZoneName']!.replace('GMT', '') || '+00:00',
  }
}

function makeFormats(zone: string): ZoneFormats {
  const make = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...options })
  const formats = {
    figures: make({
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    }),
    long: make({ month: 'long', weekday: 'long' }),
    short: make({ month: 'short', weekday: 'short' }),
    offset: make({ timeZoneName: 'longOffset' }),
  }
  if (zoneFormats.size >= zoneFormatsMax) zoneFormats.clear()
  zoneFormats.set(zone, formats)
  return formats
}
