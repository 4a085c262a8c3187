/** Debian's real Prometheus writes into our receiver over HTTP. */

import assert from 'node:assert/strict'
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

test('a real Prometheus writes its own samples, metadata included', {
  skip: skipWithout('prometheus'),
  timeout: 300_000,
}, async () => {
  const store = new MemoryStore()
  const statuses = new Map<number, number>()
  let hasMetadata = (): void => undefined
  const metadataCame = new Promise<void>((resolve) => {
    hasMetadata = resolve
  })
  const { setMetadata } = store
  store.setMetadata = (metric, metadata) => {
    setMetadata.call(store, metric, metadata)
    hasMetadata()
  }
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops: new DropLedger(),
    log: silentLog,
    onReceived: () => undefined,
  })
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const headers = request.headers as Record<string, string>
      const reply = await receiver.receive({ headers, body: Buffer.concat(chunks) })
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      response.writeHead(reply.status, reply.headers).end(reply.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-prometheus-'))
  const webPort = await findFreePort()
  await writeFile(
    join(folder, 'prometheus.yml'),
    [
      'global: {scrape_interval: 1s, scrape_timeout: 1s}',
      'scrape_configs:',
      `  - {job_name: self, static_configs: [{targets: ['127.0.0.1:${webPort}']}]}`,
      'remote_write:',
      `  - url: http://127.0.0.1:${port}/api/v1/write`,
      '    metadata_config: {send: true, send_interval: 1s}',
      '    queue_config: {batch_send_deadline: 500ms}',
    ].join('\n'),
  )
  let countSamples = (_count: number): void => undefined
  const samplesCame = new Promise<void>((resolve) => {
    let total = 0
    countSamples = (count) => {
      total += count
      // Three scrapes of some 600 samples.
      if (total > 1500) resolve()
    }
  })
  store.subscribe({
    onSeries: () => undefined,
    onSamples: (batch) => countSamples(batch.count),
  })
  const prometheus = startProgram('prometheus', [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${webPort}`,
    '--log.level=error',
  ])
  try {
    await Promise.all([samplesCame, metadataCame])
    assert.deepEqual([...statuses.keys()], [204])
    const found = await store.select({
      matchers: [
        makeMatcher('__name__', '=', 'up'),
        makeMatcher('job', '=', 'self'),
        makeMatcher('instance', '=', `127.0.0.1:${webPort}`),
      ],
      startTimeMs: 0,
      endTimeMs: Date.now() + 60_000,
    })
    assert.equal(found.length, 1)
    assert.equal(found[0]!.value[found[0]!.count - 1], 1)
    assert.equal(store.metadata('go_goroutines').get('go_goroutines')?.type, 'gauge')
  } finally {
    await prometheus.stop()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
})
