/**
 * Stories of deliveries: a bad release is taken back by a real command and verified by the signals that
 * showed the trouble; every guard rail is seen to refuse, with its reason on record and no command run.
 */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Behaviour, MadeService } from '../../test/support/made-service.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import { IncidentDesk, incidentSettings } from '../incident/incident.ts'
import type { Deployment } from '../model/deployment.ts'
import { DeliveryDesk } from './deliver.ts'
import { deliverSettings } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'shipwatch-deliver-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let fileCount = 0

interface Story {
  made: MadeService
  incidents: IncidentDesk
  deliveries: DeliveryDesk
  /** What the rollback command writes, so that it is seen to have run. */
  file: string
  settings: ReturnType<typeof settingsOf>
}

function settingsOf(file: string, change: { rollback?: object; delivery?: object } = {}) {
  const script = `require('node:fs').appendFileSync(process.argv[1], process.argv[2] + ' ' + process.env.SHIPWATCH_SERVICE + '\\n'); console.log('done')`
  return z.object({ ...incidentSettings.top, ...deliverSettings.top }).parse({
    services: [
      {
        name: 'checkout',
        rollback: {
          allowed: true,
          command: [process.execPath, '-e', script, file, '{previous_version}'],
          ...change.rollback,
        },
        verify: { for: '20s', timeout: '2m' },
      },
    ],
    incidents: { signal_window: '10s' },
    delivery: { check_interval: '1s', ...change.delivery },
  })
}

async function begin(change: { rollback?: object; delivery?: object } = {}): Promise<Story> {
  const made = new MadeService()
  const file = join(folder, `version-${++fileCount}`)
  const settings = settingsOf(file, change)
  return { ...(await open(made, settings)), made, file, settings }
}

async function open(made: MadeService, settings: Story['settings']) {
  const parts = {
    alerts: made.feed,
    engine: made.engine,
    records: made.records,
    clock: made.clock,
    log: silentLog,
    settings,
  }
  const incidents = new IncidentDesk({ ...parts, externalUrl: 'http://shipwatch.example' })
  const deliveries = new DeliveryDesk({ ...parts, incidents })
  await incidents.start()
  await deliveries.start()
  return { incidents, deliveries }
}

async function end(story: Pick<Story, 'incidents' | 'deliveries'>): Promise<void> {
  await story.deliveries.stop()
  await story.incidents.stop()
}

const well: Behaviour = { version: 'v1' }
const bad: Behaviour = { version: 'v2', errorRatio: 0.08, slowRatio: 0.9 }

async function settle(made: MadeService): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await made.clock.advance(0)
}

/** Waits in real time for what a real child process does. */
async function untilReal(
  made: MadeService,
  isTrue: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  while (!(await isTrue())) {
    assert.ok(performance.now() < deadlineMs, 'it did not happen within 60 s')
    await new Promise((resolve) => setTimeout(resolve, 10))
    await made.clock.advance(0)
  }
}

/** Calm, then the bad release; the deployment is recorded as a pipeline does. */
async function releaseBad(story: Story, request: object = {}): Promise<Deployment> {
  const { made, deliveries } = story
  await deliveries.record({ service: 'checkout', version: 'v1' }, 'ci')
  await made.live(90, well)
  const deployment = await deliveries.record(
    { service: 'checkout', version: 'v2', ...request },
    'ci',
  )
  await made.live(6, bad)
  return deployment
}

async function codesOf(story: Story, id: string): Promise<string[]> {
  return (await story.made.records.incidents.listTimeline(id)).map((entry) => entry.code)
}

