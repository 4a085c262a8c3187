/**
 * Prometheus's administration of its store: `delete_series` and `clean_tombstones` of
 * `/api/v1/admin/tsdb/`, for administrators. Deleted samples are gone from every answer when the call returns,
 * and from the disk soon after; `clean_tombstones` waits for that. Snapshots are `shipwatch backup`.
 */

import type { FastifyInstance } from 'fastify'
import { serverErrors } from '../errors.ts'
import { parametersOf, plainBodyBytesMax } from '../request.ts'
import type { RouteContext } from '../route/route.ts'
import { invalidParameter, timeParameter, wholeTime } from './parameter.ts'
import { readSelector } from './selector.ts'

/** Adds the routes. */
export function addPrometheusAdminRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine, store } = context.parts
  const options = {
    method: ['POST', 'PUT'],
    bodyLimit: plainBodyBytesMax,
    config: { access: 'admin' as const, shape: 'prometheus' as const },
  }

  app.route({
    ...options,
    url: '/api/v1/admin/tsdb/delete_series',
    handler: async (request, reply) => {
      const parameters = parametersOf(request)
      const match = parameters.getAll('match[]')
      if (match.length === 0) {
        throw serverErrors.PARAMETER_INVALID({ text: 'no match[] parameter provided' })
      }
      const startTimeMs = timeParameter(parameters, 'start', wholeTime.startTimeMs)
      const endTimeMs = timeParameter(parameters, 'end', wholeTime.endTimeMs)
      if (endTimeMs < startTimeMs) {
        throw invalidParameter('end', 'end timestamp must not be before start timestamp')
      }
      const matcherSets = match.map((text) => readSelector(engine, text))
      const { done } = await store.deleteSeries({ matcherSets, startTimeMs, endTimeMs })
      void done.then((result) => {
        context.audit(request, 'series-delete', { match, startTimeMs, endTimeMs, ...result })
      })
      return reply.code(204).send()
    },
  })

  app.route({
    ...options,
    url: '/api/v1/admin/tsdb/clean_tombstones',
    handler: async (_request, reply) => {
      await store.finishDeleting()
      return reply.code(204).send()
    },
  })
}
