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
import { LoopTurn } from '../base/loop-turn.ts'
import { makeId } from '../base/random.ts'
import type { Alert } from '../model/alert.ts'
import type { AlertBackground, AlertChart, AlertCharts, AlertContext } from '../model/flow.ts'
import { worseHealth } from '../model/health.ts'
import type { Incident, TimelineEntry } from '../model/incident.ts'
import type { PageEvent } from '../model/page.ts'
import type { NotificationAttempt, Records } from '../store/store.ts'
import { findAlertChart } from './alert-chart.ts'
import { makeAlertEntry } from './alert-entry.ts'
import { makeAlertView } from './alert-view.ts'
import { Backgrounds } from './backgrounds.ts'
import {
  IncidentBook,
  makeIncident,
  makeOpen,
  type OpenIncident,
  summariseIncident,
} from './book.ts'
import { CauseSearch, type SearchHost } from './cause-search.ts'
import { draftPostMortem } from './draft-post-mortem.ts'
import { incidentErrors } from './errors.ts'
import { incidentsTotal } from './metrics.ts'
import { OpenIncidents } from './open-incidents.ts'
import { makeNotifiedEntry } from './notified-entry.ts'
import { makePageEntry } from './page-entry.ts'
import { type Engine, Questioner } from './question.ts'
import { findServiceSettings, serviceOfLabels, type ServiceIdentity } from './service.ts'
import type { IncidentSettings } from './settings.ts'
import { findSignals, type ServiceSignals } from './signal.ts'
import { viewIncident } from './view-incident.ts'

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

/** The loop turns again when alerts have been taken for this long. */
const restAfterMs = 10

/** What alerts did to an incident. */
interface AlertNews {
  hasFired: boolean
  isNew: boolean
}

type TouchedIncidents = Map<OpenIncident, AlertNews>

/** Opens, explains, shows and resolves incidents. */
export class IncidentDesk implements AlertContext, AlertCharts {
  readonly #alerts: AlertFeed
  readonly #engine: Engine
  readonly #records: Records
  readonly #book: IncidentBook
  readonly #clock: Clock
  readonly #log: Log
  readonly #backgrounds: Backgrounds
  readonly #search: CauseSearch
  #settings: IncidentSettings
  #questioner: Questioner
  readonly #open = new OpenIncidents()
  readonly #turn: LoopTurn
  readonly #listeners = new Set<IncidentListener>()
  /** Fingerprints whose alerts open no incident, or whose incident a person closed. */
  readonly #passed = new Set<string>()
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
    this.#turn = new LoopTurn(() => parts.clock.monotonicMs())
    this.#backgrounds = new Backgrounds(parts)
    this.#questioner = this.#makeQuestioner()
    this.#search = new CauseSearch({ ...parts, book: this.#book, host: this.#makeSearchHost() })
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
    this.#backgrounds.wake()
    await this.#tail
    for (const open of this.#open.values()) await this.#book.flush(open)
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
    return viewIncident(incident, open, {
      records: this.#records,
      book: this.#book,
      nowTimeMs: this.#clock.nowTimeMs(),
      findSignals: (service, timeMs) => this.#findSignals(service, timeMs),
    })
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
    if (this.#open.get(id) === undefined) {
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
    return this.#open.firingCount(id)
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
      this.#search.schedule(open, 0)
    }
  }

