import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createPlainServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { closeHttp, sendHttp } from './http-client.ts'

test.after(() => closeHttp())

/** A server of its own; answers its address. */
async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server that speaks only as told. */
async function serveRaw(t: TestContext, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createPlainServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a reply comes whole, however many pieces it is sent in, with its path, headers and body', async (t) => {
  const url = await serve(t, (request, response) => {
    response.setHeader('x-two', ['a', 'b'])
    response.writeHead(203)
    response.write(`${request.method} ${request.url} ${request.headers['x-own']} `)
    request.setEncoding('utf8')
    request.on('data', (text: string) => response.write(text))
    request.on('end', () => response.end(' end'))
  })
  const reply = await sendHttp({
    method: 'POST',
    url: `${url}/a%20b?c=d`,
    headers: { 'x-own': 'mine' },
    body: 'the body',
    timeoutMs: 10_000,
  })
  assert.equal(reply.status, 203)
  assert.equal(reply.headers['x-two'], 'a, b')
  assert.equal(reply.body.toString(), 'POST /a%20b?c=d mine the body end')
})

test('what a server says before its reply is passed over', async (t) => {
  const url = await serveRaw(t, (socket) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
    socket.end('HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 2\r\n\r\nok')
  })
  const reply = await sendHttp({ url, timeoutMs: 10_000 })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['x-a'], 'b')
  assert.equal(reply.body.toString(), 'ok')
})

test('a server that says nothing, and one that stops in the middle, are given up when the time is over', async (t) => {
  const silent = await serveRaw(t, () => undefined)
  const slow = await serveRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this')
  })
  for (const url of [silent, slow]) {
    await assert.rejects(sendHttp({ url, timeoutMs: 50 }), {
      code: 'HTTP_TIMEOUT',
      message: `${url}/ did not answer within 50 ms.`,
    })
  }
})

test('the time counts while a request waits for a connection', async (t) => {
  const url = await serveRaw(t, () => undefined)
  const waiting = Array.from({ length: 20 }, () => sendHttp({ url, timeoutMs: 100 }))
  for (const outcome of await Promise.allSettled(waiting)) {
    assert.equal(outcome.status, 'rejected')
    assert.equal((outcome.reason as { code: string }).code, 'HTTP_TIMEOUT')
  }
})

test('a body beyond the limit is cut off, one of just its size is not', async (t) => {
  const url = await serve(t, (_request, response) => {
    for (let piece = 0; piece < 10; piece++) response.write('0123456789')
    response.end()
  })
  const whole = await sendHttp({ url, timeoutMs: 10_000, bodyBytesMax: 100 })
  assert.equal(whole.body.length, 100)
  await assert.rejects(sendHttp({ url, timeoutMs: 10_000, bodyBytesMax: 99 }), {
    code: 'HTTP_BODY_TOO_LARGE',
  })
  assert.equal((await sendHttp({ url, timeoutMs: 10_000 })).body.length, 100)
})

test('a connection that breaks, an address that is none and a scheme that is not HTTP say what is wrong', async (t) => {
  const broken = await serveRaw(t, (socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this')
  })
  await assert.rejects(sendHttp({ url: broken, timeoutMs: 10_000 }), { code: 'HTTP_UNREACHABLE' })
  await assert.rejects(sendHttp({ url: 'nowhere', timeoutMs: 10_000 }), {
    code: 'HTTP_UNREACHABLE',
    message: '<address> cannot be reached: ERR_INVALID_URL Invalid URL.',
  })
  await assert.rejects(sendHttp({ url: 'ftp://127.0.0.1/', timeoutMs: 10_000 }), {
    code: 'HTTP_UNREACHABLE',
    message: /must begin with http/,
  })
  const proxy = { transport: { proxyUrl: 'nowhere' } }
  await assert.rejects(sendHttp({ url: 'http://127.0.0.1:1/', timeoutMs: 10_000, ...proxy }), {
    code: 'HTTP_UNREACHABLE',
  })
})

const kept = { transport: { keepAliveMs: 60_000 } }

