/**
 * Brings one message over one channel: again and again with growing pauses until it is delivered,
 * refused for good, or not wanted any more. Every attempt is a row in the ledger, without secrets.
 */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { passFaultPoint } from '../base/fault-point.ts'
import type { Log } from '../base/log.ts'
import { makeId, type Random } from '../base/random.ts'
import { type RetryPolicy, retryDelayMs } from '../base/retry.ts'
import type { NotificationAttempt, Records } from '../store/store.ts'
import type { OutgoingMessage } from './channel/channel.ts'
import { SendFailure } from './send-request.ts'
import { cutLength } from './cut-text.ts'
import {
  attemptDuration,
  attemptsTotal,
  ledgerFailuresTotal,
  notificationsFailedTotal,
  notificationsTotal,
} from './metrics.ts'
import type { Notification } from './notification.ts'
import type { ConfiguredChannel } from './receiver-book.ts'

/** Pauses between attempts; the caller's signal sets the end. */
const retryPolicy: RetryPolicy = { attemptCountMax: 100, firstDelayMs: 500, delayMsMax: 60_000 }
const answerLengthMax = 500
const requestLengthMax = 1_000
const labelsLengthMax = 2_000

/** How one message over one channel went. */
export interface Outcome {
  isDelivered: boolean
  /** It was refused for good: trying again is of no use. */
  isRefused: boolean
  /** What went wrong last; no secrets. */
  failure: string
  attemptCount: number
}

/** What a courier needs. */
export interface CourierParts {
  records: { notifications: Pick<Records['notifications'], 'add'> }
  clock: Clock
  log: Log
  random: Random
}

/** Delivers messages. */
export class Courier {
  readonly #parts: CourierParts
  readonly #listeners = new Set<(attempt: NotificationAttempt) => void>()

  constructor(parts: CourierParts) {
    this.#parts = parts
  }

