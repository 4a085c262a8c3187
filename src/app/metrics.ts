/** Metrics of the application itself. */

import { counter } from '../base/metrics.ts'

/** Readings of the configuration after the start. */
export const configReloads = counter({
  name: 'shipwatch_app_config_reloads_total',
  help: 'Configuration reloads by outcome (success, refused).',
  labels: ['outcome'],
})

/** Own log lines that were left out. */
export const ownLogLinesDropped = counter({
  name: 'shipwatch_app_own_log_lines_dropped_total',
  help: 'Own log lines that were not stored because the store lagged behind.',
})
