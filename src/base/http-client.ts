/**
 * Outgoing HTTP, the only place: time-outs, body limits, headers, TLS, proxies. Built on undici, but for
 * what scraping asks for over plain HTTP all day (plain-http.ts). A
 * reply whose body is larger than the limit is cut off with an error, never buffered.
 *
 * Connections are kept per way of connecting (`HttpTransport`): equal ways share them, and of ways
 * that are no longer used only the latest few keep theirs.
 */

import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { ConnectionOptions, SecureVersion } from 'node:tls'
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { errorTable } from './error.ts'
import { isPlainEnough, PlainConnections } from './plain-http.ts'
import { findPrivateAddress, hostOf, isPublicAddress, lookupPublic } from './public-address.ts'
import { ReplyCollector, type ReplyEnd } from './reply-collector.ts'

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
  ADDRESS_PRIVATE: {
    kind: 'user',
    status: 403,
    message: (facts: { url: string }) => `${facts.url} is not at a public address.`,
    hint: 'Give an address of the public internet, or have an administrator allow private ones where that can be set.',
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
  /** How to connect; plainly, with the system's certificates, unless given. */
  transport?: HttpTransport
}

/** How the other side is verified and what we show of ourselves. Certificates and keys are PEM. */
export interface TlsOptions {
  ca?: string
  cert?: string
  key?: string
  /** Name that the certificate must bear, when it is not the host of the address. */
  serverName?: string
  /** Takes any certificate. */
  isUnverified?: boolean
  minVersion?: SecureVersion
  maxVersion?: SecureVersion
}

/** A way of connecting. */
export interface HttpTransport {
  tls?: TlsOptions
  /** `http://` or `https://`, user and password within when the proxy asks for them. */
  proxyUrl?: string
  /** Sent to the proxy alone. */
  proxyHeaders?: Readonly<Record<string, string>>
  /** How long a connection waits for its next request; 30 s unless given. A server's own wish goes before. */
  keepAliveMs?: number
  /** Speaks HTTP/1.1 also where the other side has HTTP/2. */
  isHttp1Only?: boolean
  /** Connects to public addresses alone; with a proxy, the proxy decides about names. */
  isPublicOnly?: boolean
}

/** The reply, whatever its status. Header names are lower case. */
export interface HttpReply {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** For those who keep connections themselves, as scraping does. */
const plainConnections = new PlainConnections()
const agentOptions = { keepAliveTimeout: 30_000, connections: 16, pipelining: 1 }
const agent = new Agent(agentOptions)

/** Ways of connecting that keep their connections; the one unused longest gives way. */
const dispatchersMax = 256
const dispatchers = new Map<string, Dispatcher>()

function dispatcherOf(transport: HttpTransport | undefined): Dispatcher {
  if (transport === undefined || Object.keys(transport).length === 0) return agent
  const key = keyOf(transport)
  const dispatcher = dispatchers.get(key) ?? makeDispatcher(transport)
  dispatchers.delete(key)
  dispatchers.set(key, dispatcher)
  if (dispatchers.size > dispatchersMax) {
    const [oldest, unused] = dispatchers.entries().next().value!
    dispatchers.delete(oldest)
    // Requests that run end first; what goes wrong in closing is of no use to anybody.
    unused.close().catch(() => undefined)
  }
  return dispatcher
}

function keyOf({ keepAliveMs, isHttp1Only, ...rest }: HttpTransport): string {
  const plain = `${keepAliveMs} ${isHttp1Only}`
  if (Object.keys(rest).length === 0) return plain
  // What is left holds private keys and passwords, so only its hash is kept.
  return `${plain} ${createHash('sha256').update(JSON.stringify(rest)).digest('base64')}`
}

function makeDispatcher(transport: HttpTransport): Dispatcher {
  const tls = connectionOptions(transport.tls ?? {})
  const { keepAliveMs, isPublicOnly, ...way } = transport
  const kept = keepAliveMs === undefined ? {} : { keepAliveTimeout: keepAliveMs }
  if (Object.keys(way).length === 0 && isPublicOnly !== true)
    return new Agent({ ...agentOptions, ...kept })
  const options = { ...agentOptions, ...kept, allowH2: transport.isHttp1Only !== true }
  if (transport.proxyUrl === undefined) {
    const connect = isPublicOnly === true ? { ...tls, lookup: lookupPublic } : tls
    return new Agent({ ...options, connect })
  }
  return new ProxyAgent({
    ...options,
    uri: transport.proxyUrl,
    headers: { ...transport.proxyHeaders },
    requestTls: tls,
    proxyTls: tls,
  })
}

type TlsConnection = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'> & {
  servername?: string
  minVersion?: SecureVersion
  maxVersion?: SecureVersion
}

