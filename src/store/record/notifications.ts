/** The notification ledger, active alerts and named states in SQL. */

import { setImmediate } from 'node:timers/promises'
import { type Kysely, type Selectable, type SelectQueryBuilder, sql } from 'kysely'
import type { Alert } from '../../model/alert.ts'
import { Labels } from '../../model/labels.ts'
import type {
  AlertRecords,
  NotificationAttempt,
  NotificationFilter,
  NotificationRecords,
  StateRecords,
} from './records.ts'
import type { Run, Tables } from './tables.ts'

/** Rows of one statement; SQLite takes 32,766 parameters. */
const rowsPerStatementMax = 500

/** Keeper of the ledger. */
export function makeNotificationRecords(run: Run): NotificationRecords {
  return {
    add: (attempt) =>
      run(async (database) => {
        await database
          .insertInto('notification')
          .values({
            id: attempt.id,
            time_ms: attempt.timeMs,
            receiver: attempt.receiver,
            channel: attempt.channel,
            group_key: attempt.groupKey,
            reason: attempt.reason,
            status: attempt.status,
            alert_count: attempt.alertCount,
            attempt: attempt.attempt,
            outcome: attempt.outcome,
            answer: attempt.answer,
            latency_ms: attempt.latencyMs,
            incident_id: attempt.incidentId ?? null,
            fingerprints: JSON.stringify(attempt.fingerprints),
            channel_key: attempt.channelKey ?? '',
            request: attempt.request ?? '',
            labels: attempt.labels ?? '',
            person: attempt.person ?? '',
            page_id: attempt.pageId ?? '',
            fallback_of: attempt.fallbackOf ?? '',
          })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute()
      }),
    list: async (filter) => {
      const found: NotificationAttempt[] = []
      let below = await run((database) => findPlace(database, filter.after))
      // Piece by piece, each a statement of its own: a search through years must not hold up the pages of now.
      while (found.length < filter.limit) {
        const piece = await run((database) => readPiece(database, filter, below))
        found.push(...piece.rows.map(attemptOf))
        if (piece.last === undefined) break
        below = piece.last
        await setImmediate()
      }
      return found.slice(0, filter.limit)
    },
    removeBefore: (timeMs) =>
      run(async (database) => {
        const query = database.deleteFrom('notification').where('time_ms', '<', timeMs)
        return Number((await query.executeTakeFirst()).numDeletedRows)
      }),
    removeBeyond: (count) =>
      run(async (database) => {
        const { last } = await database
          .selectFrom('notification')
          .select((row) => row.fn.max('position').as('last'))
          .executeTakeFirstOrThrow()
        // Positions count up, so that no row has to be counted.
        const query = database
          .deleteFrom('notification')
          .where('position', '<=', Number(last ?? 0) - count)
        return Number((await query.executeTakeFirst()).numDeletedRows)
      }),
  }
}

/** Rows that one statement looks at: a few milliseconds. */
const pieceCountMax = 3_000

/** Where a row stands in the order of the ledger. */
interface Place {
  timeMs: number
  position: number
}

async function findPlace(
  database: Kysely<Tables>,
  id: string | undefined,
): Promise<Place | undefined> {
  if (id === undefined) return undefined
  const row = await database
    .selectFrom('notification')
    .select(['time_ms', 'position'])
    .where('id', '=', id)
    .executeTakeFirst()
  return row === undefined ? undefined : { timeMs: row.time_ms, position: row.position }
}

/** Looks at the next rows below a place; `last` is where they end, unless that was all. */
async function readPiece(
  database: Kysely<Tables>,
  filter: NotificationFilter,
  below: Place | undefined,
): Promise<{ rows: Selectable<Tables['notification']>[]; last: Place | undefined }> {
  let piece = database.selectFrom('notification')
  if (filter.incidentId !== undefined) piece = piece.where('incident_id', '=', filter.incidentId)
  if (filter.fromTimeMs !== undefined) piece = piece.where('time_ms', '>=', filter.fromTimeMs)
  if (filter.toTimeMs !== undefined) piece = piece.where('time_ms', '<', filter.toTimeMs)
  if (below !== undefined) {
    const { timeMs, position } = below
    piece = piece.where(sql<boolean>`(time_ms, position) < (${timeMs}, ${position})`)
  }
  const ordered = piece.orderBy('time_ms', 'desc').orderBy('position', 'desc')
  const bottom = await ordered
    .select(['time_ms', 'position'])
    .offset(pieceCountMax - 1)
    .limit(1)
    .executeTakeFirst()
  let wanted = ordered.selectAll()
  if (bottom !== undefined) {
    const { time_ms, position } = bottom
    wanted = wanted.where(sql<boolean>`(time_ms, position) >= (${time_ms}, ${position})`)
  }
  const rows = await narrow(wanted, filter).limit(filter.limit).execute()
  const last = bottom === undefined ? undefined : bottom
  return { rows, last: last && { timeMs: last.time_ms, position: last.position } }
}

type Selection = SelectQueryBuilder<Tables, 'notification', Selectable<Tables['notification']>>

