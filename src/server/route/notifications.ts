/**
 * `/notifications`: the ledger, searched and read page by page; `/dead-letters`: messages that reached
 * nobody, which can be sent again; `/receivers`: who can be told, and a test of whether that works.
 */

import type { FastifyInstance } from 'fastify'
import {
  apiRoot,
  type DeadLetterList,
  type DeliveryView,
  type NotificationList,
  type NotificationView,
  type ReceiverList,
} from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { chartPath } from '../../notify/notify.ts'
import { serverErrors } from '../errors.ts'
import { pathPart, plainBodyBytesMax, readQuery, timeMs, wholeNumber } from '../request.ts'
import type { RouteContext } from './route.ts'

const word = z.string().max(500).optional()

const ledgerQuery = z.strictObject({
  limit: wholeNumber({ min: 1, max: 1000, fallback: 100 }),
  incidentId: word,
  receiver: word,
  channel: word,
  outcome: z.enum(['delivered', 'retrying', 'failed', 'held']).optional(),
  pageId: word,
  person: word,
  label: z
    .string()
    .max(5_000)
    .regex(/^[^=]+=/, 'must be written as name=value')
    .optional(),
  text: word,
  from: timeMs().optional(),
  to: timeMs().optional(),
  after: word,
})

const letterQuery = z.strictObject({
  limit: wholeNumber({ min: 1, max: 1000, fallback: 100 }),
  state: z.enum(['open', 'resent', 'dismissed', 'superseded']).optional(),
  receiver: word,
})

/** Adds the routes of the ledger, of undelivered messages and of receivers. */
export function addNotificationRoutes(app: FastifyInstance, context: RouteContext): void {
  const { notifier, records } = context.parts
  const open = { config: { access: 'open' as const } }
  const read = { config: { access: 'read' as const } }
  const respond = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }

  app.get(`${apiRoot}/notifications`, read, async (request): Promise<NotificationList> => {
    const { from, to, limit, ...same } = readQuery(request, ledgerQuery)
    const filter = Object.fromEntries(
      Object.entries({ ...same, fromTimeMs: from, toTimeMs: to }).filter(
        ([, value]) => value !== undefined,
      ),
    )
    // One more than wanted tells whether there is another page.
    const found = await records.notifications.list({ ...filter, limit: limit + 1 })
    const page = found.slice(0, limit)
    return {
      notifications: page.map(({ fingerprints: _, ...view }): NotificationView => view),
      ...(found.length > limit && { next: page.at(-1)!.id }),
    }
  })

  app.get(`${apiRoot}/dead-letters`, read, async (request): Promise<DeadLetterList> => {
    const { limit, state, receiver } = readQuery(request, letterQuery)
    const letters = await notifier.deadLetters({
      limit,
      ...(state !== undefined && { state }),
      ...(receiver !== undefined && { receiver }),
    })
    return { deadLetters: letters.map(({ body: _, ...view }) => view) }
  })

  app.post(
    `${apiRoot}/dead-letters/:id/resend`,
    respond,
    async (request): Promise<DeliveryView> => {
      const id = pathPart(request, 'id')
      const delivery = await notifier.resend(id)
      context.audit(request, 'dead-letter-resend', { id, isDelivered: delivery.isDelivered })
      return delivery
    },
  )

  app.post(
    `${apiRoot}/dead-letters/:id/dismiss`,
    respond,
    async (request): Promise<{ id: string }> => {
      const id = pathPart(request, 'id')
      await notifier.dismiss(id)
      context.audit(request, 'dead-letter-dismiss', { id })
      return { id }
    },
  )

  // Chats fetch pictures themselves, so the address is the right to see it; it ends after a week.
  app.get(`${chartPath}:file`, open, async (request, reply) => {
    const token = pathPart(request, 'file').replace(/\.png$/, '')
    const png = await notifier.chart(token)
    if (png === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'chart', id: token })
    return reply.type('image/png').header('cache-control', 'private, max-age=604800').send(png)
  })

  app.get(`${apiRoot}/receivers`, read, async (): Promise<ReceiverList> => {
    const receivers = notifier.status().map(({ last, ...receiver }) => ({
      ...receiver,
      ...(last !== undefined && {
        last: { timeMs: last.timeMs, outcome: last.outcome, answer: last.answer },
      }),
    }))
    return { receivers }
  })

  app.post(`${apiRoot}/receivers/:name/test`, act, async (request): Promise<DeliveryView> => {
    const name = pathPart(request, 'name')
    const delivery = await notifier.test(name)
    context.audit(request, 'receiver-test', { receiver: name, isDelivered: delivery.isDelivered })
    return delivery
  })
}