test('a bad release is rolled back by the command, verified by its signals, and written down', async () => {
  const story = await begin()
  const { made, incidents, deliveries, file } = story
  const deployment = await releaseBad(story)
  assert.equal(deployment.previousVersion, 'v1')
  const alert = await made.fire('RequestsFail')
  await settle(made)
  await untilReal(made, async () => {
    const { id } = incidents.openIncidents()[0]!
    return (await codesOf(story, id)).includes('verify-started')
  })
  assert.equal(readFileSync(file, 'utf8'), 'v1 checkout\n')
  const { id } = incidents.openIncidents()[0]!
  assert.equal(incidents.openIncidents()[0]!.state, 'recovering')

  // The old version is back, but for ten seconds the window still holds failures: not yet healthy.
  await made.live(12, well)
  await made.end(alert)
  await made.live(5, well)
  assert.equal((await made.records.deployments.find(deployment.id))!.state, 'rolling-back')
  await made.live(20, well)
  await settle(made)

  const view = await deliveries.view(deployment.id)
  assert.equal(view!.deployment.state, 'rolled-back')
  assert.deepEqual(
    view!.decisions.map(({ question, verdict, reason }) => [question, verdict, reason]),
    [
      ['rollback', 'yes', 'cause-is-certain'],
      ['verify', 'yes', 'signals-well'],
    ],
  )
  assert.deepEqual(
    view!.checks.map(({ name, health }) => [name, health]),
    [
      ['error ratio', 'ok'],
      ['p95 latency', 'ok'],
      ['signal of RequestsFail', 'ok'],
    ],
  )
  const [rollback] = await deliveries.list({ limit: 1 })
  assert.deepEqual(
    [rollback!.version, rollback!.rollbackOf, rollback!.actor, rollback!.state],
    ['v1', deployment.id, 'shipwatch', 'healthy'],
  )
  const incident = (await incidents.view(id))!.incident
  assert.equal(incident.state, 'resolved')
  assert.match(incident.postMortem, /The deployment was rolled back\. The recovery was verified/)
  const codes = await codesOf(story, id)
  for (const code of [
    'rollback-decided',
    'rollback-started',
    'rollback-finished',
    'verify-passed',
  ]) {
    assert.ok(codes.includes(code), `${code} in ${codes}`)
  }
  assert.equal((await made.records.states.list('rollback/')).length, 0)
  await end(story)
})

test('no data is not healthy: a service that is silent after the rollback is not verified', async () => {
  const story = await begin()
  const { made, incidents, deliveries } = story
  const deployment = await releaseBad(story)
  const alert = await made.fire('RequestsFail')
  await settle(made)
  await untilReal(made, async () => {
    const { id } = incidents.openIncidents()[0]!
    return (await codesOf(story, id)).includes('verify-started')
  })
  const { id } = incidents.openIncidents()[0]!
  await made.vanish(15)
  await made.end(alert)
  await made.vanish(110)
  await settle(made)
  const { decisions, deployment: judged } = (await deliveries.view(deployment.id))!
  assert.deepEqual(
    [decisions.at(-1)!.question, decisions.at(-1)!.verdict, decisions.at(-1)!.reason],
    ['verify', 'no', 'no-data'],
  )
  assert.equal(judged.state, 'rollback-failed')
  // Quiet as it is, the incident stays open until a person looks.
  await made.vanish(300)
  assert.equal((await incidents.view(id))!.incident.state, 'open')
  assert.ok((await codesOf(story, id)).includes('verify-failed'))
  await end(story)
})

test('a rollback after which the trouble goes on is not verified, and the incident stays open', async () => {
  const story = await begin()
  const { made, incidents, deliveries } = story
  const deployment = await releaseBad(story)
  const alert = await made.fire('RequestsFail')
  await settle(made)
  await untilReal(made, async () => {
    const { id } = incidents.openIncidents()[0]!
    return (await codesOf(story, id)).includes('verify-started')
  })
  await made.live(125, { version: 'v1', errorRatio: 0.08 })
  await settle(made)
  const decision = (await deliveries.view(deployment.id))!.decisions.at(-1)!
  assert.deepEqual([decision.verdict, decision.reason], ['no', 'signals-bad'])
  assert.match(decision.message, /error ratio is 8\.\d %, 0\.0 % before; the limit is/)
  assert.equal(incidents.openIncidents()[0]!.state, 'open')
  // Even when the alert ends by itself later, a person has the last word.
  await made.end(alert)
  await made.live(70, well)
  assert.equal(incidents.openIncidents()[0]!.state, 'open')
  await end(story)
})

