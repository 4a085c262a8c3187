/**
 * The crash matrix of paging: the process kills itself at each numbered place between evaluation and
 * the last write, and is started again. No page may be lost, each message comes twice at most, and the
 * escalation goes on at its step.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { makeSeededRandom } from '../src/base/random.ts'
import { eventually } from './support/serve.ts'

/** SHIPWATCH_CRASHES=200 runs so many, beginning with each place once. */
const runCount = Number(process.env['SHIPWATCH_CRASHES'] ?? 11)
const atOnceCount = 3
const stepMs = 1_000

const places = [
  'alert-received',
  'alert-kept',
  'group-look',
  'page-opened',
  'page-kept',
  'message-sending',
  'message-sent',
  'ledger-written',
  'log-written',
  'page-sent',
  'page-sent-kept',
]

interface Told {
  timeMs: number
  receiver: string
  status: string
}

function configOf(port: number): string {
  const hook = (name: string): string =>
    `- {name: ${name}, webhook_configs: [{url: 'http://127.0.0.1:${port}/${name}'}]}`
  return `
route: {receiver: room, group_wait: 0s, group_interval: 300ms, escalation_policy: main}
receivers:
${['room', 'ana', 'bo'].map(hook).join('\n')}
people:
- {name: ana, contacts: [{name: hook, receiver: ana}]}
- {name: bo, contacts: [{name: hook, receiver: bo}]}
escalation_policies:
- {name: main, steps: [{person: ana, delay: ${stepMs / 1000}s}, {person: bo, delay: 60s}]}
`
}

function startVictim(args: string[], fault: string): ChildProcess {
  const script = resolve(import.meta.dirname, 'support/page-crash-child.ts')
  return spawn(process.execPath, [script, ...args], {
    env: { ...process.env, SHIPWATCH_FAULT_POINT: fault },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

async function run(fault: string): Promise<void> {
  const told: Told[] = []
  const hook = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      const { status } = JSON.parse(body) as { status: string }
      told.push({ timeMs: Date.now(), receiver: (request.url ?? '').slice(1), status })
      response.end()
    })
  })
  hook.listen(0, '127.0.0.1')
  await once(hook, 'listening')
  const dataDir = mkdtempSync(join(tmpdir(), 'shipwatch-page-crash-'))
  const config = configOf((hook.address() as AddressInfo).port)
  const firedTimeMs = String(Date.now())
  const count = (receiver: string, status: string): number =>
    told.filter((one) => one.receiver === receiver && one.status === status).length
  let isOver = false
  let deathCount = 0
  let victim: ChildProcess
  const begin = (armed: string): void => {
    victim = startVictim([dataDir, config, firedTimeMs, isOver ? 'over' : 'fires'], armed)
    const own = victim
    own.once('exit', () => {
      // Whatever killed it, it is started again, unarmed.
      if (own !== victim || isStopped) return
      deathCount++
      begin('')
    })
  }
  let isStopped = false
  const tell = (): string => told.map(({ receiver, status }) => `${receiver} ${status}`).join(', ')
  const whole = (status: string) => (): true | undefined => {
    const missing = ['room', 'ana', 'bo'].filter((name) => count(name, status) === 0)
    if (missing.length > 0) throw new Error(`not yet: ${missing.join(', ')}; told: ${tell()}`)
    return true
  }
  try {
    begin(fault)
    await eventually(`${fault}: everybody is told`, whole('firing'), 120_000)
    isOver = true
    victim!.stdin?.write('over\n')
    await eventually(`${fault}: everybody is told of the end`, whole('resolved'), 120_000)
    await new Promise((done) => setTimeout(done, 400))
  } finally {
    isStopped = true
    victim!.kill('SIGKILL')
    await once(victim!, 'exit').catch(() => undefined)
    hook.closeAllConnections()
    hook.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  // Every place is passed once at least; later passes may lie behind the end of the story.
  if (fault.endsWith(':1')) assert.equal(deathCount, 1, `${fault}: it died`)
  assert.ok(deathCount <= 1, `${fault}: it died ${deathCount} times`)
  const story = tell()
  for (const receiver of ['room', 'ana', 'bo']) {
    for (const status of ['firing', 'resolved'])
      assert.ok(count(receiver, status) <= 1 + deathCount, `${fault}: too often: ${story}`)
  }
  const first = (receiver: string): number =>
    told.find((one) => one.receiver === receiver && one.status === 'firing')!.timeMs
  // The step is due when it was due before the death, however late the first message came.
  const sinceMs = first('bo') - Number(firedTimeMs)
  assert.ok(sinceMs >= stepMs, `${fault}: bo after ${sinceMs} ms: ${story}`)
  const lastAna = told.findLast((one) => one.receiver === 'ana' && one.status === 'firing')!
  assert.ok(lastAna.timeMs <= first('bo'), `${fault}: the first step came again: ${story}`)
}

test(`no page is lost over ${runCount} deaths between evaluation and the last write`, async () => {
  const random = makeSeededRandom(1)
  const faults = Array.from({ length: runCount }, (_, index) => {
    const place = places[index % places.length]!
    // The first time round at the first pass; then at later ones, up to the end of the story.
    const pass = index < places.length ? 1 : 1 + Math.floor(random() * 6)
    return `${place}:${pass}`
  })
  const failures: string[] = []
  const lanes = Array.from({ length: atOnceCount }, async () => {
    for (;;) {
      const fault = faults.shift()
      if (fault === undefined) return
      await run(fault).catch((thrown: unknown) => failures.push(String(thrown)))
    }
  })
  await Promise.all(lanes)
  assert.deepEqual(failures, [])
})
