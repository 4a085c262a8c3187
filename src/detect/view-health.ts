/** Groups and rules with how well they run, as the product's own API tells it. */

import type { RuleAlertStatus, RuleGroupStatus, RuleStatus } from '../api/rules.ts'
import type { ActiveAlert } from './alert-state.ts'
import type { GroupRunner } from './group-runner.ts'
import type { RuleRunner } from './rule-runner.ts'
import { viewStrategy } from './strategy/view-strategy.ts'

/** Views a group. `editNameOf` tells by which name its file is edited, if it is. */
export function viewGroupHealth(
  runner: GroupRunner,
  how: { queryOffsetMs: number; editNameOf(file: string): string | undefined },
): RuleGroupStatus {
  const { name, file, limit, slo } = runner.group
  return {
    name,
    file,
    editName: how.editNameOf(file),
    intervalMs: runner.intervalMs,
    queryOffsetMs: how.queryOffsetMs,
    limit,
    slo,
    evaluationMs: runner.evaluationMs,
    lastEvaluationTimeMs: runner.lastEvaluationTimeMs,
    missedCount: runner.missedCount,
    rules: runner.rules.map(viewRuleHealth),
  }
}

function viewRuleHealth(runner: RuleRunner): RuleStatus {
  const { rule, alerts } = runner
  const isAlerting = rule.kind === 'alerting'
  const strategy = isAlerting ? rule.strategy : undefined
  return {
    kind: rule.kind,
    name: rule.name,
    expression: rule.expression,
    labels: Object.fromEntries(rule.labels),
    annotations: isAlerting ? Object.fromEntries(rule.annotations) : {},
    holdMs: isAlerting ? rule.holdMs : 0,
    keepFiringMs: isAlerting ? rule.keepFiringMs : 0,
    strategy: strategy === undefined ? undefined : viewStrategy(strategy),
    health: runner.health,
    lastError: runner.lastError,
    evaluationMs: runner.evaluationMs,
    lastEvaluationTimeMs: runner.lastEvaluationTimeMs,
    sampleCount: runner.sampleCount,
    latenessMs: runner.lastLatenessMs,
    latenessMsWorst: runner.worstLateness.worst,
    isOnArrival: runner.isOnArrival,
    state: findState(runner),
    stateSinceTimeMs: runner.stateTimes.sinceTimeMs,
    stateSpansMs: { ...runner.stateTimes.spansMs },
    alerts: (alerts?.listLive() ?? []).map(viewAlert),
  }
}

function findState(runner: RuleRunner): RuleStatus['state'] {
  if (runner.alerts === undefined) return 'recording'
  return runner.health === 'unknown' ? 'unknown' : runner.alerts.worst()
}

function viewAlert(alert: ActiveAlert): RuleAlertStatus {
  return {
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    state: alert.state === 'firing' ? 'firing' : 'pending',
    activeTimeMs: alert.activeTimeMs,
    firedTimeMs: alert.firedTimeMs,
    noDataSinceTimeMs: alert.noDataSinceTimeMs,
    value: String(alert.value),
  }
}
