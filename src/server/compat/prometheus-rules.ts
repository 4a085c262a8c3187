/** `/api/v1/rules` and `/api/v1/alerts` in Prometheus's shapes. Durations are seconds, times RFC 3339. */

import { serverErrors } from '../errors.ts'
import type { RuleAlertView, RuleGroupView, RuleView } from '../../detect/detect.ts'
import { queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { formatExponent } from './number.ts'
import { invalidParameter, limitParameter } from './parameter.ts'
import { sendSuccess } from './result.ts'

/** Go's zero time: "never". */
const never = '0001-01-01T00:00:00Z'

/** Adds the routes of rules and alerts. */
export function addPrometheusRuleRoutes(add: AddRoute, context: RouteContext): void {
  const { detector } = context.parts

  add('GET', '/rules', async (request, reply) => {
    const parameters = queryOf(request)
    const keep = makeRuleFilter(parameters)
    const hasAlerts = !/^(1|t|true)$/i.test(parameters.get('exclude_alerts') ?? '')
    const { page, nextToken } = cutPage(detector.groups(), parameters)
    const groups: object[] = []
    for (const group of page) {
      if (!isNamed(parameters.getAll('file[]'), group.file)) continue
      if (!isNamed(parameters.getAll('rule_group[]'), group.name)) continue
      const rules = group.rules.filter(keep)
      // A filter leaves no empty groups behind; without one they are shown.
      if (rules.length === 0 && group.rules.length > 0) continue
      groups.push(viewGroup(group, rules, hasAlerts))
    }
    const next = nextToken === '' ? {} : { groupNextToken: nextToken }
    return sendSuccess(reply, JSON.stringify({ groups, ...next }))
  })

  add('GET', '/alerts', async (_request, reply) => {
    const alerts = detector
      .groups()
      .flatMap((group) => group.rules)
      .flatMap((rule) => (rule.type === 'alerting' ? rule.alerts : []))
    return sendSuccess(reply, JSON.stringify({ alerts: alerts.map(viewAlert) }))
  })

  // Alerts go to our own alerting, not to Alertmanagers.
  add('GET', '/alertmanagers', async (_request, reply) =>
    sendSuccess(reply, '{"activeAlertmanagers":[],"droppedAlertmanagers":[]}'),
  )
}

function makeRuleFilter(parameters: URLSearchParams): (rule: RuleView) => boolean {
  const type = (parameters.get('type') ?? '').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record') {
    throw serverErrors.PARAMETER_INVALID({ text: `not supported value "${type}"` })
  }
  const names = parameters.getAll('rule_name[]')
  return (rule) =>
    isNamed(names, rule.name) && (type === '' || (type === 'alert') === (rule.type === 'alerting'))
}

function isNamed(names: string[], name: string): boolean {
  return names.length === 0 || names.includes(name)
}

/** Pages of groups; the token is the place of the next group. */
function cutPage(
  groups: readonly RuleGroupView[],
  parameters: URLSearchParams,
): { page: readonly RuleGroupView[]; nextToken: string } {
  const limit = limitParameter(parameters, 'group_limit')
  const token = parameters.get('group_next_token') ?? ''
  if (token !== '' && limit === undefined) {
    throw invalidParameter('group_limit', 'group_limit needs to be set when using group_next_token')
  }
  if (!/^\d{0,9}$/.test(token)) throw invalidParameter('group_next_token', 'unknown token')
  const start = Number(token)
  const end = limit === undefined ? groups.length : start + limit
  return { page: groups.slice(start, end), nextToken: end < groups.length ? String(end) : '' }
}

function viewGroup(group: RuleGroupView, rules: readonly RuleView[], hasAlerts: boolean): object {
  return {
    name: group.name,
    file: group.file,
    rules: rules.map((rule) => viewRule(rule, hasAlerts)),
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: group.evaluationMs / 1000,
    lastEvaluation: formatTime(group.lastEvaluationTimeMs),
  }
}

function viewRule(rule: RuleView, hasAlerts: boolean): object {
  const isAlerting = rule.type === 'alerting'
  return {
    ...(isAlerting ? { state: rule.state } : {}),
    name: rule.name,
    query: rule.query,
    ...(isAlerting
      ? { duration: rule.holdMs / 1000, keepFiringFor: rule.keepFiringMs / 1000 }
      : {}),
    labels: rule.labels,
    ...(isAlerting
      ? { annotations: rule.annotations, alerts: hasAlerts ? rule.alerts.map(viewAlert) : [] }
      : {}),
    health: rule.health,
    ...(rule.lastError === '' ? {} : { lastError: rule.lastError }),
    evaluationTime: rule.evaluationMs / 1000,
    lastEvaluation: formatTime(rule.lastEvaluationTimeMs),
    type: rule.type,
  }
}

function viewAlert(alert: RuleAlertView): object {
  const since = alert.keepFiringSinceTimeMs
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    state: alert.state,
    activeAt: formatTime(alert.activeTimeMs),
    ...(since === undefined ? {} : { keepFiringSince: formatTime(since) }),
    value: formatExponent(alert.value),
  }
}

function formatTime(timeMs: number | undefined): string {
  return timeMs === undefined ? never : new Date(timeMs).toISOString()
}
