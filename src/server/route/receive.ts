/** Receivers: remote write, OTLP and Loki push. Bodies go on as they came; answers come back in the protocol's shape. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ReceivedRequest, ReceiverReply } from '../../collect/collect.ts'
import type { FailureShape } from '../reply.ts'
import { bodyOf } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Adds the receivers. */
export function addReceiverRoutes(app: FastifyInstance, context: RouteContext): void {
  const { collector, settings } = context.parts
  type Receive = (request: ReceivedRequest) => Promise<ReceiverReply>
  const remoteWrite: Receive = (request) => collector.receiveRemoteWrite(request)
  const otlpMetrics: Receive = (request) => collector.receiveOtlpMetrics(request)
  const receivers: [string, Receive, FailureShape][] = [
    ['/api/v1/write', remoteWrite, 'text'],
    ['/prometheus/v1/write', remoteWrite, 'text'],
    ['/v1/metrics', otlpMetrics, 'otlp'],
    ['/otlp/v1/metrics', otlpMetrics, 'otlp'],
    ['/api/v1/otlp/v1/metrics', otlpMetrics, 'otlp'],
    ['/loki/api/v1/push', (request) => collector.receiveLokiPush(request), 'text'],
  ]
  for (const [url, receive, shape] of receivers) {
    app.post(url, {
      bodyLimit: settings.server.body_size_max,
      config: { access: 'ingest', shape, isIngest: true },
      handler: async (request, reply) => sendOn(reply, await receive(receivedOf(request))),
    })
  }
}

function receivedOf(request: FastifyRequest): ReceivedRequest {
  const headers = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { headers, body: bodyOf(request) }
}

function sendOn(reply: FastifyReply, answer: ReceiverReply): FastifyReply {
  reply.code(answer.status).headers(answer.headers)
  if (answer.bytes !== undefined) return reply.send(answer.bytes)
  return answer.body === '' ? reply.send() : reply.send(answer.body)
}
