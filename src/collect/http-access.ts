/**
 * Reaches addresses as a job's HTTP settings say: credentials from settings, files or an OAuth 2
 * token, TLS, proxy, redirects. Files are read at every request, so that a renewed certificate or
 * password counts from the next one on.
 * Sources: RFC 6749 section 4.4 (client credentials); prometheus/common config/http_config.go (behaviour).
 */

import { readFile } from 'node:fs/promises'
import type { SecureVersion } from 'node:tls'
import type { Clock } from '../base/clock.ts'
import { CodedError, messageOf } from '../base/error.ts'
import {
  type HttpReply,
  type HttpRequest,
  type HttpTransport,
  redactUrl,
  sendHttp,
  type TlsOptions,
} from '../base/http-client.ts'
import type { BearerSettings } from './bearer-settings.ts'
import { collectErrors } from './errors.ts'
import type {
  HttpSettings,
  OauthSettings,
  ProxySettings,
  TlsSettings,
} from '../config/http-settings.ts'
import { findProxy } from '../base/proxy.ts'

const redirectCountMax = 10
/** A token is renewed this long before it ends. */
const tokenReserveMs = 10_000
const tokenBytesMax = 1024 * 1024

const versionNames: Record<NonNullable<TlsSettings['min_version']>, SecureVersion> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

interface Token {
  header: string
  endTimeMs: number
}

/** What is asked for: `GET` of an address. */
export type AccessRequest = Pick<HttpRequest, 'url' | 'timeoutMs' | 'bodyBytesMax'> & {
  headers: Record<string, string>
  /** How long the connection waits for the next request. */
  keepAliveMs?: number
}

/** One way of reaching things over HTTP, shared by all targets of a job. */
export class HttpAccess {
  readonly #settings: HttpSettings & BearerSettings
  readonly #clock: Clock
  #token: Token | undefined
  #asking: Promise<Token> | undefined

  constructor(settings: HttpSettings & BearerSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Gets a reply, whatever its status. Throws as `sendHttp`, and `COLLECT_SCRAPE_FAILED`. */
  async get(request: AccessRequest): Promise<HttpReply> {
    const credentials = await this.#makeCredentials(request.timeoutMs)
    let headers = { ...request.headers, ...credentials }
    let { url } = request
    const { keepAliveMs, ...plain } = request
    for (let turn = 0; ; turn++) {
      const transport = await makeTransport(this.#settings, url)
      if (keepAliveMs !== undefined) transport.keepAliveMs = keepAliveMs
      const reply = await sendAgain({ ...plain, url, headers, transport })
      const next = reply.headers['location']
      const isRedirect = reply.status >= 300 && reply.status < 400 && next !== undefined
      if (!isRedirect || !this.#settings.follow_redirects) return reply
      if (turn >= redirectCountMax) fail(`stopped after ${redirectCountMax} redirects`)
      const following = parseRedirect(next, url)
      // Credentials are for the host that was configured, not for whom it points to.
      const before = new URL(url)
      const isDowngrade = before.protocol === 'https:' && following.protocol === 'http:'
      if (following.host !== before.host || isDowngrade) headers = { ...request.headers }
      url = following.href
    }
  }

  async #makeCredentials(timeoutMs: number): Promise<Record<string, string>> {
    const { basic_auth: basic, authorization, oauth2, http_headers: more } = this.#settings
    const headers: Record<string, string> = {}
    if (basic !== undefined) {
      const user =
        basic.username_file === undefined ? basic.username : await readSecret(basic.username_file)
      const password =
        basic.password_file === undefined
          ? (basic.password?.reveal() ?? '')
          : await readSecret(basic.password_file)
      headers['authorization'] = encodeBasic(user, password)
    }
    if (authorization !== undefined) {
      const credentials =
        authorization.credentials_file === undefined
          ? (authorization.credentials?.reveal() ?? '')
          : await readSecret(authorization.credentials_file)
      headers['authorization'] = `${authorization.type} ${credentials}`
    }
    const { bearer_token: bearer, bearer_token_file: bearerFile } = this.#settings
    if (bearer !== undefined) headers['authorization'] = `Bearer ${bearer.reveal()}`
    if (bearerFile !== undefined) {
      headers['authorization'] = `Bearer ${await readSecret(bearerFile)}`
    }
    if (oauth2 !== undefined) headers['authorization'] = await this.#findToken(oauth2, timeoutMs)
    for (const name of Object.keys(more)) {
      const { values, secrets, files } = more[name]!
      const all = [...values, ...secrets.map((value) => value.reveal())]
      for (const file of files) all.push(await readSecret(file))
      headers[name.toLowerCase()] = all.join(', ')
    }
    return headers
  }

  /** The Authorization header; many targets that need a new token ask for one together. */
  async #findToken(oauth2: OauthSettings, timeoutMs: number): Promise<string> {
    const known = this.#token
    if (known !== undefined && known.endTimeMs > this.#clock.nowTimeMs()) return known.header
    this.#asking ??= askToken(oauth2, timeoutMs, this.#clock).finally(() => {
      this.#asking = undefined
    })
    this.#token = await this.#asking
    return this.#token.header
  }
}

