/**
 * The door of the server: one port for the UI, our API, others' APIs, receivers and management. Made
 * here: limits, admission, safety headers, failures, metrics, orderly shutdown. Routes live in
 * route/ and compat/.
 */

import type { Socket } from 'node:net'
import { type FastifyInstance, type FastifyRequest, fastify, type InjectOptions } from 'fastify'
import { messageOf } from '../base/error.ts'
import { Auth } from './auth/auth.ts'
import { isLoopbackHost } from './auth/origin.ts'
import { anonymous } from './auth/principal.ts'
import { addAlertmanagerRoutes } from './compat/alertmanager.ts'
import { addFederationRoute } from './compat/federate.ts'
import { addLokiRoutes } from './compat/loki.ts'
import { addPrometheusRoutes } from './compat/prometheus.ts'
import { addCompression } from './compress.ts'
import { serverErrors } from './errors.ts'
import { LiveHub } from './live.ts'
import {
  auditFailures,
  ingestBytesHeld,
  requestCount,
  requestSeconds,
  requestsInFlight,
  requestsRefused,
} from './metrics.ts'
import { refuseOtherMethods } from './method.ts'
import { Page } from './page.ts'
import type { ServerParts } from './parts.ts'
import { sendFailure } from './reply.ts'
import { factsOf, plainBodyBytesMax } from './request.ts'
import { addAllRoutes } from './route/all.ts'
import type { RouteContext } from './route/route.ts'

export type { ServerParts } from './parts.ts'
export { serverSettings } from './settings.ts'

/** Request line and headers together. */
const headerBytesMax = 64 * 1024
/** A label name of 1 KB, escaped, fits a path parameter. */
const pathPartLengthMax = 8 * 1024
/** A client must have sent its whole request by then. */
const receiveMsMax = 120_000
const keepAliveMs = 75_000
/** How long close() waits for requests in flight. */
const drainMs = 4_000
/** What a body of unknown length is counted as while it is received. */
const unknownBodyBytes = 1024 * 1024

/** The HTTP server. */
export class Server {
  readonly #parts: ServerParts
  readonly #auth: Auth
  readonly #live: LiveHub
  readonly #page: Page
  #externalUrl: string
  #app: FastifyInstance | undefined
  #state: 'starting' | 'ready' | 'closing' = 'starting'
  /** Connections that never sent a request: browsers open them ahead, and closing waits for them. */
  readonly #unused = new Set<Socket>()
  #inFlight = 0
  #heldBytes = 0

