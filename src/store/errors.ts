/** Error codes of the store. */

import { errorTable } from '../base/error.ts'

/** Makers of the store's errors. */
export const storeErrors = errorTable('STORE', {
  FULL: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { reason: string; retryAfterMs?: number }) =>
      `The store takes no more data: ${facts.reason}.`,
    hint: 'Free disk space in the data directory, or see why the engine does not take the journal (the log and shipwatch_store_engine_up say); data sent again later is taken.',
  },
  CLOSED: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (_facts: Record<string, never>) => 'The store is closed.',
    hint: 'Send again when the program has started.',
  },
  TOO_MANY_SAMPLES: {
    kind: 'user',
    status: 422,
    message: (facts: { limit: number }) => `The query would read more than ${facts.limit} samples.`,
    hint: 'Ask for a shorter range or fewer series.',
  },
  TOO_MANY_SERIES: {
    kind: 'user',
    status: 422,
    message: (facts: { limit: number }) => `The query would read more than ${facts.limit} series.`,
    hint: 'Name a metric or more labels, or ask for a shorter range.',
  },
  ENGINE_UNAVAILABLE: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { reason: string }) =>
      `The storage engine cannot answer: ${facts.reason}. Recent data stays readable.`,
    hint: 'Recent ranges work without the engine; look at the log for why it failed.',
  },
  ENGINE_QUERY_FAILED: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { reason: string }) => `The storage engine refused a query: ${facts.reason}.`,
    hint: 'Look at the log; ask again.',
  },
  RECORDS_UNAVAILABLE: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { reason: string }) =>
      `The records cannot be read or written: ${facts.reason}.`,
    hint: 'Check the data directory: free space, permissions, and that nobody else has records.db open.',
  },
  RECORDS_CORRUPT: {
    kind: 'operation',
    status: 503,
    message: (facts: { path: string; reason: string }) =>
      `The records in ${facts.path} are damaged: ${facts.reason}.`,
    hint: 'Put a backup in its place, or move it away and start: incidents, deployments, tokens and the password begin anew; metrics and logs are not in it.',
  },
  RECORDS_NEWER: {
    kind: 'user',
    status: 500,
    message: (facts: { found: number; known: number }) =>
      `The records were written by a newer version (schema ${facts.found}, this one knows ${facts.known}).`,
    hint: 'Start the newer version again, or restore a backup made by this one.',
  },
  BACKUP_BUSY: {
    kind: 'user',
    status: 409,
    canRetry: true,
    message: (_facts: Record<string, never>) => 'A backup is being taken.',
    hint: 'Wait until it has ended, or end its client.',
  },
  BACKUP_FAILED: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { reason: string }) => `The backup could not be taken: ${facts.reason}.`,
    hint: 'Look at the log and at the free space of the data directory; take it again.',
  },
  BACKUP_INVALID: {
    kind: 'user',
    status: 422,
    message: (facts: { path: string; reason: string }) =>
      `${facts.path} is not a whole backup: ${facts.reason}.`,
    hint: 'Nothing was written. Take another backup, or copy this one again from where it was kept.',
  },
  RESTORE_NOT_EMPTY: {
    kind: 'user',
    status: 409,
    message: (facts: { path: string }) => `${facts.path} is not empty; nothing was written.`,
    hint: 'Name a new or empty directory with --data-dir.',
  },
  RESTORE_FAILED: {
    kind: 'operation',
    status: 503,
    canRetry: true,
    message: (facts: { path: string; reason: string }) =>
      `The backup could not be written to ${facts.path}: ${facts.reason}.`,
    hint: 'Check space and permissions, empty the directory and restore again.',
  },
  DATA_DIR_IN_USE: {
    kind: 'user',
    status: 500,
    message: (facts: { path: string }) =>
      `The data directory ${facts.path} is in use by another process.`,
    hint: 'Stop that process, or give another --data-dir.',
  },
})
