/**
 * Fetches an exposition page over HTTP: negotiation of format and compression, limits.
 * Source: prometheus/docs content_negotiation.md; scrape/scrape.go (behaviour).
 */

import { CodedError } from '../../base/error.ts'
import type { HttpReply } from '../../base/http-client.ts'
import { collectErrors } from '../errors.ts'
import type { HttpAccess } from '../http-access.ts'
import type { ScrapeProtocol } from '../settings.ts'
import type { ExpositionFormat } from './exposition.ts'
import { PageGunzip } from './gunzip-page.ts'
import type { ScrapeJob, Target } from './target.ts'

/** How a page is written. */
export type PageFormat = ExpositionFormat | 'protobuf'

/** A page as the scraper reads it. */
export interface Page {
  body: Uint8Array
  format: PageFormat
  /** Whether the memory of the body may be given back once it was read. */
  isOwn?: boolean
}

/** What the limit of a page's size is called in errors. */
export const bodySizeLimit = 'body size limit'

/** Where a scrape loop gets its pages from. */
export type PageSource = () => Promise<Page>

/** Connections wait this long for the next turn, as Prometheus's do; TLS costs more than the page. */
const keepAliveMs = 5 * 60_000
/** Targets asked less often are connected to anew. */
const keptIntervalMsMax = 4 * 60_000

const typeOfProtocol: Record<ScrapeProtocol, string> = {
  PrometheusProto:
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
}

/** The Accept header: the formats in order, each less wanted than the one before. */
function makeAccept(protocols: readonly ScrapeProtocol[], escaping: string): string {
  const parts = protocols.map((protocol, index) => {
    // Only these two have names in other alphabets, so that how to write them is a question.
    const isEscaped = protocol.endsWith('Text1.0.0')
    const type = `${typeOfProtocol[protocol]}${isEscaped ? `;escaping=${escaping}` : ''}`
    return `${type};q=0.${protocols.length + 1 - index}`
  })
  return [...parts, '*/*;q=0.1'].join(',')
}

/** Makes the source of a target's pages. */
export function makePageSource(parts: {
  job: ScrapeJob
  target: Target
  access: HttpAccess
  version: string
}): PageSource {
  const { job, target, access, version } = parts
  const { config } = job
  const headers = {
    accept: makeAccept(job.protocols, job.escaping),
    'accept-encoding': config.enable_compression ? 'gzip' : 'identity',
    'user-agent': `Shipwatch/${version}`,
    'x-prometheus-scrape-timeout-seconds': String(target.timeoutMs / 1000),
  }
  const unzip = new PageGunzip()
  return async () => {
    const reply = await ask(access, { job, target, headers })
    if (reply.status !== 200) {
      throw collectErrors.SCRAPE_FAILED({ reason: `server returned HTTP status ${reply.status}` })
    }
    const format = chooseFormat(reply.headers['content-type'], job)
    return { body: await decode(reply, job.bodyBytesMax, unzip), format, isOwn: true }
  }
}

async function ask(
  access: HttpAccess,
  request: { job: ScrapeJob; target: Target; headers: Record<string, string> },
): Promise<HttpReply> {
  const { job, target, headers } = request
  try {
    return await access.get({
      url: target.url,
      headers,
      timeoutMs: target.timeoutMs,
      bodyBytesMax: job.bodyBytesMax,
      ...(target.intervalMs <= keptIntervalMsMax && { keepAliveMs }),
    })
  } catch (thrown) {
    if (thrown instanceof CodedError && thrown.code === 'HTTP_BODY_TOO_LARGE') {
      throw bodyTooLarge(job.bodyBytesMax)
    }
    throw thrown
  }
}

async function decode(reply: HttpReply, bytesMax: number, unzip: PageGunzip): Promise<Uint8Array> {
  const encoding = (reply.headers['content-encoding'] ?? '').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return reply.body
  if (encoding !== 'gzip') {
    throw collectErrors.SCRAPE_FAILED({ reason: `the page is encoded as "${encoding}", not gzip` })
  }
  try {
    return await unzip.unpack(reply.body, bytesMax)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw bodyTooLarge(bytesMax)
    }
    throw collectErrors.SCRAPE_FAILED({ reason: 'the page is not valid gzip' }, thrown)
  }
}

function bodyTooLarge(bytesMax: number): CodedError {
  return collectErrors.SCRAPE_LIMIT_EXCEEDED({
    limit: bodySizeLimit,
    max: bytesMax,
    got: 'a larger page',
  })
}

/** The format by Content-Type; without a usable one the job's fallback decides. */
function chooseFormat(contentType: string | undefined, job: ScrapeJob): PageFormat {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type === 'application/openmetrics-text') return 'openmetrics'
  if (type === 'text/plain') return 'text'
  if (type === 'application/vnd.google.protobuf' && isDelimitedFamilies(contentType!)) {
    return 'protobuf'
  }
  const fallback = job.config.fallback_scrape_protocol
  if (fallback !== undefined) return formatOf(fallback)
  throw collectErrors.SCRAPE_FAILED({
    reason:
      type === ''
        ? 'non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target'
        : `received unsupported Content-Type "${type.slice(0, 100)}" and no fallback_scrape_protocol specified for target`,
  })
}

function formatOf(protocol: ScrapeProtocol): PageFormat {
  if (protocol === 'PrometheusProto') return 'protobuf'
  return protocol.startsWith('OpenMetrics') ? 'openmetrics' : 'text'
}

/** Whether the parameters of the type say what we read: families one after another. */
export function isDelimitedFamilies(contentType: string): boolean {
  const read = (name: string): string | undefined =>
    new RegExp(`;\\s*${name}\\s*=\\s*"?([^";\\s]*)`, 'i').exec(contentType)?.[1]
  const message = read('proto') ?? 'io.prometheus.client.MetricFamily'
  return message === 'io.prometheus.client.MetricFamily' && read('encoding') === 'delimited'
}
