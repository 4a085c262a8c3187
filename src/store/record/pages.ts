/** Pages, their events, overrides of duty, and maintenance windows in SQL. */

import type { MaintenanceWindow } from '../../model/maintenance.ts'
import type { OnCallOverride } from '../../model/on-call.ts'
import { isPageLive, type Page, type PageEvent } from '../../model/page.ts'
import type { MaintenanceRecords, OverrideRecords, PageRecords } from './records.ts'
import type { Run, Tables } from './tables.ts'

/** Keeper of pages and their stories. */
export function makePageRecords(run: Run): PageRecords {
  return {
    save: (pages, events) => {
      // Before anything else happens: a page goes on changing.
      const rows = pages.map(pageRowOf)
      return run(async (database) => {
        await database.transaction().execute(async (transaction) => {
          for (const { id, ...row } of rows) {
            await transaction
              .insertInto('page')
              .values({ id, ...row })
              .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
              .execute()
          }
          for (const event of events)
            await transaction.insertInto('page_event').values(eventRowOf(event)).execute()
        })
      })
    },
    find: (id) =>
      run(async (database) => {
        const row = await database
          .selectFrom('page')
          .select('body')
          .where('id', '=', id)
          .executeTakeFirst()
        return row === undefined ? undefined : pageOf(row)
      }),
    list: (filter) =>
      run(async (database) => {
        let query = database.selectFrom('page').select('body')
        if (filter.state === 'open') query = query.where('is_open', '=', 1)
        if (filter.state === 'resolved') query = query.where('state', '=', 'resolved')
        if (filter.beforeTimeMs !== undefined)
          query = query.where('opened_time_ms', '<', filter.beforeTimeMs)
        const rows = await query
          .orderBy('opened_time_ms', 'desc')
          .orderBy('id', 'desc')
          .limit(filter.limit)
          .execute()
        return rows.map(pageOf)
      }),
    listEvents: (pageId) =>
      run(async (database) => {
        const rows = await database
          .selectFrom('page_event')
          .selectAll()
          .where('page_id', '=', pageId)
          .orderBy('time_ms')
          .orderBy('position')
          .execute()
        return rows.map(eventOf)
      }),
    removeBefore: (timeMs) =>
      run(async (database) => {
        const old = database
          .selectFrom('page')
          .select('id')
          .where('is_open', '=', 0)
          .where('updated_time_ms', '<', timeMs)
        await database.deleteFrom('page_event').where('page_id', 'in', old).execute()
        await database
          .deleteFrom('page')
          .where('is_open', '=', 0)
          .where('updated_time_ms', '<', timeMs)
          .execute()
      }),
  }
}

function pageRowOf(page: Page): Tables['page'] {
  return {
    id: page.id,
    group_key: page.groupKey,
    state: page.state,
    is_open: isPageLive(page) ? 1 : 0,
    opened_time_ms: page.openedTimeMs,
    updated_time_ms: page.updatedTimeMs,
    body: JSON.stringify(page),
  }
}

/** What is missing in JSON is `undefined` again. */
function pageOf(row: { body: string }): Page {
  const page = JSON.parse(row.body) as Page
  const optional = {
    resolvedTimeMs: page.resolvedTimeMs,
    nextTimeMs: page.nextTimeMs,
    acknowledgedTimeMs: page.acknowledgedTimeMs,
    acknowledgeEndTimeMs: page.acknowledgeEndTimeMs,
  }
  const deliveries = page.deliveries.map((one) => ({ ...one, doneTimeMs: one.doneTimeMs }))
  return { ...page, ...optional, deliveries }
}

function eventRowOf(event: PageEvent): Omit<Tables['page_event'], 'position'> {
  return {
    id: event.id,
    page_id: event.pageId,
    time_ms: event.timeMs,
    actor: event.actor,
    action: event.action,
    from_state: event.from,
    to_state: event.to,
    reason: event.reason,
  }
}

function eventOf(row: Omit<Tables['page_event'], 'position'>): PageEvent {
  return {
    id: row.id,
    pageId: row.page_id,
    timeMs: row.time_ms,
    actor: row.actor,
    action: row.action as PageEvent['action'],
    from: row.from_state as PageEvent['from'],
    to: row.to_state as PageEvent['to'],
    reason: row.reason,
  }
}

/** Keeper of overrides. */
export function makeOverrideRecords(run: Run): OverrideRecords {
  return {
    save: (override) =>
      run(async (database) => {
        const rest = { end_time_ms: override.endTimeMs, body: JSON.stringify(override) }
        await database
          .insertInto('on_call_override')
          .values({ id: override.id, ...rest })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
          .execute()
      }),
    remove: (id) =>
      run(async (database) => {
        await database.deleteFrom('on_call_override').where('id', '=', id).execute()
      }),
    removeBefore: (timeMs) =>
      run(async (database) => {
        await database.deleteFrom('on_call_override').where('end_time_ms', '<', timeMs).execute()
      }),
    list: () =>
      run(async (database) => {
        const rows = await database
          .selectFrom('on_call_override')
          .select('body')
          .orderBy('id')
          .execute()
        return rows.map(({ body }) => JSON.parse(body) as OnCallOverride)
      }),
  }
}

/** Keeper of maintenance windows. */
export function makeMaintenanceRecords(run: Run): MaintenanceRecords {
  return {
    save: (window) =>
      run(async (database) => {
        const body = JSON.stringify(window)
        await database
          .insertInto('maintenance')
          .values({ id: window.id, body })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ body }))
          .execute()
      }),
    remove: (id) =>
      run(async (database) => {
        await database.deleteFrom('maintenance').where('id', '=', id).execute()
      }),
    list: () =>
      run(async (database) => {
        const rows = await database.selectFrom('maintenance').select('body').orderBy('id').execute()
        return rows.map(({ body }): MaintenanceWindow => {
          const window = JSON.parse(body) as MaintenanceWindow
          const repeat =
            window.repeat === undefined
              ? undefined
              : { ...window.repeat, untilTimeMs: window.repeat.untilTimeMs }
          return { ...window, repeat, endedTimeMs: window.endedTimeMs }
        })
      }),
  }
}
