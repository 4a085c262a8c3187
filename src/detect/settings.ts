/** Settings of detection: which rules, how often, and what missing data means. */

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

/** The folder's part of the configuration. */
export const detectSettings = {
  global: {
    evaluation_interval: durationOr(
      '1m',
      'How often the rules of a group that names no interval are evaluated by the clock.',
    ),
    rule_query_offset: duration(
      'How far in the past the rules of a group that names no query_offset look.',
      '0s',
    ).default(0),
    external_labels: labelMap('Labels that are added to every alert that lacks them.').default({}),
  },
  top: {
    rule_files: z.array(text('A path or glob of rule files.')).default([]).meta({
      description:
        'Prometheus rule files; globs are allowed, relative paths start at the configuration file.',
      typeText: 'list of paths',
      defaultText: '[]',
    }),
    slo_files: z.array(text('A path or glob of files of objectives.')).default([]).meta({
      description:
        'Service level objectives in files of Sloth (prometheus/v1, PrometheusServiceLevel) or OpenSLO (v1, v1alpha); their rules are made from them. Globs and relative paths as for rule_files.',
      typeText: 'list of paths',
      defaultText: '[]',
    }),
    slo_bad_events_min: numberOr(
      3,
      { min: 0, max: 1_000_000, isWhole: true },
      'Fewer bad events in the long window of a burn-rate alert tell nobody, nor do as many as chance may bring; 0 switches both off.',
    ),
    rule_editing: z
      .strictObject({
        directory: textOr(
          '',
          'Folder of rule files that may be edited over the API; its *.yml and *.yaml are read beside rule_files. Empty: no editing.',
        ),
        version_count_max: numberOr(
          50,
          { min: 1, max: 10_000, isWhole: true },
          'How many older texts of each file are kept.',
        ),
      })
      .prefault({})
      .meta({ description: 'Rule files that people edit in the browser.' }),
    default_rules: flagOr(
      true,
      'Evaluates the built-in rules for CPU, memory, disks, targets and log errors.',
    ),
    rule_alerts: z
      .strictObject({
        for_outage_tolerance: durationOr(
          '1h',
          'After a longer stop pending alerts start anew; Prometheus has it as --rules.alert.for-outage-tolerance.',
        ),
        for_grace_period: durationOr(
          '0s',
          'The least time that a pending alert still waits after a restart; alerts with a shorter "for" start anew. Prometheus has it as --rules.alert.for-grace-period, 10m there; with 0s the "for" goes on where it stopped.',
        ),
        resend_delay: durationOr(
          '1m',
          'How often firing alerts are sent again at least; Prometheus has it as --rules.alert.resend-delay.',
        ),
      })
      .prefault({})
      .meta({ description: 'How alerts of rules are restored and sent again.' }),
    no_data: z.enum(['keep', 'resolve']).default('keep').meta({
      description:
        'What becomes of an alert whose data stopped without a word: "keep" holds it and stops its "for" clock, "resolve" ends it as Prometheus does.',
      typeText: 'keep | resolve',
      defaultText: 'keep',
    }),
    no_data_keep_for: durationOr(
      '1h',
      'How long an alert without data is kept before it is resolved after all.',
    ),
  },
} satisfies SettingsPart

/** Settings as detection sees them. */
export type DetectSettings = SettingsOf<typeof detectSettings>
