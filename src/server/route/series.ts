/**
 * `POST /series/delete` and `POST /logs/delete`: samples and log lines, deleted for good; noted in the audit
 * with what was deleted.
 */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type LogDeletionView, type SeriesDeletionView } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { readSelector } from '../compat/selector.ts'
import { serverErrors } from '../errors.ts'
import { plainBodyBytesMax, readJson } from '../request.ts'
import type { RouteContext } from './route.ts'

const deletionSchema = z.strictObject({
  match: z.array(z.string().min(1).max(100_000)).min(1).max(1_000),
  startTimeMs: z.number().int().optional(),
  endTimeMs: z.number().int().optional(),
  isDryRun: z.boolean().optional(),
})

const logDeletionSchema = deletionSchema.extend({ match: z.string().min(1).max(100_000) })
const nsPerMs = 1_000_000n

/** Adds the routes. */
export function addSeriesRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine, store, clock } = context.parts
  const options = { bodyLimit: plainBodyBytesMax, config: { access: 'admin' as const } }

  app.post(`${apiRoot}/series/delete`, options, async (request): Promise<SeriesDeletionView> => {
    const { match, startTimeMs, endTimeMs, isDryRun } = readJson(request, deletionSchema)
    const order = {
      matcherSets: match.map((text) => readSelector(engine, text)),
      startTimeMs: startTimeMs ?? Number.NEGATIVE_INFINITY,
      endTimeMs: endTimeMs ?? Infinity,
    }
    if (order.endTimeMs < order.startTimeMs) {
      throw serverErrors.REQUEST_INVALID({ problems: 'endTimeMs is before startTimeMs' })
    }
    if (isDryRun === true) {
      const seriesCount = await store.countSeries(order)
      return { seriesCount, memorySampleCount: 0, engineSampleCount: 0 }
    }
    const { done } = await store.deleteSeries(order)
    // Noted also when nobody waits for the answer any more.
    const noted = done.then((result) => {
      context.audit(request, 'series-delete', { match, startTimeMs, endTimeMs, ...result })
      return result
    })
    return await noted
  })

  app.post(`${apiRoot}/logs/delete`, options, async (request): Promise<LogDeletionView> => {
    const { match, isDryRun, ...range } = readJson(request, logDeletionSchema)
    const startTimeMs = range.startTimeMs ?? 0
    // Later lines are not meant: they may be on their way.
    const endTimeMs = Math.min(range.endTimeMs ?? Infinity, clock.nowTimeMs())
    if (endTimeMs < startTimeMs) {
      throw serverErrors.REQUEST_INVALID({ problems: 'endTimeMs is before startTimeMs' })
    }
    const order = {
      matchers: readSelector(engine, match),
      startTimeNs: BigInt(startTimeMs) * nsPerMs,
      endTimeNs: (BigInt(endTimeMs) + 1n) * nsPerMs,
    }
    const result = await store.deleteLogs(order, { isDryRun: isDryRun === true })
    if (isDryRun !== true) {
      context.audit(request, 'logs-delete', { match, startTimeMs, endTimeMs, ...result })
    }
    return result
  })
}
