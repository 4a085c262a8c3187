/** Days that are too old leave the engine as whole partitions; figures of what is there. */

import type { Engine } from './engine.ts'
import { dayMs, dayTables } from './tables.ts'

/** Drops the days that end before `timeMs`; answers how many of which table. */
export async function dropDaysBefore(engine: Engine, timeMs: number): Promise<Map<string, number>> {
  const firstDay = Math.floor(timeMs / dayMs)
  const dropped = new Map<string, number>()
  const blocks = await engine.query(
    'SELECT DISTINCT table, partition FROM system.parts WHERE active AND database = currentDatabase()',
  )
  for (const block of blocks) {
    const [tables, partitions] = block.columns as [string[], string[]]
    for (let row = 0; row < block.rowCount; row++) {
      const table = tables[row]!
      const day = Number(partitions[row])
      if (!dayTables.some((one) => one === table) || !Number.isInteger(day)) continue
      if (day >= firstDay) continue
      await engine.command(`ALTER TABLE ${table} DROP PARTITION ${day}`)
      dropped.set(table, (dropped.get(table) ?? 0) + 1)
    }
  }
  return dropped
}

/** The directories of the parts that count now; `undefined` when they are not below `directory`, on a server. */
export async function listPartPaths(
  engine: Engine,
  directory: string,
): Promise<string[] | undefined> {
  const blocks = await engine.query(
    'SELECT path FROM system.parts WHERE active AND database = currentDatabase()',
  )
  const paths = blocks.flatMap((block) => block.columns[0] as string[])
  return paths.every((path) => path.startsWith(directory)) ? paths : undefined
}

/** Bytes of all tables on disk, and the time of the oldest sample. Looks at no more than one day. */
export async function measureEngine(
  engine: Engine,
): Promise<{ bytes: number; oldestTimeMs: number | undefined }> {
  const parts = await engine.query(
    'SELECT table, partition, sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table, partition',
  )
  let bytes = 0
  let firstDay = Infinity
  for (const block of parts) {
    const [tables, partitions, sizes] = block.columns as [string[], string[], BigUint64Array]
    for (let row = 0; row < block.rowCount; row++) {
      bytes += Number(sizes[row]!)
      if (tables[row] === 'sample') firstDay = Math.min(firstDay, Number(partitions[row]))
    }
  }
  if (!Number.isFinite(firstDay)) return { bytes, oldestTimeMs: undefined }
  const oldest = await engine.query(
    `SELECT min(time) FROM sample WHERE time >= ${firstDay * dayMs} AND time < ${(firstDay + 1) * dayMs}`,
  )
  const time = (oldest[0]?.columns[0] as BigInt64Array | undefined)?.[0]
  return { bytes, oldestTimeMs: time === undefined ? undefined : Number(time) }
}
