/** Words and states of rules that the list, the drawer and the editor say alike. */

import type { RuleGroupStatus, RuleStatus } from '../../../src/api/rules.ts'
import type { Health } from '../../../src/model/health.ts'
import { healthOfSeverity } from '../../../src/model/health.ts'
import type { Words } from '../../word/words.ts'

/** A rule of a group, as it is listed. */
export interface ListedRule {
  key: string
  group: RuleGroupStatus
  rule: RuleStatus
}

/** Which rules a list shows. */
export const ruleStates = [
  'all',
  'firing',
  'pending',
  'broken',
  'blind',
  'waiting',
  'missed',
] as const

/** One of them. */
export type RuleStateFilter = (typeof ruleStates)[number]

/** All rules with keys that stay the same while the files do. */
export function listRules(groups: readonly RuleGroupStatus[]): ListedRule[] {
  return groups.flatMap((group) => {
    const seen = new Map<string, number>()
    return group.rules.map((rule) => {
      const base = `${group.name}/${rule.name}/${rule.expression}`
      const count = seen.get(base) ?? 0
      seen.set(base, count + 1)
      return { key: count === 0 ? base : `${base}/${count}`, group, rule }
    })
  })
}

/** Whether a rule that wants to see something found no sample at all: a metric that nobody sends any more, or never did. */
export function isBlind(rule: RuleStatus): boolean {
  return (
    rule.kind === 'alerting' &&
    rule.health === 'ok' &&
    rule.state === 'inactive' &&
    rule.sampleCount === 0
  )
}

/** Whether a rule is of a state. */
export function isOfState({ rule, group }: ListedRule, state: RuleStateFilter): boolean {
  if (state === 'all') return true
  if (state === 'broken') return rule.health === 'err'
  if (state === 'waiting') return rule.health === 'unknown'
  if (state === 'blind') return isBlind(rule)
  if (state === 'missed') return group.missedCount > 0
  return rule.health !== 'err' && rule.state === state
}

/** How well a rule is, or how bad what it found. */
export function healthOfRule(rule: RuleStatus): Health {
  if (rule.health === 'err') return 'critical'
  if (rule.health === 'unknown' || isBlind(rule)) return 'unknown'
  if (rule.state === 'firing') return gravestOf(rule)
  return rule.state === 'pending' ? 'info' : 'ok'
}

const graveness: readonly Health[] = ['critical', 'warning', 'unknown', 'info', 'ok']

/** How bad the gravest of its alerts is: levels give each alert a severity of its own. */
function gravestOf(rule: RuleStatus): Health {
  const found = rule.alerts
    .filter(({ state }) => state === 'firing')
    .map(({ labels }) => healthOfSeverity(labels['severity'] ?? severityOf(rule)))
  return graveness.find((health) => found.includes(health)) ?? healthOfSeverity(severityOf(rule))
}

/** The severities that a rule may have, the lowest first: those of its levels, else its label. */
export function severitiesOf(rule: Pick<RuleStatus, 'labels' | 'strategy'>): string {
  const levels = rule.strategy?.levels.map(({ severity }) => severity) ?? []
  return levels.length > 1 ? levels.join(' → ') : severityOf(rule)
}

/** The severity of a rule: its label, or that of its gravest level. */
function severityOf(rule: Pick<RuleStatus, 'labels' | 'strategy'>): string {
  return rule.labels['severity'] ?? rule.strategy?.levels.at(-1)?.severity ?? ''
}

/** The labels that an alert of the rule has for certain; those with a template depend on its series. */
export function certainLabels(
  rule: Pick<RuleStatus, 'name' | 'labels' | 'strategy'>,
): Record<string, string> {
  const labels = { alertname: rule.name, severity: severityOf(rule), ...rule.labels }
  return Object.fromEntries(
    Object.entries(labels).filter(([, value]) => value !== '' && !value.includes('{{')),
  )
}

/** The state of a rule in a word. */
export function wordOfRule(rule: RuleStatus, words: Words): string {
  if (rule.health === 'err') return words.rules.broken
  if (rule.health === 'unknown') return words.rules.waiting
  if (isBlind(rule)) return words.rules.blind
  if (rule.state === 'firing' || rule.state === 'pending') return words.alert.states[rule.state]
  return words.rules.fine
}
