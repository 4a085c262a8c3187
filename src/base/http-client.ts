/**
 * Outgoing HTTP, the only place: time-outs, body limits, headers. Built on undici. A reply whose body
 * is larger than the limit is cut off with an error, never buffered.
 */

import { Agent, request } from 'undici'
import { errorTable } from './error.ts'

/** Errors of outgoing HTTP. */
const httpErrors = errorTable('HTTP', {
  TIMEOUT: {
    kind: 'operation',
    status: 504,
    canRetry: true,
    message: (facts: { url: string; timeoutMs: number }) =>
      `${facts.url} did not answer within ${facts.timeoutMs} ms.`,
    hint: 'Check that the address answers, or raise the time-out.',
  },
  UNREACHABLE: {
    kind: 'operation',
    status: 502,
    canRetry: true,
    message: (facts: { url: string; reason: string }) =>
      `${facts.url} cannot be reached: ${facts.reason}.`,
    hint: 'Check the address, the network between, and that the other side runs.',
  },
  BODY_TOO_LARGE: {
    kind: 'operation',
    status: 502,
    message: (facts: { url: string; bytesMax: number }) =>
      `The reply of ${facts.url} is larger than ${facts.bytesMax} bytes.`,
    hint: 'Raise the limit of this source, or have it send less.',
  },
})

/** One request. `timeoutMs` covers everything from connecting to the last byte. */
export interface HttpRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  url: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  timeoutMs: number
  /** Limit on the reply's body as sent. Default 16 MiB. */
  bodyBytesMax?: number
}

/** The reply, whatever its status. Header names are lower case. */
export interface HttpReply {
  status: number
  headers: Record<string, string>
  body: Buffer
}

const agent = new Agent({ keepAliveTimeout: 30_000, connections: 16, pipelining: 1 })

/** Sends a request and reads the whole reply. Throws `HTTP_TIMEOUT`, `HTTP_UNREACHABLE`, `HTTP_BODY_TOO_LARGE`. */
export async function sendHttp(options: HttpRequest): Promise<HttpReply> {
  const bytesMax = options.bodyBytesMax ?? 16 * 1024 * 1024
  const shownUrl = redactUrl(options.url)
  const signal = AbortSignal.timeout(options.timeoutMs)
  try {
    const reply = await request(options.url, {
      method: options.method ?? 'GET',
      headers: { 'user-agent': 'shipwatch', ...options.headers },
      body: options.body ?? null,
      signal,
      dispatcher: agent,
    })
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of reply.body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > bytesMax) {
        reply.body.destroy()
        throw httpErrors.BODY_TOO_LARGE({ url: shownUrl, bytesMax })
      }
      chunks.push(chunk)
    }
    return {
      status: reply.statusCode,
      headers: flatten(reply.headers),
      body: Buffer.concat(chunks, size),
    }
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'CodedError') throw thrown
    if (signal.aborted)
      throw httpErrors.TIMEOUT({ url: shownUrl, timeoutMs: options.timeoutMs }, thrown)
    throw httpErrors.UNREACHABLE({ url: shownUrl, reason: reasonOf(thrown) }, thrown)
  }
}

/** An address without user, password and query: those may carry secrets. */
export function redactUrl(url: string): string {
  try {
    const { protocol, host, pathname, search } = new URL(url)
    return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`
  } catch {
    return '<address>'
  }
}

/** Closes kept connections, at shutdown. */
export function closeHttp(): Promise<void> {
  return agent.destroy()
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const code = (thrown as NodeJS.ErrnoException).code
  return code === undefined || thrown.message.includes(code)
    ? thrown.message
    : `${code} ${thrown.message}`
}
