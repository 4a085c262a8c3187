/**
 * `http_config` of receivers, as Alertmanager has it: how to authenticate and to connect. Files are read
 * each time, so that a renewed certificate or password counts at once. A token of OAuth 2 is kept until
 * shortly before its end, and asked for anew when the other side refuses it.
 * Sources: prometheus/common config/http_config.go (behaviour); RFC 6749 section 4.4.
 */

import type { Clock } from '../base/clock.ts'
import type { HttpTransport, TlsOptions } from '../base/http-client.ts'
import { findProxy } from '../base/proxy.ts'
import {
  httpShape,
  type OauthSettings,
  type ProxySettings,
  refuseMixedHttp,
  type TlsSettings,
} from '../config/http-settings.ts'
import { durationOr, secret, text, z } from '../config/schema.ts'
import { isGiven, isHttpUrl, revealSecret } from './secret-source.ts'
import {
  type ChannelRequest,
  type Connection,
  describeReply,
  readAnswer,
  SendFailure,
  sendRequest,
} from './send-request.ts'

const schema = z
  .strictObject({
    ...httpShape,
    proxy_url: secret('The proxy to go through, http or https.').optional(),
    bearer_token: secret('As authorization (older form).').optional(),
    bearer_token_file: text('As authorization (older form).').optional(),
    follow_redirects: z
      .boolean()
      .default(true)
      .meta({ description: 'Accepted; redirects are never followed with an alert in hand.' }),
  })
  .superRefine((config, context) => {
    refuseMixedHttp(config, context)
    const older = [config.bearer_token, config.bearer_token_file].filter(isGiven)
    if (older.length === 0) return
    const newer = config.basic_auth ?? config.authorization ?? config.oauth2
    const isMixed = newer !== undefined
    if (isMixed || older.length === 2)
      context.addIssue({ code: 'custom', message: 'at most one way of authentication is allowed' })
  })

/** How a receiver authenticates and connects. */
export type HttpConfig = z.output<typeof schema>

/** The setting `http_config`. */
export const httpConfig = schema
  .optional()
  .meta({ description: 'How to authenticate and to connect.' })

/** Keys of a channel over HTTP. */
export const httpChannel = {
  timeout: durationOr('10s', 'How long one attempt may take.'),
  http_config: httpConfig,
}

interface Token {
  header: string
  endMs: number
}

/** Of a request whose channel has no time-out of its own. */
const timeoutDefaultMs = 10_000
/** A token is renewed this long before it ends. */
const tokenReserveMs = 10_000
const tokenTimeoutMs = 10_000
const tokens = new WeakMap<OauthSettings, Token>()

/** How requests of a channel go: how long one may take, and how it connects. */
export function reachBy(
  settings: { timeout: number; http_config?: HttpConfig | undefined },
  clock: Clock,
): Required<Pick<ChannelRequest, 'timeoutMs' | 'connect'>> {
  return {
    timeoutMs: settings.timeout || timeoutDefaultMs,
    connect: connectBy(settings.http_config, clock),
  }
}

/** Finds headers, proxy and TLS of a request; what it gives throws `SendFailure`. */
export function connectBy(
  config: HttpConfig | undefined,
  clock: Clock,
): (url: string) => Promise<Connection> {
  return async (url) =>
    config === undefined ? { headers: {}, transport: {} } : makeConnection(config, clock, url)
}

async function makeConnection(config: HttpConfig, clock: Clock, url: string): Promise<Connection> {
  const more = extraHeaders(config)
  const transport = makeTransport(config, url)
  const { oauth2 } = config
  if (oauth2 === undefined) return { headers: { ...more, ...plainHeaders(config) }, transport }
  const ask = async (isNew: boolean): Promise<Record<string, string>> => ({
    ...more,
    authorization: await findToken(oauth2, clock, isNew),
  })
  return { headers: await ask(false), transport, renew: () => ask(true) }
}

/** What must not show of it. */
export function connectionSecrets(config: HttpConfig | undefined): string[] {
  if (config === undefined) return []
  try {
    const value = plainHeaders(config).authorization ?? ''
    const headers = Object.values(config.http_headers).flatMap(({ secrets, files }) => [
      ...secrets.map((one) => one.reveal()),
      ...files.map((file) => revealSecret(undefined, file)),
    ])
    const { oauth2 } = config
    const token = oauth2 === undefined ? '' : (tokens.get(oauth2)?.header ?? '')
    return [
      value,
      value.slice(value.indexOf(' ') + 1),
      config.basic_auth?.password?.reveal() ?? '',
      ...headers,
      ...(oauth2 === undefined ? [] : [oauthSecret(oauth2)]),
      token,
      token.slice(token.indexOf(' ') + 1),
    ]
  } catch (thrown) {
    // A file that cannot be read has nothing that could show.
    if (thrown instanceof SendFailure) return []
    throw thrown
  }
}

