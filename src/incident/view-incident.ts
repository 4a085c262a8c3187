/** Everything about one incident, open or resolved, for its page: its story, its changes and its charts. */

import type { IncidentView } from '../api/api.ts'
import type { Incident } from '../model/incident.ts'
import type { NotificationAttempt, Records } from '../store/store.ts'
import { identityOf, type IncidentBook, type OpenIncident } from './book.ts'
import { makeCharts } from './chart.ts'
import type { ServiceIdentity } from './service.ts'
import type { ServiceSignals } from './signal.ts'

/** How long before the trouble its page begins. */
const leadMs = 2 * 3_600_000
/** The message of the end goes out after the end. */
const lastMessageMsMax = 600_000

/** Puts the page of an incident together; `open` is what is in memory of it while it is not resolved. */
export async function viewIncident(
  incident: Incident,
  open: OpenIncident | undefined,
  parts: {
    records: Records
    book: IncidentBook
    nowTimeMs: number
    findSignals: (service: ServiceIdentity, timeMs: number) => Promise<ServiceSignals>
  },
): Promise<IncidentView> {
  const { records } = parts
  const { id } = incident
  const startTimeMs = (incident.onsetTimeMs ?? incident.openedTimeMs) - leadMs
  const endTimeMs = incident.resolvedTimeMs ?? parts.nowTimeMs
  const [snapshot, timeline, deployments, decisions, attempts] = await Promise.all([
    parts.book.findSnapshot(id),
    records.incidents.listTimeline(id),
    records.deployments.list({
      environment: incident.environment,
      fromTimeMs: startTimeMs,
      toTimeMs: endTimeMs,
      limit: 50,
    }),
    records.decisions.list({ incidentId: id }),
    records.notifications.list({ fromTimeMs: incident.openedTimeMs, limit: 1_000 }),
  ])
  const alerts = open === undefined ? (snapshot?.alerts ?? []) : [...open.alerts.values()]
  const fingerprints = new Set(incident.alerts)
  const signals = await parts.findSignals(
    open?.service ?? identityOf(incident, snapshot?.matchers ?? ''),
    endTimeMs,
  )
  return {
    incident,
    alerts,
    timeline: timeline.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1)),
    deployments,
    decisions,
    notifications: attempts
      .filter((attempt) => isAbout(attempt, { id, fingerprints, endTimeMs }))
      .map(({ fingerprints: _fingerprints, ...attempt }) => ({ ...attempt, incidentId: id })),
    charts: makeCharts(alerts, signals),
  }
}

function isAbout(
  attempt: NotificationAttempt,
  incident: { id: string; fingerprints: ReadonlySet<string>; endTimeMs: number },
): boolean {
  if (attempt.incidentId !== undefined) return attempt.incidentId === incident.id
  return (
    attempt.timeMs <= incident.endTimeMs + lastMessageMsMax &&
    attempt.fingerprints.some((fingerprint) => incident.fingerprints.has(fingerprint))
  )
}
