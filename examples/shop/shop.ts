/**
 * Starts the shop and keeps it: gateway, checkout and payment as processes of their own, and a control
 * address by which another version of a service is rolled out (see deploy.ts).
 *
 *   node examples/shop/shop.ts --log-dir ./shop-logs
 *
 * `GET /services` tells what runs; `POST /deploy {"service": "checkout", "version": "v2"}` stops the
 * old process, starts the new one on the same port and answers when it is healthy.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    'log-dir': { type: 'string', default: './shop-logs' },
    'control-port': { type: 'string', default: '7100' },
    'gateway-port': { type: 'string', default: '7101' },
    'checkout-port': { type: 'string', default: '7102' },
    'payment-port': { type: 'string', default: '7103' },
  },
})

interface Running {
  version: string
  port: number
  child: ChildProcess
}

const serviceFile = fileURLToPath(new URL('service.ts', import.meta.url))
const logDir = options['log-dir']
const running = new Map<string, Running>()
const portByService: Record<string, string> = {
  gateway: options['gateway-port'],
  checkout: options['checkout-port'],
  payment: options['payment-port'],
}
const nextByService: Record<string, string> = { gateway: 'checkout', checkout: 'payment' }

function start(service: string, version: string): Promise<Running> {
  const next = nextByService[service]
  const child = spawn(
    process.execPath,
    [
      serviceFile,
      ...['--role', service, '--version', version, '--port', portByService[service]!],
      ...['--log', join(logDir, `${service}.log`)],
      ...(next === undefined ? [] : ['--next', `http://127.0.0.1:${portByService[next]}`]),
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  )
  return new Promise((resolve, reject) => {
    child.once('message', (message) => {
      const { port } = message as { port: number }
      const entry = { version, port, child }
      running.set(service, entry)
      resolve(entry)
    })
    child.once('exit', (code) => reject(new Error(`${service} ${version} ended with ${code}`)))
  })
}

function stop(entry: Running): Promise<void> {
  return new Promise((resolve) => {
    if (entry.child.exitCode !== null) return resolve()
    entry.child.once('exit', () => resolve())
    entry.child.kill('SIGTERM')
  })
}

let queue: Promise<unknown> = Promise.resolve()

/** One roll-out after the other. */
function deploy(service: string, version: string): Promise<void> {
  const step = queue.then(async () => {
    const old = running.get(service)
    if (old !== undefined) await stop(old)
    await start(service, version)
  })
  queue = step.catch(() => undefined)
  return step
}

const control = http.createServer((request, response) => {
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (request.method === 'GET' && request.url === '/services') {
    answer(
      200,
      Object.fromEntries(
        [...running].map(([name, { version, port }]) => [name, { version, port }]),
      ),
    )
    return
  }
  if (request.method !== 'POST' || request.url !== '/deploy') {
    answer(404, { error: 'GET /services or POST /deploy' })
    return
  }
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => {
    text += chunk
  })
  request.on('end', () => {
    Promise.resolve()
      .then(() => JSON.parse(text) as { service: string; version: string })
      .then(({ service, version }) => {
        if (!Object.hasOwn(portByService, service)) throw new Error(`no service "${service}"`)
        if (!/^v\d+$/.test(version)) throw new Error(`no version "${version}"`)
        return deploy(service, version)
      })
      .then(
        () => answer(200, { ok: true }),
        (thrown: unknown) => answer(400, { error: (thrown as Error).message }),
      )
  })
})

async function close(): Promise<void> {
  control.close()
  await Promise.all([...running.values()].map(stop))
  process.exit(0)
}
process.on('SIGTERM', () => void close())
process.on('SIGINT', () => void close())
process.on('disconnect', () => void close())

mkdirSync(logDir, { recursive: true })
await start('payment', 'v1')
await start('checkout', 'v1')
await start('gateway', 'v1')
control.listen(Number(options['control-port']), '127.0.0.1', () => {
  const { port } = control.address() as { port: number }
  console.log(`The shop is open: http://127.0.0.1:${portByService['gateway']} (control ${port})`)
  process.send?.({ isReady: true })
})
