/** `/pages`: who has what, and what people do with it. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiRoot } from '../../api/api.ts'
import type { PageDetail, PageList, PageView } from '../../api/on-call.ts'
import { z } from '../../config/schema.ts'
import { makeAlertView } from '../../incident/incident.ts'
import {
  pathPart,
  plainBodyBytesMax,
  readJson,
  readQuery,
  timeMs,
  wholeNumber,
} from '../request.ts'
import type { RouteContext } from './route.ts'

const listQuery = z.strictObject({
  state: z.enum(['open', 'resolved', 'all']).default('open'),
  beforeTimeMs: timeMs().optional(),
  limit: wholeNumber({ min: 1, max: 1000, fallback: 100 }),
})
const reason = z.string().trim().max(4096)
const actBody = z.strictObject({ reason: reason.default('') })
const noteBody = z.strictObject({ reason: reason.min(1, 'say something') })
const reassignBody = z
  .strictObject({
    person: z.string().max(200).optional(),
    policy: z.string().max(200).optional(),
    reason: reason.default(''),
  })
  .refine(
    ({ person, policy }) => (person === undefined) !== (policy === undefined),
    'give exactly one of person and policy',
  )

/** Adds the routes of pages. */
export function addPageRoutes(app: FastifyInstance, context: RouteContext): void {
  const { alerts, records } = context.parts
  const { pages } = alerts
  const read = { config: { access: 'read' as const } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const } }
  const root = `${apiRoot}/pages`

  app.get(root, read, async (request): Promise<PageList> => {
    const { beforeTimeMs, ...filter } = readQuery(request, listQuery)
    if (filter.state === 'open') {
      const open = pages.listOpen()
      const shown = open.filter(({ openedTimeMs }) => openedTimeMs < (beforeTimeMs ?? Infinity))
      return { pages: shown.slice(0, filter.limit) }
    }
    const before = beforeTimeMs === undefined ? {} : { beforeTimeMs }
    return { pages: await records.pages.list({ ...filter, ...before }) }
  })

  app.get(`${root}/:id`, read, async (request): Promise<PageDetail> => {
    const page = await pages.get(pathPart(request, 'id'))
    const known = new Map(alerts.list().map((alert) => [alert.fingerprint, alert]))
    return {
      page,
      events: await records.pages.listEvents(page.id),
      alerts: page.alerts.flatMap((fingerprint) => {
        const alert = known.get(fingerprint)
        return alert === undefined ? [] : [makeAlertView(alert, undefined)]
      }),
    }
  })

  const addAct = (
    name: string,
    action: (id: string, request: FastifyRequest) => Promise<PageView>,
  ): void => {
    app.post(`${root}/:id/${name}`, act, async (request): Promise<PageView> => {
      const id = pathPart(request, 'id')
      const page = await action(id, request)
      context.audit(request, `page-${name}`, { id, title: page.title })
      return page
    })
  }
  const said = (request: FastifyRequest) => ({
    actor: request.principal.actor,
    reason: readJson(request, actBody).reason,
  })
  addAct('acknowledge', (id, request) => pages.acknowledge(id, said(request)))
  addAct('unacknowledge', (id, request) => pages.unacknowledge(id, said(request)))
  addAct('escalate', (id, request) => pages.escalate(id, said(request)))
  addAct('resolve', (id, request) => pages.resolve(id, said(request)))
  addAct('note', (id, request) =>
    pages.addNote(id, { actor: request.principal.actor, ...readJson(request, noteBody) }),
  )
  addAct('reassign', (id, request) => {
    const body = readJson(request, reassignBody)
    const to = body.person === undefined ? { policy: body.policy ?? '' } : { person: body.person }
    return pages.reassign(id, { actor: request.principal.actor, reason: body.reason }, to)
  })

  app.post(
    `${apiRoot}/alerts/:fingerprint/acknowledge`,
    act,
    async (request): Promise<PageList> => {
      const fingerprint = pathPart(request, 'fingerprint')
      await pages.acknowledgeAlerts([fingerprint], said(request))
      context.audit(request, 'alert-acknowledge', { fingerprint })
      const taken = pages.listOpen().filter((page) => page.alerts.includes(fingerprint))
      return { pages: taken }
    },
  )
}
