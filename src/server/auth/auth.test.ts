/** Who may do what: every class of route against every kind of credential; sessions, links, limits. */

import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { apiRoot } from '../../api/api.ts'
import type { Server } from '../server.ts'

const own = { host: '127.0.0.1:9595', origin: 'http://127.0.0.1:9595' }
const elsewhere = '192.0.2.7'

async function listening(bench: ServerBench, options = {}): Promise<Server> {
  const server = bench.makeServer(options)
  await server.listen()
  return server
}

async function signIn(server: Server, body: object, remoteAddress = '127.0.0.1') {
  return server.inject({
    method: 'POST',
    url: `${apiRoot}/session`,
    headers: { ...own, 'content-type': 'application/json' },
    payload: JSON.stringify(body),
    remoteAddress,
  })
}

async function makeToken(server: Server, local: string, scope: string) {
  const reply = await server.inject({
    method: 'POST',
    url: `${apiRoot}/tokens`,
    headers: { authorization: `Bearer ${local}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ name: `a ${scope} token`, scope }),
  })
  assert.equal(reply.statusCode, 201, reply.body)
  return reply.json() as { token: string; view: { id: string } }
}

function cookieOf(reply: { headers: Record<string, unknown> }): string {
  return String(reply.headers['set-cookie']).split(';')[0]!
}

function localToken(bench: ServerBench): string {
  return readFileSync(join(bench.dataDir, 'local.token'), 'utf8').trim()
}

describe('routes against credentials', async () => {
  const bench = new ServerBench()
  after(() => bench.close())
  const server = await listening(bench)
  const local = localToken(bench)
  const admin = await makeToken(server, local, 'admin')
  const read = await makeToken(server, local, 'read')
  const ingest = await makeToken(server, local, 'ingest')
  const code = new URL(server.signInLink()).searchParams.get('code')
  const session = cookieOf(await signIn(server, { code }))
  const viewer = cookieOf(await signIn(server, { token: read.token }))
  const respond = await makeToken(server, local, 'respond')
  const responder = cookieOf(await signIn(server, { token: respond.token }))

  const routes = {
    open: ['GET', '/-/healthy'],
    session: ['GET', `${apiRoot}/session`],
    read: ['GET', `${apiRoot}/alerts`],
    query: ['POST', '/api/v1/query?query=1'],
    respond: ['POST', `${apiRoot}/silences/none/expire`],
    admin: ['POST', '/-/flush'],
    ingest: ['POST', '/api/v1/write'],
    push: ['POST', '/loki/api/v1/push'],
    metrics: ['GET', '/metrics'],
  } as const
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const basic = (token: string) => ({
    authorization: `Basic ${Buffer.from(`anybody:${token}`).toString('base64')}`,
  })
  const credentials: Record<string, { headers: Record<string, string>; from?: string }> = {
    none: { headers: {}, from: elsewhere },
    loopback: { headers: {} },
    proxied: { headers: { 'x-forwarded-for': elsewhere } },
    local: { headers: bearer(local), from: elsewhere },
    admin: { headers: bearer(admin.token), from: elsewhere },
    read: { headers: bearer(read.token), from: elsewhere },
    basic: { headers: basic(read.token), from: elsewhere },
    respond: { headers: bearer(respond.token), from: elsewhere },
    ingest: { headers: bearer(ingest.token), from: elsewhere },
    wrong: { headers: bearer('sw_wrong'), from: elsewhere },
    session: { headers: { cookie: session, origin: own.origin }, from: elsewhere },
    viewer: { headers: { cookie: viewer, origin: own.origin }, from: elsewhere },
    responder: { headers: { cookie: responder, origin: own.origin }, from: elsewhere },
    foreign: { headers: { cookie: session, origin: 'https://evil.example' }, from: elsewhere },
    unnamed: { headers: { cookie: session }, from: elsewhere },
  }
  // Rows in the order of `routes`.
  const expected: Record<string, number[]> = {
    none: [200, 200, 401, 401, 401, 401, 401, 401, 401],
    loopback: [200, 200, 401, 401, 401, 401, 204, 204, 200],
    proxied: [200, 200, 401, 401, 401, 401, 401, 401, 401],
    local: [200, 200, 200, 200, 404, 200, 204, 204, 200],
    admin: [200, 200, 200, 200, 404, 200, 204, 204, 200],
    read: [200, 200, 200, 200, 403, 403, 403, 403, 200],
    basic: [200, 200, 200, 200, 403, 403, 403, 403, 200],
    respond: [200, 200, 200, 200, 404, 403, 403, 403, 200],
    ingest: [200, 200, 403, 403, 403, 403, 204, 204, 403],
    wrong: [200, 200, 401, 401, 401, 401, 401, 401, 401],
    session: [200, 200, 200, 200, 404, 200, 204, 204, 200],
    viewer: [200, 200, 200, 200, 403, 403, 403, 403, 200],
    responder: [200, 200, 200, 200, 404, 403, 403, 403, 200],
    foreign: [200, 200, 200, 403, 403, 403, 403, 403, 200],
    unnamed: [200, 200, 200, 403, 403, 403, 403, 403, 200],
  }
  for (const [name, { headers, from }] of Object.entries(credentials)) {
    test(`the credential "${name}" opens what it should and nothing else`, async () => {
      const statuses: number[] = []
      for (const [method, url] of Object.values(routes)) {
        const reply = await server.inject({
          method,
          url,
          headers: { host: own.host, ...headers },
          remoteAddress: from ?? '127.0.0.1',
        })
        statuses.push(reply.statusCode)
      }
      assert.deepEqual(statuses, expected[name])
    })
  }

  test('a request that needs credentials says how to give them', async () => {
    const reply = await server.inject({ url: `${apiRoot}/alerts`, remoteAddress: elsewhere })
    assert.equal(reply.headers['www-authenticate'], 'Bearer realm="shipwatch"')
    assert.equal(reply.json().error.code, 'SERVER_SIGN_IN_REQUIRED')
  })

  test('a name that a stranger can point at this machine opens nothing on loopback', async () => {
    const reply = await server.inject({
      method: 'POST',
      url: '/api/v1/write',
      headers: { host: 'evil.example:9595', origin: 'http://evil.example:9595' },
    })
    assert.equal(reply.statusCode, 403)
    assert.match(reply.body, /evil\.example/)
  })
})

describe('the local token', () => {
  test('is readable by its owner alone and new at each start', async () => {
    const bench = new ServerBench()
    await listening(bench)
    const first = localToken(bench)
    assert.equal(statSync(join(bench.dataDir, 'local.token')).mode & 0o777, 0o600)
    await listening(bench)
    assert.notEqual(localToken(bench), first)
    await bench.close()
  })
})

describe('sign-in', () => {
  test('a link works once and for an hour', async () => {
    const bench = new ServerBench()
    const server = await listening(bench)
    const code = new URL(server.signInLink()).searchParams.get('code')
    const late = new URL(server.signInLink()).searchParams.get('code')
    const reply = await signIn(server, { code })
    assert.deepEqual(reply.json(), {
      isSignedIn: true,
      isAuthRequired: true,
      user: 'admin',
      role: 'admin',
      hasPassword: false,
    })
    const cookie = String(reply.headers['set-cookie'])
    assert.match(cookie, /HttpOnly/)
    assert.match(cookie, /SameSite=Strict/)
    assert.doesNotMatch(cookie, /Secure/)
    assert.equal((await signIn(server, { code })).statusCode, 401)
    await bench.clock.advance(3_600_001)
    assert.equal((await signIn(server, { code: late })).statusCode, 401)
    await bench.close()
  })

  test('the cookie is for https only when the browser came by an https address', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ externalUrl: 'https://watch.example' })
    const code = new URL(server.signInLink()).searchParams.get('code')
    const reply = await server.inject({
      method: 'POST',
      url: `${apiRoot}/session`,
      headers: {
        host: 'watch.example',
        origin: 'https://watch.example',
        'content-type': 'application/json',
      },
      payload: JSON.stringify({ code }),
    })
    assert.match(String(reply.headers['set-cookie']), /; Secure$/)
    await bench.close()
  })

  test('a password signs in, and changing it ends the sessions that it opened', async () => {
    const bench = new ServerBench()
    const server = await listening(bench)
    const bearer = {
      authorization: `Bearer ${localToken(bench)}`,
      'content-type': 'application/json',
    }
    const setPassword = (password: string, headers: Record<string, string> = bearer) =>
      server.inject({
        method: 'PUT',
        url: `${apiRoot}/password`,
        headers,
        payload: JSON.stringify({ password }),
      })
    assert.equal((await setPassword('short')).statusCode, 400)
    assert.equal((await setPassword('correct horse')).statusCode, 204)
    assert.equal((await signIn(server, { user: 'admin', password: 'wrong horse' })).statusCode, 401)
    assert.equal((await signIn(server, { user: 'eve', password: 'correct horse' })).statusCode, 401)
    const cookie = cookieOf(await signIn(server, { user: 'admin', password: 'correct horse' }))
    const other = cookieOf(await signIn(server, { user: 'admin', password: 'correct horse' }))
    const isIn = async (value: string) =>
      (await server.inject({ url: `${apiRoot}/alerts`, headers: { cookie: value } })).statusCode
    assert.deepEqual([await isIn(cookie), await isIn(other)], [200, 200])
    const changed = await setPassword('battery staple', { ...own, ...bearer, cookie })
    assert.deepEqual([await isIn(cookie), await isIn(other)], [401, 401])
    assert.equal(await isIn(cookieOf(changed)), 200)
    const stored = await bench.records.access.findPassword('admin')
    assert.match(stored ?? '', /^scrypt\$32768\$8\$3\$/)
    await bench.close()
  })

  test('a session ends when the token that opened it is removed, when it is signed out, and with time', async () => {
    const bench = new ServerBench()
    const server = await listening(bench)
    const local = localToken(bench)
    const { token, view } = await makeToken(server, local, 'read')
    const byToken = cookieOf(await signIn(server, { token }))
    const byLocal = cookieOf(await signIn(server, { token: local }))
    const late = cookieOf(await signIn(server, { token: local }))
    const status = async (cookie: string) =>
      (await server.inject({ url: `${apiRoot}/alerts`, headers: { cookie } })).statusCode
    assert.equal(await status(byToken), 200)
    const removal = await server.inject({
      method: 'DELETE',
      url: `${apiRoot}/tokens/${view.id}`,
      headers: { authorization: `Bearer ${local}` },
    })
    assert.equal(removal.statusCode, 204)
    assert.equal(await status(byToken), 401)
    const direct = await server.inject({
      url: `${apiRoot}/alerts`,
      headers: { authorization: `Bearer ${token}` },
    })
    assert.equal(direct.statusCode, 401)
    await server.inject({
      method: 'DELETE',
      url: `${apiRoot}/session`,
      headers: { ...own, cookie: byLocal },
    })
    assert.equal(await status(byLocal), 401)
    assert.equal(await status(late), 200)
    await bench.clock.advance(7 * 86_400_000 + 1)
    assert.equal(await status(late), 401)
    await bench.close()
  })

  test('sessions that ended are removed within the hour, though nobody asks for them', async () => {
    const bench = new ServerBench()
    const { access } = bench.records
    const endTimeMs = bench.clock.nowTimeMs() + 1
    await access.addSession({ hash: 'gone', user: 'link//admin', role: 'admin', endTimeMs })
    await listening(bench)
    assert.notEqual(await access.findSession('gone'), undefined)
    await bench.clock.advance(3_600_000)
    assert.equal(await access.findSession('gone'), undefined)
    await bench.close()
  })

  test('an address that fails too often waits, another one does not, and time heals', async () => {
    const bench = new ServerBench()
    const server = await listening(bench, { server: { auth: { failed_sign_ins_max: 3 } } })
    const statuses: number[] = []
    for (let attempt = 0; attempt < 4; attempt++) {
      statuses.push((await signIn(server, { token: 'no' })).statusCode)
    }
    assert.deepEqual(statuses, [401, 401, 401, 429])
    const right = { token: localToken(bench) }
    const waiting = await signIn(server, right)
    assert.equal(waiting.statusCode, 429)
    assert.equal(waiting.headers['retry-after'], '300')
    assert.equal((await signIn(server, right, elsewhere)).statusCode, 200)
    await bench.clock.advance(300_001)
    assert.equal((await signIn(server, right)).statusCode, 200)
    await bench.close()
  })

  test('a token for responding opens the session of a responder, who may silence and not set a password', async () => {
    const bench = new ServerBench()
    const server = await listening(bench)
    const { token } = await makeToken(server, localToken(bench), 'respond')
    const opened = await signIn(server, { token })
    assert.equal(opened.json().role, 'responder')
    const headers = { ...own, cookie: cookieOf(opened), 'content-type': 'application/json' }
    const session = await server.inject({ url: `${apiRoot}/session`, headers })
    assert.deepEqual([session.json().isSignedIn, session.json().role], [true, 'responder'])
    const send = (method: 'POST' | 'PUT', path: string, body: object) =>
      server.inject({
        method,
        url: `${apiRoot}${path}`,
        headers,
        payload: JSON.stringify(body),
        remoteAddress: elsewhere,
      })
    // There is none, but they may.
    for (const path of ['/silences/none/expire', '/pages/none/acknowledge'])
      assert.equal((await send('POST', path, {})).statusCode, 404, path)
    for (const [method, path] of [
      ['PUT', '/password'],
      ['POST', '/tokens'],
      ['POST', '/maintenance'],
      ['POST', '/receivers/none/test'],
    ] as const)
      assert.equal((await send(method, path, {})).statusCode, 403, path)
    await bench.close()
  })

  test('an ingest token opens no session', async () => {
    const bench = new ServerBench()
    const server = await listening(bench)
    const { token } = await makeToken(server, localToken(bench), 'ingest')
    assert.equal((await signIn(server, { token })).statusCode, 403)
    await bench.close()
  })

  test('who signed in, failed, and made tokens is in the audit', async () => {
    const bench = new ServerBench()
    const server = await listening(bench, { server: { auth: { failed_sign_ins_max: 1 } } })
    await signIn(server, { token: 'no' })
    await signIn(server, { token: 'too often to be noted' })
    await makeToken(server, localToken(bench), 'read')
    const actions = (await bench.records.access.listAudit(10)).map((entry) => entry.action)
    assert.deepEqual(actions.sort(), ['sign-in-failed', 'token-create'])
    await bench.close()
  })
})

describe('where it listens', () => {
  test('without authentication only loopback is accepted', () => {
    const bench = new ServerBench()
    assert.throws(() => bench.makeServer({ isAuthRequired: false, host: '0.0.0.0' }), {
      code: 'SERVER_NO_AUTH_NEEDS_LOOPBACK',
    })
    return bench.close()
  })

  test('without authentication everything is open to this machine, but not to foreign pages', async () => {
    const bench = new ServerBench()
    const server = await listening(bench, { isAuthRequired: false })
    const ask = (headers: Record<string, string>) =>
      server.inject({ method: 'POST', url: '/-/flush', headers })
    assert.equal((await ask({ host: 'localhost:1' })).statusCode, 200)
    assert.equal((await ask({ host: 'evil.example' })).statusCode, 403)
    assert.equal((await ask({ ...own, origin: 'https://evil.example' })).statusCode, 403)
    const session = await server.inject({ url: `${apiRoot}/session`, headers: own })
    assert.deepEqual(session.json(), {
      isSignedIn: true,
      isAuthRequired: false,
      user: 'anonymous',
      role: 'admin',
      hasPassword: false,
    })
    await bench.close()
  })

  test('beyond loopback an administrator must exist first', async () => {
    const bench = new ServerBench()
    await assert.rejects(listening(bench, { host: '0.0.0.0' }), {
      code: 'SERVER_ADMINISTRATOR_MISSING',
    })
    const path = join(bench.dataDir, 'password')
    writeFileSync(path, 'from a file\n')
    const server = await listening(bench, {
      host: '0.0.0.0',
      server: { auth: { admin_password_file: path } },
    })
    const reply = await signIn(server, { user: 'admin', password: 'from a file' })
    assert.equal(reply.statusCode, 200)
    await bench.close()
  })

  test('ingest on loopback can be closed', async () => {
    const bench = new ServerBench()
    const server = await listening(bench, { server: { ingest_open_on_loopback: false } })
    const reply = await server.inject({ method: 'POST', url: '/api/v1/write', headers: own })
    assert.equal(reply.statusCode, 401)
    await bench.close()
  })
})

describe('when the records are unavailable', () => {
  test('the local token and tokens seen lately still open the door', async () => {
    const bench = new ServerBench()
    const server = await listening(bench)
    const local = localToken(bench)
    const { token } = await makeToken(server, local, 'ingest')
    const write = (secret: string) =>
      server.inject({
        method: 'POST',
        url: '/api/v1/write',
        headers: { authorization: `Bearer ${secret}` },
        remoteAddress: elsewhere,
      })
    assert.equal((await write(token)).statusCode, 204)
    bench.records.failing = true
    assert.equal((await write(token)).statusCode, 204)
    assert.equal((await write(local)).statusCode, 204)
    bench.records.failing = false
    await bench.close()
  })
})
