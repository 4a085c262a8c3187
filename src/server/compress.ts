/**
 * Gzip for answers that cross a network: pages, scripts and query results shrink five- to tenfold.
 * Callers on this machine get them plain: there bytes are cheaper than the processor.
 */

import { Readable } from 'node:stream'
import { createGzip, gzip } from 'node:zlib'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { isFromLoopback } from './auth/origin.ts'
import { factsOf } from './request.ts'

/** Below this a header costs more than is saved. */
const sizeMin = 1400
/** Fast rather than small: results are made once and read once. */
const level = 4
const compressible = /^(?:text\/|application\/(?:json|javascript|manifest\+json)|image\/svg\+xml)/
const gzipBuffer = promisify(gzip)

/** Compresses where the client accepts it. Live streams do not pass here. */
export function addCompression(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload: unknown) => {
    const isText = typeof payload === 'string' || Buffer.isBuffer(payload)
    if (!isText && !(payload instanceof Readable)) return payload
    if (isText && payload.length < sizeMin) return payload
    if (reply.statusCode === 206 || reply.hasHeader('content-encoding')) return payload
    if (!compressible.test(String(reply.getHeader('content-type') ?? ''))) return payload
    reply.header('vary', joinVary(reply.getHeader('vary')))
    const accepted = /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i
    if (!accepted.test(String(request.headers['accept-encoding'] ?? ''))) return payload
    if (request.method === 'HEAD' || isFromLoopback(factsOf(request))) return payload
    reply.header('content-encoding', 'gzip').removeHeader('content-length')
    if (isText) return gzipBuffer(payload, { level })
    const packed = createGzip({ level })
    payload.once('error', (thrown) => packed.destroy(thrown))
    packed.once('close', () => payload.destroy())
    return payload.pipe(packed)
  })
}

function joinVary(present: unknown): string {
  return present === undefined ? 'accept-encoding' : `${String(present)}, accept-encoding`
}
