/** Days as whole partitions of the engine: which there are, how large, and how they leave. */

import type { Engine } from './engine.ts'
import { dayMs, dayTables } from './tables.ts'

/** One day of one table. */
export interface DayPart {
  table: string
  /** Days since 1970. */
  day: number
  bytes: number
  rowCount: number
}

/** Every day of every table, in no order, and the bytes of all tables. */
export async function listDays(engine: Engine): Promise<{ days: DayPart[]; bytes: number }> {
  const blocks = await engine.query(
    'SELECT table, partition, toUInt64(sum(bytes_on_disk)), toUInt64(sum(rows)) FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table, partition',
  )
  const days: DayPart[] = []
  let bytes = 0
  for (const block of blocks) {
    const [tables, partitions, sizes, counts] = block.columns as [
      string[],
      string[],
      BigUint64Array,
      BigUint64Array,
    ]
    for (let row = 0; row < block.rowCount; row++) {
      const table = tables[row]!
      const day = Number(partitions[row])
      bytes += Number(sizes[row]!)
      if (!dayTables.some((one) => one === table) || !Number.isInteger(day)) continue
      days.push({ table, day, bytes: Number(sizes[row]!), rowCount: Number(counts[row]!) })
    }
  }
  return { days, bytes }
}

/** Drops one day of one table. */
export async function dropDay(engine: Engine, part: DayPart): Promise<void> {
  await engine.command(`ALTER TABLE ${part.table} DROP PARTITION ${part.day}`)
}

/** Time of the oldest sample; looks at no more than one day. */
export async function findOldestTimeMs(
  engine: Engine,
  days: readonly DayPart[],
): Promise<number | undefined> {
  let firstDay = Infinity
  for (const { table, day } of days) if (table === 'chunk') firstDay = Math.min(firstDay, day)
  if (!Number.isFinite(firstDay)) return undefined
  const oldest = await engine.query(
    `SELECT min(start) FROM chunk WHERE start >= ${firstDay * dayMs} AND start < ${(firstDay + 1) * dayMs}`,
  )
  const time = (oldest[0]?.columns[0] as BigInt64Array | undefined)?.[0]
  return time === undefined ? undefined : Number(time)
}

/** The directories of the parts that count now, of an engine in `directory`; those elsewhere are a mistake. */
export async function listPartPaths(engine: Engine, directory: string): Promise<string[]> {
  const blocks = await engine.query(
    'SELECT table, path FROM system.parts WHERE active AND database = currentDatabase()',
  )
  const paths = blocks.flatMap(({ columns }) => {
    const [tables, found] = columns as [string[], string[]]
    // What is being rewritten comes and goes, and counts for nothing until it takes a day's place.
    return found.filter((_, row) => !tables[row]!.endsWith('_rewritten'))
  })
  const stray = paths.find((path) => !path.startsWith(directory))
  if (stray !== undefined)
    throw new Error(`the engine has ${stray}, which is not below ${directory}`)
  return paths
}
