/** A maintenance window: a span, once or again and again, in which people are not told of some alerts. */

import type { SilenceMatcher } from './silence.ts'

/** When a window comes again; counted on the clocks of its zone. */
export interface MaintenanceRepeat {
  every: 'day' | 'week' | 'month'
  /** So many days, weeks or months. */
  interval: number
  /** For weeks: 0 is Sunday; the weekday of the start when empty. */
  weekdays: number[]
  /** No occurrence begins after it; `undefined` is without end. */
  untilTimeMs: number | undefined
}

/** A window as kept. It holds an alert that fulfils all matchers, and is of its services and teams, if any are named. */
export interface MaintenanceWindow {
  id: string
  name: string
  matchers: SilenceMatcher[]
  /** Values of the label `service`; one is enough. */
  services: string[]
  /** Values of the label `team`; one is enough. */
  teams: string[]
  /** The first occurrence. */
  startTimeMs: number
  endTimeMs: number
  timeZone: string
  repeat: MaintenanceRepeat | undefined
  /** Told what was held when an occurrence ends; nobody when empty. */
  summaryReceiver: string
  /** While it is open, told so often as well, when more was held; only at the end when absent or 0. */
  summaryEveryMs?: number | undefined
  createdBy: string
  comment: string
  updatedTimeMs: number
  /** Ended by a person; it stays in the list for a while. */
  endedTimeMs: number | undefined
  /** When the last summary was done. */
  summarisedTimeMs: number
}
