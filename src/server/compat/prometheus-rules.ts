/** `/api/v1/rules` and `/api/v1/alerts` in Prometheus's shapes. Durations are seconds, times RFC 3339. */

import { createHash } from 'node:crypto'
import type { RuleAlertView, RuleGroupView, RuleView } from '../../detect/detect.ts'
import { queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { makeLabels } from '../../model/labels.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'
import { formatExponent } from './number.ts'
import { invalidParameter } from './parameter.ts'
import { sendSuccess } from './result.ts'
import { readSelector } from './selector.ts'

/** Go's zero time: "never". */
const never = '0001-01-01T00:00:00Z'

/** Adds the routes of rules and alerts. */
export function addPrometheusRuleRoutes(add: AddRoute, context: RouteContext): void {
  const { detector, engine } = context.parts

  add('GET', '/rules', async (request, reply) => {
    const parameters = queryOf(request)
    const sets = parameters.getAll('match[]').map((text) => readSelector(engine, text))
    const keep = makeRuleFilter(parameters, sets)
    const hasAlerts = !readFlag(parameters, 'exclude_alerts')
    const page = readPage(parameters)
    const groups: object[] = []
    let nextToken: string | undefined
    let isReached = page.token === ''
    for (const group of detector.groups()) {
      isReached ||= tokenOf(group) === page.token
      if (!isReached) continue
      if (!isNamed(parameters.getAll('file[]'), group.file)) continue
      if (!isNamed(parameters.getAll('rule_group[]'), group.name)) continue
      const rules = group.rules.filter(keep)
      // A filter leaves no empty groups behind; without one they are shown.
      if (rules.length === 0 && group.rules.length > 0) continue
      if (groups.length === page.groupCountMax) {
        nextToken = tokenOf(group)
        break
      }
      groups.push(viewGroup(group, rules, hasAlerts))
    }
    if (!isReached) {
      const text = `invalid group_next_token '${page.token}'. were rule groups changed?`
      throw invalidParameter('group_next_token', text)
    }
    const next = nextToken === undefined ? {} : { groupNextToken: nextToken }
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

function makeRuleFilter(
  parameters: URLSearchParams,
  sets: readonly (readonly Matcher[])[],
): (rule: RuleView) => boolean {
  const type = (parameters.get('type') ?? '').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record') {
    throw invalidParameter('type', `not supported value ${JSON.stringify(type)}`)
  }
  const names = parameters.getAll('rule_name[]')
  return (rule) =>
    isNamed(names, rule.name) &&
    (type === '' || (type === 'alert') === (rule.type === 'alerting')) &&
    hasMatch(rule, sets)
}

/** Whether any of the sets fits the rule's own labels; what a template will write is not known yet. */
function hasMatch(rule: RuleView, sets: readonly (readonly Matcher[])[]): boolean {
  if (sets.length === 0) return true
  const plain = Object.entries(rule.labels).filter(([, value]) => !value.includes('{{'))
  const labels = makeLabels(Object.fromEntries(plain))
  return sets.some((matchers) => matchesAll(matchers, labels))
}

/** As Go reads a boolean. */
function readFlag(parameters: URLSearchParams, name: string): boolean {
  const text = parameters.get(name) ?? ''
  if (text === '' || /^(?:0|f|F|false|FALSE|False)$/.test(text)) return false
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true
  const reason = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`
  throw invalidParameter(name, reason)
}

function isNamed(names: string[], name: string): boolean {
  return names.length === 0 || names.includes(name)
}

/** How many groups a page has, and the token of its first. */
function readPage(parameters: URLSearchParams): { groupCountMax: number; token: string } {
  const text = parameters.get('group_limit') ?? ''
  const token = parameters.get('group_next_token') ?? ''
  if (text === '') {
    if (token === '') return { groupCountMax: Number.POSITIVE_INFINITY, token }
    const reason = 'group_limit needs to be set in order to paginate over the groups'
    throw invalidParameter('group_next_token', reason)
  }
  if (!/^[-+]?\d{1,15}$/.test(text)) {
    const reason = `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`
    throw invalidParameter('group_limit', `group_limit needs to be a valid number: ${reason}`)
  }
  const groupCountMax = Number(text)
  if (groupCountMax <= 0) {
    throw invalidParameter('group_limit', 'group_limit needs to be greater than 0')
  }
  return { groupCountMax, token }
}

/** Names a group by its file and name, so that a page begins at the same group after a change elsewhere. */
function tokenOf(group: RuleGroupView): string {
  return createHash('sha1').update(`${group.file};${group.name}`).digest('hex')
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
