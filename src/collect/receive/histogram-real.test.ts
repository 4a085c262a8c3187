/**
 * A real Prometheus scrapes native histograms with exemplars over protobuf and writes them into the
 * product by remote write: both must answer the same of them.
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findFreePort, skipWithout, startProgram } from '../../../test/support/programs.ts'
import { eventually, startServe } from '../../../test/support/serve.ts'
import {
  all,
  double,
  exemplar,
  family,
  labelPairs,
  nativeBuckets,
  zigzag,
} from '../testdata/metric-family.ts'
import { field, whole } from '../testdata/write-request.ts'

const startTimeMs = Date.now()
const protobufType =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

/** A histogram that grows with each scrape, as client libraries write it. */
function encodePage(scrapeCount: number): Buffer {
  const count = 6 + scrapeCount * 3
  const told = exemplar(3, {
    labels: { trace_id: `t${scrapeCount}` },
    value: 1.5,
    timeMs: startTimeMs + scrapeCount * 1000,
  })
  const histogram = all(
    whole(1, BigInt(count)),
    double(2, count / 4),
    field(3, all(whole(1, BigInt(count)), double(2, 2), told)),
    zigzag(5, 2),
    double(6, 2 ** -128),
    whole(7, 1n),
    nativeBuckets({ span: 9, delta: 10 }, [[1, 1]], [2]),
    nativeBuckets(
      { span: 12, delta: 13 },
      [
        [-3, 2],
        [4, 1],
      ],
      [1, scrapeCount, scrapeCount],
    ),
  )
  const metric = all(labelPairs(1, { path: '/cart' }), field(7, histogram))
  return family({ name: 'latency_seconds', type: 4, help: 'Time.' }, metric)
}

async function askJson(base: string, path: string, token = ''): Promise<unknown> {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  const reply = await fetch(`${base}/api/v1/${path}`, { headers })
  return ((await reply.json()) as { data: unknown }).data
}

test('histograms and exemplars that a real Prometheus writes are answered as it answers them', {
  skip: skipWithout('prometheus'),
  timeout: 300_000,
}, async () => {
  let scrapeCount = 0
  const accepted: string[] = []
  const target = createServer((request, response) => {
    accepted.push(String(request.headers.accept))
    response.writeHead(200, { 'content-type': protobufType }).end(encodePage(scrapeCount++))
  })
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  const { port } = target.address() as { port: number }
  const served = await startServe({ config: 'host_agent: {enabled: false}\n' })
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-histogram-'))
  const webPort = await findFreePort()
  await writeFile(
    join(folder, 'prometheus.yml'),
    [
      'global: {scrape_interval: 1s, scrape_timeout: 1s}',
      'scrape_configs:',
      `  - {job_name: shop, static_configs: [{targets: ['127.0.0.1:${port}']}]}`,
      'remote_write:',
      `  - url: ${served.base}/api/v1/write`,
      '    send_exemplars: true',
      '    send_native_histograms: true',
      '    queue_config: {batch_send_deadline: 500ms}',
    ].join('\n'),
  )
  const prometheus = startProgram('prometheus', [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${webPort}`,
    '--enable-feature=native-histograms,exemplar-storage',
    '--log.level=error',
  ])
  try {
    const theirs = `http://127.0.0.1:${webPort}`
    const count = async () =>
      (await askJson(
        served.base,
        'query?query=histogram_count(latency_seconds)',
        served.token(),
      )) as {
        result: { value: [number, string] }[]
      }
    await eventually('histograms of seven scrapes', async () => {
      const [first] = (await count()).result
      return Number(first?.value[1] ?? 0) >= 24 ? true : undefined
    })
    assert.match(accepted[0]!, /application\/vnd\.google\.protobuf/)
    // A few steps in the past, which both have whole.
    const end = Math.floor(Date.now() / 1000) - 3
    const range = `start=${end - 3}&end=${end}&step=1`
    for (const query of [
      'latency_seconds',
      'histogram_count(latency_seconds)',
      'histogram_sum(latency_seconds)',
      'sum by (path) (latency_seconds)',
    ]) {
      const path = `query_range?query=${encodeURIComponent(query)}&${range}`
      const ours = await askJson(served.base, path, served.token())
      assert.deepEqual(ours, await askJson(theirs, path), query)
      assert.ok(JSON.stringify(ours).length > 150, JSON.stringify(ours))
    }
    const span = `start=${Math.floor(startTimeMs / 1000) - 60}&end=${Math.floor(startTimeMs / 1000) + 4}`
    const path = `query_exemplars?query=latency_seconds_bucket or latency_seconds&${span}`
    const ours = (await askJson(served.base, path, served.token())) as object[]
    assert.deepEqual(ours, await askJson(theirs, path))
    assert.equal(ours.length, 1)
  } finally {
    await prometheus.stop()
    await served.stop()
    target.closeAllConnections()
    target.close()
    await rm(folder, { recursive: true, force: true })
  }
})
