/**
 * The door of notifying: who is told, and how it went. A message is sent over one channel at a time
 * (`sendTo`) or over all channels of its receiver (`send`), tried again with growing pauses until it
 * is delivered, refused for good, or the caller gives up. Every attempt is a row in the ledger.
 */

import { globSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId, type Random } from '../base/random.ts'
import { type RetryPolicy, retryDelayMs } from '../base/retry.ts'
import { TemplateError } from '../base/template/template.ts'
import { readConfigFile } from '../config/config.ts'
import type { NotificationAttempt, Records } from '../store/store.ts'
import { allChannels } from './channel/all.ts'
import { type Channel, type OutgoingMessage, SendFailure } from './channel/channel.ts'
import { notifyErrors } from './errors.ts'
import {
  attemptDuration,
  attemptsTotal,
  ledgerFailuresTotal,
  notificationsFailedTotal,
  notificationsTotal,
  templateFailuresTotal,
} from './metrics.ts'
import { listActions } from './message-actions.ts'
import type { Notification } from './notification.ts'
import type { NotifySettings } from './settings.ts'
import { MessageTemplates, makeTemplateData, type TemplateFile } from './template.ts'
import { TokenBuckets } from './token-bucket.ts'
import { wordsOf } from './words.ts'

export type { Notification } from './notification.ts'
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
}

/** What notifying is connected to. */
export interface NotifierParts {
  settings: NotifySettings
  records: { notifications: Pick<Records['notifications'], 'add'> }
  clock: Clock
  log: Log
  random: Random
  /** Where relative paths of templates start; the working directory unless given. */
  baseDir?: string
}

/** Pauses between attempts; the caller's signal sets the end. */
const retryPolicy: RetryPolicy = { attemptCountMax: 100, firstDelayMs: 500, delayMsMax: 60_000 }
const answerLengthMax = 500

interface ConfiguredChannel extends ChannelView {
  channel: Channel
}

/** Sends messages to people. */
export class Notifier {
  readonly #parts: NotifierParts
  readonly #buckets: TokenBuckets
  readonly #listeners = new Set<(attempt: NotificationAttempt) => void>()
  readonly #stopped = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #receivers = new Map<string, ConfiguredChannel[]>()
  #policies = new Map<string, string>()
  #templates: MessageTemplates

