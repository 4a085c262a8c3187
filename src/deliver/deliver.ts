/**
 * The door of deliveries. A deployment is recorded and watched; when an incident names it as the cause,
 * the guard rails decide whether it is taken back (guard.ts); the configured command does it
 * (command.ts), and the same signals that showed the trouble must prove the recovery (check.ts) before
 * anything is called well.
 *
 *   watching ─▶ healthy
 *      ├─▶ superseded                               another deployment came first
 *      │
 *      └─▶ suspect ─▶ rolling-back ─▶ rolled-back        verified
 *                          └────────▶ rollback-failed    command failed, or not verified
 *
 * Every decision, the refusals too, is recorded with its reason. How a rollback runs, and what becomes of
 * one that a restart cut off, stands in rollback.ts.
 */

import type { DeploymentCheck, DeploymentRequest, DeploymentView, ServiceView } from '../api/api.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import {
  type AlertFeed,
  type Engine,
  findSignals,
  type IncidentDesk,
  makeCharts,
  nameDeployment,
  Questioner,
  type ServiceSettings,
  serviceOfName,
  summariseIncident,
} from '../incident/incident.ts'
import type { Decision, Deployment } from '../model/deployment.ts'
import { type Health, healthOfSeverity, worseHealth } from '../model/health.ts'
import type { Incident } from '../model/incident.ts'
import type { Records } from '../store/store.ts'
import { DeliveryBook } from './book.ts'
import { checkDeployment, isHealthy } from './check.ts'
import { deliverErrors } from './errors.ts'
import { decideRollback, type Touch } from './guard.ts'
import { readDeploymentRequest } from './intake.ts'
import {
  decisionsTotal,
  deploymentsTotal,
  deploymentsWatched,
  recordFailuresTotal,
} from './metrics.ts'
import { findService, RollbackRunner } from './rollback.ts'
import type { DeliverSettings } from './settings.ts'

/** Settings that deliveries need: their own, and the incidents' for windows and environment. */
export type DeliverySettings = DeliverSettings & {
  incidents: Parameters<IncidentDesk['reload']>[0]['incidents']
}

/** A person's hand on a deployment, under `touch/<deploymentId>`. */
interface TouchRecord extends Touch {
  timeMs: number
  reason: string
}

/** The same deployment told twice within this time is one deployment. */
const sameDeploymentMs = 15 * 60_000
/** So many deployments are watched at once; the oldest give way. */
const watchedCountMax = 50
/** Last answers remembered, so that they are not repeated; older ones are read from the records. */
const reasonCountMax = 1_000
const shipwatch = 'shipwatch'

