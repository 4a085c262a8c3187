/**
 * The door of notifying: who is told, and how it went. A message is sent over one channel at a time
 * (`sendTo`) or over all channels of its receiver (`send`). In quiet hours it waits; when a channel fails,
 * the receiver's fallback is told; what reached nobody is kept and can be sent again.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId, type Random } from '../base/random.ts'
import type { AlertCharts } from '../model/flow.ts'
import type { DeadLetter, NotificationAttempt, Records } from '../store/store.ts'
import { Courier, labelLines, type Outcome } from './courier.ts'
import { DeadLetterBox } from './dead-letter-box.ts'
import { notifyErrors } from './errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { HeldMessages } from './held-messages.ts'
import { type MessageChart, MessageCharts } from './message-charts.ts'
import { loadTemplates, MessageWriter } from './message-writer.ts'
import { fallbacksTotal, ledgerForgottenTotal } from './metrics.ts'
import type { Notification } from './notification.ts'
import { fromPlainNotification } from './notification-json.ts'
import { alarmPrefix, makeAlarm } from './own-alarm.ts'
import { type ExpectedReceipt, ReceiptDesk } from './phone/receipt-desk.ts'
import { isTwilioSigned, type TwilioCall } from './phone/twilio-signature.ts'
import { PushDesk } from './push-desk.ts'
import { findQuietEnd, isUrgent } from './quiet-hours.ts'
import { type ConfiguredChannel, makeReceivers, type Receiver } from './receiver-book.ts'
import type { NotifySettings } from './settings.ts'
import { makeTestNotification } from './test-notification.ts'
import { TokenBuckets } from './token-bucket.ts'
import type { Language } from './words.ts'

export { chartPath } from './message-charts.ts'
export type { Notification } from './notification.ts'
export type { LostMessage } from './phone/receipt-desk.ts'
export type { NotifySettings } from './settings.ts'

/** A channel as alerting sees it. `key` is unique within the receiver, such as `webhook[0]`. */
export interface ChannelView {
  key: string
  kind: string
  sendsResolved: boolean
}

/** How a message went. */
export interface Delivery {
  isDelivered: boolean
  /** What went wrong, one sentence per channel; no secrets. */
  failures: string[]
  /** It waits for the end of its receiver's quiet hours: kept for certain, and seen by nobody before. */
  heldUntilTimeMs?: number
}

/** A receiver as people see it. */
export interface ReceiverStatus {
  name: string
  channels: ChannelView[]
  language: Language
  fallback: string[]
  heldCount: number
  last: NotificationAttempt | undefined
}

/** What notifying is connected to. */
export interface NotifierParts {
  settings: NotifySettings
  records: Pick<Records, 'notifications' | 'states' | 'deadLetters' | 'pushes'>
  clock: Clock
  log: Log
  random: Random
  /** Where relative paths of templates start; the working directory unless given. */
  baseDir?: string
  /** Address of our own pages, for messages that nobody else made. */
  externalUrl?: string
}

/** How long a message of ours, without a caller who waits, may be tried. */
const ownSendMs = 120_000
const testAttemptCountMax = 1
/** Groups whose failing is timed. */
const failingCountMax = 10_000
const cleanIntervalMs = 3_600_000
/** Messages that reached nobody for so long hold the heartbeat back. */
const troubleMs = 3_600_000
const resendAttemptCountMax = 3

/** Sends messages to people. */
export class Notifier {
  readonly #parts: NotifierParts
  readonly #courier: Courier
  readonly #buckets: TokenBuckets
  readonly #writer: MessageWriter
  readonly #charts: MessageCharts
  /** Browsers that take pushes. */
  readonly pushes: PushDesk
  /** What telephone services tell later. */
  readonly receipts: ReceiptDesk
  readonly #heartbeat: Heartbeat
  readonly #held: HeldMessages
  readonly #letters: DeadLetterBox
  readonly #stopped = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #last = new Map<string, NotificationAttempt>()
  /** Since when a channel has failed a group. */
  readonly #failingSince = new Map<string, number>()
  #findTrouble: () => string | undefined = () => undefined
  #cleaning: Timer | undefined
  #settings: NotifySettings['notify']
  #receivers = new Map<string, Receiver>()

