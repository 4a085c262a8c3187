/**
 * Tables of the engine, in SQL that old and new servers take.
 *
 *   chunk       one row a run of one series' samples, packed (`../chunk/`). `series` is FNV-1a 64 of the
 *               label set, `metric` the low half of the same over the metric's name: the primary key
 *               (metric, series, start) puts series that are asked for together next to each other.
 *               `start` and `last` are the times of its first and last sample, which lie in the same
 *               span of six hours of a UTC day. Chunks of a series may overlap and hold samples twice (a crash
 *               between flush and checkpoint, late samples): readers take equal times once.
 *   rollup      the same of few samples: of each bucket of 5 minutes and of an hour the first, last, least
 *               and largest, and those beside a fall (`rollup-rows.ts`), with their ordinals as values of chunks of
 *               another kind. For days that are over for long, made anew when rows came into one.
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
/**
 * Lengths of buckets that rollups are made of, the longest first, and the kinds of their chunks: rows with both
 * sides of every fall, rows without (of gauges, which fall all the time), and ordinals of either.
 */
export const rollupLevels = [
  { bucketMs: 3_600_000, rows: 16, extremes: 17, ordinals: 18 },
  { bucketMs: 300_000, rows: 19, extremes: 20, ordinals: 21 },
] as const
/** Columns of a chunk, as `file()` and an insert want them. */
export const chunkStructure =
  'metric UInt32, series UInt64, start Int64, last Int64, count UInt32, kind UInt8, data String'
/** Columns of a label set. */
export const seriesStructure =
  'day Int32, metric UInt32, series UInt64, names Array(String), texts Array(String)'
/** Nanoseconds of a partition of lines. */
export const dayNs = 86_400_000_000_000n

/** Tables whose partitions are days; retention walks them. */
export const dayTables = ['chunk', 'rollup', 'series', 'line', 'stream'] as const

/** Rows of a mark: about a megabyte of chunks, which is what a compressor needs to see and a reader can afford. */
const granularity = 'index_granularity = 512'
/**
 * What was inserted or merged is on the disk before its sources are let go of, so these may go when nobody can be
 * reading or linking them any more, and not after eight minutes. Inserts are few and large.
 */
const durability = [
  'fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1',
  'old_parts_lifetime = 8, cleanup_delay_period = 1, cleanup_delay_period_random_add = 0',
  'max_cleanup_delay_period = 5',
].join(', ')

/** A statement as new servers take it, and for those that know no such settings, or no codecs. */
function alternativesOf(sql: string, settings = ''): string[] {
  const plain = sql.replace(/ CODEC\((?:[^()]|\([^)]*\))*\)/g, '')
  const own = settings === '' ? '' : ` SETTINGS ${settings}`
  const all = settings === '' ? durability : `${settings}, ${durability}`
  return [`${sql} SETTINGS ${all}`, `${sql}${own}`, `${plain}${own}`]
}

/** The table of chunks under a name, as it is or for rewriting a day. */
function chunkTable(name: string): string[] {
  return alternativesOf(
    `CREATE TABLE IF NOT EXISTS ${name} (
    metric UInt32 CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    start Int64 CODEC(DoubleDelta, ZSTD(1)),
    last Int64 CODEC(DoubleDelta, ZSTD(1)),
    count UInt32 CODEC(ZSTD(1)),
    kind UInt8 CODEC(ZSTD(1)),
    data String CODEC(ZSTD(3))
  ) ENGINE = MergeTree PARTITION BY intDiv(start, 86400000) ORDER BY (metric, series, start)`,
    granularity,
  )
}

/** The table of label sets under a name. */
function seriesTable(name: string): string[] {
  return alternativesOf(`CREATE TABLE IF NOT EXISTS ${name} (
    day Int32 CODEC(ZSTD(1)),
    metric UInt32 CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    names Array(String) CODEC(ZSTD(1)),
    texts Array(String) CODEC(ZSTD(1))
  ) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY (metric, series)`)
}

const statements: string[][] = [
  chunkTable('chunk'),
  chunkTable('rollup'),
  seriesTable('series'),
  // Empty but for the time in which a day is written anew and then takes the place of the old one.
  chunkTable('chunk_rewritten'),
  seriesTable('series_rewritten'),
  alternativesOf(`CREATE TABLE IF NOT EXISTS line (
    stream UInt64 CODEC(ZSTD(1)),
    time Int64 CODEC(DoubleDelta, ZSTD(1)),
    sequence Int64 CODEC(DoubleDelta, ZSTD(1)),
    level UInt8 CODEC(ZSTD(1)),
    line String CODEC(ZSTD(3)),
    names Array(String) CODEC(ZSTD(1)),
    texts Array(String) CODEC(ZSTD(1))
  ) ENGINE = MergeTree PARTITION BY intDiv(time, 86400000000000) ORDER BY (stream, time)`),
  alternativesOf(`CREATE TABLE IF NOT EXISTS stream (
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
