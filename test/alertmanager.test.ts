/** What speaks to an Alertmanager speaks to us: Debian's amtool, and a Prometheus that hands its alerts in. */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { findProgram } from './support/programs.ts'
import { eventually, type Served, startServe } from './support/serve.ts'

const alertmanagerPart = `
route:
  receiver: default
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
  - receiver: db
    matchers: [team="db"]
    routes:
    - receiver: night
      matchers: [severity=~"page|critical"]
      mute_time_intervals: [weekend]
      escalation_policy: main
escalation_policies:
- {name: main, steps: [{receiver: night, delay: 1h}]}
time_intervals:
- name: weekend
  time_intervals:
  - weekdays: ['saturday', 'sunday']
    location: Asia/Shanghai
inhibit_rules:
- source_matchers: [severity=critical]
  target_matchers: [severity=warning]
  equal: [host]
`

const dir = mkdtempSync(join(tmpdir(), 'shipwatch-alertmanager-'))
const told: { status: string; alerts: { labels: Record<string, string> }[] }[] = []
const webhook = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += String(chunk)
  })
  request.on('end', () => {
    told.push(JSON.parse(body))
    response.end()
  })
})
let served: Served

before(async () => {
  webhook.listen(0, '127.0.0.1')
  await once(webhook, 'listening')
  const { port } = webhook.address() as AddressInfo
  const receivers = ['default', 'db', 'night'].map(
    (name) =>
      `- name: ${name}\n  webhook_configs: [{url: 'http://127.0.0.1:${port}/${name}?token=hush'}]\n`,
  )
  served = await startServe({
    config: `default_rules: false\n${alertmanagerPart}receivers:\n${receivers.join('')}`,
  })
})
after(async () => {
  await served.stop()
  webhook.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('amtool', () => {
  /** Runs amtool as the administrator of this machine; answers what it printed and its exit code. */
  function amtool(
    t: TestContext,
    ...args: string[]
  ): Promise<{ code: number; out: string; err: string }> | undefined {
    const path = findProgram(t, 'amtool')
    if (path === undefined) return undefined
    const login = join(dir, 'http.yml')
    writeFileSync(login, `authorization: {credentials: '${served.token()}'}\n`)
    const all = [`--alertmanager.url=${served.base}`, `--http.config.file=${login}`, ...args]
    return new Promise((resolve) => {
      execFile(path, all, { env: { HOME: dir } }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err })
      })
    })
  }

  async function list(t: TestContext, ...args: string[]) {
    const reply = (await amtool(t, '-o', 'json', ...args))!
    assert.equal(reply.code, 0, reply.err)
    // biome-ignore lint/suspicious/noExplicitAny: amtool's own shapes
    return JSON.parse(reply.out) as any[]
  }

  test('adds alerts, and finds them again', async (t) => {
    const added = await amtool(
      t,
      ...['alert', 'add', 'alertname=Hot', 'host=a', 'team=db', '--annotation=summary=too hot'],
    )
    if (added === undefined) return
    assert.equal(added.code, 0, added.err)
    const all = await list(t, 'alert', 'query')
    assert.deepEqual(
      all.map((one) => [one.labels, one.annotations, one.receivers, one.status.state]),
      [
        [
          { alertname: 'Hot', host: 'a', team: 'db' },
          { summary: 'too hot' },
          [{ name: 'db' }],
          'active',
        ],
      ],
    )
    assert.equal((await list(t, 'alert', 'query', 'host=~a|b')).length, 1)
    assert.equal((await list(t, 'alert', 'query', 'host!=a')).length, 0)
    assert.equal((await list(t, 'alert', 'query', '--receiver=default')).length, 0)
    await eventually('the webhook', () => told.find((one) => one.alerts[0]?.labels['host'] === 'a'))
  })

  test('adds a silence, sees what it holds, changes it and ends it', async (t) => {
    const added = await amtool(
      t,
      ...['silence', 'add', 'host=~"q.*"', 'team!=web', '-d', '2h', '-c', 'known', '-a', 'ann'],
    )
    if (added === undefined) return
    assert.equal(added.code, 0, added.err)
    const id = added.out.trim()
    const [silence] = await list(t, 'silence', 'query')
    assert.equal(silence.id, id)
    assert.deepEqual([silence.createdBy, silence.comment], ['ann', 'known'])
    await amtool(t, 'alert', 'add', 'alertname=Hot', 'host=q1')
    assert.equal((await list(t, 'alert', 'query', 'host=q1')).length, 0)
    const held = await list(t, 'alert', 'query', '--silenced', 'host=q1')
    assert.deepEqual(held[0].status.silencedBy, [id])
    const updated = (await amtool(t, 'silence', 'update', '-d', '3h', id))!
    assert.equal(updated.code, 0, updated.err)
    assert.equal((await list(t, 'silence', 'query')).length, 1)
    const ended = (await amtool(t, 'silence', 'expire', id))!
    assert.equal(ended.code, 0, ended.err)
    assert.equal((await list(t, 'silence', 'query')).length, 0)
    assert.equal((await list(t, 'silence', 'query', '--expired')).length, 1)
    assert.equal((await list(t, 'alert', 'query', 'host=q1')).length, 1)
    const refused = (await amtool(t, 'silence', 'add', 'a=~".*"', '-c', 'x'))!
    assert.notEqual(refused.code, 0)
    assert.match(refused.err, /must not match the empty string|empty string/)
  })

  test('adds alerts with times, asks for held ones, and ends several silences', async (t) => {
    const end = new Date(Date.now() + 600_000).toISOString()
    const added = await amtool(
      t,
      ...['alert', 'add', 'Source', 'severity=critical', 'host=z', `--end=${end}`],
    )
    if (added === undefined) return
    assert.equal(added.code, 0, added.err)
    await amtool(t, 'alert', 'add', 'alertname=Target', 'severity=warning', 'host=z')
    assert.equal((await list(t, 'alert', 'query', 'alertname=Target')).length, 0)
    const inhibited = await list(t, 'alert', 'query', '--inhibited', 'alertname=Target')
    const [source] = await list(t, 'alert', 'query', 'alertname=Source')
    assert.deepEqual(inhibited[0].status.inhibitedBy, [source.fingerprint])
    assert.equal(new Date(source.endsAt).toISOString(), end)
    const ids: string[] = []
    for (const host of ['s1', 's2']) {
      const made = (await amtool(t, 'silence', 'add', `host=${host}`, '-d', '1h', '-c', 'x'))!
      ids.push(made.out.trim())
    }
    assert.equal((await list(t, 'silence', 'query', '--within=2h', 'host=s1')).length, 1)
    const quiet = (await amtool(t, 'silence', 'query', '-q', 'host=s2'))!
    assert.equal(quiet.out.trim(), ids[1])
    const ended = (await amtool(t, 'silence', 'expire', ...ids))!
    assert.equal(ended.code, 0, ended.err)
    for (const host of ['s1', 's2'])
      assert.equal((await list(t, 'silence', 'query', `host=${host}`)).length, 0)
    const again = (await amtool(t, 'silence', 'expire', 'no-such-id'))!
    assert.notEqual(again.code, 0)
  })

  test('imports silences from a file', async (t) => {
    const file = join(dir, 'silences.json')
    writeFileSync(
      file,
      JSON.stringify([
        {
          matchers: [{ name: 'host', value: 'imported', isRegex: false, isEqual: true }],
          startsAt: new Date().toISOString(),
          endsAt: new Date(Date.now() + 3_600_000).toISOString(),
          createdBy: 'ann',
          comment: 'brought along',
        },
      ]),
    )
    const imported = await amtool(t, 'silence', 'import', file)
    if (imported === undefined) return
    assert.equal(imported.code, 0, imported.err)
    assert.equal((await list(t, 'silence', 'query', 'host=imported')).length, 1)
  })

  test('reads our routes and tests them, with our configuration and with its own file', async (t) => {
    const shown = await amtool(t, 'config', 'show')
    if (shown === undefined) return
    assert.equal(shown.code, 0, shown.err)
    assert.match(shown.out, /receiver: night/)
    assert.doesNotMatch(shown.out, /hush/)
    const tree = (await amtool(t, 'config', 'routes', 'show'))!
    assert.match(tree.out, /\{team="db"\}/)
    const file = join(dir, 'alertmanager.yml')
    writeFileSync(file, shown.out)
    const checked = (await amtool(t, 'check-config', file))!
    assert.equal(checked.code, 0, checked.err)
    assert.match(checked.out, /3 receivers/)
    for (const from of [[], [`--config.file=${file}`]]) {
      const routes = async (receiver: string, ...labels: string[]) =>
        (await amtool(
          t,
          ...['config', 'routes', 'test', ...from, `--verify.receivers=${receiver}`, ...labels],
        ))!
      assert.equal((await routes('night', 'team=db', 'severity=page')).code, 0)
      assert.equal((await routes('db', 'team=db')).code, 0)
      assert.equal((await routes('db', 'team=web')).code, 1)
      assert.equal((await routes('default', 'team=web')).code, 0)
    }
  })

  test('sees a cluster of one', async (t) => {
    const shown = await amtool(t, 'cluster', 'show')
    if (shown === undefined) return
    assert.equal(shown.code, 0, shown.err)
    assert.match(shown.out, /disabled/)
  })
})

