/**
 * The product as a whole, started as a user starts it.
 *  1. this machine is watched and answers through Prometheus's API
 *  2. a restart after kill -9 has everything that was acknowledged
 *  3. a bad configuration is refused at start and at reload, the old one keeps running
 *  4. SIGTERM ends it with exit code 0
 *  5. a second process cannot take the same data directory
 *  6. a real node-exporter is scraped and a real Prometheus writes into it
 *  7. files are tailed and Loki pushes are shown
 *  8. without a token there is no way in
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findFreePort, findProgram } from './support/programs.ts'
import { eventually, type Served, startServe } from './support/serve.ts'

const started: Served[] = []
const children: ChildProcess[] = []
const folders: string[] = []

after(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const served of started) await served.stop()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

async function serve(options: Parameters<typeof startServe>[0]): Promise<Served> {
  const served = await startServe(options)
  started.push(served)
  return served
}

interface Vector {
  data: { result: { metric: Record<string, string>; value: [number, string] }[] }
}

/** The instant query's rows, or undefined when there are none. */
async function ask(served: Served, query: string): Promise<Vector['data']['result'] | undefined> {
  const reply = await fetch(`${served.base}/api/v1/query?query=${encodeURIComponent(query)}`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  assert.equal(reply.status, 200, await reply.clone().text())
  const { data } = (await reply.json()) as Vector
  return data.result.length === 0 ? undefined : data.result
}

test('this machine is watched from the first minute', async () => {
  const served = await serve({})
  assert.match(served.signInLink, /\/sign-in\?code=/)
  const cpu = await eventually('cpu', () => ask(served, 'node_cpu_seconds_total'))
  assert.equal(cpu[0]!.metric['job'], 'node')
  await eventually('disk', () => ask(served, 'node_filesystem_avail_bytes'))
  await eventually('own metrics', () => ask(served, 'shipwatch_process_cpu_seconds_total'), 40_000)
  const ready = await fetch(`${served.base}/-/ready`)
  assert.equal(ready.status, 200)
})

test('a restart after kill -9 has what was there before', async () => {
  const first = await serve({ config: 'host_agent: {interval: 1s}\n' })
  const count = await eventually('five samples', async () => {
    const rows = await ask(first, 'count_over_time(node_load1[5m])')
    return Number(rows?.[0]?.value[1] ?? 0) >= 5 ? Number(rows![0]!.value[1]) : undefined
  })
  await first.kill()
  const again = await serve({ dataDir: first.dataDir, config: 'host_agent: {enabled: false}\n' })
  const rows = await ask(again, 'count_over_time(node_load1[5m])')
  assert.ok(Number(rows?.[0]?.value[1]) >= count, `${rows?.[0]?.value[1]} of ${count}`)
  await assert.rejects(startServe({ dataDir: first.dataDir }), /is in use by process/)
  assert.equal(await again.stop(), 0)
})

test('a bad configuration is refused with its place and the old one keeps running', async () => {
  await assert.rejects(
    startServe({ config: 'global:\n  scrape_interval: 5x\n' }),
    /shipwatch\.yml:2:\d+: global\.scrape_interval: "5x" is not a duration/,
  )
  const served = await serve({ config: 'default_rules: true\n' })
  const rules = async (): Promise<number> => {
    const reply = await fetch(`${served.base}/api/v1/rules`, {
      headers: { authorization: `Bearer ${served.token()}` },
    })
    const { data } = (await reply.json()) as { data: { groups: { rules: unknown[] }[] } }
    return data.groups.reduce((sum, group) => sum + group.rules.length, 0)
  }
  const before = await rules()
  assert.ok(before >= 5)
  writeFileSync(
    join(served.dataDir, 'bad.yml'),
    'groups: [{name: g, rules: [{alert: A, expr: "up =="}]}]\n',
  )
  writeFileSync(
    join(served.dataDir, 'shipwatch.yml'),
    `rule_files: ['${served.dataDir}/bad.yml']\n`,
  )
  const refused = await fetch(`${served.base}/-/reload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}` },
  })
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /bad\.yml:1:\d+/)
  assert.equal(await rules(), before)
  // What is refused late leaves everything as it was, the rules too.
  writeFileSync(join(served.dataDir, 'bad.tmpl'), '{{ define "x" }}\n{{ .Status ')
  for (const [config, refusal] of [
    [`templates: ['${served.dataDir}/bad.tmpl']\ndefault_rules: false\n`, /bad\.tmpl.*2/],
    [
      'default_rules: false\nroute:\n  receiver: nobody\nreceivers: [{name: somebody}]\n',
      /shipwatch\.yml:3:\d+: route\.receiver: there is no receiver "nobody"; there are somebody/,
    ],
  ] as const) {
    writeFileSync(join(served.dataDir, 'shipwatch.yml'), config)
    const late = await fetch(`${served.base}/-/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${served.token()}` },
    })
    assert.equal(late.status, 400)
    assert.match(await late.text(), refusal)
    assert.equal(await rules(), before)
  }
  writeFileSync(join(served.dataDir, 'shipwatch.yml'), 'default_rules: false\n')
  served.process.kill('SIGHUP')
  await eventually('reload by SIGHUP', async () => ((await rules()) === 0 ? true : undefined))
})