function plainHeaders(config: HttpConfig): { authorization?: string } {
  if (config.basic_auth !== undefined) {
    const { username, username_file, password, password_file } = config.basic_auth
    const user = username_file === undefined ? username : revealSecret(undefined, username_file)
    return { authorization: encodeBasic(user, revealSecret(password, password_file)) }
  }
  if (config.authorization !== undefined) {
    const { type, credentials, credentials_file } = config.authorization
    return { authorization: `${type} ${revealSecret(credentials, credentials_file)}` }
  }
  const token = revealSecret(config.bearer_token, config.bearer_token_file)
  return token === '' ? {} : { authorization: `Bearer ${token}` }
}

function extraHeaders(config: HttpConfig): Record<string, string> {
  const headers = Object.entries(config.http_headers).map(([name, one]) => {
    const files = one.files.map((file) => revealSecret(undefined, file))
    const values = [...one.values, ...one.secrets.map((value) => value.reveal()), ...files]
    return [name.toLowerCase(), values.join(', ')] as const
  })
  return Object.fromEntries(headers)
}

function encodeBasic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function oauthSecret(oauth2: OauthSettings): string {
  return revealSecret(oauth2.client_secret, oauth2.client_secret_file)
}

/** The Authorization header of OAuth 2. */
async function findToken(oauth2: OauthSettings, clock: Clock, isNew: boolean): Promise<string> {
  const known = tokens.get(oauth2)
  if (!isNew && known !== undefined && known.endMs > clock.monotonicMs()) return known.header
  const url = oauth2.token_url
  const clientSecret = oauthSecret(oauth2)
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (oauth2.scopes.length > 0) form.set('scope', oauth2.scopes.join(' '))
  for (const [name, value] of Object.entries(oauth2.endpoint_params)) form.set(name, value)
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  }
  const shared = { method: 'POST', url, timeoutMs: tokenTimeoutMs } as const
  const transport = makeTransport(oauth2, url)
  const connect = () => Promise.resolve({ headers: {}, transport })
  const user = encodeURIComponent(oauth2.client_id)
  const authorization = encodeBasic(user, encodeURIComponent(clientSecret))
  const first = { ...shared, connect, headers: { ...headers, authorization }, body: `${form}` }
  const reply = await sendRequest(first).catch((thrown: unknown) => {
    // Servers must take the header; those that do not, want both in the form.
    if (!(thrown instanceof SendFailure) || thrown.canRetry) throw thrown
    form.set('client_id', oauth2.client_id)
    form.set('client_secret', clientSecret)
    return sendRequest({ ...shared, connect, headers, body: `${form}` })
  })
  const answer = readAnswer(reply)
  if (typeof answer?.access_token !== 'string' || answer.access_token === '') {
    const message = `no access_token from token_url: ${describeReply(reply)}`
    throw new SendFailure(message, { reason: 'auth', canRetry: true })
  }
  const type = String(answer.token_type ?? '')
  const lifeSeconds = Number(answer.expires_in ?? 0)
  const token = {
    header: `${/^(?:bearer)?$/i.test(type) ? 'Bearer' : type} ${answer.access_token}`,
    endMs:
      lifeSeconds > 0
        ? clock.monotonicMs() + lifeSeconds * 1_000 - tokenReserveMs
        : Number.POSITIVE_INFINITY,
  }
  tokens.set(oauth2, token)
  return token.header
}

function makeTransport(
  config: ProxySettings & { tls_config?: TlsSettings | undefined },
  url: string,
): HttpTransport {
  const transport: HttpTransport = {}
  if (config.proxy_url !== undefined && !isHttpUrl(config.proxy_url.reveal())) {
    const message = 'proxy_url is not an http or https address'
    throw new SendFailure(message, { reason: 'client-error', canRetry: false })
  }
  const proxyUrl = isHttpUrl(url) ? findProxy(config, new URL(url), process.env) : undefined
  if (proxyUrl !== undefined) {
    transport.proxyUrl = proxyUrl
    const headers = Object.entries(config.proxy_connect_header).map(
      ([name, values]) =>
        [name.toLowerCase(), values.map((value) => value.reveal()).join(', ')] as const,
    )
    if (headers.length > 0) transport.proxyHeaders = Object.fromEntries(headers)
  }
  if (config.tls_config !== undefined) transport.tls = readTls(config.tls_config)
  return transport
}

const versionNames = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
} as const

/** How the other side is verified, with the files read. */
export function readTls(tls: TlsSettings): TlsOptions {
  const read = (inline: string | undefined, file: string | undefined): string | undefined =>
    inline ?? (file === undefined ? undefined : revealSecret(undefined, file))
  const ca = read(tls.ca, tls.ca_file)
  const cert = read(tls.cert, tls.cert_file)
  const key = read(tls.key?.reveal(), tls.key_file)
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(tls.server_name !== '' && { serverName: tls.server_name }),
    ...(tls.max_version !== undefined && { maxVersion: versionNames[tls.max_version] }),
    minVersion: versionNames[tls.min_version ?? 'TLS12'],
    isUnverified: tls.insecure_skip_verify,
  }
}
