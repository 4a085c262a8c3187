/**
 * What a channel is: a way to reach people. One file each in this folder, listed in all.ts. A channel
 * sends one message once and says how it went; retries, the ledger and metrics are the notifier's.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import {
  type HttpReply,
  type HttpRequest,
  type HttpTransport,
  sendHttp,
} from '../../base/http-client.ts'
import type { Random } from '../../base/random.ts'
import { Secret } from '../../base/secret.ts'
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

/** What a request gets from `http_config`: credentials, proxy, TLS. */
export interface Connection {
  headers: Record<string, string>
  transport: HttpTransport
  /** Headers with a new token, for when the other side refused the old one. */
  renew?: () => Promise<Record<string, string>>
}

/** A request of a channel; headers of its own stand before those of the connection. */
export type ChannelRequest = Omit<HttpRequest, 'transport'> & {
  connect?: (url: string) => Promise<Connection>
}

/**
 * Sends a request; what went wrong on the way, or a status that is not 2xx, becomes a
 * `SendFailure`; `judge` may know better what such a status means. A token that is refused is renewed
 * once.
 */
export async function sendRequest(
  request: ChannelRequest,
  judge?: (reply: HttpReply) => SendFailure | undefined,
): Promise<HttpReply> {
  const { connect, ...plain } = request
  const connection = await connect?.(request.url)
  let reply = await sendOnce(plain, connection?.headers, connection?.transport)
  if (reply.status === 401 && connection?.renew !== undefined)
    reply = await sendOnce(plain, await connection.renew(), connection.transport)
  if (reply.status >= 200 && reply.status < 300) return reply
  throw judge?.(reply) ?? failureOfStatus(reply)
}

async function sendOnce(
  request: HttpRequest,
  headers: Record<string, string> | undefined,
  transport: HttpTransport | undefined,
): Promise<HttpReply> {
  try {
    return await sendHttp({
      bodyBytesMax: replyBytesMax,
      ...request,
      headers: { ...headers, ...request.headers },
      ...(transport !== undefined && { transport }),
    })
  } catch (thrown) {
    const isTimeout = thrown instanceof CodedError && thrown.code === 'HTTP_TIMEOUT'
    throw new SendFailure(messageOf(thrown), {
      reason: isTimeout ? 'timeout' : 'network',
      canRetry: !(thrown instanceof CodedError && thrown.code === 'HTTP_ADDRESS_PRIVATE'),
    })
  }
}

