/**
 * The door of on-call duty: who is on call when, by rotations, calendars and overrides, and whom a
 * step of an escalation reaches. Knows nothing of sending: people are reached through receivers,
 * whose names are all that is known here. The caller brings overrides and the text of calendars.
 */

import type { OnCallOverride, Shift } from '../model/on-call.ts'
import { type DutyCalendar, listCalendarShifts, readCalendar } from './calendar.ts'
import { formatCalendar } from './format-calendar.ts'
import { findNameProblems } from './check.ts'
import { oncallErrors } from './errors.ts'
import { calendarStrangersTotal } from './metrics.ts'
import { listDaySpans, listLayerShifts, type Span } from './rotation.ts'
import type {
  OnCallSettings,
  PersonSettings,
  PolicySettings,
  ScheduleSettings,
} from './settings.ts'
import { applyOverrides, overlay } from './shifts.ts'

export { findNameProblems } from './check.ts'
export { oncallErrors } from './errors.ts'
export { calendarFailuresTotal, emptyScheduleCount } from './metrics.ts'
export type { OnCallSettings, PersonSettings, PolicySettings } from './settings.ts'

const dayMs = 86_400_000
/** The longest span of shifts that is worked out at once. */
const rangeMsMax = 400 * dayMs
/** Shifts of one answer. */
const shiftCountMax = 10_000

/** Whom a step reaches: people by their own rules, and receivers at once. */
export interface StepTarget {
  people: string[]
  receivers: string[]
  /** What the step names, for people to read: `schedule primary`. */
  title: string
}

/** Duty as configured, with the overrides and calendars given to it. */
export class OnCall {
  #settings: OnCallSettings
  #overrides: readonly OnCallOverride[] = []
  readonly #calendars = new Map<string, DutyCalendar>()

  /** Throws `ONCALL_SETTING_INVALID`. */
  constructor(settings: OnCallSettings) {
    this.#settings = check(settings)
  }

