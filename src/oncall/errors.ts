/** Error codes of on-call duty. */

import { errorTable } from '../base/error.ts'

/** Makers of on-call's errors. */
export const oncallErrors = errorTable('ONCALL', {
  SETTING_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { problems: string }) => `On-call settings are wrong: ${facts.problems}`,
    hint: 'Correct the names: people, teams, schedules and policies must be declared where others refer to them.',
  },
  SCHEDULE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { schedule: string }) => `There is no schedule "${facts.schedule}".`,
    hint: 'Look at the list of schedules, or add it under "schedules".',
  },
  PERSON_UNKNOWN: {
    kind: 'user',
    status: 400,
    message: (facts: { person: string }) => `There is no person "${facts.person}".`,
    hint: 'Look at the list of people, or add the person under "people".',
  },
  RANGE_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => `The span of time is wrong: ${facts.reason}.`,
    hint: 'Give a start before the end, and ask for at most 400 days at once.',
  },
  OVERRIDE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no override "${facts.id}".`,
    hint: 'It may have been removed already; look in the list.',
  },
  OVERRIDES_FULL: {
    kind: 'operation',
    status: 503,
    message: (facts: { countMax: number }) => `There are ${facts.countMax} overrides already.`,
    hint: 'Remove overrides that are not needed; those that ended are forgotten after 90 days.',
  },
})
