/**
 * Where a request comes from: this machine or not, one of our own pages or a stranger's. Guards
 * against cross-site requests (a foreign page that posts) and DNS rebinding (a foreign name that
 * resolves to us, so that the browser takes a foreign page for ours).
 */

import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { hostname } from 'node:os'

/** What is looked at of a request. */
export interface RequestFacts {
  method: string
  headers: IncomingHttpHeaders
  /** The socket's other end. */
  remoteAddress: string
}

/** Whether `host` (name or address, without port) means this machine alone. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true
  if (isIP(bare) === 4) return bare.startsWith('127.')
  return bare === '::1' || /^::ffff:127\./.test(bare)
}

/**
 * Whether the caller is a program on this machine. What a proxy on this machine hands on came from
 * elsewhere: its forwarding headers say so.
 */
export function isFromLoopback(request: RequestFacts): boolean {
  const { headers } = request
  if (headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined) return false
  if (headers['x-real-ip'] !== undefined) return false
  return isLoopbackHost(request.remoteAddress)
}

/** Name of a Host header without its port, lower case. */
export function hostNameOf(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase()
}

/** Whether the Host header is a name that no stranger can point at us: an address, this machine, or our external name. */
export function isOwnHost(host: string | undefined, externalUrl: string): boolean {
  if (host === undefined) return false
  const name = hostNameOf(host)
  const bare = name.replace(/^\[|\]$/g, '')
  return (
    isIP(bare) !== 0 ||
    isLoopbackHost(name) ||
    name === hostname().toLowerCase() ||
    name === new URL(externalUrl).hostname.toLowerCase()
  )
}

/**
 * Why a changing request must be refused as cross-site, or `undefined`. Browsers send Origin (and
 * Sec-Fetch-Site) with these; programs send neither, which is fine unless a cookie came along.
 */
export function findForeignOrigin(
  request: RequestFacts,
  externalUrl: string,
  hasCookie: boolean,
): string | undefined {
  if (request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS') {
    return undefined
  }
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return origin ?? String(site)
  }
  if (origin !== undefined) return isOwnOrigin(origin, request, externalUrl) ? undefined : origin
  if (site === undefined && hasCookie) return 'not named'
  return undefined
}

function isOwnOrigin(origin: string, request: RequestFacts, externalUrl: string): boolean {
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  return url.origin === new URL(externalUrl).origin || url.host === request.headers.host
}
