/**
 * Tables of the engine, in SQL that old and new servers take.
 *
 *   chunk       one row a run of one series' samples, packed (`../chunk/`). `series` is FNV-1a 64 of the
 *               label set, `metric` the low half of the same over the metric's name: the primary key
 *               (metric, series, start) puts series that are asked for together next to each other.
 *               `start` and `last` are the times of its first and last sample, which lie in the same
 *               span of six hours of a UTC day. Chunks of a series may overlap and hold samples twice (a crash
 *               between flush and checkpoint, late samples): readers take equal times once.
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
/** No chunk reaches over a multiple of this. */
export const chunkSpanMs = 21_600_000
/** Samples of a chunk at most: six hours of one in a few seconds. */
export const chunkRowsMax = 4_096
/** What a chunk holds, by number. */
export const chunkKinds = { float: 0, histogram: 1 } as const
/** Columns of a chunk, as `file()` and an insert want them. */
export const chunkStructure =
  'metric UInt32, series UInt64, start Int64, last Int64, count UInt32, kind UInt8, data String'
/** Columns of a label set. */
export const seriesStructure =
  'day Int32, metric UInt32, series UInt64, names Array(String), texts Array(String)'
/** Nanoseconds of a partition of lines. */
export const dayNs = 86_400_000_000_000n

/** Tables whose partitions are days; retention walks them. */
export const dayTables = ['chunk', 'series', 'line', 'stream'] as const

/** A statement with codecs, and the same without for servers that know none of them. */
function withCodecs(sql: string): string[] {
  return [sql, sql.replace(/ CODEC\((?:[^()]|\([^)]*\))*\)/g, '')]
}

/** The table of chunks under a name, as it is or for rewriting a day. */
function chunkTable(name: string): string[] {
  return withCodecs(`CREATE TABLE IF NOT EXISTS ${name} (
    metric UInt32 CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    start Int64 CODEC(DoubleDelta, ZSTD(1)),
    last Int64 CODEC(DoubleDelta, ZSTD(1)),
    count UInt32 CODEC(ZSTD(1)),
    kind UInt8 CODEC(ZSTD(1)),
    data String CODEC(ZSTD(3))
  ) ENGINE = MergeTree PARTITION BY intDiv(start, 86400000) ORDER BY (metric, series, start)
  SETTINGS index_granularity = 512, old_parts_lifetime = 60`)
}

/** The table of label sets under a name. */
function seriesTable(name: string): string[] {
  return withCodecs(`CREATE TABLE IF NOT EXISTS ${name} (
    day Int32 CODEC(ZSTD(1)),
    metric UInt32 CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    names Array(String) CODEC(ZSTD(1)),
    texts Array(String) CODEC(ZSTD(1))
  ) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY (metric, series)`)
}

const statements: string[][] = [
  chunkTable('chunk'),
  seriesTable('series'),
  // Emptied before each use: a day is written anew in them, and then takes the place of the old one.
  chunkTable('chunk_rewritten'),
  seriesTable('series_rewritten'),
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
