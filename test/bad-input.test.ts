/**
 * What strangers send, to the product as a user starts it: one process takes all of it, answers each
 * in the shape of its protocol with the place, never with 500, and serves the good beside the bad.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compressSync as snap } from 'snappy'
import { eventually, type Served, startServe } from './support/serve.ts'

const om = 'application/openmetrics-text; version=1.0.0'
/** Pages of targets by path: type and text. */
const pages: Record<string, { type?: string; text: string | Buffer; says?: RegExp }> = {
  fine: { text: 'fine{__proto__="a",constructor="b"} 1\n' },
  string: { text: 'a 1\nb{c="d 1\n', says: /^line 2: a string is not closed/ },
  value: { text: 'a 1\nb two\n', says: /^line 2: expected a number/ },
  label: { text: `a{b="${'x'.repeat(1 << 20)}"} 1\n`, says: /^line 1: the value of label "b" has/ },
  binary: { text: Buffer.from([0, 255, 254, 10]), says: /^line 1: / },
  cut: { type: om, text: 'a 1\n', says: /does not end with "# EOF"/ },
  html: { type: 'text/html', text: '<p>', says: /unsupported Content-Type/ },
  bomb: { text: gzipSync(Buffer.alloc(80 << 20, 'a 1\n')), says: /body size limit exceeded/ },
}

let targets: Server
let served: Served

before(async () => {
  targets = createServer((request, reply) => {
    const path = request.url!.slice(1)
    const page = pages[path]!
    reply.setHeader('content-type', page.type ?? 'text/plain; version=0.0.4')
    if (path === 'bomb') reply.setHeader('content-encoding', 'gzip')
    reply.end(page.text)
  }).listen(0, '127.0.0.1')
  await once(targets, 'listening')
  const { port } = targets.address() as AddressInfo
  const jobs = Object.keys(pages).map(
    (path) =>
      `  - {job_name: ${path}, metrics_path: /${path}, static_configs: [{targets: ['127.0.0.1:${port}']}]}\n`,
  )
  served = await startServe({
    config: `host_agent: {enabled: false}
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
${jobs.join('')}`,
  })
})

after(async () => {
  await served?.stop()
  targets?.close()
  targets?.closeAllConnections()
})

interface Answer {
  status: number
  type: string
  text: string
}

async function ask(path: string, init: RequestInit = {}, isAnonymous = false): Promise<Answer> {
  const headers = new Headers(init.headers)
  if (!isAnonymous) headers.set('authorization', `Bearer ${served.token()}`)
  const reply = await fetch(served.base + path, { ...init, headers })
  const text = await reply.text()
  return { status: reply.status, type: reply.headers.get('content-type') ?? '', text }
}

function post(path: string, body: string | Buffer, headers: Record<string, string>) {
  return ask(
    path,
    { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers },
    true,
  )
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

function field(number: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

/** A `WriteRequest` of series with one sample each, the value 0. */
function encodeWriteRequest(all: { labels: [string, string][]; timeMs: number }[]): Buffer {
  const series = all.map(({ labels, timeMs }) => {
    const pairs = labels.map(([name, value]) =>
      field(1, Buffer.concat([field(1, name), field(2, value)])),
    )
    const sample = field(2, Buffer.concat([varint(2 << 3), varint(timeMs)]))
    return field(1, Buffer.concat([...pairs, sample]))
  })
  return Buffer.concat(series)
}

const protobuf = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
const json = { 'content-type': 'application/json' }

async function count(query: string): Promise<number> {
  const { text } = await ask(`/api/v1/query?query=${encodeURIComponent(query)}`)
  const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } }
  return Number(data.result[0]?.value[1] ?? 0)
}

test('each bad page of a target is told with its line, and the good ones are kept', async () => {
  await eventually('all targets judged', async () => {
    const { text } = await ask('/api/v1/targets')
    const { data } = JSON.parse(text) as {
      data: { activeTargets: { labels: Record<string, string>; lastError: string }[] }
    }
    for (const [path, { says }] of Object.entries(pages)) {
      const target = data.activeTargets.find(({ labels }) => labels['job'] === path)
      if (says === undefined) assert.equal(target?.lastError, '')
      else assert.match(target?.lastError ?? '', says, path)
    }
    return true
  })
  assert.equal(await count('count(fine{__proto__="a", constructor="b"})'), 1)
  assert.equal(await count('count(up{job!="shipwatch"} == 0)'), Object.keys(pages).length - 1)
})

