/** Every way of discovery that a scrape job may use. */

import type { Clock } from '../../base/clock.ts'
import { DnsClient } from '../../base/dns-client.ts'
import { HttpAccess } from '../http-access.ts'
import type { ScrapeConfig } from '../settings.ts'
import type { Discovery } from './discover.ts'
import { DnsDiscovery } from './dns.ts'
import { FileDiscovery } from './file.ts'
import { HttpDiscovery } from './http.ts'
import { StaticDiscovery } from './static.ts'

/** Makes the discoveries that the job asks for. */
export function makeDiscoveries(config: ScrapeConfig, clock: Clock, version: string): Discovery[] {
  return [
    ...config.file_sd_configs.map(
      (file) => new FileDiscovery({ files: file.files, refreshMs: file.refresh_interval, clock }),
    ),
    ...config.http_sd_configs.map(
      (settings) =>
        new HttpDiscovery({ settings, access: new HttpAccess(settings, clock), clock, version }),
    ),
    ...config.dns_sd_configs.map(
      (settings) => new DnsDiscovery({ settings, client: new DnsClient(), clock }),
    ),
    new StaticDiscovery(config.static_configs),
  ]
}
