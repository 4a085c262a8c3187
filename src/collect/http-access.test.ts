/** Reaching things over HTTP: TLS both ways, proxies, OAuth 2, redirects, and who gets no credentials. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, request as httpRequest, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { closeHttp } from '../base/http-client.ts'
import { z } from '../config/schema.ts'
import { HttpAccess } from './http-access.ts'
import { httpShape, refuseMixedHttp } from '../config/http-settings.ts'
import { findProxy } from '../base/proxy.ts'
import {
  clientCert,
  clientKey,
  serverCert,
  serverKey,
  testAuthority,
} from './testdata/certificates.ts'

const schema = z.strictObject(httpShape).superRefine(refuseMixedHttp)
const servers: Server[] = []

after(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  await closeHttp()
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const serve = (listener: RequestListener): Promise<number> => listen(createServer(listener))

const serveTls = (options: object, listener: RequestListener): Promise<number> =>
  listen(createTlsServer({ cert: serverCert, key: serverKey, ...options }, listener))

const echo: RequestListener = (request, response) => {
  response.end(JSON.stringify({ url: request.url, headers: request.headers }))
}

interface Echo {
  url: string
  headers: Record<string, string>
}

function makeAccess(settings: object, clock = new VirtualClock(1_000_000)) {
  const access = new HttpAccess(schema.parse(settings), clock)
  return async (url: string): Promise<Echo> => {
    const reply = await access.get({ url, headers: {}, timeoutMs: 5000 })
    assert.equal(reply.status, 200, reply.body.toString())
    return JSON.parse(reply.body.toString())
  }
}

test('a server is verified by its authority and the name that is expected', async () => {
  const url = `https://127.0.0.1:${await serveTls({}, echo)}/m`
  const server_name = 'shop.test'
  const shown = await makeAccess({ tls_config: { ca: testAuthority, server_name } })(url)
  assert.equal(shown.url, '/m')
  const refuse = (tls: object, reason: RegExp) =>
    assert.rejects(makeAccess({ tls_config: tls })(url), reason)
  await refuse({ server_name }, /unable to verify|self-signed|local issuer/i)
  await refuse({ ca: testAuthority, server_name: 'other.test' }, /altnames|other\.test/i)
  await makeAccess({ tls_config: { insecure_skip_verify: true } })(url)
})

test('the oldest version of TLS is a limit', async () => {
  const url = `https://127.0.0.1:${await serveTls({ maxVersion: 'TLSv1.2' }, echo)}/`
  const tls = { ca: testAuthority, server_name: 'shop.test' }
  await makeAccess({ tls_config: { ...tls, min_version: 'TLS12' } })(url)
  await assert.rejects(
    makeAccess({ tls_config: { ...tls, min_version: 'TLS13' } })(url),
    /version|protocol/i,
  )
})

test('our own certificate is shown, and one renewed in its file counts at once', async () => {
  const options = { ca: testAuthority, requestCert: true, rejectUnauthorized: true }
  const url = `https://127.0.0.1:${await serveTls(options, echo)}/`
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-tls-'))
  try {
    const cert_file = join(folder, 'cert.pem')
    const key_file = join(folder, 'key.pem')
    const tls_config = { ca: testAuthority, server_name: 'shop.test', cert_file, key_file }
    const get = makeAccess({ tls_config })
    await assert.rejects(get(url), /cannot read .*cert\.pem/)
    await writeFile(cert_file, clientCert)
    await writeFile(key_file, 'no key')
    await assert.rejects(get(url))
    await writeFile(key_file, clientKey)
    assert.equal((await get(url)).url, '/')
    await assert.rejects(
      makeAccess({ tls_config: { ca: testAuthority, server_name: 'shop.test' } })(url),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('a proxy forwards plain requests and tunnels those over TLS', async () => {
  const plain = `http://127.0.0.1:${await serve(echo)}/plain`
  const secure = `https://127.0.0.1:${await serveTls({}, echo)}/secure`
  const seen: string[] = []
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['x-team']}`)
    const onward = httpRequest(request.url!, { headers: request.headers }, (reply) => {
      response.writeHead(reply.statusCode!, reply.headers)
      reply.pipe(response)
    })
    request.pipe(onward)
  })
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.headers['proxy-authorization']} ${request.headers['x-team']}`)
    const [host, port] = request.url!.split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  const port = await listen(proxy)
  const settings = {
    proxy_url: `http://u:p@127.0.0.1:${port}`,
    proxy_connect_header: { 'X-Team': ['ops'] },
    tls_config: { ca: testAuthority, server_name: 'shop.test' },
  }
  assert.equal((await makeAccess(settings)(plain)).url, '/plain')
  assert.equal((await makeAccess(settings)(secure)).url, '/secure')
  assert.match(seen[0]!, /^GET http:\/\/127\.0\.0\.1:\d+\/plain ops$/)
  assert.equal(seen[1], `CONNECT Basic ${Buffer.from('u:p').toString('base64')} ops`)
  await makeAccess({ ...settings, no_proxy: '127.0.0.0/8' })(plain)
  assert.equal(seen.length, 2)
})

test('hosts are excepted from the proxy by name, domain, address, network and port', () => {
  const isDirect = (host: string, no_proxy: string): boolean =>
    findProxy(
      schema.parse({ proxy_url: 'http://proxy', no_proxy }),
      new URL(`http://${host}/`),
      {},
    ) === undefined
  assert.equal(isDirect('a.test', 'b.test'), false)
  assert.equal(isDirect('a.test', 'b.test, a.test'), true)
  assert.equal(isDirect('x.a.test', 'a.test'), true)
  assert.equal(isDirect('xa.test', 'a.test'), false)
  assert.equal(isDirect('a.test', '.a.test'), false)
  assert.equal(isDirect('x.a.test', '*.a.test'), true)
  assert.equal(isDirect('a.test:8080', 'a.test:80'), false)
  assert.equal(isDirect('a.test:8080', 'a.test:8080'), true)
  assert.equal(isDirect('10.1.2.3', '10.0.0.0/8'), true)
  assert.equal(isDirect('11.1.2.3', '10.0.0.0/8'), false)
  assert.equal(isDirect('[fd00::1]', 'fd00::/8'), true)
  assert.equal(isDirect('localhost', 'b.test'), true)
  assert.equal(isDirect('localhost', ''), false)
  const ofEnvironment = schema.parse({ proxy_from_environment: true })
  const environment = { HTTPS_PROXY: 'proxy:3128', no_proxy: 'a.test' }
  assert.equal(
    findProxy(ofEnvironment, new URL('https://b.test'), environment),
    'http://proxy:3128',
  )
  assert.equal(findProxy(ofEnvironment, new URL('https://a.test'), environment), undefined)
  assert.equal(findProxy(ofEnvironment, new URL('http://b.test'), environment), undefined)
})

test('a token is asked for once, kept while it is good, and renewed before it ends', async () => {
  const asked: string[] = []
  const tokens = await serve(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push(`${request.headers.authorization ?? 'no header'} ${body}`)
    const isInForm = body.includes('client_secret')
    response.writeHead(isInForm ? 200 : 401, { 'content-type': 'application/json' })
    const reply = { access_token: `t${asked.length}`, token_type: 'bearer', expires_in: 60 }
    response.end(isInForm ? JSON.stringify(reply) : '{}')
  })
  const url = `http://127.0.0.1:${await serve(echo)}/`
  const clock = new VirtualClock(1_000_000)
  const token_url = `http://127.0.0.1:${tokens}/token`
  const oauth2 = { client_id: 'i d', client_secret: 's', scopes: ['a', 'b'], token_url }
  const get = makeAccess({ oauth2: { ...oauth2, endpoint_params: { audience: 'x' } } }, clock)
  const shown = await Promise.all([get(url), get(url)])
  for (const { headers } of shown) assert.equal(headers['authorization'], 'Bearer t2')
  const basic = Buffer.from('i%20d:s').toString('base64')
  assert.deepEqual(asked, [
    `Basic ${basic} grant_type=client_credentials&scope=a+b&audience=x`,
    'no header grant_type=client_credentials&scope=a+b&audience=x&client_id=i+d&client_secret=s',
  ])
  await clock.advance(49_000)
  assert.equal((await get(url)).headers['authorization'], 'Bearer t2')
  await clock.advance(2000)
  assert.equal((await get(url)).headers['authorization'], 'Bearer t4')
})

test('without a token nothing is asked, and the reason names the place but no secret', async () => {
  let count = 0
  const url = `http://127.0.0.1:${await serve(() => count++)}/`
  const tokens = await serve((_request, response) => response.writeHead(503).end())
  const token_url = `http://127.0.0.1:${tokens}/token`
  const oauth2 = { client_id: 'i', client_secret: 'hidden', token_url }
  const failure: Error = await makeAccess({ oauth2 })(url).then(
    () => assert.fail('a reply without a token'),
    (thrown: Error) => thrown,
  )
  assert.match(failure.message, /no OAuth 2 token from http:\/\/.*\/token: HTTP status 503/)
  assert.doesNotMatch(failure.message, /hidden/)
  assert.equal(count, 0)
})

test('a redirect to another host gets neither credentials nor secret headers', async () => {
  const there = await serve(echo)
  const here = await serve((request, response) => {
    const location = request.url === '/same' ? '/end' : `http://localhost:${there}/end`
    if (request.url === '/end') echo(request, response)
    else response.writeHead(302, { location }).end()
  })
  const get = makeAccess({
    basic_auth: { username: 'u', password: 'p' },
    http_headers: { 'X-Key': { secrets: ['k'] } },
  })
  const same = await get(`http://127.0.0.1:${here}/same`)
  assert.equal(same.headers['x-key'], 'k')
  assert.ok(same.headers['authorization'])
  const other = await get(`http://127.0.0.1:${here}/other`)
  assert.equal(other.headers['x-key'], undefined)
  assert.equal(other.headers['authorization'], undefined)
})

test('settings that exclude each other are refused with the key named', () => {
  const refuse = (settings: object, reason: RegExp): void => {
    const result = schema.safeParse(settings)
    assert.equal(result.success, false, JSON.stringify(settings))
    assert.match(JSON.stringify(result.error?.issues), reason)
  }
  const oauth2 = { client_id: 'i', token_url: 'http://a/' }
  refuse({ oauth2, authorization: { credentials: 'x' } }, /at most one of basic_auth/)
  refuse({ oauth2: { ...oauth2, token_url: 'ftp://a/' } }, /token_url/)
  refuse({ tls_config: { cert: 'x' } }, /needs its key/)
  refuse({ tls_config: { key: 'x' } }, /needs its certificate/)
  refuse({ tls_config: { ca: 'x', ca_file: 'y' } }, /at most one of ca and ca_file/)
  refuse({ tls_config: { min_version: 'SSL3' } }, /min_version/)
  refuse({ proxy_url: 'socks5://a' }, /http:\/\//)
  refuse({ no_proxy: 'a' }, /proxy_url must also be configured/)
  refuse({ proxy_from_environment: true, proxy_url: 'http://a' }, /must not be configured/)
  refuse({ proxy_connect_header: { a: ['b'] } }, /must also be configured/)
})

test('a kept connection that the other side closed meanwhile is no failure', async () => {
  let requestCount = 0
  const port = await serve((request, response) => {
    requestCount++
    // The second request comes on the kept connection, which is closed without an answer.
    if (requestCount === 2) request.socket.destroy()
    else response.end(`reply ${requestCount}`)
  })
  const access = new HttpAccess(schema.parse({}), new VirtualClock(1_000_000))
  const get = async (): Promise<string> => {
    const about = { url: `http://127.0.0.1:${port}/`, headers: {}, timeoutMs: 5000 }
    return (await access.get({ ...about, keepAliveMs: 60_000 })).body.toString()
  }
  assert.equal(await get(), 'reply 1')
  assert.equal(await get(), 'reply 3')
})

test('a connection is kept for as long as is asked for', async () => {
  const sockets: Socket[] = []
  const server = createServer((request, response) => {
    sockets.push(request.socket)
    response.end('x')
  })
  // Else the server's own wish would count.
  server.keepAliveTimeout = 0
  const port = await listen(server)
  const access = new HttpAccess(schema.parse({}), new VirtualClock(1_000_000))
  const about = { url: `http://127.0.0.1:${port}/`, headers: {}, timeoutMs: 5000 }
  await access.get({ ...about, keepAliveMs: 60_000 })
  await access.get({ ...about, keepAliveMs: 500 })
  const [long, brief] = sockets
  await once(brief!, 'close')
  assert.equal(long!.destroyed, false)
})
