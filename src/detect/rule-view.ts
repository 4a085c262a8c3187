/** Rules and groups as others show them: what Prometheus's /api/v1/rules needs, times in milliseconds. */

import type { AlertView } from '../api/api.ts'
import { healthOfSeverity } from '../model/health.ts'
import type { ActiveAlert } from './alert-state.ts'
import type { GroupRunner } from './group-runner.ts'
import type { RuleRunner } from './rule-runner.ts'
import type { SloSummary } from './slo/slo.ts'

/** A group. */
export interface RuleGroupView {
  name: string
  file: string
  intervalMs: number
  queryOffsetMs: number
  limit: number
  /** The objective that the group watches, when it was made from one. */
  slo?: SloSummary
  evaluationMs: number
  lastEvaluationTimeMs: number | undefined
  rules: RuleView[]
}

/** A rule. */
export type RuleView = AlertingRuleView | RecordingRuleView

interface CommonRuleView {
  name: string
  query: string
  labels: Record<string, string>
  health: 'ok' | 'err' | 'unknown'
  /** Empty when the last evaluation went well. */
  lastError: string
  evaluationMs: number
  lastEvaluationTimeMs: number | undefined
  /** From arrival to verdict, at the last evaluation that a sample caused. */
  latenessMs: number | undefined
}

/** An alerting rule with its live alerts. */
export interface AlertingRuleView extends CommonRuleView {
  type: 'alerting'
  state: 'firing' | 'pending' | 'inactive' | 'unknown'
  holdMs: number
  keepFiringMs: number
  annotations: Record<string, string>
  alerts: RuleAlertView[]
}

/** A recording rule. */
export interface RecordingRuleView extends CommonRuleView {
  type: 'recording'
}

/** A pending or firing alert of a rule. */
export interface RuleAlertView {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
  activeTimeMs: number
  firedTimeMs: number | undefined
  keepFiringSinceTimeMs: number | undefined
  /** Since when it is kept although its data stopped arriving. */
  noDataSinceTimeMs: number | undefined
  value: number
}

/** Views a group. */
export function viewGroup(runner: GroupRunner, queryOffsetMs: number): RuleGroupView {
  return {
    name: runner.group.name,
    file: runner.group.file,
    intervalMs: runner.intervalMs,
    queryOffsetMs,
    limit: runner.group.limit,
    ...(runner.group.slo === undefined ? {} : { slo: runner.group.slo }),
    evaluationMs: runner.evaluationMs,
    lastEvaluationTimeMs: runner.lastEvaluationTimeMs,
    rules: runner.rules.map(viewRule),
  }
}

function viewRule(runner: RuleRunner): RuleView {
  const { rule, alerts } = runner
  const common: CommonRuleView = {
    name: rule.name,
    query: rule.expression,
    labels: Object.fromEntries(rule.labels),
    health: runner.health,
    lastError: runner.lastError,
    evaluationMs: runner.evaluationMs,
    lastEvaluationTimeMs: runner.lastEvaluationTimeMs,
    latenessMs: runner.lastLatenessMs,
  }
  if (alerts === undefined) return { type: 'recording', ...common }
  return {
    type: 'alerting',
    ...common,
    state: runner.health === 'unknown' ? 'unknown' : alerts.worst(),
    holdMs: alerts.rule.holdMs,
    keepFiringMs: alerts.rule.keepFiringMs,
    annotations: Object.fromEntries(alerts.rule.annotations),
    alerts: alerts.listLive().map(viewAlert),
  }
}

function viewAlert(alert: ActiveAlert): RuleAlertView {
  return {
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    state: alert.state === 'firing' ? 'firing' : 'pending',
    activeTimeMs: alert.activeTimeMs,
    firedTimeMs: alert.firedTimeMs,
    keepFiringSinceTimeMs: alert.keepFiringSinceTimeMs,
    noDataSinceTimeMs: alert.noDataSinceTimeMs,
    value: alert.value,
  }
}

/** A pending alert as the alerts page lists it. */
export function viewPending(runner: RuleRunner, alert: ActiveAlert): AlertView {
  return {
    fingerprint: alert.labels.fingerprint(),
    name: alert.labels.get('alertname'),
    state: 'pending',
    health: healthOfSeverity(alert.labels.get('severity')),
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    activeTimeMs: alert.activeTimeMs,
    firedTimeMs: undefined,
    endTimeMs: undefined,
    value: alert.value,
    held: undefined,
    receivers: [],
    expression: runner.rule.expression,
    incidentId: undefined,
  }
}
