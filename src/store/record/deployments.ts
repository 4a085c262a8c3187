/** Deployments and decisions in SQL. */

import type { Selectable } from 'kysely'
import type { Decision, Deployment } from '../../model/deployment.ts'
import type { DecisionRecords, DeploymentRecords } from './records.ts'
import type { Run, Tables } from './tables.ts'

/** Keeper of deployments. */
export function makeDeploymentRecords(run: Run): DeploymentRecords {
  return {
    save: (deployment) =>
      run(async (database) => {
        const { id, ...rest } = rowOf(deployment)
        await database
          .insertInto('deployment')
          .values({ id, ...rest })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
          .execute()
      }),
    find: (id) =>
      run(async (database) => {
        const row = await database
          .selectFrom('deployment')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirst()
        return row === undefined ? undefined : deploymentOf(row)
      }),
    list: (filter) =>
      run(async (database) => {
        let query = database.selectFrom('deployment').selectAll()
        if (filter.service !== undefined) query = query.where('service', '=', filter.service)
        if (filter.environment !== undefined) {
          query = query.where('environment', '=', filter.environment)
        }
        if (filter.fromTimeMs !== undefined) {
          query = query.where('start_time_ms', '>=', filter.fromTimeMs)
        }
        if (filter.toTimeMs !== undefined) {
          query = query.where('start_time_ms', '<=', filter.toTimeMs)
        }
        const rows = await query
          .orderBy('start_time_ms', 'desc')
          .orderBy('id', 'desc')
          .limit(filter.limit)
          .execute()
        return rows.map(deploymentOf)
      }),
  }
}

/** Keeper of decisions. */
export function makeDecisionRecords(run: Run): DecisionRecords {
  return {
    add: (subject, decision) =>
      run(async (database) => {
        await database
          .insertInto('decision')
          .values({
            deployment_id: subject.deploymentId ?? null,
            incident_id: subject.incidentId ?? null,
            time_ms: decision.timeMs,
            question: decision.question,
            verdict: decision.verdict,
            reason: decision.reason,
            message: decision.message,
            facts: JSON.stringify(decision.facts),
          })
          .execute()
      }),
    list: (subject) =>
      run(async (database) => {
        let query = database.selectFrom('decision').selectAll()
        if (subject.deploymentId !== undefined) {
          query = query.where('deployment_id', '=', subject.deploymentId)
        }
        if (subject.incidentId !== undefined) {
          query = query.where('incident_id', '=', subject.incidentId)
        }
        const rows = await query.orderBy('time_ms').orderBy('position').execute()
        return rows.map((row) => ({
          timeMs: row.time_ms,
          question: row.question,
          verdict: row.verdict as Decision['verdict'],
          reason: row.reason,
          message: row.message,
          facts: JSON.parse(row.facts) as Record<string, unknown>,
        }))
      }),
  }
}

function rowOf(deployment: Deployment): Selectable<Tables['deployment']> {
  return {
    id: deployment.id,
    service: deployment.service,
    environment: deployment.environment,
    version: deployment.version,
    previous_version: deployment.previousVersion,
    start_time_ms: deployment.startTimeMs,
    end_time_ms: deployment.endTimeMs ?? null,
    actor: deployment.actor,
    url: deployment.url,
    note: deployment.note,
    state: deployment.state,
    rollback_of: deployment.rollbackOf ?? null,
  }
}

function deploymentOf(row: Selectable<Tables['deployment']>): Deployment {
  return {
    id: row.id,
    service: row.service,
    environment: row.environment,
    version: row.version,
    previousVersion: row.previous_version,
    startTimeMs: row.start_time_ms,
    endTimeMs: row.end_time_ms ?? undefined,
    actor: row.actor,
    url: row.url,
    note: row.note,
    state: row.state as Deployment['state'],
    rollbackOf: row.rollback_of ?? undefined,
  }
}
