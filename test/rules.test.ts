/**
 * Rules as a person works with them, on the product as a user starts it: a file is saved over the API and
 * runs at once, its alert reaches a webhook, the commands ask who would be told and what the past says,
 * and an objective shows its budget.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { RuleFileView, RuleList, SloStatusList } from '../src/api/rules.ts'
import { eventually, type Served, startServe } from './support/serve.ts'

const dir = mkdtempSync(join(tmpdir(), 'shipwatch-rules-'))
const told: { status: string; alerts: { labels: Record<string, string> }[] }[] = []
const sink = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    told.push(JSON.parse(Buffer.concat(chunks).toString()))
    response.end()
  })
})
let served: Served | undefined

after(async () => {
  await served?.stop()
  sink.close()
  rmSync(dir, { recursive: true, force: true })
})

const rules = `groups:
- name: own
  interval: 1s
  rules:
  - alert: Busy
    expr: jobs_waiting > 10
    annotations:
      shipwatch: |
        levels:
          - severity: warning
          - { severity: page, when: '> 100' }
`

const objective = `version: prometheus/v1
service: shop
slos:
  - name: availability
    objective: 99
    sli:
      events: { error_query: 'sum(rate(bad[{{.window}}]))', total_query: 'sum(rate(all[{{.window}}]))' }
    alerting: { name: ShopBurns }
`

test('a rule is written, tried, saved and runs; the past and the routes are asked', async () => {
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  const { port } = sink.address() as AddressInfo
  mkdirSync(join(dir, 'slo'))
  writeFileSync(join(dir, 'slo', 'shop.yml'), objective)
  const config = `
global: { evaluation_interval: 1s }
default_rules: false
rule_editing: { directory: rules }
slo_files: [slo/*.yml]
route:
  receiver: chat
  group_wait: 0s
  routes: [{ receiver: pager, matchers: ['severity="page"'], group_wait: 0s }]
receivers:
  - { name: chat, webhook_configs: [{ url: 'http://127.0.0.1:${port}/' }] }
  - { name: pager, webhook_configs: [{ url: 'http://127.0.0.1:${port}/' }] }
`
  served = await startServe({ config, dataDir: dir })
  const { base } = served
  const headers = {
    authorization: `Bearer ${served.token()}`,
    'content-type': 'application/json',
  }
  const api = async <Reply>(method: string, path: string, body?: object): Promise<Reply> => {
    const reply = await fetch(`${base}/api/shipwatch/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    assert.ok(reply.ok, await reply.clone().text())
    return (await reply.json()) as Reply
  }
  const feed = (lines: string): Promise<Response> =>
    fetch(`${base}/api/v1/import/prometheus`, { method: 'POST', headers, body: lines })

  await api<RuleFileView>('PUT', '/rules/files/own.yml', { text: rules, revision: '' })
  assert.equal(readFileSync(join(dir, 'rules', 'own.yml'), 'utf8'), rules)
  await feed('jobs_waiting{queue="mail"} 50\n')
  await eventually('the chat is told', async () => told.find(({ status }) => status === 'firing'))
  assert.equal(told[0]!.alerts[0]!.labels['severity'], 'warning')
  await feed('jobs_waiting{queue="mail"} 500\n')
  await eventually('the pager is told', async () =>
    told.find(({ alerts }) => alerts.some(({ labels }) => labels['severity'] === 'page')),
  )
  const { groups } = await api<RuleList>('GET', '/rules')
  const own = groups.find((group) => group.name === 'own')!
  assert.equal(own.editName, 'own.yml')
  assert.equal(own.rules[0]!.state, 'firing')
  assert.ok(own.rules[0]!.latenessMs !== undefined && own.rules[0]!.latenessMs < 2_000)

  const { slos } = await api<SloStatusList>('GET', '/slos')
  assert.equal(slos[0]!.id, 'shop-availability')
  assert.equal(slos[0]!.budgetLeftRatio, undefined, 'no requests, no figure')

  let said = ''
  const cli = (...words: string[]): Promise<number> =>
    new Promise((resolve) => {
      const args = ['src/main.ts', ...words, '--url', base, '--token', served!.token()]
      execFile(process.execPath, args, (error, out, err) => {
        said = out + err
        resolve(error === null ? 0 : Number(error.code))
      })
    })
  const verify = ['--verify', 'pager']
  assert.equal(await cli('routes', 'test', 'alertname=Busy', 'severity=page', ...verify), 0)
  assert.match(said, /^pager\n {2}route {4}\{\} \/ \{severity="page"\}/)
  assert.equal(await cli('routes', 'test', 'alertname=Busy', ...verify), 1)
  assert.match(said, /expected pager, found chat/)
  assert.equal(
    await cli('backtest', 'rules', join(dir, 'rules', 'own.yml'), '--from', '-1h'),
    0,
    said,
  )
  assert.match(said, /^Busy: over 1h it would have fired \d times?\n/)
  assert.match(said, /page|warning/)
  assert.doesNotMatch(said, /\r/, 'progress is for terminals')

  assert.equal(await cli('slo', 'list'), 0, said)
  assert.match(said, /^shop-availability {2}99 % {4}30d {3}no data/m)
})
