/** Settings of queries: limits, lookback, and what is switched on beyond stable PromQL. */

import { durationOr, flagOr, numberOr, type SettingsOf, z } from '../config/schema.ts'
import type { SettingsPart } from '../config/schema.ts'

/** The folder's part of the configuration. */
export const querySettings = {
  global: {},
  top: {
    query: z
      .object({
        timeout: durationOr('2m', 'How long a query may run, waiting included.'),
        lookback: durationOr('5m', 'How old the latest sample of a series may be to still count.'),
        sample_count_max: numberOr(
          50_000_000,
          { min: 1, max: 10_000_000_000 },
          'How many samples a query may hold in memory at once.',
        ),
        concurrency_max: numberOr(
          20,
          { min: 1, max: 1000 },
          'How many queries may run at the same time; others wait.',
        ),
        slow_after: durationOr('10s', 'Queries that take longer are written to the log.'),
        subquery_step: durationOr('1m', 'The step of a subquery that names none.'),
        experimental_functions: flagOr(
          true,
          'Allows functions and aggregations that Prometheus calls experimental.',
        ),
        extended_ranges: flagOr(
          true,
          'Allows the anchored and smoothed modifiers and the fill modifiers of binary operators.',
        ),
      })
      .strict()
      .prefault({})
      .meta({ description: 'Limits and language of queries.' }),
  },
} satisfies SettingsPart

/** Settings as queries see them. */
export type QuerySettings = SettingsOf<typeof querySettings>