/** The parts of a filter for which there is no index. */
function narrow(query: Selection, filter: NotificationFilter): Selection {
  const { receiver, channel, outcome, pageId, person } = filter
  let narrowed = query
  if (receiver !== undefined) narrowed = narrowed.where('receiver', '=', receiver)
  if (channel !== undefined) narrowed = narrowed.where('channel', '=', channel)
  if (outcome !== undefined) narrowed = narrowed.where('outcome', '=', outcome)
  if (pageId !== undefined) narrowed = narrowed.where('page_id', '=', pageId)
  if (person !== undefined) narrowed = narrowed.where('person', '=', person)
  if (filter.label !== undefined) {
    const line = `\n${filter.label}\n`
    narrowed = narrowed.where(sql<boolean>`instr(${'\n'} || labels || ${'\n'}, ${line}) > 0`)
  }
  if (filter.text !== undefined) {
    const pattern = `%${filter.text.replace(/[\\%_]/g, '\\$&')}%`
    const all = sql`request || ' ' || answer || ' ' || labels || ' ' || receiver || ' ' || reason`
    narrowed = narrowed.where(sql<boolean>`${all} LIKE ${pattern} ESCAPE '\\'`)
  }
  return narrowed
}

function attemptOf(row: Selectable<Tables['notification']>): NotificationAttempt {
  return {
    id: row.id,
    timeMs: row.time_ms,
    receiver: row.receiver,
    channel: row.channel,
    groupKey: row.group_key,
    reason: row.reason,
    status: row.status as NotificationAttempt['status'],
    alertCount: row.alert_count,
    attempt: row.attempt,
    outcome: row.outcome as NotificationAttempt['outcome'],
    answer: row.answer,
    latencyMs: row.latency_ms,
    incidentId: row.incident_id ?? undefined,
    fingerprints: JSON.parse(row.fingerprints) as string[],
    ...(row.channel_key !== '' && { channelKey: row.channel_key }),
    ...(row.request !== '' && { request: row.request }),
    ...(row.labels !== '' && { labels: row.labels }),
    ...(row.person !== '' && { person: row.person }),
    ...(row.page_id !== '' && { pageId: row.page_id }),
    ...(row.fallback_of !== '' && { fallbackOf: row.fallback_of }),
  }
}

/** Keeper of active alerts. */
export function makeAlertRecords(run: Run): AlertRecords {
  return {
    save: (alerts) =>
      run((database) =>
        database.transaction().execute(async (transaction) => {
          for (const part of inParts(alerts)) {
            const rows = part.map((alert) => ({
              fingerprint: alert.fingerprint,
              body: JSON.stringify(plainAlertOf(alert)),
            }))
            await transaction
              .insertInto('alert')
              .values(rows)
              .onConflict((conflict) =>
                conflict
                  .column('fingerprint')
                  .doUpdateSet({ body: (row) => row.ref('excluded.body') }),
              )
              .execute()
          }
        }),
      ),
    remove: (fingerprints) =>
      run((database) =>
        database.transaction().execute(async (transaction) => {
          for (const part of inParts(fingerprints)) {
            await transaction.deleteFrom('alert').where('fingerprint', 'in', part).execute()
          }
        }),
      ),
    list: () =>
      run(async (database) => {
        const rows = await database
          .selectFrom('alert')
          .select('body')
          .orderBy('fingerprint')
          .execute()
        return rows.map((row) => alertOf(JSON.parse(row.body) as PlainAlert))
      }),
  }
}

/** Keeper of named JSON values. */
export function makeStateRecords(run: Run): StateRecords {
  return {
    set: (name, value) =>
      run(async (database) => {
        const body = JSON.stringify(value ?? null)
        await database
          .insertInto('state')
          .values({ name, body })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ body }))
          .execute()
      }),
    find: (name) =>
      run(async (database) => {
        const row = await database
          .selectFrom('state')
          .select('body')
          .where('name', '=', name)
          .executeTakeFirst()
        return row === undefined ? undefined : (JSON.parse(row.body) as unknown)
      }),
    remove: (name) =>
      run(async (database) => {
        await database.deleteFrom('state').where('name', '=', name).execute()
      }),
    list: (prefix) =>
      run(async (database) => {
        // A range instead of LIKE: no wildcards to escape, the same letter case everywhere.
        const rows = await database
          .selectFrom('state')
          .selectAll()
          .where('name', '>=', prefix)
          .where('name', '<', `${prefix}\u{10ffff}`)
          .orderBy('name')
          .execute()
        return rows.map((row) => ({ name: row.name, value: JSON.parse(row.body) as unknown }))
      }),
  }
}

/** An alert as JSON can hold it: labels as pairs, a value that may be NaN as text. */
type PlainAlert = Omit<Alert, 'labels' | 'annotations' | 'value' | 'rule' | 'held'> & {
  labels: string[]
  annotations: string[]
  value: string
  rule?: Alert['rule']
  held?: Alert['held']
}

function plainAlertOf(alert: Alert): object {
  return {
    ...alert,
    labels: alert.labels.pairs,
    annotations: alert.annotations.pairs,
    value: String(alert.value),
  }
}

function alertOf(plain: PlainAlert): Alert {
  return {
    ...plain,
    labels: new Labels(plain.labels),
    annotations: new Labels(plain.annotations),
    value: Number(plain.value),
    rule: plain.rule,
    held: plain.held,
  }
}

function* inParts<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let from = 0; from < items.length; from += rowsPerStatementMax) {
    yield items.slice(from, from + rowsPerStatementMax)
  }
}
