/**
 * The door of alerting: verdicts in, told people out. Every alert is routed, grouped, held back by
 * inhibition, told of when there is a reason, and kept in the records so that a restart forgets none.
 * When the records fail, alerting goes on and says so.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Alert, DetectedAlert } from '../model/alert.ts'
import type { AlertBackground, AlertContext, AlertSink } from '../model/flow.ts'
import type { Notifier } from '../notify/notify.ts'
import type { Records } from '../store/store.ts'
import { AlertGroup, type GroupSurroundings } from './alert-group.ts'
import { alertErrors } from './errors.ts'
import { Inhibitor } from './inhibit.ts'
import {
  alertCount,
  contextMissedTotal,
  groupCount,
  heldTotal,
  receivedTotal,
  recordFailuresTotal,
  refusedTotal,
} from './metrics.ts'
import { NotificationLog } from './notification-log.ts'
import { findRoutes, groupLabelsOf, listRoutes, makeRouteTree, type Route } from './route.ts'
import type { AlertSettings } from './settings.ts'

export type { AlertSettings } from './settings.ts'

/** How long a resolved alert stays in the list. */
const resolvedKeepMs = 15 * 60_000
/** How often alerts whose time is over are looked for. */
const sweepIntervalMs = 5_000
/** How long stopping waits for messages that are on their way. */
const stopPatienceMs = 3_000
/** How long the background of a notification may take. */
const contextPatienceMs = 2_000

/** What alerting is connected to. */
export interface AlertDeskParts {
  notifier: Notifier
  records: Records
  settings: AlertSettings
  clock: Clock
  log: Log
  externalUrl: string
}

/** Keeps the alerts and sees that people are told. */
export class AlertDesk implements AlertSink {
  readonly #parts: AlertDeskParts
  readonly #log: NotificationLog
  readonly #around: GroupSurroundings
  #settings: AlertSettings
  #tree: Route | undefined
  #inhibitor: Inhibitor
  #context: AlertContext | undefined
  readonly #alerts = new Map<string, Alert>()
  /** By route id and group labels. */
  readonly #groups = new Map<string, AlertGroup>()
  readonly #listeners = new Set<(changed: readonly Alert[]) => void>()
  #sweepTimer: Timer | undefined
  #isStarted = false

