/** `/maintenance`: windows in which people are not told. `/heartbeats`: other programs that call. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { MaintenanceRequest, MaintenanceStatus } from '../../alert/alert.ts'
import { apiRoot, type SilencePreview } from '../../api/api.ts'
import type { HeartbeatList, MaintenanceList, MaintenanceView } from '../../api/on-call.ts'
import { z } from '../../config/schema.ts'
import { serverErrors } from '../errors.ts'
import { factsOf, pathPart, plainBodyBytesMax, queryOf, readJson } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Alerts that a preview names; the count counts all. */
const previewCountMax = 100
const heartbeatBodyBytesMax = 16 * 1024

const names = z.array(z.string().min(1).max(1024)).max(100).default([])
const bodyTimeMs = z.number().int().min(0).max(8.64e15)
const windowBody = z.strictObject({
  id: z.string().max(100).optional(),
  name: z.string().trim().min(1, 'give it a name').max(500),
  matchers: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(1024),
        operator: z.enum(['=', '!=', '=~', '!~']),
        value: z.string().max(4096),
      }),
    )
    .max(100)
    .default([]),
  services: names,
  teams: names,
  startTimeMs: bodyTimeMs.optional(),
  endTimeMs: bodyTimeMs,
  timeZone: z.string().max(100).default('UTC'),
  repeat: z
    .strictObject({
      every: z.enum(['day', 'week', 'month']),
      interval: z.number().int().min(1).max(1000).default(1),
      weekdays: z.array(z.number().int().min(0).max(6)).max(7).default([]),
      untilTimeMs: bodyTimeMs.optional(),
    })
    .optional(),
  summaryReceiver: z.string().max(500).default(''),
  summaryEveryMs: z
    .number()
    .int()
    .min(0)
    .max(31 * 86_400_000)
    .optional(),
  comment: z.string().max(4096).default(''),
})

/** Adds the routes of maintenance windows and heartbeats. */
export function addMaintenanceRoutes(app: FastifyInstance, context: RouteContext): void {
  const { alerts, clock } = context.parts
  const { maintenance } = alerts
  const read = { bodyLimit: plainBodyBytesMax, config: { access: 'read' as const } }
  const change = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }
  const root = `${apiRoot}/maintenance`
  const readWindow = (request: FastifyRequest): MaintenanceRequest => {
    const { repeat, ...body } = readJson(request, windowBody)
    return {
      ...body,
      startTimeMs: body.startTimeMs ?? clock.nowTimeMs(),
      repeat: repeat === undefined ? undefined : { ...repeat, untilTimeMs: repeat.untilTimeMs },
      createdBy: request.principal.actor,
    }
  }

  app.get(root, read, async (): Promise<MaintenanceList> => {
    return { windows: maintenance.list().map(view) }
  })

  app.post(`${root}/preview`, read, async (request): Promise<SilencePreview> => {
    const found = maintenance.preview(readWindow(request), alerts.list())
    return {
      count: found.length,
      alerts: found.slice(0, previewCountMax).map((alert) => ({
        fingerprint: alert.fingerprint,
        name: alert.labels.get('alertname'),
        labels: alert.labels.toObject(),
      })),
    }
  })

  app.post(root, change, async (request, reply): Promise<MaintenanceView> => {
    const status = await maintenance.set(readWindow(request))
    const { id, name } = status.window
    context.audit(request, 'maintenance-set', { id, name })
    context.live.announce('alerts', '')
    reply.code(201)
    return view(status)
  })

  app.post(`${root}/:id/end`, change, async (request): Promise<MaintenanceView> => {
    const id = pathPart(request, 'id')
    const status = await maintenance.end(id)
    if (status === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'maintenance window', id })
    context.audit(request, 'maintenance-end', { id, name: status.window.name })
    context.live.announce('alerts', '')
    return view(status)
  })

  addHeartbeats(app, context)
}

function view({ window, state, current, heldCount }: MaintenanceStatus): MaintenanceView {
  const { updatedTimeMs: _, endedTimeMs: __, summarisedTimeMs: ___, ...shown } = window
  return { ...shown, state, current, heldCount }
}

function addHeartbeats(app: FastifyInstance, context: RouteContext): void {
  const { alerts, externalUrl } = context.parts
  const { heartbeats } = alerts

  app.get(
    `${apiRoot}/heartbeats`,
    { config: { access: 'read' as const } },
    async (): Promise<HeartbeatList> => ({
      heartbeats: heartbeats.list().map(({ isUp: _, ...one }) => ({
        ...one,
        url: `${externalUrl}/api/v1/heartbeat/${encodeURIComponent(one.name)}`,
      })),
    }),
  )

  const beat = async (request: FastifyRequest, name: string): Promise<{ ok: true }> => {
    const query = queryOf(request)
    const isUp = (query.get('status') ?? 'up') === 'up'
    await heartbeats.beat(name, { isUp, message: query.get('msg') ?? '' })
    return { ok: true }
  }
  app.route({
    method: ['GET', 'POST', 'PUT'],
    url: '/api/v1/heartbeat/:name',
    bodyLimit: heartbeatBodyBytesMax,
    config: { access: 'open' },
    handler: async (request) => {
      const name = pathPart(request, 'name')
      const hasKey = heartbeats.checkKey(name, queryOf(request).get('key') ?? '')
      // With a key of its own the key alone counts; without one, the right to send data.
      if (hasKey === undefined) await context.auth.admit(factsOf(request), 'ingest')
      else if (!hasKey) throw serverErrors.ITEM_UNKNOWN({ kind: 'heartbeat', id: name })
      return await beat(request, name)
    },
  })
}
