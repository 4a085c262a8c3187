/**
 * A group of alerts with its rhythm: the first notification after group_wait (at once when an alert
 * began longer ago than that), then a look every group_interval. At each look every channel of the
 * receiver is told if there is a reason to. A group without alerts is over at a look, but not within half
 * a minute after it had some: with short intervals, an alert that comes back is told in the same rhythm.
 * Source: alertmanager dispatch/dispatch.go and notify/ (Apache-2.0), behaviour re-implemented.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { passFaultPoint } from '../base/fault-point.ts'
import type { Log } from '../base/log.ts'
import type { Alert } from '../model/alert.ts'
import type { AlertBackground } from '../model/flow.ts'
import { compareText, type Labels } from '../model/labels.ts'
import type { Page } from '../model/page.ts'
import type { ChannelView, Notification } from '../notify/notify.ts'
import { findCommon } from '../model/common-labels.ts'
import type { AcknowledgeOffer } from './page/page-message.ts'
import { decisionsTotal, notificationDelay } from './metrics.ts'
import { findReason, type NotificationLog } from './notification-log.ts'
import { formatGroupKey, type Route } from './route.ts'

/** What a group asks its desk. */
export interface GroupSurroundings {
  clock: Clock
  log: Log
  notificationLog: NotificationLog
  externalUrl: string
  channels(receiver: string): ChannelView[]
  send(
    channelKey: string,
    notification: Notification,
    signal: AbortSignal,
  ): Promise<{ isDelivered: boolean; failures: string[] }>
  /** The alert now, or `undefined` when it was forgotten. */
  find(fingerprint: string): Alert | undefined
  isFiring(alert: Alert): boolean
  /** Takes out the alerts that something holds back at a route. */
  withoutHeld(alerts: readonly Alert[], route: Route): Alert[]
  /** Whether the end of an alert waits for a silence to be over. */
  isEndDelayed(alert: Alert): boolean
  describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined>
  /** Sees to the page of the group before its channels are told; answers it, if there is one. */
  seeToPage(group: AlertGroup): Promise<Page | undefined>
  /** Whether the repetition of its message may rest, because somebody has it. */
  isTaken(group: AlertGroup): boolean
  /** How readers of a message of a page can act. */
  offerFor(page: Page): AcknowledgeOffer | undefined
  /** The group has no alerts any more. */
  noteEmpty(group: AlertGroup): void
}

/** A look may last at least this long, however short the interval. */
const sendMsMin = 10_000

/** A group without alerts is kept for so long; Alertmanager looks for such groups every so often. */
export const emptyKeepMs = 30_000

/** One group at one route. */
export class AlertGroup {
  readonly key: string
  readonly labels: Labels
  route: Route
  readonly #around: GroupSurroundings
  /** Fingerprints. */
  readonly #members = new Set<string>()
  #timer: Timer | undefined
  #dueTimeMs = 0
  #hasLooked = false
  /** When a look last found alerts. */
  #busyTimeMs = 0
  #looking: Promise<void> | undefined
  #isOverdue = false
  #isStopped = false
  #abort: AbortController | undefined

  constructor(route: Route, labels: Labels, around: GroupSurroundings) {
    this.route = route
    this.labels = labels
    this.key = formatGroupKey(route, labels)
    this.#around = around
  }

  /** Whether an alert is in it still. */
  has(fingerprint: string): boolean {
    return this.#members.has(fingerprint)
  }

