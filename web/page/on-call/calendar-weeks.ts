/**
 * The days of the calendar in the reader's zone, and where a shift lies on them. A day begins at its
 * midnight there, so that a day on which clocks change is 23 or 25 hours long.
 */

import { parseDateTime } from '../../shell/date-time.ts'

/** How much the calendar shows. */
export type CalendarSpan = 'week' | 'fortnight' | 'month'

/** Seven days in a row. */
export interface CalendarWeek {
  /** `2026-11-16`, Monday first. */
  dates: string[]
  /** Beginning of each day, and last the end of the seventh: eight times. */
  edgesMs: number[]
}

/** A piece of a shift within a week: where it lies, as parts of the week's width. */
export interface ShiftPiece {
  fromRatio: number
  toRatio: number
  /** The shift began before, or goes on after this week. */
  isCutBefore: boolean
  isCutAfter: boolean
}

const weekCounts = { week: 1, fortnight: 2, month: 6 } as const

/** The weeks that show `date` (`2026-11-20`): from its Monday, or all that its month touches. */
export function weeksOf(date: string, span: CalendarSpan, timeZone: string): CalendarWeek[] {
  const first = mondayOf(span === 'month' ? `${date.slice(0, 7)}-01` : date)
  const weeks: CalendarWeek[] = []
  for (let index = 0; index < weekCounts[span]; index++) {
    const monday = addDays(first, index * 7)
    // A month that needs only five rows gets five.
    if (span === 'month' && index > 3 && monday.slice(0, 7) !== date.slice(0, 7)) break
    const dates = Array.from({ length: 7 }, (_, day) => addDays(monday, day))
    const edgesMs = [...dates, addDays(monday, 7)].map(
      (one) => parseDateTime(`${one} 00:00`, timeZone) ?? Number.NaN,
    )
    weeks.push({ dates, edgesMs })
  }
  return weeks
}

/** The date one step of the calendar before (-1) or after (1). */
export function stepDate(date: string, span: CalendarSpan, direction: -1 | 1): string {
  if (span !== 'month') return addDays(date, direction * (span === 'week' ? 7 : 14))
  const [year, month] = date.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, month - 1 + direction, 1)).toISOString().slice(0, 10)
}

/** Where a shift lies within a week; undefined when it does not. Each day is as wide as any other. */
export function pieceOf(
  shift: { startTimeMs: number; endTimeMs: number },
  week: CalendarWeek,
): ShiftPiece | undefined {
  const begin = week.edgesMs[0]!
  const end = week.edgesMs[7]!
  if (shift.endTimeMs <= begin || shift.startTimeMs >= end) return undefined
  return {
    fromRatio: ratioAt(Math.max(shift.startTimeMs, begin), week),
    toRatio: ratioAt(Math.min(shift.endTimeMs, end), week),
    isCutBefore: shift.startTimeMs < begin,
    isCutAfter: shift.endTimeMs > end,
  }
}

/** A moment as a part of the week's width, 0 to 1. */
export function ratioAt(timeMs: number, week: CalendarWeek): number {
  for (let day = 0; day < 7; day++) {
    const from = week.edgesMs[day]!
    const to = week.edgesMs[day + 1]!
    if (timeMs < to) return (day + Math.max(0, timeMs - from) / (to - from)) / 7
  }
  return 1
}

function mondayOf(date: string): string {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay()
  return addDays(date, -((weekday + 6) % 7))
}

function addDays(date: string, count: number): string {
  const time = new Date(`${date}T00:00:00Z`)
  time.setUTCDate(time.getUTCDate() + count)
  return time.toISOString().slice(0, 10)
}
