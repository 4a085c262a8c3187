/** `/incidents`: list, one, and what people do with one. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiRoot, type IncidentList, type IncidentView } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import type { Incident } from '../../model/incident.ts'
import { serverErrors } from '../errors.ts'
import { pathPart, plainBodyBytesMax, readJson, readQuery, wholeNumber } from '../request.ts'
import type { RouteContext } from './route.ts'

const listQuery = z.strictObject({
  state: z.enum(['open', 'resolved', 'all']).default('all'),
  limit: wholeNumber({ min: 1, max: 1000, fallback: 100 }),
})
const messageBody = z.strictObject({ message: z.string().trim().min(1).max(20_000) })
const optionalMessageBody = z.strictObject({ message: z.string().trim().max(20_000).default('') })
const postMortemBody = z.strictObject({ text: z.string().max(500_000) })

/** Adds the routes of incidents. */
export function addIncidentRoutes(app: FastifyInstance, context: RouteContext): void {
  const { incidents } = context.parts
  const read = { config: { access: 'read' as const } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const } }
  const root = `${apiRoot}/incidents`

  app.get(root, read, async (request): Promise<IncidentList> => {
    return { incidents: await incidents.list(readQuery(request, listQuery)) }
  })

  app.get(`${root}/:id`, read, async (request): Promise<IncidentView> => {
    const id = pathPart(request, 'id')
    return found(id, await incidents.view(id))
  })

  const addAct = (
    method: 'POST' | 'PUT',
    name: string,
    action: (id: string, request: FastifyRequest) => Promise<Incident | undefined>,
  ): void => {
    app.route({
      method,
      url: `${root}/:id/${name}`,
      ...act,
      handler: async (request): Promise<Incident> => {
        const id = pathPart(request, 'id')
        const incident = found(id, await action(id, request))
        context.audit(request, `incident-${name}`, { id })
        return incident
      },
    })
  }
  addAct('POST', 'acknowledge', (id, request) => incidents.acknowledge(id, request.principal.actor))
  addAct('POST', 'comment', (id, request) =>
    incidents.comment(id, request.principal.actor, readJson(request, messageBody).message),
  )
  addAct('POST', 'resolve', (id, request) =>
    incidents.resolve(id, request.principal.actor, readJson(request, optionalMessageBody).message),
  )
  addAct('PUT', 'post-mortem', (id, request) =>
    incidents.savePostMortem(id, request.principal.actor, readJson(request, postMortemBody).text),
  )
}

function found<Item>(id: string, item: Item | undefined): Item {
  if (item === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'incident', id })
  return item
}
