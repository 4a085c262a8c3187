/**
 * Stories of incidents on a made service under a virtual clock, with the real query engine:
 * causes found, not found, exonerated; joining and closing; restart; what notifications are told.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeService } from '../../test/support/made-service.ts'
import { silentLog } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import { z } from '../config/schema.ts'
import type { Alert } from '../model/alert.ts'
import type { Deployment } from '../model/deployment.ts'
import { type Engine, IncidentDesk } from './incident.ts'
import { incidentSettings } from './settings.ts'

function settingsOf(incidents: Record<string, unknown> = {}) {
  return z.object(incidentSettings.top).parse({ incidents: { signal_window: '10s', ...incidents } })
}

function openDesk(made: MadeService, engine: Engine = made.engine): IncidentDesk {
  return new IncidentDesk({
    alerts: made.feed,
    engine,
    records: made.records,
    settings: settingsOf(),
    clock: made.clock,
    log: silentLog,
    externalUrl: 'http://shipwatch.example/',
  })
}

async function deploy(made: MadeService, change: Partial<Deployment> = {}): Promise<Deployment> {
  const deployment: Deployment = {
    id: makeId(made.clock.nowTimeMs()),
    service: made.name,
    environment: 'production',
    version: 'v2',
    previousVersion: 'v1',
    startTimeMs: made.clock.nowTimeMs(),
    endTimeMs: undefined,
    actor: 'ci',
    url: '',
    note: '',
    state: 'watching',
    rollbackOf: undefined,
    ...change,
  }
  await made.records.deployments.save(deployment)
  return deployment
}

const well = { version: 'v1' }
const bad = {
  version: 'v2',
  errorRatio: 0.08,
  slowRatio: 0.9,
  errorLine: 'level=error msg="payment token rejected" token=tok_01',
}

/** Lets searches, which are real asynchronous work, come to their end. */
async function settle(made: MadeService): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await made.clock.advance(0)
}

test('a bad release is found as the cause, with four kinds of evidence', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  await made.live(90, well)
  const deployment = await deploy(made)
  await made.live(6, bad)
  const alert = await made.fire('RequestsFail')
  await settle(made)
  const [incident] = desk.openIncidents()
  assert.ok(incident !== undefined)
  const cause = incident.causes[0]!
  assert.equal(cause.title, 'deployment checkout v1 → v2')
  assert.equal(cause.deploymentId, deployment.id)
  assert.ok(cause.confidence > 0.95, `${cause.confidence}`)
  assert.deepEqual(
    cause.evidence.filter((item) => item.weight > 0).map((item) => item.kind),
    ['onset', 'errors-by-version', 'latency-by-version', 'new-log-line'],
  )
  const lateMs = incident.onsetTimeMs! - deployment.startTimeMs
  assert.ok(lateMs >= 0 && lateMs <= 3_000, `${lateMs}`)
  assert.match(cause.evidence[3]!.message, /payment token rejected/)
  assert.deepEqual(await desk.describe([alert.fingerprint]), {
    incidentId: incident.id,
    incidentNumber: 1,
    cause: 'deployment checkout v1 → v2',
    url: `http://shipwatch.example/incidents/${incident.id}`,
  })
  const view = await desk.view(incident.id)
  assert.deepEqual(
    view!.timeline.map((entry) => entry.code),
    ['deployment', 'onset-found', 'opened', 'alert-firing', 'cause-found'],
  )
  // Every evidence's query is one that a person can run.
  for (const { query } of cause.evidence.slice(0, 3)) made.engine.prepare(query)
  for (const { query } of view!.charts) made.engine.prepare(query)
  await desk.stop()
})

test('a deployment after the onset is cleared, however bad things look', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  await made.live(120, well)
  await made.live(300, { version: 'v1', errorRatio: 0.08 })
  await deploy(made)
  await made.live(20, { version: 'v2', errorRatio: 0.08 })
  await made.fire('RequestsFail', { activeMsAgo: 310_000 })
  await settle(made)
  const cause = desk.openIncidents()[0]!.causes[0]!
  assert.equal(cause.kind, 'unknown')
  assert.equal(cause.confidence, 0)
  const cleared = cause.evidence.find((item) => item.message.includes('is cleared'))
  assert.match(cleared?.message ?? '', /checkout v1 → v2 is cleared: the trouble began \d min/)
  await desk.stop()
})

