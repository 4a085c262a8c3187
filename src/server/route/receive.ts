/** Receivers: remote write and Loki push. Bodies go on as they came; answers come back in the protocol's shape. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ReceivedRequest, ReceiverReply } from '../parts.ts'
import { bodyOf } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Adds the receivers. */
export function addReceiverRoutes(app: FastifyInstance, context: RouteContext): void {
  const { collector, settings } = context.parts
  const receivers: [string, (request: ReceivedRequest) => Promise<ReceiverReply>][] = [
    ['/api/v1/write', (request) => collector.receiveRemoteWrite(request)],
    ['/prometheus/v1/write', (request) => collector.receiveRemoteWrite(request)],
    ['/loki/api/v1/push', (request) => collector.receiveLokiPush(request)],
  ]
  for (const [url, receive] of receivers) {
    app.post(url, {
      bodyLimit: settings.server.body_size_max,
      config: { access: 'ingest', shape: 'text', isIngest: true },
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
  return answer.body === '' ? reply.send() : reply.send(answer.body)
}
