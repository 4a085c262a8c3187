/** The list of route files. */

import type { FastifyInstance } from 'fastify'
import { addAcknowledgeRoutes } from './acknowledge.ts'
import { addAlertRoutes } from './alerts.ts'
import { addBackupRoute } from './backup.ts'
import { addDeploymentRoutes } from './deployments.ts'
import { addIncidentRoutes } from './incidents.ts'
import { addLabelRoutes } from './labels.ts'
import { addLiveRoute } from './live.ts'
import { addCallbackRoutes } from './callbacks.ts'
import { addLogRoutes } from './logs.ts'
import { addMaintenanceRoutes } from './maintenance.ts'
import { addManagementRoutes } from './manage.ts'
import { addNotificationRoutes } from './notifications.ts'
import { addNowRoute } from './now.ts'
import { addOnCallRoutes } from './on-call.ts'
import { addPageRoutes } from './pages.ts'
import { addPushRoutes } from './pushes.ts'
import { addQueryRoutes } from './queries.ts'
import { addReceiverRoutes } from './receive.ts'
import type { RouteContext } from './route.ts'
import { addRuleRoutes } from './rules.ts'
import { addSeriesRoutes } from './series.ts'
import { addSessionRoutes } from './session.ts'
import { addSettingRoutes } from './settings.ts'
import { addSilenceRoutes } from './silences.ts'
import { addSourceRoutes } from './sources.ts'
import { addTokenRoutes } from './tokens.ts'

/** Adds every route of the product's own API, receivers and management. Returns the call that disconnects them. */
export function addAllRoutes(app: FastifyInstance, context: RouteContext): () => void {
  addAcknowledgeRoutes(app, context)
  addAlertRoutes(app, context)
  addCallbackRoutes(app, context)
  addBackupRoute(app, context)
  addDeploymentRoutes(app, context)
  addIncidentRoutes(app, context)
  addLabelRoutes(app, context)
  addLogRoutes(app, context)
  addMaintenanceRoutes(app, context)
  addManagementRoutes(app, context)
  addNotificationRoutes(app, context)
  addNowRoute(app, context)
  addOnCallRoutes(app, context)
  addPageRoutes(app, context)
  addPushRoutes(app, context)
  addQueryRoutes(app, context)
  addReceiverRoutes(app, context)
  addRuleRoutes(app, context)
  addSeriesRoutes(app, context)
  addSessionRoutes(app, context)
  addSettingRoutes(app, context)
  addSilenceRoutes(app, context)
  addSourceRoutes(app, context)
  addTokenRoutes(app, context)
  return addLiveRoute(app, context)
}
