/** `/labels`: which metrics and labels there are, with how many series and values, for the label explorer. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type LabelsView } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { readQuery, wholeNumber } from '../request.ts'
import type { RouteContext } from './route.ts'

const labelsQuery = z.strictObject({
  match: z.string().max(100_000).default(''),
  limit: wholeNumber({ min: 1, max: 10_000, fallback: 1000 }),
})
const shownLabelsMax = 500

/** Adds the route of labels. */
export function addLabelRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine, store } = context.parts
  const read = { config: { access: 'read' as const } }

  app.get(`${apiRoot}/labels`, read, async (request): Promise<LabelsView> => {
    const { match, limit } = readQuery(request, labelsQuery)
    const matchers = match.trim() === '' ? [] : engine.parseSelector(match)
    const counts = await store.labelStatistics({ matchers, limit })
    const metadata = store.metadata()
    return {
      seriesCount: counts.seriesCount,
      isCut: counts.isCut,
      metrics: counts.metrics.map(({ text, seriesCount }) => {
        const { type, help, unit } = metadata.get(text) ??
          metadata.get(text.replace(/_(?:total|bucket|count|sum)$/, '')) ?? {
            type: 'unknown',
            help: '',
            unit: '',
          }
        return { name: text, seriesCount, type, help, unit }
      }),
      labels: counts.labels.slice(0, shownLabelsMax).map((label) => ({
        name: label.name,
        seriesCount: label.seriesCount,
        valueCount: label.valueCount,
        values: label.values.map(({ text, seriesCount }) => ({ value: text, seriesCount })),
      })),
    }
  })
}
