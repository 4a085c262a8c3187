/** Whether it is quiet now, and until when: on the clocks of a zone, over midnight and changes of clocks. */

import { type LocalTime, readLocal, timeOfLocal, weekdayOf } from '../base/time-zone.ts'
import type { Notification } from './notification.ts'
import { type QuietHours, weekdayNumber } from './receiver-settings.ts'

/** When the quiet hours that hold at `timeMs` end; `undefined` when it is not quiet. */
export function findQuietEnd(hours: QuietHours, zone: string, timeMs: number): number | undefined {
  const now = readLocal(timeMs, zone)
  // Hours that began today, or yesterday and go over midnight.
  for (const dayShift of [0, -1]) {
    const day = { ...now, day: now.day + dayShift }
    const start = atClock(day, hours.start_time)
    const isOverMidnight = toMinutes(hours.end_time) <= toMinutes(hours.start_time)
    const end = atClock({ ...day, day: day.day + (isOverMidnight ? 1 : 0) }, hours.end_time)
    const startTimeMs = timeOfLocal(start, zone)
    const endTimeMs = timeOfLocal(end, zone)
    const weekday = weekdayOf(day)
    const isDay = hours.weekdays?.some((name) => weekdayNumber(name) === weekday) ?? true
    if (isDay && startTimeMs <= timeMs && timeMs < endTimeMs) return endTimeMs
  }
  return undefined
}

/** Whether a message is too urgent to wait. */
export function isUrgent(hours: QuietHours, notification: Notification): boolean {
  const severities = new Set(hours.except_severities)
  return notification.alerts.some(
    (alert) => alert.state === 'firing' && severities.has(alert.labels.get('severity')),
  )
}

function atClock(day: LocalTime, clock: string): LocalTime {
  const [hour = '0', minute = '0'] = clock.split(':')
  return { ...day, hour: Number(hour), minute: Number(minute), second: 0 }
}

function toMinutes(clock: string): number {
  const [hour = '0', minute = '0'] = clock.split(':')
  return Number(hour) * 60 + Number(minute)
}
