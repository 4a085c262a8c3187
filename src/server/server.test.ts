/** The server as a whole: limits, bad input, pages, management, metrics, shutdown. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { after, before, describe, test } from 'node:test'
import { ServerBench } from '../../test/support/server-parts.ts'
import { apiRoot } from '../api/api.ts'
import { systemClock } from '../base/clock.ts'
import { errorTable } from '../base/error.ts'
import type { Server } from './server.ts'
import { parseListen } from './settings.ts'

const host = { host: '127.0.0.1:9595' }
const json = { ...host, 'content-type': 'application/json' }

describe('bad input', () => {
  let bench: ServerBench
  let server: Server
  before(() => {
    bench = new ServerBench()
    server = bench.makeServer({ isAuthRequired: false })
  })
  after(() => bench.close())

  const postJson = (url: string, payload: string, headers: Record<string, string> = json) =>
    server.inject({ method: 'POST', url: `${apiRoot}${url}`, headers, payload })

  test('every mistake of a body is named by its field', async () => {
    const reply = await postJson('/deployments', '{"service":7,"version":"","colour":"red"}')
    assert.equal(reply.statusCode, 400)
    const { error } = reply.json()
    assert.equal(error.code, 'SERVER_REQUEST_INVALID')
    for (const field of ['service', 'version', 'colour']) assert.match(error.message, RegExp(field))
    assert.notEqual(error.hint, '')
  })

  test('what is not JSON, not an object, or of another type is refused', async () => {
    const statusOf = async (payload: string, headers?: Record<string, string>) =>
      (await postJson('/tokens', payload, headers)).statusCode
    assert.equal(await statusOf('{"name":'), 400)
    assert.equal(await statusOf('[]'), 400)
    assert.equal(await statusOf('null'), 400)
    assert.equal(await statusOf(''), 400)
    assert.equal(await statusOf('name=x', { ...host, 'content-type': 'text/plain' }), 415)
    assert.equal(await statusOf('x', { ...json, 'content-encoding': 'gzip' }), 415)
  })

  test('names of object prototypes are plain data everywhere', async () => {
    const reply = await postJson('/tokens', '{"__proto__":{"scope":"admin"},"name":"x"}')
    assert.equal(reply.statusCode, 400)
    for (const url of [
      '/incidents/__proto__',
      '/incidents/constructor',
      '/deployments/__proto__',
      '/notifications?__proto__=1',
      '/incidents?constructor=1&__proto__=2',
    ]) {
      const { statusCode } = await server.inject({ url: `${apiRoot}${url}`, headers: host })
      assert.ok([400, 404].includes(statusCode), `${url}: ${statusCode}`)
    }
    assert.equal(({} as Record<string, unknown>)['scope'], undefined)
  })

  test('a body beyond the limit is 413 in the shape of its protocol', async () => {
    const small = bench.makeServer({ isAuthRequired: false, server: { body_size_max: '1KB' } })
    const payload = Buffer.alloc(1025)
    const write = await small.inject({
      method: 'POST',
      url: '/api/v1/write',
      headers: { ...host, 'content-type': 'application/x-protobuf' },
      payload,
    })
    assert.equal(write.statusCode, 413)
    assert.equal(write.body, 'The body is larger than the 1024 bytes that are taken here.\n')
    const own = await postJson('/tokens', JSON.stringify({ name: 'x'.repeat(1024 * 1024) }))
    assert.equal(own.statusCode, 413)
    assert.equal(own.json().error.code, 'SERVER_BODY_TOO_LARGE')
    const query = await server.inject({
      method: 'POST',
      url: '/api/v1/query',
      headers: { ...host, 'content-type': 'application/x-www-form-urlencoded' },
      payload: `query=${'x'.repeat(1024 * 1024)}`,
    })
    assert.equal(query.statusCode, 413)
    assert.equal(query.json().errorType, 'bad_data')
  })

  test('an address that cannot be decoded is 400 or 404, and unknown ones are 404 in their shape', async () => {
    assert.equal(
      (await server.inject({ url: '/api/v1/label/%zz/values', headers: host })).statusCode,
      400,
    )
    assert.equal((await server.inject({ url: '/%zz.css', headers: host })).statusCode, 400)
    const own = await server.inject({ url: `${apiRoot}/nothing`, headers: host })
    assert.equal(own.statusCode, 404)
    assert.equal(own.json().error.code, 'SERVER_ROUTE_UNKNOWN')
    const other = await server.inject({ method: 'DELETE', url: '/anywhere', headers: host })
    assert.equal(other.statusCode, 404)
  })

  test('what went wrong inside is not shown', async () => {
    bench.records.failing = true
    const reply = await server.inject({ url: `${apiRoot}/notifications`, headers: host })
    bench.records.failing = false
    assert.equal(reply.statusCode, 500)
    assert.equal(reply.json().error.code, 'SERVER_INTERNAL')
    assert.doesNotMatch(reply.body, /unavailable/)
  })

  test('bytes that are no HTTP are answered with 400 and the server lives on', async () => {
    const socketServer = bench.makeServer({ isAuthRequired: false })
    const { address } = await socketServer.listen()
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(address).port), '127.0.0.1')
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
      socket.end('\x16\x03\x01 not http\r\n\r\n')
    })
    assert.match(answer, /^HTTP\/1\.1 400 /)
    assert.equal((await fetch(`${address}/-/healthy`)).status, 200)
  })
})

describe('receivers', () => {
  test('get the body as it was sent, and their answer goes back as it is', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer()
    bench.receive = async () => ({
      status: 400,
      headers: { 'content-type': 'text/plain', 'x-extra': '1' },
      body: 'out of order sample',
    })
    for (const url of ['/api/v1/write', '/prometheus/v1/write', '/loki/api/v1/push']) {
      const reply = await server.inject({
        method: 'POST',
        url,
        headers: {
          ...host,
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
        },
        payload: Buffer.from([1, 2, 3]),
      })
      assert.equal(reply.statusCode, 400)
      assert.equal(reply.body, 'out of order sample')
      assert.equal(reply.headers['x-extra'], '1')
    }
    const received = bench.calls.map(({ args }) => args[0]) as {
      headers: Record<string, string>
      body: Buffer
    }[]
    assert.equal(received.length, 3)
    for (const { headers, body } of received) {
      assert.deepEqual([...body], [1, 2, 3])
      assert.equal(headers['content-encoding'], 'snappy')
    }
    await bench.close()
  })

  test('OTLP is answered in its own shape and encoding, also when it is not let in', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ server: { body_size_max: '1KB' } })
    bench.receive = async () => ({
      status: 200,
      headers: { 'content-type': 'application/x-protobuf' },
      body: '',
      bytes: Buffer.from([0x0a, 0xff]),
    })
    for (const url of ['/v1/metrics', '/otlp/v1/metrics', '/api/v1/otlp/v1/metrics']) {
      const send = (contentType: string, size: number) =>
        server.inject({
          method: 'POST',
          url,
          headers: { ...host, 'content-type': contentType },
          payload: Buffer.alloc(size),
        })
      const taken = await send('application/x-protobuf', 3)
      assert.equal(taken.statusCode, 200)
      assert.deepEqual([...taken.rawPayload], [0x0a, 0xff])
      const large = await send('application/json', 2000)
      assert.equal(large.statusCode, 413)
      assert.equal(large.json().code, 3)
      assert.match(large.json().message, /1024/)
      const binary = await send('application/x-protobuf', 2000)
      assert.equal(binary.headers['content-type'], 'application/x-protobuf')
      assert.deepEqual([...binary.rawPayload.subarray(0, 2)], [8, 3])
    }
    await bench.close()
  })

  test('pushes keep their address, and what is not let in stays outside', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer()
    bench.receive = async () => ({ status: 202, headers: {}, body: '' })
    for (const [method, url] of [
      ['POST', '/api/v1/import/prometheus?extra_label=a=b'],
      ['PUT', '/metrics/job/x%2Fy/instance/z'],
      ['POST', '/metrics/job/x'],
      ['DELETE', '/metrics/job/x'],
      ['POST', '/write?db=d'],
      ['POST', '/api/v2/write?bucket=b'],
    ] as const) {
      const reply = await server.inject({ method, url, headers: host })
      assert.equal(reply.statusCode, 202, url)
      const [path, query = ''] = url.split('?')
      const seen = bench.calls.at(-1)!.args[0] as {
        method: string
        path: string
        parameters: URLSearchParams
      }
      assert.equal(seen.method, method)
      assert.equal(seen.path, path)
      assert.equal(decodeURIComponent(String(seen.parameters)), query)
      const stranger = await server.inject({
        method,
        url,
        headers: host,
        remoteAddress: '203.0.113.9',
      })
      assert.equal(stranger.statusCode, 401, url)
    }
    assert.equal((await server.inject({ url: '/ping', headers: host })).statusCode, 204)
    await bench.close()
  })

  test('receivers beside HTTP admit by the same rules, and nobody from afar without authentication', async () => {
    const headers = { host: '127.0.0.1:4317' }
    const near = { headers, remoteAddress: '127.0.0.1' }
    const far = { headers, remoteAddress: '203.0.113.9' }
    for (const isAuthRequired of [true, false]) {
      const bench = new ServerBench()
      const server = bench.makeServer({ isAuthRequired })
      await server.admitIngest(near)
      await assert.rejects(server.admitIngest(far), { code: 'SERVER_SIGN_IN_REQUIRED' })
      const foreign = { headers: { host: 'evil.example' }, remoteAddress: '127.0.0.1' }
      await assert.rejects(server.admitIngest(foreign), { code: 'SERVER_HOST_REFUSED' })
      await bench.close()
    }
  })

  test('more bodies at once than fit are told to come again', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ server: { ingest_size_max: '1KB' } })
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    bench.receive = async () => {
      await held
      return { status: 204, headers: {}, body: '' }
    }
    const write = () =>
      server.inject({
        method: 'POST',
        url: '/api/v1/write',
        headers: host,
        payload: Buffer.alloc(700),
      })
    const first = write()
    while (bench.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const second = await write()
    assert.equal(second.statusCode, 503)
    assert.equal(second.headers['retry-after'], '1')
    release()
    assert.equal((await first).statusCode, 204)
    assert.equal((await write()).statusCode, 204)
    await bench.close()
  })
})

describe('requests at once', () => {
  test('are limited, health is not, and those of clients that went away are forgotten', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ isAuthRequired: false, server: { request_count_max: 1 } })
    const { address } = await server.listen()
    const client = new AbortController()
    const started = new Promise<void>((resolve) => {
      bench.answerInstant = ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new Error('gone')))
          resolve()
        })
    })
    const hanging = fetch(`${address}/api/v1/query?query=x`, { signal: client.signal })
    await started
    const refused = await fetch(`${address}${apiRoot}/alerts`)
    assert.equal(refused.status, 503)
    assert.equal(((await refused.json()) as { error: { code: string } }).error.code, 'SERVER_BUSY')
    assert.equal((await fetch(`${address}/-/healthy`)).status, 200)
    client.abort()
    await assert.rejects(hanging)
    let status = 503
    while (status === 503) status = (await fetch(`${address}${apiRoot}/alerts`)).status
    assert.equal(status, 200)
    await bench.close()
  })
})

describe('an address with another method', () => {
  const bench = new ServerBench()
  after(() => bench.close())

  test('is 405 with what it takes, in the shape of its API, for those who may call it', async () => {
    const server = bench.makeServer({ isAuthRequired: false })
    const query = await server.inject({ method: 'PUT', url: '/api/v1/query?query=1' })
    assert.equal(query.statusCode, 405)
    assert.equal(query.headers['allow'], 'GET, HEAD, POST')
    assert.equal(query.json().status, 'error')
    assert.match(query.json().error, /^\/api\/v1\/query does not take PUT, but GET, HEAD, POST/)
    const push = await server.inject({ method: 'GET', url: '/loki/api/v1/push' })
    assert.deepEqual([push.statusCode, push.headers['allow']], [405, 'POST'])
    assert.match(push.body, /^\/loki\/api\/v1\/push does not take GET/)
    const own = await server.inject({ method: 'DELETE', url: `${apiRoot}/incidents/x` })
    assert.deepEqual([own.statusCode, own.json().error.code], [405, 'SERVER_METHOD_REFUSED'])
    const closed = bench.makeServer({})
    assert.equal((await closed.inject({ method: 'PUT', url: '/api/v1/query' })).statusCode, 401)
  })

  test('a part of the address that is too long is told in the shape of its API, shortened', async () => {
    const server = bench.makeServer({ isAuthRequired: false })
    const url = `/api/v1/label/${'a'.repeat(9000)}/values`
    const { statusCode, body } = await server.inject({ method: 'GET', url })
    assert.equal(statusCode, 400)
    assert.equal(JSON.parse(body).errorType, 'bad_data')
    assert.ok(body.length < 400, `${body.length} characters`)
  })
})

describe('a client that dribbles', () => {
  test('its body in takes no place from those who are served', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ isAuthRequired: false, server: { request_count_max: 1 } })
    const { address } = await server.listen()
    const { hostname: host, port } = new URL(address)
    const slow = connect({ host, port: Number(port) })
    await once(slow, 'connect')
    const head = `POST ${apiRoot}/session HTTP/1.1\r\nHost: ${host}\r\n`
    slow.write(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`)
    for (let turn = 0; turn < 5; turn++) {
      assert.equal((await fetch(`${address}${apiRoot}/alerts`)).status, 200)
    }
    slow.destroy()
    await bench.close()
  })
})

describe('pages', () => {
  const inline = 'document.documentElement.dataset.scheme = "dark"'
  let bench: ServerBench
  let server: Server
  before(() => {
    bench = new ServerBench()
    const webDir = join(bench.dataDir, 'web')
    mkdirSync(join(webDir, 'assets'), { recursive: true })
    writeFileSync(join(webDir, 'index.html'), `<!doctype html><script>${inline}</script>page`)
    writeFileSync(join(webDir, 'assets', 'app-1a2b3c.js'), 'export {}')
    writeFileSync(join(webDir, 'icon.svg'), '<svg/>')
    writeFileSync(join(bench.dataDir, 'outside.txt'), 'secret')
    server = bench.makeServer({ webDir })
  })
  after(() => bench.close())
  const get = (url: string, accept = 'text/html') =>
    server.inject({ url, headers: { ...host, accept }, remoteAddress: '192.0.2.1' })

  test('the addresses of the UI give its page, with a policy that allows its own scripts only', async () => {
    for (const url of ['/', '/incidents/abc', '/sign-in?code=x', '/metrics', '/index.html']) {
      const reply = await get(url)
      assert.equal(reply.statusCode, 200, url)
      assert.match(reply.body, /page$/)
      assert.equal(reply.headers['cache-control'], 'no-cache')
      assert.equal(reply.headers['x-content-type-options'], 'nosniff')
      const policy = String(reply.headers['content-security-policy'])
      assert.match(policy, /script-src 'self' 'sha256-[\w+/=]+';/)
      assert.match(policy, /frame-ancestors 'none'/)
    }
  })

  test('hashed files are kept for ever, others are asked for again', async () => {
    const hashed = await get('/assets/app-1a2b3c.js', '*/*')
    assert.equal(hashed.body, 'export {}')
    assert.match(String(hashed.headers['content-type']), /javascript/)
    assert.equal(hashed.headers['cache-control'], 'public, max-age=31536000, immutable')
    assert.equal((await get('/icon.svg')).headers['cache-control'], 'public, max-age=3600')
  })

  test('files that are not there, and files outside, are 404', async () => {
    for (const url of [
      '/assets/gone.js',
      '/../outside.txt',
      '/%2e%2e/outside.txt',
      '/assets/..%2f..%2foutside.txt',
      '/..%5coutside.txt',
      '/.hidden',
      '/api/v1/nothing',
      '/loki/nothing',
    ]) {
      const reply = await get(url)
      assert.equal(reply.statusCode, 404, url)
      assert.doesNotMatch(reply.body, /secret|page$/)
    }
  })

  test('/metrics without HTML in mind is the exposition page', async () => {
    const reply = await server.inject({ url: '/metrics', headers: { ...host, accept: '*/*' } })
    assert.match(String(reply.headers['content-type']), /^text\/plain; version=0\.0\.4/)
    assert.match(reply.body, /^shipwatch_server_requests_total\{route="page",method="GET"/m)
  })

  test('without a built UI the page says how to build it', async () => {
    const reply = await bench.makeServer().inject({ url: '/', headers: host })
    assert.equal(reply.statusCode, 503)
    assert.match(reply.body, /npm start/)
  })
})

