/**
 * The UI as built in web/dist: files under /assets/ carry a hash in their name and never change;
 * every other address without a file belongs to the page's own router and gets index.html. The
 * content security policy allows our own files and the inline scripts of index.html by their hash.
 */

import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serverErrors } from './errors.ts'
import { pathOf } from './request.ts'

/** Where the build puts the UI. */
const defaultWebDir = fileURLToPath(new URL('../../web/dist', import.meta.url))

/** Addresses of APIs: never a page. */
const apiPrefixes = ['/alertmanager/', '/api/', '/loki/', '/prometheus/', '/-/']

/** Headers of every answer. */
const safetyHeaders: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** Serves the UI. */
export class Page {
  readonly #webDir: string
  #index: { text: string; policy: string; modifiedTimeMs: number } | undefined

  constructor(webDir: string | undefined) {
    this.#webDir = webDir ?? defaultWebDir
  }

  /** Adds the file sender and the safety headers. */
  async addTo(app: FastifyInstance): Promise<void> {
    await app.register(fastifyStatic, {
      root: this.#webDir,
      serve: false,
      cacheControl: false,
      suppressWarning: true,
    })
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers(safetyHeaders)
    })
  }

  /** Whether the request is a browser that opens a page. */
  isPageRequest(request: FastifyRequest): boolean {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    return isRead && (request.headers.accept ?? '').includes('text/html')
  }

  /** Answers a file of the UI, index.html for its own addresses, or throws `SERVER_ROUTE_UNKNOWN`. */
  send(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = readPath(request)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const isApi = apiPrefixes.some((prefix) => path.startsWith(prefix))
    if (isRead && !isApi && path !== '/' && path !== '/index.html' && this.#isFile(path)) {
      const isHashed = path.startsWith('/assets/')
      reply.header(
        'cache-control',
        isHashed ? 'public, max-age=31536000, immutable' : 'public, max-age=3600',
      )
      return reply.sendFile(path.slice(1))
    }
    const isOwnAddress = path === '/index.html' || posix.extname(path) === ''
    if (!isRead || isApi || !isOwnAddress) {
      throw serverErrors.ROUTE_UNKNOWN({ method: request.method, path })
    }
    return this.#sendIndex(reply)
  }

  #sendIndex(reply: FastifyReply): FastifyReply {
    const index = this.#readIndex()
    reply.header('cache-control', 'no-cache').header('vary', 'accept')
    if (index === undefined) {
      return reply
        .code(503)
        .type('text/plain; charset=utf-8')
        .send(
          'The UI has not been built. In a clone run "npm start", or "node scripts/setup.mjs", which builds it.\n' +
            'The API works without it.\n',
        )
    }
    return reply
      .header('content-security-policy', index.policy)
      .type('text/html; charset=utf-8')
      .send(index.text)
  }

  /** index.html, read again when it was built again. */
  #readIndex(): { text: string; policy: string } | undefined {
    const file = join(this.#webDir, 'index.html')
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if (this.#index?.modifiedTimeMs !== stat.mtimeMs) {
      const text = readFileSync(file, 'utf8')
      this.#index = { text, policy: makePolicy(text), modifiedTimeMs: stat.mtimeMs }
    }
    return this.#index
  }

  #isFile(path: string): boolean {
    const stat = statSync(join(this.#webDir, path), { throwIfNoEntry: false })
    return stat?.isFile() ?? false
  }
}

/** Styles are set inline by the component library and the editor; scripts only by hash. */
function makePolicy(html: string): string {
  const hashes: string[] = []
  for (const [, attributes, script] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/gi)) {
    if (/\bsrc\s*=/i.test(attributes!) || script === '') continue
    hashes.push(`'sha256-${createHash('sha256').update(script!).digest('base64')}'`)
  }
  return [
    "default-src 'self'",
    ["script-src 'self'", ...hashes].join(' '),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The decoded, normalised path; throws `SERVER_ROUTE_UNKNOWN` for one that is not well formed. */
function readPath(request: FastifyRequest): string {
  const raw = pathOf(request)
  let path: string
  try {
    path = posix.normalize(decodeURIComponent(raw))
  } catch (thrown) {
    throw serverErrors.ROUTE_UNKNOWN({ method: request.method, path: raw }, thrown)
  }
  if (!path.startsWith('/') || path.includes('\0') || path.includes('\\') || path.includes('/.')) {
    throw serverErrors.ROUTE_UNKNOWN({ method: request.method, path: raw })
  }
  return path
}