test('a kept connection serves one request after the other, and several when they come at once', async (t) => {
  const ports = new Set<number | undefined>()
  const hosts = new Set<string | undefined>()
  const url = await serve(t, (request, response) => {
    ports.add(request.socket.remotePort)
    hosts.add(request.headers.host)
    response.end(`${request.url} ${request.headers['x-own']} ${'x'.repeat(200_000)}`)
  })
  const ask = async (path: string): Promise<string> => {
    const headers = { 'x-own': 'mine' }
    const reply = await sendHttp({ url: url + path, headers, timeoutMs: 10_000, ...kept })
    assert.equal(reply.body.length, path.length + 6 + 200_000)
    return reply.body.toString('utf8', 0, path.length + 5)
  }
  for (const path of ['/a?b=c', '/d', '/e%20f']) assert.equal(await ask(path), `${path} mine`)
  assert.equal(ports.size, 1)
  assert.deepEqual([...hosts], [url.slice('http://'.length)])
  await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`/at/once/${index}`)))
  assert.equal(ports.size, 20)
  assert.equal(await ask('/again'), '/again mine')
  assert.equal(ports.size, 20)
})

test('a connection that the other side closed is not asked again', async (t) => {
  let count = 0
  let closed = Promise.resolve()
  const url = await serve(t, (request, response) => {
    count++
    closed = new Promise((resolve) => request.socket.once('close', () => resolve()))
    response.end('ok', () => request.socket.end())
  })
  for (let turn = 0; turn < 5; turn++) {
    assert.equal((await sendHttp({ url, timeoutMs: 10_000, ...kept })).body.toString(), 'ok')
    // Which it is once we have closed it as well.
    await closed
  }
  assert.equal(count, 5)
})

test('over a kept connection too, time, limits, breaks and wrong replies are told', async (t) => {
  const answers = new Map<string, string>([
    ['silent', ''],
    ['stops', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this'],
    ['large', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1000)}`],
    ['wrong', 'hello\r\n\r\n'],
  ])
  const fail = async (name: string, isEnded: boolean): Promise<string> => {
    const url = await serveRaw(t, (socket) => {
      socket.write(answers.get(name)!)
      if (isEnded) socket.end()
    })
    const asked = sendHttp({ url, timeoutMs: isEnded ? 10_000 : 50, bodyBytesMax: 999, ...kept })
    return asked.then(
      () => 'answered',
      (thrown: Error & { code: string }) => `${thrown.code} ${thrown.message}`,
    )
  }
  assert.match(await fail('silent', false), /^HTTP_TIMEOUT .* within 50 ms/)
  assert.match(await fail('stops', false), /^HTTP_TIMEOUT/)
  assert.match(await fail('silent', true), /^HTTP_UNREACHABLE .*other side closed/)
  assert.match(await fail('stops', true), /^HTTP_UNREACHABLE .*other side closed/)
  assert.match(await fail('large', true), /^HTTP_BODY_TOO_LARGE/)
  assert.match(await fail('wrong', true), /^HTTP_UNREACHABLE .*does not begin with a status/)
  await assert.rejects(sendHttp({ url: 'http://127.0.0.1:1/', timeoutMs: 10_000, ...kept }), {
    code: 'HTTP_UNREACHABLE',
    message: /ECONNREFUSED/,
  })
})

test('a reply without a length lasts until its connection ends', async (t) => {
  const url = await serveRaw(t, (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'))
  assert.equal((await sendHttp({ url, timeoutMs: 10_000, ...kept })).body.toString(), 'all of it')
})

test('headers cannot smuggle another request in', async (t) => {
  const url = await serve(t, (_request, response) => response.end('ok'))
  for (const headers of [{ a: 'b\r\n\r\nGET / HTTP/1.1' }, { 'a\r\nb': 'c' }]) {
    await assert.rejects(sendHttp({ url, headers: { ...headers }, timeoutMs: 10_000, ...kept }), {
      code: 'HTTP_UNREACHABLE',
    })
  }
})
