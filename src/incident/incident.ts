/**
 * The door of incidents. An incident opens when an alert begins to fire, takes in the other alerts of
 * the same service and environment, looks for the change that caused it, and is resolved when all is
 * quiet; then it writes the draft of its post-mortem.
 *
 *   open ──── all alerts ended, or a rollback began ───▶ recovering ──── quiet, or verified ───▶ resolved
 *    ▲                                                     │
 *    └── an alert fires again, or verification failed ─────┘
 *
 * What is in memory is the truth while we run; every change is written to the records, and a failed
 * write is counted and does not stop the work. A restart takes the open incidents up again. Changes are
 * applied one after the other; searches for causes run beside them. Knows nothing of rolling back:
 * `deliver/` holds an incident open while it acts (`hold`, `release`).
 */

import type { AlertDesk } from '../alert/alert.ts'
import type { AlertView, IncidentSummary, IncidentView } from '../api/api.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import type { Alert } from '../model/alert.ts'
import type { Deployment } from '../model/deployment.ts'
import type { AlertBackground, AlertChart, AlertCharts, AlertContext } from '../model/flow.ts'
import { worseHealth } from '../model/health.ts'
import type { Incident, TimelineEntry } from '../model/incident.ts'
import type { PageEvent } from '../model/page.ts'
import type { NotificationAttempt, Records } from '../store/store.ts'
import { findAlertChart } from './alert-chart.ts'
import { makeAlertView } from './alert-view.ts'
import { identityOf, IncidentBook, makeOpen, type OpenIncident, summariseIncident } from './book.ts'
import { findCauses } from './cause.ts'
import { makeCharts } from './chart.ts'
import { incidentErrors } from './errors.ts'
import { measureImpact } from './impact.ts'
import { incidentsOpen, incidentsTotal, searchDuration, searchesTotal } from './metrics.ts'
import { nameDeployment } from './phrase.ts'
import { makePageEntry } from './page-entry.ts'
import { writePostMortem } from './post-mortem.ts'
import { type Engine, Questioner } from './question.ts'
import { findServiceSettings, serviceOfLabels, type ServiceIdentity } from './service.ts'
import type { IncidentSettings } from './settings.ts'
import { findSignals, type ServiceSignals } from './signal.ts'

export { makeAlertView } from './alert-view.ts'
export { summariseIncident } from './book.ts'
export { guessUnit, makeCharts } from './chart.ts'
export { splitComparison } from '../model/expression.ts'
export { formatSpan, formatValue, nameDeployment } from './phrase.ts'
export { type Engine, Questioner } from './question.ts'
export { findServiceSettings, serviceOfName } from './service.ts'
export { incidentSettings, type ServiceSettings, servicesSetting } from './settings.ts'
export { countRequests, findSignals, type ServiceSignals, type Signal } from './signal.ts'
export type { IncidentSettings }

/** What changed about an incident. */
export type IncidentChange = 'opened' | 'cause' | 'alerts' | 'acknowledged' | 'resolved' | 'updated'

/** Hears of changes; must not throw. */
export type IncidentListener = (incident: Incident, change: IncidentChange) => void

/** What incidents need of alerting. */
export type AlertFeed = Pick<AlertDesk, 'list' | 'onChange'>

/** Pauses between the searches for a cause: the first finds little when the trouble is seconds old. */
const searchPausesMs = [2_000, 3_000, 5_000, 10_000, 20_000, 40_000, 60_000, 120_000, 300_000]
/** No more searching from this confidence on. */
const confidenceEnough = 0.97
const describePatienceMs = 1_900
const recentCountMax = 10_000

/** Opens, explains, shows and resolves incidents. */
export class IncidentDesk implements AlertContext, AlertCharts {
  readonly #alerts: AlertFeed
  readonly #engine: Engine
  readonly #records: Records
  readonly #book: IncidentBook
  readonly #clock: Clock
  readonly #log: Log
  readonly #externalUrl: string
  #settings: IncidentSettings
  #questioner: Questioner
  readonly #open = new Map<string, OpenIncident>()
  readonly #listeners = new Set<IncidentListener>()
  readonly #waiters = new Set<() => void>()
  /** Fingerprints whose alerts open no incident, or whose incident a person closed. */
  readonly #passed = new Set<string>()
  /** Backgrounds of resolved incidents, for their last notifications. */
  readonly #recent = new Map<string, AlertBackground>()
  #tail: Promise<unknown> = Promise.resolve()
  #unsubscribe: (() => void) | undefined

