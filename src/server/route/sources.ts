/** `/sources`: where data comes from, how each place is, and what makes its series many. */

import type { FastifyInstance } from 'fastify'
import {
  apiRoot,
  type SourceCensusView,
  type SourceCounts,
  type SourceList,
  type SourceView,
} from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { serverErrors } from '../errors.ts'
import { readQuery } from '../request.ts'
import type { RouteContext } from './route.ts'

const censusQuery = z.strictObject({ source: z.string().min(1).max(1000) })

/** Adds the route of sources. */
export function addSourceRoutes(app: FastifyInstance, context: RouteContext): void {
  const { collector } = context.parts
  app.get(`${apiRoot}/sources`, { config: { access: 'read' } }, async (): Promise<SourceList> => {
    const series = collector.sourceSeries()
    return { sources: collector.sources(), drops: collector.drops(), series }
  })
  const read = { config: { access: 'read' as const } }
  app.get(`${apiRoot}/sources/census`, read, async (request): Promise<SourceCensusView> => {
    const { source } = readQuery(request, censusQuery)
    const census = collector.sourceCensus(source)
    if (census === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'source', id: source })
    return census
  })
}

/** Sources by state: a warning or better is up, since data comes. */
export function countSources(sources: readonly SourceView[]): SourceCounts {
  const counts: SourceCounts = { up: 0, down: 0, unknown: 0 }
  for (const { health } of sources) {
    if (health === 'critical') counts.down++
    else if (health === 'unknown') counts.unknown++
    else counts.up++
  }
  return counts
}
