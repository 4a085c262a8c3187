/**
 * The door of deliveries. A deployment is recorded and watched; when an incident names it as the cause,
 * the guard rails decide whether it is taken back (guard.ts); the configured command does it
 * (command.ts), and the same signals that showed the trouble must prove the recovery (check.ts) before
 * anything is called well.
 *
 *   watching ─▶ healthy
 *      │
 *      └─▶ suspect ─▶ rolling-back ─▶ rolled-back        verified
 *                          └────────▶ rollback-failed    command failed, or not verified
 *
 * Every decision, the refusals too, is recorded with its reason. Before the command runs, the intent is
 * written under `rollback/<deploymentId>`; without that record nothing is run, for then "once" could not
 * be kept. A rollback found at start was cut off by the end of the process: its command is not run again,
 * its result is judged by the signals alone.
 */

import type {
  DeploymentCheck,
  DeploymentRequest,
  DeploymentView,
  IncidentSummary,
  ServiceView,
} from '../api/api.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import {
  type AlertFeed,
  type Engine,
  findServiceSettings,
  findSignals,
  formatSpan,
  type IncidentDesk,
  makeCharts,
  nameDeployment,
  Questioner,
  type ServiceSettings,
  serviceOfName,
} from '../incident/incident.ts'
import type { Decision, Deployment } from '../model/deployment.ts'
import { type Health, healthOfSeverity, worseHealth } from '../model/health.ts'
import type { Incident, TimelineEntry } from '../model/incident.ts'
import type { Records } from '../store/store.ts'
import { checkDeployment, isHealthy } from './check.ts'
import { type CommandResult, fillPlaceholders, runCommand } from './command.ts'
import { deliverErrors } from './errors.ts'
import { decideRollback, type Touch } from './guard.ts'
import { readDeploymentRequest } from './intake.ts'
import {
  decisionsTotal,
  deploymentsTotal,
  deploymentsWatched,
  recordFailuresTotal,
  rollbacksActive,
} from './metrics.ts'
import type { DeliverSettings } from './settings.ts'

/** Settings that deliveries need: their own, and the incidents' for windows and environment. */
export type DeliverySettings = DeliverSettings & {
  incidents: Parameters<IncidentDesk['reload']>[0]['incidents']
}