test('well signals do not verify a recovery while an alert of the incident still fires', async () => {
  const story = await begin()
  const { made, incidents, deliveries } = story
  const deployment = await releaseBad(story)
  await made.fire('RequestsFail')
  await settle(made)
  const { id } = incidents.openIncidents()[0]!
  await untilReal(made, async () => (await codesOf(story, id)).includes('verify-started'))
  await made.live(125, well)
  await settle(made)
  const decision = (await deliveries.view(deployment.id))!.decisions.at(-1)!
  assert.deepEqual([decision.verdict, decision.reason], ['no', 'alerts-firing'])
  await end(story)
})

test('a command that fails ends the attempt; nothing is verified and nothing is tried twice', async () => {
  const story = await begin({
    rollback: {
      command: [process.execPath, '-e', 'console.error("no such image"); process.exit(4)'],
    },
  })
  const { made, incidents, deliveries } = story
  const deployment = await releaseBad(story)
  await made.fire('RequestsFail')
  await settle(made)
  const { id } = incidents.openIncidents()[0]!
  await untilReal(made, async () => (await codesOf(story, id)).includes('rollback-failed'))
  await deliveries.idle()
  const entries = await made.records.incidents.listTimeline(id)
  const failed = entries.find((entry) => entry.code === 'rollback-failed')!
  assert.match(failed.message, /exit code 4/)
  assert.equal(failed.facts['output'], 'no such image')
  assert.equal((await made.records.deployments.find(deployment.id))!.state, 'rollback-failed')
  // The evidence is as strong as before, but once is once.
  await incidents.acknowledge(id, 'ana')
  await settle(made)
  const { decisions } = (await deliveries.view(deployment.id))!
  assert.deepEqual(
    decisions.map(({ reason }) => reason),
    ['cause-is-certain', 'already-rolled-back'],
  )
  await end(story)
})

/** A rollback leaves a deployment and an entry before its command even starts; neither is there. */
async function checkNothingRan(story: Story, incidentId: string): Promise<void> {
  const deployments = await story.deliveries.list({ limit: 100 })
  assert.ok(deployments.every((other) => other.note === ''))
  assert.ok(!(await codesOf(story, incidentId)).includes('rollback-started'))
  assert.equal(existsSync(story.file), false)
}

/** Lets the cause be found with a guard rail in the way; checks the refusal and that nothing ran. */
async function checkRefusal(
  reason: string,
  parts: {
    change?: { rollback?: object; delivery?: object }
    request?: object
    before?: (story: Story, deployment: Deployment) => Promise<void>
  } = {},
): Promise<void> {
  const story = await begin(parts.change)
  const { made, incidents, deliveries } = story
  const deployment = await releaseBad(story, parts.request)
  await parts.before?.(story, deployment)
  await made.fire('RequestsFail')
  await settle(made)
  const { id } = incidents.openIncidents()[0]!
  assert.equal(incidents.openIncidents()[0]!.causes[0]!.deploymentId, deployment.id)
  const decision = (await deliveries.view(deployment.id))!.decisions.at(-1)!
  assert.deepEqual([decision.question, decision.reason], ['rollback', reason])
  assert.notEqual(decision.verdict, 'yes')
  const entry = (await made.records.incidents.listTimeline(id)).findLast(
    (other) => other.kind === 'decision',
  )
  assert.equal(entry!.message, decision.message)
  await checkNothingRan(story, id)
  assert.equal((await made.records.states.list('rollback/')).length, 0)
  await end(story)
}

test('not where the service does not allow it', () =>
  checkRefusal('not-allowed', { change: { rollback: { allowed: false } } }))

test('not when automatic rollback is switched off', () =>
  checkRefusal('switched-off', { change: { delivery: { automatic_rollback: false } } }))

test('not below the confidence that is asked for', () =>
  checkRefusal('confidence-too-low', { change: { delivery: { rollback_confidence_min: 1 } } }))

test('not when the deployment is too old', () =>
  checkRefusal('too-old', { change: { delivery: { rollback_age_max: '5s' } } }))

test('not after a person took the deployment over', () =>
  checkRefusal('touched-by-person', {
    before: async ({ deliveries }, deployment) => {
      const held = await deliveries.hold(deployment.id, 'ana', 'looking into it')
      assert.deepEqual([held.question, held.verdict], ['hold', 'yes'])
    },
  }))

