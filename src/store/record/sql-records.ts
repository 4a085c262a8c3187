/** All record keepers over one SQL database; opens it, brings its schema up to date, gives failures their code. */

import { dirname } from 'node:path'
import { type Dialect, Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Clock } from '../../base/clock.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { storeErrors } from '../errors.ts'
import { makeAccessRecords } from './access.ts'
import { makeDeadLetterRecords, makePushRecords } from './dead-letters.ts'
import { makeDecisionRecords, makeDeploymentRecords } from './deployments.ts'
import { makeIncidentRecords } from './incidents.ts'
import { migrations } from './migrations.ts'
import { makeAlertRecords, makeNotificationRecords, makeStateRecords } from './notifications.ts'
import { makeMaintenanceRecords, makeOverrideRecords, makePageRecords } from './pages.ts'
import type { Records } from './records.ts'
import { makeSilenceRecords } from './silences.ts'
import { openSqlite } from './sqlite.ts'
import type { Run, Tables } from './tables.ts'

/** Records that can be closed. */
export interface OpenRecords extends Records {
  /** Later calls reject with `STORE_RECORDS_UNAVAILABLE`. */
  close(): Promise<void>
  /** Writes a consistent copy to a new file, while others go on. */
  copyTo(path: string): Promise<void>
}

/** Opens the records in a SQLite file; throws `STORE_RECORDS_UNAVAILABLE`, `STORE_RECORDS_CORRUPT`, `STORE_RECORDS_NEWER` or `STORE_DATA_DIR_IN_USE`. */
export async function openSqliteRecords(options: {
  path: string
  clock: Clock
  log: Log
  /** How long to wait for another process to let go of the file; default 5 s. Blocks. */
  lockWaitMs?: number
  /** Hears why a statement failed. */
  onFailed?: (thrown: unknown) => void
}): Promise<OpenRecords> {
  let file: ReturnType<typeof openSqlite>
  try {
    file = openSqlite(options)
  } catch (thrown) {
    if (isLocked(thrown)) {
      throw storeErrors.DATA_DIR_IN_USE({ path: dirname(options.path) }, thrown)
    }
    throw nameFailure(thrown, options.path)
  }
  return await openRecords(file.dialect, {
    ...file,
    path: options.path,
    onFailed: options.onFailed ?? (() => undefined),
  })
}

async function openRecords(
  dialect: Dialect,
  file: {
    path: string
    sync: () => Promise<void>
    copyTo: (path: string) => Promise<void>
    onFailed: (thrown: unknown) => void
  },
): Promise<OpenRecords> {
  const database = new Kysely<Tables>({ dialect })
  let isClosed = false
  const run: Run = async (work) => {
    if (isClosed) throw storeErrors.RECORDS_UNAVAILABLE({ reason: 'they are closed' })
    try {
      return await work(database)
    } catch (thrown) {
      if (thrown instanceof CodedError) throw thrown
      file.onFailed(thrown)
      throw nameFailure(thrown, file.path)
    }
  }
  try {
    await run(migrate)
  } catch (thrown) {
    await database.destroy()
    throw thrown
  }
  return {
    deployments: makeDeploymentRecords(run),
    incidents: makeIncidentRecords(run),
    decisions: makeDecisionRecords(run),
    notifications: makeNotificationRecords(run),
    deadLetters: makeDeadLetterRecords(run),
    pushes: makePushRecords(run),
    alerts: makeAlertRecords(run),
    silences: makeSilenceRecords(run),
    pages: makePageRecords(run),
    overrides: makeOverrideRecords(run),
    maintenance: makeMaintenanceRecords(run),
    access: makeAccessRecords(run),
    states: makeStateRecords(run),
    copyTo: (path) => run(() => file.copyTo(path)),
    close: async () => {
      if (isClosed) return
      isClosed = true
      await file.sync()
      await database.destroy()
    },
  }
}

/** Damage is said as such: what helps then is neither space nor patience. */
function nameFailure(thrown: unknown, path: string): CodedError {
  const sqliteCorrupt = 11
  const sqliteNotDatabase = 26
  const code = (thrown as { errcode?: number }).errcode ?? 0
  const reason = messageOf(thrown)
  return [sqliteCorrupt, sqliteNotDatabase].includes(code & 0xff)
    ? storeErrors.RECORDS_CORRUPT({ path, reason }, thrown)
    : storeErrors.RECORDS_UNAVAILABLE({ reason }, thrown)
}

function isLocked(thrown: unknown): boolean {
  const sqliteBusy = 5
  return (thrown as { errcode?: number }).errcode === sqliteBusy
}

async function migrate(database: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations },
  })
  const found = await migrator.getMigrations()
  const known = Object.keys(migrations)
  const done = await listDone(database)
  if (done.some((name) => !known.includes(name))) {
    throw storeErrors.RECORDS_NEWER({ found: done.length, known: known.length })
  }
  if (found.every((one) => one.executedAt !== undefined)) return
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** Names of the steps that were run on this database. */
async function listDone(database: Kysely<Tables>): Promise<string[]> {
  const tables = await database.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return []
  const done = database as unknown as Kysely<{ kysely_migration: { name: string } }>
  const rows = await done.selectFrom('kysely_migration').select('name').execute()
  return rows.map((row) => row.name)
}