/** 5xx and 429 may be tried again, other statuses not. */
function failureOfStatus(reply: HttpReply): SendFailure {
  const text = describeReply(reply)
  if (reply.status === 429) {
    return new SendFailure(text, {
      reason: 'rate-limited',
      canRetry: true,
      retryAfterMs: parseRetryAfter(reply.headers['retry-after']) ?? readRetryAfter(reply),
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

/** Discord and Telegram say it in the body as well, in seconds. */
function readRetryAfter(reply: HttpReply): number | undefined {
  const answer = readAnswer(reply)
  const parameters = answer?.parameters as { retry_after?: unknown } | null | undefined
  const seconds = answer?.retry_after ?? parameters?.retry_after
  return typeof seconds === 'number' && seconds >= 0 && seconds < 1e6
    ? Math.ceil(seconds * 1000)
    : undefined
}

/** Sends a request whose body is JSON. */
export function postJson(
  request: Omit<ChannelRequest, 'body' | 'method'> & { body: object; method?: 'POST' | 'PUT' },
  judge?: (reply: HttpReply) => SendFailure | undefined,
): Promise<HttpReply> {
  return sendRequest(
    {
      method: 'POST',
      ...request,
      headers: { 'content-type': 'application/json; charset=utf-8', ...request.headers },
      body: JSON.stringify(request.body),
    },
    judge,
  )
}

/** Sends a request whose body is a form. */
export function postForm(
  request: Omit<ChannelRequest, 'body' | 'method'> & { form: Record<string, string> },
): Promise<HttpReply> {
  const { form, ...rest } = request
  return sendRequest({
    ...rest,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...request.headers },
    body: new URLSearchParams(form).toString(),
  })
}

/** The JSON object in an answer; undefined when there is none. */
export function readAnswer(reply: HttpReply): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(reply.body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The `access_token` and `expires_in` of an answer. */
export function readGivenToken(reply: HttpReply): { text: string; lifeSeconds: number } {
  const answer = readAnswer(reply)
  if (typeof answer?.access_token !== 'string' || answer.access_token === '') {
    const missing = `no access_token in the answer: ${describeReply(reply)}`
    throw new SendFailure(missing, { reason: 'other', canRetry: true })
  }
  return { text: answer.access_token, lifeSeconds: Number(answer.expires_in ?? 7_200) }
}

/** What the codes in the body of an answer with HTTP 200 mean; every other code is a refusal for good. */
export interface AnswerCodes {
  /** Names of the field, the first one that is there counts. */
  fields: readonly string[]
  success: number
  tooFast?: readonly number[]
  /** May be over in a moment. */
  busy?: readonly number[]
  auth?: readonly number[]
}

/** HTTP 200 is no success by itself: throws `SendFailure` unless the code in the body says so. */
export function checkAnswer(reply: HttpReply, codes: AnswerCodes): void {
  const shown = describeReply(reply)
  const answer = readAnswer(reply)
  const code = codes.fields.map((field) => answer?.[field]).find((value) => value !== undefined)
  if (code === codes.success) return
  if (typeof code !== 'number') {
    throw new SendFailure(`no ${codes.fields[0]} in the answer: ${shown}`, {
      reason: 'other',
      canRetry: true,
    })
  }
  if (codes.tooFast?.includes(code) === true)
    throw new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs: 60_000 })
  if (codes.busy?.includes(code) === true)
    throw new SendFailure(shown, { reason: 'server-error', canRetry: true })
  const reason = codes.auth?.includes(code) === true ? 'auth' : 'client-error'
  throw new SendFailure(shown, { reason, canRetry: false })
}

/** Exactly one of `name` and `name_file` must be given, or at most one; an address must be one. */
export function checkSource(
  config: object,
  name: string,
  context: z.core.$RefinementCtx,
  options: { isRequired?: boolean; isUrl?: boolean } = {},
): void {
  const values = config as Record<string, unknown>
  const value = values[name]
  const add = (message: string): void => {
    context.issues.push({ code: 'custom', message, path: [name], input: undefined })
  }
  const count = [value, values[`${name}_file`]].filter(isGiven).length
  if (count === 2) add(`needs either "${name}" or "${name}_file", not both`)
  if (count === 0 && options.isRequired === true) add(`needs either "${name}" or "${name}_file"`)
  const url = value instanceof Secret ? value.reveal() : value
  if (options.isUrl === true && typeof url === 'string' && !isHttpUrl(url))
    add('must be an http or https address')
}

/** Whether a setting says anything: an empty text is as good as none. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && (value instanceof Secret ? value.reveal() : value) !== ''
}

/** What must not show of a secret: its text and, of an address, its path and query. */
export function secretTexts(source: SecretSource): string[] {
  let text: string
  try {
    text = revealSecret(source.value, source.file)
  } catch (thrown) {
    // A file that cannot be read has nothing that could show.
    if (thrown instanceof SendFailure) return []
    throw thrown
  }
  if (!isHttpUrl(text)) return [text]
  const { pathname, search, searchParams, password } = new URL(text)
  const parts = pathname.split('/').filter((part) => part.length >= 16)
  return [text, pathname, search.slice(1), ...searchParams.values(), ...parts, password]
}

/** A text of a message that may be empty: when its template fails, it is. */
export function renderField(message: OutgoingMessage, template: string): string {
  return message.render(template, { escape: 'none', fallback: 'email.default.empty' })
}

/** A text of a message; when the user's template fails, the built-in one of that name is used. */
export function renderText(message: OutgoingMessage, template: string, fallback: string): string {
  return message.render(template, { escape: 'none', fallback })
}

/** A secret given directly or as the path of a file, which is read each time; empty when neither. */
export function revealSecret(value: Secret | undefined, file: string | undefined): string {
  if (value !== undefined && isGiven(value)) return value.reveal()
  if (file === undefined || file === '') return ''
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (thrown) {
    throw new SendFailure(`cannot read ${file}: ${messageOf(thrown)}`, {
      reason: 'other',
      canRetry: true,
    })
  }
}

/** A secret, as it stands in the settings. */
export interface SecretSource {
  value: Secret | undefined
  file: string | undefined
}

/** Whether there is one. */
export function hasSecret(source: SecretSource): boolean {
  return isGiven(source.value) || isGiven(source.file)
}

/** The receiver's own secret or else the shared one; throws `Error` when there is none. */
export function chooseSecret(
  own: SecretSource,
  shared: SecretSource,
  names: { missing: string },
): SecretSource {
  const chosen = hasSecret(own) ? own : shared
  if (!hasSecret(chosen)) throw new Error(names.missing)
  return chosen
}

/** What names a group towards a service that keeps it: the same for its end as for its beginning. */
export function hashGroupKey(notification: Notification): string {
  return createHash('sha256').update(notification.groupKey).digest('hex')
}

/** An http or https address, as a schema's check. */
export function isHttpUrl(url: string): boolean {
  // The platform takes addresses that others refuse: without slashes, or with half a `%`.
  return /^https?:\/\/[^/]/i.test(url) && !/%(?![\da-f]{2})/i.test(url) && URL.canParse(url)
}
