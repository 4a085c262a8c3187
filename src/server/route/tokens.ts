/** `/tokens`: make and revoke. Listing is part of `/settings`. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type TokenView } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { serverErrors } from '../errors.ts'
import { pathPart, plainBodyBytesMax, readJson } from '../request.ts'
import type { RouteContext } from './route.ts'

const tokenSchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  scope: z.enum(['admin', 'respond', 'read', 'ingest']),
})

/** Adds the routes of tokens. */
export function addTokenRoutes(app: FastifyInstance, context: RouteContext): void {
  const { auth, live } = context
  const options = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }

  app.post(`${apiRoot}/tokens`, options, async (request, reply) => {
    const { name, scope } = readJson(request, tokenSchema)
    const { token, id, createdTimeMs } = await auth.tokens.make(name, scope)
    context.audit(request, 'token-create', { id, name, scope })
    live.announce('settings', id)
    const view: TokenView = { id, name, scope, createdTimeMs, lastUsedTimeMs: undefined }
    return reply.code(201).send({ token, view })
  })

  app.delete(`${apiRoot}/tokens/:id`, options, async (request, reply) => {
    const id = pathPart(request, 'id')
    if (!(await auth.tokens.remove(id))) throw serverErrors.ITEM_UNKNOWN({ kind: 'token', id })
    live.revoke(`token:${id}`)
    context.audit(request, 'token-remove', { id })
    live.announce('settings', id)
    return reply.code(204).send()
  })
}
