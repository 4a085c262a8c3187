/** Settings of alerting, under Alertmanager's own names: the route tree and inhibition. */

import { messageOf } from '../base/error.ts'
import { compilePattern } from '../base/regexp.ts'
import {
  duration,
  durationOr,
  flagOr,
  labelMap,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  secret,
  text,
  z,
} from '../config/schema.ts'
import { isLegacyLabelName } from '../model/labels.ts'
import { parseMatchers } from './matcher-text.ts'
import { parseTimeSpan } from './time-interval.ts'

/** A list of matchers in Alertmanager's writing. */
function matcherList(description: string) {
  return z
    .array(
      z.string().superRefine((value, context) => {
        try {
          parseMatchers(value)
        } catch (thrown) {
          context.addIssue({ code: 'custom', message: messageOf(thrown) })
        }
      }),
    )
    .nullish()
    .meta({ description, typeText: 'list of matchers' })
}

/** Label names of the older forms, which know no others than Prometheus did. */
const olderName = z.string().refine(isLegacyLabelName, 'must be letters, digits and _')

/** Label values by name (the older form). */
function valueMap(description: string) {
  return z.record(olderName, z.string()).nullish().meta({ description, typeText: 'labels' })
}

/** Names of labels that two alerts must have in common. */
function equalNames(description: string) {
  return z
    .array(z.string().min(1, 'a label needs a name'))
    .nullish()
    .meta({ description, typeText: 'list of label names' })
}

/** Label names to regular expressions (the older form). */
function patternMap(description: string) {
  return z
    .record(olderName, z.string().nullable())
    .superRefine((patterns, context) => {
      for (const [name, pattern] of Object.entries(patterns)) {
        try {
          if (pattern === null) throw new SyntaxError(`invalid regexp value for "${name}"`)
          compilePattern(pattern)
        } catch (thrown) {
          context.addIssue({ code: 'custom', path: [name], message: messageOf(thrown) })
        }
      }
    })
    .transform((patterns) => patterns as Record<string, string>)
    .nullish()
    .meta({ description, typeText: 'labels' })
}

/** Names of intervals. */
function intervalNames(description: string) {
  return z.array(z.string()).nullish().meta({ description, typeText: 'list of names' })
}

/** Ranges of the calendar as texts. */
function ranges(description: string) {
  return z.array(z.string()).nullish().meta({ description, typeText: 'list of ranges' })
}

const timeSpan = z
  .strictObject({
    times: z
      .array(
        z.strictObject({
          start_time: text('First minute, such as "17:00".'),
          end_time: text('First minute no more in it, such as "24:00".'),
        }),
      )
      .nullish()
      .meta({ description: 'Times of day.', typeText: 'list' }),
    weekdays: ranges('Days of the week, such as "monday:friday".'),
    days_of_month: ranges('Days of the month; negative ones count from its end: "-3:-1".'),
    months: ranges('Months by name or number, such as "may:august".'),
    years: ranges('Years, such as "2026:2027".'),
    location: text(
      'Time zone, such as "Asia/Shanghai"; "Local" is that of the machine.',
    ).optional(),
  })
  .superRefine((span, context) => {
    try {
      parseTimeSpan(span)
    } catch (thrown) {
      context.addIssue({ code: 'custom', message: messageOf(thrown) })
    }
  })

/** Intervals by name. */
function intervals(description: string) {
  return z
    .array(
      z.strictObject({
        name: z.string().min(1, 'missing name in time interval').meta({
          description: 'The name that routes use.',
          typeText: 'string',
        }),
        time_intervals: z
          .array(timeSpan)
          .nullish()
          .meta({ description: 'Spans of the calendar; one is enough.', typeText: 'list' }),
      }),
    )
    .superRefine((list, context) => {
      const seen = new Set<string>()
      for (const [index, { name }] of list.entries()) {
        if (seen.has(name))
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: `time interval "${name}" is not unique`,
          })
        seen.add(name)
      }
    })
    .default([])
    .meta({ description, typeText: 'list', defaultText: '[]' })
}