  /** Throws `NOTIFY_SETTING_INVALID` or `NOTIFY_TEMPLATE_INVALID`. */
  constructor(parts: NotifierParts) {
    this.#parts = parts
    const { clock, log, records } = parts
    this.#courier = new Courier(parts)
    this.#courier.onAttempt((attempt) => this.#last.set(attempt.receiver, attempt))
    this.#buckets = new TokenBuckets(clock)
    this.pushes = new PushDesk({ records, clock, settings: parts.settings.notify })
    this.#charts = new MessageCharts({ states: records.states, clock, log })
    this.#charts.setSpan(parts.settings.notify.chart_span)
    this.#letters = new DeadLetterBox({ records: records.deadLetters, clock, log })
    this.receipts = new ReceiptDesk({
      states: records.states,
      clock,
      log,
      note: (expected, receipt) =>
        this.#courier.noteReceipt(expected.channel, expected.notification, receipt),
      replace: (lost, answer) => this.#run(this.#replaceLost(lost, answer)),
    })
    this.#settings = parts.settings.notify
    this.#heartbeat = new Heartbeat({
      clock,
      log,
      findTrouble: () => this.#findTrouble() ?? this.#findOwnTrouble(),
    })
    this.#held = new HeldMessages({
      states: records.states,
      clock,
      log,
      send: (channel, notification) => this.#sendNow(channel, notification),
    })
    this.#writer = new MessageWriter(parts)
    this.#receivers = this.#makeReceivers(parts.settings)
  }

  /** Reads what was left over before the start. */
  async start(): Promise<void> {
    await Promise.all([this.#letters.load(), this.#writer.start(), this.#charts.load()])
    await Promise.all([this.#held.load(), this.receipts.load()])
    this.#heartbeat.set(this.#settings.heartbeat)
    await this.#clean()
  }

  /** Who knows whether rules are evaluated; what it answers holds the heartbeat back. */
  setWatch(findTrouble: () => string | undefined): void {
    this.#findTrouble = findTrouble
  }

  /** Who knows the figures that charts show. */
  setCharts(source: AlertCharts): void {
    this.#charts.setSource(source)
  }

  /** The picture below an address of a message; `undefined` when there is none any more. */
  chart(token: string): Promise<Buffer | undefined> {
    return this.#charts.find(token)
  }

  /** Names of all receivers. */
  receivers(): string[] {
    return [...this.#receivers.keys()]
  }

  has(receiver: string): boolean {
    return this.#receivers.has(receiver)
  }

  /** The channels of a receiver, in the order of the configuration. */
  channels(receiver: string): ChannelView[] {
    return (this.#receivers.get(receiver)?.channels ?? []).map(({ key, kind, sendsResolved }) => ({
      key,
      kind,
      sendsResolved,
    }))
  }

  /** The escalation policy that begins when a receiver is told; `undefined` when it names none. */
  escalationPolicy(receiver: string): string | undefined {
    return this.#receivers.get(receiver)?.options.escalation_policy || undefined
  }

  /** All receivers, with how each does. */
  status(): ReceiverStatus[] {
    return [...this.#receivers.values()].map(({ name, options }) => ({
      name,
      channels: this.channels(name),
      language: options.language,
      fallback: options.fallback,
      heldCount: this.#held.count(name),
      last: this.#last.get(name),
    }))
  }

  /** Sends over every channel of the receiver; delivered when all of them took it. */
  async send(notification: Notification, signal: AbortSignal): Promise<Delivery> {
    const isResolvedOnly = notification.status === 'resolved'
    const channels = this.channels(notification.receiver)
    return joinDeliveries(
      await Promise.all(
        channels
          .filter((channel) => !isResolvedOnly || channel.sendsResolved)
          .map((channel) => this.sendTo(channel.key, notification, signal)),
      ),
    )
  }

  /**
   * Sends over one channel, again and again until it is delivered, refused for good, or `signal` says
   * stop. A message that a fallback took, or that waits for the end of quiet hours, counts as delivered; of
   * the latter it says until when.
   */
  sendTo(channelKey: string, notification: Notification, signal: AbortSignal): Promise<Delivery> {
    const receiver = this.#receivers.get(notification.receiver)
    const channel = receiver?.channels.find((other) => other.key === channelKey)
    if (receiver === undefined || channel === undefined) {
      const failure = `receiver "${notification.receiver}" has no channel ${channelKey}`
      return Promise.resolve({ isDelivered: false, failures: [failure] })
    }
    return this.#run(this.#sendOrHold(receiver, channel, notification, signal))
  }

  /** Tells a receiver that this is a test, once over each channel, also in quiet hours. */
  test(name: string): Promise<Delivery> {
    const receiver = this.#receivers.get(name)
    if (receiver === undefined) throw notifyErrors.RECEIVER_UNKNOWN({ receiver: name })
    if (receiver.channels.length === 0) {
      const failure = `receiver "${name}" has no channel`
      return Promise.resolve({ isDelivered: false, failures: [failure] })
    }
    const { clock, externalUrl = '' } = this.#parts
    const notification = makeTestNotification(name, clock.nowTimeMs(), externalUrl)
    const signal = this.#ownSignal()
    const sending = receiver.channels.map((channel) =>
      this.#deliver(receiver, channel, notification, {
        signal,
        attemptCountMax: testAttemptCountMax,
      }),
    )
    return this.#run(Promise.all(sending).then((all) => joinDeliveries(all.map(deliveryOf))))
  }

  /** Sends a message again that reached nobody. Throws `NOTIFY_DEAD_LETTER_UNKNOWN`. */
  async resend(id: string): Promise<Delivery> {
    const letter = await this.#parts.records.deadLetters.find(id)
    if (letter === undefined) throw notifyErrors.DEAD_LETTER_UNKNOWN({ id })
    const receiver = this.#receivers.get(letter.receiver)
    const channel = receiver?.channels.find((other) => other.key === letter.channel)
    if (receiver === undefined || channel === undefined) {
      const failure = `the configuration has no channel ${letter.channel} of receiver "${letter.receiver}" any more`
      return { isDelivered: false, failures: [failure] }
    }
    const notification = { ...fromPlainNotification(letter.body), reason: 'sent again by hand' }
    const how = { signal: this.#ownSignal(), attemptCountMax: resendAttemptCountMax }
    const outcome = await this.#run(this.#deliver(receiver, channel, notification, how))
    if (outcome.isDelivered) await this.#close(channel.key, notification, 'resent')
    return deliveryOf(outcome)
  }

  /** A person says that a message that reached nobody is of no use any more. Throws `NOTIFY_DEAD_LETTER_UNKNOWN`. */
  async dismiss(id: string): Promise<void> {
    const letter = await this.#parts.records.deadLetters.find(id)
    if (letter === undefined) throw notifyErrors.DEAD_LETTER_UNKNOWN({ id })
    const notification = fromPlainNotification(letter.body)
    await this.#close(letter.channel, notification, 'dismissed')
  }

  /** Messages that reached nobody, newest first. */
  deadLetters(filter: {
    state?: DeadLetter['state']
    receiver?: string
    limit: number
  }): Promise<DeadLetter[]> {
    return this.#parts.records.deadLetters.list(filter)
  }

  /** Hears of every attempt. Returns the call that ends it. */
  onAttempt(listener: (attempt: NotificationAttempt) => void): () => void {
    return this.#courier.onAttempt(listener)
  }

  /** Whether Twilio made a call, for one of our accounts; `undefined` when we have none. */
  isTwilioCall(call: TwilioCall): boolean | undefined {
    const all = [...this.#receivers.values()].flatMap(({ channels }) => channels)
    const tokens = new Set(all.flatMap(({ channel }) => channel.twilioTokens?.() ?? []))
    return tokens.size === 0 ? undefined : [...tokens].some((token) => isTwilioSigned(call, token))
  }

  /** Takes new settings; throws and changes nothing when they are wrong. Messages on their way go on. */
  reload(settings: NotifySettings): void {
    const templates = loadTemplates(settings, this.#parts)
    this.#receivers = this.#makeReceivers(settings)
    this.#writer.take(templates)
    this.#settings = settings.notify
    this.pushes.reload(settings.notify)
    this.#charts.setSpan(settings.notify.chart_span)
    this.#heartbeat.set(settings.notify.heartbeat)
  }

  /** Gives up waiting for further attempts and lets the running ones end. */
  async stop(): Promise<void> {
    this.#held.stop()
    this.#heartbeat.stop()
    this.#cleaning?.cancel()
    this.#stopped.abort()
    await Promise.allSettled([...this.#running])
    for (const { channels } of this.#receivers.values())
      for (const { channel } of channels) channel.stop?.()
  }

  #makeReceivers(settings: NotifySettings): Map<string, Receiver> {
    const { clock, random } = this.#parts
    return makeReceivers(settings, { clock, random, buckets: this.#buckets, pushes: this.pushes })
  }

  /** Stopping waits for it. */
  #run<Value>(sending: Promise<Value>): Promise<Value> {
    this.#running.add(sending)
    const done = (): unknown => this.#running.delete(sending)
    sending.then(done, done)
    return sending
  }

  /** For messages without a caller who waits. */
  #ownSignal(): AbortSignal {
    const abort = new AbortController()
    this.#parts.clock.after(ownSendMs, () => abort.abort())
    return AbortSignal.any([abort.signal, this.#stopped.signal])
  }

  async #sendOrHold(
    receiver: Receiver,
    channel: ConfiguredChannel,
    notification: Notification,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const { quiet_hours: quiet, time_zone: zone } = receiver.options
    const { groupKey } = notification
    if (quiet !== undefined && !isUrgent(quiet, notification)) {
      const endTimeMs = findQuietEnd(quiet, zone, this.#parts.clock.nowTimeMs())
      if (endTimeMs !== undefined && (await this.#held.add(channel.key, notification, endTimeMs))) {
        const answer = `quiet hours until ${new Date(endTimeMs).toISOString()}`
        this.#courier.noteHeld(channel, notification, answer)
        return { isDelivered: true, failures: [], heldUntilTimeMs: endTimeMs }
      }
    }
    if (this.#held.has(receiver.name, channel.key, groupKey))
      await this.#held.drop(receiver.name, channel.key, groupKey)
    return this.#sendWithFallback(receiver, channel, notification, signal)
  }

  /** What waited at night. Nobody waits for the answer; it stands in the ledger. */
  async #sendNow(channelKey: string, notification: Notification): Promise<void> {
    const receiver = this.#receivers.get(notification.receiver)
    const channel = receiver?.channels.find((other) => other.key === channelKey)
    if (receiver === undefined || channel === undefined) {
      this.#parts.log.warn(
        { receiver: notification.receiver, channel: channelKey },
        'a message held at night has no channel any more',
      )
      return
    }
    if (notification.status === 'resolved' && !channel.sendsResolved) {
      this.#courier.noteHeld(channel, notification, 'over before the quiet hours were; not sent')
      return
    }
    await this.#run(this.#sendWithFallback(receiver, channel, notification, this.#ownSignal()))
  }

  async #sendWithFallback(
    receiver: Receiver,
    channel: ConfiguredChannel,
    notification: Notification,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const ending = AbortSignal.any([signal, this.#stopped.signal])
    const main = this.#deliver(receiver, channel, notification, { signal: ending })
    const names = this.#listFallback(receiver, notification)
    if (names.length === 0) return this.#conclude(channel, notification, await main)
    let instead: Promise<boolean> | undefined
    const callInstead = (): Promise<boolean> => {
      instead ??= this.#tellInstead(names, channel, notification)
      return instead
    }
    // A group gives up at its interval and begins anew: its patience goes on where it was.
    const key = JSON.stringify([receiver.name, channel.key, notification.groupKey])
    const nowMs = this.#parts.clock.monotonicMs()
    const sinceMs = this.#failingSince.get(key) ?? nowMs
    const patienceMs = receiver.options.fallback_after - (nowMs - sinceMs)
    const timer = this.#parts.clock.after(Math.max(0, patienceMs), () => void callInstead())
    const outcome = await main
    timer.cancel()
    if (outcome.isDelivered) this.#failingSince.delete(key)
    else this.#noteFailing(key, sinceMs)
    const isInTime = instead === undefined && !outcome.isRefused
    if (outcome.isDelivered || isInTime || this.#stopped.signal.aborted)
      return this.#conclude(channel, notification, outcome)
    const isTaken = await callInstead()
    return this.#conclude(channel, notification, { ...outcome, isDelivered: isTaken })
  }

  /** Tells somebody else of what a service took and could not bring; answers whether anybody was reached. */
  async #replaceLost(lost: ExpectedReceipt, answer: string): Promise<boolean> {
    const { notification, channel: key } = lost
    const receiver = this.#receivers.get(notification.receiver)
    const channel = receiver?.channels.find((other) => other.key === key)
    if (receiver === undefined || channel === undefined) return false
    const names = this.#listFallback(receiver, notification)
    const isDelivered = names.length > 0 && (await this.#tellInstead(names, channel, notification))
    const outcome = { isDelivered, isRefused: true, failure: `${key}: ${answer}`, attemptCount: 1 }
    await this.#conclude(channel, notification, outcome)
    return isDelivered
  }

  #noteFailing(key: string, sinceMs: number): void {
    if (this.#failingSince.size >= failingCountMax) this.#failingSince.clear()
    this.#failingSince.set(key, sinceMs)
  }

  /** Receivers to tell instead; none that is told instead of somebody already. */
  #listFallback(receiver: Receiver, notification: Notification): string[] {
    if (notification.fallbackOf !== undefined) return []
    return receiver.options.fallback.filter((name) => name !== receiver.name)
  }

  /** Tells one receiver after the other until one is reached. */
  async #tellInstead(
    names: readonly string[],
    channel: ConfiguredChannel,
    notification: Notification,
  ): Promise<boolean> {
    const fallbackOf = `${notification.receiver}/${channel.key}`
    for (const name of names) {
      const receiver = this.#receivers.get(name)
      if (receiver === undefined) continue
      fallbacksTotal.inc({ channel: channel.kind })
      const message = { ...notification, receiver: name, fallbackOf }
      const how = { signal: this.#ownSignal(), attemptCountMax: resendAttemptCountMax }
      const outcomes = await Promise.all(
        receiver.channels.map((other) => this.#deliver(receiver, other, message, how)),
      )
      if (outcomes.some((outcome) => outcome.isDelivered)) return true
    }
    return false
  }

  /** Keeps what reached nobody, and forgets it once somebody heard. */
  async #conclude(
    channel: ConfiguredChannel,
    notification: Notification,
    outcome: Outcome,
  ): Promise<Delivery> {
    if (outcome.isDelivered) await this.#close(channel.key, notification, 'superseded')
    else if (!this.#stopped.signal.aborted && outcome.attemptCount > 0) {
      const isFirst = await this.#letters.add(channel.key, notification, {
        failure: outcome.failure,
        attemptCount: outcome.attemptCount,
        labels: labelLines(notification),
      })
      if (isFirst)
        this.#alarm(channel.key, notification, { failure: outcome.failure, isOver: false })
    }
    return deliveryOf(outcome)
  }

  async #close(
    channelKey: string,
    notification: Notification,
    state: 'resent' | 'dismissed' | 'superseded',
  ): Promise<void> {
    const { receiver, groupKey } = notification
    const isLast = await this.#letters.close({ receiver, channel: channelKey, groupKey }, state)
    // Who dismisses it does not say that messages arrive again.
    if (isLast && state !== 'dismissed')
      this.#alarm(channelKey, notification, { failure: '', isOver: true })
  }

  /** Tells others that a channel fails, or works again; nobody waits for it. */
  #alarm(
    channel: string,
    { receiver: failing, groupKey }: Notification,
    what: { failure: string; isOver: boolean },
  ): void {
    // An alarm about an alarm would go on for ever.
    if (groupKey.startsWith(alarmPrefix)) return
    const { clock, externalUrl = '' } = this.#parts
    const nowTimeMs = clock.nowTimeMs()
    const facts = { ...what, receiver: failing, channel, nowTimeMs, externalUrl }
    for (const name of this.#settings.alarm_receivers) {
      const receiver = this.#receivers.get(name)
      if (receiver === undefined || name === failing) continue
      for (const other of receiver.channels) {
        if (what.isOver && !other.sendsResolved) continue
        const signal = this.#ownSignal()
        void this.#run(this.#sendWithFallback(receiver, other, makeAlarm(name, facts), signal))
      }
    }
  }

  /** Whether messages reach people. */
  #findOwnTrouble(): string | undefined {
    const count = this.#letters.countSince(this.#parts.clock.nowTimeMs() - troubleMs)
    return count === 0 ? undefined : `${count} messages of the last hour reached nobody`
  }

  /** Forgets what is older than it has to be kept, now and once an hour. */
  async #clean(): Promise<void> {
    const { clock, records, log } = this.#parts
    const nowTimeMs = clock.nowTimeMs()
    try {
      const endTimeMs = nowTimeMs - this.#settings.ledger_retention
      const count = await records.notifications.removeBefore(endTimeMs)
      const more = await records.notifications.removeBeyond(this.#settings.ledger_rows_max)
      ledgerForgottenTotal.inc(count + more)
      await this.#letters.removeBefore(nowTimeMs - this.#settings.dead_letter_retention)
    } catch (thrown) {
      log.warn({ error: messageOf(thrown) }, 'old rows of the ledger could not be removed')
    }
    if (!this.#stopped.signal.aborted)
      this.#cleaning = clock.after(cleanIntervalMs, () => void this.#clean())
  }

  #deliver(
    receiver: Receiver,
    channel: ConfiguredChannel,
    notification: Notification,
    how: { signal: AbortSignal; attemptCountMax?: number },
  ): Promise<Outcome> {
    const messageId = makeId(this.#parts.clock.nowTimeMs())
    const expectReceipt = (to: string): string =>
      this.receipts.expect({ messageId, channel: channel.key, to, notification })
    const bring = (chart?: MessageChart): Promise<Outcome> =>
      this.#courier.deliver(
        channel,
        (noteText) =>
          this.#writer.write(receiver, channel, notification, {
            ...how,
            noteText,
            chart,
            expectReceipt,
          }),
        how.attemptCountMax,
      )
    if (channel.channel.takesChart !== true) return bring()
    const zone = notification.timeZone ?? receiver.options.time_zone
    return this.#charts.of(notification, zone)?.then(bring) ?? bring()
  }
}

/** Makes receivers and reads templates as a start would; throws what it would. Nothing is sent. */
export function checkReceivers(
  settings: NotifySettings,
  parts: Pick<NotifierParts, 'clock' | 'random' | 'baseDir'>,
): void {
  loadTemplates(settings, parts)
  const { clock, random } = parts
  const nobody = async (): Promise<never> => {
    throw new Error('BUG: a check of settings sends nothing')
  }
  const pushes = { keys: nobody, list: nobody, remove: nobody, isPrivateAllowed: () => false }
  makeReceivers(settings, { clock, random, buckets: new TokenBuckets(clock), pushes })
}

function deliveryOf({ isDelivered, failure }: Outcome): Delivery {
  return { isDelivered, failures: isDelivered ? [] : [failure] }
}

function joinDeliveries(all: readonly Delivery[]): Delivery {
  return {
    isDelivered: all.every((delivery) => delivery.isDelivered),
    failures: all.flatMap((delivery) => delivery.failures),
  }
}
