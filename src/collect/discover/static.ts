/** Targets written in the configuration itself. */

import { labelsFromPairs } from '../../model/labels.ts'
import type { Discovery, DiscoveryListener, TargetGroup } from './discover.ts'

/** A group as written: addresses and the labels they share. */
export interface WrittenGroup {
  targets: readonly string[]
  labels: Readonly<Record<string, string>>
}

/** Makes the label sets of a written group. */
export function makeTargetGroup(
  source: string,
  group: WrittenGroup,
  more: readonly string[] = [],
): TargetGroup {
  const targets = group.targets.map((address) => {
    const pairs: string[] = []
    for (const name of Object.keys(group.labels)) pairs.push(name, group.labels[name]!)
    pairs.push(...more, '__address__', address)
    return labelsFromPairs(pairs)
  })
  return { source, targets }
}

/** `static_configs`. */
export class StaticDiscovery implements Discovery {
  readonly #groups: readonly WrittenGroup[]

  constructor(groups: readonly WrittenGroup[]) {
    this.#groups = groups
  }

  async start(listener: DiscoveryListener): Promise<void> {
    const groups = this.#groups.map((group, index) => makeTargetGroup(String(index), group))
    listener(groups, [])
  }

  stop(): void {
    return
  }
}
