/** `/live`: what changed, as it changes. */

import type { FastifyInstance } from 'fastify'
import { apiRoot } from '../../api/api.ts'
import type { RouteContext } from './route.ts'

/** Adds the live stream and connects it to the parts. Returns the call that disconnects it. */
export function addLiveRoute(app: FastifyInstance, context: RouteContext): () => void {
  const { parts, live } = context
  app.get(
    `${apiRoot}/live`,
    { config: { access: 'read', isStream: true } },
    async (request, reply) => {
      live.open(request, reply, true)
      return reply
    },
  )
  const stops = [
    parts.alerts.onChange((changed) => {
      for (const alert of changed) live.announce('alerts', alert.fingerprint)
    }),
    parts.alerts.pages.onEvent((page) => live.announce('pages', page.id)),
    parts.incidents.onChange((incident) => live.announce('incidents', incident.id)),
    parts.deliveries.onChange((deployment) => live.announce('deployments', deployment.id)),
    parts.notifier.onAttempt((attempt) => live.announce('notifications', attempt.id)),
    parts.collector.onChange(() => live.announce('sources', '')),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
