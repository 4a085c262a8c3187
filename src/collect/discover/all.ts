/** Every way of discovery that a scrape job may use. */

import type { Clock } from '../../base/clock.ts'
import type { ScrapeConfig } from '../settings.ts'
import type { Discovery } from './discover.ts'
import { FileDiscovery } from './file.ts'
import { StaticDiscovery } from './static.ts'

/** Makes the discoveries that the job asks for. */
export function makeDiscoveries(config: ScrapeConfig, clock: Clock): Discovery[] {
  return [
    ...config.file_sd_configs.map(
      (file) => new FileDiscovery({ files: file.files, refreshMs: file.refresh_interval, clock }),
    ),
    new StaticDiscovery(config.static_configs),
  ]
}
