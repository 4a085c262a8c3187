/** Our own metrics of collecting. Counted per batch, never per sample. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Samples taken in, by source: `scrape`, `remote-write`, `otlp`, `log-counter`, `stream-aggregation` and the other receivers. */
export const collectSamples = counter({
  name: 'shipwatch_collect_samples_total',
  help: 'Samples taken in and handed to the store.',
  labels: ['source'],
})

/** Log lines taken in, by source: `loki-push`, `file`, `api`. */
export const collectLines = counter({
  name: 'shipwatch_collect_log_lines_total',
  help: 'Log lines taken in and handed to the store.',
  labels: ['source'],
})

/** Rows that were dropped, by source and reason. */
export const collectDrops = counter({
  name: 'shipwatch_collect_dropped_rows_total',
  help: 'Samples and log lines that were not kept, by kind of source and reason.',
  labels: ['source', 'reason'],
})

/** Scrapes by outcome: `ok`, `failed`. */
export const collectScrapes = counter({
  name: 'shipwatch_collect_scrapes_total',
  help: 'Scrapes by outcome.',
  labels: ['outcome'],
})

/** Scrapes that could not start in time because the one before still ran. */
export const collectScrapesSkipped = counter({
  name: 'shipwatch_collect_scrapes_skipped_total',
  help: 'Scrape turns that were left out because the scrape before had not ended.',
})

/** Duration of whole scrapes. */
export const collectScrapeDuration = histogram({
  name: 'shipwatch_collect_scrape_duration_seconds',
  help: 'Time from the request of a page to the acknowledgement of its samples.',
  buckets: [0.005, 0.025, 0.1, 0.5, 2, 10],
})

/** Targets by state. */
export const collectTargets = gauge({
  name: 'shipwatch_collect_targets_count',
  help: 'Scrape targets by state.',
  labels: ['health'],
})

/** Requests of senders by receiver and status. */
export const collectRequests = counter({
  name: 'shipwatch_collect_received_requests_total',
  help: 'Requests taken by the receivers, by receiver and status of the answer.',
  labels: ['receiver', 'status'],
})

/** Bytes of bodies after decompression. */
export const collectReceivedBytes = counter({
  name: 'shipwatch_collect_received_body_bytes_total',
  help: 'Bytes of received bodies after decompression.',
  labels: ['receiver'],
})

/** Requests being taken in at this moment. */
export const collectInFlight = gauge({
  name: 'shipwatch_collect_received_in_flight_count',
  help: 'Received requests that are being decoded or written.',
})

/** Values brought to a bound. */
export const collectClamped = counter({
  name: 'shipwatch_collect_clamped_samples_total',
  help: 'Samples whose value a rule brought to its bound, by reason.',
  labels: ['reason'],
})

/** Groups of all rules. */
export const collectAggregationGroups = gauge({
  name: 'shipwatch_collect_aggregation_groups_count',
  help: 'Groups of stream aggregation that are being filled.',
})

/** Changes of the replica that is taken. */
export const collectHaElections = counter({
  name: 'shipwatch_collect_ha_elections_total',
  help: 'Times that a replica of a cluster was chosen to be taken, the first one included.',
})

/** Bytes of the table that knows series by their raw labels. */
export const collectKnownSeriesBytes = gauge({
  name: 'shipwatch_collect_known_series_bytes',
  help: 'Bytes of raw label sets kept to recognise series of remote write.',
})

/** How often that table was emptied because it reached its limit or the store gave new numbers. */
export const collectKnownSeriesResets = counter({
  name: 'shipwatch_collect_known_series_resets_total',
  help: 'Times that the table of known series was emptied, by reason.',
  labels: ['reason'],
})

/** Files being followed. */
export const collectFilesOpen = gauge({
  name: 'shipwatch_collect_tailed_files_count',
  help: 'Log files that are being followed.',
})

/** Series of deltas that are being summed up. */
export const collectDeltaSeries = gauge({
  name: 'shipwatch_collect_delta_series_count',
  help: 'Series of OTLP deltas whose running total is held.',
})

/** Running totals given up because there were too many. */
export const collectDeltaForgotten = counter({
  name: 'shipwatch_collect_delta_series_forgotten_total',
  help: 'Running totals of OTLP deltas that were given up for newer ones; they begin at zero again.',
})

/** Groups that jobs have pushed. */
export const collectPushGroups = gauge({
  name: 'shipwatch_collect_push_groups_count',
  help: 'Groups pushed to the paths of the Pushgateway that are kept alive.',
})

/** Lines about failed scrapes that are in no file. */
export const collectFailureLinesDropped = counter({
  name: 'shipwatch_collect_scrape_failure_lines_dropped_total',
  help: 'Lines for scrape_failure_log_file that were not written, by reason.',
  labels: ['reason'],
})
