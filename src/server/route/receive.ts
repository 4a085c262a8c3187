/** Receivers: remote write, OTLP, Loki push, and the pushes of small senders. Bodies go on as they came; answers come back in the protocol's shape. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AddressedRequest, ReceivedRequest, ReceiverReply } from '../../collect/collect.ts'
import type { FailureShape } from '../reply.ts'
import { bodyOf, pathOf, queryOf } from '../request.ts'
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
  addPushRoutes(app, context)
}

/** Pushes whose address says more than the body does. */
function addPushRoutes(app: FastifyInstance, context: RouteContext): void {
  const { collector, settings } = context.parts
  type Receive = (request: AddressedRequest) => Promise<ReceiverReply>
  const pushes: [string[], string, Receive][] = [
    [['POST'], '/api/v1/import/prometheus', (request) => collector.receiveTextImport(request)],
    [['PUT', 'POST', 'DELETE'], '/metrics/*', (request) => collector.receivePush(request)],
    [['POST'], '/write', (request) => collector.receiveInflux(request)],
    [['POST'], '/api/v2/write', (request) => collector.receiveInflux(request)],
  ]
  for (const [method, url, receive] of pushes) {
    app.route({
      method,
      url,
      bodyLimit: settings.server.body_size_max,
      config: { access: 'ingest', shape: 'text', isIngest: true },
      handler: async (request, reply) => {
        const { method } = request
        const address = { method, path: pathOf(request), parameters: queryOf(request) }
        return sendOn(reply, await receive({ ...receivedOf(request), ...address }))
      },
    })
  }
  // Clients of InfluxDB ask this before they write.
  app.route({
    method: ['GET', 'HEAD'],
    url: '/ping',
    config: { access: 'open', shape: 'text' },
    handler: async (_request, reply) => reply.code(204).header('x-influxdb-version', '1.8').send(),
  })
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