test('not when the service was deployed again since', () =>
  checkRefusal('superseded', {
    before: async ({ made }, deployment) => {
      // Recorded by another pipeline with a clock ahead: later, but not a suspect itself.
      await made.records.deployments.save({
        ...deployment,
        id: 'later',
        version: 'v3',
        startTimeMs: made.clock.nowTimeMs() + 120_000,
      })
    },
  }))

test('not when the deployment is itself a rollback', () =>
  checkRefusal('is-rollback', {
    before: ({ made }, deployment) =>
      made.records.deployments.save({ ...deployment, rollbackOf: 'earlier' }),
  }))

test('not when the version before is unknown', async () => {
  const story = await begin()
  const { made, incidents, deliveries, file } = story
  await made.live(90, well)
  const deployment = await deliveries.record({ service: 'checkout', version: 'v2' }, 'ci')
  assert.equal(deployment.previousVersion, '')
  await made.live(6, bad)
  await made.fire('RequestsFail')
  await settle(made)
  const decision = (await deliveries.view(deployment.id))!.decisions.at(-1)!
  assert.equal(decision.reason, 'previous-version-unknown')
  assert.equal(incidents.openIncidents()[0]!.state, 'open')
  assert.equal(existsSync(file), false)
  await end(story)
})

test('not after a person acknowledged the incident', async () => {
  const story = await begin({ delivery: { rollback_confidence_min: 1 } })
  const { made, incidents, deliveries, file, settings } = story
  const deployment = await releaseBad(story)
  await made.fire('RequestsFail')
  await settle(made)
  await incidents.acknowledge(incidents.openIncidents()[0]!.id, 'ana')
  deliveries.reload({
    ...settings,
    delivery: { ...settings.delivery, rollback_confidence_min: 0.5 },
  })
  incidents.lookAgain('production')
  await settle(made)
  const reasons = (await deliveries.view(deployment.id))!.decisions.map(({ reason }) => reason)
  assert.deepEqual(reasons, ['confidence-too-low', 'touched-by-person'])
  assert.equal(existsSync(file), false)
  await end(story)
})

test('a person rolls back by hand, whatever is allowed to automation; then automation keeps out', async () => {
  const story = await begin({ rollback: { allowed: false } })
  const { made, deliveries, file } = story
  const deployment = await releaseBad(story)
  const decision = await deliveries.rollback(deployment.id, 'ana', 'orders fail')
  assert.deepEqual([decision.verdict, decision.reason], ['yes', 'asked-by-person'])
  assert.equal((await deliveries.rollback(deployment.id, 'ben', 'me too')).reason, 'is-under-way')
  await untilReal(made, () => existsSync(file))
  await untilReal(made, async () => {
    return (await made.records.states.find(`checks/${deployment.id}`)) !== undefined
  })
  await made.live(40, well)
  await deliveries.idle()
  assert.equal((await made.records.deployments.find(deployment.id))!.state, 'rolled-back')
  const again = await deliveries.rollback(deployment.id, 'ben', 'once more')
  assert.deepEqual([again.verdict, again.reason], ['no', 'already-rolled-back'])
  assert.equal(readFileSync(file, 'utf8'), 'v1 checkout\n')
  await end(story)
})

test('nothing is run when the intent cannot be written down first', async () => {
  const story = await begin()
  const { made, incidents } = story
  await releaseBad(story)
  // The states, where the intent goes, refuse; everything else works.
  const refuse = { ...made.records.states, set: () => Promise.reject(new Error('disk full')) }
  Object.defineProperty(made.records, 'states', { value: refuse })
  await made.fire('RequestsFail')
  await settle(made)
  assert.equal(incidents.openIncidents().length, 1)
  await checkNothingRan(story, incidents.openIncidents()[0]!.id)
  await end(story)
})

