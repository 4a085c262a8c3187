/** Passwords, tokens, sessions and the audit log in SQL. Secrets arrive here already hashed. */

import type { AccessRecords } from './records.ts'
import type { Run } from './tables.ts'

type Scope = 'admin' | 'respond' | 'read' | 'ingest'

/** Keeper of access. */
export function makeAccessRecords(run: Run): AccessRecords {
  return { ...makePasswords(run), ...makeTokens(run), ...makeSessions(run), ...makeAudit(run) }
}

function makePasswords(run: Run): Pick<AccessRecords, 'findPassword' | 'setPassword'> {
  return {
    findPassword: (user) =>
      run(async (database) => {
        const row = await database
          .selectFrom('password')
          .select('hash')
          .where('user_name', '=', user)
          .executeTakeFirst()
        return row?.hash
      }),
    setPassword: (user, hash) =>
      run(async (database) => {
        await database
          .insertInto('password')
          .values({ user_name: user, hash })
          .onConflict((conflict) => conflict.column('user_name').doUpdateSet({ hash }))
          .execute()
      }),
  }
}

function makeTokens(
  run: Run,
): Pick<AccessRecords, 'addToken' | 'findToken' | 'touchToken' | 'removeToken' | 'listTokens'> {
  return {
    addToken: (token) =>
      run(async (database) => {
        await database
          .insertInto('token')
          .values({
            id: token.id,
            name: token.name,
            scope: token.scope,
            hash: token.hash,
            created_time_ms: token.createdTimeMs,
            last_used_time_ms: null,
          })
          .execute()
      }),
    findToken: (hash) =>
      run(async (database) => {
        const row = await database
          .selectFrom('token')
          .select(['id', 'name', 'scope'])
          .where('hash', '=', hash)
          .executeTakeFirst()
        return row === undefined
          ? undefined
          : { id: row.id, name: row.name, scope: row.scope as Scope }
      }),
    touchToken: (id, timeMs) =>
      run(async (database) => {
        await database
          .updateTable('token')
          .set({ last_used_time_ms: timeMs })
          .where('id', '=', id)
          .execute()
      }),
    removeToken: (id) =>
      run(async (database) => {
        const result = await database.deleteFrom('token').where('id', '=', id).executeTakeFirst()
        return result.numDeletedRows > 0n
      }),
    listTokens: () =>
      run(async (database) => {
        const rows = await database
          .selectFrom('token')
          .selectAll()
          .orderBy('created_time_ms')
          .orderBy('id')
          .execute()
        return rows.map((row) => ({
          id: row.id,
          name: row.name,
          scope: row.scope as Scope,
          createdTimeMs: row.created_time_ms,
          lastUsedTimeMs: row.last_used_time_ms ?? undefined,
        }))
      }),
  }
}

function makeSessions(
  run: Run,
): Pick<AccessRecords, 'addSession' | 'findSession' | 'removeSession' | 'removeSessionsBefore'> {
  return {
    addSession: (session) =>
      run(async (database) => {
        const row = { user_name: session.user, role: session.role, end_time_ms: session.endTimeMs }
        await database
          .insertInto('session')
          .values({ hash: session.hash, ...row })
          .onConflict((conflict) => conflict.column('hash').doUpdateSet(row))
          .execute()
      }),
    findSession: (hash) =>
      run(async (database) => {
        const row = await database
          .selectFrom('session')
          .selectAll()
          .where('hash', '=', hash)
          .executeTakeFirst()
        return row === undefined
          ? undefined
          : {
              user: row.user_name,
              role: row.role as 'admin' | 'responder' | 'viewer',
              endTimeMs: row.end_time_ms,
            }
      }),
    removeSession: (hash) =>
      run(async (database) => {
        await database.deleteFrom('session').where('hash', '=', hash).execute()
      }),
    removeSessionsBefore: (timeMs) =>
      run(async (database) => {
        await database.deleteFrom('session').where('end_time_ms', '<', timeMs).execute()
      }),
  }
}

function makeAudit(run: Run): Pick<AccessRecords, 'addAudit' | 'listAudit'> {
  return {
    addAudit: (entry) =>
      run(async (database) => {
        await database
          .insertInto('audit')
          .values({
            time_ms: entry.timeMs,
            actor: entry.actor,
            action: entry.action,
            facts: JSON.stringify(entry.facts),
          })
          .execute()
      }),
    listAudit: (limit) =>
      run(async (database) => {
        const rows = await database
          .selectFrom('audit')
          .selectAll()
          .orderBy('time_ms', 'desc')
          .orderBy('position', 'desc')
          .limit(limit)
          .execute()
        return rows.map((row) => ({
          timeMs: row.time_ms,
          actor: row.actor,
          action: row.action,
          facts: JSON.parse(row.facts) as Record<string, unknown>,
        }))
      }),
  }
}
