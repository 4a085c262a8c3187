/** `/session`: who am I, sign in, sign out; `/password`. */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiRoot, type SessionView, type SignInRequest } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import { roleOf, scopeOf } from '../auth/session.ts'
import { factsOf, readJson } from '../request.ts'
import type { RouteContext } from './route.ts'

const secretText = z.string().max(1024).optional()
const signInSchema = z.strictObject({
  code: secretText,
  token: secretText,
  user: z.string().max(200).optional(),
  password: secretText,
})
/** Bodies that anybody may send are read only as far as the longest sign-in goes. */
const bodyBytesMax = 16 * 1024
const passwordSchema = z.strictObject({ password: z.string().min(8).max(1024) })

/** Adds the routes of sessions. */
export function addSessionRoutes(app: FastifyInstance, context: RouteContext): void {
  const { auth, live } = context
  const options = { bodyLimit: bodyBytesMax, config: { access: 'open' as const } }

  app.get(`${apiRoot}/session`, options, async (request) => viewSession(context, request))

  app.post(`${apiRoot}/session`, options, async (request, reply) => {
    const body = readJson(request, signInSchema) as SignInRequest
    let opened: Awaited<ReturnType<typeof auth.signIn>>
    try {
      opened = await auth.signIn(factsOf(request), body)
    } catch (thrown) {
      // Attempts beyond the limit are counted, not noted: nobody should fill the audit from outside.
      if ((thrown as { status?: unknown }).status !== 429) {
        context.audit(request, 'sign-in-failed', {
          user: body.user ?? '',
          address: factsOf(request).remoteAddress,
        })
      }
      throw thrown
    }
    const { cookie, session } = opened
    request.principal = {
      kind: 'session',
      actor: session.user,
      scope: scopeOf(session.role),
      key: session.key,
      endTimeMs: session.endTimeMs,
    }
    context.audit(request, 'sign-in', { address: factsOf(request).remoteAddress })
    reply.header('set-cookie', cookie)
    return viewSession(context, request)
  })

  app.delete(`${apiRoot}/session`, options, async (request, reply) => {
    reply.header('set-cookie', await auth.signOut(factsOf(request)))
    if (request.principal.kind === 'session') {
      live.revoke(request.principal.key)
      context.audit(request, 'sign-out', {})
    }
    return reply.code(204).send()
  })

  app.put(
    `${apiRoot}/password`,
    { ...options, config: { access: 'admin' as const } },
    async (request, reply) => {
      const { password } = readJson(request, passwordSchema)
      const cookie = await auth.changePassword(factsOf(request), password)
      context.audit(request, 'password-change', {})
      live.announce('settings', 'password')
      if (cookie !== undefined) reply.header('set-cookie', cookie)
      return reply.code(204).send()
    },
  )
}

async function viewSession(context: RouteContext, request: FastifyRequest): Promise<SessionView> {
  const { actor, scope } = request.principal
  const role = roleOf(scope)
  const isSignedIn = role !== undefined
  return {
    isSignedIn,
    isAuthRequired: context.auth.isRequired,
    user: isSignedIn ? actor : '',
    role: role ?? 'none',
    hasPassword: await context.auth.hasPassword(),
  }
}