/** What a connection says that was closed by the other side while it waited for us. */
const closedPattern = /other side closed|ECONNRESET|EPIPE/

/** Sends, and once more when a kept connection turns out to be closed: to ask twice does no harm. */
async function sendAgain(request: HttpRequest): Promise<HttpReply> {
  try {
    return await sendHttp(request)
  } catch (thrown) {
    const isClosed =
      thrown instanceof CodedError &&
      thrown.code === 'HTTP_UNREACHABLE' &&
      closedPattern.test(thrown.message)
    if (!isClosed) throw thrown
    return sendHttp(request)
  }
}

async function askToken(oauth2: OauthSettings, timeoutMs: number, clock: Clock): Promise<Token> {
  const secret =
    oauth2.client_secret_file === undefined
      ? (oauth2.client_secret?.reveal() ?? '')
      : await readSecret(oauth2.client_secret_file)
  const url = oauth2.token_url
  const transport = await makeTransport({ ...oauth2, enable_http2: true }, url)
  const ask = (isInHeader: boolean): Promise<HttpReply> => {
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (oauth2.scopes.length > 0) form.set('scope', oauth2.scopes.join(' '))
    for (const [name, value] of Object.entries(oauth2.endpoint_params)) form.set(name, value)
    if (!isInHeader) {
      form.set('client_id', oauth2.client_id)
      form.set('client_secret', secret)
    }
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    }
    if (isInHeader) {
      const encode = encodeURIComponent
      headers['authorization'] = encodeBasic(encode(oauth2.client_id), encode(secret))
    }
    const body = form.toString()
    return sendHttp({
      method: 'POST',
      url,
      headers,
      body,
      timeoutMs,
      transport,
      bodyBytesMax: tokenBytesMax,
    })
  }
  // Servers must take the header; those that do not, want both in the form.
  let reply = await ask(true)
  if (reply.status === 400 || reply.status === 401) reply = await ask(false)
  if (reply.status < 200 || reply.status > 299) {
    fail(`no OAuth 2 token from ${redactUrl(url)}: HTTP status ${reply.status}`)
  }
  return readToken(reply, url, clock)
}

function readToken(reply: HttpReply, url: string, clock: Clock): Token {
  let value: unknown
  try {
    value = JSON.parse(reply.body.toString('utf8'))
  } catch {
    value = undefined
  }
  const fields = new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}))
  const token = fields.get('access_token')
  if (typeof token !== 'string' || token === '') {
    fail(`no OAuth 2 token from ${redactUrl(url)}: the reply has no access_token`)
  }
  const type = String(fields.get('token_type') ?? '')
  const spanSeconds = Number(fields.get('expires_in') ?? 0)
  const isEndless = !(spanSeconds > 0)
  return {
    header: `${/^(?:bearer)?$/i.test(type) ? 'Bearer' : type} ${token}`,
    endTimeMs: isEndless
      ? Number.POSITIVE_INFINITY
      : clock.nowTimeMs() + spanSeconds * 1000 - tokenReserveMs,
  }
}

async function makeTransport(
  settings: ProxySettings & { tls_config?: TlsSettings | undefined; enable_http2: boolean },
  url: string,
): Promise<HttpTransport> {
  const transport: HttpTransport = {}
  if (settings.tls_config !== undefined) transport.tls = await readTls(settings.tls_config)
  const proxyUrl = findProxy(settings, new URL(url), process.env)
  if (proxyUrl !== undefined) {
    transport.proxyUrl = proxyUrl
    const headers: [string, string][] = []
    for (const [name, values] of Object.entries(settings.proxy_connect_header)) {
      headers.push([name.toLowerCase(), values.map((value) => value.reveal()).join(', ')])
    }
    transport.proxyHeaders = Object.fromEntries(headers)
  }
  if (!settings.enable_http2) transport.isHttp1Only = true
  return transport
}

async function readTls(settings: TlsSettings): Promise<TlsOptions> {
  const readPem = async (text: string | undefined, file: string | undefined) =>
    file === undefined ? text : await readText(file)
  const ca = await readPem(settings.ca, settings.ca_file)
  const cert = await readPem(settings.cert, settings.cert_file)
  const key = await readPem(settings.key?.reveal(), settings.key_file)
  const { min_version: min, max_version: max } = settings
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(settings.server_name !== '' && { serverName: settings.server_name }),
    ...(settings.insecure_skip_verify && { isUnverified: true }),
    ...(min !== undefined && { minVersion: versionNames[min] }),
    ...(max !== undefined && { maxVersion: versionNames[max] }),
  }
}

function parseRedirect(location: string, url: string): URL {
  const following = URL.parse(location, url)
  if (following === null) fail('redirected to what is not an address')
  if (following.protocol !== 'http:' && following.protocol !== 'https:') {
    fail(`redirected to ${redactUrl(following.href)}`)
  }
  return following
}

async function readSecret(path: string): Promise<string> {
  return (await readText(path)).trim()
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    throw collectErrors.SCRAPE_FAILED(
      { reason: `cannot read ${path}: ${messageOf(thrown)}` },
      thrown,
    )
  }
}

function encodeBasic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function fail(reason: string): never {
  throw collectErrors.SCRAPE_FAILED({ reason })
}
