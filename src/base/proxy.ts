/**
 * Which proxy an address is reached through: the one configured, or that of the environment, less the
 * hosts that are excepted. With exceptions, and with a proxy of the environment, the machine itself is
 * always reached directly.
 * Source: golang.org/x/net http/httpproxy (behaviour).
 */

import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Secret } from './secret.ts'

/** What is configured of a proxy. */
export interface ProxyChoice {
  proxy_url?: Secret | undefined
  no_proxy: string
  proxy_from_environment: boolean
}

/** The proxy for this address; `undefined` when it is reached directly. */
export function findProxy(
  settings: ProxyChoice,
  url: URL,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (settings.proxy_url !== undefined) {
    const isExcepted = settings.no_proxy !== '' && isDirect(url, settings.no_proxy)
    return isExcepted ? undefined : settings.proxy_url.reveal()
  }
  if (!settings.proxy_from_environment) return undefined
  const read = (name: string): string => environment[name] || environment[name.toLowerCase()] || ''
  const written = read(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (written === '' || isDirect(url, read('NO_PROXY'))) return undefined
  return /^https?:\/\//i.test(written) ? written : `http://${written}`
}

function isDirect(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return true
  return exceptions
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .some((exception) => exception !== '' && isMatch(exception, host, port))
}

function isMatch(exception: string, host: string, port: string): boolean {
  if (exception === '*') return true
  const network = /^([\d.]+|[\da-f:.]+)\/(\d{1,3})$/.exec(exception)
  if (network !== null) return isWithin(host, network[1]!, Number(network[2]))
  let pattern = exception
  const withPort = /^(\[.*\]|[^:]*):(\d+)$/.exec(exception)
  if (withPort !== null) {
    if (withPort[2] !== port) return false
    pattern = withPort[1]!
  }
  pattern = pattern.replace(/^\[|\]$/g, '').replace(/^\*\./, '.')
  if (pattern.startsWith('.')) return host.endsWith(pattern)
  if (isIP(pattern) !== 0) return host === pattern
  return host === pattern || host.endsWith(`.${pattern}`)
}

function isWithin(host: string, network: string, prefix: number): boolean {
  const family = isIPv6(network) ? 'ipv6' : 'ipv4'
  if (isIP(host) === 0 || isIP(network) === 0 || prefix > (family === 'ipv6' ? 128 : 32)) {
    return false
  }
  const list = new BlockList()
  list.addSubnet(network, prefix, family)
  return list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