/** What is kept of a rollback under way, under `rollback/<deploymentId>`. */
interface RollbackIntent {
  deploymentId: string
  rollbackId: string
  incidentId: string | undefined
  actor: string
  phase: 'command' | 'verify'
  startTimeMs: number
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
  readonly #listeners = new Set<(deployment: Deployment) => void>()
  /** Deployments whose rollback runs or is being verified. */
  readonly #running = new Map<string, Promise<void>>()
  readonly #watched = new Map<string, Deployment>()
  readonly #lastReason = new Map<string, string>()
  #watchTimer: Timer | undefined
  #unsubscribe: (() => void) | undefined
  #tail: Promise<unknown> = Promise.resolve()
  #isStopped = false
  readonly #sleepers = new Set<() => void>()

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
  }

  /** Takes up rollbacks that were cut off, then listens to incidents, which must have been started. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#incidents.onChange((incident, change) => {
      if (change === 'cause' || change === 'acknowledged') {
        void this.#enqueue(() => this.#consider(incident))
      }
    })
    await this.#resume()
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
    for (const wake of this.#sleepers) wake()
    await this.#tail
  }

  reload(settings: DeliverySettings): void {
    this.#settings = settings
    this.#questioner = this.#makeQuestioner()
  }

  /** Calls `listener` with each deployment that is new or changed; returns the call that ends it. */
  onChange(listener: (deployment: Deployment) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
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
      await this.#save(joined)
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
    deploymentsTotal.inc({ by: 'person' })
    this.#watch(deployment)
    this.#tell(deployment)
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
    const settings = this.#findService(deployment)
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
      incidents: related.map(summarise),
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
        await this.#beginRollback(deployment, { incidentId, actor, reason })
      }
      return decision
    })
  }

  /** A person takes over: no automatic rollback of this deployment from now on. */
  async hold(id: string, actor: string, reason: string): Promise<Decision> {
    const deployment = await this.#mustFind(id)
    const isLate = this.#running.has(id)
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
    this.#tell(deployment)
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

  /** Resolves when no rollback runs and none is being verified; for shutdown and tests. */
  async idle(): Promise<void> {
    await this.#tail
    await Promise.all(this.#running.values())
  }

  // ---- deciding

  /** An incident's cause is known, or changed, or a person acknowledged it. */
  async #consider(incident: Incident): Promise<void> {
    const best = incident.causes[0]
    if (this.#isStopped || incident.state === 'resolved') return
    if (best?.kind !== 'deployment' || best.deploymentId === undefined) return
    const deployment = await this.#records.deployments.find(best.deploymentId)
    if (deployment === undefined || this.#running.has(deployment.id)) return
    if (deployment.state === 'watching' || deployment.state === 'healthy') {
      await this.#save({ ...deployment, state: 'suspect' })
      deployment.state = 'suspect'
    }
    const decision = await this.#decide(deployment, {
      actor: '',
      confidence: best.confidence,
      incident,
    })
    await this.#keepDecision(decision, { deployment, incidentId: incident.id })
    if (decision.verdict === 'yes') {
      await this.#beginRollback(deployment, {
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
      service: this.#findService(deployment),
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
      isUnderWay: this.#running.has(id),
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
    await this.#addEntry(incidentId, {
      kind: 'decision',
      code: `${decision.question}-${decision.verdict === 'yes' ? 'decided' : decision.verdict === 'wait' ? 'waits' : 'refused'}`,
      message: decision.message,
      facts: { ...decision.facts, reason: decision.reason, verdict: decision.verdict },
      actor: String(decision.facts['actor'] ?? ''),
    })
    this.#log.info({ reason: decision.reason, verdict: decision.verdict }, decision.message)
  }

  // ---- rolling back

  /** Writes down what is about to happen, then does it in the background. */
  async #beginRollback(
    deployment: Deployment,
    parts: { incidentId: string | undefined; actor: string; reason: string },
  ): Promise<void> {
    const nowTimeMs = this.#clock.nowTimeMs()
    const rollback: Deployment = {
      ...deployment,
      id: makeId(nowTimeMs),
      version: deployment.previousVersion,
      previousVersion: deployment.version,
      startTimeMs: nowTimeMs,
      endTimeMs: undefined,
      actor: parts.actor,
      url: '',
      note: parts.reason,
      state: 'watching',
      rollbackOf: deployment.id,
    }
    const intent: RollbackIntent = {
      deploymentId: deployment.id,
      rollbackId: rollback.id,
      incidentId: parts.incidentId,
      actor: parts.actor,
      phase: 'command',
      startTimeMs: nowTimeMs,
    }
    // These three must be on disk first; when one fails, nothing runs.
    await this.#records.states.set(`rollback/${deployment.id}`, intent)
    await this.#records.deployments.save(rollback)
    await this.#records.deployments.save({ ...deployment, state: 'rolling-back' })
    deployment.state = 'rolling-back'
    deploymentsTotal.inc({ by: 'rollback' })
    this.#watched.delete(deployment.id)
    this.#tell(deployment)
    this.#tell(rollback)
    if (parts.incidentId !== undefined) await this.#incidents.hold(parts.incidentId)
    this.#run(deployment.id, async () => {
      const result = await this.#runRollback(deployment, { intent, rollback })
      if (this.#isStopped) return
      if (result.outcome === 'done') await this.#verify({ deployment, rollback, intent })
      else await this.#endRollback({ deployment, rollback, intent, isVerified: false })
    })
  }

  async #runRollback(
    deployment: Deployment,
    parts: { intent: RollbackIntent; rollback: Deployment },
  ): Promise<CommandResult> {
    const { intent, rollback } = parts
    const settings = this.#findService(deployment)?.rollback
    if (settings === undefined) throw new Error('The rollback is no longer configured.')
    const values = {
      service: deployment.service,
      version: deployment.version,
      previous_version: deployment.previousVersion,
      environment: deployment.environment,
    }
    const words = fillPlaceholders(settings.command, values)
    await this.#addEntry(intent.incidentId, {
      kind: 'rollback',
      code: 'rollback-started',
      message: `Rolling ${deployment.service} back from ${deployment.version} to ${deployment.previousVersion}.`,
      facts: { deploymentId: deployment.id, rollbackId: rollback.id, command: settings.command },
      actor: intent.actor,
    })
    const result = await runCommand(
      {
        words,
        directory: settings.directory,
        env: {
          ...settings.env,
          SHIPWATCH_SERVICE: values.service,
          SHIPWATCH_VERSION: values.version,
          SHIPWATCH_PREVIOUS_VERSION: values.previous_version,
          SHIPWATCH_ENVIRONMENT: values.environment,
          SHIPWATCH_DEPLOYMENT_ID: deployment.id,
          SHIPWATCH_INCIDENT_ID: intent.incidentId ?? '',
        },
        timeoutMs: settings.timeout,
      },
      this.#clock,
    )
    const isDone = result.outcome === 'done'
    rollback.endTimeMs = this.#clock.nowTimeMs()
    await this.#save(rollback)
    await this.#addEntry(intent.incidentId, {
      kind: 'rollback',
      code: isDone ? 'rollback-finished' : 'rollback-failed',
      message: isDone
        ? `The rollback command ended well after ${formatSpan(result.durationMs)}.`
        : `The rollback command failed (${result.ending}); a person must look.`,
      facts: { ...result, deploymentId: deployment.id, rollbackId: rollback.id },
      actor: intent.actor,
    })
    return result
  }

  /** The same signals must be well for `verify.for`; no data is not well; past `verify.timeout` it failed. */
  async #verify(parts: {
    deployment: Deployment
    rollback: Deployment
    intent: RollbackIntent
  }): Promise<void> {
    const { deployment, rollback, intent } = parts
    const verify = this.#findService(deployment)?.verify ?? { for: 120_000, timeout: 600_000 }
    await this.#attempt(() =>
      this.#records.states.set(`rollback/${deployment.id}`, { ...intent, phase: 'verify' }),
    )
    await this.#addEntry(intent.incidentId, {
      kind: 'verify',
      code: 'verify-started',
      message: `Verifying the recovery: the signals must be as before the deployment for ${formatSpan(verify.for)}.`,
      facts: { forMs: verify.for, timeoutMs: verify.timeout },
      actor: '',
    })
    const alerts =
      intent.incidentId === undefined ? [] : this.#incidents.alertsOf(intent.incidentId)
    const deadlineTimeMs = this.#clock.nowTimeMs() + verify.timeout
    let wellTimeMs: number | undefined
    let checks: DeploymentCheck[] = []
    for (;;) {
      const nowTimeMs = this.#clock.nowTimeMs()
      checks = await this.#check(deployment, alerts)
      await this.#attempt(async () => {
        await this.#records.states.set(`checks/${deployment.id}`, checks)
        await this.#records.states.set(`checks/${rollback.id}`, checks)
      })
      const firingCount =
        intent.incidentId === undefined ? 0 : this.#incidents.firingAlertCount(intent.incidentId)
      if (isHealthy(checks) && firingCount === 0) wellTimeMs ??= nowTimeMs
      else wellTimeMs = undefined
      const isVerified = wellTimeMs !== undefined && nowTimeMs - wellTimeMs >= verify.for
      if (isVerified || nowTimeMs >= deadlineTimeMs) {
        await this.#tellVerdict({ ...parts, checks, firingCount, isVerified, forMs: verify.for })
        await this.#endRollback({ ...parts, isVerified })
        return
      }
      await this.#sleep(this.#settings.delivery.check_interval)
      if (this.#isStopped) return
    }
  }

  async #tellVerdict(parts: {
    deployment: Deployment
    intent: RollbackIntent
    checks: readonly DeploymentCheck[]
    firingCount: number
    isVerified: boolean
    forMs: number
  }): Promise<void> {
    const { deployment, intent, checks, firingCount, isVerified } = parts
    const bad = checks.filter((check) => check.health !== 'ok' && check.health !== 'info')
    const isMissing = checks.length === 0 || bad.some((check) => check.health === 'unknown')
    const reason = isVerified
      ? 'signals-well'
      : isMissing
        ? 'no-data'
        : bad.length > 0
          ? 'signals-bad'
          : firingCount > 0
            ? 'alerts-firing'
            : 'not-long-enough'
    const shown = (isVerified ? checks : bad).map((check) => check.message).join(' ')
    const message = isVerified
      ? `Recovery verified: all signals were well for ${formatSpan(parts.forMs)}. ${shown}`
      : `Recovery not verified; a person must look. ${
          checks.length === 0 ? 'The service has no signals to judge it by.' : shown
        }${firingCount > 0 ? ` ${firingCount} alerts still fire.` : ''}`
    const decision: Decision = {
      timeMs: this.#clock.nowTimeMs(),
      question: 'verify',
      verdict: isVerified ? 'yes' : 'no',
      reason,
      message: message.trim(),
      facts: { deploymentId: deployment.id, rollbackId: intent.rollbackId, checks, firingCount },
    }
    decisionsTotal.inc({ question: 'verify', verdict: decision.verdict, reason })
    await this.#attempt(() =>
      this.#records.decisions.add(
        {
          deploymentId: deployment.id,
          ...(intent.incidentId === undefined ? {} : { incidentId: intent.incidentId }),
        },
        decision,
      ),
    )
    await this.#addEntry(intent.incidentId, {
      kind: 'verify',
      code: isVerified ? 'verify-passed' : 'verify-failed',
      message: decision.message,
      facts: { reason, checks: checks.map((check) => check.message) },
      actor: '',
    })
    this.#log.info({ reason }, decision.message)
  }

  async #endRollback(parts: {
    deployment: Deployment
    rollback: Deployment
    intent: RollbackIntent
    isVerified: boolean
  }): Promise<void> {
    const { deployment, rollback, intent, isVerified } = parts
    await this.#save({ ...deployment, state: isVerified ? 'rolled-back' : 'rollback-failed' })
    await this.#save({ ...rollback, state: isVerified ? 'healthy' : 'suspect' })
    await this.#attempt(() => this.#records.states.remove(`rollback/${deployment.id}`))
    if (intent.incidentId !== undefined) {
      await this.#incidents.release(intent.incidentId, { isVerified })
    }
  }

  /** Rollbacks that the end of the process cut off: judged by signals, never run again. */
  async #resume(): Promise<void> {
    let kept: { value: unknown }[] = []
    await this.#attempt(async () => {
      kept = await this.#records.states.list('rollback/')
    })
    for (const { value } of kept) {
      const intent = value as RollbackIntent
      const deployment = await this.#records.deployments.find(intent.deploymentId)
      const rollback = await this.#records.deployments.find(intent.rollbackId)
      if (deployment === undefined || rollback === undefined) {
        // The intent was written and nothing after it: the command never ran.
        await this.#attempt(() => this.#records.states.remove(`rollback/${intent.deploymentId}`))
        continue
      }
      if (intent.incidentId !== undefined) await this.#incidents.hold(intent.incidentId)
      if (intent.phase === 'command') {
        await this.#addEntry(intent.incidentId, {
          kind: 'rollback',
          code: 'rollback-interrupted',
          message:
            'Shipwatch was restarted while the rollback command ran. Its outcome is unknown; it is not run again, the signals decide.',
          facts: { deploymentId: deployment.id, rollbackId: rollback.id },
          actor: '',
        })
      }
      this.#run(deployment.id, () => this.#verify({ deployment, rollback, intent }))
    }
    await this.#attempt(async () => {
      const recent = await this.#records.deployments.list({
        fromTimeMs: this.#clock.nowTimeMs() - this.#settings.delivery.watch,
        limit: watchedCountMax,
      })
      for (const deployment of recent) if (deployment.state === 'watching') this.#watch(deployment)
    })
  }

  // ---- watching

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
      await this.#attempt(() => this.#lookAfter(id))
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
    if (isHealthy(checks)) await this.#save({ ...deployment, state: 'healthy' })
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

  #findService(deployment: Deployment): ServiceSettings | undefined {
    const { service, environment } = deployment
    return findServiceSettings(this.#settings.services, service, environment)
  }

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

  async #addEntry(
    incidentId: string | undefined,
    entry: Omit<TimelineEntry, 'id' | 'timeMs'>,
  ): Promise<void> {
    if (incidentId === undefined) return
    await this.#attempt(() =>
      this.#incidents.addEntry(incidentId, { timeMs: this.#clock.nowTimeMs(), ...entry }),
    )
  }

  async #save(deployment: Deployment): Promise<void> {
    await this.#attempt(() => this.#records.deployments.save(deployment))
    this.#tell(deployment)
  }

  #tell(deployment: Deployment): void {
    for (const listener of this.#listeners) listener(deployment)
  }

  #run(id: string, action: () => Promise<void>): void {
    const run = action()
      .catch((thrown: unknown) => {
        this.#log.error({ reason: messageOf(thrown) }, 'A rollback ended in an error.')
      })
      .finally(() => {
        this.#running.delete(id)
        rollbacksActive.set(this.#running.size)
      })
    this.#running.set(id, run)
    rollbacksActive.set(this.#running.size)
  }

  #sleep(spanMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#sleepers.delete(end)
        resolve()
      }
      const timer = this.#clock.after(spanMs, end)
      this.#sleepers.add(end)
    })
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

  async #attempt(call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.warn({ reason: messageOf(thrown) }, 'The records could not be reached.')
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

function summarise(incident: Incident): IncidentSummary {
  const best = incident.causes[0]
  const { id, number, title, service, environment, state, health } = incident
  return {
    id,
    number,
    title,
    service,
    environment,
    state,
    health,
    openedTimeMs: incident.openedTimeMs,
    resolvedTimeMs: incident.resolvedTimeMs,
    acknowledgedBy: incident.acknowledgedBy,
    cause:
      best === undefined || best.kind === 'unknown'
        ? undefined
        : { title: best.title, confidence: best.confidence, deploymentId: best.deploymentId },
  }
}