test('remote write says the byte or the series, and keeps what is good in the same request', async () => {
  const timeMs = Date.now()
  const far = timeMs + 86_400_000
  const good = encodeWriteRequest([
    { labels: Object.entries({ __name__: 'beside', ['__proto__']: 'x' }), timeMs },
    { labels: Object.entries({ __name__: 'big', l: 'x'.repeat(1 << 20) }), timeMs },
    { labels: [['job', 'nameless']], timeMs },
    { labels: [['__name__', 'later']], timeMs: far },
  ])
  const mixed = await post('/api/v1/write', snap(good), protobuf)
  assert.equal(mixed.status, 400)
  assert.match(
    mixed.text,
    /value of label "l" has 1048576 bytes[\s\S]*no metric name[\s\S]*too far in the future[\s\S]*1 samples were kept/,
  )
  assert.equal(await count('count(beside{__proto__="x"})'), 1)

  const lying = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), Buffer.alloc(50)])
  for (const [body, status, says] of [
    [snap(Buffer.from('what is this')), 400, /^protobuf: at byte \d+ there is/],
    [snap(good.subarray(0, 9)), 400, /^protobuf: at byte \d+ there is a field that reaches/],
    [Buffer.from('not snappy at all'), 400, /^snappy: /],
    [lying, 413, /has 4294967295 bytes after decompression, more than the limit/],
    [snap(Buffer.alloc(65 << 20)), 413, /more than the limit of 67108864/],
    [snap(Buffer.alloc(8 << 20, Buffer.from([0x0a, 0]))), 400, /one series more than the/],
    [snap(field(1, field(9, 'unknown'))), 400, /no metric name/],
  ] as const) {
    const answer = await post('/api/v1/write', body, protobuf)
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.text, says)
  }
  assert.equal((await post('/api/v1/write', snap(good), json)).status, 415)
})

test('Loki push names the place in the JSON, and a bomb costs nothing', async () => {
  const push = (body: unknown, headers = {}) =>
    post(
      '/loki/api/v1/push',
      Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body),
      { ...json, ...headers },
    )
  const stream = (values: unknown) => ({ streams: [{ stream: { service: 'x' }, values }] })
  for (const [body, says] of [
    ['{"streams":', /^the body is not JSON/],
    ['[]', /^expected an object with the list "streams"/],
    [stream([[1, 'line']]), /^streams\[0\]\.values\[0\]\[0\] must be a string of nanoseconds/],
    [stream([['1', 5]]), /^streams\[0\]\.values\[0\]\[1\] must be a string/],
    [{ streams: [{ stream: { a: null }, values: [] }] }, /^streams\[0\]\.stream\["a"\] must be/],
    ['['.repeat(100_000) + ']'.repeat(100_000), /a value lies deeper than 100/],
    [`{"streams":[${'{},'.repeat(5_000_000)}{}]}`, /more than \d+ values/],
  ] as const) {
    const answer = await push(body)
    assert.deepEqual([answer.status, /^text\/plain/.test(answer.type)], [400, true], answer.text)
    assert.match(answer.text, says)
  }
  const gzip = { 'content-encoding': 'gzip' }
  assert.equal((await push(gzipSync(Buffer.alloc(100 << 20)), gzip)).status, 413)
  assert.equal((await push(Buffer.from('no'), gzip)).status, 400)
  const timeNs = `${Date.now()}000000`
  const odd = `{"streams":[{"stream":{"__proto__":"p","service":"odd"},"values":[["${timeNs}","\\u0000<script>"]]}]}`
  assert.equal((await push(odd)).status, 204)
})

test('expressions that would take all memory or time are refused with a reason', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const query = (query: string, more = {}) =>
    ask(`/api/v1/query${'step' in more ? '_range' : ''}`, {
      method: 'POST',
      headers: form,
      body: new URLSearchParams({ query, ...more }).toString(),
    })
  for (const [expression, status, says] of [
    ['('.repeat(100_000), 400, /1:501: parse error: the expression is nested too deeply/],
    [Array(100_000).fill('1').join('+'), 400, /nested too deeply/],
    ['-'.repeat(100_000), 400, /parse error/],
    ['up{job=~"((a{100}){100}){100}"}', 400, /1:4: parse error: error parsing regexp/],
    ['max_over_time({__name__=~".+"}[100y:1ms])', 422, /too many samples/],
    ['count_over_time(vector(1)[1y:1ms])', 422, /too many samples/],
    ['topk(NaN, up)', 422, /NaN/],
    ['label_replace(up, "", "$1", "job", "(.*)")', 422, /invalid destination label name/],
    ['\u0000', 400, /parse error: unexpected character/],
    ['', 400, /no expression found in input/],
  ] as const) {
    const answer = await query(expression)
    assert.equal(answer.status, status, `${expression.slice(0, 40)}: ${answer.text.slice(0, 300)}`)
    const { error, status: word } = JSON.parse(answer.text) as { error: string; status: string }
    assert.equal(word, 'error')
    assert.match(error, says)
  }
  assert.equal((await query('up{job=~"(a+)+$(a|a)*b"}')).status, 200)
  assert.equal((await query(`"${'x'.repeat(2_000_000)}"`)).status, 413)
  const range = await query('up', { start: '0', end: '1e10', step: '1' })
  assert.match(range.text, /exceeded maximum resolution of 11,000 points/)
  for (const times of [
    { start: 'NaN', end: '1', step: '1' },
    { start: '1', end: '2', step: '0' },
  ]) {
    assert.equal((await query('up', times)).status, 400)
  }
})

