/**
 * Tables of the engine, in SQL that old and new servers take.
 *
 *   sample      one row a sample. `series` is FNV-1a 64 of the label set, `metric` the low half of the
 *               same over the metric's name: the primary key (metric, series, time) puts series that are
 *               asked for together next to each other. Rows may occur twice (a crash between flush
 *               and checkpoint): readers count equal times once. Differences of values' bits compress
 *               better than their exclusive or (Gorilla): 1.31 against 2.10 bytes a sample of a fleet.
 *   series      label sets, one row per day on which a series has samples.
 *   line        one row a log line; `sequence` orders lines of equal time and tells twins apart.
 *   stream      label sets of log streams, one row per day.
 *
 * Times are Int64, milliseconds for samples, nanoseconds for lines. Partitions are days since 1970, so
 * that retention drops whole ones.
 */

import type { ClickHouseClient } from '@clickhouse/client'

/** Milliseconds of a partition of samples. */
export const dayMs = 86_400_000
/** Nanoseconds of a partition of lines. */
export const dayNs = 86_400_000_000_000n

/** Tables whose partitions are days; retention walks them. */
export const dayTables = ['sample', 'series', 'line', 'stream'] as const

/** A statement with codecs, and the same without for servers that know none of them. */
function withCodecs(sql: string): string[] {
  return [sql, sql.replace(/ CODEC\((?:[^()]|\([^)]*\))*\)/g, '')]
}

const statements: string[][] = [
  withCodecs(`CREATE TABLE IF NOT EXISTS sample (
    metric UInt32 CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    time Int64 CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(Delta, ZSTD(1))
  ) ENGINE = MergeTree PARTITION BY intDiv(time, 86400000) ORDER BY (metric, series, time)`),
  withCodecs(`CREATE TABLE IF NOT EXISTS series (
    day Int32 CODEC(ZSTD(1)),
    metric UInt32 CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    names Array(String) CODEC(ZSTD(1)),
    texts Array(String) CODEC(ZSTD(1))
  ) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY (metric, series)`),
  withCodecs(`CREATE TABLE IF NOT EXISTS line (
    stream UInt64 CODEC(ZSTD(1)),
    time Int64 CODEC(DoubleDelta, ZSTD(1)),
    sequence Int64 CODEC(DoubleDelta, ZSTD(1)),
    level UInt8 CODEC(ZSTD(1)),
    line String CODEC(ZSTD(3)),
    names Array(String) CODEC(ZSTD(1)),
    texts Array(String) CODEC(ZSTD(1))
  ) ENGINE = MergeTree PARTITION BY intDiv(time, 86400000000000) ORDER BY (stream, time)`),
  withCodecs(`CREATE TABLE IF NOT EXISTS stream (
    day Int32 CODEC(ZSTD(1)),
    stream UInt64 CODEC(ZSTD(1)),
    names Array(String) CODEC(ZSTD(1)),
    texts Array(String) CODEC(ZSTD(1))
  ) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY stream`),
]

/** Makes the tables where they are missing. Rejects with the engine's reason. */
export async function createTables(client: ClickHouseClient): Promise<void> {
  for (const alternatives of statements) {
    let failure: unknown
    let isDone = false
    for (const query of alternatives) {
      if (isDone) break
      try {
        await client.command({ query })
        isDone = true
      } catch (thrown) {
        failure = thrown
      }
    }
    if (!isDone) throw failure
  }
}
