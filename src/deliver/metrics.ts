/** Metrics of deliveries. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Deployments recorded. */
export const deploymentsTotal = counter({
  name: 'shipwatch_deliver_deployments_total',
  help: 'Deployments recorded, by who did them: person (or pipeline), rollback.',
  labels: ['by'],
})

/** Decisions by question, verdict and reason. */
export const decisionsTotal = counter({
  name: 'shipwatch_deliver_decisions_total',
  help: 'Decisions about deliveries by question, verdict and reason.',
  labels: ['question', 'verdict', 'reason'],
})

/** Rollback commands by outcome. */
export const commandsTotal = counter({
  name: 'shipwatch_deliver_commands_total',
  help: 'Rollback commands by outcome: done, failed, timeout, not-started.',
  labels: ['outcome'],
})

/** How long rollback commands ran. */
export const commandDuration = histogram({
  name: 'shipwatch_deliver_command_duration_seconds',
  help: 'How long rollback commands ran.',
  buckets: [0.5, 2, 10, 30, 120, 600],
})

/** Rollbacks under way. */
export const rollbacksActive = gauge({
  name: 'shipwatch_deliver_active_rollbacks',
  help: 'Rollbacks that run or are being verified.',
})

/** Deployments watched. */
export const deploymentsWatched = gauge({
  name: 'shipwatch_deliver_watched_deployments',
  help: 'Deployments whose signals are compared with those before them.',
})

/** Record calls that failed while the work went on. */
export const recordFailuresTotal = counter({
  name: 'shipwatch_deliver_record_failures_total',
  help: 'Writes of deliveries to the records that failed.',
})
