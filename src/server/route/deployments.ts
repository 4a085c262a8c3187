/** `/deployments`: what pipelines and people record, one delivery, roll back and hold. */

import type { FastifyInstance } from 'fastify'
import {
  apiRoot,
  type DeploymentList,
  type DeploymentRequest,
  type DeploymentView,
} from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import type { Decision } from '../../model/deployment.ts'
import { serverErrors } from '../errors.ts'
import {
  pathPart,
  plainBodyBytesMax,
  readJson,
  readQuery,
  timeMs,
  wholeNumber,
} from '../request.ts'
import type { RouteContext } from './route.ts'

const word = z.string().trim().min(1).max(200)
const bodyTimeMs = z.number().int().min(0).max(8.64e15)
const recordBody = z.strictObject({
  service: word,
  version: word,
  environment: z.string().trim().max(200).optional(),
  previousVersion: z.string().trim().max(200).optional(),
  startTimeMs: bodyTimeMs.optional(),
  endTimeMs: bodyTimeMs.optional(),
  actor: z.string().trim().max(200).optional(),
  url: z
    .string()
    .max(2000)
    .refine((value) => value === '' || /^https?:\/\//i.test(value), {
      message: 'must begin with http:// or https://',
    })
    .optional(),
  note: z.string().max(20_000).optional(),
})
const listQuery = z.strictObject({
  service: z.string().max(200).optional(),
  environment: z.string().max(200).optional(),
  fromTimeMs: timeMs().optional(),
  toTimeMs: timeMs().optional(),
  limit: wholeNumber({ min: 1, max: 1000, fallback: 100 }),
})
const reasonBody = z.strictObject({ reason: z.string().trim().max(2000).default('') })

/** Adds the routes of deployments. */
export function addDeploymentRoutes(app: FastifyInstance, context: RouteContext): void {
  const { deliveries } = context.parts
  const read = { config: { access: 'read' as const } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }
  const root = `${apiRoot}/deployments`

  app.get(root, read, async (request): Promise<DeploymentList> => {
    const filter = readQuery(request, listQuery)
    return {
      deployments: await deliveries.list(filter as Parameters<typeof deliveries.list>[0]),
    }
  })

  app.post(root, act, async (request, reply) => {
    const body = readJson(request, recordBody) as DeploymentRequest
    const deployment = await deliveries.record(body, body.actor || request.principal.actor)
    context.audit(request, 'deployment-record', {
      id: deployment.id,
      service: deployment.service,
      version: deployment.version,
    })
    return reply.code(201).send(deployment)
  })

  const view = async (id: string): Promise<DeploymentView> => {
    const found = await deliveries.view(id)
    if (found === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'deployment', id })
    return found
  }

  app.get(`${root}/:id`, read, async (request) => view(pathPart(request, 'id')))

  for (const name of ['rollback', 'hold'] as const) {
    app.post(`${root}/:id/${name}`, act, async (request): Promise<Decision> => {
      const id = pathPart(request, 'id')
      const { reason } = readJson(request, reasonBody)
      await view(id)
      const decision = await deliveries[name](id, request.principal.actor, reason)
      context.audit(request, `deployment-${name}`, { id, reason, verdict: decision.verdict })
      return decision
    })
  }
}
