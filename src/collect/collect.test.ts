/** The door: real HTTP scrapes, discovery, our own pages, log counters, sources and drops, reload and stop. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { hostname, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compressSync } from 'snappy'
import { systemClock, VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { makeLabels } from '../model/labels.ts'
import { logLevels } from '../model/log-line.ts'
import { makeMatcher } from '../model/matcher.ts'
import { MemoryStore } from '../store/store.ts'
import { Collector } from './collect.ts'
import { DropLedger } from './drops.ts'
import { LogCounter } from './log-counter.ts'
import { double, family } from './testdata/metric-family.ts'
import { encodeWriteRequest, field, type WrittenSeries } from './testdata/write-request.ts'
import { findFreePort, skipWithout, startProgram } from '../../test/support/programs.ts'
import { readCollectSettings } from './testdata/make-collector.ts'

async function waitFor<Value>(
  find: () => Value | undefined | Promise<Value | undefined>,
  what = 'what was waited for',
): Promise<Value> {
  const endMs = performance.now() + 30_000
  for (;;) {
    const value = await find()
    if (value !== undefined) return value
    if (performance.now() > endMs) throw new Error(`${what} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function lastOf(
  store: MemoryStore,
  metric: string,
  job: string,
): Promise<number | undefined> {
  const found = await store.select({
    matchers: [makeMatcher('__name__', '=', metric), makeMatcher('job', '=', job)],
    startTimeMs: 0,
    endTimeMs: Date.now() * 2,
  })
  return found[0]?.value[found[0].count - 1]
}

async function withCollector(
  yaml: string,
  action: (parts: { store: MemoryStore; collector: Collector; folder: string }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-collect-'))
  const store = new MemoryStore()
  const collector = new Collector({
    appender: store,
    settings: readCollectSettings(yaml),
    clock: systemClock,
    log: silentLog,
    dataDir: folder,
    version: '0.0.0',
  })
  try {
    await collector.start()
    await action({ store, collector, folder })
  } finally {
    await collector.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function withServer(
  listener: RequestListener,
  action: (port: number, server: Server) => Promise<void>,
): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await action((server.address() as { port: number }).port, server)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const quietAgent = 'host_agent: {enabled: false}\n'
const fast = 'scrape_interval: 200ms, scrape_timeout: 200ms'

test('a target is asked as Prometheus asks, and its page is read', async () => {
  const seen: Record<string, string | string[] | undefined>[] = []
  await withServer(
    (request, response) => {
      seen.push({ ...request.headers, url: request.url })
      response.writeHead(200, {
        'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
        'content-encoding': 'gzip',
      })
      response.end(gzipSync('# TYPE orders counter\norders_total{code="200"} 7\n# EOF\n'))
    },
    async (port) => {
      await withCollector(
        `${quietAgent}scrape_configs:
  - job_name: shop
    ${fast.replace(', ', '\n    ')}
    metrics_path: /m
    params: {a: [x, y], b: ['1 2']}
    basic_auth: {username: u, password: p}
    http_headers: {X-Team: {values: [ops]}}
    static_configs: [{targets: ['127.0.0.1:${port}'], labels: {team: a}}]
`,
        async ({ store, collector }) => {
          assert.equal(await waitFor(() => lastOf(store, 'orders_total', 'shop')), 7)
          const target = await waitFor(() =>
            collector.targets().find(({ health }) => health === 'up'),
          )
          assert.deepEqual(
            { ...target.labels },
            { instance: `127.0.0.1:${port}`, job: 'shop', team: 'a' },
          )
          assert.equal(target.scrapeInterval, '200ms')
        },
      )
      const request = seen[0]!
      assert.match(
        String(request['accept']),
        /^application\/openmetrics-text;version=1\.0\.0;escaping=allow-utf-8;q=0\.5,.*\*\/\*;q=0\.1$/,
      )
      assert.equal(request['accept-encoding'], 'gzip')
      assert.equal(request['x-prometheus-scrape-timeout-seconds'], '0.2')
      assert.equal(request['authorization'], `Basic ${Buffer.from('u:p').toString('base64')}`)
      assert.equal(request['x-team'], 'ops')
      assert.equal(request['user-agent'], 'Shipwatch/0.0.0')
      const { pathname, searchParams } = new URL(`http://x${request['url']}`)
      assert.equal(pathname, '/m')
      assert.deepEqual(searchParams.getAll('a'), ['x', 'y'])
      assert.equal(searchParams.get('b'), '1 2')
    },
  )
})

test('what goes wrong with a target is told in words', async () => {
  const replies: Record<string, RequestListener> = {
    '/status': (_request, response) => response.writeHead(503).end('no'),
    '/blank': (_request, response) => response.writeHead(200).end('a 1\n'),
    '/html': (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    '/page': (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end('a 1\nb{ 2\n'),
    '/large': (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end(`# ${'x'.repeat(3000)}\n`),
    '/bomb': (_request, response) =>
      response
        .writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
        .end(gzipSync('x'.repeat(1_000_000))),
    '/slow': () => undefined,
    '/away': (_request, response) => response.writeHead(302, { location: '/fine' }).end(),
    '/fine': (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end('a 1\n'),
  }
  await withServer(
    (request, response) => void replies[request.url!]!(request, response),
    async (port) => {
      const names = Object.keys(replies).map((path) => path.slice(1))
      const jobs = names.map(
        (name) =>
          `  - {job_name: ${name}, ${fast}, metrics_path: /${name}, body_size_limit: 2000, static_configs: [{targets: ['127.0.0.1:${port}']}]}\n`,
      )
      const refused = await findFreePort()
      await withCollector(
        `${quietAgent}scrape_configs:\n${jobs.join('')}  - {job_name: refused, ${fast}, static_configs: [{targets: ['127.0.0.1:${refused}']}]}\n`,
        async ({ store, collector }) => {
          // Each is asked five times a second, and on a slow machine any may be too slow once.
          const untilError = (job: string, wanted: RegExp) =>
            waitFor(() => {
              const target = collector.targets().find(({ scrapePool }) => scrapePool === job)
              const isJudged = target !== undefined && target.health !== 'unknown'
              return (isJudged && wanted.test(target.lastError)) || undefined
            }, `${job}: ${wanted}`)
          await untilError('status', /server returned HTTP status 503/)
          await untilError('blank', /blank Content-Type and no fallback_scrape_protocol/)
          await untilError('html', /unsupported Content-Type "text\/html"/)
          await untilError('page', /^line 2: expected a label name, got "2"/)
          await untilError('large', /body size limit exceeded/)
          await untilError('bomb', /body size limit exceeded/)
          await untilError('slow', /did not answer within 200 ms/)
          await untilError('refused', /cannot be reached: .*ECONNREFUSED/)
          await untilError('away', /^$/)
          await untilError('fine', /^$/)
          assert.equal(await lastOf(store, 'up', 'status'), 0)
          await waitFor(async () => (await lastOf(store, 'up', 'away')) === 1 || undefined)
          const down = collector.sources().find(({ name }) => name === 'status')
          assert.equal(down?.health, 'critical')
        },
      )
    },
  )
})

test('targets in files come and go with the files', async () => {
  await withServer(
    (_request, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('a 1\n'),
    async (port) => {
      const folder = await mkdtemp(join(tmpdir(), 'shipwatch-targets-'))
      const file = join(folder, 'shop.json')
      const address = `127.0.0.1:${port}`
      await writeFile(
        file,
        JSON.stringify([{ targets: [address], labels: { __meta_env: 'prod', zone: 'a' } }]),
      )
      await writeFile(
        join(folder, 'more.yml'),
        `- targets: ['127.0.0.1:1']\n  labels: {drop: 'me'}\n- targets: [`,
      )
      try {
        await withCollector(
          `${quietAgent}scrape_configs:
  - job_name: shop
    ${fast.replace(', ', '\n    ')}
    file_sd_configs: [{files: ['${folder}/*.json', '${folder}/*.yml']}]
    relabel_configs:
      - {source_labels: [__meta_env], target_label: env}
      - {source_labels: [__meta_filepath], regex: '.*/(.*).json', target_label: file}
      - {source_labels: [drop], regex: me, action: drop}
