/**
 * Settings of incidents, and of the services that incidents, deployments and alerts share. `services`
 * is declared here once; `deliver/` reads the same section for its rollbacks.
 */

import {
  duration,
  durationOr,
  flagOr,
  labelMap,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  text,
  textOr,
  z,
} from '../config/schema.ts'

const signalSetting = z
  .object({
    name: text('What the signal is called in timelines and charts.'),
    query: text('A PromQL expression that gives one value, for example an error ratio.'),
    unit: z
      .enum(['ratio', 'seconds', 'bytes', 'per-second', 'count'])
      .default('count')
      .meta({ description: 'Unit of the value, for display.', defaultText: 'count' }),
    worse: z
      .enum(['higher', 'lower'])
      .default('higher')
      .meta({ description: 'Which direction is bad.', defaultText: 'higher' }),
    margin: numberOr(
      0.25,
      { min: 0, max: 100, isWhole: false },
      'How far the value may lie beyond what it was before a deployment, as a share of it.',
    ),
  })
  .strict()
  .meta({ description: 'One signal by which the service is judged.' })

const rollbackSetting = z
  .object({
    allowed: flagOr(false, 'Whether Shipwatch may roll this service back by itself.'),
    command: z.array(z.string()).min(1).meta({
      description:
        'Program and arguments, run without a shell; {service}, {version}, {previous_version} and {environment} are replaced.',
      typeText: 'list of strings',
    }),
    timeout: durationOr('5m', 'How long the command may run before its processes are ended.'),
    directory: text('Working directory of the command; default is that of Shipwatch.').optional(),
    env: labelMap('Environment variables added for the command.').optional(),
  })
  .strict()
  .meta({ description: 'How the service is rolled back.' })

const verifySetting = z
  .object({
    for: durationOr('2m', 'How long all signals must stay well before the recovery counts.'),
    timeout: durationOr('10m', 'How long to wait for that before the recovery counts as failed.'),
  })
  .strict()
  .prefault({})
  .meta({ description: 'How the recovery is verified.' })

/** The section `services`, shared with `deliver/`. */
export const servicesSetting = z
  .array(
    z
      .object({
        name: text('Name of the service, as in the label "service" and in deployments.'),
        environment: text('Restricts the entry to one environment.').optional(),
        selector: text(
          'PromQL matchers that select the series of the service; default service="<name>".',
        ).optional(),
        signals: z.array(signalSetting).default([]).meta({
          description:
            'Signals beside those found by convention (request counters, duration histograms).',
          defaultText: '[]',
        }),
        rollback: rollbackSetting.optional(),
        verify: verifySetting,
      })
      .strict(),
  )
  .default([])
  .meta({ description: 'What is known of the services.', typeText: 'list', defaultText: '[]' })

/** The folder's part of the configuration. */
export const incidentSettings = {
  global: {},
  top: {
    services: servicesSetting,
    incidents: z
      .object({
        default_environment: textOr(
          'production',
          'Environment of alerts and deployments that name none.',
        ),
        lookback: durationOr(
          '1h',
          'How long before the onset of a trouble a deployment may have begun to be suspected.',
        ),
        onset_window: durationOr(
          '30m',
          'How far before an alert its signal is searched for the onset of the trouble.',
        ),
        onset_tolerance: durationOr(
          '90s',
          'How much a trouble may seem to begin before the deployment that caused it; clocks and scrapes differ.',
        ),
        signal_window: durationOr(
          '1m',
          'Range over which rates are taken; at least two scrape intervals.',
        ),
        cause_confidence_min: numberOr(
          0.5,
          { min: 0, max: 1, isWhole: false },
          'Below this confidence no deployment is named as the cause.',
        ),
        resolve_after: durationOr(
          '1m',
          'How long no alert of an incident may fire before it is resolved.',
        ),
        search_timeout: duration(
          'How long one question of the search for the cause may take.',
          '5s',
        ).default(5_000),
      })
      .strict()
      .prefault({})
      .meta({ description: 'How incidents are opened, explained and resolved.' }),
  },
} satisfies SettingsPart

/** Settings as incidents see them. */
export type IncidentSettings = SettingsOf<typeof incidentSettings>
/** One entry of `services`. */
export type ServiceSettings = IncidentSettings['services'][number]
