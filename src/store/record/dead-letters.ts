/** Messages that reached nobody, and the browsers that take pushes, in SQL. */

import type { DeadLetter, DeadLetterRecords, PushRecords } from './records.ts'
import type { Run, Tables } from './tables.ts'

/** Keeper of messages that reached nobody. */
export function makeDeadLetterRecords(run: Run): DeadLetterRecords {
  return {
    save: (letter) =>
      run(async (database) => {
        const row = {
          id: letter.id,
          time_ms: letter.timeMs,
          receiver: letter.receiver,
          channel: letter.channel,
          group_key: letter.groupKey,
          state: letter.state,
          end_time_ms: letter.endTimeMs ?? null,
          failure: letter.failure,
          attempt_count: letter.attemptCount,
          alert_count: letter.alertCount,
          status: letter.status,
          labels: letter.labels,
          body: JSON.stringify(letter.body),
        }
        await database
          .insertInto('dead_letter')
          .values(row)
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute()
      }),
    find: (id) =>
      run(async (database) => {
        const query = database.selectFrom('dead_letter').selectAll().where('id', '=', id)
        const row = await query.executeTakeFirst()
        return row === undefined ? undefined : letterOf(row)
      }),
    list: (filter) =>
      run(async (database) => {
        let query = database.selectFrom('dead_letter').selectAll()
        if (filter.state !== undefined) query = query.where('state', '=', filter.state)
        if (filter.receiver !== undefined) query = query.where('receiver', '=', filter.receiver)
        const rows = await query
          .orderBy('time_ms', 'desc')
          .orderBy('id', 'desc')
          .limit(filter.limit)
          .execute()
        return rows.map(letterOf)
      }),
    removeBefore: (timeMs) =>
      run(async (database) => {
        await database.deleteFrom('dead_letter').where('time_ms', '<', timeMs).execute()
      }),
  }
}

function letterOf(row: Tables['dead_letter']): DeadLetter {
  return {
    id: row.id,
    timeMs: row.time_ms,
    receiver: row.receiver,
    channel: row.channel,
    groupKey: row.group_key,
    state: row.state as DeadLetter['state'],
    endTimeMs: row.end_time_ms ?? undefined,
    failure: row.failure,
    attemptCount: row.attempt_count,
    alertCount: row.alert_count,
    status: row.status as DeadLetter['status'],
    labels: row.labels,
    body: JSON.parse(row.body) as unknown,
  }
}

/** Keeper of the browsers that take pushes. */
export function makePushRecords(run: Run): PushRecords {
  return {
    save: (subscription) =>
      run(async (database) => {
        const row = {
          endpoint: subscription.endpoint,
          owner: subscription.owner,
          created_by: subscription.createdBy,
          label: subscription.label,
          public_key: subscription.publicKey,
          auth: subscription.auth,
          created_time_ms: subscription.createdTimeMs,
        }
        await database
          .insertInto('push_subscription')
          .values(row)
          .onConflict((conflict) => conflict.column('endpoint').doUpdateSet(row))
          .execute()
      }),
    remove: (endpoint) =>
      run(async (database) => {
        const query = database.deleteFrom('push_subscription').where('endpoint', '=', endpoint)
        const { numDeletedRows } = await query.executeTakeFirst()
        return numDeletedRows > 0n
      }),
    list: () =>
      run(async (database) => {
        const rows = await database
          .selectFrom('push_subscription')
          .selectAll()
          .orderBy('created_time_ms')
          .orderBy('endpoint')
          .execute()
        return rows.map((row) => ({
          endpoint: row.endpoint,
          owner: row.owner,
          createdBy: row.created_by,
          label: row.label,
          publicKey: row.public_key,
          auth: row.auth,
          createdTimeMs: row.created_time_ms,
        }))
      }),
  }
}