`,
          async ({ store, collector }) => {
            await waitFor(() => lastOf(store, 'a', 'shop'))
            assert.deepEqual(
              { ...collector.targets()[0]?.labels },
              { env: 'prod', file: 'shop', instance: address, job: 'shop', zone: 'a' },
            )
            const problem = collector.sources().find(({ health }) => health === 'warning')
            assert.match(problem!.lastError, /more\.yml/)
            await writeFile(file, '[]')
            await waitFor(() => (collector.targets().length === 0 ? true : undefined))
            const gone = await waitFor(async () => {
              const value = await lastOf(store, 'up', 'shop')
              return Number.isNaN(value) ? true : undefined
            })
            assert.ok(gone)
          },
        )
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
})

test('a reload keeps targets that stay and ends those that leave', async () => {
  let hitCount = 0
  await withServer(
    (_request, response) => {
      hitCount++
      response.writeHead(200, { 'content-type': 'text/plain' }).end('a 1\n')
    },
    async (port) => {
      const job = (name: string): string =>
        `  - {job_name: ${name}, ${fast}, static_configs: [{targets: ['127.0.0.1:${port}']}]}\n`
      await withCollector(
        `${quietAgent}scrape_configs:\n${job('one')}${job('two')}`,
        async ({ store, collector }) => {
          await waitFor(() => lastOf(store, 'a', 'one'))
          await waitFor(() => lastOf(store, 'a', 'two'))
          let changeCount = 0
          collector.onChange(() => changeCount++)
          await collector.reload(
            readCollectSettings(`${quietAgent}scrape_configs:\n${job('one')}${job('three')}`),
          )
          await waitFor(() => lastOf(store, 'a', 'three'))
          const two = await waitFor(async () =>
            Number.isNaN(await lastOf(store, 'a', 'two')) ? true : undefined,
          )
          assert.ok(two)
          assert.equal(await lastOf(store, 'a', 'one'), 1)
          assert.ok(changeCount > 0)
          assert.deepEqual(
            collector
              .targets()
              .map(({ scrapePool }) => scrapePool)
              .sort(),
            ['one', 'three'],
          )
        },
      )
      const hits = hitCount
      await new Promise((resolve) => setTimeout(resolve, 500))
      assert.equal(hitCount, hits, 'scrapes went on after stop')
    },
  )
})

test('with more targets than its limit a job scrapes none of them, and recovers', async () => {
  let count = 0
  await withServer(
    (_request, response) => {
      count++
      response.writeHead(200, { 'content-type': 'text/plain' }).end('a 1\n')
    },
    async (port) => {
      const yaml = (limit: number) => `${quietAgent}global: {target_limit: ${limit}}
