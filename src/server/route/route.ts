/** What every route file gets. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Auth } from '../auth/auth.ts'
import type { LiveHub } from '../live.ts'
import type { Page } from '../page.ts'
import type { ServerParts } from '../parts.ts'

/** The parts that routes use. */
export interface RouteContext {
  parts: ServerParts
  auth: Auth
  live: LiveHub
  page: Page
  /** Notes who did what. Never fails a request: a lost entry is counted and logged. */
  audit(request: FastifyRequest, action: string, facts: Record<string, unknown>): void
  /** Whether requests should be sent to us: false before start and while stopping. */
  isReady(): boolean
}

/** How routes of another product's API are added: below its root, in its shape of failures. */
export type AddRoute = (
  method: 'GET' | 'GET+POST',
  url: string,
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
) => void
