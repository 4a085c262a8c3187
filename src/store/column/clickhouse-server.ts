/**
 * A ClickHouse server by URL in place of the embedded engine: the same tables and statements, blocks as
 * bodies of inserts instead of files. Servers of many ages are spoken to (tested with 18.16 and the embedded 26),
 * so nothing is asked for that old ones lack, but what they refuse is done without.
 */

import { createReadStream } from 'node:fs'
import type { ClickHouseClient } from '@clickhouse/client'
import type { Secret } from '../../base/secret.ts'
import type { EngineConnection } from './engine.ts'
import { createTables } from './tables.ts'

/** Statements may take long (a day is merged or replaced), but not for ever. */
const requestMsMax = 600_000
/** An idle connection is given up before the servers do: old ones wait three seconds. */
const idleMsMax = 2_000
const databaseName = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Connects to `http(s)://user:password@host:8123/database` and makes the tables. Rejects with the server's reason. */
export async function openClickhouseServer(url: Secret): Promise<EngineConnection> {
  const { ClickHouseError, ClickHouseLogLevel, createClient } = await import('@clickhouse/client')
  const target = new URL(url.reveal())
  const database = decodeURIComponent(target.pathname.slice(1)) || 'default'
  if (!databaseName.test(database)) throw new Error(`"${database}" is not a name of a database`)
  const open = (name: string, settings: Record<string, number>): ClickHouseClient =>
    createClient({
      url: target.origin,
      username: decodeURIComponent(target.username) || 'default',
      password: decodeURIComponent(target.password),
      database: name,
      request_timeout: requestMsMax,
      // What fails is told by us, once.
      log: { level: ClickHouseLogLevel.OFF },
      keep_alive: { idle_socket_ttl: idleMsMax },
      clickhouse_settings: settings,
    })
  const first = open('default', {})
  let settings: Record<string, number>
  try {
    if (database !== 'default') {
      await first.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` })
    }
    settings = await findSettings(first)
  } finally {
    await first.close()
  }
  const client = open(database, settings)
  try {
    await createTables(client)
  } catch (thrown) {
    await client.close()
    throw thrown
  }
  return {
    client,
    insertFile: async (table, path) => {
      const values = createReadStream(path)
      const { stream } = await client.exec({ query: `INSERT INTO ${table} FORMAT Native`, values })
      // The answer is empty; reading it gives the connection back.
      for await (const _ of stream);
    },
    isUnreachable: (thrown) => !(thrown instanceof ClickHouseError),
    close: () => client.close(),
  }
}

/** Settings that we want and the server knows: a backfill may touch as many days as retention keeps. */
async function findSettings(client: ClickHouseClient): Promise<Record<string, number>> {
  const name = 'max_partitions_per_insert_block'
  const { stream } = await client.exec({
    query: `SELECT count() FROM system.settings WHERE name = '${name}' FORMAT TabSeparated`,
  })
  let answer = ''
  for await (const chunk of stream) answer += String(chunk)
  return answer.trim() === '1' ? { [name]: 0 } : {}
}
