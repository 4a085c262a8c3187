/** Where targets come from: the interface of every way to discover them. */

import type { Labels } from '../../model/labels.ts'

/** Targets that a way of discovery knows together; a group with the same `source` replaces the one before. */
export interface TargetGroup {
  /** Names the group within its discovery, for example a file's path. */
  source: string
  /** Label sets with `__address__`. */
  targets: readonly Labels[]
}

/** One running discovery. */
export interface Discovery {
  /** Calls `onChange` with all its groups at once and whenever they change. Never throws; says what is wrong through `onError`. */
  start(
    onChange: (groups: readonly TargetGroup[]) => void,
    onError: (message: string) => void,
  ): Promise<void>
  stop(): void
}