  /** Throws `SERVER_NO_AUTH_NEEDS_LOOPBACK`. */
  constructor(parts: ServerParts) {
    if (!parts.isAuthRequired && !isLoopbackHost(parts.listen.host)) {
      throw serverErrors.NO_AUTH_NEEDS_LOOPBACK({ listen: formatListen(parts.listen) })
    }
    this.#parts = parts
    this.#externalUrl = parts.externalUrl.replace(/\/$/, '')
    this.#auth = new Auth({
      access: parts.records.access,
      settings: parts.settings.server,
      clock: parts.clock,
      log: parts.log,
      isRequired: parts.isAuthRequired,
      externalUrl: () => this.#externalUrl,
    })
    this.#live = new LiveHub(parts.clock, parts.settings.server.live_client_count_max)
    this.#page = new Page(parts.webDir)
  }

  /**
   * Writes local.token and begins to serve. Throws `SERVER_ADMINISTRATOR_MISSING`,
   * `SERVER_LISTEN_FAILED`, `SERVER_PASSWORD_FILE_UNREADABLE`. `address` is for people and clients.
   */
  async listen(): Promise<{ address: string }> {
    const { listen, dataDir, isAuthRequired, log } = this.#parts
    if (isAuthRequired) {
      await this.#auth.start()
      if (!isLoopbackHost(listen.host) && !(await this.#auth.hasAdministrator())) {
        throw serverErrors.ADMINISTRATOR_MISSING({ listen: formatListen(listen) })
      }
      this.#auth.tokens.writeLocalToken(dataDir)
    } else {
      log.warn({ listen: formatListen(listen) }, 'authentication is off: loopback only')
    }
    const app = await this.#ready()
    try {
      const address = await app.listen(listen)
      // Port 0 was given for tests: links name the port that the system chose.
      if (listen.port === 0) this.#externalUrl = address
      this.#state = 'ready'
      return { address }
    } catch (thrown) {
      throw serverErrors.LISTEN_FAILED(
        { listen: formatListen(listen), reason: messageOf(thrown) },
        thrown,
      )
    }
  }

  /** Takes no more requests, ends live streams, lets the others finish for a few seconds, then cuts. */
  async close(): Promise<void> {
    this.#state = 'closing'
    this.#auth.stop()
    this.#live.close()
    const app = this.#app
    if (app === undefined) return
    for (const socket of this.#unused) socket.destroy()
    const cut = this.#parts.clock.after(drainMs, () => app.server.closeAllConnections())
    try {
      await app.close()
    } finally {
      cut.cancel()
    }
  }

  /** A link that signs an administrator in, once. */
  signInLink(): string {
    return `${this.#externalUrl}/sign-in?code=${this.#auth.sessions.makeCode()}`
  }

  /** Whether a caller of a receiver beside HTTP may send; rejects as a request over HTTP is refused. */
  async admitIngest(caller: {
    headers: Record<string, string>
    remoteAddress: string
  }): Promise<void> {
    // Without authentication the HTTP port is on loopback by force; other ports may be elsewhere.
    if (!this.#auth.isRequired && !isLoopbackHost(caller.remoteAddress)) {
      throw serverErrors.SIGN_IN_REQUIRED({})
    }
    await this.#auth.admit({ method: 'POST', ...caller }, 'ingest')
  }

  /** Answers a request without a socket; for tests. */
  async inject(request: InjectOptions) {
    const app = await this.#ready()
    return app.inject(request)
  }

  async #ready(): Promise<FastifyInstance> {
    this.#app ??= await this.#makeApp()
    await this.#app.ready()
    return this.#app
  }

  async #makeApp(): Promise<FastifyInstance> {
    const { log, settings } = this.#parts
    const app = fastify({
      logger: false,
      bodyLimit: settings.server.body_size_max,
      requestTimeout: receiveMsMax,
      keepAliveTimeout: keepAliveMs,
      forceCloseConnections: 'idle',
      http: { maxHeaderSize: headerBytesMax },
      routerOptions: { maxParamLength: pathPartLengthMax, querystringParser: () => ({}) },
      frameworkErrors: (thrown, request, reply) => {
        sendFailure({ request, reply, log, bodyBytesMax: plainBodyBytesMax }, thrown)
      },
    })
    app.server.on('connection', (socket: Socket) => {
      this.#unused.add(socket)
      socket.once('close', () => this.#unused.delete(socket))
    })
    app.server.on('request', ({ socket }) => this.#unused.delete(socket))
    app.decorateRequest('principal')
    app.decorateRequest('goneSignal')
    app.decorateRequest('startedMs', 0)
    app.decorateRequest('heldBytes', 0)
    app.decorateRequest('isCounted', false)
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })
    app.setErrorHandler((thrown, request, reply) => {
      const bodyBytesMax = request.routeOptions.bodyLimit ?? settings.server.body_size_max
      return sendFailure({ request, reply, log, bodyBytesMax }, thrown)
    })
    app.setNotFoundHandler((request, reply) => this.#page.send(request, reply))
    await this.#page.addTo(app)
    addCompression(app)
    this.#addHooks(app)
    const refuseOthers = refuseOtherMethods(app)
    const context: RouteContext = {
      parts: this.#parts,
      auth: this.#auth,
      live: this.#live,
      page: this.#page,
      audit: (request, action, facts) => this.#audit(request, action, facts),
      isReady: () => this.#state === 'ready',
    }
    const disconnect = addAllRoutes(app, context)
    addAlertmanagerRoutes(app, context)
    addPrometheusRoutes(app, context)
    addLokiRoutes(app, context)
    addFederationRoute(app, context)
    refuseOthers()
    app.addHook('onClose', async () => disconnect())
    return app
  }

  #addHooks(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
      request.principal = anonymous
      // A client that goes away mid-way gets no onResponse, but its answer is closed all the same.
      // The framework's own signal would not do: it aborts as soon as a body has been read.
      const gone = new AbortController()
      request.goneSignal = gone.signal
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort()
        this.#release(request)
        if (this.#state === 'closing') app.server.closeIdleConnections()
      })
      request.startedMs = this.#parts.clock.monotonicMs()
      const { config } = request.routeOptions
      const isPage = request.is404 || (config.isAlsoPage && this.#page.isPageRequest(request))
      const access = isPage ? 'open' : (config.access ?? 'admin')
      request.principal = await this.#auth.admit(factsOf(request), access)
      if (config.isIngest) this.#hold(request)
    })
    // Once the body is there: who dribbles one in must not take a place from those who are served.
    app.addHook('preValidation', async (request) => this.#count(request))
    app.addHook('onSend', async (request, reply) => {
      if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control')) {
        reply.header('cache-control', 'no-store')
      }
    })
    app.addHook('onResponse', async (request, reply) => {
      this.#release(request)
      const route = request.routeOptions.url ?? 'page'
      requestCount.inc({ route, method: request.method, status: reply.statusCode })
      const spanMs = this.#parts.clock.monotonicMs() - request.startedMs
      requestSeconds.observe({ route }, spanMs / 1000)
    })
  }

  /** One more request in flight; throws `SERVER_BUSY` at the limit. Health stays answerable. */
  #count(request: FastifyRequest): void {
    if (request.routeOptions.config.isStream) return
    const countMax = this.#parts.settings.server.request_count_max
    if (this.#inFlight >= countMax && !request.url.startsWith('/-/')) {
      requestsRefused.inc({ reason: 'request-limit' })
      throw serverErrors.BUSY({ limit: `${countMax} requests at once` })
    }
    request.isCounted = true
    requestsInFlight.set(++this.#inFlight)
  }

  /** Counts a receiver's body before it is read; throws `SERVER_BUSY` when too many are held. */
  #hold(request: FastifyRequest): void {
    const bytesMax = this.#parts.settings.server.ingest_size_max
    const announced = Number(request.headers['content-length'] ?? unknownBodyBytes)
    const bytes = Number.isFinite(announced) ? announced : unknownBodyBytes
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > bytesMax) {
      requestsRefused.inc({ reason: 'ingest-limit' })
      throw serverErrors.BUSY({ limit: `${bytesMax} bytes of bodies at once` })
    }
    request.heldBytes = bytes
    this.#heldBytes += bytes
    ingestBytesHeld.set(this.#heldBytes)
  }

  #release(request: FastifyRequest): void {
    if (request.isCounted) requestsInFlight.set(--this.#inFlight)
    if (request.heldBytes > 0) {
      this.#heldBytes -= request.heldBytes
      ingestBytesHeld.set(this.#heldBytes)
    }
    request.isCounted = false
    request.heldBytes = 0
  }

  #audit(request: FastifyRequest, action: string, facts: Record<string, unknown>): void {
    const { records, clock, log } = this.#parts
    const entry = { timeMs: clock.nowTimeMs(), actor: request.principal.actor, action, facts }
    records.access.addAudit(entry).catch((thrown: unknown) => {
      auditFailures.inc()
      log.error({ ...entry, reason: messageOf(thrown) }, 'an audit entry was lost')
    })
  }
}

function formatListen(listen: { host: string; port: number }): string {
  return `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`
}
