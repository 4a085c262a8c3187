/** Settings of on-call duty: people and how they are reached, teams, schedules, escalation policies. */

import { isTimeZone } from '../base/time-zone.ts'
import {
  duration,
  durationOr,
  flagOr,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  text,
  textOr,
  z,
} from '../config/schema.ts'

const clockPattern = /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/

function clock(description: string) {
  return text(description).refine((value) => clockPattern.test(value), {
    message: 'must be a time of day such as 09:00',
  })
}

function zone(description: string) {
  return textOr('UTC', description).refine(isTimeZone, {
    message: 'must be a time zone such as Asia/Shanghai',
  })
}

function names(description: string) {
  return z.array(z.string().min(1)).meta({ description, typeText: 'list of names' })
}

/** The names of weekdays, Sunday first. */
export const weekdayNames = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const

const weekdays = z
  .array(z.enum(weekdayNames))
  .optional()
  .meta({ description: 'Days of the week; all when absent.', typeText: 'list of weekdays' })

/** A date, or a date with a time of day, on the schedule's own clock. */
const localTime = (description: string) =>
  z
    .string()
    .refine((value) => /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2})?$/.test(value) && isDate(value), {
      message: 'must be a date such as 2026-11-02 or 2026-11-02T09:00',
    })
    .meta({ description, typeText: 'date' })

function isDate(value: string): boolean {
  const date = new Date(`${value.slice(0, 10)}T00:00:00Z`)
  return Number.isFinite(date.getTime()) && date.toISOString().startsWith(value.slice(0, 10))
}

const daySpan = z.strictObject({
  weekdays,
  start_time: clock('First minute, such as "09:00".'),
  end_time: clock('First minute no more in it; before the start, it is that of the next day.'),
})

const person = z.strictObject({
  name: z.string().min(1).max(200).meta({
    description: 'The name that others use.',
    typeText: 'string',
  }),
  email: text('Address by which calendars may name the person.').optional(),
  time_zone: zone('Time zone of the person; for quiet hours.'),
  language: z
    .enum(['en', 'zh'])
    .optional()
    .meta({ description: 'Language of personal messages.', typeText: 'en | zh' }),
  contacts: z
    .array(
      z.strictObject({
        name: text('The name that notification_rules use, such as "push" or "phone".'),
        receiver: text('The receiver that reaches the person in this way.'),
      }),
    )
    .min(1, 'a person needs a way to be reached')
    .meta({ description: 'Ways to reach the person.', typeText: 'list' }),
  notification_rules: z
    .array(
      z.strictObject({
        after: durationOr('0s', 'How long after the page reached the person, if nobody acted.'),
        contact: text('The way, of "contacts".'),
      }),
    )
    .optional()
    .meta({
      description: 'Which way is tried when; every way at once when absent.',
      typeText: 'list',
    }),
  quiet_hours: z
    .strictObject({
      ...daySpan.shape,
      except: z.array(z.string()).default(['severity="critical"']).meta({
        description: 'Matchers; a page with an alert that fulfils one is not kept back.',
        typeText: 'list of matchers',
        defaultText: '[severity="critical"]',
      }),
    })
    .optional()
    .meta({ description: 'When personal messages wait until the end of the hours.' }),
})

const team = z.strictObject({
  name: text('The name that others use.'),
  members: names('People of the team.'),
  schedule: text(
    'Schedule that says who of the team is on call; everybody when absent.',
  ).optional(),
})

const layer = z
  .strictObject({
    name: textOr('', 'A name for people; its place in the list when empty.'),
    people: z
      .array(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]))
      .min(1, 'a layer needs people')
      .meta({
        description: 'Who takes turns, in this order; a list within the list is on call together.',
        typeText: 'list of names',
      }),
    rotation: z
      .enum(['hourly', 'daily', 'weekly', 'monthly', 'custom'])
      .default('weekly')
      .meta({ description: 'How often the turn changes.', defaultText: 'weekly' }),
    every: numberOr(1, { min: 1, max: 1000 }, 'So many hours, days, weeks or months make a turn.'),
    shift: duration('For a custom rotation: the length of a turn.').optional(),
    start: localTime('When the first turn begins, on the clocks of time_zone.'),
    end: localTime('When the layer ends.').optional(),
    handover: clock(
      'Time of day at which turns change, when "start" is a date; "00:00" when absent.',
    ).optional(),
    restrictions: z.array(daySpan).optional().meta({
      description: 'Hours in which alone the layer is in force; always when absent.',
      typeText: 'list',
    }),
  })
  .superRefine((value, context) => {
    if ((value.rotation === 'custom') !== (value.shift !== undefined)) {
      const message = '"shift" belongs to a custom rotation, which needs it'
      context.addIssue({ code: 'custom', path: ['shift'], message })
    }
    if (value.shift !== undefined && value.shift < 60_000)
      context.addIssue({ code: 'custom', path: ['shift'], message: 'must be at least 1m' })
  })

