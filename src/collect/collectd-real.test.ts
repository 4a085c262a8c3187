/** Debian's real collectd is scraped through write_prometheus, as text and as protobuf, with the same series. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeMatcher } from '../model/matcher.ts'
import {
  fetchWhenUp,
  findFreePort,
  skipWithout,
  startProgram,
} from '../../test/support/programs.ts'
import { makeCollector } from './testdata/make-collector.ts'

test('a real collectd is scraped, as text and as protobuf', {
  skip: skipWithout('collectd'),
  timeout: 300_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-collectd-'))
  const port = await findFreePort()
  await writeFile(
    join(folder, 'collectd.conf'),
    `Hostname "shop"
FQDNLookup false
BaseDir "${folder}"
PIDFile "${folder}/pid"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin load
LoadPlugin memory
LoadPlugin write_prometheus
<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "${port}"
  StalenessDelta 60
</Plugin>
`,
  )
  const collectd = startProgram('collectd', ['-f', '-C', join(folder, 'collectd.conf')])
  const job = (name: string, protocol: string): string => `
  - job_name: ${name}
    scrape_interval: 500ms
    scrape_timeout: 500ms
    scrape_protocols: [${protocol}]
    honor_timestamps: false
    static_configs: [{targets: ['127.0.0.1:${port}']}]`
  const yaml = `host_agent: {enabled: false}
scrape_configs:${job('text', 'PrometheusText0.0.4')}${job('proto', 'PrometheusProto')}
`
  const { store, collector } = makeCollector(yaml, folder)
  /** Names and labels of what collectd measured, without what tells the jobs apart. */
  const seriesOf = async (name: string): Promise<string[]> => {
    const matchers = [makeMatcher('job', '=', name), makeMatcher('__name__', '=~', 'collectd_.*')]
    const found = await store.select({ matchers, startTimeMs: 0, endTimeMs: Date.now() * 2 })
    return found.map(({ labels }) => labels.with('job', '').toString()).sort()
  }
  try {
    await fetchWhenUp(`http://127.0.0.1:${port}/metrics`)
    await collector.start()
    const endMs = performance.now() + 120_000
    let text: string[] = []
    let proto: string[] = []
    while (text.length < 6 || text.join('\n') !== proto.join('\n')) {
      assert.ok(performance.now() < endMs, `series differ: ${text} | ${proto}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
      text = await seriesOf('text')
      proto = await seriesOf('proto')
    }
    for (const { lastError, health, name } of collector.sources()) {
      if (name === 'text' || name === 'proto') assert.equal(`${health}${lastError}`, 'ok')
    }
    assert.ok(
      text.some((series) => /^collectd_memory\{.*memory="free"/.test(series)),
      String(text),
    )
    assert.equal(store.metadata('collectd_memory').get('collectd_memory')?.type, 'gauge')
  } finally {
    await collector.stop()
    await collectd.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
