/**
 * `/now`: the first page in one call. Each figure comes from its owner; what cannot be read now is
 * left out rather than failing the page. Missing data is "unknown", never "ok".
 */

import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import {
  apiRoot,
  type HostView,
  type IncidentSummary,
  type NowView,
  type ServiceView,
} from '../../api/api.ts'
import { messageOf } from '../../base/error.ts'
import type { Alert } from '../../model/alert.ts'
import type { Deployment } from '../../model/deployment.ts'
import { type Health, healthOfSeverity, worseHealth } from '../../model/health.ts'
import { quote } from '../../model/labels.ts'
import type { ServerParts } from '../parts.ts'
import type { RouteContext } from './route.ts'
import { countSources } from './sources.ts'

const incidentCountMax = 50
const deploymentCountMax = 10
/** Figures of the host are asked for once in this span, however many people look. */
const hostRememberMs = 2_000

/** Adds the route of the first page. */
export function addNowRoute(app: FastifyInstance, context: RouteContext): void {
  const { parts } = context
  let host: { view: Promise<HostView | undefined>; endMs: number } | undefined
  const findHostOnce = (): Promise<HostView | undefined> => {
    const nowMs = parts.clock.monotonicMs()
    if (host === undefined || host.endMs <= nowMs) {
      host = { view: findHost(parts), endMs: nowMs + hostRememberMs }
    }
    return host.view
  }
  app.get(`${apiRoot}/now`, { config: { access: 'read' } }, async () =>
    viewNow(parts, findHostOnce),
  )
}

async function viewNow(
  parts: ServerParts,
  findHostOnce: () => Promise<HostView | undefined>,
): Promise<NowView> {
  const { incidents: desk, deliveries, detector, collector } = parts
  const orNone = <Item>(name: string, list: Promise<Item[]>): Promise<Item[]> =>
    list.catch((thrown: unknown) => {
      parts.log.warn({ figure: name, reason: messageOf(thrown) }, 'a figure of Now is missing')
      return []
    })
  const [incidents, resolved, services, deployments, host] = await Promise.all([
    orNone('incidents', desk.list({ state: 'open', limit: incidentCountMax })),
    orNone('resolved incidents', desk.list({ state: 'resolved', limit: 1 })),
    orNone<ServiceView>('services', deliveries.services()),
    orNone<Deployment>('deployments', deliveries.list({ limit: deploymentCountMax })),
    findHostOnce(),
  ])
  const alerts = parts.alerts.list()
  const sources = countSources(collector.sources())
  const { ruleCount, lastEvaluationTimeMs } = detector.status()
  const { refusal } = parts.store.stats()
  const isFiring = (alert: Alert): boolean => alert.state === 'firing'
  return {
    nowTimeMs: parts.clock.nowTimeMs(),
    version: parts.version,
    health:
      refusal === undefined
        ? judge(incidents, alerts, sources.up + sources.down > 0)
        : ('critical' as const),
    incidents,
    alertCounts: {
      firing: alerts.filter((alert) => isFiring(alert) && alert.held === undefined).length,
      pending: detector.pendingAlerts().length,
      held: alerts.filter((alert) => isFiring(alert) && alert.held !== undefined).length,
    },
    ruleCount,
    lastEvaluationTimeMs,
    lastAlertTimeMs: findLastAlert(alerts, resolved),
    services,
    deployments,
    sources,
    host,
    ...(refusal === undefined ? {} : { storeRefusal: refusal }),
  }
}

/** The worst of open incidents and of alerts that nobody holds; `unknown` while nothing is watched. */
function judge(incidents: IncidentSummary[], alerts: Alert[], isWatching: boolean): Health {
  let health: Health = isWatching ? 'ok' : 'unknown'
  for (const incident of incidents) {
    if (incident.state !== 'resolved') health = worseHealth(health, incident.health)
  }
  for (const alert of alerts) {
    if (alert.state !== 'firing' || alert.held !== undefined) continue
    health = worseHealth(health, healthOfSeverity(alert.labels.get('severity')))
  }
  return health
}

function findLastAlert(alerts: Alert[], resolved: IncidentSummary[]): number | undefined {
  const ends = alerts.filter((alert) => alert.state === 'resolved').map((alert) => alert.endTimeMs)
  for (const incident of resolved) {
    if (incident.resolvedTimeMs !== undefined) ends.push(incident.resolvedTimeMs)
  }
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** This machine's figures from the host agent's series; `undefined` when it does not run. */
async function findHost(parts: ServerParts): Promise<HostView | undefined> {
  const source = parts.collector.sources().find((candidate) => candidate.kind === 'host')
  if (source === undefined) return undefined
  const name = source.labels['instance'] ?? hostname()
  const labels = `job="node",instance=${quote(name)}`
  const figure = async (expression: string): Promise<number | undefined> => {
    try {
      const timeMs = parts.clock.nowTimeMs()
      const { value } = await parts.engine.instant({ expression, timeMs, timeoutMs: 2_000 })
      const number = value.type === 'vector' ? value.elements[0]?.value : undefined
      return number !== undefined && Number.isFinite(number) ? number : undefined
    } catch (thrown) {
      parts.log.debug({ expression, reason: messageOf(thrown) }, 'a figure of the host is missing')
      return undefined
    }
  }
  const root = `${labels},mountpoint="/"`
  const [cpuRatio, memoryRatio, diskRatio, load1, cpuCount] = await Promise.all([
    figure(`1 - avg(rate(node_cpu_seconds_total{${labels},mode="idle"}[1m]))`),
    figure(
      `1 - sum(node_memory_MemAvailable_bytes{${labels}}) / sum(node_memory_MemTotal_bytes{${labels}})`,
    ),
    figure(
      `1 - max(node_filesystem_avail_bytes{${root}}) / max(node_filesystem_size_bytes{${root}})`,
    ),
    figure(`max(node_load1{${labels}})`),
    figure(`count(node_cpu_seconds_total{${labels},mode="idle"})`),
  ])
  return { name, cpuRatio, memoryRatio, diskRatio, load1, cpuCount: cpuCount ?? 0 }
}