  /** Hears of every attempt. Returns the call that ends it. */
  onAttempt(listener: (attempt: NotificationAttempt) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Sends until it is delivered or given up. `makeMessage` gets told each text that is written. */
  async deliver(
    { key, kind, channel }: ConfiguredChannel,
    makeMessage: (noteText: (text: string) => void) => OutgoingMessage,
    attemptCountMax = retryPolicy.attemptCountMax,
  ): Promise<Outcome> {
    const { clock, random } = this.#parts
    notificationsTotal.inc({ channel: kind })
    const texts = new Set<string>()
    const message = makeMessage((text) => texts.add(text.trim()))
    const { notification, signal } = message
    // Whoever reads the ledger must not find the right to acknowledge in it.
    const token = notification.acknowledge?.token ?? ''
    const hide = (text: string): string => hideSecrets(text, [...channel.secrets(), token])
    let failure = 'given up before the first attempt'
    let reason = 'canceled'
    let attempt = 0
    let isRefused = false
    while (attempt < attemptCountMax && !signal.aborted) {
      attempt++
      const startTimeMs = clock.nowTimeMs()
      const startMs = clock.monotonicMs()
      const note = (outcome: NotificationAttempt['outcome'], answer: string): void =>
        this.#note({
          ...describeNotification(notification, { key, kind }),
          id: makeId(startTimeMs),
          timeMs: startTimeMs,
          attempt,
          outcome,
          answer: hide(answer).slice(0, answerLengthMax),
          latencyMs: Math.round(clock.monotonicMs() - startMs),
          request: cutLength(hide(summarise(notification, texts)), requestLengthMax),
        })
      try {
        note('delivered', await channel.send(message))
        return { isDelivered: true, isRefused: false, failure: '', attemptCount: attempt }
      } catch (thrown) {
        const failed = toFailure(thrown)
        failure = hide(failed.message)
        reason = failed.reason
        isRefused = !failed.canRetry && !signal.aborted
        const canRetry = failed.canRetry && attempt < attemptCountMax && !signal.aborted
        note(canRetry ? 'retrying' : 'failed', failed.message)
        if (!canRetry) break
        const pauseMs = Math.max(
          failed.retryAfterMs ?? 0,
          retryDelayMs(retryPolicy, attempt, random),
        )
        await pause(clock, pauseMs, signal)
      }
    }
    notificationsFailedTotal.inc({ channel: kind, reason })
    this.#parts.log.warn(
      { receiver: notification.receiver, channel: key, answer: failure },
      'a notification was not delivered',
    )
    return { isDelivered: false, isRefused, failure: `${key}: ${failure}`, attemptCount: attempt }
  }

  /** Notes in the ledger that a message waits. */
  noteHeld(channel: ConfiguredChannel, notification: Notification, answer: string): void {
    const timeMs = this.#parts.clock.nowTimeMs()
    this.#note({
      ...describeNotification(notification, channel),
      id: makeId(timeMs),
      timeMs,
      attempt: 0,
      outcome: 'held',
      answer,
      latencyMs: 0,
    })
  }

  /** Notes in the ledger what a service told later; that it failed is heard, that it went well was known. */
  noteReceipt(
    key: string,
    notification: Notification,
    { isDelivered, answer }: { isDelivered: boolean; answer: string },
  ): void {
    const timeMs = this.#parts.clock.nowTimeMs()
    const attempt: NotificationAttempt = {
      // The kind stands in the key, such as `voice[0]` or `other/sms[1]`.
      ...describeNotification(notification, { key, kind: key.replace(/^.*\/|\[\d+\]$/g, '') }),
      id: makeId(timeMs),
      timeMs,
      attempt: 0,
      outcome: isDelivered ? 'delivered' : 'failed',
      answer: answer.slice(0, answerLengthMax),
      latencyMs: 0,
    }
    this.#keep(attempt)
    if (!isDelivered) this.#tell(attempt)
  }

  #note(attempt: NotificationAttempt): void {
    attemptsTotal.inc({ channel: attempt.channel, outcome: attempt.outcome })
    if (attempt.outcome !== 'held')
      attemptDuration.observe({ channel: attempt.channel }, attempt.latencyMs / 1000)
    this.#keep(attempt)
    this.#tell(attempt)
  }

  #keep(attempt: NotificationAttempt): void {
    const noteFailure = (thrown: unknown): void => {
      ledgerFailuresTotal.inc()
      this.#parts.log.error(
        { error: messageOf(thrown), attempt: attempt.id },
        'an attempt could not be written to the ledger',
      )
    }
    this.#parts.records.notifications
      .add(attempt)
      .then(() => passFaultPoint('ledger-written'), noteFailure)
  }

  #tell(attempt: NotificationAttempt): void {
    for (const listener of this.#listeners) {
      try {
        listener(attempt)
      } catch (thrown) {
        this.#parts.log.error({ error: messageOf(thrown) }, 'a listener of attempts failed')
      }
    }
  }
}

/** What was written, or else, where everything is data, what it is about. */
function summarise(notification: Notification, texts: ReadonlySet<string>): string {
  const written = [...texts].filter((text) => text !== '').join('\n')
  if (written !== '') return written
  const { status, alerts, groupKey } = notification
  return `[${status.toUpperCase()}:${alerts.length}] ${groupKey}`
}

/** The labels of alerts as lines `name=value`, each once. */
export function labelLines(notification: Notification): string {
  const lines = new Set<string>()
  let length = 0
  for (const { labels } of notification.alerts) {
    for (let index = 0; index < labels.pairs.length; index += 2) {
      const line = `${labels.pairs[index]}=${labels.pairs[index + 1]!.replace(/\s+/g, ' ')}`
      if (lines.has(line)) continue
      length += line.length + 1
      if (length > labelsLengthMax) return [...lines].join('\n')
      lines.add(line)
    }
  }
  return [...lines].join('\n')
}

function describeNotification(
  notification: Notification,
  { key, kind }: { key: string; kind: string },
) {
  const { person, acknowledge, fallbackOf } = notification
  return {
    receiver: notification.receiver,
    channel: kind,
    channelKey: key,
    groupKey: notification.groupKey,
    reason: notification.reason,
    status: notification.status,
    alertCount: notification.alerts.length,
    incidentId: notification.background?.incidentId,
    fingerprints: notification.alerts.map((alert) => alert.fingerprint),
    labels: labelLines(notification),
    ...(person !== undefined && { person }),
    ...(acknowledge !== undefined && { pageId: acknowledge.pageId }),
    ...(fallbackOf !== undefined && { fallbackOf }),
  }
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