const groupBy = z
  .array(z.string())
  .superRefine((names, context) => {
    const seen = new Set<string>()
    for (const [index, name] of names.entries()) {
      const add = (message: string): void =>
        context.addIssue({ code: 'custom', path: [index], message })
      if (name === '') add('a label needs a name')
      if (seen.has(name) && name !== '...') add(`duplicated label "${name}" in group_by`)
      seen.add(name)
    }
    if (seen.has('...') && seen.size > 1) {
      context.addIssue({
        code: 'custom',
        message: 'cannot have wildcard group_by ("...") and other labels at the same time',
      })
    }
  })
  .nullish()
  .meta({
    description: 'Labels that make a group; ["..."] makes each alert its own.',
    typeText: 'list of label names',
  })

function positive(description: string) {
  return duration(description)
    .refine((spanMs) => spanMs > 0, 'must be longer than zero')
    .optional()
}

const routeSchema = z
  .strictObject({
    receiver: text('The receiver; inherited when absent.').optional(),
    group_by: groupBy,
    group_wait: duration(
      'How long to wait for more alerts before the first notification.',
    ).optional(),
    group_interval: positive('How long to wait before telling of news in a group.'),
    repeat_interval: positive('How long to wait before saying the same again.'),
    matchers: matcherList('What an alert must fulfil to take this route.'),
    match: valueMap('Label values that an alert must have (older form).'),
    match_re: patternMap('Patterns that label values must match (older form).'),
    continue: flagOr(false, 'Whether later siblings are tried as well after a match.'),
    routes: z
      .lazy((): z.ZodType<RouteSettings[] | null | undefined> => z.array(routeSchema).nullish())
      .meta({ description: 'Routes below this one, tried in order.', typeText: 'list of routes' }),
    mute_time_intervals: intervalNames('Times in which this route says nothing.'),
    active_time_intervals: intervalNames('Times in which alone this route speaks.'),
    escalation_policy: text(
      'Policy of "escalation_policies" that begins here, until somebody acts; inherited when absent, none when empty. Default: that of the receiver.',
    ).optional(),
    labels: labelMap(
      'Labels for templates and webhooks of this route and those below it; not part of any alert.',
    ).nullish(),
  })
  .meta({ description: 'The tree that decides who is told of an alert.' })

/** One route as written. */
export interface RouteSettings {
  receiver?: string | undefined
  group_by?: string[] | null | undefined
  group_wait?: number | undefined
  group_interval?: number | undefined
  repeat_interval?: number | undefined
  matchers?: string[] | null | undefined
  match?: Record<string, string> | null | undefined
  match_re?: Record<string, string> | null | undefined
  continue: boolean
  mute_time_intervals?: string[] | null | undefined
  active_time_intervals?: string[] | null | undefined
  escalation_policy?: string | undefined
  labels?: Record<string, string> | null | undefined
  routes?: RouteSettings[] | null | undefined
}

const rootSchema = routeSchema.superRefine((route, context) => {
  const add = (path: PropertyKey[], message: string): void =>
    context.addIssue({ code: 'custom', path, message })
  if (!route.receiver) add([], 'the root route must specify a receiver')
  for (const key of ['matchers', 'match', 'match_re'] as const) {
    if (Object.keys(route[key] ?? {}).length > 0)
      add([key], 'the root route must not have any matchers')
  }
  for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
    if ((route[key] ?? []).length > 0) add([key], 'the root route must not have any time intervals')
  }
  if (route.continue) add(['continue'], 'cannot have continue in the root route')
})

const inhibitSource = z.strictObject({
  source_matchers: matcherList('Alerts that hold others back.'),
  equal: equalNames('Labels that this source and the target must have in common.'),
})

const inhibitSchema = z
  .strictObject({
    name: text('A name for people.').optional(),
    sources: z.array(inhibitSource).nullish().meta({
      description: 'Instead of source_matchers and equal: several, of which each must fire.',
      typeText: 'list',
    }),
    source_matchers: matcherList('Alerts that hold others back.'),
    target_matchers: matcherList('Alerts that are held back.'),
    equal: equalNames('Labels that source and target must have in common.'),
    source_match: valueMap('As source_matchers (older form).'),
    source_match_re: patternMap('As source_matchers (older form).'),
    target_match: valueMap('As target_matchers (older form).'),
    target_match_re: patternMap('As target_matchers (older form).'),
  })
  .superRefine((rule, context) => {
    if ((rule.sources ?? []).length === 0) return
    const own = ['source_matchers', 'source_match', 'source_match_re', 'equal'] as const
    if (own.some((key) => Object.keys(rule[key] ?? {}).length > 0)) {
      const message = 'cannot stand beside source matchers or equal of the rule itself'
      context.addIssue({ code: 'custom', path: ['sources'], message })
    }
  })

const heartbeatSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{1,100}$/, 'must have letters, digits, ".", "_" and "-" only')
    .meta({ description: 'The name in the address that is called.', typeText: 'string' }),
  interval: positive('How often the other program calls.').unwrap(),
  grace: durationOr('1m', 'How much later than that it may be.'),
  key: secret('Whoever calls must give it as "key"; with it no token is needed.').optional(),
  labels: labelMap('Labels of the alert beside alertname and heartbeat.').default({}),
  annotations: labelMap('Annotations of the alert.').default({}),
})

const acknowledgeSection = z
  .strictObject({
    link_lifetime: durationOr('1d', 'How long links and buttons of a message can be used.').refine(
      (spanMs) => spanMs >= 60_000,
      'must be at least 1m',
    ),
    slack_signing_secret: secret(
      'Signing secret of the Slack app whose buttons are pressed.',
    ).optional(),
    slack_signing_secret_file: text('A file with that secret.').optional(),
    telegram_secret_token: secret(
      'The secret_token that was given to setWebhook of the Telegram bot.',
    ).optional(),
    telegram_secret_token_file: text('A file with that token.').optional(),
  })
  .prefault({})
  .meta({ description: 'How people take a page from a message: links, buttons, key-presses.' })

/** The folder's part of the configuration. */
export const alertSettings = {
  global: {
    resolve_timeout: durationOr(
      '5m',
      'How long an alert without an end of its own counts as firing after it was last heard of.',
    ),
  },
  top: {
    route: rootSchema.optional().meta({
      description:
        'The tree that decides who is told; without it every alert goes to the receiver "default", if there is one.',
      typeText: 'route',
    }),
    inhibit_rules: z.array(inhibitSchema).default([]).meta({
      description: 'Alerts that hold other alerts back while they fire.',
      typeText: 'list',
      defaultText: '[]',
    }),
    alert_count_max: numberOr(
      100_000,
      { min: 100, max: 10_000_000 },
      'How many alerts are kept; further ones are refused and counted.',
    ),
    page_count_max: numberOr(
      10_000,
      { min: 10, max: 1_000_000 },
      'How many pages are open at the same time; groups beyond are told without one, and counted.',
    ),
    page_retention: durationOr('90d', 'How long a page that is over is kept.'),
    maintenance_count_max: numberOr(
      1_000,
      { min: 10, max: 100_000 },
      'How many maintenance windows are kept; more are refused.',
    ),
    acknowledge: acknowledgeSection,
    heartbeats: z
      .array(heartbeatSchema)
      .superRefine((list, context) => {
        const names = list.map(({ name }) => name)
        for (const [index, name] of names.entries()) {
          if (names.indexOf(name) === index) continue
          const message = `the name "${name}" is there twice`
          context.addIssue({ code: 'custom', path: [index, 'name'], message })
        }
      })
      .default([])
      .meta({
        description: 'Other programs that call now and then; one that is missing is an alert.',
        typeText: 'list',
        defaultText: '[]',
      }),
    silence_count_max: numberOr(
      10_000,
      { min: 10, max: 1_000_000 },
      'How many silences are kept, those that ended within five days included; more are refused.',
    ),
    time_intervals: intervals('Named spans of time, in which routes speak or say nothing.'),
    mute_time_intervals: intervals('As time_intervals (older form).'),
  },
} satisfies SettingsPart

/** Settings as alerting sees them. */
export type AlertSettings = SettingsOf<typeof alertSettings>
/** One named interval as written. */
export type IntervalSettings = AlertSettings['time_intervals'][number]
/** One inhibition rule as written. */
export type InhibitSettings = AlertSettings['inhibit_rules'][number]
/** One heartbeat as written. */
export type HeartbeatSettings = AlertSettings['heartbeats'][number]