  /** Throws `ALERT_RECEIVER_UNKNOWN` when a route names a receiver that does not exist. */
  constructor(parts: AlertDeskParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.#tree = this.#makeTree(parts.settings)
    this.#inhibitor = new Inhibitor(parts.settings.inhibit_rules)
    this.#log = new NotificationLog(parts)
    this.#around = {
      clock: parts.clock,
      log: parts.log,
      notificationLog: this.#log,
      externalUrl: parts.externalUrl,
      channels: (receiver) => parts.notifier.channels(receiver),
      send: (channelKey, notification, signal) =>
        parts.notifier.sendTo(channelKey, notification, signal),
      find: (fingerprint) => this.#alerts.get(fingerprint),
      isFiring: (alert) => this.#isFiring(alert),
      withoutHeld: (alerts) => this.#withoutHeld(alerts),
      describe: (fingerprints) => this.#describe(fingerprints),
      noteEmpty: (group) => this.#dropGroup(group),
    }
  }

  /** Who is asked for the background of notifications. */
  setContext(context: AlertContext): void {
    this.#context = context
  }

  /** Brings back the alerts and what was told of them, and begins. */
  async start(): Promise<void> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    await this.#log.load(nowTimeMs)
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
    this.#count()
    this.#armSweep()
  }

  /** Stops notifying; what was not told is told after the next start. */
  async stop(): Promise<void> {
    this.#isStarted = false
    this.#sweepTimer?.cancel()
    const looking = [...this.#groups.values()].flatMap((group) => group.stop() ?? [])
    this.#groups.clear()
    // What is on its way may still arrive, and must then not be sent again.
    if (looking.length > 0)
      await Promise.race([Promise.allSettled(looking), this.#parts.clock.sleep(stopPatienceMs)])
    await this.#attempt(() => this.#parts.records.alerts.save([...this.#alerts.values()]))
  }

  /** Takes new settings; throws `ALERT_RECEIVER_UNKNOWN` and changes nothing when a route is wrong. */
  reload(settings: AlertSettings): void {
    this.#tree = this.#makeTree(settings)
    this.#settings = settings
    this.#inhibitor = new Inhibitor(settings.inhibit_rules)
    const before = new Map(this.#groups)
    this.#groups.clear()
    for (const alert of this.#alerts.values()) {
      this.#inhibitor.add(alert.fingerprint, alert.labels)
      if (this.#isStarted) this.#dispatch(alert, before)
    }
    for (const group of before.values()) group.stop()
    this.#count()
  }

  /** Takes verdicts; resolves when they are kept, or could not be. */
  async publish(alerts: readonly DetectedAlert[]): Promise<void> {
    const changed: Alert[] = []
    for (const detected of alerts) {
      receivedTotal.inc({ state: detected.state })
      const alert = this.#merge(detected, changed)
      if (alert !== undefined && this.#isStarted) this.#dispatch(alert)
    }
    if (changed.length === 0) return
    this.#count()
    this.#tellListeners(changed)
    await this.#attempt(() => this.#parts.records.alerts.save(changed))
  }

  /** Firing alerts and those that resolved lately. */
  list(): Alert[] {
    return [...this.#alerts.values()].map((alert) => {
      if (alert.state === 'firing') alert.held = this.#findHeld(alert)
      return { ...alert }
    })
  }

  /** Hears of alerts that began to fire, resolved, or whose hold changed. Returns the call that ends it. */
  onChange(listener: (changed: readonly Alert[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #makeTree(settings: AlertSettings): Route | undefined {
    const { notifier } = this.#parts
    if (settings.route === undefined) {
      if (!notifier.has('default')) return undefined
      return makeRouteTree({
        receiver: 'default',
        group_by: ['alertname', 'service'],
        continue: false,
      })
    }
    const tree = makeRouteTree(settings.route)
    for (const route of listRoutes(tree)) {
      if (!notifier.has(route.receiver))
        throw alertErrors.RECEIVER_UNKNOWN({ receiver: route.receiver, route: route.key })
    }
    return tree
  }

  #isFiring(alert: Alert): boolean {
    return alert.state === 'firing' && alert.endTimeMs > this.#parts.clock.nowTimeMs()
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
        receivers: this.#receiversOf(detected),
      }
      this.#alerts.set(fingerprint, alert)
      this.#inhibitor.add(fingerprint, alert.labels)
      changed.push(alert)
      return alert
    }
    const isKnownFiring = this.#isFiring(known)
    const isFiring = detected.state === 'firing' && detected.endTimeMs > nowTimeMs
    if (!isKnownFiring && !isFiring) return undefined
    const { firedTimeMs, activeTimeMs, noDataSinceTimeMs } = known
    delete known.noDataSinceTimeMs
    delete known.arrivedTimeMs
    Object.assign(known, detected, { updatedTimeMs: nowTimeMs })
    // The same trouble: it began when it first began.
    if (isKnownFiring) {
      known.firedTimeMs = Math.min(firedTimeMs, detected.firedTimeMs)
      known.activeTimeMs = Math.min(activeTimeMs, detected.activeTimeMs)
    }
    if (!isFiring) known.held = undefined
    const isNoDataNews =
      (noDataSinceTimeMs === undefined) !== (known.noDataSinceTimeMs === undefined)
    if (isFiring !== isKnownFiring || isNoDataNews) changed.push(known)
    return known
  }

  #receiversOf(alert: DetectedAlert): string[] {
    if (this.#tree === undefined) return []
    return [...new Set(findRoutes(this.#tree, alert.labels).map((route) => route.receiver))]
  }

  #dispatch(alert: Alert, before?: Map<string, AlertGroup>): void {
    if (this.#tree === undefined) {
      alert.receivers = []
      return
    }
    const routes = findRoutes(this.#tree, alert.labels)
    alert.receivers = [...new Set(routes.map((route) => route.receiver))]
    for (const route of routes) {
      const labels = groupLabelsOf(route, alert.labels)
      const mapKey = `${route.id}\xff${labels.key}`
      let group = this.#groups.get(mapKey)
      if (group === undefined) {
        const kept = before?.get(mapKey)
        if (kept !== undefined && kept.route.receiver === route.receiver) {
          before!.delete(mapKey)
          kept.adopt(route)
          group = kept
        } else group = new AlertGroup(route, labels, this.#around)
        this.#groups.set(mapKey, group)
      }
      group.insert(alert)
    }
  }

  #dropGroup(group: AlertGroup): void {
    for (const [mapKey, other] of this.#groups) {
      if (other === group) this.#groups.delete(mapKey)
    }
    for (const channel of this.#parts.notifier.channels(group.route.receiver))
      void this.#log.remove(group.route.receiver, channel.key, group.key)
    groupCount.set(this.#groups.size)
  }

  #findHeld(alert: Alert): Alert['held'] {
    const by = this.#inhibitor.findHolders(alert.labels, (fingerprint) => {
      const source = this.#alerts.get(fingerprint)
      return source !== undefined && this.#isFiring(source)
    })
    return by.length === 0 ? undefined : { reason: 'inhibited', by }
  }

  #withoutHeld(alerts: readonly Alert[]): Alert[] {
    const free: Alert[] = []
    const changed: Alert[] = []
    for (const alert of alerts) {
      const held = this.#findHeld(alert)
      if ((held === undefined) !== (alert.held === undefined)) changed.push(alert)
      alert.held = held
      if (held === undefined) free.push(alert)
      else heldTotal.inc({ reason: held.reason })
    }
    if (changed.length > 0) this.#tellListeners(changed)
    return free
  }

  /** The background, if it comes in time. */
  async #describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined> {
    if (this.#context === undefined) return undefined
    let timer: Timer | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = this.#parts.clock.after(contextPatienceMs, () => resolve('late'))
    })
    try {
      const answer = await Promise.race([this.#context.describe(fingerprints), late])
      if (answer !== 'late') return answer
      this.#parts.log.warn({}, 'a notification goes out without its background: it came too late')
    } catch (thrown) {
      this.#parts.log.warn(
        { error: messageOf(thrown) },
        'a notification goes out without its background: it failed',
      )
    } finally {
      timer?.cancel()
    }
    contextMissedTotal.inc()
    return undefined
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
        if (this.#isInGroup(alert.fingerprint)) continue
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
  }

  #isInGroup(fingerprint: string): boolean {
    for (const group of this.#groups.values()) if (group.has(fingerprint)) return true
    return false
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
    groupCount.set(this.#groups.size)
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
