/**
 * Notifications of the whole product, as a process of its own: what a channel refuses reaches the fallback
 * with a chart; what reaches nobody is listed, said to others, and sent again from the command line.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { eventually, type Served, startServe } from './support/serve.ts'

const root = resolve(import.meta.dirname, '..')
const calls: { path: string; body: string }[] = []
/** Paths that answer 404 for now. */
const refused = new Set(['/chat', '/lonely'])

const sink = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const path = request.url ?? ''
    calls.push({ path, body: Buffer.concat(chunks).toString('latin1') })
    response.writeHead(refused.has(path) ? 404 : 200, { connection: 'close' }).end('ok')
  })
})
let served: Served
let rules: string

before(async () => {
  await new Promise<void>((done) => sink.listen(0, '127.0.0.1', done))
  const address = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`
  rules = join(mkdtempSync(join(tmpdir(), 'shipwatch-notifications-')), 'rules.yml')
  writeFileSync(
    rules,
    `groups:
- name: g
  interval: 1s
  rules:
  - {alert: Chatty, expr: vector(0.08) > 0.03, labels: {team: shop, severity: warning}}
  - {alert: Lonely, expr: vector(1) > 0, labels: {to: nobody, severity: warning}}
`,
  )
  served = await startServe({
    config: `
rule_files: [${rules}]
host_agent: { enabled: false }
route:
  receiver: chat
  group_wait: 0s
  group_interval: 1s
  group_by: [alertname]
  routes: [{ receiver: lonely, matchers: [to=nobody] }]
receivers:
- name: chat
  slack_configs: [{ api_url: '${address}/chat' }]
  fallback: [room]
- name: room
  discord_configs: [{ webhook_url: '${address}/room' }]
- name: lonely
  webhook_configs: [{ url: '${address}/lonely' }]
- name: desk
  webhook_configs: [{ url: '${address}/desk' }]
notify:
  alarm_receivers: [desk]
  heartbeat: { url: '${address}/beat', interval: 1s }
`,
  })
})
after(async () => {
  await served?.stop()
  rmSync(dirname(rules), { recursive: true, force: true })
  await new Promise((done) => sink.close(done))
})

/** Runs a command of ours against the server. */
async function run(...words: string[]): Promise<string> {
  const command = ['src/main.ts', ...words, '--url', served.base, '--token', served.token()]
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root })
  return stdout
}

const find = (path: string) => calls.find((call) => call.path === path)

test('what a channel refuses reaches the fallback, with the chart of the rule', async () => {
  const { body } = await eventually('the fallback is told', () => find('/room'))
  assert.match(body, /"title":"\[FIRING:1\] Chatty"/)
  assert.match(body, /limit > 0\.03/)
  assert.match(body, /filename="chart\.png"[\s\S]*PNG/)
  // The ledger has the answer of the fallback a moment after the fallback gave it.
  await eventually('both are in the ledger', async () => {
    const rows = await run('notifications', 'list', '--label', 'team=shop', '--output', 'json')
    const outcomes = (JSON.parse(rows) as { receiver: string; outcome: string }[]).map(
      ({ receiver, outcome }) => `${receiver} ${outcome}`,
    )
    assert.deepEqual(new Set(outcomes), new Set(['chat failed', 'room delivered']))
    return true
  })
})

test('what reaches nobody is said to others, and holds the heartbeat back', async () => {
  const { body } = await eventually('others are told', () => find('/desk'))
  assert.match(body, /ShipwatchNotificationsFailing/)
  assert.match(body, /Messages to lonely over webhook\[0\] reach nobody/)
  const metrics = await eventually('the heart rests', async () => {
    const headers = { authorization: `Bearer ${served.token()}` }
    const text = await (await fetch(`${served.base}/metrics`, { headers })).text()
    return /shipwatch_notify_heartbeats_total\{outcome="withheld"\} [1-9]/.test(text)
      ? text
      : undefined
  })
  assert.match(metrics, /shipwatch_notify_open_dead_letters [1-9]/)
})

test('what reached nobody is listed and sent again from the command line', async () => {
  const letters = await run('notifications', 'list', '--undelivered', '--output', 'json')
  const lonely = (JSON.parse(letters) as { id: string; receiver: string }[]).find(
    ({ receiver }) => receiver === 'lonely',
  )!
  const again = () =>
    run('notifications', 'resend', lonely.id).catch((thrown: { stdout: string }) => thrown.stdout)
  assert.match(await again(), /HTTP 404/)
  refused.delete('/lonely')
  assert.match(await again(), /: delivered/)
  await eventually('nothing is left', async () =>
    /Every message reached somebody/.test(await run('notifications', 'list', '--undelivered'))
      ? true
      : undefined,
  )
  assert.match(await run('receivers', 'test', 'desk'), /"desk" was told/)
  assert.match(await run('receivers', 'list'), /chat +slack\[0\] +room/)
})
