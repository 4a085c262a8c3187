/**
 * Duty as a calendar that others can subscribe to: one entry for each shift.
 * Source: RFC 5545; the name and the interval of reading again are RFC 7986.
 */

import type { Shift } from '../model/on-call.ts'
import { escapeText, formatLines, formatUtc } from './ical-text.ts'

/** Writes the shifts of a schedule. */
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