describe('compression', () => {
  test('is for callers across a network that accept it, of large texts and streams', async () => {
    const bench = new ServerBench()
    const webDir = join(bench.dataDir, 'web')
    mkdirSync(join(webDir, 'assets'), { recursive: true })
    writeFileSync(join(webDir, 'index.html'), 'x'.repeat(5000))
    writeFileSync(join(webDir, 'assets', 'a-1.js'), 'y'.repeat(5000))
    const server = bench.makeServer({ webDir })
    const get = (url: string, accept: string, remoteAddress: string) =>
      server.inject({ url, headers: { ...host, 'accept-encoding': accept }, remoteAddress })
    for (const [url, text] of [
      ['/', 'x'.repeat(5000)],
      ['/assets/a-1.js', 'y'.repeat(5000)],
    ] as const) {
      const packed = await get(url, 'br, gzip;q=0.8', '192.0.2.1')
      assert.equal(packed.headers['content-encoding'], 'gzip', url)
      assert.match(String(packed.headers['vary']), /accept-encoding/)
      assert.equal(gunzipSync(packed.rawPayload).toString(), text)
      for (const plain of [
        await get(url, 'gzip', '127.0.0.1'),
        await get(url, 'gzip;q=0', '192.0.2.1'),
        await get(url, 'br', '192.0.2.1'),
      ]) {
        assert.equal(plain.headers['content-encoding'], undefined)
        assert.equal(plain.body, text)
      }
    }
    const small = await get('/-/healthy', 'gzip', '192.0.2.1')
    assert.equal(small.headers['content-encoding'], undefined)
    await bench.close()
  })
})