test('a Prometheus hands in an alert, and its end', async (t) => {
  const path = findProgram(t, 'prometheus')
  if (path === undefined) return
  const config = join(dir, 'prometheus.yml')
  const rules = join(dir, 'rules.yml')
  const writeRule = (expression: string): void =>
    writeFileSync(
      rules,
      `groups: [{name: g, rules: [{alert: FromOutside, expr: '${expression}', labels: {host: p}, annotations: {summary: 'value {{ $value }}'}}]}]\n`,
    )
  writeRule('vector(7) > 5')
  writeFileSync(
    config,
    `global: {evaluation_interval: 200ms}
rule_files: [${rules}]
alerting:
  alertmanagers: [{static_configs: [{targets: ['${new URL(served.base).host}']}]}]
`,
  )
  const child = spawn(
    path,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, 'tsdb')}`,
      '--web.listen-address=127.0.0.1:0',
      '--rules.alert.resend-delay=1s',
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const gone = once(child, 'exit')
  try {
    const isTold = (status: string) => () =>
      told.find(
        (one) => one.status === status && one.alerts[0]?.labels['alertname'] === 'FromOutside',
      )
    const firing = await eventually('the alert', isTold('firing'))
    assert.deepEqual(firing.alerts[0]!.labels, { alertname: 'FromOutside', host: 'p' })
    writeRule('vector(4) > 5')
    child.kill('SIGHUP')
    await eventually('its end', isTold('resolved'))
  } finally {
    child.kill('SIGTERM')
    await gone
  }
})
