/**
 * When a maintenance window is open: once, or again on days, weeks or months of the wall clock of its
 * zone, each time as long as the first. A month that lacks the day has it on its last one.
 */

import {
  dayNumberOf,
  type LocalTime,
  readLocal,
  timeOfLocal,
  weekdayOf,
} from '../../base/time-zone.ts'
import type { MaintenanceRepeat, MaintenanceWindow } from '../../model/maintenance.ts'

const dayMs = 86_400_000

/** One opening. */
export interface Occurrence {
  startTimeMs: number
  endTimeMs: number
}

/** The openings that touch a span, in order, each whole. A person's end ends them all. */
export function listOccurrences(window: MaintenanceWindow, span: Occurrence): Occurrence[] {
  const lastTimeMs = Math.min(span.endTimeMs, window.endedTimeMs ?? Number.POSITIVE_INFINITY)
  const lengthMs = window.endTimeMs - window.startTimeMs
  const found: Occurrence[] = []
  for (const startTimeMs of listStarts(window, { ...span, endTimeMs: lastTimeMs })) {
    const endTimeMs = Math.min(
      startTimeMs + lengthMs,
      window.endedTimeMs ?? Number.POSITIVE_INFINITY,
    )
    if (endTimeMs > span.startTimeMs && startTimeMs < lastTimeMs)
      found.push({ startTimeMs, endTimeMs })
  }
  return found
}

function* listStarts(window: MaintenanceWindow, span: Occurrence): Generator<number> {
  const { repeat, timeZone, startTimeMs } = window
  if (repeat === undefined) {
    yield startTimeMs
    return
  }
  const first = readLocal(startTimeMs, timeZone)
  const lengthMs = window.endTimeMs - startTimeMs
  const fromTimeMs = Math.max(startTimeMs, span.startTimeMs - lengthMs - dayMs)
  const date = readLocal(fromTimeMs, timeZone)
  const untilTimeMs = Math.min(span.endTimeMs, (repeat.untilTimeMs ?? Infinity) + 1)
  for (let offset = 0; ; offset++) {
    const day = { ...first, year: date.year, month: date.month, day: date.day + offset }
    const timeMs = timeOfLocal(day, timeZone)
    if (timeMs >= untilTimeMs) return
    if (timeMs >= startTimeMs && isDayOf(repeat, first, normal(day))) yield timeMs
  }
}

function isDayOf(repeat: MaintenanceRepeat, first: LocalTime, day: LocalTime): boolean {
  const { interval } = repeat
  if (repeat.every === 'day') return (dayNumberOf(day) - dayNumberOf(first)) % interval === 0
  if (repeat.every === 'week') {
    const weekdays = repeat.weekdays.length === 0 ? [weekdayOf(first)] : repeat.weekdays
    const weeks = (weekNumberOf(day) - weekNumberOf(first)) % interval
    return weeks === 0 && weekdays.includes(weekdayOf(day))
  }
  const months = (day.year - first.year) * 12 + day.month - first.month
  const dayCount = new Date(Date.UTC(day.year, day.month, 0)).getUTCDate()
  return months % interval === 0 && day.day === Math.min(first.day, dayCount)
}

/** Weeks begin on Monday; 1 January 1970 was a Thursday. */
function weekNumberOf(day: LocalTime): number {
  return Math.floor((dayNumberOf(day) + 3) / 7)
}

/** Days beyond the end of the month, rolled over. */
function normal(day: LocalTime): LocalTime {
  const date = new Date(Date.UTC(day.year, day.month - 1, day.day))
  return {
    ...day,
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
  }
}