test('a rollback cut off by a restart is not run again: the signals judge it', async () => {
  const story = await begin()
  const { made, file, settings } = story
  const deployment = await releaseBad(story)
  await made.fire('RequestsFail')
  await settle(made)
  const { id } = story.incidents.openIncidents()[0]!
  await untilReal(made, () => existsSync(file))
  await end(story)
  // As a kill in the middle of the command would have left it.
  await made.records.states.set(`rollback/${deployment.id}`, {
    ...((await made.records.states.find(`rollback/${deployment.id}`)) as object),
    phase: 'command',
  })
  const alert = made.feed.list()[0]!
  const next = await open(made, settings)
  await made.live(12, well)
  await made.end(alert)
  await made.live(35, well)
  await settle(made)
  assert.equal(readFileSync(file, 'utf8'), 'v1 checkout\n')
  const codes = await codesOf(story, id)
  assert.ok(codes.includes('rollback-interrupted'), `${codes}`)
  assert.equal(codes.filter((code) => code === 'rollback-started').length, 1)
  assert.ok(codes.includes('verify-passed'), `${codes}`)
  assert.equal((await made.records.deployments.find(deployment.id))!.state, 'rolled-back')
  assert.equal((await next.incidents.view(id))!.incident.state, 'resolved')
  await end(next)
})

test('a deployment finds its version before, is told twice as one, and bad input names its field', async () => {
  const story = await begin()
  const { made, deliveries } = story
  const first = await deliveries.record({ service: 'api', version: '1.0' }, 'ci')
  await made.clock.advance(3_600_000)
  const startTimeMs = made.clock.nowTimeMs()
  const second = await deliveries.record({ service: 'api', version: '1.1', startTimeMs }, 'ci')
  assert.deepEqual([first.previousVersion, second.previousVersion], ['', '1.0'])
  await made.clock.advance(60_000)
  const told = await deliveries.record(
    { service: 'api', version: '1.1', startTimeMs, endTimeMs: startTimeMs + 50_000 },
    'ci',
  )
  assert.deepEqual([told.id, told.endTimeMs], [second.id, startTimeMs + 50_000])
  const refuse = (request: object, field: RegExp) =>
    assert.rejects(deliveries.record({ service: 'api', version: '2', ...request }, 'ci'), {
      code: 'DELIVER_DEPLOYMENT_INVALID',
      message: field,
    })
  await refuse({ version: '' }, /version is missing/)
  await refuse({ version: '--force' }, /version must not begin with "-"/)
  await refuse({ service: 7 }, /service must be a text/)
  await refuse({ startTimeMs: 1.5 }, /startTimeMs must be whole milliseconds/)
  await refuse({ startTimeMs: made.clock.nowTimeMs() + 3_600_000 }, /lies in the future/)
  await refuse({ startTimeMs: 5, endTimeMs: 4 }, /lies before/)
  await end(story)
})

test('a deployment that is replaced before its watch is over is superseded, not healthy', async () => {
  const story = await begin()
  const { made, deliveries } = story
  const first = await deliveries.record({ service: 'checkout', version: 'v1' }, 'ci')
  const other = await deliveries.record({ service: 'payment', version: 'v1' }, 'ci')
  await made.live(30, well)
  await deliveries.record({ service: 'checkout', version: 'v2' }, 'ci')
  assert.equal((await made.records.deployments.find(first.id))!.state, 'superseded')
  assert.equal((await made.records.deployments.find(other.id))!.state, 'watching')
  await end(story)
})

test('a watched deployment becomes healthy only when its signals prove it', async () => {
  const story = await begin({ delivery: { watch: '1m', watch_interval: '10s' } })
  const { made, deliveries } = story
  await deliveries.record({ service: 'checkout', version: 'v1' }, 'ci')
  await made.live(90, well)
  const good = await deliveries.record({ service: 'checkout', version: 'v2' }, 'ci')
  const silent = await deliveries.record({ service: 'nobody', version: 'v9' }, 'ci')
  await made.live(80, { version: 'v2' })
  await settle(made)
  assert.equal((await made.records.deployments.find(good.id))!.state, 'healthy')
  assert.equal((await made.records.deployments.find(silent.id))!.state, 'watching')
  const services = await deliveries.services()
  assert.deepEqual(
    services.map(({ name, health, version }) => [name, health, version]),
    [
      ['checkout', 'ok', 'v2'],
      ['nobody', 'unknown', 'v9'],
    ],
  )
  await end(story)
})
