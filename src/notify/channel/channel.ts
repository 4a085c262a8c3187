/**
 * What a channel is: a way to reach people. One file each in this folder, listed in all.ts. A channel
 * sends one message once and says how it went; retries, the ledger and metrics are the notifier's.
 */

import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { z } from '../../config/schema.ts'
import type { MessageAction } from '../message-actions.ts'
import type { MessageChart } from '../message-charts.ts'
import type { GroupMemory } from '../message-memory.ts'
import type { Notification } from '../notification.ts'
import type { PushDesk } from '../push-desk.ts'
import type { TokenBuckets } from '../token-bucket.ts'
import type { MessageWords } from '../words.ts'

/** A configured channel of a receiver. */
export interface Channel {
  /** Whether people also hear that it is over. */
  readonly sendsResolved: boolean
  /** Whether it shows a chart, which takes a moment to draw. */
  readonly takesChart?: boolean
  /** Sends once; answers what the other side said. Throws `SendFailure`. */
  send(message: OutgoingMessage): Promise<string>
  /** Texts that must never be shown, for the ledger. */
  secrets(): string[]
  /** Tokens under which Twilio signs its calls to us. */
  twilioTokens?(): string[]
  stop?(): void
}

/** A notification on its way. */
export interface OutgoingMessage {
  notification: Notification
  /** Aborted when the message is not wanted any more. */
  signal: AbortSignal
  /** Writes a template in Go's language; when it fails, the built-in template `fallback` is written instead. */
  render(text: string, options: { escape: 'none' | 'html'; fallback: string }): string
  /** What buttons and frames say, in the receiver's language. */
  words: MessageWords
  /** The picture of the trouble, if the channel takes one and there is one. */
  chart: MessageChart | undefined
  /** Where the channel's last message about the group stands. */
  memory: GroupMemory
  /** What the reader can do. */
  actions: readonly MessageAction[]
  /** Waits for the receipt of what is sent to a number; answers the id that the service is to tell. */
  expectReceipt(to: string): string
}

/** Name of the chart within a mail. */
export const chartContentId = 'chart@shipwatch'

/** What channels are made with. */
export interface ChannelTools {
  clock: Clock
  random: Random
  /** Browsers that take pushes. */
  pushes: Pick<PushDesk, 'keys' | 'list' | 'remove' | 'isPrivateAllowed'>
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

/** A text of a message that may be empty: when its template fails, it is. */
export function renderField(message: OutgoingMessage, template: string): string {
  return message.render(template, { escape: 'none', fallback: 'email.default.empty' })
}

/** A text of a message; when the user's template fails, the built-in one of that name is used. */
export function renderText(message: OutgoingMessage, template: string, fallback: string): string {
  return message.render(template, { escape: 'none', fallback })
}

/** What names a group towards a service that keeps it: the same for its end as for its beginning. */
export function hashGroupKey(notification: Notification): string {
  return createHash('sha256').update(notification.groupKey).digest('hex')
}
