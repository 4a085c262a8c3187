/** What label sets have in common. */

import { type Labels, labelsFromPairs } from './labels.ts'

/** The pairs that all sets have. */
export function findCommon(sets: readonly Labels[]): Labels {
  const [first, ...rest] = sets
  const pairs: string[] = []
  for (let index = 0; index < (first?.pairs.length ?? 0); index += 2) {
    const name = first!.pairs[index]!
    const value = first!.pairs[index + 1]!
    if (rest.every((labels) => labels.get(name) === value)) pairs.push(name, value)
  }
  return labelsFromPairs(pairs)
}