describe('management', () => {
  const errors = errorTable('TEST', {
    BAD: { kind: 'user', status: 400, message: () => 'shipwatch.yml:3:1: wrong', hint: 'none' },
  })

  test('healthy always, ready only while serving', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer()
    const status = async (url: string, method: 'GET' | 'HEAD' = 'GET') =>
      (await server.inject({ method, url })).statusCode
    assert.equal(await status('/-/ready'), 503)
    assert.equal(await status('/-/healthy'), 200)
    await server.listen()
    assert.equal(await status('/-/ready'), 200)
    assert.equal(await status('/-/ready', 'HEAD'), 200)
    assert.equal(await status('/-/healthy', 'HEAD'), 200)
    await bench.close()
  })

  test('reload answers the problems as text with 400, and 200 when it took place', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ isAuthRequired: false })
    const reload = (method: 'POST' | 'PUT') =>
      server.inject({ method, url: '/-/reload', headers: host })
    assert.equal((await reload('POST')).statusCode, 200)
    bench.reload = async () => {
      throw errors.BAD({})
    }
    const refused = await reload('PUT')
    assert.equal(refused.statusCode, 400)
    assert.equal(refused.body, 'shipwatch.yml:3:1: wrong\n')
    await bench.close()
  })

  test('quit works only where it is allowed', async () => {
    const bench = new ServerBench()
    const quit = (server: Server) =>
      server.inject({ method: 'POST', url: '/-/quit', headers: host })
    assert.equal((await quit(bench.makeServer({ isAuthRequired: false }))).statusCode, 403)
    const allowed = bench.makeServer({ isAuthRequired: false, server: { allow_quit: true } })
    assert.equal((await quit(allowed)).statusCode, 200)
    assert.deepEqual(
      bench.calls.map(({ name }) => name),
      ['quit'],
    )
    await bench.close()
  })

  test('flush writes memory to the engine', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ isAuthRequired: false })
    await server.inject({ method: 'POST', url: '/-/flush', headers: host })
    assert.deepEqual(
      bench.calls.map(({ name }) => name),
      ['store.flush'],
    )
    await bench.close()
  })
})

