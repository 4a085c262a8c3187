/**
 * Requests of channels: sent once, with what went wrong as a `SendFailure`, which says why and whether trying
 * again may help. And what answers mean: by their status, and by a code in their body.
 */

import { CodedError, messageOf } from '../base/error.ts'
import {
  type HttpReply,
  type HttpRequest,
  type HttpTransport,
  sendHttp,
} from '../base/http-client.ts'

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
