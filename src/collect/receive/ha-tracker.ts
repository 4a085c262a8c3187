/**
 * Of a pair of Prometheus servers that send the same, one is taken: the first that is heard of its
 * cluster. When it has been silent for a while, the next one heard takes its place. Who sends is told
 * by two external labels, as Cortex and Mimir have it; the label of the replica is not kept, so that
 * series go on over a change.
 * Source: grafana/mimir documentation, "Configure high availability" (behaviour).
 */

import type { Clock } from '../../base/clock.ts'
import type { Labels } from '../../model/labels.ts'
import { collectHaElections } from '../metrics.ts'
import type { HaSettings } from '../settings.ts'

/** Clusters remembered at most; the one that was silent longest gives way. */
const clustersMax = 10_000

interface Elected {
  replica: string
  lastTimeMs: number
}

/** Elects one replica per cluster. */
export class HaTracker {
  readonly #clock: Clock
  #settings: HaSettings
  readonly #elected = new Map<string, Elected>()

  constructor(settings: HaSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Takes other settings; gives whether labels are treated otherwise than before. */
  reload(settings: HaSettings): boolean {
    const before = this.#settings
    this.#settings = settings
    return (
      before.enabled !== settings.enabled ||
      before.cluster_label !== settings.cluster_label ||
      before.replica_label !== settings.replica_label
    )
  }

  /** Whether what bears these labels is to be taken. */
  accepts(labels: Labels): boolean {
    if (!this.#isReplicated(labels)) return true
    const cluster = labels.get(this.#settings.cluster_label)
    const replica = labels.get(this.#settings.replica_label)
    const nowTimeMs = this.#clock.nowTimeMs()
    const elected = this.#elected.get(cluster)
    const isSilent =
      elected === undefined || nowTimeMs - elected.lastTimeMs >= this.#settings.failover_timeout
    if (elected !== undefined && elected.replica !== replica && !isSilent) return false
    if (elected?.replica !== replica) collectHaElections.inc()
    // Kept in the order in which they were heard.
    this.#elected.delete(cluster)
    this.#elected.set(cluster, { replica, lastTimeMs: nowTimeMs })
    if (this.#elected.size > clustersMax) {
      this.#elected.delete(this.#elected.keys().next().value!)
    }
    return true
  }

  /** The labels without that of the replica. */
  strip(labels: Labels): Labels {
    return this.#isReplicated(labels) ? labels.with(this.#settings.replica_label, '') : labels
  }

  #isReplicated(labels: Labels): boolean {
    const { enabled: isEnabled, cluster_label: cluster, replica_label: replica } = this.#settings
    return isEnabled && labels.has(cluster) && labels.has(replica)
  }
}
