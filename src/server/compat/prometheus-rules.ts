/** `/api/v1/rules` and `/api/v1/alerts` in Prometheus's shapes. Durations are seconds, times RFC 3339. */

import type { RuleAlertPart, RuleGroupPart, RulePart } from '../parts.ts'
import { queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { formatExponent } from './number.ts'
import { compatErrors, invalidParameter, limitParameter } from './parameter.ts'
import { formatLabels, sendSuccess } from './result.ts'

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
    const groups: string[] = []
    for (const group of page) {
      if (!isNamed(parameters.getAll('file[]'), group.file)) continue
      if (!isNamed(parameters.getAll('rule_group[]'), group.name)) continue
      const rules = group.rules.filter(keep)
      // A filter leaves no empty groups behind; without one they are shown.
      if (rules.length === 0 && group.rules.length > 0) continue
      groups.push(formatGroup(group, rules, hasAlerts))
    }
    const next = nextToken === '' ? '' : `,"groupNextToken":${JSON.stringify(nextToken)}`
    return sendSuccess(reply, `{"groups":[${groups.join(',')}]${next}}`)
  })

  add('GET', '/alerts', async (_request, reply) => {
    const alerts = detector
      .groups()
      .flatMap((group) => group.rules)
      .flatMap((rule) => rule.alerts ?? [])
    return sendSuccess(reply, `{"alerts":[${alerts.map(formatAlert).join(',')}]}`)
  })

  // Alerts go to our own alerting, not to Alertmanagers.
  add('GET', '/alertmanagers', async (_request, reply) =>
    sendSuccess(reply, '{"activeAlertmanagers":[],"droppedAlertmanagers":[]}'),
  )
}

function makeRuleFilter(parameters: URLSearchParams): (rule: RulePart) => boolean {
  const type = (parameters.get('type') ?? '').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record') {
    throw compatErrors.BAD_DATA({ text: `not supported value "${type}"` })
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
  groups: readonly RuleGroupPart[],
  parameters: URLSearchParams,
): { page: readonly RuleGroupPart[]; nextToken: string } {
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

function formatGroup(group: RuleGroupPart, rules: readonly RulePart[], hasAlerts: boolean): string {
  const head = JSON.stringify({ name: group.name, file: group.file })
  const tail = JSON.stringify({
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: group.evaluationMs / 1000,
    lastEvaluation: formatTime(group.lastEvaluationTimeMs),
  })
  const shown = rules.map((rule) => formatRule(rule, hasAlerts)).join(',')
  return `${head.slice(0, -1)},"rules":[${shown}],${tail.slice(1)}`
}

function formatRule(rule: RulePart, hasAlerts: boolean): string {
  const isAlerting = rule.type === 'alerting'
  const head = isAlerting
    ? {
        state: rule.state ?? 'unknown',
        name: rule.name,
        query: rule.expression,
        duration: (rule.forMs ?? 0) / 1000,
        keepFiringFor: (rule.keepFiringForMs ?? 0) / 1000,
      }
    : { name: rule.name, query: rule.expression }
  const tail = {
    health: rule.health,
    ...(rule.lastError === '' ? {} : { lastError: rule.lastError }),
    evaluationTime: rule.evaluationMs / 1000,
    lastEvaluation: formatTime(rule.lastEvaluationTimeMs),
    type: rule.type,
  }
  let middle = `"labels":${formatLabels(rule.labels)},`
  if (isAlerting) {
    if (rule.annotations !== undefined) middle += `"annotations":${formatLabels(rule.annotations)},`
    const alerts = hasAlerts ? (rule.alerts ?? []) : []
    middle += `"alerts":[${alerts.map(formatAlert).join(',')}],`
  }
  return `${JSON.stringify(head).slice(0, -1)},${middle}${JSON.stringify(tail).slice(1)}`
}

function formatAlert(alert: RuleAlertPart): string {
  const since = alert.keepFiringSinceTimeMs
  const tail = JSON.stringify({
    state: alert.state,
    activeAt: formatTime(alert.activeTimeMs),
    ...(since === undefined ? {} : { keepFiringSince: formatTime(since) }),
    value: formatExponent(alert.value),
  })
  return `{"labels":${formatLabels(alert.labels)},"annotations":${formatLabels(alert.annotations)},${tail.slice(1)}`
}

function formatTime(timeMs: number | undefined): string {
  return timeMs === undefined ? never : new Date(timeMs).toISOString()
}
