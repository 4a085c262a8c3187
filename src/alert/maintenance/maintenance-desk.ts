/**
 * Maintenance windows: while one is open, people are not told of the alerts that it names, and the
 * alerts say why. When it closes, a receiver may hear what was held meanwhile. Kept in the records;
 * when those fail, windows hold until the next start.
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { makeId } from '../../base/random.ts'
import { isTimeZone } from '../../base/time-zone.ts'
import type { Alert } from '../../model/alert.ts'
import type { Labels } from '../../model/labels.ts'
import type { MaintenanceWindow } from '../../model/maintenance.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'
import type { Notifier } from '../../notify/notify.ts'
import type { Records } from '../../store/store.ts'
import { alertErrors } from '../errors.ts'
import { maintenanceCount, recordFailuresTotal } from '../metrics.ts'
import type { PastHolder } from '../past-holds.ts'
import { compileMatchers } from '../silences.ts'
import { listOccurrences, type Occurrence } from './occurrence.ts'
import { sendSummary } from './summary.ts'

const dayMs = 86_400_000
/** A window that is over is kept for so long. */
const endedKeepMs = 30 * dayMs
const lengthMsMax = 31 * dayMs
const textLengthMax = 4_096
const listCountMax = 100
/** Alerts of one opening that a summary names. */
const heldCountMax = 1_000
/** Shortest period of summaries within an opening. */
const summaryEveryMsMin = 60_000
/** How far ahead the next change is looked for. */
const horizonMs = 40 * dayMs

/** What a person asks for. */
export type MaintenanceRequest = Pick<
  MaintenanceWindow,
  | 'name'
  | 'matchers'
  | 'services'
  | 'teams'
  | 'startTimeMs'
  | 'endTimeMs'
  | 'timeZone'
  | 'repeat'
  | 'summaryReceiver'
  | 'summaryEveryMs'
  | 'createdBy'
  | 'comment'
> & { id?: string | undefined }

/** Where a window is in its life. `pending` also between two openings. */
export type MaintenanceState = 'pending' | 'active' | 'ended'

/** A window with its place in time. */
export interface MaintenanceStatus {
  window: MaintenanceWindow
  state: MaintenanceState
  /** The opening that runs, or the next one. */
  current: Occurrence | undefined
  /** Alerts held by the opening that runs. */
  heldCount: number
}

interface Kept {
  window: MaintenanceWindow
  matchers: readonly Matcher[]
  /** Alerts held by the opening that runs, by fingerprint. */
  held: Map<string, Alert>
  /** How many of them the last summary within the opening named. */
  toldCount: number
}