describe('listening', () => {
  test('a taken port is told with what to do', async () => {
    const bench = new ServerBench()
    const taken = bench.makeServer({ isAuthRequired: false })
    const { address } = await taken.listen()
    const port = Number(new URL(address).port)
    const second = bench.makeServer({ isAuthRequired: false, port })
    await assert.rejects(second.listen(), { code: 'SERVER_LISTEN_FAILED' })
    await bench.close()
  })

  test('close lets a request in flight finish, and a hanging one does not hold it up for 5 s', async () => {
    const bench = new ServerBench()
    const finishing = bench.makeServer({ isAuthRequired: false, clock: systemClock })
    const { address } = await finishing.listen()
    let finish = (): void => undefined
    let started = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      started = resolve
    })
    bench.reload = () =>
      new Promise((resolve) => {
        finish = resolve
        started()
      })
    const reply = fetch(`${address}/-/reload`, { method: 'POST' })
    await begun
    const closed = finishing.close()
    finish()
    assert.equal((await reply).status, 200)
    await closed

    const hanging = bench.makeServer({ isAuthRequired: false, clock: bench.clock })
    const second = await hanging.listen()
    const again = new Promise<void>((resolve) => {
      started = resolve
    })
    const stuck = assert.rejects(fetch(`${second.address}/-/reload`, { method: 'POST' }))
    await again
    const ended = hanging.close()
    await bench.clock.advance(4_000)
    await ended
    await stuck
    await bench.close()
  })

  test('a connection that never asks anything does not hold up the end', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ isAuthRequired: false })
    const { address } = await server.listen()
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    await fetch(`${address}/-/healthy`)
    await server.close()
    await ended
    await bench.close()
  })

  test('addresses to listen on are read', () => {
    assert.deepEqual(parseListen('127.0.0.1:9595'), { host: '127.0.0.1', port: 9595 })
    assert.deepEqual(parseListen('[::1]:0'), { host: '::1', port: 0 })
    assert.deepEqual(parseListen(':80'), { host: '::', port: 80 })
    for (const text of ['9595', 'a:b', 'host:70000', '::1:80', 'a b:1', '']) {
      assert.equal(parseListen(text), undefined, text)
    }
  })
})
