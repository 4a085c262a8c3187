/**
 * SQLite for Kysely through Node's own `node:sqlite`: its dialect wants prepared statements that say
 * whether they answer rows, which is all that has to be added.
 *
 * Durability: WAL with `synchronous = NORMAL` writes to the WAL at each commit, which survives the
 * death of the process, and never corrupts. Against loss of power the WAL is synced once a second on
 * another thread, the journal's own promise; FULL would sync within each commit and stop the event
 * loop, alerting included, for as long as the disk takes.
 */

import { open } from 'node:fs/promises'
import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'

/** Prepared statements kept; the code has about sixty. */
const statementsKeptMax = 200
const syncIntervalMs = 1_000
/** Pages of a copy that are written at once: 4 MB. */
const copyPages = 1_000
/** A process that is being stopped holds the lock for some seconds. */
const lockWaitMs = 5_000

/** What the dialect and the owner of the file need. */
export interface SqliteFile {
  dialect: SqliteDialect
  /** Syncs what was written; for a clean end. */
  sync(): Promise<void>
  /** Writes a consistent copy to a new file, in steps between which others have their turn. */
  copyTo(path: string): Promise<void>
}

/** Opens or makes a database file. Throws when it cannot be opened. */
export function openSqlite(options: {
  path: string
  clock: Clock
  log: Log
  lockWaitMs?: number
}): SqliteFile {
  const timeout = options.lockWaitMs ?? lockWaitMs
  const database = new DatabaseSync(options.path, { timeout })
  // Exclusive: the lock is held until the end, by the process alone, and so guards the directory.
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('BEGIN IMMEDIATE; COMMIT')
  database.exec('PRAGMA synchronous = NORMAL')
  database.exec('PRAGMA foreign_keys = ON')
  const syncer = new WalSyncer(options)
  const statements = new Map<string, SqliteStatement>()
  const adapter: SqliteDatabase = {
    prepare: (sql) => {
      const known = statements.get(sql)
      if (known !== undefined) return known
      const isReading = /^\s*(select|pragma)/i.test(sql)
      const onDone = isReading ? (): void => undefined : () => syncer.note()
      const statement = adaptStatement(database.prepare(sql), onDone)
      if (statements.size >= statementsKeptMax) statements.clear()
      statements.set(sql, statement)
      return statement
    },
    close: () => {
      syncer.stop()
      statements.clear()
      database.close()
    },
  }
  return {
    dialect: new SqliteDialect({ database: adapter }),
    sync: () => syncer.sync(),
    copyTo: async (path) => {
      await backup(database, path, { rate: copyPages })
    },
  }
}

function adaptStatement(statement: StatementSync, onDone: () => void): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => {
      const rows = statement.all(...(parameters as SQLInputValue[]))
      onDone()
      return rows
    },
    run: (parameters) => {
      const result = statement.run(...(parameters as SQLInputValue[]))
      onDone()
      return result
    },
    iterate: (parameters) =>
      statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
  }
}

/** Brings the write-ahead log to the disk a second after a statement. */
class WalSyncer {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Log
  #timer: Timer | undefined
  #isFailing = false

  constructor(options: { path: string; clock: Clock; log: Log }) {
    this.#path = `${options.path}-wal`
    this.#clock = options.clock
    this.#log = options.log
  }

  note(): void {
    this.#timer ??= this.#clock.after(syncIntervalMs, () => {
      this.#timer = undefined
      void this.sync()
    })
  }

  /** Closing this handle is harmless: SQLite holds no lock on the WAL file itself. */
  async sync(): Promise<void> {
    try {
      const file = await open(this.#path, 'r+')
      try {
        await file.datasync()
      } finally {
        await file.close()
      }
      this.#isFailing = false
    } catch (thrown) {
      const isGone = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
      if (!isGone && !this.#isFailing) {
        this.#log.warn(
          { reason: messageOf(thrown) },
          'The records could not be synced to the disk.',
        )
        this.#isFailing = true
      }
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
