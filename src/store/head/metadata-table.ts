/** Type, help and unit of metric families, as last told. */

import type { MetricMetadata } from '../../model/flow.ts'
import { storeMetrics } from '../metrics.ts'

/** Families kept at most; further ones are dropped and counted. About 200 bytes each. */
const familiesMax = 100_000

/** Metadata by metric family. */
export class MetadataTable {
  #families = new Map<string, MetricMetadata>()
  /** Grows with every change. */
  version = 0

  /** Remembers, unless the limit is reached. */
  set(metric: string, metadata: MetricMetadata): void {
    const known = this.#families.get(metric)
    if (known === undefined && this.#families.size >= familiesMax) {
      storeMetrics.metadataDropped.inc()
      return
    }
    const isSame =
      known !== undefined &&
      known.type === metadata.type &&
      known.help === metadata.help &&
      known.unit === metadata.unit
    if (isSame) return
    this.#families.set(metric, { ...metadata })
    this.version++
  }

  /** One family or all. */
  read(metric?: string): Map<string, MetricMetadata> {
    if (metric === undefined) return new Map(this.#families)
    const one = this.#families.get(metric)
    return new Map(one === undefined ? [] : [[metric, one]])
  }
}
