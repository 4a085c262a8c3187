/**
 * `/rules`: how rules run, checking, trying and testing a text, editing files; `/slos`: what is left of
 * the budgets; `/routes`: the tree of routes; `/routes/preview`: who would be told.
 */

import type { FastifyInstance } from 'fastify'
import { apiRoot } from '../../api/api.ts'
import type {
  BackTestRequestBody,
  BackTestView,
  RoutePreview,
  RouteTree,
  RuleCheck,
  RuleFileList,
  RuleFileSave,
  RuleFileView,
  RuleList,
  RulePreview,
  RulePreviewRequest,
  SloStatusList,
  SloView,
} from '../../api/rules.ts'
import { z } from '../../config/schema.ts'
import { makeLabels } from '../../model/labels.ts'
import { pathPart, plainBodyBytesMax, readJson, readQuery } from '../request.ts'
import type { RouteContext } from './route.ts'

const text = z.string().max(plainBodyBytesMax)
const bodyTimeMs = z.number().int().min(0).max(8.64e15)
const textBody = z.strictObject({ text })
const previewBody = z.strictObject({ text, timeMs: bodyTimeMs.optional() })
const testBody = z.strictObject({
  text,
  startTimeMs: bodyTimeMs,
  endTimeMs: bodyTimeMs.optional(),
})
const saveBody = z.strictObject({ text, revision: z.string().max(100) })
const removeQuery = z.strictObject({ revision: z.string().max(100) })
const routeBody = z.strictObject({ labels: z.record(z.string().min(1), z.string()) })

/** Adds the routes of rules, objectives and the preview of routes. */
export function addRuleRoutes(app: FastifyInstance, context: RouteContext): void {
  const { parts } = context
  const { alerts, clock, detector, rules } = parts
  const read = { bodyLimit: plainBodyBytesMax, config: { access: 'read' as const } }
  const root = `${apiRoot}/rules`

  app.get(root, read, async (): Promise<RuleList> => {
    const groups = detector.health((file) => rules.editNameOf(file))
    return { groups, canEdit: rules.canEdit }
  })

  app.post(`${root}/check`, read, async (request): Promise<RuleCheck> => {
    return rules.check(readJson(request, textBody).text)
  })

  app.post(`${root}/preview`, read, async (request): Promise<RulePreview> => {
    const body: RulePreviewRequest = readJson(request, previewBody)
    return rules.preview(body.text, body.timeMs ?? clock.nowTimeMs())
  })

  app.post(`${root}/backtest`, read, async (request, reply): Promise<BackTestView> => {
    const body: BackTestRequestBody = readJson(request, testBody)
    const { startTimeMs, endTimeMs = clock.nowTimeMs() } = body
    reply.code(202)
    return rules.startBackTest(body.text, { startTimeMs, endTimeMs })
  })

  app.get(`${root}/backtest/:id`, read, async (request): Promise<BackTestView> => {
    return rules.backTest(pathPart(request, 'id'))
  })

  app.delete(`${root}/backtest/:id`, read, async (request, reply) => {
    rules.removeBackTest(pathPart(request, 'id'))
    return reply.code(204).send()
  })

  app.post(`${apiRoot}/routes/preview`, read, async (request): Promise<RoutePreview> => {
    const labels = makeLabels(readJson(request, routeBody).labels)
    const { routes, verdicts, holders } = alerts.previewRoutes(labels)
    const receivers = [...new Set(routes.map((route) => route.receiver))]
    return { receivers, routes, verdicts, ...holders }
  })

  app.get(`${apiRoot}/routes`, read, async (): Promise<RouteTree> => {
    const tree = alerts.routeTree()
    return tree === undefined ? {} : { root: tree }
  })

  app.get(`${apiRoot}/slos`, read, async (): Promise<SloStatusList> => {
    const found = new Map<string, { slo: SloView; firingCount: number }>()
    for (const group of detector.groups()) {
      if (group.slo === undefined) continue
      const held = found.get(group.slo.id) ?? { slo: group.slo, firingCount: 0 }
      for (const rule of group.rules)
        if (rule.type === 'alerting')
          held.firingCount += rule.alerts.filter((alert) => alert.state === 'firing').length
      found.set(group.slo.id, held)
    }
    const status = await rules.sloStatus([...found.values()].map(({ slo }) => slo))
    return {
      slos: status.map((slo) => ({ ...slo, firingCount: found.get(slo.id)?.firingCount ?? 0 })),
    }
  })

  addFileRoutes(app, context)
}

function addFileRoutes(app: FastifyInstance, context: RouteContext): void {
  const { rules, reload } = context.parts
  const read = { bodyLimit: plainBodyBytesMax, config: { access: 'read' as const } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }
  const root = `${apiRoot}/rules/files`

  app.get(root, read, async (): Promise<RuleFileList> => ({ files: rules.files() }))

  app.get(`${root}/:name`, read, async (request): Promise<RuleFileView> => {
    return rules.file(pathPart(request, 'name'))
  })

  app.get(`${root}/:name/versions/:id`, read, async (request): Promise<RuleFileView> => {
    return rules.fileVersion(pathPart(request, 'name'), pathPart(request, 'id'))
  })

  app.put(`${root}/:name`, act, async (request): Promise<RuleFileView> => {
    const name = pathPart(request, 'name')
    const body: RuleFileSave = readJson(request, saveBody)
    const saved = await rules.saveFile(name, body, reload)
    context.audit(request, 'rule-file-save', { name, revision: saved.revision })
    return saved
  })

  app.delete(`${root}/:name`, act, async (request, reply) => {
    const name = pathPart(request, 'name')
    await rules.removeFile(name, readQuery(request, removeQuery).revision, reload)
    context.audit(request, 'rule-file-remove', { name })
    return reply.code(204).send()
  })
}
