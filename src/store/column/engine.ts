/**
 * The telemetry engine: ClickHouse in process (chDB) behind `@clickhouse/client`, so that a server by
 * URL can take its place. Opened in the background and again after a failure; whoever asks meanwhile
 * gets `STORE_ENGINE_UNAVAILABLE`, and nothing that matters for paging asks.
 *
 * chDB: one data path per process; its calls run on libuv's threads, of which there are four, so few
 * run at once and the journal always finds a thread. It must be closed before the process ends.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import type { Clock, Timer } from '../../base/clock.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { storeErrors } from '../errors.ts'
import { storeMetrics } from '../metrics.ts'
import { type NativeBlock, readNative } from './native.ts'
import { quoteSql } from './sql-text.ts'

/** Statements that run at once; half of libuv's threads. */
const runningMax = 2
/** Statements that wait for their turn; then new ones are refused. */
const waitingMax = 1_000
const reopenDelayMs = 30_000

/** An open connection; made by `openChdb`, `openClickhouseServer` or, in tests, by anything. */
export interface EngineConnection {
  client: ClickHouseClient
  /** Has a table take the Native blocks of a file; without it the engine reads the file itself. */
  insertFile?(table: string, path: string): Promise<void>
  /** Whether a failure means that nobody answered, rather than that a statement was refused. */
  isUnreachable?(thrown: unknown): boolean
  close(): Promise<void>
}

/** Opens a connection whose tables are ready. */
export type OpenConnection = () => Promise<EngineConnection>

/** Runs SQL. */
export class Engine {
  readonly #open: OpenConnection
  readonly #clock: Clock
  readonly #log: Log
  #connection: EngineConnection | undefined
  #opening: Promise<void> | undefined
  #lastError = 'it is not open yet'
  #timer: Timer | undefined
  #isClosed = false
  #runningCount = 0
  #waiting: (() => void)[] = []
  #isUp: boolean | undefined
  #changeCount = 0
  #removalCount = 0
  /** Everything that was asked and is not answered, waiting included. */
  #runs = new Set<Promise<unknown>>()

  constructor(options: { open: OpenConnection; clock: Clock; log: Log }) {
    this.#open = options.open
    this.#clock = options.clock
    this.#log = options.log
  }

  /** Begins to open; resolves when that succeeded or failed. */
  start(): Promise<void> {
    this.#opening ??= this.#tryOpen().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Grows with every statement that may change rows, once it has ended: what was read before may be old. */
  get changeCount(): number {
    return this.#changeCount
  }

  /** The same for statements that may take rows away. */
  get removalCount(): number {
    return this.#removalCount
  }

  /** Runs a statement without an answer. */
  async command(sql: string): Promise<void> {
    try {
      await this.#run(sql, (client) => client.command({ query: sql }))
    } finally {
      this.#changeCount++
      if (!sql.startsWith('INSERT ')) this.#removalCount++
    }
  }

  /** Has a table take a file of Native blocks, as one insert. */
  async insertFile(table: string, file: { path: string; structure: string }): Promise<void> {
    const { path, structure } = file
    const sql = `INSERT INTO ${table} SELECT * FROM file(${quoteSql(path)}, 'Native', ${quoteSql(structure)})`
    try {
      await this.#runConnected(sql, async (connection) => {
        if (connection.insertFile === undefined) await connection.client.command({ query: sql })
        else await connection.insertFile(table, path)
      })
    } finally {
      this.#changeCount++
    }
  }

  /** Runs a query and answers its columns, texts as bytes when so asked. `sql` has no FORMAT. */
  async query(
    sql: string,
    signal?: AbortSignal,
    options: { areTextsBytes?: boolean } = {},
  ): Promise<NativeBlock[]> {
    signal?.throwIfAborted()
    const bytes = await this.#run(sql, async (client) => {
      const answer = await client.exec({ query: `${sql} FORMAT Native` })
      const chunks: Uint8Array[] = []
      for await (const chunk of answer.stream) chunks.push(chunk as Uint8Array)
      const [only] = chunks
      // The engine in process answers in one piece, which may be large: no copy of it.
      return chunks.length === 1
        ? Buffer.from(only!.buffer, only!.byteOffset, only!.byteLength)
        : Buffer.concat(chunks)
    })
    signal?.throwIfAborted()
    return readNative(bytes, options.areTextsBytes)
  }

  /** Waits for what runs and closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#opening
    while (this.#runs.size > 0) await Promise.allSettled(this.#runs)
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close()
    this.#show(false)
  }

  async #tryOpen(): Promise<void> {
    if (this.#connection !== undefined || this.#isClosed) return
    try {
      this.#connection = await this.#open()
      this.#show(true)
    } catch (thrown) {
      this.#lastError = messageOf(thrown)
      this.#show(false)
      this.#timer = this.#clock.after(reopenDelayMs, () => void this.start())
    }
  }

  #run<Value>(sql: string, work: (client: ClickHouseClient) => Promise<Value>): Promise<Value> {
    return this.#runConnected(sql, ({ client }) => work(client))
  }

  async #runConnected<Value>(
    sql: string,
    work: (connection: EngineConnection) => Promise<Value>,
  ): Promise<Value> {
    const run = this.#runInTurn(sql, work)
    this.#runs.add(run)
    try {
      return await run
    } finally {
      this.#runs.delete(run)
    }
  }

  async #runInTurn<Value>(
    sql: string,
    work: (connection: EngineConnection) => Promise<Value>,
  ): Promise<Value> {
    await this.#opening
    if (this.#waiting.length >= waitingMax) {
      throw storeErrors.ENGINE_UNAVAILABLE({ reason: 'too many queries are waiting' })
    }
    await this.#takeTurn()
    const connection = this.#connection
    try {
      if (connection === undefined) {
        const reason = this.#isClosed ? 'the store is closed' : this.#lastError
        throw storeErrors.ENGINE_UNAVAILABLE({ reason })
      }
      const result = await work(connection)
      this.#show(true)
      return result
    } catch (thrown) {
      if (thrown instanceof CodedError) throw thrown
      if (connection?.isUnreachable?.(thrown) === true) {
        this.#lastError = messageOf(thrown)
        this.#show(false)
        throw storeErrors.ENGINE_UNAVAILABLE({ reason: messageOf(thrown) }, thrown)
      }
      this.#log.debug({ sql: sql.slice(0, 2_000), reason: messageOf(thrown) }, 'A query failed.')
      throw storeErrors.ENGINE_QUERY_FAILED({ reason: messageOf(thrown) }, thrown)
    } finally {
      this.#giveTurn()
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#runningCount >= runningMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#runningCount++
  }

  #giveTurn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#runningCount--
    else next()
  }

  #show(isUp: boolean): void {
    storeMetrics.engineUp.set(isUp ? 1 : 0)
    if (this.#isUp === isUp || this.#isClosed) return
    this.#isUp = isUp
    if (isUp) this.#log.info({}, 'The storage engine is open.')
    else {
      this.#log.error(
        { reason: this.#lastError },
        'The storage engine cannot be reached. Data stays in memory and in the journal; trying again.',
      )
    }
  }
}
