/** What is allowed in rules and yet probably not meant. */

import type { RuleGroup } from '../rule-file.ts'

/** Recordings of one name and the same labels, which overwrite each other. */
export function findRuleNotes(groups: readonly RuleGroup[]): string[] {
  const seen = new Map<string, { count: number; name: string }>()
  for (const rule of groups.flatMap((group) => group.rules)) {
    if (rule.kind !== 'recording') continue
    const key = JSON.stringify([rule.name, [...rule.labels].sort()])
    const held = seen.get(key) ?? { count: 0, name: rule.name }
    held.count++
    seen.set(key, held)
  }
  return [...seen.values()]
    .filter((one) => one.count > 1)
    .map(({ count, name }) => `${count} rules record ${name} with the same labels`)
}
