// Sections: questions to a real server, in promtool's words too; what runs is listed and stopped; metric pages.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { type Served, startServe } from '../../test/support/serve.ts'

const root = resolve(import.meta.dirname, '../..')
let served: Served

before(async () => {
  served = await startServe({ config: 'host_agent: { enabled: false }\n' })
  const timeS = Math.floor(Date.now() / 1000)
  const lines: string[] = []
  for (let step = 12; step >= 0; step--)
    for (const shop of ['a', 'b'])
      lines.push(`orders{shop="${shop}"} ${step} ${timeS * 1000 - step * 15_000}`)
  const reply = await fetch(`${served.base}/api/v1/import/prometheus`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'text/plain' },
    body: `${lines.join('\n')}\n`,
  })
  assert.ok(reply.ok, await reply.text())
})
after(() => served.stop())

/** Each command is a process of its own, as people run it. */
async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, err }
}

const ask = (...words: string[]) =>
  run(...words, '--url', served.base, '--data-dir', served.dataDir)

test('promtool’s words are understood: the verb, the server, and its form', async () => {
  const { code, out } = await run(
    ...['query', 'instant', served.base, 'sum(orders)', '--output', 'promql'],
    ...['--data-dir', served.dataDir],
  )
  assert.equal(code, 0)
  assert.match(out, /^\{\} => 0 @\[\d+(\.\d+)?\]\n$/)
  const range = await ask('query', 'range', 'sum(orders)', '--step', '15s', '--output', 'promql')
  assert.match(range.out, /^\{\} =>\n24 @\[\d+/)
  const series = await ask('query', 'series', '--match', 'orders{shop="a"}')
  assert.equal(series.out, '{__name__="orders", shop="a"}\n')
  assert.equal((await ask('query', 'labels', 'shop')).out, 'a\nb\n')
  assert.match((await ask('query', 'labels', '--match', 'orders')).out, /^__name__\nshop\n$/)
  assert.equal((await ask('query', 'series')).code, 2)
  const refused = await ask('query', 'series', '{}')
  assert.equal(refused.code, 1)
  assert.match(refused.err, /at least one non-empty matcher/)
})

test('a question is explained part by part', async () => {
  const { code, out } = await ask('query', 'explain', 'sum(rate(orders[1m]))', '--start', '-3m')
  assert.equal(code, 0)
  const rows = out.split('\n').map((line) => line.split(/ {2,}/))
  assert.deepEqual(
    rows.slice(1, 4).map((row) => row.filter((cell) => cell !== '')[0]),
    ['sum(rate(orders[1m]))', 'rate(orders[1m])', 'orders[1m]'],
  )
  assert.match(out, /memory 100 %/)
  assert.match(out, /reading \d+ samples/)
  const json = await ask('query', 'explain', 'orders', '--output', 'json', '--time', '-10s')
  assert.equal(JSON.parse(json.out).root.seriesCount, 2)
  const wrong = await ask('query', 'explain', 'sum(')
  assert.deepEqual([wrong.code, /unclosed left parenthesis/.test(wrong.err)], [1, true])
})

test('what runs is listed, and stopping what is gone is a failure', async () => {
  assert.equal((await ask('queries', 'list')).out, 'No query runs now.\n')
  const gone = await ask('queries', 'stop', '77')
  assert.equal(gone.code, 1)
  assert.match(gone.err, /no query "77"/)
  assert.equal((await ask('queries', 'stop')).code, 2)
})

test('queries are stopped by their ids, or all of them', async (t) => {
  const asked: string[] = []
  const queries = ['4', '5'].map((id) => ({
    ...{ id, expression: 'sum(\n  up)', kind: 'range', startedTimeMs: 0, isWaiting: id === '5' },
  }))
  const server = createServer((request, reply) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.method === 'GET') reply.end(JSON.stringify({ queries }))
    else reply.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const list = await run('queries', 'list', '--url', url)
  assert.match(list.out, /4 {3}running {2}range {2}.* s {2}sum\( up\)\n5 {3}waiting/)
  assert.equal((await run('queries', 'stop', '--all', '--url', url)).code, 0)
  assert.deepEqual(asked.slice(2), [
    'DELETE /api/shipwatch/v1/queries/4',
    'DELETE /api/shipwatch/v1/queries/5',
  ])
})

test('check metrics tells how many series each metric has, and may keep its advice', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'cli-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'page.txt')
  writeFileSync(
    file,
    `${[
      '# TYPE took_seconds histogram',
      'took_seconds_bucket{le="1"} 1',
      'took_seconds_bucket{le="+Inf"} 1',
      'took_seconds_sum 1',
      'took_seconds_count 1',
      'badName 1',
    ].join('\n')}\n`,
  )
  const { code, out, err } = await run('check', 'metrics', file, '--extended', '--lint', 'none')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /METRIC +SERIES +SHARE\ntook_seconds +4 +80\.0 %\nbadName +1 +20\.0 %\nall +5/)
  assert.equal((await run('check', 'metrics', file)).code, 3)
  assert.equal((await run('check', 'metrics', file, '--lint', 'some')).code, 2)
})
