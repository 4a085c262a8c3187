/** Where targets come from: the interface of every way to discover them. */

import type { Labels } from '../../model/labels.ts'

/** Targets that a way of discovery knows together; a group with the same `source` replaces the one before. */
export interface TargetGroup {
  /** Names the group within its discovery, for example a file's path. */
  source: string
  /** Label sets with `__address__`. */
  targets: readonly Labels[]
}

/** Hears all groups of a discovery, and what is wrong with it in words; at the start and at every change of either. */
export type DiscoveryListener = (
  groups: readonly TargetGroup[],
  problems: readonly string[],
) => void

/** One running discovery. */
export interface Discovery {
  /** Never rejects for what it finds: that is told as a problem. */
  start(listener: DiscoveryListener): Promise<void>
  stop(): void
}
