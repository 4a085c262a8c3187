/**
 * One process of the shop: gateway, checkout or payment.
 *
 *   node examples/shop/service.ts --role checkout --version v1 --port 7102 --log checkout.log --next http://127.0.0.1:7103
 *
 * The gateway takes orders from outside and hands them to checkout; checkout asks payment for a token
 * and charges it; payment accepts each token once. Version v2 of checkout keeps tokens and uses some of
 * them again, which payment rightly refuses, and asks for a fraud score that takes its time.
 */

import { appendFileSync } from 'node:fs'
import http from 'node:http'
import { parseArgs } from 'node:util'
import { RequestMetrics } from './metrics.ts'

const { values: options } = parseArgs({
  options: {
    role: { type: 'string' },
    version: { type: 'string', default: 'v1' },
    port: { type: 'string', default: '0' },
    log: { type: 'string' },
    next: { type: 'string', default: '' },
  },
})
const role = options.role ?? ''
const version = options.version
const metrics = new RequestMetrics(role, version)
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })

interface Answer {
  status: number
  body: Record<string, unknown>
}

type Handler = (body: Record<string, unknown>) => Promise<Answer>

/** One line in logfmt, as a file that a log shipper would read. */
function log(level: 'info' | 'warn' | 'error', message: string, facts: object = {}): void {
  let line = `time=${new Date().toISOString()} level=${level} msg="${message}"`
  for (const [name, value] of Object.entries({ service: role, version, ...facts })) {
    line += ` ${name}=${/^[\w./:-]+$/.test(String(value)) ? value : JSON.stringify(value)}`
  }
  if (options.log === undefined) console.log(line)
  else appendFileSync(options.log, `${line}\n`)
}

const wait = (spanMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, spanMs))

/** Some work that takes about `spanMs`. */
const work = (spanMs: number): Promise<void> => wait(spanMs * (0.6 + 0.8 * Math.random()))

/** Calls the service behind. A refused connection is tried again for a while: it may be restarting. */
async function call(path: string, body: object): Promise<Answer> {
  const deadlineTimeMs = Date.now() + 3_000
  for (;;) {
    try {
      return await callOnce(path, body)
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code ?? ''
      if (!/ECONNREFUSED|ECONNRESET|EPIPE/.test(code) || Date.now() > deadlineTimeMs) throw thrown
      await wait(25)
    }
  }
}

function callOnce(path: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      new URL(path, options.next),
      { method: 'POST', agent, timeout: 5_000, headers: { 'content-type': 'application/json' } },
      (reply) => {
        readBody(reply).then(
          (answer) => resolve({ status: reply.statusCode ?? 0, body: answer }),
          reject,
        )
      },
    )
    request.on('error', reject)
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')))
    request.end(JSON.stringify(body))
  })
}

async function readBody(stream: http.IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

function makeGateway(): Map<string, Handler> {
  return new Map<string, Handler>([
    [
      'GET /',
      async () => {
        await work(2)
        return { status: 200, body: { goods: ['compass', 'sextant', 'lantern'] } }
      },
    ],
    [
      'POST /buy',
      async (body) => {
        const answer = await call('/orders', body)
        if (answer.status < 500) return answer
        log('warn', 'order not taken', { upstream: 'checkout', upstream_status: answer.status })
        return { status: 502, body: { error: 'The order could not be taken.' } }
      },
    ],
  ])
}

function makeCheckout(): Map<string, Handler> {
  let orderCount = 0
  const kept: string[] = []

  /** v1 asks for a fresh token every time; v2 saves the call when it has one at hand. */
  async function findToken(): Promise<string> {
    if (version !== 'v1' && kept.length > 0 && Math.random() < 0.08) return kept.at(-1)!
    const token = String((await call('/tokens', {})).body['token'])
    kept.push(token)
    if (kept.length > 100) kept.shift()
    return token
  }

  return new Map<string, Handler>([
    [
      'POST /orders',
      async () => {
        const order = `o-${Date.now().toString(36)}-${++orderCount}`
        const token = await findToken()
        if (version !== 'v1') await work(400)
        const charge = await call('/charges', { order, token })
        if (charge.status === 200) {
          if (orderCount % 10 === 0) log('info', 'orders placed', { order, count: orderCount })
          return { status: 200, body: { order } }
        }
        log('error', 'payment token rejected', { order, token, reason: charge.body['error'] })
        return { status: 500, body: { error: 'payment failed' } }
      },
    ],
  ])
}

function makePayment(): Map<string, Handler> {
  let tokenCount = 0
  const open = new Set<string>()
  return new Map<string, Handler>([
    [
      'POST /tokens',
      async () => {
        const token = `tok_${(++tokenCount).toString(16).padStart(6, '0')}`
        open.add(token)
        if (open.size > 10_000) open.delete(open.values().next().value!)
        return { status: 200, body: { token } }
      },
    ],
    [
      'POST /charges',
      async (body) => {
        await work(6)
        if (open.delete(String(body['token']))) return { status: 200, body: { charged: true } }
        return { status: 409, body: { error: 'token already used' } }
      },
    ],
  ])
}

const makers: Record<string, () => Map<string, Handler>> = {
  gateway: makeGateway,
  checkout: makeCheckout,
  payment: makePayment,
}
const handlers = makers[role]?.()
if (handlers === undefined) {
  console.error('--role is one of gateway, checkout, payment')
  process.exit(2)
}
for (const key of handlers.keys()) {
  const [method, route] = key.split(' ') as [string, string]
  metrics.expect(method, route, role === 'gateway' ? [200, 502] : [200, 500])
}

const server = http.createServer((request, response) => {
  const answer = (status: number, body: string, type = 'application/json'): void => {
    response.writeHead(status, { 'content-type': type, 'x-version': version }).end(body)
  }
  if (request.url === '/metrics') {
    answer(200, metrics.render(), 'text/plain; version=0.0.4; charset=utf-8')
    return
  }
  if (request.url === '/health') {
    answer(200, JSON.stringify({ service: role, version }))
    return
  }
  const handler = handlers.get(`${request.method} ${request.url}`)
  if (handler === undefined) {
    answer(404, '{"error":"no such page"}')
    return
  }
  const startMs = performance.now()
  readBody(request)
    .then(handler)
    .catch((thrown: unknown): Answer => {
      log('error', 'request failed', { reason: (thrown as Error).message })
      return { status: 500, body: { error: 'internal' } }
    })
    .then(({ status, body }) => {
      const seconds = (performance.now() - startMs) / 1_000
      metrics.observe({
        method: request.method ?? '',
        route: request.url ?? '',
        status,
        seconds,
      })
      answer(status, JSON.stringify(body))
    })
})

server.listen(Number(options.port), '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  log('info', 'service started', { port })
  process.send?.({ port })
})

/** Takes no new connections, lets running requests end, goes. */
function stop(): void {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  setTimeout(() => process.exit(0), 1_000).unref()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
// The supervisor is gone, however it went: no service stays behind.
process.on('disconnect', stop)