  /** Takes new settings; throws `ONCALL_SETTING_INVALID` and changes nothing when names are wrong. */
  reload(settings: OnCallSettings): void {
    this.#settings = check(settings)
    const known = new Set(settings.schedules.map(({ name }) => name))
    for (const name of this.#calendars.keys()) if (!known.has(name)) this.#calendars.delete(name)
  }

  people(): readonly PersonSettings[] {
    return this.#settings.people
  }

  teams(): OnCallSettings['teams'] {
    return this.#settings.teams
  }

  schedules(): readonly ScheduleSettings[] {
    return this.#settings.schedules
  }

  policies(): readonly PolicySettings[] {
    return this.#settings.escalation_policies
  }

  findPerson(name: string): PersonSettings | undefined {
    return this.#settings.people.find((person) => person.name === name)
  }

  findPolicy(name: string): PolicySettings | undefined {
    return this.#settings.escalation_policies.find((policy) => policy.name === name)
  }

  /** The overrides in force, oldest first; later ones go before earlier ones. */
  setOverrides(overrides: readonly OnCallOverride[]): void {
    this.#overrides = [...overrides]
  }

  /** Takes the calendar of a schedule; answers what in it was not understood. Throws `SyntaxError` and keeps the old one. */
  setCalendar(schedule: string, text: string): string[] {
    const zone = this.#getSchedule(schedule).time_zone
    const byName = new Map<string, string>()
    for (const { name, email } of this.#settings.people) {
      byName.set(name.toLowerCase(), name)
      if (email !== undefined) byName.set(email.toLowerCase(), name)
    }
    const calendar = readCalendar(text, zone, (called) => byName.get(called.trim().toLowerCase()))
    calendarStrangersTotal.inc(calendar.strangerCount)
    this.#calendars.set(schedule, calendar)
    const strangers =
      calendar.strangerCount === 0 ? [] : [`${calendar.strangerCount} entries name nobody known`]
    return [...calendar.problems, ...strangers]
  }

  /** The shifts of a schedule in a span, cut to it. Throws `ONCALL_SCHEDULE_UNKNOWN`, `ONCALL_RANGE_INVALID`. */
  shifts(scheduleName: string, span: Span): Shift[] {
    const schedule = this.#getSchedule(scheduleName)
    if (!(span.startTimeMs < span.endTimeMs))
      throw oncallErrors.RANGE_INVALID({ reason: 'its start is not before its end' })
    if (span.endTimeMs - span.startTimeMs > rangeMsMax)
      throw oncallErrors.RANGE_INVALID({ reason: 'it is longer than 400 days' })
    let shifts: Shift[] = []
    for (const [index, layer] of schedule.layers.entries()) {
      const name = layer.name || `layer ${index + 1}`
      shifts = overlay(shifts, listLayerShifts({ ...layer, name }, schedule.time_zone, span))
    }
    const calendar = this.#calendars.get(scheduleName)
    if (calendar !== undefined)
      shifts = overlay(shifts, joinSame(listCalendarShifts(calendar, span)))
    const own = this.#overrides.filter((override) => override.schedule === scheduleName)
    return applyOverrides(shifts, own, span).slice(0, shiftCountMax)
  }

  /** Who is on call on a schedule at a time, and until when; nobody when `undefined`. */
  onCallAt(schedule: string, timeMs: number): Shift | undefined {
    // A month ahead finds the end of nearly every shift.
    const span = { startTimeMs: timeMs, endTimeMs: timeMs + 31 * dayMs }
    const [first] = this.shifts(schedule, span)
    return first !== undefined && first.startTimeMs <= timeMs ? first : undefined
  }

  /** Whom a step reaches at a time. */
  targetOf(step: PolicySettings['steps'][number], timeMs: number): StepTarget {
    const receivers = [...(step.also ?? [])]
    if (step.receiver !== undefined) {
      const title = `receiver ${step.receiver}`
      return { people: [], receivers: [step.receiver, ...receivers], title }
    }
    if (step.person !== undefined)
      return { people: [step.person], receivers, title: `person ${step.person}` }
    if (step.schedule !== undefined) {
      const title = `schedule ${step.schedule}`
      return { people: this.#peopleOnCall(step.schedule, timeMs), receivers, title }
    }
    if (step.everyone !== undefined) {
      const title = `everyone of ${step.everyone}`
      return { people: this.membersOf(step.everyone), receivers, title }
    }
    const name = step.team ?? ''
    return { people: this.teamOnCall(name, timeMs), receivers, title: `team ${name}` }
  }

  /** Who of a team is on call; everybody when it has no schedule or nobody is on call there. */
  teamOnCall(name: string, timeMs: number): string[] {
    const schedule = this.#settings.teams.find((team) => team.name === name)?.schedule
    const people = schedule === undefined ? [] : this.#peopleOnCall(schedule, timeMs)
    return people.length > 0 ? people : this.membersOf(name)
  }

  /** Everybody of a team. */
  membersOf(name: string): string[] {
    return [...(this.#settings.teams.find((team) => team.name === name)?.members ?? [])]
  }

  /** Until when a person is not to be disturbed at a time; `undefined` when they may be. */
  quietUntil(name: string, timeMs: number): number | undefined {
    const person = this.findPerson(name)
    if (person?.quiet_hours === undefined) return undefined
    const span = { startTimeMs: timeMs, endTimeMs: timeMs + 1 }
    const spans = listDaySpans(person.quiet_hours, person.time_zone, span)
    return spans.find((one) => one.startTimeMs <= timeMs && timeMs < one.endTimeMs)?.endTimeMs
  }

  /** A schedule's shifts as a calendar (RFC 5545). */
  formatCalendar(schedule: string, span: Span, nowTimeMs: number): string {
    return formatCalendar(schedule, this.shifts(schedule, span), nowTimeMs)
  }

  #peopleOnCall(schedule: string, timeMs: number): string[] {
    const span = { startTimeMs: timeMs, endTimeMs: timeMs + 1 }
    return [...new Set(this.shifts(schedule, span).flatMap(({ people }) => people))]
  }

  #getSchedule(name: string): ScheduleSettings {
    const schedule = this.#settings.schedules.find((one) => one.name === name)
    if (schedule === undefined) throw oncallErrors.SCHEDULE_UNKNOWN({ schedule: name })
    return schedule
  }
}

function check(settings: OnCallSettings): OnCallSettings {
  const problems = findNameProblems(settings)
  if (problems.length > 0) {
    const told = problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
    throw oncallErrors.SETTING_INVALID({ problems: told.join('; ') })
  }
  return settings
}

/** Entries of a calendar at the same time are on call together. */
function joinSame(shifts: readonly Shift[]): Shift[] {
  const edges = [...new Set(shifts.flatMap((one) => [one.startTimeMs, one.endTimeMs]))]
  edges.sort((a, b) => a - b)
  const joined: Shift[] = []
  let next = 0
  let open: Shift[] = []
  for (const [index, startTimeMs] of edges.entries()) {
    while (next < shifts.length && shifts[next]!.startTimeMs <= startTimeMs)
      open.push(shifts[next++]!)
    open = open.filter((one) => one.endTimeMs > startTimeMs)
    const endTimeMs = edges[index + 1]
    if (open.length === 0 || endTimeMs === undefined) continue
    const people = [...new Set(open.flatMap((one) => one.people))]
    joined.push({ startTimeMs, endTimeMs, people, source: 'calendar' })
  }
  return joined
}
