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

/** Bytes of all tables on disk, and the time of the oldest sample. */
export async function measureEngine(
  engine: Engine,
): Promise<{ bytes: number; oldestTimeMs: number | undefined }> {
  const sizes = await engine.query(
    'SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()',
  )
  const oldest = await engine.query('SELECT min(time), count() FROM sample')
  const bytes = Number((sizes[0]?.columns[0] as BigUint64Array | undefined)?.[0] ?? 0n)
  const [time, count] = (oldest[0]?.columns ?? []) as [BigInt64Array?, BigUint64Array?]
  const isEmpty = (count?.[0] ?? 0n) === 0n
  return { bytes, oldestTimeMs: isEmpty ? undefined : Number(time![0]!) }
}