/** All maintenance windows. */
export class MaintenanceDesk {
  readonly #parts: {
    records: Records
    clock: Clock
    log: Log
    notifier: Notifier
    externalUrl: string
  }
  readonly #kept = new Map<string, Kept>()
  /** Windows that are open, until something changes. */
  #open: Kept[] = []
  #changeTimeMs = 0
  countMax: number

  constructor(parts: {
    records: Records
    clock: Clock
    log: Log
    notifier: Notifier
    externalUrl: string
    countMax: number
  }) {
    this.#parts = parts
    this.countMax = parts.countMax
  }

  /** Brings back what was kept. */
  async load(): Promise<void> {
    try {
      for (const window of await this.#parts.records.maintenance.list())
        this.#kept.set(window.id, this.#keep(window))
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
    this.#refresh()
  }

  /** All windows, the newest first. */
  list(): MaintenanceStatus[] {
    return [...this.#kept.values()]
      .map((kept) => this.#statusOf(kept))
      .sort((a, b) => b.window.startTimeMs - a.window.startTimeMs)
  }

  /** Names of the open windows that hold an alert; what is held is noted for the summary. */
  findHolders(labels: Labels, alert?: Alert): string[] {
    if (this.#parts.clock.nowTimeMs() >= this.#changeTimeMs) this.#refresh()
    const names: string[] = []
    for (const kept of this.#open) {
      if (!isOf(kept, labels)) continue
      names.push(kept.window.name)
      if (
        alert !== undefined &&
        (kept.held.size < heldCountMax || kept.held.has(alert.fingerprint))
      )
        kept.held.set(alert.fingerprint, alert)
    }
    return names
  }

  /** Ids of the open windows, for noticing a change. */
  activeIds(): string[] {
    if (this.#parts.clock.nowTimeMs() >= this.#changeTimeMs) this.#refresh()
    return this.#open.map(({ window }) => window.id)
  }

  /** Those that were, or will be, open within a span. */
  listWithin(span: Occurrence): PastHolder[] {
    return [...this.#kept.values()]
      .map((kept) => ({ kept, spans: listOccurrences(kept.window, span) }))
      .filter(({ spans }) => spans.length > 0)
      .map(({ kept, spans }) => ({
        kind: 'maintenance' as const,
        id: kept.window.id,
        title: kept.window.name,
        spans,
        isOf: (labels) => isOf(kept, labels),
      }))
  }

  /** The alerts among these that a window would hold. Throws `ALERT_MAINTENANCE_INVALID`. */
  preview(request: MaintenanceRequest, alerts: readonly Alert[]): Alert[] {
    const kept = this.#keep(this.#make(request))
    return alerts.filter((alert) => alert.state === 'firing' && isOf(kept, alert.labels))
  }

  /**
   * Makes a window, or changes one. Throws `ALERT_MAINTENANCE_INVALID`, `ALERT_MAINTENANCE_UNKNOWN`,
   * `ALERT_MAINTENANCE_FULL`.
   */
  async set(request: MaintenanceRequest): Promise<MaintenanceStatus> {
    const before = request.id === undefined ? undefined : this.#kept.get(request.id)
    if (request.id !== undefined && before === undefined)
      throw alertErrors.MAINTENANCE_UNKNOWN({ id: request.id })
    if (before === undefined && this.#kept.size >= this.countMax)
      throw alertErrors.MAINTENANCE_FULL({ countMax: this.countMax })
    const kept = this.#keep(this.#make(request), before?.held)
    this.#kept.set(kept.window.id, kept)
    this.#refresh()
    await this.#save(kept.window)
    return this.#statusOf(kept)
  }

  /** Ends a window for good, with its further openings; `undefined` when there is none. */
  async end(id: string): Promise<MaintenanceStatus | undefined> {
    const kept = this.#kept.get(id)
    if (kept === undefined) return undefined
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    if (kept.window.endedTimeMs === undefined) {
      kept.window = { ...kept.window, endedTimeMs: nowTimeMs, updatedTimeMs: nowTimeMs }
      this.#refresh()
      await this.#save(kept.window)
    }
    return this.#statusOf(kept)
  }

  /** Tells what was held in openings that are over, and forgets windows that were over long ago. */
  async sweep(isFiring: (alert: Alert) => boolean): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    for (const kept of [...this.#kept.values()]) {
      const { window } = kept
      const span = { startTimeMs: window.summarisedTimeMs, endTimeMs: nowTimeMs }
      const ended = listOccurrences(window, span).filter(({ endTimeMs }) => endTimeMs <= nowTimeMs)
      const last = ended.at(-1)
      if (last !== undefined) {
        const held = [...kept.held.values()]
        kept.held.clear()
        kept.toldCount = 0
        if (held.length > 0 && window.summaryReceiver !== '')
          await sendSummary({ window, occurrence: last, held, isFiring, isOver: true }, this.#parts)
        kept.window = { ...window, summarisedTimeMs: nowTimeMs }
        await this.#save(kept.window)
      } else await this.#tellMeanwhile(kept, isFiring)
      const lastTimeMs = lastEndOf(kept.window)
      if (lastTimeMs < nowTimeMs - endedKeepMs) {
        this.#kept.delete(window.id)
        await this.#attempt(() => this.#parts.records.maintenance.remove(window.id))
      }
    }
  }

  /** While a window is open, its receiver hears at most once a period what it held, when that is more than before. */
  async #tellMeanwhile(kept: Kept, isFiring: (alert: Alert) => boolean): Promise<void> {
    const { window, held } = kept
    const { summaryEveryMs = 0 } = window
    if (summaryEveryMs === 0 || window.summaryReceiver === '' || held.size <= kept.toldCount) return
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const span = { startTimeMs: nowTimeMs, endTimeMs: nowTimeMs + 1 }
    const [occurrence] = listOccurrences(window, span)
    if (occurrence === undefined) return
    const lastTimeMs = Math.max(window.summarisedTimeMs, occurrence.startTimeMs)
    if (nowTimeMs - lastTimeMs < summaryEveryMs) return
    const told = { window, occurrence, held: [...held.values()], isFiring, isOver: false }
    await sendSummary(told, this.#parts)
    kept.toldCount = held.size
    kept.window = { ...window, summarisedTimeMs: nowTimeMs }
    await this.#save(kept.window)
  }

  #make(request: MaintenanceRequest): MaintenanceWindow {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    check(request, this.#parts.notifier)
    return {
      ...request,
      id: request.id ?? makeId(nowTimeMs),
      matchers: request.matchers.map(({ name, operator, value }) => ({ name, operator, value })),
      updatedTimeMs: nowTimeMs,
      endedTimeMs: undefined,
      summarisedTimeMs: nowTimeMs,
    }
  }

  #keep(window: MaintenanceWindow, held = new Map<string, Alert>()): Kept {
    try {
      return { window, matchers: compileMatchers(window.matchers), held, toldCount: 0 }
    } catch (thrown) {
      throw invalid(messageOf(thrown))
    }
  }

  #statusOf(kept: Kept): MaintenanceStatus {
    const { window, held } = kept
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const span = { startTimeMs: nowTimeMs, endTimeMs: nowTimeMs + 400 * dayMs }
    const [current] = listOccurrences(window, span)
    const isOpen = current !== undefined && current.startTimeMs <= nowTimeMs
    const state = current === undefined ? 'ended' : isOpen ? 'active' : 'pending'
    return { window, state, current, heldCount: isOpen ? held.size : 0 }
  }

  /** Works out what is open now, and when that changes. */
  #refresh(): void {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const counts = { pending: 0, active: 0, ended: 0 }
    this.#open = []
    this.#changeTimeMs = nowTimeMs + dayMs
    for (const kept of this.#kept.values()) {
      const span = { startTimeMs: nowTimeMs, endTimeMs: nowTimeMs + horizonMs }
      for (const { startTimeMs, endTimeMs } of listOccurrences(kept.window, span)) {
        const isOpen = startTimeMs <= nowTimeMs
        if (isOpen && !this.#open.includes(kept)) this.#open.push(kept)
        this.#changeTimeMs = Math.min(this.#changeTimeMs, isOpen ? endTimeMs : startTimeMs)
      }
      counts[this.#statusOf(kept).state]++
    }
    for (const [state, count] of Object.entries(counts)) maintenanceCount.set({ state }, count)
  }

  #save(window: MaintenanceWindow): Promise<void> {
    return this.#attempt(() => this.#parts.records.maintenance.save(window))
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (thrown) {
      this.#noteFailure(thrown)
    }
  }

  #noteFailure(thrown: unknown): void {
    recordFailuresTotal.inc()
    this.#parts.log.error(
      { error: messageOf(thrown) },
      'maintenance windows could not be kept in the records; they hold until the next start',
    )
  }
}

function isOf({ window, matchers }: Kept, labels: Labels): boolean {
  if (!matchesAll(matchers, labels)) return false
  if (window.services.length > 0 && !window.services.includes(labels.get('service'))) return false
  return window.teams.length === 0 || window.teams.includes(labels.get('team'))
}

/** When nothing of it comes any more; far away when it has no end. */
function lastEndOf(window: MaintenanceWindow): number {
  if (window.endedTimeMs !== undefined) return window.endedTimeMs
  if (window.repeat === undefined) return window.endTimeMs
  const lengthMs = window.endTimeMs - window.startTimeMs
  return (window.repeat.untilTimeMs ?? Number.POSITIVE_INFINITY) + lengthMs
}

function check(request: MaintenanceRequest, notifier: Notifier): void {
  const { startTimeMs, endTimeMs, matchers, services, teams, repeat } = request
  if (matchers.length + services.length + teams.length === 0)
    throw invalid('it needs a matcher, a service or a team')
  if (Math.max(matchers.length, services.length, teams.length) > listCountMax)
    throw invalid(`a list is longer than ${listCountMax}`)
  if (!Number.isFinite(startTimeMs) || !(startTimeMs < endTimeMs))
    throw invalid('its start is not before its end')
  if (repeat !== undefined && endTimeMs - startTimeMs > lengthMsMax)
    throw invalid('an opening that comes again may last 31 days at most')
  if (repeat !== undefined && !(repeat.interval >= 1 && repeat.interval <= 1000))
    throw invalid('the interval must be from 1 to 1000')
  if (!isTimeZone(request.timeZone)) throw invalid(`unknown time zone "${request.timeZone}"`)
  if (request.name === '') throw invalid('it needs a name')
  if (request.summaryReceiver !== '' && !notifier.has(request.summaryReceiver))
    throw invalid(`there is no receiver "${request.summaryReceiver}"`)
  const { summaryEveryMs = 0 } = request
  if (summaryEveryMs !== 0 && !(summaryEveryMs >= summaryEveryMsMin))
    throw invalid('summaries may come every minute at most')
  if (summaryEveryMs !== 0 && request.summaryReceiver === '')
    throw invalid('summaries need a receiver')
  const texts = [request.name, request.comment, request.createdBy, ...services, ...teams]
  if (texts.some((text) => text.length > textLengthMax))
    throw invalid(`a text is longer than ${textLengthMax} characters`)
}

function invalid(reason: string): Error {
  return alertErrors.MAINTENANCE_INVALID({ reason })
}
