/**
 * Methods that an address does not take: 405 with `Allow`, in the shape of its API and only for who
 * may call it, instead of a 404 that reads as if the address were wrong (RFC 9110, 15.5.6).
 */

import type { FastifyInstance, RouteOptions } from 'fastify'
import { serverErrors } from './errors.ts'
import { pathOf } from './request.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Watches the routes that are added from now on; the call it returns adds the refusals for them. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, { methods: Set<string>; config: RouteOptions['config'] }>()
  app.addHook('onRoute', ({ url, method, config }) => {
    const known = taken.get(url) ?? { methods: new Set<string>(), config }
    taken.set(url, known)
    for (const one of [method].flat()) known.methods.add(one)
  })
  return () => {
    for (const [url, { methods: ours, config }] of [...taken]) {
      const others = methods.filter((method) => !ours.has(method))
      const allowed = [...ours].sort().join(', ')
      if (others.length === 0) continue
      app.route({
        method: others,
        url,
        config: {
          access: config?.access ?? 'admin',
          ...(config?.shape && { shape: config.shape }),
        },
        // Before the body is read.
        onRequest: async (request, reply) => {
          reply.header('allow', allowed)
          const { method } = request
          throw serverErrors.METHOD_REFUSED({ method, path: pathOf(request), allowed })
        },
        handler: async (_request, reply) => reply.send(),
      })
    }
  }
}
