/** Debian's real vmagent scrapes a page and writes it into our receiver over HTTP. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import { findFreePort, skipWithout, startProgram } from '../../../test/support/programs.ts'
import { RemoteWriteReceiver } from './remote-write.ts'

test('a real vmagent writes what it scrapes', {
  skip: skipWithout('vmagent'),
  timeout: 300_000,
}, async () => {
  const store = new MemoryStore()
  const statuses = new Map<number, number>()
  let countSamples = (_count: number): void => undefined
  const samplesCame = new Promise<void>((resolve) => {
    let total = 0
    countSamples = (count) => {
      total += count
      if (total > 20) resolve()
    }
  })
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops: new DropLedger(),
    log: silentLog,
    onReceived: (count) => countSamples(count),
  })
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
      response.end('# TYPE orders_total counter\norders_total{kind="é"} 7\n')
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const headers = request.headers as Record<string, string>
      const reply = await receiver.receive({ headers, body: Buffer.concat(chunks) })
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      response.writeHead(reply.status, reply.headers).end(reply.body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-vmagent-'))
  await writeFile(
    join(folder, 'scrape.yml'),
    `global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: shop, static_configs: [{targets: ['127.0.0.1:${port}']}]}
`,
  )
  const vmagent = startProgram('vmagent', [
    `-promscrape.config=${folder}/scrape.yml`,
    `-remoteWrite.url=http://127.0.0.1:${port}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${folder}/queue`,
    `-httpListenAddr=127.0.0.1:${await findFreePort()}`,
    '-loggerLevel=ERROR',
  ])
  try {
    await samplesCame
    assert.deepEqual([...statuses.keys()], [204])
    const [orders] = await store.select({
      matchers: [makeMatcher('__name__', '=', 'orders_total'), makeMatcher('job', '=', 'shop')],
      startTimeMs: 0,
      endTimeMs: Date.now() + 60_000,
    })
    assert.equal(orders?.labels.get('kind'), 'é')
    assert.equal(orders?.value[0], 7)
  } finally {
    await vmagent.stop()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
})
