/**
 * How a failure is told: one place, five shapes. Our own API answers `ApiFailure`, Prometheus's its
 * envelope, Alertmanager's a bare JSON text, OTLP `google.rpc.Status` in the sender's encoding, the others plain text. What nobody coded is logged with its
 * stack and told as `SERVER_INTERNAL`, never shown.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiFailure } from '../api/api.ts'
import { CodedError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { formatOtlpFailure } from '../collect/collect.ts'
import { serverErrors } from './errors.ts'

/** In whose shape a failure is told. */
export type FailureShape = 'own' | 'prometheus' | 'alertmanager' | 'text' | 'otlp'

/** Answers with a failure. `bodyBytesMax` is the route's, for the text of 413. */
export function sendFailure(
  parts: { request: FastifyRequest; reply: FastifyReply; log: Log; bodyBytesMax: number },
  thrown: unknown,
): FastifyReply {
  const { request, reply, log } = parts
  const error = toCodedError(thrown, parts.bodyBytesMax)
  if (error.code === 'SERVER_INTERNAL') {
    const stack = thrown instanceof Error ? thrown.stack : String(thrown)
    log.error({ route: request.routeOptions.url, method: request.method, stack }, 'request failed')
  }
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="shipwatch"')
  const retryAfterMs = Number(error.facts['retryAfterMs'] ?? 1000)
  if (error.canRetry && (error.status === 429 || error.status === 503)) {
    reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000))))
  }
  // What is left of a body that was refused would be read as the next request.
  if (error.status === 413) reply.header('connection', 'close')
  reply.code(error.status).header('cache-control', 'no-store')
  const shape = request.is404
    ? shapeOfPath(request.url, error.code)
    : request.routeOptions.config.shape
  if (shape === 'text') {
    return reply.type('text/plain; charset=utf-8').send(`${error.message}\n`)
  }
  if (shape === 'otlp') {
    const isJson = /^application\/json\b/i.test(request.headers['content-type'] ?? '')
    const { headers, body, bytes } = formatOtlpFailure(error, error.status, isJson)
    return reply.headers(headers).send(bytes ?? body)
  }
  reply.type('application/json; charset=utf-8')
  if (shape === 'alertmanager') return reply.send(JSON.stringify(error.message))
  if (shape === 'prometheus') {
    return reply.send(formatPrometheusFailure(prometheusErrorType(error), error.message))
  }
  const failure: ApiFailure = {
    error: {
      code: error.code,
      message: error.message,
      hint: error.hint,
      facts: { ...error.facts },
    },
  }
  return reply.send(JSON.stringify(failure, plainValue))
}

/** Prometheus's envelope of a failure. */
function formatPrometheusFailure(errorType: string, error: string): string {
  return JSON.stringify({ status: 'error', errorType, error })
}

/** Anything thrown as an operating error. */
function toCodedError(thrown: unknown, bodyBytesMax: number): CodedError {
  if (thrown instanceof CodedError) return thrown
  const { code, statusCode, message } = (thrown ?? {}) as {
    code?: unknown
    statusCode?: unknown
    message?: unknown
  }
  if (typeof code === 'string' && code.startsWith('FST_')) {
    if (statusCode === 413) return serverErrors.BODY_TOO_LARGE({ bytesMax: bodyBytesMax }, thrown)
    if (statusCode === 415) {
      return serverErrors.BODY_UNSUPPORTED({ contentType: '', expected: 'another type' }, thrown)
    }
    if (statusCode === 503) return serverErrors.STOPPING({}, thrown)
    if (typeof statusCode === 'number' && statusCode < 500) {
      return serverErrors.REQUEST_MALFORMED({ reason: String(message).slice(0, 200) }, thrown)
    }
  }
  // Node's word for a connection that ended in the middle of a body.
  if (code === 'ECONNRESET' && message === 'aborted') return serverErrors.CLIENT_GONE({}, thrown)
  return serverErrors.INTERNAL({}, thrown)
}

/**
 * Prometheus's word for an error. Its own statuses: bad_data 400, execution 422, canceled 499,
 * timeout 503, not_found 404, internal 500. Ours beside these keep their status.
 */
function prometheusErrorType(error: CodedError): string {
  if (error.code === 'QUERY_TIMEOUT') return 'timeout'
  switch (error.status) {
    case 401:
      return 'unauthorized'
    case 403:
      return 'forbidden'
    case 404:
      return 'not_found'
    case 422:
      return 'execution'
    case 499:
      return 'canceled'
    case 429:
    case 503:
      return 'unavailable'
    case 504:
      return 'timeout'
    default:
      return error.status >= 500 ? 'internal' : 'bad_data'
  }
}

/** Without a route: in the shape of its neighbours; what is not there is told as others tell it, in text. */
function shapeOfPath(path: string, code: string): FailureShape {
  if (path.startsWith('/api/shipwatch/')) return 'own'
  return path.startsWith('/api/v1/') && code !== 'SERVER_ROUTE_UNKNOWN' ? 'prometheus' : 'text'
}

/** Facts may hold numbers that JSON lacks. */
function plainValue(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
