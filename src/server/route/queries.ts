/** `/queries`: what is being asked right now, and stopping it. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type QueryList } from '../../api/api.ts'
import { serverErrors } from '../errors.ts'
import { pathPart, plainBodyBytesMax } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Adds the routes of running queries. */
export function addQueryRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine } = context.parts

  app.get(`${apiRoot}/queries`, { config: { access: 'read' } }, async (): Promise<QueryList> => {
    return { queries: engine.running() }
  })

  const options = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }
  app.delete(`${apiRoot}/queries/:id`, options, async (request, reply) => {
    const id = pathPart(request, 'id')
    if (!engine.stop(id)) throw serverErrors.ITEM_UNKNOWN({ kind: 'query', id })
    context.audit(request, 'query-stop', { id })
    return reply.code(204).send()
  })
}