scrape_configs:
  - job_name: many
    ${fast.replace(', ', '\n    ')}
    static_configs: [{targets: ['127.0.0.1:${port}', 'localhost:${port}']}]
`
      await withCollector(yaml(1), async ({ store, collector }) => {
        await waitFor(async () => (await lastOf(store, 'up', 'many')) === 0 || undefined)
        for (const { lastError } of collector.targets()) {
          assert.match(lastError || 'target_limit', /target_limit/)
        }
        const problem = collector.sources().find(({ id }) => id.startsWith('discovery:many'))
        assert.match(problem?.lastError ?? '', /target_limit exceeded: 2 targets, limit 1/)
        assert.equal(count, 0)
        await collector.reload(readCollectSettings(yaml(2)))
        await waitFor(async () => (await lastOf(store, 'a', 'many')) ?? undefined)
      })
    },
  )
})

test('a source that brings too many series keeps those it has, and the label is named', async () => {
  let round = 0
  await withServer(
    (_request, response) => {
      round++
      let page = 'steady 1\n'
      for (let index = 0; index < 20; index++) page += `burst{id="${round}-${index}"} 1\n`
      response.writeHead(200, { 'content-type': 'text/plain' }).end(page)
    },
    async (port) => {
      const yaml = (limit: number) => `${quietAgent}series_limit: 3