function connectionOptions(tls: TlsOptions): TlsConnection {
  return {
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    ...(tls.minVersion !== undefined && { minVersion: tls.minVersion }),
    ...(tls.maxVersion !== undefined && { maxVersion: tls.maxVersion }),
    rejectUnauthorized: tls.isUnverified !== true,
  }
}

/**
 * Sends a request and reads the whole reply. Throws `HTTP_TIMEOUT`, `HTTP_UNREACHABLE`, `HTTP_BODY_TOO_LARGE`,
 * `HTTP_ADDRESS_PRIVATE`.
 */
export function sendHttp(options: HttpRequest): Promise<HttpReply> {
  const { url, timeoutMs, transport } = options
  const bytesMax = options.bodyBytesMax ?? 16 * 1024 * 1024
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void =>
      reject(httpErrors.UNREACHABLE({ url: redactUrl(url), reason: reasonOf(thrown) }, thrown))
    const end: ReplyEnd = {
      reply: ({ status, headers, body }) => resolve({ status, headers: flatten(headers), body }),
      fail,
      expire: () => reject(httpErrors.TIMEOUT({ url: redactUrl(url), timeoutMs })),
      overflow: () => reject(httpErrors.BODY_TOO_LARGE({ url: redactUrl(url), bytesMax })),
    }
    try {
      const address = readAddress(url)
      const { origin, pathname, search } = address
      if (transport?.isPublicOnly === true) {
        // Where a host is an address already, nobody is asked for one.
        const host = hostOf(url)
        if (isIP(host) !== 0 && !isPublicAddress(host)) {
          reject(httpErrors.ADDRESS_PRIVATE({ url: redactUrl(url) }))
          return
        }
      }
      const headers = { 'user-agent': 'shipwatch', ...options.headers }
      const keepAliveMs = findPlainWay(options, address)
      if (keepAliveMs !== undefined && isPlainEnough(headers)) {
        plainConnections.get({ address, headers, timeoutMs, bytesMax, keepAliveMs }, end)
        return
      }
      const request = {
        origin,
        path: pathname + search,
        method: options.method ?? 'GET',
        headers,
        body: options.body ?? null,
      }
      const dispatcher = dispatcherOf(transport)
      dispatcher.dispatch(request, new ReplyCollector({ timeoutMs, bytesMax }, end))
    } catch (thrown) {
      fail(thrown)
    }
  })
}

/** How long its connection is kept, when the request is one that is asked again and again over plain HTTP. */
function findPlainWay(
  { method, body, transport }: HttpRequest,
  { protocol }: URL,
): number | undefined {
  if (protocol !== 'http:' || body !== undefined || (method ?? 'GET') !== 'GET') return undefined
  const { keepAliveMs, isHttp1Only: _, ...way } = transport ?? {}
  return Object.keys(way).length === 0 ? keepAliveMs : undefined
}

function readAddress(url: string): URL {
  const address = new URL(url)
  if (address.protocol === 'http:' || address.protocol === 'https:') return address
  throw new Error('the address must begin with http:// or https://')
}

/** A reply whose body is read piece by piece; of any size. */
export interface HttpStream {
  status: number
  headers: Record<string, string>
  body: AsyncIterable<Buffer>
}

/**
 * Sends a request and answers as soon as the headers are there. `timeoutMs` is for these and, anew, for each
 * pause within the body. Throws `HTTP_UNREACHABLE`.
 */
export async function streamHttp(options: Omit<HttpRequest, 'bodyBytesMax'>): Promise<HttpStream> {
  const { url, timeoutMs } = options
  try {
    const reply = await request(url, {
      method: options.method ?? 'GET',
      headers: { 'user-agent': 'shipwatch', ...options.headers },
      body: options.body ?? null,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      dispatcher: dispatcherOf(options.transport),
    })
    return { status: reply.statusCode, headers: flatten(reply.headers), body: reply.body }
  } catch (thrown) {
    throw httpErrors.UNREACHABLE({ url: redactUrl(url), reason: reasonOf(thrown) }, thrown)
  }
}

/** Throws `HTTP_ADDRESS_PRIVATE` when the host of an address is not, or leads to what is not, public. */
export async function checkPublic(url: string): Promise<void> {
  if ((await findPrivateAddress(hostOf(url))) !== undefined)
    throw httpErrors.ADDRESS_PRIVATE({ url: redactUrl(url) })
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
export async function closeHttp(): Promise<void> {
  const all = [agent, ...dispatchers.values()]
  dispatchers.clear()
  plainConnections.close()
  await Promise.all(all.map((dispatcher) => dispatcher.destroy()))
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
