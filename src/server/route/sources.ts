/** `/sources`: where data comes from and how each place is. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type SourceCounts, type SourceList, type SourceView } from '../../api/api.ts'
import type { RouteContext } from './route.ts'

/** Adds the route of sources. */
export function addSourceRoutes(app: FastifyInstance, context: RouteContext): void {
  const { collector } = context.parts
  app.get(`${apiRoot}/sources`, { config: { access: 'read' } }, async (): Promise<SourceList> => {
    return { sources: collector.sources(), drops: collector.drops() }
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
