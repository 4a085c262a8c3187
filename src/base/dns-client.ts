/**
 * Asks DNS servers for records, past the hosts file. Short names are tried within the search domains
 * of the machine's resolv.conf, as its own programs do.
 * Sources: RFC 1035, RFC 2782 (SRV); resolv.conf(5).
 */

import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { messageOf } from './error.ts'

/** Types of records that can be asked for. */
export type DnsRecordType = 'SRV' | 'A' | 'AAAA' | 'MX' | 'NS'

/** What a record points to. */
export interface DnsRecord {
  /** An address, or a name. */
  host: string
  /** Of SRV records. */
  port?: number
}

/** Patience with one question to one server, and how often it is asked. */
const questionTimeoutMs = 5000
const questionTries = 2
/** Records of a name at most. */
const recordsMax = 10_000

/** Answers that mean that there is no such record, which is not a failure. */
const absentCodes = new Set(['ENOTFOUND', 'ENODATA'])

/** Asks the machine's DNS servers, or those given as `address:port`. */
export class DnsClient {
  readonly #resolver = new Resolver({ timeout: questionTimeoutMs, tries: questionTries })
  readonly #resolvConf: string

  constructor(options: { servers?: readonly string[]; resolvConf?: string } = {}) {
    if (options.servers !== undefined) this.#resolver.setServers(options.servers)
    this.#resolvConf = options.resolvConf ?? '/etc/resolv.conf'
  }

  /** The records of a name; none when it does not exist. Rejects when no server answered. */
  async resolve(name: string, type: DnsRecordType): Promise<DnsRecord[]> {
    for (const candidate of expandName(name, await this.#readSearch())) {
      try {
        return (await this.#ask(candidate, type)).slice(0, recordsMax)
      } catch (thrown) {
        if (!absentCodes.has((thrown as NodeJS.ErrnoException).code ?? '')) {
          throw new Error(`no answer: ${messageOf(thrown)}`, { cause: thrown })
        }
      }
    }
    return []
  }

  async #ask(name: string, type: DnsRecordType): Promise<DnsRecord[]> {
    const resolver = this.#resolver
    if (type === 'A') return (await resolver.resolve4(name)).map((host) => ({ host }))
    if (type === 'AAAA') return (await resolver.resolve6(name)).map((host) => ({ host }))
    if (type === 'NS') return (await resolver.resolveNs(name)).map((host) => ({ host }))
    if (type === 'MX') {
      return (await resolver.resolveMx(name)).map(({ exchange }) => ({ host: exchange }))
    }
    return (await resolver.resolveSrv(name)).map(({ name: host, port }) => ({ host, port }))
  }

  /** Search domains and how many dots make a name whole; read each time, since networks change. */
  async #readSearch(): Promise<{ domains: string[]; dotCount: number }> {
    let text: string
    try {
      text = await readFile(this.#resolvConf, 'utf8')
    } catch {
      // Not every system has the file; names are then asked for as they are.
      return { domains: [], dotCount: 1 }
    }
    const search = /^\s*(?:search|domain)[ \t]+(.*)$/m.exec(text)?.[1] ?? ''
    const dotCount = /^\s*options\b.*\bndots:(\d+)/m.exec(text)?.[1] ?? '1'
    return { domains: search.trim().split(/\s+/).filter(Boolean), dotCount: Number(dotCount) }
  }
}

function expandName(
  name: string,
  { domains, dotCount }: { domains: string[]; dotCount: number },
): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const within = domains.map((domain) => `${name}.${domain.replace(/\.$/, '')}`)
  const isWhole = name.split('.').length - 1 >= dotCount
  return isWhole ? [name, ...within] : [...within, name]
}
