/**
 * Management as Prometheus has it: `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, and our
 * `/-/flush` (memory to engine, for measuring); `/metrics`, which is also the address of a page of
 * the UI: a browser that asks for HTML gets the page.
 */

import type { FastifyInstance } from 'fastify'
import { metricsContentType, renderMetrics } from '../../base/metrics.ts'
import { renderAliases } from '../compat/metric-aliases.ts'
import { serverErrors } from '../errors.ts'
import { plainBodyBytesMax } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Adds the routes of management. */
export function addManagementRoutes(app: FastifyInstance, context: RouteContext): void {
  const { parts, live, page } = context
  const open = { config: { access: 'open' as const, shape: 'text' as const } }
  const admin = {
    bodyLimit: plainBodyBytesMax,
    config: { access: 'admin' as const, shape: 'text' as const },
  }

  app.get('/-/healthy', open, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send('Shipwatch is healthy.\n'),
  )

  app.get('/-/ready', open, async (_request, reply) => {
    if (!context.isReady()) throw serverErrors.STOPPING({})
    return reply.type('text/plain; charset=utf-8').send('Shipwatch is ready.\n')
  })

  app.route({
    method: ['POST', 'PUT'],
    url: '/-/reload',
    ...admin,
    handler: async (request, reply) => {
      context.audit(request, 'reload', {})
      try {
        await parts.reload()
      } finally {
        live.announce('settings', 'reload')
      }
      return reply.type('text/plain; charset=utf-8').send('The configuration was reloaded.\n')
    },
  })

  app.post('/-/flush', admin, async (_request, reply) => {
    await parts.store.flush()
    return reply.type('text/plain; charset=utf-8').send('Memory was written to the engine.\n')
  })

  app.route({
    method: ['POST', 'PUT'],
    url: '/-/quit',
    ...admin,
    handler: async (request, reply) => {
      if (!parts.settings.server.allow_quit) throw serverErrors.QUIT_DISABLED({})
      context.audit(request, 'quit', {})
      const quit = parts.quit ?? (() => process.kill(process.pid, 'SIGTERM'))
      reply.raw.once('finish', quit)
      return reply.type('text/plain; charset=utf-8').send('Shipwatch is stopping.\n')
    },
  })

  app.get('/metrics', {
    config: { access: 'metrics', shape: 'text', isAlsoPage: true },
    handler: async (request, reply) => {
      if (page.isPageRequest(request)) return page.send(request, reply)
      reply.header('vary', 'accept').header('cache-control', 'no-store')
      const own = await renderMetrics()
      const aliases = renderAliases(own, parts.configView().lastReload)
      return reply.type(metricsContentType).send(own + aliases)
    },
  })
}
