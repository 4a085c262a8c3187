/**
 * Paging from end to end in the running product: an alert comes in, people are told in their order, one
 * of them takes it from the command line, the story is in the records and in the incident, and a kill -9
 * changes none of it.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { PageDetail, PageList } from '../src/api/on-call.ts'
import { eventually, type Served, startServe } from './support/serve.ts'

const root = resolve(import.meta.dirname, '..')
const told: { receiver: string; status: string }[] = []
const webhook = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += String(chunk)
  })
  request.on('end', () => {
    const { status } = JSON.parse(body) as { status: string }
    told.push({ receiver: (request.url ?? '').slice(1), status })
    response.end()
  })
})
let served: Served
let config: string

before(async () => {
  webhook.listen(0, '127.0.0.1')
  await once(webhook, 'listening')
  const { port } = webhook.address() as AddressInfo
  const hook = (name: string): string =>
    `- {name: ${name}, webhook_configs: [{url: 'http://127.0.0.1:${port}/${name}'}]}\n`
  config = `default_rules: false
route: {receiver: room, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers:
- {name: room, escalation_policy: main, webhook_configs: [{url: 'http://127.0.0.1:${port}/room'}]}
${hook('ana')}${hook('bo')}people:
- {name: ana, contacts: [{name: hook, receiver: ana}]}
- {name: bo, contacts: [{name: hook, receiver: bo}]}
schedules:
- {name: primary, layers: [{people: [ana], start: 2026-01-01}]}
teams:
- {name: shop, members: [ana, bo], schedule: primary}
escalation_policies:
- {name: main, steps: [{schedule: primary, delay: 2s}, {everyone: shop, delay: 10m}]}
`
  served = await startServe({ config })
})
after(async () => {
  await served.stop()
  webhook.close()
})

/** What a command printed. */
async function cli(...words: string[]): Promise<string> {
  const args = ['src/main.ts', ...words, '--url', served.base, `--token=${served.token()}`]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
  return stdout
}

async function ask<Reply>(path: string): Promise<Reply> {
  const reply = await fetch(`${served.base}/api/shipwatch/v1${path}`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  assert.equal(reply.status, 200, path)
  return (await reply.json()) as Reply
}

async function push(endsAt?: string): Promise<void> {
  const reply = await fetch(`${served.base}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${served.token()}` },
    body: JSON.stringify([
      {
        labels: { alertname: 'Down', service: 'shop' },
        ...(endsAt === undefined ? {} : { endsAt }),
      },
    ]),
  })
  assert.equal(reply.status, 200)
}

const isTold = (receiver: string, status = 'firing') =>
  told.some((one) => one.receiver === receiver && one.status === status) || undefined

test('a page goes its way, is taken, and survives kill -9', async () => {
  assert.match(await cli('oncall'), /primary +ana/)
  await push()
  await eventually('the room', () => isTold('room'))
  await eventually('who is on call', () => isTold('ana'))
  await eventually('everybody of the team', () => isTold('bo'))
  const listed = await cli('alert', 'list')
  assert.match(listed, /Down/)
  const [page] = (await ask<PageList>('/pages')).pages
  assert.equal(page?.state, 'escalated')
  assert.ok(listed.includes(page.id))

  const taken = JSON.parse(
    await cli('alert', 'ack', page.id, '--reason', 'mine', '--output', 'json'),
  )
  assert.equal(taken[0].state, 'acknowledged')
  assert.match(await cli('alert', 'list'), /acknowledged \(token:local\)/)
  const count = told.length
  await served.kill()
  served = await startServe({ config, dataDir: served.dataDir })
  assert.equal((await ask<PageList>('/pages')).pages[0]?.acknowledgedBy, 'token:local')
  await push(new Date().toISOString())
  await eventually('the end', () => isTold('bo', 'resolved'))
  const firing = told.slice(count).filter(({ status }) => status === 'firing')
  assert.deepEqual(firing, [])
  const detail = await eventually('the page is over', async () => {
    const found = await ask<PageDetail>(`/pages/${page.id}`)
    // The story is written a moment after the page itself is over.
    const isTold = found.events.some(({ action }) => action === 'closed')
    return found.page.isOpen || !isTold ? undefined : found
  })
  const actions = detail.events.map(({ action }) => action)
  assert.deepEqual(
    actions.filter((action) => action !== 'notified'),
    ['opened', 'step', 'step', 'acknowledged', 'resolved', 'closed'],
  )
  const { incidents } = await ask<{ incidents: { id: string }[] }>('/incidents')
  const incident = await ask<{ timeline: { code: string }[] }>(`/incidents/${incidents[0]!.id}`)
  assert.ok(incident.timeline.some(({ code }) => code === 'page-acknowledged'))
})

test('a maintenance window and an override are made from the command line', async () => {
  const made = await cli('maintenance', 'add', 'move', '--service', 'shop', '--for', '1h')
  const [id] = made.split(' ')
  assert.match(await cli('maintenance', 'list'), new RegExp(`${id} +active .* move +service shop`))
  await push()
  await eventually('the hold', async () => {
    const { alerts } = await ask<{ alerts: { held?: { reason: string } }[] }>('/alerts')
    return alerts.some(({ held }) => held?.reason === 'maintenance') || undefined
  })
  assert.match(await cli('maintenance', 'end', id!), /ended/)
  await cli('oncall', 'override', 'primary', 'bo', '--for', '2h')
  assert.match(await cli('oncall'), /primary +bo/)
})
