/** `/push`: the key by which browsers know us, and the browsers that agreed to take pushes. */

import type { FastifyInstance } from 'fastify'
import {
  apiRoot,
  type PushKey,
  type PushSubscriptionList,
  type PushSubscriptionView,
} from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { serverErrors } from '../errors.ts'
import { plainBodyBytesMax, readJson } from '../request.ts'
import type { RouteContext } from './route.ts'

const endpoint = z.url().max(2_000)
const addBody = z.strictObject({
  endpoint,
  keys: z.strictObject({ p256dh: z.string().max(200), auth: z.string().max(100) }),
  label: z.string().trim().min(1).max(200),
  owner: z.string().trim().min(1).max(200).optional(),
})
const removeBody = z.strictObject({ endpoint })

/** Adds the routes of pushes to browsers. */
export function addPushRoutes(app: FastifyInstance, context: RouteContext): void {
  const { pushes } = context.parts.notifier
  const read = { config: { access: 'read' as const } }
  const respond = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const } }

  app.get(`${apiRoot}/push/key`, read, async (): Promise<PushKey> => {
    return { publicKey: (await pushes.keys()).publicKey }
  })

  app.get(`${apiRoot}/push/subscriptions`, read, async (): Promise<PushSubscriptionList> => {
    const list = await pushes.list()
    // An endpoint is the right to push to it; its host tells enough.
    const subscriptions = list.map(
      ({ owner, label, createdTimeMs, endpoint: url }): PushSubscriptionView => ({
        owner,
        label,
        createdTimeMs,
        host: new URL(url).host,
      }),
    )
    return { subscriptions }
  })

  app.post(`${apiRoot}/push/subscriptions`, respond, async (request, reply) => {
    const { keys, label, endpoint: url, owner } = readJson(request, addBody)
    const { actor } = request.principal
    const subscription = { endpoint: url, label, publicKey: keys.p256dh, auth: keys.auth }
    await pushes.add({ ...subscription, owner: owner ?? actor, createdBy: actor })
    context.audit(request, 'push-add', { owner: owner ?? actor, label })
    return reply.code(204).send()
  })

  app.post(`${apiRoot}/push/subscriptions/remove`, respond, async (request, reply) => {
    const { endpoint: url } = readJson(request, removeBody)
    if (!(await pushes.remove(url)))
      throw serverErrors.ITEM_UNKNOWN({ kind: 'push subscription', id: new URL(url).host })
    context.audit(request, 'push-remove', {})
    return reply.code(204).send()
  })
}
