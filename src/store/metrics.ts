/** The store's own metrics. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Everything the store counts. */
export const storeMetrics = {
  appendedSamples: counter({
    name: 'shipwatch_store_appended_samples_total',
    help: 'Samples accepted.',
  }),
  rejectedSamples: counter({
    name: 'shipwatch_store_rejected_samples_total',
    help: 'Samples not taken, by reason.',
    labels: ['reason'],
  }),
  appendedExemplars: counter({
    name: 'shipwatch_store_appended_exemplars_total',
    help: 'Exemplars accepted; one that comes again counts again.',
  }),
  rejectedExemplars: counter({
    name: 'shipwatch_store_rejected_exemplars_total',
    help: 'Exemplars not taken, by reason.',
    labels: ['reason'],
  }),
  evictedExemplars: counter({
    name: 'shipwatch_store_evicted_exemplars_total',
    help: 'Exemplars overwritten by newer ones because store.exemplar_count_max was reached.',
  }),
  exemplars: gauge({
    name: 'shipwatch_store_exemplars',
    help: 'Exemplars in memory.',
  }),
  appendedLines: counter({
    name: 'shipwatch_store_appended_lines_total',
    help: 'Log lines accepted.',
  }),
  rejectedLines: counter({
    name: 'shipwatch_store_rejected_lines_total',
    help: 'Log lines not taken, by reason.',
    labels: ['reason'],
  }),
  forgottenLines: counter({
    name: 'shipwatch_store_forgotten_lines_total',
    help: 'Log lines that had to leave memory before the engine had them; readable again when it has.',
  }),
  lateSamples: counter({
    name: 'shipwatch_store_late_samples_total',
    help: 'Samples accepted although their series had newer ones.',
  }),
  lateBytes: gauge({
    name: 'shipwatch_store_late_sample_bytes',
    help: 'Bytes of late samples that wait in memory for their own way to the engine.',
  }),
  lateForgotten: counter({
    name: 'shipwatch_store_late_forgotten_total',
    help: 'Times that late samples had to leave memory before the engine had them; readable again when it has.',
  }),
  headSeries: gauge({
    name: 'shipwatch_store_head_series',
    help: 'Series in memory.',
  }),
  headBytes: gauge({
    name: 'shipwatch_store_head_sample_bytes',
    help: 'Bytes of samples in memory.',
  }),
  readWindows: counter({
    name: 'shipwatch_store_read_windows_total',
    help: 'Spans of six hours of a selector that queries wanted of the engine: kept in memory, or read.',
    labels: ['outcome'],
  }),
  readCacheBytes: gauge({
    name: 'shipwatch_store_read_cache_bytes',
    help: 'Bytes of older samples that are kept in memory, packed, after a query read them.',
  }),
  metadataDropped: counter({
    name: 'shipwatch_store_metadata_dropped_total',
    help: 'Metric families whose metadata was not kept because the limit was reached.',
  }),
  journalBytes: gauge({
    name: 'shipwatch_store_journal_bytes',
    help: 'Bytes of the journal on disk.',
  }),
  journalWrites: counter({
    name: 'shipwatch_store_journal_writes_total',
    help: 'Writes to the journal; one holds every batch that waited.',
  }),
  journalFailures: counter({
    name: 'shipwatch_store_journal_failures_total',
    help: 'Batches refused because the journal could not take them, by reason.',
    labels: ['reason'],
  }),
  journalTorn: counter({
    name: 'shipwatch_store_journal_torn_bytes_total',
    help: 'Bytes at the ends of journal files that were not whole records when read at start.',
  }),
  flushSeconds: histogram({
    name: 'shipwatch_store_flush_duration_seconds',
    help: 'Time to bring samples from memory into the engine, each time.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60],
  }),
  flushFailures: counter({
    name: 'shipwatch_store_flush_failures_total',
    help: 'Flushes that failed and will be tried again.',
  }),
  compactedDays: counter({
    name: 'shipwatch_store_compacted_days_total',
    help: 'Days of samples that were written anew in fewer, larger chunks or without deleted series.',
  }),
  rolledDays: gauge({
    name: 'shipwatch_store_rolled_days',
    help: 'Days with rollups, which long queries over whole hours or five minutes read.',
  }),
  engineUp: gauge({
    name: 'shipwatch_store_engine_up',
    help: '1 when the storage engine is open, 0 when it is not.',
  }),
  engineBytes: gauge({
    name: 'shipwatch_store_engine_bytes',
    help: 'Bytes of tables on disk.',
  }),
  erasedSamples: counter({
    name: 'shipwatch_store_erased_samples_total',
    help: 'Samples deleted because somebody asked for it.',
  }),
  diskFreeBytes: gauge({
    name: 'shipwatch_store_disk_free_bytes',
    help: 'Free space on the file system of the data directory.',
  }),
  diskFull: gauge({
    name: 'shipwatch_store_disk_full',
    help: '1 while new data is refused for want of space on the disk, else 0.',
  }),
  backups: counter({
    name: 'shipwatch_store_backups_total',
    help: 'Backups that were asked for, by outcome.',
    labels: ['outcome'],
  }),
  droppedPartitions: counter({
    name: 'shipwatch_store_dropped_partitions_total',
    help: 'Days removed, by table and by reason: too old, more than store.retention_size, or a full disk.',
    labels: ['table', 'reason'],
  }),
}