test('without any change the incident says so, and what was looked at', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  await made.live(60, well)
  await made.live(8, { version: 'v1', errorRatio: 0.2 })
  const alert = await made.fire('RequestsFail')
  await settle(made)
  const cause = desk.openIncidents()[0]!.causes[0]!
  assert.equal(cause.title, 'no change found')
  assert.match(cause.evidence[0]!.message, /^No deployment of checkout was recorded in the 1 h/)
  assert.ok(cause.evidence.some((item) => item.kind === 'onset'))
  assert.equal((await desk.describe([alert.fingerprint]))?.cause, '')
  await desk.stop()
})

test('in a storm each expression is asked once, and the onset is that of the first alert', async () => {
  const made = new MadeService()
  let askedCount = 0
  const engine: Engine = {
    instant: (query) => made.engine.instant(query),
    selectLogs: (query) => made.engine.selectLogs(query),
    range: (query) => {
      askedCount++
      return made.engine.range(query)
    },
  }
  const desk = openDesk(made, engine)
  await desk.start()
  await made.live(60, well)
  await made.live(8, { version: 'v1', errorRatio: 0.2 })
  for (let host = 0; host < 100; host++)
    await made.fire('RequestsFail', { labels: { host: `h${host}` } })
  await settle(made)
  const [incident, ...others] = desk.openIncidents()
  assert.ok(incident !== undefined)
  assert.equal(others.length, 0)
  assert.ok(incident.causes[0]!.evidence.some((item) => item.kind === 'onset'))
  // A search at the beginning, and one for what came until it ended.
  assert.ok(askedCount <= 4, `${askedCount} questions for 100 alerts`)
  await desk.stop()
})

test('when hundreds of services fail at once, searches take turns and messages do not wait for them', async () => {
  const made = new MadeService()
  let [askingCount, mostCount] = [0, 0]
  const engine: Engine = {
    selectLogs: (query) => made.engine.selectLogs(query),
    range: (query) => made.engine.range(query),
    instant: async (query) => {
      mostCount = Math.max(mostCount, ++askingCount)
      try {
        return await made.engine.instant(query)
      } finally {
        askingCount--
      }
    },
  }
  const desk = openDesk(made, engine)
  await desk.start()
  await made.live(20, well)
  const alerts: Alert[] = []
  for (let service = 0; service < 200; service++)
    alerts.push(await made.fire('RequestsFail', { labels: { service: `s${service}` } }))
  const last = alerts.at(-1)!
  const startMs = made.clock.monotonicMs()
  assert.notEqual(await desk.describe([last.fingerprint]), undefined)
  assert.equal(made.clock.monotonicMs(), startMs)
  for (let turn = 0; turn < 300; turn++) await made.clock.advance(10)
  assert.ok(mostCount <= 2, `${mostCount} searches at once`)
  assert.ok(desk.openIncidents().every((incident) => incident.causes.length > 0))
  await desk.stop()
})

test('a deployment that behaves as the version before is not blamed for a trouble of another kind', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  for (let second = 0; second < 100; second++) {
    await made.live(1, second < 60 ? well : { version: 'v2' })
    if (second === 59) await deploy(made)
    await made.gauge('queue_length', second < 75 ? 5 : 500)
  }
  await made.fire('QueueLong', { expression: 'queue_length > 100' })
  await settle(made)
  const cause = desk.openIncidents()[0]!.causes[0]!
  assert.equal(cause.kind, 'unknown', JSON.stringify(cause))
  await desk.stop()
})

