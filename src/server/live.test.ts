/** Live streams over real sockets: changes, log tails, limits, slow readers, revocation. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeAlert, makeIncident, ServerBench } from '../../test/support/server-parts.ts'
import { apiRoot } from '../api/api.ts'
import { makeLabels } from '../model/labels.ts'

/** Reads a stream piece by piece. */
class Reader {
  readonly status: number
  readonly type: string | null
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #text = ''

  constructor(reply: Response) {
    this.status = reply.status
    this.type = reply.headers.get('content-type')
    this.#reader = reply.body!.getReader()
  }

  /** Everything up to and with `end`. */
  async until(end: string): Promise<string> {
    while (!this.#text.includes(end)) {
      const { done, value } = await this.#reader.read()
      if (done) throw new Error(`the stream ended with "${this.#text}"`)
      this.#text += Buffer.from(value).toString()
    }
    const cut = this.#text.indexOf(end) + end.length
    const head = this.#text.slice(0, cut)
    this.#text = this.#text.slice(cut)
    return head
  }

  /** Waits for the end of the stream. */
  async end(): Promise<void> {
    while (!(await this.#reader.read()).done);
  }
}

async function open(address: string, path: string, headers = {}): Promise<Reader> {
  return new Reader(await fetch(`${address}${apiRoot}${path}`, { headers }))
}

describe('changes', () => {
  test('of every part are told by kind and id, equal ones once', async () => {
    const bench = new ServerBench()
    const { address } = await bench.makeServer({ isAuthRequired: false }).listen()
    const stream = await open(address, '/live')
    assert.equal(stream.type, 'text/event-stream; charset=utf-8')
    await stream.until('retry: 2000\n\n')
    const alert = makeAlert({ alertname: 'A' })
    bench.fire('alerts', [alert, alert])
    bench.fire('incidents', makeIncident('i1', []))
    bench.fire('deployments', { id: 'd1' })
    bench.fire('notifications', { id: 'n1' })
    bench.fire('sources', undefined)
    await bench.clock.advance(100)
    const text = await stream.until('"sources","id":""}\n\n')
    const changes = [...text.matchAll(/^event: change\ndata: (.*)$/gm)].map((match) =>
      JSON.parse(match[1]!),
    )
    assert.deepEqual(changes, [
      { kind: 'alerts', id: alert.fingerprint },
      { kind: 'incidents', id: 'i1' },
      { kind: 'deployments', id: 'd1' },
      { kind: 'notifications', id: 'n1' },
      { kind: 'sources', id: '' },
    ])
    await bench.close()
  })

  test('of very many ids of one kind become one event', async () => {
    const bench = new ServerBench()
    const { address } = await bench.makeServer({ isAuthRequired: false }).listen()
    const stream = await open(address, '/live')
    await stream.until('\n\n')
    bench.fire(
      'alerts',
      Array.from({ length: 500 }, (_, index) => makeAlert({ alertname: `A${index}` })),
    )
    await bench.clock.advance(100)
    assert.equal(await stream.until('\n\n'), 'event: change\ndata: {"kind":"alerts","id":""}\n\n')
    await bench.close()
  })

  test('a stream without changes beats, and ends after an hour', async () => {
    const bench = new ServerBench()
    const { address } = await bench.makeServer({ isAuthRequired: false }).listen()
    const stream = await open(address, '/live')
    await stream.until('\n\n')
    await bench.clock.advance(15_000)
    assert.equal(await stream.until('\n\n'), ': beat\n\n')
    await bench.clock.advance(3_600_000)
    await stream.end()
    await bench.close()
  })
})

describe('streams', () => {
  test('need a session, and end when their token is removed', async () => {
    const bench = new ServerBench()
    const { address } = await bench.makeServer().listen()
    assert.equal((await open(address, '/live')).status, 401)
    const local = readFileSync(join(bench.dataDir, 'local.token'), 'utf8').trim()
    const admin = { authorization: `Bearer ${local}` }
    const made = await fetch(`${address}${apiRoot}/tokens`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/json' },
      body: '{"name":"x","scope":"read"}',
    })
    const { token, view } = (await made.json()) as { token: string; view: { id: string } }
    const stream = await open(address, '/live', { authorization: `Bearer ${token}` })
    await stream.until('\n\n')
    await fetch(`${address}${apiRoot}/tokens/${view.id}`, { method: 'DELETE', headers: admin })
    await stream.end()
    await bench.close()
  })

  test('beyond the limit are refused with 503, and a closed one makes room', async () => {
    const bench = new ServerBench()
    const { address } = await bench
      .makeServer({ isAuthRequired: false, server: { live_client_count_max: 1 } })
      .listen()
    const client = new AbortController()
    const first = await fetch(`${address}${apiRoot}/live`, { signal: client.signal })
    assert.equal(first.status, 200)
    assert.equal((await open(address, '/live')).status, 503)
    client.abort()
    let status = 503
    while (status === 503) status = (await open(address, '/live')).status
    assert.equal(status, 200)
    await bench.close()
  })

  test('end at once when the server closes', async () => {
    const bench = new ServerBench()
    const server = bench.makeServer({ isAuthRequired: false })
    const { address } = await server.listen()
    const stream = await open(address, '/live')
    await stream.until('\n\n')
    await server.close()
    await stream.end()
    await bench.close()
  })

  test('a reader that does not read is dropped and others go on', async () => {
    const bench = new ServerBench()
    const { address } = await bench.makeServer({ isAuthRequired: false }).listen()
    const port = Number(new URL(address).port)
    const slow = connect(port, '127.0.0.1')
    slow.on('error', () => undefined)
    const slowEnded = new Promise<void>((resolve) => slow.once('close', () => resolve()))
    slow.write(
      `GET ${apiRoot}/logs/live?query=%7Ba%3D%22b%22%7D HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    )
    await new Promise<void>((resolve) => slow.once('data', () => resolve()))
    slow.pause()
    const line = 'x'.repeat(64 * 1024)
    const record = {
      labels: makeLabels({ a: 'b' }),
      timeNs: 1n,
      level: 'info' as const,
      line,
      metadata: undefined,
    }
    // Far more than the buffers of both sockets together hold.
    for (let turn = 0; turn < 2_000 && bench.tail !== undefined; turn++) {
      bench.tail([record])
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(bench.tail, undefined)
    slow.resume()
    await slowEnded
    assert.equal((await fetch(`${address}/-/healthy`)).status, 200)
    await bench.close()
  })
})

describe('log tails', () => {
  test('show lines as they arrive and stop when the reader goes', async () => {
    const bench = new ServerBench()
    const { address } = await bench.makeServer({ isAuthRequired: false }).listen()
    const pieces: string[] = []
    const client = request(`${address}${apiRoot}/logs/live?query=%7Ba%3D%22b%22%7D`)
    const arrived = new Promise<void>((resolve, reject) => {
      client.on('response', (reply) => {
        reply.on('data', (chunk) => {
          pieces.push(String(chunk))
          if (pieces.join('').includes('event: line')) resolve()
          else
            bench.tail?.([
              {
                labels: makeLabels({ a: 'b' }),
                timeNs: 1_700_000_000_000_000_001n,
                level: 'error',
                line: 'no\nway',
                metadata: undefined,
              },
            ])
        })
        reply.on('error', () => undefined)
      })
      client.on('error', reject)
      client.end()
    })
    await arrived
    assert.match(
      pieces.join(''),
      /event: line\ndata: \{"timeNs":"1700000000000000001","level":"error","line":"no\\nway","labels":\{"a":"b"\},"metadata":\{\}\}\n\n/,
    )
    client.removeAllListeners('error')
    client.on('error', () => undefined)
    client.destroy()
    while (bench.tail !== undefined) await new Promise((resolve) => setImmediate(resolve))
    await bench.close()
  })
})
