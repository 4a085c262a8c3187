/**
 * What a channel is: a way to reach people. One file each in this folder, listed in all.ts. A channel
 * sends one message once and says how it went; retries, the ledger and metrics are the notifier's.
 */

import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import { type HttpReply, type HttpRequest, sendHttp } from '../../base/http-client.ts'
import type { Random } from '../../base/random.ts'
import type { Secret } from '../../base/secret.ts'
import { z } from '../../config/schema.ts'
import type { Notification } from '../notification.ts'
import type { TokenBuckets } from '../token-bucket.ts'

/** A configured channel of a receiver. */
export interface Channel {
  /** Whether people also hear that it is over. */
  readonly sendsResolved: boolean
  /** Sends once; answers what the other side said. Throws `SendFailure`. */
  send(message: OutgoingMessage): Promise<string>
  /** Texts that must never be shown, for the ledger. */
  secrets(): string[]
  stop?(): void
}

/** A notification on its way. */
export interface OutgoingMessage {
  notification: Notification
  /** Writes a template in Go's language; when it fails, the built-in template `fallback` is written instead. */
  render(text: string, options: { escape: 'none' | 'html'; fallback: string }): string
}

/** What channels are made with. */
export interface ChannelTools {
  clock: Clock
  random: Random
  /** Limits that outlive a reload. */
  buckets: TokenBuckets
  /** The shared part of the configuration; each channel reads its own keys. */
  global: Record<string, unknown>
}

/** A kind of channel: where it stands in the configuration and how to make one. */
export interface ChannelKind {
  kind: string
  /** Key below a receiver, such as `webhook_configs`. */
  settingsKey: string
  schema: z.ZodType
  /** Keys that it adds to `global`. */
  global: z.ZodRawShape
  /** Throws `Error` with the reason when the settings do not suffice. */
  make(settings: unknown, tools: ChannelTools): Channel
}

/** Declares a kind; `make` gets its settings typed. */
export function defineChannel<Schema extends z.ZodType>(definition: {
  kind: string
  settingsKey: string
  schema: Schema
  global?: z.ZodRawShape
  make(settings: z.output<Schema>, tools: ChannelTools): Channel
}): ChannelKind {
  return {
    ...definition,
    global: definition.global ?? {},
    make: (settings, tools) => definition.make(settings as z.output<Schema>, tools),
  }
}

/** Why a message did not go out, and what may help. */
export type FailureReason =
  | 'network'
  | 'timeout'
  | 'rate-limited'
  | 'server-error'
  | 'client-error'
  | 'auth'
  | 'other'

/** A message was not delivered. */
export class SendFailure extends Error {
  readonly reason: FailureReason
  readonly canRetry: boolean
  /** How long to wait at least before the next attempt. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    facts: { reason: FailureReason; canRetry: boolean; retryAfterMs?: number | undefined },
  ) {
    super(message)
    this.name = 'SendFailure'
    this.reason = facts.reason
    this.canRetry = facts.canRetry
    this.retryAfterMs = facts.retryAfterMs
  }
}

/** How much of an answer is kept. */
const answerLengthMax = 300
const replyBytesMax = 64 * 1024

/** Sends a request; what went wrong on the way, or a status that is not 2xx, becomes a `SendFailure`. */
export async function sendRequest(request: HttpRequest): Promise<HttpReply> {
  let reply: HttpReply
  try {
    reply = await sendHttp({ bodyBytesMax: replyBytesMax, ...request })
  } catch (thrown) {
    const isTimeout = thrown instanceof CodedError && thrown.code === 'HTTP_TIMEOUT'
    throw new SendFailure(messageOf(thrown), {
      reason: isTimeout ? 'timeout' : 'network',
      canRetry: true,
    })
  }
  if (reply.status >= 200 && reply.status < 300) return reply
  throw failureOfStatus(reply)
}

/** 5xx and 429 may be tried again, other statuses not. */
function failureOfStatus(reply: HttpReply): SendFailure {
  const text = describeReply(reply)
  if (reply.status === 429) {
    return new SendFailure(text, {
      reason: 'rate-limited',
      canRetry: true,
      retryAfterMs: parseRetryAfter(reply.headers['retry-after']),
    })
  }
  if (reply.status >= 500) {
    return new SendFailure(text, {
      reason: 'server-error',
      canRetry: true,
      retryAfterMs: parseRetryAfter(reply.headers['retry-after']),
    })
  }
  const isAuth = reply.status === 401 || reply.status === 403
  return new SendFailure(text, { reason: isAuth ? 'auth' : 'client-error', canRetry: false })
}

/** `HTTP 200: ok`, cut to a line. */
export function describeReply(reply: HttpReply): string {
  const body = reply.body.toString('utf8').replace(/\s+/g, ' ').trim()
  return `HTTP ${reply.status}${body === '' ? '' : `: ${body}`}`.slice(0, answerLengthMax)
}

/** Seconds only; a date would need the other side's clock. */
function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}

/** A secret given directly or as the path of a file, which is read each time; empty when neither. */
export function revealSecret(value: Secret | undefined, file: string | undefined): string {
  if (value !== undefined) return value.reveal()
  if (file === undefined) return ''
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    throw new SendFailure(`cannot read ${file}: ${messageOf(thrown)}`, {
      reason: 'other',
      canRetry: true,
    })
  }
}

/** A key that Alertmanager knows and we do not yet. */
export function notYet(description: string) {
  return z
    .custom((value) => value === undefined, 'not supported yet by Shipwatch; remove it')
    .optional()
    .meta({ description: `${description} Not supported yet: refused.`, typeText: 'none' })
}

/** An http or https address, as a schema's check. */
export function isHttpUrl(url: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(url).protocol)
  } catch {
    return false
  }
}
