/**
 * The text of calendars: unfolded lines with name, parameters and value, read and written.
 * Source: RFC 5545, sections 3.1 (content lines), 3.3.5 (times), 3.3.11 (text).
 */

import type { LocalTime } from '../base/time-zone.ts'

/** One content line. Names are upper case. */
export interface CalendarLine {
  name: string
  parameters: Map<string, string>
  value: string
}

/** Lines that a calendar may have; the rest is left out by the caller's limit. */
export function readLines(text: string): CalendarLine[] {
  const unfolded = text.replace(/\r?\n[ \t]/g, '')
  const lines: CalendarLine[] = []
  for (const line of unfolded.split(/\r?\n/)) {
    const read = readLine(line)
    if (read !== undefined) lines.push(read)
  }
  return lines
}

function readLine(line: string): CalendarLine | undefined {
  // A colon within quotes belongs to a parameter.
  const match = /^([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:]*))*):(.*)$/s.exec(line)
  if (match === null) return undefined
  const parameters = new Map<string, string>()
  for (const [, name, value] of match[2]!.matchAll(/;([A-Za-z0-9-]+)=("[^"]*"|[^";:]*)/g))
    parameters.set(name!.toUpperCase(), value!.replace(/^"|"$/g, ''))
  return { name: match[1]!.toUpperCase(), parameters, value: match[3]! }
}

/** A time as written: a wall clock, with the zone when the value names one. */
export interface CalendarTime {
  local: LocalTime
  /** `undefined` is the calendar's own zone. */
  zone: string | undefined
  isDate: boolean
}

/** `20261102T090000Z`, `20261102T090000` or `20261102`; `undefined` when it is none of these. */
export function readTime(value: string, zone: string | undefined): CalendarTime | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$/.exec(value.trim())
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, utc] = match
  return {
    local: {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour ?? 0),
      minute: Number(minute ?? 0),
      second: Number(second ?? 0),
    },
    zone: utc === undefined ? zone : 'UTC',
    isDate: hour === undefined,
  }
}

/** `P1W`, `P1DT12H`, `PT30M`; milliseconds, `undefined` when it is no span or not forward. */
export function readSpan(value: string): number | undefined {
  const match = /^\+?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(value)
  if (match === null) return undefined
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0))
  return ((((weeks! * 7 + days!) * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000
}

/** Text as a value holds it, read. */
export function unescapeText(value: string): string {
  return value.replace(/\\([nN\\;,])/g, (_all, letter: string) =>
    letter === 'n' || letter === 'N' ? '\n' : letter,
  )
}

/** Text as a value holds it, written. */
export function escapeText(text: string): string {
  return text.replace(/[\\;,]/g, '\\$&').replace(/\r?\n/g, '\\n')
}

/** `20261102T010000Z` */
export function formatUtc(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** Content lines with their ends, each at most 75 bytes, longer ones folded between characters. */
export function formatLines(lines: readonly string[]): string {
  return lines.map((line) => `${fold(line)}\r\n`).join('')
}

function fold(line: string): string {
  const lineBytesMax = 75
  let folded = ''
  let bytes = 0
  for (const character of line) {
    const size = Buffer.byteLength(character)
    if (bytes + size > lineBytesMax) {
      folded += '\r\n '
      bytes = 1
    }
    folded += character
    bytes += size
  }
  return folded
}