test('alerts of one service share an incident; it is resolved when it stays quiet, with its draft', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  const changes: string[] = []
  desk.onChange((_incident, change) => changes.push(change))
  await desk.start()
  await made.live(60, well)
  await deploy(made)
  await made.live(6, bad)
  const first = await made.fire('RequestsFail')
  const second = await made.fire('AnswersSlow', { labels: { severity: 'warning' } })
  await made.fire('Other', { labels: { service: 'payment' } })
  await settle(made)
  assert.deepEqual(
    desk.openIncidents().map(({ service, alerts }) => [service, alerts.length]),
    [
      ['checkout', 2],
      ['payment', 1],
    ],
  )
  const { id } = desk.openIncidents()[0]!
  await made.live(5, well)
  await made.end(first)
  assert.equal((await desk.view(id))!.incident.state, 'open')
  await made.end(second)
  assert.equal((await desk.view(id))!.incident.state, 'recovering')
  // It fires again within the quiet time: the same incident is open again.
  const again = await made.fire('RequestsFail')
  assert.equal((await desk.view(id))!.incident.state, 'open')
  await made.end(again)
  await made.live(61, well)
  await settle(made)
  const view = await desk.view(id)
  assert.equal(view!.incident.state, 'resolved')
  assert.match(view!.incident.postMortem, /^# Post-mortem of incident 1: RequestsFail of checkout/)
  assert.match(view!.incident.postMortem, /Failed requests: 2\d of/)
  assert.equal(view!.timeline.at(-1)!.code, 'post-mortem-written')
  assert.ok(changes.includes('opened') && changes.includes('cause') && changes.includes('resolved'))
  await desk.stop()
})

test('a restart takes the open incidents up, and sees what ended meanwhile', async () => {
  const made = new MadeService()
  const before = openDesk(made)
  await before.start()
  await made.live(30, well)
  const alert = await made.fire('RequestsFail')
  await settle(made)
  const { id, number } = before.openIncidents()[0]!
  await before.stop()
  const after = openDesk(made)
  await after.start()
  assert.deepEqual(
    after.openIncidents().map((incident) => [incident.id, incident.number]),
    [[id, number]],
  )
  await after.stop()
  await made.end(alert)
  const later = openDesk(made)
  await later.start()
  assert.equal((await later.view(id))!.incident.state, 'recovering')
  await made.live(61, well)
  await settle(made)
  assert.equal((await later.view(id))!.incident.state, 'resolved')
  await later.stop()
})

test('informational alerts open nothing, and their notifications do not wait', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  const alert = await made.fire('Note', { labels: { severity: 'info' } })
  await settle(made)
  assert.equal(desk.openIncidents().length, 0)
  assert.equal(await desk.describe([alert.fingerprint]), undefined)
  await desk.stop()
})

test('a notification waits for the first search, but never longer than its patience', async () => {
  const made = new MadeService()
  // An engine that never answers.
  const never = (): Promise<never> => new Promise(() => undefined)
  const desk = openDesk(made, { instant: never, range: never, selectLogs: never })
  await desk.start()
  const alert = await made.fire('RequestsFail')
  const answers: string[] = []
  void desk.describe([alert.fingerprint]).then((background) => {
    answers.push(background?.cause ?? 'none')
  })
  await made.clock.advance(1_800)
  assert.deepEqual(answers, [])
  await made.clock.advance(100)
  assert.deepEqual(answers, [''])
  await desk.stop()
})

test('a person closes an incident; the alert that goes on firing does not open it again', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  await made.live(20, well)
  const alert = await made.fire('RequestsFail')
  await settle(made)
  const { id } = desk.openIncidents()[0]!
  assert.equal((await desk.acknowledge(id, 'ana'))!.acknowledgedBy, 'ana')
  await desk.comment(id, 'ana', 'known, harmless')
  assert.equal((await desk.resolve(id, 'ana', 'harmless'))!.state, 'resolved')
  await made.fire('RequestsFail')
  await settle(made)
  assert.equal(desk.openIncidents().length, 0)
  await assert.rejects(desk.resolve(id, 'ana', ''), { code: 'INCIDENT_RESOLVED_ALREADY' })
  // Once it ended, the next time is a new trouble.
  await made.end(alert)
  await made.fire('RequestsFail')
  await settle(made)
  assert.equal(desk.openIncidents()[0]!.number, 2)
  await desk.stop()
})

test('incidents go on when the records cannot be reached', async () => {
  const made = new MadeService()
  const desk = openDesk(made)
  await desk.start()
  await made.live(20, well)
  made.records.failing = true
  const alert = await made.fire('RequestsFail')
  await settle(made)
  assert.equal(desk.openIncidents().length, 1)
  assert.notEqual(await desk.describe([alert.fingerprint]), undefined)
  made.records.failing = false
  await made.fire('AnswersSlow')
  await settle(made)
  assert.equal((await made.records.incidents.list({ state: 'open', limit: 5 }))[0]!.number, 1)
  await desk.stop()
})
