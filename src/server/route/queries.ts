/** `/queries`: what is being asked right now, and stopping it; `/explain`: what each part of a query costs. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type ExplainView, type QueryList } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { serverErrors } from '../errors.ts'
import { pathPart, plainBodyBytesMax, readQuery, timeMs } from '../request.ts'
import type { RouteContext } from './route.ts'

const explainQuery = z.strictObject({
  query: z.string().min(1).max(100_000),
  timeMs: timeMs().optional(),
  startTimeMs: timeMs().optional(),
  endTimeMs: timeMs().optional(),
  stepMs: z.coerce
    .number()
    .int()
    .min(1)
    .max(366 * 86_400_000)
    .optional(),
})
/** As for range queries of Prometheus's API. */
const stepCountMax = 11_000

/** Adds the routes of running queries. */
export function addQueryRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine, clock } = context.parts

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

  const read = { config: { access: 'read' as const } }
  app.get(`${apiRoot}/explain`, read, async (request): Promise<ExplainView> => {
    const { query: expression, ...times } = readQuery(request, explainQuery)
    const signal = request.goneSignal
    const { root, answer } = await engine.explain(
      times.stepMs === undefined
        ? { expression, timeMs: times.timeMs ?? clock.nowTimeMs(), signal }
        : { expression, ...rangeOf({ ...times, stepMs: times.stepMs }), signal },
    )
    const { stats, warnings, infos } = answer
    const { queueMs = 0, readMs = 0, evaluateMs = 0, peakSampleCount = 0 } = stats.detail ?? {}
    const { elapsedMs, sampleCount } = stats
    const spent = { elapsedMs, queueMs, readMs, evaluateMs }
    return { root, ...spent, sampleCount, peakSampleCount, warnings, infos }
  })
}

function rangeOf(times: {
  startTimeMs?: number | undefined
  endTimeMs?: number | undefined
  stepMs: number
}): { startTimeMs: number; endTimeMs: number; stepMs: number } {
  const { startTimeMs, endTimeMs, stepMs } = times
  if (startTimeMs === undefined || endTimeMs === undefined) {
    throw serverErrors.REQUEST_INVALID({ problems: 'stepMs needs startTimeMs and endTimeMs' })
  }
  if ((endTimeMs - startTimeMs) / stepMs > stepCountMax) {
    throw serverErrors.REQUEST_INVALID({ problems: `more than ${stepCountMax} steps` })
  }
  return { startTimeMs, endTimeMs, stepMs }
}
