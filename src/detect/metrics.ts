/** Metrics of detection. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Evaluations by what caused them. */
export const evaluationsTotal = counter({
  name: 'shipwatch_detect_evaluations_total',
  help: 'Rule evaluations by cause: arrival of a sample, clock of the group, or deadline of a "for".',
  labels: ['cause'],
})

/** Evaluations that asked about a part. */
export const partEvaluationsTotal = counter({
  name: 'shipwatch_detect_part_evaluations_total',
  help: 'Evaluations on arrival that asked about the changed series of a rule alone.',
})

/** Evaluations that failed. */
export const evaluationFailuresTotal = counter({
  name: 'shipwatch_detect_evaluation_failures_total',
  help: 'Rule evaluations that failed; the state of the rule is left as it was.',
})

/** Turns of a group that were skipped. */
export const iterationsMissedTotal = counter({
  name: 'shipwatch_detect_iterations_missed_total',
  help: 'Turns of a rule group that were skipped because the one before still ran.',
})

/** From arrival to verdict. */
export const lateness = histogram({
  name: 'shipwatch_detect_lateness_seconds',
  help: 'Time from the arrival of a sample to the end of the evaluation that it caused.',
  buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
})

/** Length of one evaluation. */
export const evaluationDuration = histogram({
  name: 'shipwatch_detect_evaluation_duration_seconds',
  help: 'Time that one rule evaluation took.',
  buckets: [0.0001, 0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
})

/** Rules waiting for their evaluation on arrival. */
export const dirtyRules = gauge({
  name: 'shipwatch_detect_dirty_rules',
  help: 'Rules that a sample has touched and that wait for their evaluation.',
})

/** Loaded rules. */
export const ruleCount = gauge({
  name: 'shipwatch_detect_rules',
  help: 'Loaded rules by kind.',
  labels: ['kind'],
})

/** Alerts held because their data vanished. */
export const noDataAlerts = gauge({
  name: 'shipwatch_detect_no_data_alerts',
  help: 'Alerts that are kept although their data stopped arriving.',
})

/** Elements whose silence a rule would not notice. */
export const untrackedElementsTotal = counter({
  name: 'shipwatch_detect_untracked_elements_total',
  help: 'Times that a rule with "no_data: alert" could not remember a healthy element, because it remembers 20,000 already.',
})

/** Records that could not be written or read. */
export const recordFailuresTotal = counter({
  name: 'shipwatch_detect_record_failures_total',
  help: 'Times that the state of a rule could not be kept or restored; detection goes on.',
})

/** Samples that the store refused. */
export const samplesRejectedTotal = counter({
  name: 'shipwatch_detect_samples_rejected_total',
  help: 'Recorded or ALERTS samples that the store did not take.',
})