test('a real node-exporter is scraped and a real Prometheus writes into it', async (t) => {
  const exporter = findProgram(t, 'prometheus-node-exporter')
  const prometheus = findProgram(t, 'prometheus')
  if (exporter === undefined || prometheus === undefined) return
  const port = await findFreePort()
  children.push(spawn(exporter, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' }))
  const served = await serve({
    config: `host_agent: {enabled: false}
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: exporter
    static_configs: [{targets: ['127.0.0.1:${port}']}]
  - job_name: gone
    static_configs: [{targets: ['127.0.0.1:1']}]
`,
  })
  const up = await eventually('both targets judged', async () => {
    const rows = await ask(served, 'up{job=~"exporter|gone"}')
    return rows?.length === 2 && rows.some((row) => row.value[1] === '1') ? rows : undefined
  })
  assert.equal(up.find((row) => row.metric['job'] === 'gone')!.value[1], '0')
  await eventually('exporter data', () => ask(served, 'node_memory_MemTotal_bytes{job="exporter"}'))

  const folder = mkdtempSync(join(tmpdir(), 'shipwatch-prometheus-'))
  folders.push(folder)
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: {scrape_interval: 1s, external_labels: {writer: real}}
scrape_configs: [{job_name: exporter, static_configs: [{targets: ['127.0.0.1:${port}']}]}]
remote_write: [{url: '${served.base}/api/v1/write'}]
`,
  )
  children.push(
    spawn(
      prometheus,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${await findFreePort()}`,
      ],
      { stdio: 'ignore' },
    ),
  )
  const written = await eventually(
    'series by remote write',
    () => ask(served, 'count({writer="real"})'),
    60_000,
  )
  assert.ok(Number(written[0]!.value[1]) > 100)
})

test('files are tailed, Loki pushes are taken, and both are shown', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shipwatch-logs-'))
  folders.push(folder)
  const file = join(folder, 'app.log')
  writeFileSync(file, '')
  const served = await serve({
    config: `logs: {files: [{paths: ['${folder}/*.log'], labels: {service: app}}]}\n`,
  })
  appendFileSync(file, 'level=error msg="disk on fire"\n')
  const pushed = await fetch(`${served.base}/loki/api/v1/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      streams: [
        { stream: { service: 'pushed' }, values: [[`${Date.now()}000000`, '[WARN] low on tea']] },
      ],
    }),
  })
  assert.equal(pushed.status, 204)
  const lines = async (query: string): Promise<{ line: string; level: string }[] | undefined> => {
    const reply = await fetch(
      `${served.base}/api/shipwatch/v1/logs?query=${encodeURIComponent(query)}&startTimeMs=${Date.now() - 600_000}&endTimeMs=${Date.now() + 60_000}`,
      { headers: { authorization: `Bearer ${served.token()}` } },
    )
    assert.equal(reply.status, 200, await reply.clone().text())
    const { lines: found } = (await reply.json()) as { lines: { line: string; level: string }[] }
    return found.length === 0 ? undefined : found
  }
  const tailed = await eventually('tailed line', () => lines('{service="app"} |= "fire"'))
  assert.deepEqual(
    tailed.map(({ line, level }) => ({ line, level })),
    [{ line: 'level=error msg="disk on fire"', level: 'error' }],
  )
  assert.equal(
    (await eventually('pushed line', () => lines('{service="pushed"}')))[0]!.level,
    'warn',
  )
})

test('without a token there is no way in, and ingest from here can be closed', async () => {
  const served = await serve({ config: 'server: {ingest_open_on_loopback: false}\n' })
  const status = async (path: string, init?: RequestInit): Promise<number> =>
    (await fetch(served.base + path, init)).status
  assert.equal(await status('/api/v1/query?query=1'), 401)
  assert.equal(await status('/api/shipwatch/v1/now'), 401)
  assert.equal(await status('/-/reload', { method: 'POST' }), 401)
  assert.equal(await status('/loki/api/v1/push', { method: 'POST', body: '{}' }), 401)
  assert.equal(await status('/-/healthy'), 200)
  const closed = await serve({ isAuthRequired: false })
  assert.equal((await fetch(`${closed.base}/api/v1/query?query=1`)).status, 200)
  await assert.rejects(
    startServe({ isAuthRequired: false, arguments: ['--host', '0.0.0.0'] }),
    /listens on this machine only/,
  )
})
