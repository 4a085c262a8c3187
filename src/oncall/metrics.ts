/** Metrics of on-call duty. */

import { counter, gauge } from '../base/metrics.ts'

/** Schedules with nobody on call now. */
export const emptyScheduleCount = gauge({
  name: 'shipwatch_oncall_empty_schedules',
  help: 'Schedules on which nobody is on call now.',
})

/** Calendars that could not be read. */
export const calendarFailuresTotal = counter({
  name: 'shipwatch_oncall_calendar_failures_total',
  help: 'Times that the calendar of a schedule could not be fetched or read; the last good one stays in force.',
})

/** Entries of calendars that name nobody known. */
export const calendarStrangersTotal = counter({
  name: 'shipwatch_oncall_calendar_strangers_total',
  help: 'Calendar entries that were left out because they name nobody of "people", counted at each reading.',
})