  /** Throws `NOTIFY_SETTING_INVALID` or `NOTIFY_TEMPLATE_INVALID`. */
  constructor(parts: NotifierParts) {
    this.#parts = parts
    this.#buckets = new TokenBuckets(parts.clock)
    this.#templates = this.#loadTemplates(parts.settings)
    this.#receivers = this.#makeReceivers(parts.settings)
    this.#policies = listPolicies(parts.settings)
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
    return (this.#receivers.get(receiver) ?? []).map(({ key, kind, sendsResolved }) => ({
      key,
      kind,
      sendsResolved,
    }))
  }

  /** The escalation policy that begins when a receiver is told; `undefined` when it names none. */
  escalationPolicy(receiver: string): string | undefined {
    return this.#policies.get(receiver)
  }

  /** Sends over every channel of the receiver; delivered when all of them took it. */
  async send(notification: Notification, signal: AbortSignal): Promise<Delivery> {
    const channels = this.#receivers.get(notification.receiver) ?? []
    const isResolvedOnly = notification.status === 'resolved'
    const deliveries = await Promise.all(
      channels
        .filter((channel) => !isResolvedOnly || channel.sendsResolved)
        .map((channel) => this.sendTo(channel.key, notification, signal)),
    )
    return {
      isDelivered: deliveries.every((delivery) => delivery.isDelivered),
      failures: deliveries.flatMap((delivery) => delivery.failures),
    }
  }

  /** Sends over one channel, again and again until it is delivered, refused for good, or `signal` says stop. */
  sendTo(channelKey: string, notification: Notification, signal: AbortSignal): Promise<Delivery> {
    const channel = this.#receivers
      .get(notification.receiver)
      ?.find((other) => other.key === channelKey)
    if (channel === undefined) {
      const failure = `receiver "${notification.receiver}" has no channel ${channelKey}`
      return Promise.resolve({ isDelivered: false, failures: [failure] })
    }
    const sending = this.#sendUntil(
      channel,
      notification,
      AbortSignal.any([signal, this.#stopped.signal]),
    )
    this.#running.add(sending)
    void sending.finally(() => this.#running.delete(sending))
    return sending
  }

  /** Hears of every attempt. Returns the call that ends it. */
  onAttempt(listener: (attempt: NotificationAttempt) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes new settings; throws and changes nothing when they are wrong. Messages on their way go on. */
  reload(settings: NotifySettings): void {
    const templates = this.#loadTemplates(settings)
    this.#receivers = this.#makeReceivers(settings)
    this.#policies = listPolicies(settings)
    this.#templates = templates
  }

  /** Gives up waiting for further attempts and lets the running ones end. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.allSettled([...this.#running])
    for (const channels of this.#receivers.values())
      for (const { channel } of channels) channel.stop?.()
  }

  #makeReceivers(settings: NotifySettings): Map<string, ConfiguredChannel[]> {
    const tools = {
      clock: this.#parts.clock,
      random: this.#parts.random,
      buckets: this.#buckets,
      global: settings.global as Record<string, unknown>,
    }
    const receivers = new Map<string, ConfiguredChannel[]>()
    for (const receiver of settings.receivers) {
      const channels: ConfiguredChannel[] = []
      for (const { kind, settingsKey, make } of allChannels) {
        const list = (receiver[settingsKey] ?? []) as unknown[]
        for (const [index, given] of list.entries()) {
          // The shared http_config is for channels that have none of their own.
          const own = { http_config: settings.global.http_config, ...withoutUndefined(given) }
          const key = `${kind}[${index}]`
          try {
            const channel = make(own, tools)
            channels.push({ key, kind, sendsResolved: channel.sendsResolved, channel })
          } catch (thrown) {
            throw notifyErrors.SETTING_INVALID(
              { receiver: receiver.name, channel: key, reason: messageOf(thrown) },
              thrown,
            )
          }
        }
      }
      receivers.set(receiver.name, channels)
    }
    return receivers
  }

  #loadTemplates(settings: NotifySettings): MessageTemplates {
    const baseDir = this.#parts.baseDir ?? process.cwd()
    const files: TemplateFile[] = []
    for (const pattern of settings.templates) {
      for (const path of globSync(resolve(baseDir, pattern)).sort())
        files.push({ name: basename(path), text: readConfigFile(path) })
    }
    return new MessageTemplates(files, this.#parts.clock)
  }

  async #sendUntil(
    configured: ConfiguredChannel,
    notification: Notification,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const { kind, channel } = configured
    const { clock, random } = this.#parts
    notificationsTotal.inc({ channel: kind })
    const message = this.#makeMessage(kind, notification, signal)
    let lastFailure = 'given up before the first attempt'
    let lastReason = 'canceled'
    for (let attempt = 1; attempt <= retryPolicy.attemptCountMax; attempt++) {
      if (signal.aborted) break
      const startTimeMs = clock.nowTimeMs()
      const startMs = clock.monotonicMs()
      const note = (outcome: NotificationAttempt['outcome'], answer: string): void =>
        this.#note({
          id: makeId(startTimeMs),
          timeMs: startTimeMs,
          receiver: notification.receiver,
          channel: kind,
          groupKey: notification.groupKey,
          reason: notification.reason,
          status: notification.status,
          alertCount: notification.alerts.length,
          attempt,
          outcome,
          answer: hideSecrets(answer, channel.secrets()).slice(0, answerLengthMax),
          latencyMs: Math.round(clock.monotonicMs() - startMs),
          incidentId: notification.background?.incidentId,
          fingerprints: notification.alerts.map((alert) => alert.fingerprint),
        })
      try {
        note('delivered', await channel.send(message))
        return { isDelivered: true, failures: [] }
      } catch (thrown) {
        const failure = toFailure(thrown)
        lastFailure = hideSecrets(failure.message, channel.secrets())
        lastReason = failure.reason
        const canRetry =
          failure.canRetry && attempt < retryPolicy.attemptCountMax && !signal.aborted
        note(canRetry ? 'retrying' : 'failed', failure.message)
        if (!canRetry) break
        const pauseMs = Math.max(
          failure.retryAfterMs ?? 0,
          retryDelayMs(retryPolicy, attempt, random),
        )
        await pause(clock, pauseMs, signal)
      }
    }
    notificationsFailedTotal.inc({ channel: kind, reason: lastReason })
    this.#parts.log.warn(
      { receiver: notification.receiver, channel: configured.key, answer: lastFailure },
      'a notification was not delivered',
    )
    return { isDelivered: false, failures: [`${configured.key}: ${lastFailure}`] }
  }

  #makeMessage(kind: string, notification: Notification, signal: AbortSignal): OutgoingMessage {
    const data = makeTemplateData(notification)
    const words = wordsOf('en')
    return {
      notification,
      signal,
      words,
      actions: listActions(notification, words),
      render: (text, options) => {
        try {
          return this.#templates.render(text, options.escape, data)
        } catch (thrown) {
          if (!(thrown instanceof TemplateError)) throw thrown
          // The message goes out in our words rather than not at all.
          templateFailuresTotal.inc({ channel: kind })
          this.#parts.log.error(
            { receiver: notification.receiver, channel: kind, error: thrown.message },
            'a template failed; the built-in one is used',
          )
          return this.#templates.renderBuiltIn(options.fallback, options.escape, data)
        }
      },
    }
  }

  #note(attempt: NotificationAttempt): void {
    attemptsTotal.inc({ channel: attempt.channel, outcome: attempt.outcome })
    attemptDuration.observe({ channel: attempt.channel }, attempt.latencyMs / 1000)
    this.#parts.records.notifications.add(attempt).catch((thrown: unknown) => {
      ledgerFailuresTotal.inc()
      this.#parts.log.error(
        { error: messageOf(thrown), attempt: attempt.id },
        'an attempt could not be written to the ledger',
      )
    })
    for (const listener of this.#listeners) {
      try {
        listener(attempt)
      } catch (thrown) {
        this.#parts.log.error({ error: messageOf(thrown) }, 'a listener of attempts failed')
      }
    }
  }
}

function listPolicies(settings: NotifySettings): Map<string, string> {
  return new Map(
    settings.receivers.flatMap(({ name, escalation_policy: policy }) =>
      typeof policy === 'string' && policy !== '' ? [[name, policy]] : [],
    ),
  )
}

function withoutUndefined(settings: unknown): object {
  const entries = Object.entries(settings as object)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function toFailure(thrown: unknown): SendFailure {
  if (thrown instanceof SendFailure) return thrown
  return new SendFailure(messageOf(thrown), { reason: 'other', canRetry: false })
}

/** Waits, or until the signal says stop. */
function pause(clock: Clock, spanMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(spanMs, done)
    signal.addEventListener('abort', done)
  })
}

/** Longer ones first, so that no rest of one stays. */
function hideSecrets(text: string, secrets: readonly string[]): string {
  const hidden = secrets.filter((secret) => secret.length > 3).sort((a, b) => b.length - a.length)
  let shown = text
  for (const secret of hidden) shown = shown.replaceAll(secret, '<secret>')
  return shown
}
