/** Metrics of queries. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Queries by kind (`instant`, `range`, `recent`, `logs`) and outcome. */
export const queriesTotal = counter({
  name: 'shipwatch_query_queries_total',
  help: 'Queries by kind and outcome; the outcome is "ok" or the error code.',
  labels: ['kind', 'outcome'],
})

/** Time from asking to answer. */
export const queryDuration = histogram({
  name: 'shipwatch_query_duration_seconds',
  help: 'Time that instant and range queries took, waiting for a free place included.',
  labels: ['kind'],
  buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
})

/** Samples read. */
export const samplesTotal = counter({
  name: 'shipwatch_query_samples_total',
  help: 'Samples that queries read from the store.',
})

/** Queries running. */
export const queriesActive = gauge({
  name: 'shipwatch_query_active_queries',
  help: 'Queries that run now.',
})

/** Queries waiting for one of `query.concurrency_max` places. */
export const queriesWaiting = gauge({
  name: 'shipwatch_query_waiting_queries',
  help: 'Queries that wait for a free place.',
})