  /** Its alerts, in the order of messages. */
  list(): Alert[] {
    const alerts = [...this.#members].flatMap((fingerprint) => this.#around.find(fingerprint) ?? [])
    return alerts.sort(compareAlerts)
  }

  /** An alert belongs here, or changed. */
  insert(alert: Alert): void {
    this.#members.add(alert.fingerprint)
    if (this.#hasLooked) return
    const { clock, notificationLog } = this.#around
    const nowTimeMs = clock.nowTimeMs()
    const toldTimeMs = notificationLog.lastTimeMs(
      this.route.receiver,
      this.#around.channels(this.route.receiver).map((channel) => channel.key),
      this.key,
    )
    // After a restart the rhythm goes on where it was.
    const firstTimeMs =
      toldTimeMs !== undefined
        ? toldTimeMs + this.route.groupIntervalMs
        : alert.firedTimeMs + this.route.groupWaitMs < nowTimeMs
          ? nowTimeMs
          : nowTimeMs + this.route.groupWaitMs
    if (this.#timer === undefined || firstTimeMs < this.#dueTimeMs)
      this.#arm(Math.max(nowTimeMs, firstTimeMs))
  }

  /** The route has new times. */
  adopt(route: Route): void {
    this.route = route
  }

  /** Ends the rhythm and further attempts; answers what is still on its way. */
  stop(): Promise<void> | undefined {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#abort?.abort()
    return this.#looking
  }

  #arm(dueTimeMs: number): void {
    this.#timer?.cancel()
    this.#dueTimeMs = dueTimeMs
    const delayMs = dueTimeMs - this.#around.clock.nowTimeMs()
    this.#timer = this.#around.clock.after(Math.max(0, delayMs), () => this.#onTimer())
  }

  #onTimer(): void {
    if (this.#isStopped) return
    if (this.#looking !== undefined) {
      this.#isOverdue = true
      return
    }
    this.#hasLooked = true
    const dueTimeMs = this.#dueTimeMs
    this.#arm(this.#around.clock.nowTimeMs() + this.route.groupIntervalMs)
    const nowTimeMs = this.#around.clock.nowTimeMs()
    if (this.#members.size === 0) {
      if (nowTimeMs - this.#busyTimeMs < emptyKeepMs) return
      this.stop()
      this.#around.noteEmpty(this)
      return
    }
    this.#busyTimeMs = nowTimeMs
    this.#looking = this.#look(dueTimeMs).finally(() => {
      this.#looking = undefined
      if (!this.#isOverdue) return
      this.#isOverdue = false
      this.#onTimer()
    })
  }

  async #look(dueTimeMs: number): Promise<void> {
    const { clock, log } = this.#around
    const alerts = [...this.#members].flatMap((fingerprint) => this.#around.find(fingerprint) ?? [])
    const seen = new Map(alerts.map((alert) => [alert.fingerprint, alert.updatedTimeMs]))
    const abort = new AbortController()
    this.#abort = abort
    const limit = clock.after(Math.max(sendMsMin, this.route.groupIntervalMs), () => abort.abort())
    passFaultPoint('group-look')
    try {
      const page = await this.#around.seeToPage(this)
      const told = this.#around.withoutHeld(alerts, this.route).sort(compareAlerts)
      const isDone =
        told.length === 0 || (await this.#tell(told, { page, signal: abort.signal, dueTimeMs }))
      if (isDone) this.#dropResolved(seen)
    } catch (thrown) {
      log.error({ groupKey: this.key, error: messageOf(thrown) }, 'a group could not be notified')
    } finally {
      limit.cancel()
    }
  }

  /** Resolved alerts of which everybody was told leave, unless they changed meanwhile. */
  #dropResolved(seen: ReadonlyMap<string, number>): void {
    for (const fingerprint of [...this.#members]) {
      const alert = this.#around.find(fingerprint)
      if (alert === undefined) this.#members.delete(fingerprint)
      else if (this.#around.isFiring(alert) || seen.get(fingerprint) !== alert.updatedTimeMs)
        continue
      else if (!this.#around.isEndDelayed(alert)) this.#members.delete(fingerprint)
    }
  }

  /** Tells each channel what it does not know; answers whether all that had to hear have heard. */
  async #tell(
    alerts: readonly Alert[],
    look: { page: Page | undefined; signal: AbortSignal; dueTimeMs: number },
  ): Promise<boolean> {
    const { page, signal } = look
    const { receiver } = this.route
    const { notificationLog } = this.#around
    const firing = alerts.filter((alert) => this.#around.isFiring(alert))
    const resolved = alerts.filter((alert) => !this.#around.isFiring(alert))
    let background: Promise<AlertBackground | undefined> | undefined
    const results = await Promise.all(
      this.#around.channels(receiver).map(async (channel): Promise<boolean> => {
        const entry = notificationLog.find(receiver, channel.key, this.key)
        const reason = findReason(entry, {
          firing: firing.map((alert) => alert.fingerprint),
          resolved: resolved.map((alert) => alert.fingerprint),
          sendsResolved: channel.sendsResolved,
          repeatIntervalMs: this.route.repeatIntervalMs,
          // When it was due, lest the moment by which a timer is late makes a repetition or not.
          nowTimeMs: look.dueTimeMs,
          isUnsure: notificationLog.isUnsure(receiver, channel.key, this.key),
        })
        const isResting = reason === 'repeat interval elapsed' && this.#around.isTaken(this)
        decisionsTotal.inc({ reason: isResting ? 'acknowledged' : (reason ?? 'none') })
        if (reason === undefined || isResting) return true
        const said = channel.sendsResolved ? alerts : firing
        const news = {
          receiver,
          channel: channel.key,
          groupKey: this.key,
          timeMs: this.#around.clock.nowTimeMs(),
          firing: firing.map((alert) => alert.fingerprint),
          resolved: resolved.map((alert) => alert.fingerprint),
        }
        if (said.length > 0) {
          background ??= this.#around.describe(said.map((alert) => alert.fingerprint))
          const notification = this.#makeNotification(said, firing.length > 0, reason)
          notification.background = await background
          const offer = page === undefined ? undefined : this.#around.offerFor(page)
          if (offer !== undefined) notification.acknowledge = offer
          if (entry === undefined) this.#observeDelay(said)
          await notificationLog.begin(news)
          passFaultPoint('message-sending')
          const { isDelivered } = await this.#around.send(channel.key, notification, signal)
          passFaultPoint('message-sent')
          if (!isDelivered) {
            await notificationLog.giveUp(receiver, channel.key, this.key)
            return false
          }
        }
        await notificationLog.set({ ...news, timeMs: this.#around.clock.nowTimeMs() })
        passFaultPoint('log-written')
        return true
      }),
    )
    return results.every(Boolean)
  }

  #makeNotification(alerts: readonly Alert[], isFiring: boolean, reason: string): Notification {
    return {
      groupKey: this.key,
      status: isFiring ? 'firing' : 'resolved',
      reason,
      receiver: this.route.receiver,
      groupLabels: this.labels,
      commonLabels: findCommon(alerts.map((alert) => alert.labels)),
      commonAnnotations: findCommon(alerts.map((alert) => alert.annotations)),
      alerts: alerts.map((alert) => ({
        ...alert,
        state: this.#around.isFiring(alert) ? 'firing' : 'resolved',
      })),
      background: undefined,
      externalUrl: this.#around.externalUrl,
      routeLabels: this.route.labels,
    }
  }

  #observeDelay(alerts: readonly Alert[]): void {
    const arrived = alerts.flatMap((alert) => alert.arrivedTimeMs ?? [])
    if (arrived.length === 0) return
    const delayMs = this.#around.clock.nowTimeMs() - Math.min(...arrived)
    notificationDelay.observe(Math.max(0, delayMs) / 1000)
  }
}

/**
 * By job and instance, those that have one before those that have none; then those with fewer labels; then
 * label by label: the order of Alertmanager, which decides what `max_alerts` leaves out.
 */
function compareAlerts({ labels: a }: Alert, { labels: b }: Alert): number {
  for (const name of ['job', 'instance']) {
    const order = Number(b.has(name)) - Number(a.has(name))
    if (order !== 0) return order
    if (a.get(name) !== b.get(name)) return compareText(a.get(name), b.get(name))
  }
  if (a.size !== b.size) return a.size - b.size
  for (let index = 0; index < a.pairs.length; index += 2) {
    // Of two names in one place, the lesser one is what the other set lacks.
    const nameOrder = compareText(b.pairs[index]!, a.pairs[index]!)
    if (nameOrder !== 0) return nameOrder
    const valueOrder = compareText(a.pairs[index + 1]!, b.pairs[index + 1]!)
    if (valueOrder !== 0) return valueOrder
  }
  return 0
}
