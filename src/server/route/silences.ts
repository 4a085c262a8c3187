/** `/silences`: what people silenced, what a silence would hold, making one and ending one. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type SilenceList, type SilencePreview, type SilenceView } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { type Silence, silenceStateOf } from '../../model/silence.ts'
import { serverErrors } from '../errors.ts'
import { pathPart, plainBodyBytesMax, readJson } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Alerts that a preview names; the count counts all. */
const previewCountMax = 100

const matchers = z
  .array(
    z.strictObject({
      name: z.string().min(1).max(1024),
      operator: z.enum(['=', '!=', '=~', '!~']),
      value: z.string().max(4096),
    }),
  )
  .max(100)
const bodyTimeMs = z.number().int().min(0).max(8.64e15)
const previewBody = z.strictObject({ matchers })
const setBody = z.strictObject({
  matchers,
  startTimeMs: bodyTimeMs.optional(),
  endTimeMs: bodyTimeMs,
  comment: z.string().trim().min(1, 'say why').max(4096),
  resolved: z.enum(['drop', 'tell', 'delay']).optional(),
})

/** Adds the routes of silences. */
export function addSilenceRoutes(app: FastifyInstance, context: RouteContext): void {
  const { alerts, clock } = context.parts
  const read = { bodyLimit: plainBodyBytesMax, config: { access: 'read' as const } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const } }
  const root = `${apiRoot}/silences`

  app.get(root, read, async (): Promise<SilenceList> => {
    const heldBy = new Map<string, number>()
    for (const alert of alerts.list()) {
      if (alert.held?.reason !== 'silenced') continue
      for (const id of alert.held.by) heldBy.set(id, (heldBy.get(id) ?? 0) + 1)
    }
    const views = alerts.silences().map((silence) => view(silence, heldBy.get(silence.id) ?? 0))
    return { silences: views.sort((a, b) => b.endTimeMs - a.endTimeMs) }
  })

  app.post(`${root}/preview`, read, async (request): Promise<SilencePreview> => {
    const found = alerts.previewSilence(readJson(request, previewBody).matchers)
    return {
      count: found.length,
      alerts: found.slice(0, previewCountMax).map((alert) => ({
        fingerprint: alert.fingerprint,
        name: alert.labels.get('alertname'),
        labels: alert.labels.toObject(),
      })),
    }
  })

  app.post(root, act, async (request, reply): Promise<SilenceView> => {
    const body = readJson(request, setBody)
    const silence = await alerts.setSilence({
      ...body,
      startTimeMs: body.startTimeMs ?? clock.nowTimeMs(),
      createdBy: request.principal.actor,
    })
    context.audit(request, 'silence-set', { id: silence.id, comment: silence.comment })
    context.live.announce('alerts', '')
    reply.code(201)
    return view(silence, alerts.previewSilence(silence.matchers).length)
  })

  app.post(`${root}/:id/expire`, act, async (request): Promise<SilenceView> => {
    const id = pathPart(request, 'id')
    const before = await alerts.expireSilence(id)
    const silence = alerts.findSilence(id)
    if (before === undefined || silence === undefined)
      throw serverErrors.ITEM_UNKNOWN({ kind: 'silence', id })
    context.audit(request, 'silence-expire', { id, comment: silence.comment })
    context.live.announce('alerts', '')
    return view(silence, 0)
  })

  const view = (silence: Silence, heldCount: number): SilenceView => ({
    id: silence.id,
    state: silenceStateOf(silence, clock.nowTimeMs()),
    matchers: silence.matchers,
    startTimeMs: silence.startTimeMs,
    endTimeMs: silence.endTimeMs,
    createdBy: silence.createdBy,
    comment: silence.comment,
    heldCount,
    resolved: silence.resolved ?? 'drop',
  })
}
