/**
 * Fetches an exposition page over HTTP: negotiation of format and compression, credentials,
 * redirects, limits.
 * Source: prometheus/docs content_negotiation.md; scrape/scrape.go (behaviour).
 */

import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { CodedError } from '../../base/error.ts'
import { type HttpReply, redactUrl, sendHttp } from '../../base/http-client.ts'
import { collectErrors } from '../errors.ts'
import type { ScrapeProtocol } from '../settings.ts'
import type { ExpositionFormat } from './exposition.ts'
import type { ScrapeJob, Target } from './target.ts'

/** A page as the scraper reads it. */
export interface Page {
  body: Uint8Array
  format: ExpositionFormat
}

/** Where a scrape loop gets its pages from. */
export type PageSource = () => Promise<Page>

const unzip = promisify(gunzip)
const redirectCountMax = 10

const typeOfProtocol: Record<ScrapeProtocol, string> = {
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0;escaping=allow-utf-8',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
}

/** The Accept header: the formats in order, each less wanted than the one before. */
function makeAccept(protocols: readonly ScrapeProtocol[]): string {
  const parts = protocols.map(
    (protocol, index) => `${typeOfProtocol[protocol]};q=0.${protocols.length + 1 - index}`,
  )
  return [...parts, '*/*;q=0.1'].join(',')
}

/** Makes the source of a target's pages. */
export function makePageSource(job: ScrapeJob, target: Target, version: string): PageSource {
  const { config } = job
  const fixed = {
    accept: makeAccept(config.scrape_protocols),
    'accept-encoding': config.enable_compression ? 'gzip' : 'identity',
    'user-agent': `Shipwatch/${version}`,
    'x-prometheus-scrape-timeout-seconds': String(target.timeoutMs / 1000),
  }
  return async () => {
    const headers = { ...fixed, ...(await makeCredentials(job)) }
    const reply = await sendFollowing(job, target, headers)
    if (reply.status !== 200) {
      throw collectErrors.SCRAPE_FAILED({ reason: `server returned HTTP status ${reply.status}` })
    }
    const body = await decode(reply, job.bodyBytesMax)
    return { body, format: chooseFormat(reply.headers['content-type'], job) }
  }
}

async function sendFollowing(
  job: ScrapeJob,
  target: Target,
  headers: Record<string, string>,
): Promise<HttpReply> {
  let url = target.url
  let sent = headers
  for (let turn = 0; ; turn++) {
    let reply: HttpReply
    try {
      reply = await sendHttp({
        url,
        headers: sent,
        timeoutMs: target.timeoutMs,
        bodyBytesMax: job.bodyBytesMax,
      })
    } catch (thrown) {
      if (thrown instanceof CodedError && thrown.code === 'HTTP_BODY_TOO_LARGE') {
        throw bodyTooLarge(job.bodyBytesMax)
      }
      throw thrown
    }
    const next = reply.headers['location']
    const isRedirect = reply.status >= 300 && reply.status < 400 && next !== undefined
    if (!isRedirect || !job.config.follow_redirects) return reply
    if (turn >= redirectCountMax) {
      throw collectErrors.SCRAPE_FAILED({ reason: `stopped after ${redirectCountMax} redirects` })
    }
    const following = new URL(next, url)
    if (following.protocol !== 'http:' && following.protocol !== 'https:') {
      throw collectErrors.SCRAPE_FAILED({ reason: `redirected to ${redactUrl(following.href)}` })
    }
    // Credentials are for the host that was configured, not for whom it points to.
    if (following.host !== new URL(url).host) sent = withoutCredentials(job, sent)
    url = following.href
  }
}

function withoutCredentials(
  job: ScrapeJob,
  headers: Record<string, string>,
): Record<string, string> {
  const own = new Set(Object.keys(job.config.http_headers).map((name) => name.toLowerCase()))
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name !== 'authorization' && !own.has(name)),
  )
}

async function makeCredentials(job: ScrapeJob): Promise<Record<string, string>> {
  const { basic_auth: basic, authorization, http_headers: more } = job.config
  const headers: Record<string, string> = {}
  const readSecret = async (path: string): Promise<string> => (await readFile(path, 'utf8')).trim()
  if (basic !== undefined) {
    const user =
      basic.username_file === undefined ? basic.username : await readSecret(basic.username_file)
    const password =
      basic.password_file === undefined
        ? (basic.password?.reveal() ?? '')
        : await readSecret(basic.password_file)
    headers['authorization'] = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  }
  if (authorization !== undefined) {
    const credentials =
      authorization.credentials_file === undefined
        ? (authorization.credentials?.reveal() ?? '')
        : await readSecret(authorization.credentials_file)
    headers['authorization'] = `${authorization.type} ${credentials}`
  }
  for (const name of Object.keys(more)) {
    const { values, secrets, files } = more[name]!
    const all = [...values, ...secrets.map((value) => value.reveal())]
    for (const file of files) all.push(await readSecret(file))
    headers[name.toLowerCase()] = all.join(', ')
  }
  return headers
}

async function decode(reply: HttpReply, bytesMax: number): Promise<Uint8Array> {
  const encoding = (reply.headers['content-encoding'] ?? '').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return reply.body
  if (encoding !== 'gzip') {
    throw collectErrors.SCRAPE_FAILED({ reason: `the page is encoded as "${encoding}", not gzip` })
  }
  try {
    return await unzip(reply.body, { maxOutputLength: bytesMax })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw bodyTooLarge(bytesMax)
    }
    throw collectErrors.SCRAPE_FAILED({ reason: 'the page is not valid gzip' }, thrown)
  }
}

function bodyTooLarge(bytesMax: number): CodedError {
  return collectErrors.SCRAPE_LIMIT_EXCEEDED({
    limit: 'body size limit',
    max: bytesMax,
    got: 'a larger page',
  })
}

/** The format by Content-Type; without a usable one the job's fallback decides. */
function chooseFormat(contentType: string | undefined, job: ScrapeJob): ExpositionFormat {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type === 'application/openmetrics-text') return 'openmetrics'
  if (type === 'text/plain') return 'text'
  const fallback = job.config.fallback_scrape_protocol
  if (fallback !== undefined) return fallback.startsWith('OpenMetrics') ? 'openmetrics' : 'text'
  throw collectErrors.SCRAPE_FAILED({
    reason:
      type === ''
        ? 'non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target'
        : `received unsupported Content-Type "${type.slice(0, 100)}" and no fallback_scrape_protocol specified for target`,
  })
}