const schedule = z.strictObject({
  name: text('The name that others use.'),
  time_zone: zone('Clocks by which turns change.'),
  layers: z.array(layer).default([]).meta({
    description: 'Rotations; a later one goes before earlier ones where it is in force.',
    typeText: 'list',
    defaultText: '[]',
  }),
  ical_url: text('Calendar (RFC 5545) whose entries name who is on call; goes before layers.')
    .refine((value) => /^https?:\/\//.test(value) && URL.canParse(value), 'must be an address')
    .optional(),
  ical_file: text('The same from a file.').optional(),
})

const step = z
  .strictObject({
    person: text('A person.').optional(),
    schedule: text('Who is on call on a schedule.').optional(),
    team: text('Who of a team is on call; everybody without a schedule.').optional(),
    everyone: text('Everybody of a team.').optional(),
    receiver: text('A receiver.').optional(),
    also: z
      .array(z.string())
      .optional()
      .meta({ description: 'Further receivers told at this step.', typeText: 'list of names' }),
    delay: durationOr('5m', 'How long to wait for somebody to act before the next step.').refine(
      (spanMs) => spanMs >= 1000,
      'must be at least 1s',
    ),
  })
  .refine(
    ({ person: a, schedule: b, team: c, everyone: d, receiver: e }) =>
      [a, b, c, d, e].filter((target) => target !== undefined).length === 1,
    'needs exactly one of person, schedule, team, everyone and receiver',
  )

const policy = z.strictObject({
  name: text('The name that routes and receivers use.'),
  steps: z.array(step).min(1, 'a policy needs a step').meta({
    description: 'Who is told, one after the other, until somebody acts.',
    typeText: 'list',
  }),
  repeat: numberOr(0, { min: 0, max: 100 }, 'How often all steps begin again after the last.'),
  acknowledge_timeout: durationOr(
    '0s',
    'After how long an acknowledgement ends and the first step begins again; 0s is never.',
  ),
  page_new_alerts: flagOr(
    false,
    'Whether an alert that joins an acknowledged page ends the acknowledgement.',
  ),
})

/** A list of named things; a name twice is refused. */
function named<Item extends z.ZodType<{ name: string }>>(item: Item, description: string) {
  return z
    .array(item)
    .superRefine((list, context) => {
      const seen = new Set<string>()
      for (const [index, { name }] of list.entries()) {
        if (seen.has(name)) {
          const message = `the name "${name}" is there twice`
          context.addIssue({ code: 'custom', path: [index, 'name'], message })
        }
        seen.add(name)
      }
    })
    .default([] as never)
    .meta({ description, typeText: 'list', defaultText: '[]' })
}

/** The folder's part of the configuration. */
export const oncallSettings = {
  global: {},
  top: {
    people: named(person, 'People who can be on call, and how they are reached.'),
    teams: named(team, 'People who answer for something together.'),
    schedules: named(schedule, 'Who is on call when.'),
    escalation_policies: named(policy, 'Who is told one after the other until somebody acts.'),
    calendar_refresh_interval: durationOr(
      '10m',
      'How often the calendars of ical_url and ical_file are read again.',
    ).refine((spanMs) => spanMs >= 1000, 'must be at least 1s'),
  },
} satisfies SettingsPart

/** Settings as on-call duty sees them. */
export type OnCallSettings = SettingsOf<typeof oncallSettings>
/** One person as written. */
export type PersonSettings = OnCallSettings['people'][number]
/** One schedule as written. */
export type ScheduleSettings = OnCallSettings['schedules'][number]
/** One layer of a schedule as written. */
export type LayerSettings = ScheduleSettings['layers'][number]
/** One escalation policy as written. */
export type PolicySettings = OnCallSettings['escalation_policies'][number]
/** Hours of the week as written. */
export type DaySpanSettings = z.output<typeof daySpan>
