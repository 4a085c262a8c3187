/** Incidents and their timelines in SQL. */

import { type Selectable, sql } from 'kysely'
import type { Cause, Incident, TimelineEntry } from '../../model/incident.ts'
import type { IncidentRecords } from './records.ts'
import type { Run, Tables } from './tables.ts'

/** Keeper of incidents. */
export function makeIncidentRecords(run: Run): IncidentRecords {
  return {
    save: (incident) =>
      run(async (database) => {
        const { id, ...rest } = rowOf(incident)
        await database
          .insertInto('incident')
          .values({ id, ...rest })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
          .execute()
      }),
    find: (id) =>
      run(async (database) => {
        const row = await database
          .selectFrom('incident')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirst()
        return row === undefined ? undefined : incidentOf(row)
      }),
    list: (filter) =>
      run(async (database) => {
        let query = database.selectFrom('incident').selectAll()
        if (filter.state === 'open') query = query.where('state', '!=', 'resolved')
        if (filter.state === 'resolved') query = query.where('state', '=', 'resolved')
        if (filter.service !== undefined) query = query.where('service', '=', filter.service)
        const rows = await query
          .orderBy('opened_time_ms', 'desc')
          .orderBy('number', 'desc')
          .limit(filter.limit)
          .execute()
        return rows.map(incidentOf)
      }),
    nextNumber: () =>
      run(async (database) => {
        const row = await database
          .insertInto('counter')
          .values({ name: 'incident', value: 1 })
          .onConflict((conflict) =>
            conflict.column('name').doUpdateSet({ value: sql<number>`counter.value + 1` }),
          )
          .returning('value')
          .executeTakeFirstOrThrow()
        return row.value
      }),
    addTimelineEntry: (incidentId, entry) =>
      run(async (database) => {
        await database
          .insertInto('timeline_entry')
          .values({
            incident_id: incidentId,
            id: entry.id,
            time_ms: entry.timeMs,
            kind: entry.kind,
            code: entry.code,
            message: entry.message,
            facts: JSON.stringify(entry.facts),
            actor: entry.actor,
          })
          .onConflict((conflict) => conflict.columns(['incident_id', 'id']).doNothing())
          .execute()
      }),
    listTimeline: (incidentId) =>
      run(async (database) => {
        const rows = await database
          .selectFrom('timeline_entry')
          .selectAll()
          .where('incident_id', '=', incidentId)
          .orderBy('time_ms')
          .orderBy('position')
          .execute()
        return rows.map((row) => ({
          id: row.id,
          timeMs: row.time_ms,
          kind: row.kind as TimelineEntry['kind'],
          code: row.code,
          message: row.message,
          facts: JSON.parse(row.facts) as Record<string, unknown>,
          actor: row.actor,
        }))
      }),
  }
}

function rowOf(incident: Incident): Selectable<Tables['incident']> {
  return {
    id: incident.id,
    number: incident.number,
    title: incident.title,
    service: incident.service,
    environment: incident.environment,
    state: incident.state,
    health: incident.health,
    opened_time_ms: incident.openedTimeMs,
    onset_time_ms: incident.onsetTimeMs ?? null,
    resolved_time_ms: incident.resolvedTimeMs ?? null,
    acknowledged_by: incident.acknowledgedBy,
    causes: JSON.stringify(incident.causes),
    alerts: JSON.stringify(incident.alerts),
    post_mortem: incident.postMortem,
  }
}

function incidentOf(row: Selectable<Tables['incident']>): Incident {
  const causes = JSON.parse(row.causes) as (Omit<Cause, 'deploymentId'> & {
    deploymentId?: string
  })[]
  return {
    id: row.id,
    number: row.number,
    title: row.title,
    service: row.service,
    environment: row.environment,
    state: row.state as Incident['state'],
    health: row.health as Incident['health'],
    openedTimeMs: row.opened_time_ms,
    onsetTimeMs: row.onset_time_ms ?? undefined,
    resolvedTimeMs: row.resolved_time_ms ?? undefined,
    acknowledgedBy: row.acknowledged_by,
    // JSON has no undefined: the field comes back as one.
    causes: causes.map((cause) => ({ ...cause, deploymentId: cause.deploymentId })),
    alerts: JSON.parse(row.alerts) as string[],
    postMortem: row.post_mortem,
  }
}