  /** What the notification of these alerts should say; waits a little for the first search. */
  describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined> {
    return this.#backgrounds.wait(() =>
      this.#backgrounds.find(fingerprints, {
        openOf: (fingerprint) => this.#open.findOf(fingerprint),
        isPassed: (fingerprint) => this.#passed.has(fingerprint),
        isCrowded: this.#search.isCrowded,
      }),
    )
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
      const id = this.#open.findOf(fingerprint)?.incident.id
      const past = id ?? this.#backgrounds.findPast(fingerprint)?.incidentId
      if (past !== undefined) ids.add(past)
    }
    const entry = makeNotifiedEntry(attempt)
    for (const id of ids) await this.#enqueue(() => this.addEntry(id, entry))
  }

  /** Something happened to a page of some alerts. */
  async notePage(fingerprints: readonly string[], events: readonly PageEvent[]): Promise<void> {
    const entries = events.flatMap((event) => makePageEntry(event) ?? [])
    if (entries.length === 0) return
    const ids = new Set(fingerprints.flatMap((one) => this.#open.findOf(one)?.incident.id ?? []))
    for (const id of ids)
      for (const entry of entries) await this.#enqueue(() => this.addEntry(id, entry))
  }

  // ---- alerts come in

  async #take(changed: readonly Alert[]): Promise<void> {
    /** In a storm thousands come at once: each incident is looked at, written and told once. */
    const touched: TouchedIncidents = new Map()
    for (const alert of changed) {
      if (alert.state === 'firing') await this.#takeFiring(alert, touched)
      else await this.#takeResolved(alert, touched)
      // Records answer at once: without a rest the messages of a storm wait for its last incident.
      if (this.#turn.elapsedMs() > restAfterMs) await this.#turn.rest()
    }
    for (const [open, news] of touched) await this.#noteAlerts(open, news)
    this.#backgrounds.wake()
  }

  async #noteAlerts(open: OpenIncident, { hasFired, isNew }: AlertNews): Promise<void> {
    const { incident } = open
    incident.alerts = [...open.alerts.keys()]
    const isQuiet = this.firingAlertCount(incident.id) === 0
    if (isQuiet) this.#becomeQuiet(open)
    else if (hasFired) {
      open.quietTimer?.cancel()
      if (incident.state === 'recovering' && !open.isHeld) incident.state = 'open'
    }
    if (isQuiet || isNew) await this.#book.save(open)
    else await this.#book.saveSoon(open)
    this.#tell(incident, isNew ? 'opened' : 'alerts')
    if (hasFired && (isNew || incident.state === 'open'))
      this.#search.schedule(open, isNew ? 0 : 1_000)
  }

  async #takeFiring(alert: Alert, touched: TouchedIncidents): Promise<void> {
    const { fingerprint } = alert
    if (this.#passed.has(fingerprint)) return
    const service = this.#serviceOf(alert)
    let open = this.#open.findFor(service)
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
    open.incident.health = worseHealth(open.incident.health, view.health)
    await this.#book.addEntry(open, makeAlertEntry(alert, view))
    touched.set(open, { hasFired: true, isNew: isNew || touched.get(open)?.isNew === true })
  }

  async #takeResolved(alert: Alert, touched: TouchedIncidents): Promise<void> {
    this.#passed.delete(alert.fingerprint)
    for (const open of this.#open.values()) {
      if (open.alerts.get(alert.fingerprint)?.state !== 'firing') continue
      const view = makeAlertView(alert, open.incident.id)
      open.alerts.set(alert.fingerprint, view)
      await this.#book.addEntry(open, makeAlertEntry(alert, view))
      if (!touched.has(open)) touched.set(open, { hasFired: false, isNew: false })
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
    const incident = makeIncident(alert, service, this.#clock.nowTimeMs())
    const open = makeOpen(incident, service)
    await this.#book.attempt(async () => {
      incident.number = await this.#records.incidents.nextNumber()
    })
    this.#open.add(open)
    incidentsTotal.inc({ event: 'opened' })
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

  #serviceOf(alert: Alert): ServiceIdentity {
    const service = serviceOfLabels(new Map(Object.entries(alert.labels.toObject())), {
      services: this.#settings.services,
      defaultEnvironment: this.#settings.incidents.default_environment,
    })
    // Alerts of no service have nothing in common but their name.
    return service.name === '' ? { ...service, name: alert.labels.get('alertname') } : service
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
    this.#backgrounds.keep(incident, open.alerts.keys())
    if (incident.postMortem === '') {
      await draftPostMortem(open, {
        records: this.#records,
        book: this.#book,
        questioner: this.#questioner,
        nowTimeMs: this.#clock.nowTimeMs(),
        findSignals: (timeMs) => this.#findSignals(open.service, timeMs),
      })
    }
    await this.#book.save(open)
    this.#open.delete(incident.id)
    incidentsTotal.inc({ event: 'resolved' })
    this.#log.info({ incident: incident.number }, 'An incident is resolved.')
    this.#tell(incident, 'resolved')
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
      const open = await this.#book.reopen(incident, firing)
      this.#open.add(open)
      if (this.firingAlertCount(incident.id) === 0) this.#becomeQuiet(open)
      else if (incident.state === 'open') this.#search.schedule(open, 0)
    }
    await this.#take(current.filter((alert) => alert.state === 'firing'))
  }

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

  #makeSearchHost(): SearchHost {
    return {
      tools: () => ({ questioner: this.#questioner, settings: this.#settings }),
      isOpen: (open) => this.#open.get(open.incident.id) === open,
      change: (id, action) => this.#change(id, action),
      onSearched: () => this.#backgrounds.wake(),
      onCause: (incident) => this.#tell(incident, 'cause'),
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