test('addresses and methods that are none of ours lead nowhere', async () => {
  for (const path of [
    '/assets/..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '/assets/%00',
    '/a\\b',
  ]) {
    assert.ok(!(await ask(path, {}, true)).text.includes('"shipwatch"'), path)
  }
  assert.equal((await ask('/api/v1/query?query=1', { method: 'DELETE' })).status, 405)
  assert.equal((await ask('/api/v1/nothing')).status, 404)
  assert.equal((await ask(`/api/v1/label/${'a'.repeat(20_000)}/values`)).status, 400)
  const types = await ask('/api/shipwatch/v1/deployments', {
    method: 'POST',
    headers: json,
    body: '{"service":5,"version":[],"__proto__":1}',
  })
  assert.equal(types.status, 400)
  assert.match(types.text, /service: .*version: .*__proto__/)
})

/** Writes bytes to the server as they are; answers what came back until it closed or fell silent. */
function sendRaw(bytes: string, silenceMs = 30_000): Promise<string> {
  return new Promise((resolve) => {
    let got = ''
    const socket = connect({ host: '127.0.0.1', port: served.port })
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(got))
    socket.setTimeout(silenceMs, () => socket.destroy())
    socket.write(bytes)
  })
}

test('clients that speak no HTTP, dribble, or never read do not keep others waiting', async () => {
  assert.match(await sendRaw('\u0016\u0003\u0001 hello\r\n\r\n'), /^HTTP\/1\.1 400/)
  assert.match(
    await sendRaw(`GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(20_000)}\r\n`),
    /^HTTP\/1\.1 431/,
  )
  const both =
    'POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n'
  assert.match(await sendRaw(`${both}0\r\n\r\nGET /x HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 400/)

  const sockets = Array.from({ length: 300 }, (_, index) => {
    const socket = connect({ host: '127.0.0.1', port: served.port })
    socket.on('error', () => undefined)
    const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${served.token()}\r\n`
    if (index < 100) socket.write('GET / HTTP/1.1\r\nX-Slow: ')
    else if (index < 298)
      socket.write(
        `POST /loki/api/v1/push HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
      )
    else {
      socket.pause()
      const query = encodeURIComponent('{service="flood"}')
      socket.write(`GET /api/shipwatch/v1/logs/live?query=${query} HTTP/1.1\r\n${head}\r\n`)
    }
    return socket
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const gauge = async (name: string): Promise<number> => {
    const { text } = await ask('/metrics')
    return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  }
  await eventually('two tails', async () =>
    (await gauge('shipwatch_server_live_clients')) === 2 ? true : undefined,
  )
  const line = 'z'.repeat(100_000)
  await eventually('readers that do not read are dropped', async () => {
    const values = Array.from({ length: 20 }, () => [`${Date.now()}000000`, line])
    const body = JSON.stringify({ streams: [{ stream: { service: 'flood' }, values }] })
    assert.equal((await post('/loki/api/v1/push', body, json)).status, 204)
    return (await gauge('shipwatch_server_live_dropped_total')) >= 2 ? true : undefined
  })
  assert.equal((await ask('/api/v1/query?query=1')).status, 200)
  for (const socket of sockets) socket.destroy()
  await eventually('they are forgotten', async () =>
    (await gauge('shipwatch_server_ingest_held_bytes')) === 0 ? true : undefined,
  )
})

test('after all of this nothing was our own fault, and it is well', async () => {
  const { text } = await ask('/metrics')
  const faults = text.split('\n').filter((line) => /_requests_total{.*status="500"/.test(line))
  assert.deepEqual(faults, [])
  const failed = served
    .printed()
    .split('\n')
    .filter((line) => line.includes(' ERROR '))
  assert.deepEqual(failed.slice(0, 3), [])
  assert.equal((await ask('/-/healthy', {}, true)).status, 200)
  assert.equal(await served.stop(), 0)
})