scrape_configs:
  - job_name: busy
    series_limit: ${limit}
    ${fast.replace(', ', '\n    ')}
    static_configs: [{targets: ['127.0.0.1:${port}']}]
`
      await withCollector(yaml(30), async ({ store, collector }) => {
        const dropOf = (source: string) =>
          collector.drops().find((drop) => drop.source === source && drop.reason === 'series-limit')
        await waitFor(() => dropOf('busy'))
        const row = collector.sources().find(({ id }) => id === 'series:busy')
        assert.match(row?.lastError ?? '', /more than 30 series, .* the label id has \d+ values/)
        assert.equal(row?.kind, 'scrape')
        assert.equal(row?.health, 'warning')
        assert.equal(await lastOf(store, 'steady', 'busy'), 1)
        assert.equal(await lastOf(store, 'up', 'busy'), 1)
        const series: WrittenSeries[] = ['1', '2', '3', '4', '5'].map((id) => ({
          labels: [
            ['__name__', 'w'],
            ['id', id],
          ],
          samples: [[1, Date.now()]],
        }))
        const body = compressSync(encodeWriteRequest(series))
        const reply = await collector.receiveRemoteWrite({ headers: {}, body })
        assert.equal(reply.status, 400)
        assert.match(reply.body, /too many series: series w\{id="4"\}/)
        assert.match(reply.body, /3 samples were kept/)
        assert.equal(dropOf('remote-write')?.count, 2)
      })
    },
  )
})

test('a target that has it is asked for protobuf, and names are asked for as they are wanted', async () => {
  const accepts: string[] = []
  const page = family({ name: 'heat', type: 1 }, field(2, double(1, 21)))
  await withServer(
    (request, response) => {
      accepts.push(request.headers.accept ?? '')
      response.writeHead(200, {
        'content-type':
          'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
      })
      response.end(page)
    },
    async (port) => {
      await withCollector(
        `${quietAgent}global: {scrape_native_histograms: true}
scrape_configs:
  - {job_name: shop, ${fast}, metric_name_escaping_scheme: dots, static_configs: [{targets: ['127.0.0.1:${port}']}]}
`,
        async ({ store }) => {
          assert.equal(await waitFor(() => lastOf(store, 'heat', 'shop')), 21)
        },
      )
    },
  )
  assert.equal(
    accepts[0],
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,' +
      'application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,' +
      'application/openmetrics-text;version=0.0.1;q=0.4,' +
      'text/plain;version=1.0.0;escaping=dots;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
  )
})

test('targets that relabeling dropped are remembered up to a limit, and failed scrapes are written down', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-failures-'))
  const file = join(folder, 'failures.jsonl')
  try {
    await withCollector(
      `${quietAgent}global: {keep_dropped_targets: 2, scrape_failure_log_file: ${file}}
scrape_configs:
  - job_name: shop
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs: [{targets: ['a:1', 'b:1', 'c:1', '127.0.0.1:1'], labels: {zone: z}}]
    relabel_configs: [{source_labels: [__address__], regex: '127.*', action: keep}]
`,
      async ({ collector }) => {
        const { targets, counts } = collector.droppedTargets()
        assert.deepEqual({ ...counts }, { shop: 3 })
        assert.deepEqual(
          targets.map(({ scrapePool, discoveredLabels }) => [
            scrapePool,
            discoveredLabels['__address__'],
            discoveredLabels['zone'],
          ]),
          [
            ['shop', 'a:1', 'z'],
            ['shop', 'b:1', 'z'],
          ],
        )
        const text = await waitFor(() =>
          readFile(file, 'utf8').then(
            (found) => found || undefined,
            () => undefined,
          ),
        )
        const line = JSON.parse(text.split('\n')[0]!) as Record<string, string>
        assert.equal(line['job_name'], 'shop')
        assert.equal(line['target'], 'http://127.0.0.1:1/metrics')
        assert.match(line['msg']!, /cannot be reached/)
      },
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('rules of preparing hold for whatever way samples come', async () => {
  const rules = `${quietAgent}unit_rules: [{from: milliseconds}]
