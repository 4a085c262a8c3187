/** `/alerts`: what fires, is pending, is held, or ended lately. */

import type { FastifyInstance } from 'fastify'
import { type AlertList, type AlertView, apiRoot } from '../../api/api.ts'
import { makeAlertView } from '../../incident/incident.ts'
import type { ServerParts } from '../parts.ts'
import type { RouteContext } from './route.ts'

/** Incidents looked through to find those of the alerts shown. */
const incidentCountMax = 200

/** Adds the route of alerts. */
export function addAlertRoutes(app: FastifyInstance, context: RouteContext): void {
  const { parts } = context
  const options = { config: { access: 'read' as const } }

  app.get(`${apiRoot}/alerts`, options, async (): Promise<AlertList> => {
    const { ruleCount, lastEvaluationTimeMs } = parts.detector.status()
    return { alerts: await listAlerts(parts), ruleCount, lastEvaluationTimeMs }
  })
}

/** All alerts, each with its incident. Without records the incidents are left out, not the alerts. */
async function listAlerts(parts: ServerParts): Promise<AlertView[]> {
  const incidentIds = new Map<string, string>()
  try {
    const filter = { state: 'all' as const, limit: incidentCountMax }
    for (const incident of await parts.records.incidents.list(filter)) {
      for (const fingerprint of incident.alerts) {
        if (!incidentIds.has(fingerprint)) incidentIds.set(fingerprint, incident.id)
      }
    }
  } catch (thrown) {
    parts.log.warn({ reason: String(thrown) }, 'alerts are listed without their incidents')
  }
  const views = parts.alerts
    .list()
    .map((alert) => makeAlertView(alert, incidentIds.get(alert.fingerprint)))
  return [...views, ...parts.detector.pendingAlerts()]
}
