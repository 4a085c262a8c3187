/**
 * Which addresses are of the public internet: requests to addresses that somebody without the rights
 * of an administrator named must not reach this machine, its network or the cloud's metadata. Names are
 * judged by what they resolve to at the moment of connecting, so that a name cannot change its mind.
 * Source: IANA's registries of special-purpose addresses (RFC 6890), IPv4 and IPv6.
 */

import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'

const notPublic = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/127',
  // Addresses of IPv4 within: a translator would lead to what is refused above.
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

const refused = new BlockList()
for (const range of notPublic) {
  const [net, bits] = range.split('/')
  refused.addSubnet(net!, Number(bits), net!.includes(':') ? 'ipv6' : 'ipv4')
}

/** Whether an address is one of the public internet. IPv4 within IPv6 (`::ffff:10.0.0.1`) is judged as IPv4. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && !refused.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** The host of an address as a connection takes it; an IPv6 address without its brackets. */
export function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}

/** The first address of a host that is not public; `undefined` when all are, or none is known. */
export async function findPrivateAddress(host: string): Promise<string | undefined> {
  if (isIP(host) !== 0) return isPublicAddress(host) ? undefined : host
  return await new Promise((resolve) => {
    // A name that does not resolve now is judged again when it is connected to.
    lookup(host, { all: true }, (_thrown, found: LookupAddress[] | undefined) =>
      resolve(found?.find(({ address }) => !isPublicAddress(address))?.address),
    )
  })
}

/** What `net.connect` calls with the addresses of a name. */
type LookupCallback = (
  thrown: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void

/** Resolves a name as `net.connect` asks for it; one that has an address which is not public is refused. */
export function lookupPublic(host: string, options: LookupOptions, done: LookupCallback): void {
  lookup(host, { ...options, all: true }, (thrown, found: LookupAddress[]) => {
    if (thrown !== null) return done(thrown, [])
    const wrong = found.find(({ address }) => !isPublicAddress(address))
    if (wrong !== undefined) {
      const reason = `${host} leads to ${wrong.address}, which is not public`
      return done(Object.assign(new Error(reason), { code: 'EACCES' }), [])
    }
    if (options.all === true) return done(null, found)
    const [first] = found
    return done(null, first?.address ?? '', first?.family ?? 0)
  })
}
