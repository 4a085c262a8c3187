/** Asking a server: what it refuses is told as it says it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { makeClient } from './client.ts'

test('the error of the server comes through with its code and remedy, in each of its shapes', async (context) => {
  const bodies = [
    '{"error":{"code":"ALERT_X","message":"There is no x.","hint":"Add it.","facts":{}}}',
    '{"status":"error","errorType":"bad_data","error":"unexpected end"}',
    'out of order',
  ]
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.writeHead(400, { 'content-type': 'application/json' }).end(bodies.shift())
  }).listen(0, '127.0.0.1')
  context.after(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = makeClient({
    words: [],
    text: (name) => ({ url, token: '-dashed' })[name],
    texts: () => [],
    has: () => false,
  })
  const first = { code: 'ALERT_X', message: 'There is no x.', hint: 'Add it.' }
  await assert.rejects(client.post('/x', {}), first)
  await assert.rejects(client.get('/x'), { message: 'bad_data: unexpected end' })
  await assert.rejects(client.get('/x'), { message: 'The server answered 400: out of order' })
  assert.deepEqual(new Set(asked), new Set(['Bearer -dashed']))
})
