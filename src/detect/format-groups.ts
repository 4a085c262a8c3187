/** Groups of rules as plain values in the shape of a Prometheus rule file. */

import { formatDuration } from '../base/duration.ts'
import type { Rule, RuleGroup } from './rule-file.ts'

/** What a rule file with these groups holds; a strategy is not among it, made rules have none. */
export function formatGroups(groups: readonly RuleGroup[]): { groups: object[] } {
  return {
    groups: groups.map(({ name, intervalMs, rules }) => ({
      name,
      ...(intervalMs === undefined ? {} : { interval: formatDuration(intervalMs) }),
      rules: rules.map(formatRule),
    })),
  }
}

function formatRule(rule: Rule): object {
  const labels = Object.fromEntries(rule.labels)
  if (rule.kind === 'recording') return { record: rule.name, expr: rule.expression, labels }
  return {
    alert: rule.name,
    expr: rule.expression,
    ...(rule.holdMs === 0 ? {} : { for: formatDuration(rule.holdMs) }),
    labels,
    annotations: Object.fromEntries(rule.annotations),
  }
}