value_rules: [{match: '{__name__=~".*_seconds"}', max: 100}]
normalization: [{match: 'wait_seconds', window: 1h, methods: [minmax]}]
`
  await withCollector(rules, async ({ store, collector }) => {
    const nowTimeMs = Date.now()
    const series: WrittenSeries[] = [
      {
        labels: [
          ['__name__', 'wait_ms'],
          ['job', 'remote'],
        ],
        samples: [
          [250, nowTimeMs - 2000],
          [900_000, nowTimeMs - 1000],
          [750, nowTimeMs],
        ],
      },
    ]
    for (let turn = 0; turn < 2; turn++) {
      const reply = await collector.receiveRemoteWrite({
        headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' },
        body: compressSync(encodeWriteRequest(series)) as Buffer,
      })
      assert.equal(reply.status, 204, reply.body)
      series[0]!.samples = [[500, nowTimeMs + 1000]]
    }
    const pushed = await collector.receiveTextImport({
      method: 'POST',
      path: '/api/v1/import/prometheus',
      parameters: new URLSearchParams(),
      headers: {},
      body: Buffer.from('gc_ms{job="text"} 40\n'),
    })
    assert.equal(pushed.status, 204)
    const found = await store.select({
      matchers: [makeMatcher('__name__', '=~', '.*_(ms|seconds.*)')],
      startTimeMs: 0,
      endTimeMs: nowTimeMs * 2,
    })
    const shown = found.map(
      ({ labels, count, value }) => `${labels} ${[...value.subarray(0, count)].join(' ')}`,
    )
    assert.deepEqual(shown.sort(), [
      'gc_seconds{job="text"} 0.04',
      'wait_seconds:1h_minmax{job="remote"} 0 1 0.5',
      'wait_seconds{job="remote"} 0.25 0.75 0.5',
    ])
    assert.deepEqual(collector.drops(), [
      { source: '{__name__=~".*_seconds"}', reason: 'above-max', count: 1 },
    ])
    const remote = collector.sourceSeries().find(({ source }) => source === 'remote-write')
    assert.equal(remote?.seriesCount, 1)
    const census = collector.sourceCensus('remote-write')
    assert.deepEqual(census?.metrics, [{ name: 'wait_seconds', seriesCount: 1 }])
  })
})

test('under the legacy scheme receivers refuse other names', async () => {
  const yaml = `${quietAgent}global: {metric_name_validation_scheme: legacy}\n`
  await withCollector(yaml, async ({ collector }) => {
    const push = async (method: string, path: string, page: string): Promise<number> => {
      const about = { method, path, parameters: new URLSearchParams(), headers: {} }
      const request = { ...about, body: Buffer.from(page) }
      const isPush = path.startsWith('/metrics')
      const reply = isPush
        ? await collector.receivePush(request)
        : await collector.receiveTextImport(request)
      return reply.status
    }
    assert.equal(await push('POST', '/api/v1/import/prometheus', '{"a.b"} 1\n'), 400)
    assert.equal(await push('POST', '/api/v1/import/prometheus', 'a_b 1\n'), 204)
    assert.equal(await push('PUT', '/metrics/job/a', 'a{"b.c"="d"} 1\n'), 400)
    assert.deepEqual(collector.drops(), [
      { source: 'text-import', reason: 'name-not-legacy', count: 1 },
    ])
    const body = compressSync(
      encodeWriteRequest([{ labels: [['__name__', 'a.b']], samples: [[1, Date.now()]] }]),
    ) as Buffer
    const headers = { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' }
    const reply = await collector.receiveRemoteWrite({ headers, body })
    assert.equal(reply.status, 400)
    assert.match(reply.body, /invalid metric name or label names: "a.b"/)
  })
})

test('keys that are wrong or not supported yet are refused with their place', () => {
  const refuse = (yaml: string, pattern: RegExp): void => {
    assert.throws(() => readCollectSettings(yaml), pattern)
  }
  const job = (more: string): string => `scrape_configs:\n  - job_name: a\n    ${more}\n`
  refuse(
    job('scrape_intervall: 5s'),
    /shipwatch\.yml:3:5: scrape_configs\[0\]\.scrape_intervall: "scrape_intervall" is not a setting/,
  )
  refuse(
    job('bearer_token: x\n    basic_auth: {username: u}'),
    /scrape_configs\[0\]\.bearer_token: at most one of basic_auth, .*bearer_token_file must be/,
  )
  refuse(
    job('kubernetes_sd_configs: [{role: pod}]'),
    /not supported yet: target discovery by kubernetes/,
  )
  refuse(
    job('scrape_protocols: [PrometheusProto, PrometheusProto]'),
    /duplicated protocol in scrape_protocols/,
  )
  refuse(
    job('metric_name_validation_scheme: legacy\n    metric_name_escaping_scheme: allow-utf-8'),
    /utf8 metric names requested but validation scheme is not set to UTF8/,
  )
  refuse(job('fallback_scrape_protocol: Text'), /is not a scrape protocol/)
  refuse(
    job('scrape_interval: 5s\n    scrape_timeout: 6s'),
    /scrape timeout greater than scrape interval/,
  )
  refuse(job('scrape_interval: 0'), /must be above 0/)
  refuse('global: {query_log_file: x}', /not supported yet/)
  refuse('remote_write: []', /not supported yet: sending samples on/)
  refuse(
    'scrape_configs: [{job_name: a}, {job_name: a}]',
    /multiple scrape configs with job name "a"/,
  )
  refuse(job('basic_auth: {password: x, password_file: y}'), /at most one of password/)
  refuse(job('authorization: {type: Basic}'), /use basic_auth instead/)
  refuse(job('file_sd_configs: [{files: [x.txt]}]'), /must end in \.json/)
})

test('our own page and the host agent are read at once, under their job and instance', {
  skip: platform() === 'linux' ? false : 'reads names of Linux',
}, async () => {
  await withCollector('host_agent: {interval: 1s}', async ({ store, collector }) => {
    collector.addPage('shipwatch', 'me', async () => 'shipwatch_up 1\n')
    assert.equal(await waitFor(() => lastOf(store, 'shipwatch_up', 'shipwatch')), 1)
    assert.ok((await waitFor(() => lastOf(store, 'node_filesystem_avail_bytes', 'node'))) > 0)
    const host = collector.sources().find(({ kind }) => kind === 'host')
    assert.equal(host?.health, 'ok')
    assert.equal(host?.labels['instance'], hostname())
    assert.deepEqual(collector.targets(), [])
    await collector.reload(readCollectSettings(quietAgent))
    assert.equal(
      collector.sources().some(({ kind }) => kind === 'host'),
      false,
    )
  })
})

test('lines that are pushed or followed are kept, counted by level and shown as sources', async () => {
  await withCollector(quietAgent, async ({ store, collector }) => {
    const body = JSON.stringify({
      streams: [
        {
          stream: { app: 'shop', pod: 'x1' },
          values: [[`${Date.now()}000000`, 'level=error boom']],
        },
      ],
    })
    assert.equal(
      collector.sources().find(({ id }) => id === 'receiver:loki-push')?.health,
      'unknown',
    )
    const reply = await collector.receiveLokiPush({
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body),
    })
    assert.equal(reply.status, 204)
    const pushed = collector.sources().find(({ id }) => id === 'receiver:loki-push')
    assert.deepEqual([pushed?.health, pushed?.lineCount], ['ok', 1])
    const records = await store.selectLogs({
      matchers: [makeMatcher('service_name', '=', 'shop')],
      startTimeNs: 0n,
      endTimeNs: BigInt(Date.now() + 1000) * 1_000_000n,
      filters: [],
      limit: 10,
      direction: 'forward',
    })
    assert.deepEqual(
      records.map(({ line, level }) => [line, level]),
      [['level=error boom', 'error']],
    )
  })
})

test('log counters begin with 0, count, end when silent, and are bounded', async () => {
  const startTimeMs = 1_700_000_000_000
  const clock = new VirtualClock(startTimeMs)
  const store = new MemoryStore({ clock })
  const drops = new DropLedger()
  const counter = new LogCounter({ appender: store, clock, log: silentLog, drops })
  const batchOf = (streams: Record<string, string>[], level: string, count = 1) => ({
    count: streams.length * count,
    streams: streams.map(makeLabels),
    stream: Uint32Array.from({ length: streams.length * count }, (_, row) => row % streams.length),
    timeNs: new BigInt64Array(streams.length * count),
    level: new Uint8Array(streams.length * count).fill(logLevels.indexOf(level as never)),
    line: new Array<string>(streams.length * count).fill('x'),
  })
  const read = async (level: string): Promise<string[]> => {
    const found = await store.select({
      matchers: [makeMatcher('__name__', '=', 'log_lines_total'), makeMatcher('level', '=', level)],
      startTimeMs: 0,
      endTimeMs: startTimeMs * 2,
    })
    return found.map(({ labels, count, timeMs, value }) => {
      const rows = Array.from(
        { length: count },
        (_, row) => `${timeMs[row]! - startTimeMs}:${value[row]}`,
      )
      return `${labels} ${rows.join(' ')}`
    })
  }
  counter.start()
  await clock.advance(1000)
  counter.count(
    batchOf(
      [
        { service_name: 'shop', pod: '1' },
        { service_name: 'shop', pod: '2' },
      ],
      'error',
      3,
    ),
  )
  await clock.advance(4000)
  counter.count(batchOf([{ service_name: 'shop', pod: '1' }], 'debug'))
  await clock.advance(5000)
  const own = 'level="error", service="shop"'
  assert.deepEqual(await read('error'), [`log_lines_total{${own}} 999:0 5000:6 10000:6`])
  assert.deepEqual(await read('debug'), [
    'log_lines_total{level="debug", service="shop"} 9999:0 10000:1',
  ])
  assert.deepEqual(await read('info'), [
    'log_lines_total{level="info", service="shop"} 999:0 5000:0 10000:0',
  ])
  await clock.advance(3_601_000)
  assert.match((await read('error'))[0]!, /:NaN$/)
  const many = Array.from({ length: 1001 }, (_, index) => ({ service_name: `s${index}` }))
  counter.count(batchOf(many, 'info'))
  assert.deepEqual(drops.list(), [{ source: 'log-counter', reason: 'too-many-groups', count: 1 }])
  await counter.stop()
})

test("Debian's real node_exporter is scraped", {
  skip: skipWithout('prometheus-node-exporter'),
  timeout: 300_000,
}, async () => {
  const port = await findFreePort()
  const exporter = startProgram('prometheus-node-exporter', [
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  try {
    await withCollector(
      `${quietAgent}scrape_configs:\n  - {job_name: node, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ['127.0.0.1:${port}']}]}\n`,
      async ({ store, collector }) => {
        const up = await waitFor(async () =>
          (await lastOf(store, 'up', 'node')) === 1 ? true : undefined,
        )
        assert.ok(up)
        assert.ok((await lastOf(store, 'node_cpu_seconds_total', 'node'))! > 0)
        assert.equal(store.metadata('node_load1').get('node_load1')?.type, 'gauge')
        const scraped = (await lastOf(store, 'scrape_samples_scraped', 'node'))!
        assert.ok(scraped > 200)
        // The second page is read from lines that are known: nothing is new in it but few.
        const added = await waitFor(async () => {
          const value = await lastOf(store, 'scrape_series_added', 'node')
          return value !== undefined && value < 50 ? value : undefined
        })
        assert.ok(added < 50)
        assert.deepEqual(collector.drops(), [])
      },
    )
  } finally {
    await exporter.stop()
  }
})
