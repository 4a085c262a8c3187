/**
 * The door of alerting: verdicts in, told people out. Every alert is routed, grouped, held back by
 * inhibition, told of when there is a reason, and kept in the records so that a restart forgets none.
 * When the records fail, alerting goes on and says so.
 */

import type { RouteMatchView, RouteNode, RouteVerdictView } from '../api/rules.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { passFaultPoint } from '../base/fault-point.ts'
import type { Log } from '../base/log.ts'
import type { Alert, DetectedAlert } from '../model/alert.ts'
import type { AlertBackground, AlertContext, AlertSink } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import { matchesAll } from '../model/matcher.ts'
import type { Silence, SilenceMatcher } from '../model/silence.ts'
import type { Notifier } from '../notify/notify.ts'
import type { OnCall, OnCallSettings } from '../oncall/oncall.ts'
import type { Records } from '../store/store.ts'
import type { AlertGroup } from './alert-group.ts'
import { askBackground } from './ask-background.ts'
import { DutyDesk } from './duty-desk.ts'
import { type AlertCourse, forecastMessages, type ReceiverForecast } from './forecast.ts'
import { GroupTable } from './group-table.ts'
import { HeartbeatDesk } from './heartbeat-desk.ts'
import { type AlertHolders, Holds } from './holds.ts'
import { Inhibitor } from './inhibit.ts'
import { makeRoutes } from './make-routes.ts'
import { MaintenanceDesk } from './maintenance/maintenance-desk.ts'
import { alertCount, receivedTotal, recordFailuresTotal, refusedTotal } from './metrics.ts'
import { mergeAlert } from './merge-alert.ts'
import { NotificationLog } from './notification-log.ts'
import { PageDesk } from './page/page-desk.ts'
import { makePagedGroup, type PagedGroup } from './page/paged-group.ts'
import { type ReceivedAlert, toDetected } from './received-alert.ts'
import { findPastHolds, type PastHold } from './past-holds.ts'
import { findPauses, findRoutes, type Route } from './route.ts'
import { judgeRoutes, matchRoutes, viewRouteTree } from './route-preview.ts'
import type { AlertSettings } from './settings.ts'
import { compileMatchers, type SilenceRequest, Silences } from './silences.ts'

export { isSlackSigned, isTelegramSigned } from './button-signature.ts'
export type { DutyDesk } from './duty-desk.ts'
export type { HeartbeatDesk, HeartbeatView } from './heartbeat-desk.ts'
export type { AlertHolders } from './holds.ts'
export type {
  MaintenanceDesk,
  MaintenanceRequest,
  MaintenanceStatus,
} from './maintenance/maintenance-desk.ts'
export { parseMatchers } from './matcher-text.ts'
export type { PageDesk } from './page/page-desk.ts'
export type { ReceivedAlert } from './received-alert.ts'
export type { SilenceRequest } from './silences.ts'
export type { AlertSettings } from './settings.ts'

/** How long a resolved alert stays in the list. */
const resolvedKeepMs = 15 * 60_000
/** How often alerts whose time is over are looked for. */
const sweepIntervalMs = 5_000
/** How long stopping waits for messages that are on their way. */
const stopPatienceMs = 3_000

/** What alerting is connected to. */
export interface AlertDeskParts {
  notifier: Notifier
  oncall: OnCall
  records: Records
  settings: AlertSettings & OnCallSettings
  clock: Clock
  log: Log
  externalUrl: string
  /** Where relative paths of calendars start; the working directory unless given. */
  baseDir?: string
}

/** A group of alerts at one route. */
export interface AlertGroupView {
  labels: Labels
  receiver: string
  alerts: Alert[]
  /** Names of time intervals because of which the route says nothing now. */
  pausedBy: string[]
  routeLabels: Labels
}

/** Keeps the alerts and sees that people are told. */
export class AlertDesk implements AlertSink {
  readonly #parts: AlertDeskParts
  readonly #log: NotificationLog
  readonly #groups: GroupTable
  #settings: AlertSettings
  #tree: Route | undefined
  #inhibitor: Inhibitor
  readonly #silences: Silences
  readonly #holds: Holds
  /** Pages: who has what, and who is told next. */
  readonly pages: PageDesk
  readonly maintenance: MaintenanceDesk
  readonly heartbeats: HeartbeatDesk
  readonly duty: DutyDesk
  /** What silences and hours looked like at the last sweep. */
  #holdKey = ''
  #context: AlertContext | undefined
  readonly #alerts = new Map<string, Alert>()
  readonly #listeners = new Set<(changed: readonly Alert[]) => void>()
  #sweepTimer: Timer | undefined
  #isStarted = false

