/** Log lines as batches of columns. A stream is a label set; a line belongs to one stream. */

import type { Labels } from './labels.ts'

/** Levels from least to most severe; the index is what is stored. */
export const logLevels = ['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number]

/** Rows of (stream, time, level, line). All columns have `count` rows. */
export interface LogBatch {
  count: number
  /** Label sets that `stream` points into. */
  streams: readonly Labels[]
  /** Index into `streams`. */
  stream: Uint32Array
  /** Nanoseconds since 1970 UTC. */
  timeNs: BigInt64Array
  /** Index into `logLevels`. */
  level: Uint8Array
  line: readonly string[]
  /** Structured metadata per row, `undefined` where a row has none; the column is absent when no row has any. */
  metadata?: readonly (Labels | undefined)[]
}

/** One line as a reader gets it. */
export interface LogRecord {
  labels: Labels
  timeNs: bigint
  level: LogLevel
  line: string
  metadata: Labels | undefined
}
