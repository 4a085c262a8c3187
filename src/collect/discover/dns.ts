/**
 * Targets found in DNS (`dns_sd_configs`): each record of a name is a target. A name that does not
 * exist has no targets; while a server fails to answer, those it named last stay.
 * Source: prometheus/prometheus discovery/dns/dns.go (behaviour).
 */

import type { Clock } from '../../base/clock.ts'
import type { DnsClient, DnsRecord } from '../../base/dns-client.ts'
import { messageOf } from '../../base/error.ts'
import { type Labels, makeLabels } from '../../model/labels.ts'
import { collectErrors } from '../errors.ts'
import { RefreshingDiscovery } from './refresh.ts'
import type { DnsDiscoverySettings } from './settings.ts'

/** `dns_sd_configs`. */
export class DnsDiscovery extends RefreshingDiscovery {
  constructor(parts: {
    settings: DnsDiscoverySettings
    client: Pick<DnsClient, 'resolve'>
    clock: Clock
  }) {
    const { settings, client, clock } = parts
    const entries = settings.names.map((name) => async () => {
      let records: DnsRecord[]
      try {
        records = await client.resolve(name, settings.type)
      } catch (thrown) {
        throw collectErrors.DISCOVERY_FAILED({
          place: `DNS name ${name}`,
          reason: messageOf(thrown),
        })
      }
      const targets = records.map((record) => makeDnsTarget(name, record, settings))
      return [{ source: name, targets: targets.sort((a, b) => (a.key < b.key ? -1 : 1)) }]
    })
    super({ entries, refreshMs: settings.refresh_interval, clock })
  }
}

function makeDnsTarget(name: string, record: DnsRecord, settings: DnsDiscoverySettings): Labels {
  const { type } = settings
  const host = record.host.replace(/\.$/, '')
  const port = record.port ?? settings.port
  const shownHost = host.includes(':') ? `[${host}]` : host
  const isNamed = type === 'SRV' || type === 'MX' || type === 'NS'
  // As in a zone file, with the dot that ends a full name.
  const recordTarget = isNamed ? `${host}.` : ''
  const prefix = `__meta_dns_${type.toLowerCase()}_record`
  return makeLabels({
    __address__: `${shownHost}:${port}`,
    __meta_dns_name: name,
    ...(isNamed && { [`${prefix}_target`]: recordTarget }),
    ...(type === 'SRV' && { [`${prefix}_port`]: String(record.port) }),
  })
}