/** Records, watches, takes back and verifies deployments. */
export class DeliveryDesk {
  readonly #incidents: IncidentDesk
  readonly #alerts: AlertFeed
  readonly #engine: Engine
  readonly #records: Records
  readonly #clock: Clock
  readonly #log: Log
  #settings: DeliverySettings
  #questioner: Questioner
  readonly #book: DeliveryBook
  readonly #rollbacks: RollbackRunner
  readonly #watched = new Map<string, Deployment>()
  readonly #lastReason = new Map<string, string>()
  #watchTimer: Timer | undefined
  #unsubscribe: (() => void) | undefined
  #tail: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(parts: {
    incidents: IncidentDesk
    alerts: AlertFeed
    engine: Engine
    records: Records
    settings: DeliverySettings
    clock: Clock
    log: Log
  }) {
    this.#incidents = parts.incidents
    this.#alerts = parts.alerts
    this.#engine = parts.engine
    this.#records = parts.records
    this.#settings = parts.settings
    this.#clock = parts.clock
    this.#log = parts.log
    this.#questioner = this.#makeQuestioner()
    this.#book = new DeliveryBook(parts)
    this.#rollbacks = new RollbackRunner({
      ...parts,
      book: this.#book,
      settings: () => this.#settings,
      check: (deployment, alerts) => this.#check(deployment, alerts),
    })
  }

  /** Takes up rollbacks that were cut off, then listens to incidents, which must have been started. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#incidents.onChange((incident, change) => {
      if (change === 'cause' || change === 'acknowledged') {
        void this.#enqueue(() => this.#consider(incident))
      }
    })
    await this.#rollbacks.resume()
    await this.#watchRecent()
    this.#scheduleWatch()
    for (const incident of this.#incidents.openIncidents()) {
      void this.#enqueue(() => this.#consider(incident))
    }
  }

  /** Stops deciding and verifying. A command that runs is left running: half a rollback is worse. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#unsubscribe?.()
    this.#watchTimer?.cancel()
    this.#rollbacks.stop()
    await this.#tail
  }

  reload(settings: DeliverySettings): void {
    this.#settings = settings
    this.#questioner = this.#makeQuestioner()
  }

  /** Calls `listener` with each deployment that is new or changed; returns the call that ends it. */
  onChange(listener: (deployment: Deployment) => void): () => void {
    return this.#book.onChange(listener)
  }

  /** Records what a pipeline or a person deployed; throws `DELIVER_DEPLOYMENT_INVALID`. */
  async record(request: DeploymentRequest, actor: string): Promise<Deployment> {
    const nowTimeMs = this.#clock.nowTimeMs()
    const read = readDeploymentRequest(request, {
      nowTimeMs,
      actor,
      defaultEnvironment: this.#settings.incidents.default_environment,
    })
    const { service, environment } = read
    const earlier = await this.#records.deployments.list({
      service,
      environment,
      toTimeMs: read.startTimeMs,
      limit: 50,
    })
    const last = earlier[0]
    // A pipeline tells of the beginning and again of the end: one deployment.
    if (
      last !== undefined &&
      last.version === read.version &&
      last.rollbackOf === undefined &&
      (last.state === 'watching' || last.state === 'suspect') &&
      read.startTimeMs - last.startTimeMs <= sameDeploymentMs
    ) {
      const joined: Deployment = {
        ...last,
        endTimeMs: read.endTimeMs ?? last.endTimeMs,
        url: read.url === '' ? last.url : read.url,
        note: read.note === '' ? last.note : read.note,
      }
      await this.#book.save(joined)
      return joined
    }
    const deployment: Deployment = {
      ...read,
      id: makeId(nowTimeMs),
      previousVersion:
        read.previousVersion !== ''
          ? read.previousVersion
          : (earlier.find((other) => other.version !== read.version)?.version ?? ''),
      state: 'watching',
      rollbackOf: undefined,
    }
    await this.#records.deployments.save(deployment)
    // What is measured from now on says nothing of the versions before.
    for (const before of earlier) {
      if (before.state !== 'watching') continue
      this.#watched.delete(before.id)
      await this.#book.save({ ...before, state: 'superseded' })
    }
    deploymentsTotal.inc({ by: 'person' })
    this.#watch(deployment)
    this.#book.tell(deployment)
    this.#incidents.lookAgain(environment)
    return deployment
  }

  /** Newest first. */
  list(filter: {
    service?: string
    environment?: string
    fromTimeMs?: number
    toTimeMs?: number
    limit: number
  }): Promise<Deployment[]> {
    return this.#records.deployments.list(filter)
  }

  /** Everything about one deployment. */
  async view(id: string): Promise<DeploymentView | undefined> {
    const deployment = await this.#records.deployments.find(id)
    if (deployment === undefined) return undefined
    const { service, environment } = deployment
    const settings = findService(this.#settings, deployment)
    const identity = serviceOfName(service, environment, this.#settings.services)
    const [decisions, incidents, kept, signals] = await Promise.all([
      this.#records.decisions.list({ deploymentId: id }),
      this.#records.incidents.list({ state: 'all', limit: 200 }),
      this.#records.states.find(`checks/${id}`),
      findSignals(identity, {
        questioner: this.#questioner,
        settings,
        windowMs: this.#settings.incidents.signal_window,
        timeMs: this.#clock.nowTimeMs(),
      }),
    ])
    const related = incidents.filter((incident) =>
      incident.causes.some((cause) => cause.deploymentId === id),
    )
    const checks = Array.isArray(kept) ? (kept as DeploymentCheck[]) : await this.#check(deployment)
    return {
      deployment,
      decisions,
      incidents: related.map(summariseIncident),
      checks,
      charts: makeCharts([], signals),
      rollback: describeRollback(settings, this.#settings.delivery.automatic_rollback),
    }
  }

  /** A person rolls it back. The answer is the decision; the rollback itself goes on behind it. */
  async rollback(id: string, actor: string, reason: string): Promise<Decision> {
    const deployment = await this.#mustFind(id)
    return this.#inTurn(async () => {
      const decision = await this.#decide(deployment, { actor, confidence: 0, incident: undefined })
      const incidentId = this.#findIncidentOf(id)?.id
      await this.#keepDecision(decision, { deployment, incidentId })
      if (decision.verdict === 'yes') {
        await this.#touch(deployment, { kind: 'rolled-back-by-hand', actor }, reason)
        await this.#rollbacks.begin(deployment, { incidentId, actor, reason })
      }
      return decision
    })
  }

  /** A person takes over: no automatic rollback of this deployment from now on. */
  async hold(id: string, actor: string, reason: string): Promise<Decision> {
    const deployment = await this.#mustFind(id)
    const isLate = this.#rollbacks.isRunning(id)
    const said = reason === '' ? '' : ` (${reason})`
    const decision: Decision = {
      timeMs: this.#clock.nowTimeMs(),
      question: 'hold',
      verdict: isLate ? 'no' : 'yes',
      reason: isLate ? 'is-under-way' : 'held-by-person',
      message: isLate
        ? `${nameDeployment(deployment)} is being rolled back already; that cannot be held.`
        : `${actor} took over deployment ${nameDeployment(deployment)}${said}: Shipwatch keeps its hands off.`,
      facts: { deploymentId: id, actor, reason },
    }
    if (!isLate) await this.#touch(deployment, { kind: 'held', actor }, reason)
    await this.#keepDecision(decision, {
      deployment,
      incidentId: this.#findIncidentOf(id)?.id,
    })
    this.#book.tell(deployment)
    return decision
  }

  /** Every service that configuration, deployments or alerts know. */
  async services(): Promise<ServiceView[]> {
    const nowTimeMs = this.#clock.nowTimeMs()
    const { default_environment } = this.#settings.incidents
    const views = new Map<string, ServiceView>()
    const viewOf = (name: string, environment: string): ServiceView => {
      const key = JSON.stringify([name, environment])
      let view = views.get(key)
      if (view === undefined) {
        view = {
          name,
          environment,
          health: 'unknown',
          version: '',
          lastDeploymentTimeMs: undefined,
          firingAlertCount: 0,
        }
        views.set(key, view)
      }
      return view
    }
    for (const { name, environment } of this.#settings.services) {
      viewOf(name, environment ?? default_environment)
    }
    for (const deployment of await this.#records.deployments.list({ limit: 1_000 })) {
      const view = viewOf(deployment.service, deployment.environment)
      if (view.lastDeploymentTimeMs !== undefined) continue
      view.lastDeploymentTimeMs = deployment.startTimeMs
      view.version = deployment.version
    }
    const named = [...views.values()].map(({ name }) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    const present = new Set<string>()
    if (named.length > 0) {
      const elements = await this.#questioner.vector(
        `group by (service) ({service=~${JSON.stringify(named.join('|'))}})`,
        nowTimeMs,
      )
      for (const { labels } of elements) present.add(labels?.get('service') ?? '')
    }
    // Data and no alert is well; no data is unknown, never well.
    for (const view of views.values()) if (present.has(view.name)) view.health = 'ok'
    for (const alert of this.#alerts.list()) {
      const name = alert.labels.get('service')
      if (alert.state !== 'firing' || name === '') continue
      const label = alert.labels.get('environment') || alert.labels.get('env')
      const view = viewOf(name, label === '' ? default_environment : label)
      const health: Health = healthOfSeverity(alert.labels.get('severity'))
      view.firingAlertCount++
      view.health = view.firingAlertCount === 1 ? health : worseHealth(view.health, health)
    }
    return [...views.values()].sort((a, b) =>
      a.name === b.name ? (a.environment < b.environment ? -1 : 1) : a.name < b.name ? -1 : 1,
    )
  }

  /** Resolves when no rollback runs and none is being verified; for tests. */
  async idle(): Promise<void> {
    await this.#tail
    await this.#rollbacks.idle()
  }

  // ---- deciding

  /** An incident's cause is known, or changed, or a person acknowledged it. */
  async #consider(incident: Incident): Promise<void> {
    const best = incident.causes[0]
    if (this.#isStopped || incident.state === 'resolved') return
    if (best?.kind !== 'deployment' || best.deploymentId === undefined) return
    const deployment = await this.#records.deployments.find(best.deploymentId)
    if (deployment === undefined || this.#rollbacks.isRunning(deployment.id)) return
    if (deployment.state === 'watching' || deployment.state === 'healthy') {
      await this.#book.save({ ...deployment, state: 'suspect' })
      deployment.state = 'suspect'
    }
    const decision = await this.#decide(deployment, {
      actor: '',
      confidence: best.confidence,
      incident,
    })
    await this.#keepDecision(decision, { deployment, incidentId: incident.id })
    if (decision.verdict === 'yes') {
      await this.#rollbacks.begin(deployment, {
        incidentId: incident.id,
        actor: shipwatch,
        reason: decision.message,
      })
    }
  }

  async #decide(
    deployment: Deployment,
    parts: { actor: string; confidence: number; incident: Incident | undefined },
  ): Promise<Decision> {
    const { service, environment, id } = deployment
    const siblings = await this.#records.deployments.list({
      service,
      environment,
      fromTimeMs: deployment.startTimeMs,
      limit: 100,
    })
    const rollback = siblings.find((other) => other.rollbackOf === id)
    return decideRollback({
      deployment,
      service: findService(this.#settings, deployment),
      settings: this.#settings.delivery,
      nowTimeMs: this.#clock.nowTimeMs(),
      confidence: parts.confidence,
      touch: await this.#findTouch(id, parts.incident),
      later: siblings.find(
        (other) =>
          other.id !== id &&
          other.rollbackOf !== id &&
          (other.startTimeMs > deployment.startTimeMs || other.id > id),
      ),
      rollback,
      isUnderWay: this.#rollbacks.isRunning(id),
      actor: parts.actor,
    })
  }

  async #findTouch(id: string, incident: Incident | undefined): Promise<Touch | undefined> {
    const kept = (await this.#records.states.find(`touch/${id}`)) as TouchRecord | undefined
    if (kept !== undefined) return { kind: kept.kind, actor: kept.actor }
    if (incident !== undefined && incident.acknowledgedBy !== '') {
      return { kind: 'acknowledged', actor: incident.acknowledgedBy }
    }
    return undefined
  }

  async #touch(deployment: Deployment, touch: Touch, reason: string): Promise<void> {
    const record: TouchRecord = { ...touch, timeMs: this.#clock.nowTimeMs(), reason }
    await this.#records.states.set(`touch/${deployment.id}`, record)
  }

  /** Records a decision once: the same answer for the same reason is not repeated. */
  async #keepDecision(
    decision: Decision,
    parts: { deployment: Deployment; incidentId: string | undefined },
  ): Promise<void> {
    const { deployment, incidentId } = parts
    const key = `${deployment.id} ${decision.question} ${incidentId ?? ''}`
    const answer = `${decision.verdict} ${decision.reason}`
    if (this.#lastReason.get(key) === answer) return
    const earlier = await this.#records.decisions.list({ deploymentId: deployment.id })
    this.#lastReason.set(key, answer)
    if (this.#lastReason.size > reasonCountMax) {
      this.#lastReason.delete(this.#lastReason.keys().next().value!)
    }
    const last = earlier.findLast((other) => other.question === decision.question)
    const isRepeated =
      decision.verdict !== 'yes' &&
      last?.verdict === decision.verdict &&
      last.reason === decision.reason
    if (isRepeated) return
    decisionsTotal.inc({
      question: decision.question,
      verdict: decision.verdict,
      reason: decision.reason,
    })
    await this.#records.decisions.add(
      { deploymentId: deployment.id, ...(incidentId === undefined ? {} : { incidentId }) },
      decision,
    )
    await this.#book.addEntry(incidentId, {
      kind: 'decision',
      code: `${decision.question}-${decision.verdict === 'yes' ? 'decided' : decision.verdict === 'wait' ? 'waits' : 'refused'}`,
      message: decision.message,
      facts: { ...decision.facts, reason: decision.reason, verdict: decision.verdict },
      actor: String(decision.facts['actor'] ?? ''),
    })
    this.#log.info({ reason: decision.reason, verdict: decision.verdict }, decision.message)
  }

  // ---- watching

  async #watchRecent(): Promise<void> {
    await this.#book.attempt(async () => {
      const recent = await this.#records.deployments.list({
        fromTimeMs: this.#clock.nowTimeMs() - this.#settings.delivery.watch,
        limit: watchedCountMax,
      })
      for (const deployment of recent) if (deployment.state === 'watching') this.#watch(deployment)
    })
  }

  #watch(deployment: Deployment): void {
    this.#watched.set(deployment.id, deployment)
    while (this.#watched.size > watchedCountMax) {
      this.#watched.delete(this.#watched.keys().next().value!)
    }
    deploymentsWatched.set(this.#watched.size)
  }

  #scheduleWatch(): void {
    this.#watchTimer = this.#clock.after(this.#settings.delivery.watch_interval, () => {
      void this.#lookAfterAll().then(() => {
        if (!this.#isStopped) this.#scheduleWatch()
      })
    })
  }

  async #lookAfterAll(): Promise<void> {
    for (const { id } of [...this.#watched.values()]) {
      if (this.#isStopped) return
      await this.#book.attempt(() => this.#lookAfter(id))
    }
    deploymentsWatched.set(this.#watched.size)
  }

  async #lookAfter(id: string): Promise<void> {
    const deployment = await this.#records.deployments.find(id)
    if (deployment?.state !== 'watching') {
      this.#watched.delete(id)
      return
    }
    const checks = await this.#check(deployment)
    await this.#records.states.set(`checks/${id}`, checks)
    const ageMs = this.#clock.nowTimeMs() - deployment.startTimeMs
    if (ageMs < this.#settings.delivery.watch) return
    // A watch that saw nothing proves nothing: such a deployment stays "watching".
    if (isHealthy(checks)) await this.#book.save({ ...deployment, state: 'healthy' })
    this.#watched.delete(id)
  }

  #check(
    deployment: Deployment,
    alerts: Parameters<typeof checkDeployment>[1]['alerts'] = [],
  ): Promise<DeploymentCheck[]> {
    return checkDeployment(deployment, {
      questioner: this.#questioner,
      services: this.#settings.services,
      windowMs: this.#settings.incidents.signal_window,
      nowTimeMs: this.#clock.nowTimeMs(),
      alerts,
    })
  }

  // ---- small things

  async #mustFind(id: string): Promise<Deployment> {
    const deployment = await this.#records.deployments.find(id)
    if (deployment === undefined) throw deliverErrors.DEPLOYMENT_UNKNOWN({ id })
    return deployment
  }

  #findIncidentOf(deploymentId: string): Incident | undefined {
    return this.#incidents
      .openIncidents()
      .find((incident) => incident.causes.some((cause) => cause.deploymentId === deploymentId))
  }

  /** Decisions are made one after the other, so that two never start the same rollback. */
  #inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
    const step = this.#tail.then(action)
    this.#tail = step.catch(() => undefined)
    return step
  }

  async #enqueue(action: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn(action)
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.error({ reason: messageOf(thrown) }, 'A delivery could not be decided on.')
    }
  }

  #makeQuestioner(): Questioner {
    return new Questioner({
      engine: this.#engine,
      log: this.#log,
      timeoutMs: this.#settings.incidents.search_timeout,
    })
  }
}

function describeRollback(
  settings: ServiceSettings | undefined,
  isOn: boolean,
): DeploymentView['rollback'] {
  if (settings?.rollback === undefined) {
    return { isAllowed: false, kind: 'none', reason: 'not-configured' }
  }
  const kind = 'command'
  if (!settings.rollback.allowed) return { isAllowed: false, kind, reason: 'not-allowed' }
  if (!isOn) return { isAllowed: false, kind, reason: 'switched-off' }
  return { isAllowed: true, kind, reason: 'allowed' }
}
