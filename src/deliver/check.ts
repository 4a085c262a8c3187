/**
 * Compares the signals of a service now with what they were before a deployment. Four states of data,
 * each with its own answer: a value within the limit (ok), beyond it (critical), nothing before to
 * compare with (info), and no data now (unknown), which is never healthy.
 *
 *   limit = before + max(floor, margin · before, 3 standard errors of the share for error ratios)
 *
 * The standard error keeps a healthy service with little traffic from failing by chance.
 */

import type { AlertView, DeploymentCheck } from '../api/api.ts'
import {
  countRequests,
  findServiceSettings,
  findSignals,
  formatValue,
  guessUnit,
  type Questioner,
  type ServiceSettings,
  type ServiceSignals,
  serviceOfName,
  type Signal,
  splitComparison,
} from '../incident/incident.ts'
import type { Deployment } from '../model/deployment.ts'

/** Span before a deployment that stands for "before". */
const beforeSpanMs = 10 * 60_000

/** What a comparison needs. */
export interface CheckParts {
  questioner: Questioner
  services: readonly ServiceSettings[]
  windowMs: number
  nowTimeMs: number
  /** The alerts that showed the trouble. */
  alerts: readonly AlertView[]
}

/** Compares now with before `deployment`. */
export async function checkDeployment(
  deployment: Deployment,
  parts: CheckParts,
): Promise<DeploymentCheck[]> {
  const { questioner, services, nowTimeMs, windowMs } = parts
  const service = serviceOfName(deployment.service, deployment.environment, services)
  const settings = findServiceSettings(services, deployment.service, deployment.environment)
  const beforeTimeMs = deployment.startTimeMs
  const [then, now] = await Promise.all([
    findSignals(service, { questioner, settings, windowMs: beforeSpanMs, timeMs: beforeTimeMs }),
    findSignals(service, { questioner, settings, windowMs, timeMs: nowTimeMs }),
  ])
  const names = new Set([...then.signals, ...now.signals].map((signal) => signal.name))
  const checks: DeploymentCheck[] = []
  for (const name of names) {
    const old = then.signals.find((signal) => signal.name === name)
    const fresh = now.signals.find((signal) => signal.name === name)
    const before = old === undefined ? undefined : await questioner.number(old.query, beforeTimeMs)
    const after = fresh === undefined ? undefined : await questioner.number(fresh.query, nowTimeMs)
    // A signal that never gave a value says nothing about this delivery.
    if (before === undefined && after === undefined) continue
    const signal = (fresh ?? old)!
    const limit =
      before === undefined ? undefined : await limitOf(signal, { before, signals: now, ...parts })
    checks.push(judge(signal, { before, after, limit }))
  }
  for (const alert of parts.alerts) {
    const check = await checkAlert(alert, deployment, parts)
    if (check !== undefined) checks.push(check)
  }
  return checks
}

/** Whether all checks together show a healthy service: nothing bad, nothing missing, something proved. */
export function isHealthy(checks: readonly DeploymentCheck[]): boolean {
  return (
    checks.some((check) => check.health === 'ok') &&
    checks.every((check) => check.health === 'ok' || check.health === 'info')
  )
}

async function limitOf(
  signal: Signal,
  parts: CheckParts & { before: number; signals: ServiceSignals },
): Promise<number> {
  const { before, questioner, nowTimeMs, windowMs } = parts
  let slack = Math.max(signal.floor, signal.margin * Math.abs(before))
  const { counter } = parts.signals
  if (signal.kind === 'errors' && counter !== undefined) {
    const span = { version: {}, startTimeMs: nowTimeMs - windowMs, endTimeMs: nowTimeMs }
    const total = (await countRequests(counter, span, questioner))?.total ?? 0
    if (total > 0) slack = Math.max(slack, 3 * Math.sqrt((before * (1 - before)) / total))
  }
  return signal.worse === 'higher' ? before + slack : before - slack
}

function judge(
  signal: Pick<Signal, 'name' | 'query' | 'unit' | 'worse'>,
  values: { before: number | undefined; after: number | undefined; limit: number | undefined },
): DeploymentCheck {
  const { before, after, limit } = values
  const { name, query, unit } = signal
  const show = (value: number): string => formatValue(value, unit)
  const result = (health: DeploymentCheck['health'], message: string): DeploymentCheck => {
    return { name, query, unit, before, after, limit, health, message }
  }
  if (after === undefined) return result('unknown', `${name}: no data now, so nothing is proved.`)
  if (limit === undefined) {
    return result('info', `${name} is ${show(after)}; there is no value from before to compare.`)
  }
  const isBeyond = signal.worse === 'higher' ? after > limit : after < limit
  const was = before === undefined ? '' : `, ${show(before)} before`
  return isBeyond
    ? result('critical', `${name} is ${show(after)}${was}; the limit is ${show(limit)}.`)
    : result('ok', `${name} is ${show(after)}${was}.`)
}

/** The signal of an alert against the alert's own threshold. */
async function checkAlert(
  alert: AlertView,
  deployment: Deployment,
  parts: CheckParts,
): Promise<DeploymentCheck | undefined> {
  const split = splitComparison(alert.expression)
  if (split?.threshold === undefined) return undefined
  // An alert about the version that was taken back has no data any more, and rightly so.
  if (Object.values(alert.labels).includes(deployment.version)) return undefined
  const worse = split.operator.startsWith('<') ? 'lower' : 'higher'
  const unit = guessUnit(split.left, split.threshold)
  const read = async (timeMs: number): Promise<number | undefined> => {
    const elements = await parts.questioner.vector(split.left, timeMs)
    const values = elements
      .filter(({ labels }) =>
        Object.entries(labels?.toObject() ?? {}).every(
          ([name, value]) => name === '__name__' || alert.labels[name] === value,
        ),
      )
      .map(({ value }) => value)
      .filter(Number.isFinite)
    if (values.length === 0) return undefined
    return worse === 'higher' ? Math.max(...values) : Math.min(...values)
  }
  const [before, after] = await Promise.all([read(deployment.startTimeMs), read(parts.nowTimeMs)])
  return judge(
    { name: `signal of ${alert.name}`, query: split.left, unit, worse },
    { before, after, limit: split.threshold },
  )
}