  constructor(parts: {
    alerts: AlertFeed
    engine: Engine
    records: Records
    settings: IncidentSettings
    clock: Clock
    log: Log
    externalUrl: string
  }) {
    this.#alerts = parts.alerts
    this.#engine = parts.engine
    this.#records = parts.records
    this.#book = new IncidentBook(parts)
    this.#settings = parts.settings
    this.#clock = parts.clock
    this.#log = parts.log
    this.#externalUrl = parts.externalUrl
    this.#questioner = this.#makeQuestioner()
  }

  /** Takes up what was open and listens to the alerts, which must have been started before. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#alerts.onChange((changed) => {
      void this.#enqueue(() => this.#take(changed))
    })
    await this.#enqueue(() => this.#resume())
  }

  /** Stops listening and waits for what is being written. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    for (const open of this.#open.values()) {
      open.searchTimer?.cancel()
      open.quietTimer?.cancel()
    }
    for (const wake of this.#waiters) wake()
    await this.#tail
  }

  reload(settings: IncidentSettings): void {
    this.#settings = settings
    this.#questioner = this.#makeQuestioner()
  }

  /** Calls `listener` after each change; returns the call that ends it. */
  onChange(listener: IncidentListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Newest first. */
  async list(filter: {
    state: 'open' | 'resolved' | 'all'
    limit: number
  }): Promise<IncidentSummary[]> {
    const incidents = await this.#records.incidents.list(filter)
    const known = new Set(incidents.map((incident) => incident.id))
    // What could not be written yet is shown all the same.
    for (const { incident } of this.#open.values()) {
      if (filter.state !== 'resolved' && !known.has(incident.id)) incidents.unshift(incident)
    }
    return incidents
      .slice(0, filter.limit)
      .map((incident) => summariseIncident(this.#open.get(incident.id)?.incident ?? incident))
  }

  /** Everything about one incident. */
  async view(id: string): Promise<IncidentView | undefined> {
    const open = this.#open.get(id)
    const incident = open?.incident ?? (await this.#records.incidents.find(id))
    if (incident === undefined) return undefined
    const startTimeMs = (incident.onsetTimeMs ?? incident.openedTimeMs) - 2 * 3_600_000
    const endTimeMs = incident.resolvedTimeMs ?? this.#clock.nowTimeMs()
    const [snapshot, timeline, deployments, decisions, attempts] = await Promise.all([
      this.#book.findSnapshot(id),
      this.#records.incidents.listTimeline(id),
      this.#records.deployments.list({
        environment: incident.environment,
        fromTimeMs: startTimeMs,
        toTimeMs: endTimeMs,
        limit: 50,
      }),
      this.#records.decisions.list({ incidentId: id }),
      this.#records.notifications.list({ fromTimeMs: incident.openedTimeMs, limit: 1_000 }),
    ])
    const alerts = open === undefined ? (snapshot?.alerts ?? []) : [...open.alerts.values()]
    const fingerprints = new Set(incident.alerts)
    const signals = await this.#findSignals(
      open?.service ?? identityOf(incident, snapshot?.matchers ?? ''),
      endTimeMs,
    )
    return {
      incident,
      alerts,
      timeline: timeline.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1)),
      deployments,
      decisions,
      notifications: attempts
        .filter((attempt) => isAbout(attempt, { id, fingerprints, endTimeMs }))
        .map(({ fingerprints: _fingerprints, ...attempt }) => ({ ...attempt, incidentId: id })),
      charts: makeCharts(alerts, signals),
    }
  }

  /** A person takes the incident on. */
  acknowledge(id: string, actor: string): Promise<Incident | undefined> {
    return this.#change(id, async (open) => {
      if (open.incident.acknowledgedBy === '') {
        open.incident.acknowledgedBy = actor
        await this.#book.addEntry(open, {
          kind: 'comment',
          code: 'acknowledged',
          message: `${actor} acknowledged the incident.`,
          facts: {},
          actor,
        })
      }
      await this.#book.save(open)
      this.#tell(open.incident, 'acknowledged')
    })
  }

  /** A person says something; also possible once it is resolved. */
  async comment(id: string, actor: string, message: string): Promise<Incident | undefined> {
    const incident = this.#open.get(id)?.incident ?? (await this.#records.incidents.find(id))
    if (incident === undefined) return undefined
    await this.addEntry(id, {
      timeMs: this.#clock.nowTimeMs(),
      kind: 'comment',
      code: 'comment',
      message,
      facts: {},
      actor,
    })
    return incident
  }

  /** A person ends it, whatever still fires; throws `INCIDENT_RESOLVED_ALREADY`. */
  async resolve(id: string, actor: string, message: string): Promise<Incident | undefined> {
    if (!this.#open.has(id)) {
      const incident = await this.#records.incidents.find(id)
      if (incident === undefined) return undefined
      throw incidentErrors.RESOLVED_ALREADY({ number: incident.number })
    }
    return this.#change(id, async (open) => {
      for (const alert of open.alerts.values()) {
        if (alert.state === 'firing') this.#passed.add(alert.fingerprint)
      }
      const said = message === '' ? '' : `: ${message}`
      await this.#resolve(open, {
        code: 'resolved-by-person',
        message: `${actor} resolved the incident${said}.`,
        facts: {},
        actor,
      })
    })
  }

  /** A person's text of the post-mortem replaces the draft. */
  async savePostMortem(id: string, actor: string, text: string): Promise<Incident | undefined> {
    const incident = this.#open.get(id)?.incident ?? (await this.#records.incidents.find(id))
    if (incident === undefined) return undefined
    incident.postMortem = text
    await this.#records.incidents.save(incident)
    await this.addEntry(id, {
      timeMs: this.#clock.nowTimeMs(),
      kind: 'post-mortem',
      code: 'post-mortem-edited',
      message: `${actor} edited the post-mortem.`,
      facts: {},
      actor,
    })
    return incident
  }

  /** Adds to the story of an incident, open or resolved. */
  async addEntry(id: string, entry: Omit<TimelineEntry, 'id'>): Promise<void> {
    const open = this.#open.get(id)
    if (open !== undefined) {
      await this.#book.addEntry(open, entry)
      this.#tell(open.incident, 'updated')
      return
    }
    await this.#book.attempt(() =>
      this.#records.incidents.addTimelineEntry(id, { id: makeId(entry.timeMs), ...entry }),
    )
    const incident = await this.#records.incidents.find(id)
    if (incident !== undefined) this.#tell(incident, 'updated')
  }

  /** Open incidents, for `deliver/`. The objects are the desk's own: read them only. */
  openIncidents(): Incident[] {
    return [...this.#open.values()].map(({ incident }) => incident)
  }

  /** How many alerts of an incident fire now. */
  firingAlertCount(id: string): number {
    const alerts = this.#open.get(id)?.alerts.values() ?? []
    return [...alerts].filter((alert) => alert.state === 'firing').length
  }

  /** The alerts of an open incident as last seen. */
  alertsOf(id: string): AlertView[] {
    return [...(this.#open.get(id)?.alerts.values() ?? [])]
  }

  /** Somebody begins to repair it: it is recovering and does not end by quiet alone until released. */
  hold(id: string): Promise<Incident | undefined> {
    return this.#change(id, async (open) => {
      open.isHeld = true
      open.quietTimer?.cancel()
      open.incident.state = 'recovering'
      await this.#book.save(open)
      this.#tell(open.incident, 'updated')
    })
  }

  /**
   * The repair ended. Verified and quiet: it is resolved. Verified but other alerts fire: open again.
   * Not verified: open until a person resolves it.
   */
  release(id: string, outcome: { isVerified: boolean }): Promise<Incident | undefined> {
    return this.#change(id, async (open) => {
      open.isHeld = false
      open.isForPerson = !outcome.isVerified
      if (outcome.isVerified && this.firingAlertCount(id) === 0) {
        await this.#resolve(open, {
          code: 'resolved-verified',
          message: 'The recovery is verified and no alert fires: the incident is resolved.',
          facts: {},
          actor: '',
        })
        return
      }
      open.incident.state = 'open'
      await this.#book.save(open)
      this.#tell(open.incident, 'updated')
    })
  }

  /** Something changed that may explain open incidents of the environment: they look again soon. */
  lookAgain(environment: string): void {
    for (const open of this.#open.values()) {
      if (open.incident.environment !== environment || open.incident.state !== 'open') continue
      open.searchTimer?.cancel()
      open.searchTimer = this.#clock.after(0, () => void this.#search(open))
    }
  }

  /** What the notification of these alerts should say; waits a little for the first search. */
  async describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined> {
    const deadlineMs = this.#clock.monotonicMs() + describePatienceMs
    for (;;) {
      const remainingMs = deadlineMs - this.#clock.monotonicMs()
      const { background, isFinal } = this.#backgroundOf(fingerprints)
      if (isFinal || remainingMs <= 0) return background
      await this.#nextProgress(remainingMs)
    }
  }

  /** What a message shows of an alert; `undefined` when there is nothing to draw. */
  chartOf(alert: Alert, spanMs: number): Promise<AlertChart | undefined> {
    return findAlertChart(alert, {
      questioner: this.#questioner,
      records: this.#records,
      service: this.#serviceOf(alert).name,
      nowTimeMs: this.#clock.nowTimeMs(),
      spanMs,
    })
  }

  /** A notification went out, or failed: part of the story of its incidents. */
  async noteNotification(attempt: NotificationAttempt): Promise<void> {
    if (attempt.outcome === 'retrying' || attempt.outcome === 'held') return
    const ids = new Set<string>()
    if (attempt.incidentId !== undefined) ids.add(attempt.incidentId)
    for (const fingerprint of attempt.fingerprints) {
      const id = this.#findOpenOf(fingerprint)?.incident.id
      const past = id ?? this.#recent.get(fingerprint)?.incidentId
      if (past !== undefined) ids.add(past)
    }
    const isDelivered = attempt.outcome === 'delivered'
    const what = attempt.status === 'firing' ? 'Told' : 'Told the end to'
    for (const id of ids) {
      await this.#enqueue(() =>
        this.addEntry(id, {
          timeMs: attempt.timeMs,
          kind: 'notified',
          code: isDelivered ? 'notified' : 'notification-failed',
          message: isDelivered
            ? `${what} ${attempt.receiver} by ${attempt.channel}: ${attempt.reason}.`
            : `${attempt.receiver} could not be told by ${attempt.channel}: ${attempt.answer}`,
          facts: {
            receiver: attempt.receiver,
            channel: attempt.channel,
            reason: attempt.reason,
            status: attempt.status,
            latencyMs: attempt.latencyMs,
          },
          actor: '',
        }),
      )
    }
  }

  /** Something happened to a page of some alerts. */
  async notePage(fingerprints: readonly string[], events: readonly PageEvent[]): Promise<void> {
    const entries = events.flatMap((event) => makePageEntry(event) ?? [])
    if (entries.length === 0) return
    const ids = new Set(fingerprints.flatMap((one) => this.#findOpenOf(one)?.incident.id ?? []))
    for (const id of ids)
      for (const entry of entries) await this.#enqueue(() => this.addEntry(id, entry))
  }

  // ---- alerts come in

  async #take(changed: readonly Alert[]): Promise<void> {
    for (const alert of changed) {
      if (alert.state === 'firing') await this.#takeFiring(alert)
      else await this.#takeResolved(alert)
    }
    this.#wake()
  }

  async #takeFiring(alert: Alert): Promise<void> {
    const { fingerprint } = alert
    if (this.#passed.has(fingerprint)) return
    const service = this.#serviceOf(alert)
    let open = this.#findOpen(service)
    const isOf = open?.alerts.has(fingerprint) ?? false
    if (!isOf && (alert.held !== undefined || isInformation(alert))) {
      // Silenced and informational alerts are no trouble of their own; asked again at each change.
      if (isInformation(alert)) this.#passed.add(fingerprint)
      return
    }
    const isNew = open === undefined
    open ??= await this.#openFor(alert, service)
    const isFiring = open.alerts.get(fingerprint)?.state === 'firing'
    const view = makeAlertView(alert, open.incident.id)
    open.alerts.set(fingerprint, view)
    if (isFiring) return
    open.quietTimer?.cancel()
    open.incident.alerts = [...open.alerts.keys()]
    open.incident.health = worseHealth(open.incident.health, view.health)
    if (open.incident.state === 'recovering' && !open.isHeld) open.incident.state = 'open'
    await this.#book.addEntry(open, {
      timeMs: alert.firedTimeMs,
      kind: 'alert-firing',
      code: 'alert-firing',
      message: `Alert ${view.name} fires${view.annotations['summary'] === undefined ? '' : `: ${view.annotations['summary']}`}`,
      facts: { fingerprint, labels: view.labels, value: alert.value },
      actor: '',
    })
    await this.#book.save(open)
    this.#tell(open.incident, isNew ? 'opened' : 'alerts')
    if (isNew || open.incident.state === 'open') this.#scheduleSearch(open, isNew ? 0 : 1_000)
  }

  async #takeResolved(alert: Alert): Promise<void> {
    this.#passed.delete(alert.fingerprint)
    for (const open of this.#open.values()) {
      if (open.alerts.get(alert.fingerprint)?.state !== 'firing') continue
      const view = makeAlertView(alert, open.incident.id)
      open.alerts.set(alert.fingerprint, view)
      await this.#book.addEntry(open, {
        timeMs: alert.endTimeMs,
        kind: 'alert-resolved',
        code: 'alert-resolved',
        message: `Alert ${view.name} ended.`,
        facts: { fingerprint: alert.fingerprint, labels: view.labels },
        actor: '',
      })
      if (this.firingAlertCount(open.incident.id) === 0) this.#becomeQuiet(open)
      await this.#book.save(open)
      this.#tell(open.incident, 'alerts')
    }
  }

  #becomeQuiet(open: OpenIncident): void {
    if (open.isForPerson) return
    open.incident.state = 'recovering'
    if (open.isHeld) return
    const quietMs = this.#settings.incidents.resolve_after
    open.quietTimer?.cancel()
    open.quietTimer = this.#clock.after(quietMs, () => {
      void this.#change(open.incident.id, async () => {
        if (open.isHeld || this.firingAlertCount(open.incident.id) > 0) return
        await this.#resolve(open, {
          code: 'resolved-quiet',
          message: `No alert fired for ${Math.round(quietMs / 1_000)} s: the incident is resolved.`,
          facts: { quietMs },
          actor: '',
        })
      })
    })
  }

  async #openFor(alert: Alert, service: ServiceIdentity): Promise<OpenIncident> {
    const nowTimeMs = this.#clock.nowTimeMs()
    const name = alert.labels.get('alertname')
    const summary = alert.annotations.get('summary')
    const incident: Incident = {
      id: makeId(nowTimeMs),
      number: 0,
      title: summary !== '' ? summary : service.name === '' ? name : `${name} (${service.name})`,
      service: service.name,
      environment: service.environment,
      state: 'open',
      health: 'info',
      openedTimeMs: nowTimeMs,
      onsetTimeMs: undefined,
      resolvedTimeMs: undefined,
      acknowledgedBy: '',
      causes: [],
      alerts: [],
      postMortem: '',
    }
    const open = makeOpen(incident, service)
    await this.#book.attempt(async () => {
      incident.number = await this.#records.incidents.nextNumber()
    })
    this.#open.set(incident.id, open)
    incidentsTotal.inc({ event: 'opened' })
    incidentsOpen.set(this.#open.size)
    // The record must be there before its timeline.
    await this.#book.save(open)
    await this.#book.addEntry(open, {
      kind: 'opened',
      code: 'opened',
      message: `Incident ${incident.number} opened: ${incident.title}`,
      facts: { service: service.name, environment: service.environment },
      actor: '',
    })
    this.#log.info({ incident: incident.number, service: service.name }, 'An incident opened.')
    return open
  }

  #findOpen(service: ServiceIdentity): OpenIncident | undefined {
    for (const open of this.#open.values()) {
      if (open.service.name === service.name && open.service.environment === service.environment) {
        return open
      }
    }
    return undefined
  }

  #findOpenOf(fingerprint: string): OpenIncident | undefined {
    for (const open of this.#open.values()) if (open.alerts.has(fingerprint)) return open
    return undefined
  }

  #serviceOf(alert: Alert): ServiceIdentity {
    const service = serviceOfLabels(new Map(Object.entries(alert.labels.toObject())), {
      services: this.#settings.services,
      defaultEnvironment: this.#settings.incidents.default_environment,
    })
    // Alerts of no service have nothing in common but their name.
    return service.name === '' ? { ...service, name: alert.labels.get('alertname') } : service
  }

  // ---- the search for the cause

  #scheduleSearch(open: OpenIncident, delayMs: number): void {
    open.searchTimer?.cancel()
    open.searchTimer = this.#clock.after(delayMs, () => void this.#search(open))
  }

  async #search(open: OpenIncident): Promise<void> {
    if (open.isSearching || this.#open.get(open.incident.id) !== open) return
    open.isSearching = true
    const startMs = this.#clock.monotonicMs()
    try {
      const nowTimeMs = this.#clock.nowTimeMs()
      const deployments = await this.#nearbyDeployments(open, nowTimeMs)
      const finding = await findCauses(
        { service: open.service, alerts: [...open.alerts.values()], deployments, nowTimeMs },
        { questioner: this.#questioner, settings: this.#settings },
      )
      searchesTotal.inc({ result: finding.causes[0]?.kind ?? 'unknown' })
      await this.#change(open.incident.id, () => this.#adopt(open, finding, deployments))
    } catch (thrown) {
      searchesTotal.inc({ result: 'failed' })
      this.#log.warn({ reason: messageOf(thrown) }, 'The search for a cause failed.')
    } finally {
      searchDuration.observe((this.#clock.monotonicMs() - startMs) / 1_000)
      open.isSearching = false
      open.searchCount++
      this.#wake()
    }
    const { incident } = open
    const pauseMs = searchPausesMs[open.searchCount - 1]
    const isEnough = (incident.causes[0]?.confidence ?? 0) >= confidenceEnough
    // Once it recovers, the numbers of now no longer speak of the trouble.
    if (pauseMs !== undefined && !isEnough && incident.state === 'open') {
      this.#scheduleSearch(open, pauseMs)
    }
  }

  async #nearbyDeployments(open: OpenIncident, nowTimeMs: number): Promise<Deployment[]> {
    const { lookback, onset_window } = this.#settings.incidents
    let deployments: Deployment[] = []
    await this.#book.attempt(async () => {
      deployments = await this.#records.deployments.list({
        environment: open.incident.environment,
        fromTimeMs: open.incident.openedTimeMs - lookback - onset_window,
        toTimeMs: nowTimeMs,
        limit: 200,
      })
    })
    return deployments
  }

  async #adopt(
    open: OpenIncident,
    finding: Awaited<ReturnType<typeof findCauses>>,
    deployments: readonly Deployment[],
  ): Promise<void> {
    const { incident } = open
    // Once it recovers, only a first answer is still worth having.
    if (incident.state !== 'open' && incident.causes.length > 0) return
    const before = incident.causes[0]
    const best = finding.causes[0]
    if (best === undefined) return
    // A later look must not lose what an earlier one proved: evidence fades as windows move on.
    if (before?.kind === 'deployment' && best.confidence < before.confidence) return
    incident.causes = finding.causes
    if (finding.onset !== undefined && incident.onsetTimeMs === undefined) {
      incident.onsetTimeMs = finding.onset.timeMs
      await this.#book.addEntry(open, {
        timeMs: finding.onset.timeMs,
        kind: 'onset',
        code: 'onset-found',
        message: 'The trouble began, as the data shows.',
        facts: { before: finding.onset.before, after: finding.onset.after },
        actor: '',
      })
    }
    const isNew = before?.title !== best.title
    if (isNew && best.kind === 'deployment') {
      const deployment = deployments.find((other) => other.id === best.deploymentId)
      if (deployment !== undefined) await this.#addDeploymentEntry(open, deployment)
      await this.#book.addEntry(open, {
        kind: 'cause',
        code: 'cause-found',
        message: `The likely cause is ${best.title} (confidence ${best.confidence.toFixed(2)}, ${best.evidence.length} pieces of evidence).`,
        facts: {
          deploymentId: best.deploymentId,
          confidence: best.confidence,
          evidence: best.evidence.map((item) => item.message),
        },
        actor: '',
      })
    } else if (isNew) {
      await this.#book.addEntry(open, {
        kind: 'cause',
        code: 'cause-not-found',
        message: `No change was found that explains it. ${best.evidence.map((item) => item.message).join(' ')}`,
        facts: { evidence: best.evidence.map((item) => item.message) },
        actor: '',
      })
    }
    await this.#book.save(open)
    if (isNew || Math.abs(best.confidence - (before?.confidence ?? 0)) >= 0.01) {
      this.#tell(incident, 'cause')
    }
  }

  #addDeploymentEntry(open: OpenIncident, deployment: Deployment): Promise<void> {
    return this.#book.addEntry(open, {
      timeMs: deployment.startTimeMs,
      kind: 'deployment',
      code: 'deployment',
      message: `${deployment.actor === '' ? 'Somebody' : deployment.actor} deployed ${nameDeployment(deployment)}.`,
      facts: { deploymentId: deployment.id, url: deployment.url },
      actor: deployment.actor,
    })
  }

  // ---- the end

  async #resolve(
    open: OpenIncident,
    entry: Pick<TimelineEntry, 'code' | 'message' | 'facts' | 'actor'>,
  ): Promise<void> {
    const { incident } = open
    open.searchTimer?.cancel()
    open.quietTimer?.cancel()
    incident.state = 'resolved'
    incident.resolvedTimeMs = this.#clock.nowTimeMs()
    await this.#book.addEntry(open, { kind: 'resolved', ...entry })
    const background = this.#makeBackground(incident)
    for (const fingerprint of open.alerts.keys()) this.#recent.set(fingerprint, background)
    while (this.#recent.size > recentCountMax) {
      this.#recent.delete(this.#recent.keys().next().value!)
    }
    if (incident.postMortem === '') await this.#draft(open)
    await this.#book.save(open)
    this.#open.delete(incident.id)
    incidentsTotal.inc({ event: 'resolved' })
    incidentsOpen.set(this.#open.size)
    this.#log.info({ incident: incident.number }, 'An incident is resolved.')
    this.#tell(incident, 'resolved')
  }

  async #draft(open: OpenIncident): Promise<void> {
    const { incident } = open
    const endTimeMs = incident.resolvedTimeMs ?? this.#clock.nowTimeMs()
    const startTimeMs = incident.onsetTimeMs ?? incident.openedTimeMs
    const signals = await this.#findSignals(open.service, endTimeMs)
    const lag = incident.causes[0]?.evidence.find((item) => item.kind === 'onset')?.facts
    const deploymentTimeMs = lag === undefined ? undefined : Number(lag['deploymentTimeMs'])
    const impact = await measureImpact(
      signals,
      {
        startTimeMs,
        endTimeMs,
        // Only a deployment close to the onset: what came long before it failed nothing.
        deploymentTimeMs:
          deploymentTimeMs !== undefined && startTimeMs - deploymentTimeMs <= 60_000
            ? deploymentTimeMs
            : undefined,
      },
      this.#questioner,
    )
    let timeline: TimelineEntry[] = []
    await this.#book.attempt(async () => {
      timeline = await this.#records.incidents.listTimeline(incident.id)
    })
    timeline.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1))
    incident.postMortem = writePostMortem({
      incident,
      alerts: [...open.alerts.values()],
      timeline,
      impact,
    })
    await this.#book.addEntry(open, {
      kind: 'post-mortem',
      code: 'post-mortem-written',
      message: 'The draft of the post-mortem is written.',
      facts: {},
      actor: '',
    })
  }

  // ---- restart

  async #resume(): Promise<void> {
    let incidents: Incident[] = []
    await this.#book.attempt(async () => {
      incidents = await this.#records.incidents.list({ state: 'open', limit: 1_000 })
    })
    const current = this.#alerts.list()
    const firing = new Set(
      current.filter((alert) => alert.state === 'firing').map((alert) => alert.fingerprint),
    )
    for (const incident of incidents) {
      const snapshot = await this.#book.findSnapshot(incident.id)
      const open = makeOpen(incident, identityOf(incident, snapshot?.matchers ?? ''))
      open.isForPerson = snapshot?.isForPerson ?? false
      for (const alert of snapshot?.alerts ?? []) {
        // An alert that ended while we were away has ended; its exact time is not known.
        const isOver = alert.state === 'firing' && !firing.has(alert.fingerprint)
        open.alerts.set(
          alert.fingerprint,
          isOver ? { ...alert, state: 'resolved', endTimeMs: this.#clock.nowTimeMs() } : alert,
        )
      }
      this.#open.set(incident.id, open)
      if (this.firingAlertCount(incident.id) === 0) this.#becomeQuiet(open)
      else if (incident.state === 'open') this.#scheduleSearch(open, 0)
    }
    incidentsOpen.set(this.#open.size)
    await this.#take(current.filter((alert) => alert.state === 'firing'))
  }

  // ---- small things

  /** Runs `action` after what was asked before; a failure is logged and does not stop the next. */
  #enqueue(action: () => Promise<void>): Promise<void> {
    const step = this.#tail.then(action).catch((thrown: unknown) => {
      this.#log.error({ reason: messageOf(thrown) }, 'A change of an incident failed.')
    })
    this.#tail = step
    return step
  }

  async #change(
    id: string,
    action: (open: OpenIncident) => Promise<void>,
  ): Promise<Incident | undefined> {
    let changed: Incident | undefined
    await this.#enqueue(async () => {
      const open = this.#open.get(id)
      if (open === undefined) return
      await action(open)
      changed = open.incident
    })
    return changed ?? (await this.#findResolved(id))
  }

  async #findResolved(id: string): Promise<Incident | undefined> {
    let incident: Incident | undefined
    await this.#book.attempt(async () => {
      incident = await this.#records.incidents.find(id)
    })
    return incident
  }

  #tell(incident: Incident, change: IncidentChange): void {
    for (const listener of this.#listeners) listener(incident, change)
  }

  #wake(): void {
    for (const wake of this.#waiters) wake()
  }

  #nextProgress(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#waiters.delete(end)
        resolve()
      }
      const timer = this.#clock.after(patienceMs, end)
      this.#waiters.add(end)
    })
  }

  #backgroundOf(fingerprints: readonly string[]): {
    background: AlertBackground | undefined
    isFinal: boolean
  } {
    let isWaiting = false
    let past: AlertBackground | undefined
    for (const fingerprint of fingerprints) {
      const open = this.#findOpenOf(fingerprint)
      if (open !== undefined) {
        return {
          background: this.#makeBackground(open.incident),
          isFinal: open.searchCount > 0,
        }
      }
      past ??= this.#recent.get(fingerprint)
      if (!this.#passed.has(fingerprint)) isWaiting = true
    }
    return { background: past, isFinal: past !== undefined || !isWaiting }
  }

  #makeBackground(incident: Incident): AlertBackground {
    const best = incident.causes[0]
    return {
      incidentId: incident.id,
      incidentNumber: incident.number,
      cause: best === undefined || best.kind === 'unknown' ? '' : best.title,
      url: `${this.#externalUrl.replace(/\/$/, '')}/incidents/${incident.id}`,
    }
  }

  #findSignals(service: ServiceIdentity, timeMs: number): Promise<ServiceSignals> {
    return findSignals(service, {
      questioner: this.#questioner,
      settings: findServiceSettings(this.#settings.services, service.name, service.environment),
      windowMs: this.#settings.incidents.signal_window,
      timeMs,
    })
  }

  #makeQuestioner(): Questioner {
    return new Questioner({
      engine: this.#engine,
      log: this.#log,
      timeoutMs: this.#settings.incidents.search_timeout,
    })
  }
}

function isInformation(alert: Alert): boolean {
  return makeAlertView(alert, undefined).health === 'info'
}

function isAbout(
  attempt: NotificationAttempt,
  incident: { id: string; fingerprints: ReadonlySet<string>; endTimeMs: number },
): boolean {
  if (attempt.incidentId !== undefined) return attempt.incidentId === incident.id
  // The message of the end goes out after the end.
  return (
    attempt.timeMs <= incident.endTimeMs + 600_000 &&
    attempt.fingerprints.some((fingerprint) => incident.fingerprints.has(fingerprint))
  )
}
