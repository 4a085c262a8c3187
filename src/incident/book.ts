/** Open incidents, and writing them down: when the records cannot be reached, the work goes on in memory. */

import type { AlertView, IncidentSummary } from '../api/api.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import type { Alert } from '../model/alert.ts'
import type { Incident, TimelineEntry } from '../model/incident.ts'
import type { Records } from '../store/store.ts'
import { entriesDroppedTotal, recordFailuresTotal } from './metrics.ts'
import type { ServiceIdentity } from './service.ts'

/** An incident that is not resolved, with what the records do not need. */
export interface OpenIncident {
  incident: Incident
  service: ServiceIdentity
  alerts: Map<string, AlertView>
  /** Someone acts on it: not resolved by quiet. */
  isHeld: boolean
  /** Verification failed: only a person resolves it. */
  isForPerson: boolean
  entryCount: number
  searchCount: number
  isSearching: boolean
  searchTimer: Timer | undefined
  quietTimer: Timer | undefined
  /** When it was last written down (monotonic), and what will do so again. */
  savedMs: number
  saveTimer: Timer | undefined
}

/** What is kept beside the incident's record, under `incident/<id>`. */
export interface Snapshot {
  alerts: AlertView[]
  matchers: string
  isForPerson: boolean
}

/** Timeline entries that an incident keeps at most … */
const entryCountMax = 1_000
/** … and what a storm brings by the thousand takes no more than this: there is room for what is done about it. */
const stormEntryCountMax = 600
const stormKinds = new Set<TimelineEntry['kind']>(['alert-firing', 'alert-resolved', 'notified'])
/** In a storm an incident is written down this often: all its alerts are part of it. */
const saveSpacingMs = 1_000

/** Incidents on their way to the records. */
export class IncidentBook {
  readonly #records: Records
  readonly #clock: Clock
  readonly #log: Log

  constructor(parts: { records: Records; clock: Clock; log: Log }) {
    this.#records = parts.records
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Writes it down now, or soon when that was just done. */
  async saveSoon(open: OpenIncident): Promise<void> {
    const waitMs = open.savedMs + saveSpacingMs - this.#clock.monotonicMs()
    if (waitMs <= 0) return this.save(open)
    open.saveTimer ??= this.#clock.after(waitMs, () => void this.save(open))
  }

  /** Writes down what waits for it. */
  async flush(open: OpenIncident): Promise<void> {
    if (open.saveTimer !== undefined) await this.save(open)
  }

  async save(open: OpenIncident): Promise<void> {
    const { incident } = open
    open.saveTimer?.cancel()
    open.saveTimer = undefined
    await this.attempt(async () => {
      if (incident.number === 0) incident.number = await this.#records.incidents.nextNumber()
      await this.#records.incidents.save(incident)
      const snapshot: Snapshot = {
        alerts: [...open.alerts.values()],
        matchers: open.service.matchers,
        isForPerson: open.isForPerson,
      }
      await this.#records.states.set(`incident/${incident.id}`, snapshot)
      open.savedMs = this.#clock.monotonicMs()
    })
  }

  async addEntry(
    open: OpenIncident,
    entry: Omit<TimelineEntry, 'id' | 'timeMs'> & { timeMs?: number },
  ): Promise<void> {
    const isOfStorm = stormKinds.has(entry.kind)
    if (++open.entryCount > (isOfStorm ? stormEntryCountMax : entryCountMax)) {
      if (isOfStorm) open.entryCount--
      entriesDroppedTotal.inc()
      return
    }
    const nowTimeMs = this.#clock.nowTimeMs()
    await this.attempt(() =>
      this.#records.incidents.addTimelineEntry(open.incident.id, {
        // Ids are in order of adding even within one millisecond.
        id: `${makeId(nowTimeMs).slice(0, 9)}-${String(open.entryCount).padStart(4, '0')}-${open.incident.id.slice(-6)}`,
        timeMs: nowTimeMs,
        ...entry,
      }),
    )
  }

  async findSnapshot(id: string): Promise<Snapshot | undefined> {
    let snapshot: Snapshot | undefined
    await this.attempt(async () => {
      snapshot = (await this.#records.states.find(`incident/${id}`)) as Snapshot | undefined
    })
    return snapshot
  }

  /** An incident that was open when the process ended; `firing` are the fingerprints that fire now. */
  async reopen(incident: Incident, firing: ReadonlySet<string>): Promise<OpenIncident> {
    const snapshot = await this.findSnapshot(incident.id)
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
    return open
  }

  /** A call to the records; when it fails the work goes on in memory. */
  async attempt(call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.warn({ reason: messageOf(thrown) }, 'The records could not be reached.')
    }
  }
}

/** The record of an incident that an alert opens; it gets its number when it is first kept. */
export function makeIncident(alert: Alert, service: ServiceIdentity, nowTimeMs: number): Incident {
  const name = alert.labels.get('alertname')
  const summary = alert.annotations.get('summary')
  return {
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
}

/** A fresh open incident around its record. */
export function makeOpen(incident: Incident, service: ServiceIdentity): OpenIncident {
  return {
    incident,
    service,
    alerts: new Map(),
    isHeld: false,
    isForPerson: false,
    entryCount: 0,
    searchCount: 0,
    isSearching: false,
    searchTimer: undefined,
    quietTimer: undefined,
    savedMs: Number.NEGATIVE_INFINITY,
    saveTimer: undefined,
  }
}

/** The service of an incident that was read from the records. */
export function identityOf(incident: Incident, matchers: string): ServiceIdentity {
  return { name: incident.service, environment: incident.environment, matchers }
}

/** An incident in a list. */
export function summariseIncident(incident: Incident): IncidentSummary {
  const best = incident.causes[0]
  return {
    id: incident.id,
    number: incident.number,
    title: incident.title,
    service: incident.service,
    environment: incident.environment,
    state: incident.state,
    health: incident.health,
    openedTimeMs: incident.openedTimeMs,
    resolvedTimeMs: incident.resolvedTimeMs,
    acknowledgedBy: incident.acknowledgedBy,
    cause:
      best === undefined || best.kind === 'unknown'
        ? undefined
        : { title: best.title, confidence: best.confidence, deploymentId: best.deploymentId },
  }
}
