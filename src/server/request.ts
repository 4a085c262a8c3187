/**
 * Reading requests: parameters of query and form as `URLSearchParams` (safe for any name, such as
 * `__proto__`), bodies as JSON checked against a schema. Bodies reach us as raw buffers.
 */

import type { FastifyRequest } from 'fastify'
import { messageOf } from '../base/error.ts'
import { z } from '../config/schema.ts'
import type { RequestFacts } from './auth/origin.ts'
import type { Access, Principal } from './auth/principal.ts'
import { serverErrors } from './errors.ts'
import type { FailureShape } from './reply.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller needs; `admin` when not given. */
    access?: Access
    /** In whose shape failures are told; the product's own when not given. */
    shape?: FailureShape
    /** A live stream: not counted as a request in flight. */
    isStream?: boolean
    /** A browser that asks for HTML gets a page of the UI here, which is open. */
    isAlsoPage?: boolean
    /** Its bodies are counted against server.ingest_size_max. */
    isIngest?: boolean
  }
  interface FastifyRequest {
    /** Set before any handler runs. */
    principal: Principal
    /** Aborts when the client goes away before its answer was written. */
    goneSignal: AbortSignal
    /** When the request's first line was read, monotonic. */
    startedMs: number
    /** Bytes counted against server.ingest_size_max. */
    heldBytes: number
    /** Whether it counts as in flight. */
    isCounted: boolean
  }
}

/** Bodies of our own JSON calls and of query forms are small. */
export const plainBodyBytesMax = 1024 * 1024

/** What authentication looks at. */
export function factsOf(request: FastifyRequest): RequestFacts {
  return {
    method: request.method,
    headers: request.headers,
    remoteAddress: request.raw.socket.remoteAddress ?? '',
  }
}

/** The path without its query. */
export function pathOf(request: FastifyRequest): string {
  const end = request.url.indexOf('?')
  return end < 0 ? request.url : request.url.slice(0, end)
}

/** Parameters of the query string. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const start = request.url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1))
}

/** Parameters of form and query together, the form's first. Throws `SERVER_BODY_UNSUPPORTED`. */
export function parametersOf(request: FastifyRequest): URLSearchParams {
  const query = queryOf(request)
  const body = bodyOf(request)
  if (body.length === 0) return query
  const contentType = request.headers['content-type'] ?? ''
  if (!/^application\/x-www-form-urlencoded\b/i.test(contentType)) {
    throw serverErrors.BODY_UNSUPPORTED({ contentType, expected: 'a form' })
  }
  const merged = new URLSearchParams(body.toString('utf8'))
  for (const [name, value] of query) merged.append(name, value)
  return merged
}

/** The body as sent; empty when there is none. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
}

/** The JSON body, checked. Throws `SERVER_REQUEST_INVALID` naming the fields, `SERVER_BODY_UNSUPPORTED`. */
export function readJson<Schema extends z.ZodType>(
  request: FastifyRequest,
  schema: Schema,
): z.output<Schema> {
  const contentType = request.headers['content-type'] ?? ''
  const body = bodyOf(request)
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    throw serverErrors.BODY_UNSUPPORTED({ contentType: encoding, expected: 'plain JSON' })
  }
  if (body.length > 0 && !/^application\/json\b/i.test(contentType)) {
    throw serverErrors.BODY_UNSUPPORTED({ contentType, expected: 'application/json' })
  }
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
  } catch (thrown) {
    throw serverErrors.REQUEST_INVALID({ problems: `the body is not JSON (${messageOf(thrown)})` })
  }
  return checkRequest(value, schema)
}

/** The query string as an object of its last values, checked. Throws `SERVER_REQUEST_INVALID`. */
export function readQuery<Schema extends z.ZodType>(
  request: FastifyRequest,
  schema: Schema,
): z.output<Schema> {
  const value = Object.create(null) as Record<string, string>
  for (const [name, text] of queryOf(request)) value[name] = text
  return checkRequest({ ...value }, schema)
}

/** A whole number in a query string, with a default. */
export function wholeNumber(bounds: { min: number; max: number; fallback: number }) {
  return z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(bounds.min)
    .max(bounds.max)
    .default(bounds.fallback)
}

/** A time in a query string: integer milliseconds since 1970. */
export function timeMs() {
  return z.coerce.number('must be milliseconds since 1970').int().min(-8.64e15).max(8.64e15)
}

/** One path parameter. */
export function pathPart(request: FastifyRequest, name: string): string {
  const value = (request.params as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}

function checkRequest<Schema extends z.ZodType>(value: unknown, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const problems = result.error.issues.slice(0, 10).map((issue) => {
    const path = issue.path.map(String).join('.')
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  throw serverErrors.REQUEST_INVALID({ problems: problems.join('; ') })
}
