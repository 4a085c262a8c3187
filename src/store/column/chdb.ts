/**
 * Opens chDB. The packages are loaded here and not before: they are large, missing on some platforms,
 * and the store must come up without them.
 */

import { mkdirSync } from 'node:fs'
import type { ClickHouseClientConfigOptions } from '@clickhouse/client'
import type { EngineConnection } from './engine.ts'
import { createTables } from './tables.ts'

type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>

/** Opens the database in `path` with its tables. Rejects when the platform or the files do not allow it. */
export async function openChdb(path: string): Promise<EngineConnection> {
  mkdirSync(path, { recursive: true })
  const { createClient } = await import('@clickhouse/client')
  const { createChdbConnection } = await import('chdb/connection')
  const { drainPending } = await import('chdb')
  const connection = createChdbConnection({ path })
  // The same interface twice: the two packages each carry their own copy of its types.
  const client = createClient({ connection: connection as unknown as ClientConnection })
  const close = async (): Promise<void> => {
    await client.close()
    await drainPending()
  }
  try {
    // A backfilled segment may touch as many days as retention keeps.
    await client.command({ query: 'SET max_partitions_per_insert_block = 0' })
    await createTables(client)
  } catch (thrown) {
    await close()
    throw thrown
  }
  return { client, close }
}