  /** Throws `ALERT_RECEIVER_UNKNOWN`, `ALERT_POLICY_UNKNOWN` and the like when a name is wrong. */
  constructor(parts: AlertDeskParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.#tree = makeRoutes(parts.settings, parts.notifier)
    this.#inhibitor = new Inhibitor(parts.settings.inhibit_rules)
    this.#silences = new Silences({ ...parts, countMax: parts.settings.silence_count_max })
    const countMax = parts.settings.maintenance_count_max
    this.maintenance = new MaintenanceDesk({ ...parts, countMax })
    this.#holds = new Holds(
      {
        clock: parts.clock,
        silences: this.#silences,
        maintenance: this.maintenance,
        pages: () => this.pages,
        isFiring: (fingerprint) => this.#isFiringOf(fingerprint),
      },
      { tree: this.#tree, inhibitor: this.#inhibitor },
    )
    this.pages = this.#makePages()
    this.duty = new DutyDesk(parts.settings, { ...parts, baseDir: parts.baseDir ?? process.cwd() })
    const publish = (alerts: readonly DetectedAlert[]): Promise<void> => this.publish(alerts)
    this.heartbeats = new HeartbeatDesk(parts.settings.heartbeats, { ...parts, publish })
    this.#log = new NotificationLog(parts)
    this.#groups = new GroupTable({
      clock: parts.clock,
      log: parts.log,
      notificationLog: this.#log,
      externalUrl: parts.externalUrl,
      channels: (receiver) => parts.notifier.channels(receiver),
      send: (channelKey, notification, signal) =>
        parts.notifier.sendTo(channelKey, notification, signal),
      find: (fingerprint) => this.#alerts.get(fingerprint),
      isFiring: (alert) => this.#isFiring(alert),
      withoutHeld: (alerts, route) => this.#withoutHeld(alerts, route),
      isEndDelayed: (alert) => this.#holds.isEndDelayed(alert),
      describe: (fingerprints) => this.#describe(fingerprints),
      seeToPage: (group) => this.pages.noteGroup(this.#pagedOf(group)),
      isTaken: (group) => this.pages.isTaken(group.route.receiver, group.key),
      offerFor: (page) => this.pages.offerFor(page),
      noteEmpty: (group) => this.#dropGroup(group),
    })
  }

  /** Who is asked for the background of notifications. */
  setContext(context: AlertContext): void {
    this.#context = context
  }

  /** Brings back the alerts and what was told of them, and begins. */
  async start(): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    await this.#log.load(nowTimeMs)
    await this.#silences.load()
    await this.maintenance.load()
    await this.pages.load()
    await this.duty.start()
    await this.#attempt(async () => {
      for (const alert of await this.#parts.records.alerts.list()) {
        // Whoever watches it needs a moment to say that it still fires.
        if (alert.state === 'firing') {
          const graceTimeMs = nowTimeMs + this.#settings.global.resolve_timeout
          alert.endTimeMs = Math.max(alert.endTimeMs, graceTimeMs)
        }
        this.#alerts.set(alert.fingerprint, alert)
        this.#inhibitor.add(alert.fingerprint, alert.labels)
      }
    })
    this.#isStarted = true
    for (const alert of this.#alerts.values()) this.#dispatch(alert)
    this.pages.begin()
    await this.heartbeats.start()
    this.#count()
    this.#armSweep()
  }

  /** Stops notifying; what was not told is told after the next start. */
  async stop(): Promise<void> {
    this.#isStarted = false
    this.#sweepTimer?.cancel()
    this.heartbeats.stop()
    this.duty.stop()
    const paging = this.pages.stop()
    const groups = [...this.#groups.takeAll().values()]
    const looking = groups.flatMap((group) => group.stop() ?? [])
    // What is on its way may still arrive, and must then not be sent again.
    if (looking.length > 0)
      await Promise.race([Promise.allSettled(looking), this.#parts.clock.sleep(stopPatienceMs)])
    await paging
    await this.#attempt(() => this.#parts.records.alerts.save([...this.#alerts.values()]))
  }

  /** Takes new settings; throws as the constructor does and changes nothing when a name is wrong. */
  reload(settings: AlertSettings & OnCallSettings): void {
    const tree = makeRoutes(settings, this.#parts.notifier)
    this.#parts.oncall.reload(settings)
    this.#tree = tree
    this.#settings = settings
    this.duty.reload(settings)
    this.heartbeats.reload(settings.heartbeats)
    this.maintenance.countMax = settings.maintenance_count_max
    this.#silences.countMax = settings.silence_count_max
    this.#inhibitor = new Inhibitor(settings.inhibit_rules)
    this.#holds.setRules({ tree: this.#tree, inhibitor: this.#inhibitor })
    const before = this.#groups.takeAll()
    for (const alert of this.#alerts.values()) {
      this.#inhibitor.add(alert.fingerprint, alert.labels)
      if (this.#isStarted) this.#dispatch(alert, before)
    }
    for (const group of before.values()) group.stop()
    this.pages.reload(settings)
    this.#count()
  }

  /** Takes verdicts; resolves when they are kept, or could not be. */
  async publish(alerts: readonly DetectedAlert[]): Promise<void> {
    const changed: Alert[] = []
    passFaultPoint('alert-received')
    for (const detected of alerts) {
      receivedTotal.inc({ state: detected.state })
      const alert = this.#merge(detected, changed)
      if (alert !== undefined && this.#isStarted) this.#dispatch(alert)
    }
    if (changed.length === 0) return
    this.#count()
    this.#tellListeners(changed)
    await this.#attempt(() => this.#parts.records.alerts.save(changed))
    passFaultPoint('alert-kept')
  }

  /** Firing alerts and those that resolved lately. */
  list(): Alert[] {
    return [...this.#alerts.values()].map((alert) => ({
      ...alert,
      held: alert.state === 'firing' ? this.#holds.find(alert) : undefined,
    }))
  }

  /**
   * Takes alerts from another program. One without a start begins now; one without an end fires for
   * resolve_timeout and is heard of again before that.
   */
  async receive(alerts: readonly ReceivedAlert[]): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const timeoutMs = this.#settings.global.resolve_timeout
    await this.publish(alerts.map((alert) => toDetected(alert, nowTimeMs, timeoutMs)))
  }

  /** Who would be told of an alert with these labels, in the order of the routes, each once. */
  receiversFor(labels: Labels): string[] {
    if (this.#tree === undefined) return []
    return [...new Set(findRoutes(this.#tree, labels).map((route) => route.receiver))]
  }

  /** The routes that an alert with these labels ends at, why, and what would hold it back now. */
  previewRoutes(labels: Labels): {
    routes: RouteMatchView[]
    verdicts: RouteVerdictView[]
    holders: AlertHolders
  } {
    const tree = this.#tree
    const { clock, notifier } = this.#parts
    const policyOf = (receiver: string) => notifier.escalationPolicy(receiver)
    const around = { nowTimeMs: clock.nowTimeMs(), policyOf }
    return {
      routes: tree === undefined ? [] : matchRoutes(tree, labels, around),
      verdicts: tree === undefined ? [] : judgeRoutes(tree, labels),
      holders: this.#holds.holdersOfLabels(labels),
    }
  }

  /** The tree of routes; `undefined` when there is none. */
  routeTree(): RouteNode | undefined {
    return this.#tree && viewRouteTree(this.#tree, this.#parts.clock.nowTimeMs())
  }

  /** How many messages alerts of these courses would cause until a time, by receiver. */
  forecastMessages(courses: readonly AlertCourse[], untilTimeMs: number): ReceiverForecast[] {
    const tree = this.#tree
    const channels = (receiver: string) => this.#parts.notifier.channels(receiver)
    return tree === undefined ? [] : forecastMessages(courses, { tree, untilTimeMs, channels })
  }

  /** Tells of alerts within a span which silences and windows held them, as far as those are still known. */
  pastHoldsWithin(span: {
    startTimeMs: number
    endTimeMs: number
  }): (course: AlertCourse) => PastHold[] {
    const holders = [...this.#silences.listWithin(span), ...this.maintenance.listWithin(span)]
    return ({ labels, firedTimeMs, endTimeMs = span.endTimeMs }) =>
      findPastHolds(holders, labels, { startTimeMs: firedTimeMs, endTimeMs })
  }

  /** Everything that holds an alert back now. */
  holdersOf(alert: Alert): AlertHolders {
    return this.#holds.holdersOf(alert)
  }

  /** All groups with their alerts, resolved ones included until everybody was told. */
  groups(): AlertGroupView[] {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    return this.#groups.list().map((group) => ({
      labels: group.labels,
      receiver: group.route.receiver,
      alerts: group.list().map((alert) => ({ ...alert })),
      pausedBy: findPauses(group.route, nowTimeMs),
      routeLabels: group.route.labels,
    }))
  }

  /** How chats prove that a button was pressed. */
  acknowledgeSettings(): AlertSettings['acknowledge'] {
    return this.#settings.acknowledge
  }

  /** All silences, also those that ended within the last five days. */
  silences(): Silence[] {
    return this.#silences.list()
  }

  findSilence(id: string): Silence | undefined {
    return this.#silences.find(id)
  }

  /**
   * Makes a silence, or changes the one named; answers it, with a new id when the old one had to end.
   * Throws `ALERT_SILENCE_INVALID`, `ALERT_SILENCE_UNKNOWN`, `ALERT_SILENCES_FULL`.
   */
  async setSilence(request: SilenceRequest): Promise<Silence> {
    const silence = await this.#silences.set(request)
    this.#refreshHeld()
    return silence
  }

  /** Ends a silence; answers it as it was before, or `undefined` when there is none. */
  async expireSilence(id: string): Promise<Silence | undefined> {
    const before = await this.#silences.expire(id)
    if (before !== undefined) this.#refreshHeld()
    return before
  }

  /** The firing alerts that a silence with these matchers would hold. Throws `ALERT_SILENCE_INVALID`. */
  previewSilence(matchers: readonly SilenceMatcher[]): Alert[] {
    const compiled = compileMatchers(matchers)
    return this.list().filter(
      (alert) => alert.state === 'firing' && matchesAll(compiled, alert.labels),
    )
  }

  /** Hears of alerts that began to fire, resolved, or whose hold changed. Returns the call that ends it. */
  onChange(listener: (changed: readonly Alert[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #isFiring(alert: Alert): boolean {
    return alert.state === 'firing' && alert.endTimeMs > this.#parts.clock.nowTimeMs()
  }

  #isFiringOf(fingerprint: string): boolean {
    const alert = this.#alerts.get(fingerprint)
    return alert !== undefined && this.#isFiring(alert)
  }

  #makePages(): PageDesk {
    return new PageDesk({
      ...this.#parts,
      findGroup: (receiver, groupKey) => {
        const group = this.#groups.find(receiver, groupKey)
        return group === undefined ? undefined : this.#pagedOf(group)
      },
      findAlert: (fingerprint) => this.#alerts.get(fingerprint),
      describe: (fingerprints) => this.#describe(fingerprints),
      noteHeld: (fingerprints) => this.#noteHeld(fingerprints),
    })
  }

  /** A group as pages see it. */
  #pagedOf(group: AlertGroup): PagedGroup {
    const { notifier } = this.#parts
    const firing = group.list().filter((alert) => this.#isFiring(alert))
    const free = firing.filter((alert) => !this.#holds.isHeldAt(alert, group.route))
    const policy = notifier.escalationPolicy(group.route.receiver) ?? ''
    return makePagedGroup(group, { policy, firing, free })
  }

  /** Joins a verdict with what is known; what people may care about goes to `changed`. */
  #merge(detected: DetectedAlert, changed: Alert[]): Alert | undefined {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const fingerprint = detected.labels.fingerprint()
    const known = this.#alerts.get(fingerprint)
    if (known === undefined) {
      if (this.#alerts.size >= this.#settings.alert_count_max) {
        refusedTotal.inc()
        return undefined
      }
      const alert: Alert = {
        ...detected,
        fingerprint,
        updatedTimeMs: nowTimeMs,
        held: undefined,
        receivers: this.receiversFor(detected.labels),
      }
      this.#alerts.set(fingerprint, alert)
      this.#inhibitor.add(fingerprint, alert.labels)
      changed.push(alert)
      return alert
    }
    const isKnownFiring = this.#isFiring(known)
    const isFiring = detected.state === 'firing' && detected.endTimeMs > nowTimeMs
    if (!isKnownFiring && !isFiring) return undefined
    const is = { knownFiring: isKnownFiring, firing: isFiring, nowTimeMs }
    if (mergeAlert(known, detected, is)) changed.push(known)
    return known
  }

  #dispatch(alert: Alert, before?: Map<string, AlertGroup>): void {
    if (this.#tree === undefined) {
      alert.receivers = []
      return
    }
    const routes = findRoutes(this.#tree, alert.labels)
    alert.receivers = [...new Set(routes.map((route) => route.receiver))]
    this.#groups.insert(alert, routes, before)
  }

  #dropGroup(group: AlertGroup): void {
    this.#groups.remove(group)
    for (const channel of this.#parts.notifier.channels(group.route.receiver))
      void this.#log.remove(group.route.receiver, channel.key, group.key)
  }

  #withoutHeld(alerts: readonly Alert[], route: Route): Alert[] {
    const changed: Alert[] = []
    const free = this.#holds.withoutHeld(alerts, route, (alert, held) => {
      if (this.#isFiring(alert) && setHeld(alert, held)) changed.push(alert)
    })
    if (changed.length > 0) this.#tellListeners(changed)
    return free
  }

  /** Looks anew at what is held, after a silence or an hour began or ended. */
  #refreshHeld(): void {
    this.#holdKey = this.#holds.makeKey()
    this.#noteHeld(this.#alerts.keys())
  }

  /** Some alerts may be held for another reason than before. */
  #noteHeld(fingerprints: Iterable<string>): void {
    const changed: Alert[] = []
    for (const fingerprint of fingerprints) {
      const alert = this.#alerts.get(fingerprint)
      if (alert === undefined || !this.#isFiring(alert)) continue
      if (setHeld(alert, this.#holds.find(alert))) changed.push(alert)
    }
    if (changed.length > 0) this.#tellListeners(changed)
  }

  #describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined> {
    return askBackground(this.#context, fingerprints, this.#parts)
  }

  #armSweep(): void {
    this.#sweepTimer = this.#parts.clock.after(sweepIntervalMs, () => {
      this.#sweep()
      if (this.#isStarted) this.#armSweep()
    })
  }

  /** Ends alerts that nobody confirmed, and forgets those that ended long ago. */
  #sweep(): void {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const ended: Alert[] = []
    const forgotten: string[] = []
    for (const alert of this.#alerts.values()) {
      if (alert.state === 'firing' && alert.endTimeMs <= nowTimeMs) {
        alert.state = 'resolved'
        alert.held = undefined
        alert.updatedTimeMs = nowTimeMs
        ended.push(alert)
      } else if (alert.state === 'resolved' && alert.endTimeMs < nowTimeMs - resolvedKeepMs) {
        // Somebody has still to be told that it is over.
        if (this.#groups.has(alert.fingerprint)) continue
        this.#alerts.delete(alert.fingerprint)
        this.#inhibitor.remove(alert.fingerprint, alert.labels)
        forgotten.push(alert.fingerprint)
      }
    }
    if (ended.length > 0) {
      this.#tellListeners(ended)
      void this.#attempt(() => this.#parts.records.alerts.save(ended))
    }
    if (forgotten.length > 0) void this.#attempt(() => this.#parts.records.alerts.remove(forgotten))
    if (ended.length + forgotten.length > 0) this.#count()
    void this.#silences.sweep()
    void this.maintenance.sweep((alert) => this.#isFiringOf(alert.fingerprint))
    void this.pages.tidy()
    if (this.#holds.makeKey() !== this.#holdKey) this.#refreshHeld()
  }

  #tellListeners(changed: readonly Alert[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(changed)
      } catch (thrown) {
        this.#parts.log.error({ error: messageOf(thrown) }, 'a listener of alerts failed')
      }
    }
  }

  #count(): void {
    let firingCount = 0
    for (const alert of this.#alerts.values()) if (alert.state === 'firing') firingCount++
    alertCount.set({ state: 'firing' }, firingCount)
    alertCount.set({ state: 'resolved' }, this.#alerts.size - firingCount)
    this.#groups.count()
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#parts.log.error(
        { error: messageOf(thrown) },
        'alerts could not be kept in the records; alerting goes on',
      )
    }
  }
}

/** Notes why an alert is held; answers whether that is news. */
function setHeld(alert: Alert, held: Alert['held']): boolean {
  const isNews = alert.held?.reason !== held?.reason
  alert.held = held
  return isNews
}
