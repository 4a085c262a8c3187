/** For tests: a collector over a store in memory, with settings as they stand in the file. */

import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { checkConfig, parseYaml } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import { MemoryStore } from '../../store/store.ts'
import { Collector } from '../collect.ts'
import { type CollectSettings, collectSettings } from '../settings.ts'

const schema = z.strictObject({
  global: z.strictObject(collectSettings.global).prefault({}),
  ...collectSettings.top,
})

/** The settings of collecting in a text of YAML, with their defaults. */
export function readCollectSettings(yaml: string): CollectSettings {
  return checkConfig(parseYaml(yaml, 'shipwatch.yml'), schema) as CollectSettings
}

/** Makes both; the machine is watched unless the settings say otherwise. */
export function makeCollector(
  yaml: string,
  dataDir: string,
): { store: MemoryStore; collector: Collector } {
  const store = new MemoryStore()
  const collector = new Collector({
    appender: store,
    settings: readCollectSettings(yaml),
    clock: systemClock,
    log: silentLog,
    dataDir,
    version: '0.0.0',
  })
  return { store, collector }
}
