/** Debian's real Prometheus is scraped: its own page as text and as protobuf, and what it federates. */

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

test('a real Prometheus is scraped as text, as protobuf and by federation', {
  skip: skipWithout('prometheus'),
  timeout: 300_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-prometheus-'))
  const port = await findFreePort()
  await writeFile(
    join(folder, 'prometheus.yml'),
    `global: {scrape_interval: 1s, external_labels: {region: eu}}
scrape_configs:
  - {job_name: self, static_configs: [{targets: ['127.0.0.1:${port}']}]}
`,
  )
  const prometheus = startProgram('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ])
  const job = (name: string, more: string): string => `
  - job_name: ${name}
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{targets: ['127.0.0.1:${port}']}]
    ${more}`
  const yaml = `host_agent: {enabled: false}
scrape_configs:${job('text', 'scrape_protocols: [PrometheusText0.0.4]')}${job('proto', 'scrape_protocols: [PrometheusProto]')}${job(
    'federate',
    `honor_labels: true
    metrics_path: /federate
    params: {'match[]': ['{__name__=~"up|prometheus_build_info"}']}`,
  )}
`
  const { store, collector } = makeCollector(yaml, folder)
  const seriesOf = async (label: string, value: string, name = '.*'): Promise<string[]> => {
    const matchers = [makeMatcher(label, '=', value), makeMatcher('__name__', '=~', name)]
    const found = await store.select({ matchers, startTimeMs: 0, endTimeMs: Date.now() * 2 })
    return found.map(({ labels }) => labels.with('job', '').toString()).sort()
  }
  // Those come and go with what it does meanwhile.
  const isSteady = (series: string): boolean =>
    /^(?:go_|prometheus_tsdb_|prometheus_build|promhttp_)/.test(series)
  try {
    await fetchWhenUp(`http://127.0.0.1:${port}/-/ready`)
    await collector.start()
    const endMs = performance.now() + 120_000
    for (;;) {
      const text = (await seriesOf('job', 'text')).filter(isSteady)
      const proto = (await seriesOf('job', 'proto')).filter(isSteady)
      const isSame = text.length > 100 && text.join('\n') === proto.join('\n')
      const federated = await seriesOf('region', 'eu', 'up|prometheus_build_info')
      if (isSame && federated.length === 2) {
        assert.equal(federated[1], `up{instance="127.0.0.1:${port}", region="eu"}`)
        break
      }
      const differing = text.filter((series) => !proto.includes(series))
      assert.ok(
        performance.now() < endMs,
        `${text.length} ${proto.length} ${differing} ${federated}`,
      )
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    for (const { lastError, health, name } of collector.sources()) {
      if (['text', 'proto', 'federate'].includes(name)) assert.equal(`${health}${lastError}`, 'ok')
    }
  } finally {
    await collector.stop()
    await prometheus.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
