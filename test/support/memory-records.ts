/**
 * Records in memory: the whole interface of the record keepers without a file, for tests of stages
 * that keep records. Values are copied in and out, as a database would, so that a test cannot pass
 * by sharing an object. `failing` makes every call reject, to show that callers carry on without.
 */

import type { Alert } from '../../src/model/alert.ts'
import type { Decision, Deployment } from '../../src/model/deployment.ts'
import type { Incident, TimelineEntry } from '../../src/model/incident.ts'
import { Labels } from '../../src/model/labels.ts'
import type { MaintenanceWindow } from '../../src/model/maintenance.ts'
import type { OnCallOverride } from '../../src/model/on-call.ts'
import { isPageLive, type Page, type PageEvent } from '../../src/model/page.ts'
import type { Silence } from '../../src/model/silence.ts'
import type {
  AccessRecords,
  AlertRecords,
  DeadLetter,
  DeadLetterRecords,
  DecisionRecords,
  DeploymentRecords,
  IncidentRecords,
  MaintenanceRecords,
  NotificationAttempt,
  NotificationRecords,
  PushRecords,
  PushSubscriptionRecord,
  OverrideRecords,
  PageRecords,
  Records,
  SilenceRecords,
  StateRecords,
} from '../../src/store/store.ts'

type Subject = { deploymentId?: string; incidentId?: string }

/** An in-memory `Records`; each instance stands alone. */
export class MemoryRecords implements Records {
  /** While true every call rejects as an unavailable database would. */
  failing = false
  /** How many calls were made, by "keeper.method". */
  readonly callCounts = new Map<string, number>()

  readonly deployments: DeploymentRecords
  readonly incidents: IncidentRecords
  readonly decisions: DecisionRecords
  readonly notifications: NotificationRecords
  readonly deadLetters: DeadLetterRecords
  readonly pushes: PushRecords
  readonly alerts: AlertRecords
  readonly silences: SilenceRecords
  readonly pages: PageRecords
  readonly overrides: OverrideRecords
  readonly maintenance: MaintenanceRecords
  readonly access: AccessRecords
  readonly states: StateRecords

  constructor() {
    this.deployments = this.#guard('deployments', makeDeployments())
    this.incidents = this.#guard('incidents', makeIncidents())
    this.decisions = this.#guard('decisions', makeDecisions())
    this.notifications = this.#guard('notifications', makeNotifications())
    this.deadLetters = this.#guard('deadLetters', makeDeadLetters())
    this.pushes = this.#guard('pushes', makePushes())
    this.alerts = this.#guard('alerts', makeAlerts())
    this.silences = this.#guard('silences', makeSilences())
    this.pages = this.#guard('pages', makePages())
    this.overrides = this.#guard('overrides', makeOverrides())
    this.maintenance = this.#guard('maintenance', makeMaintenance())
    this.access = this.#guard('access', makeAccess())
    this.states = this.#guard('states', makeStates())
  }

  #guard<Keeper extends object>(name: string, keeper: Keeper): Keeper {
    return new Proxy(keeper, {
      get: (target, method) => {
        const inner = Reflect.get(target, method) as (...args: unknown[]) => Promise<unknown>
        return async (...args: unknown[]) => {
          const call = `${name}.${String(method)}`
          this.callCounts.set(call, (this.callCounts.get(call) ?? 0) + 1)
          if (this.failing) throw new Error('the records are unavailable')
          return inner(...args)
        }
      },
    })
  }
}

function copy<Value>(value: Value): Value {
  return structuredClone(value)
}

/** Alerts hold `Labels`, which a structured clone would strip of its methods. */
function copyAlert(alert: Alert): Alert {
  return {
    ...alert,
    labels: new Labels(alert.labels.pairs),
    annotations: new Labels(alert.annotations.pairs),
    rule: copy(alert.rule),
    held: copy(alert.held),
    receivers: [...alert.receivers],
  }
}

function makeDeployments(): DeploymentRecords {
  const rows = new Map<string, Deployment>()
  return {
    save: async (deployment) => {
      rows.set(deployment.id, copy(deployment))
    },
    find: async (id) => copy(rows.get(id)),
    list: async (filter) =>
      copy(
        [...rows.values()]
          .filter((row) => filter.service === undefined || row.service === filter.service)
          .filter(
            (row) => filter.environment === undefined || row.environment === filter.environment,
          )
          .filter((row) => row.startTimeMs >= (filter.fromTimeMs ?? Number.NEGATIVE_INFINITY))
          .filter((row) => row.startTimeMs <= (filter.toTimeMs ?? Number.POSITIVE_INFINITY))
          .sort((a, b) => b.startTimeMs - a.startTimeMs)
          .slice(0, filter.limit),
      ),
  }
}

function makeIncidents(): IncidentRecords {
  const rows = new Map<string, Incident>()
  const timelines = new Map<string, TimelineEntry[]>()
  let lastNumber = 0
  return {
    save: async (incident) => {
      rows.set(incident.id, copy(incident))
    },
    find: async (id) => copy(rows.get(id)),
    list: async (filter) =>
      copy(
        [...rows.values()]
          .filter((row) => filter.service === undefined || row.service === filter.service)
          .filter(
            (row) =>
              filter.state === 'all' ||
              (filter.state === 'resolved') === (row.state === 'resolved'),
          )
          .sort((a, b) => b.openedTimeMs - a.openedTimeMs)
          .slice(0, filter.limit),
      ),
    nextNumber: async () => ++lastNumber,
    addTimelineEntry: async (incidentId, entry) => {
      timelines.set(incidentId, [...(timelines.get(incidentId) ?? []), copy(entry)])
    },
    listTimeline: async (incidentId) =>
      copy(timelines.get(incidentId) ?? []).sort((a, b) => a.timeMs - b.timeMs),
  }
}

function makeDecisions(): DecisionRecords {
  const rows: { subject: Subject; decision: Decision }[] = []
  return {
    add: async (subject, decision) => {
      rows.push(copy({ subject, decision }))
    },
    list: async (subject) =>
      copy(
        rows
          .filter(
            (row) =>
              subject.deploymentId === undefined ||
              row.subject.deploymentId === subject.deploymentId,
          )
          .filter(
            (row) =>
              subject.incidentId === undefined || row.subject.incidentId === subject.incidentId,
          )
          .map((row) => row.decision)
          .sort((a, b) => a.timeMs - b.timeMs),
      ),
  }
}

function makeNotifications(): NotificationRecords {
  const rows: NotificationAttempt[] = []
  return {
    add: async (attempt) => {
      rows.push(copy(attempt))
    },
    list: async (filter) => {
      const ordered = [...rows].reverse().sort((a, b) => b.timeMs - a.timeMs)
      const begin = ordered.findIndex((row) => row.id === filter.after) + 1
      const same = (wanted: string | undefined, found: string | undefined): boolean =>
        wanted === undefined || wanted === found
      return copy(
        ordered
          .slice(begin)
          .filter((row) => same(filter.incidentId, row.incidentId))
          .filter((row) => same(filter.receiver, row.receiver))
          .filter((row) => same(filter.channel, row.channel))
          .filter((row) => same(filter.outcome, row.outcome))
          .filter((row) => same(filter.pageId, row.pageId))
          .filter((row) => same(filter.person, row.person))
          .filter((row) => row.timeMs >= (filter.fromTimeMs ?? Number.NEGATIVE_INFINITY))
          .filter((row) => row.timeMs < (filter.toTimeMs ?? Number.POSITIVE_INFINITY))
          .filter(
            ({ labels = '' }) =>
              filter.label === undefined || labels.split('\n').includes(filter.label),
          )
          .filter((row) => {
            const all = [row.request, row.answer, row.labels, row.receiver, row.reason]
            return all
              .join('\n')
              .toLowerCase()
              .includes((filter.text ?? '').toLowerCase())
          })
          .slice(0, filter.limit),
      )
    },
    removeBefore: async (timeMs) => {
      const kept = rows.filter((row) => row.timeMs >= timeMs)
      return rows.splice(0, rows.length, ...kept).length - kept.length
    },
    removeBeyond: async (count) => rows.splice(0, Math.max(0, rows.length - count)).length,
  }
}

function makeDeadLetters(): DeadLetterRecords {
  const rows = new Map<string, DeadLetter>()
  return {
    save: async (letter) => {
      rows.set(letter.id, copy(letter))
    },
    find: async (id) => copy(rows.get(id)),
    list: async ({ state, receiver, limit }) =>
      copy(
        [...rows.values()]
          .filter((row) => state === undefined || row.state === state)
          .filter((row) => receiver === undefined || row.receiver === receiver)
          .sort((a, b) => b.timeMs - a.timeMs || (a.id < b.id ? 1 : -1))
          .slice(0, limit),
      ),
    removeBefore: async (timeMs) => {
      for (const row of rows.values()) if (row.timeMs < timeMs) rows.delete(row.id)
    },
  }
}

function makePushes(): PushRecords {
  const rows = new Map<string, PushSubscriptionRecord>()
  return {
    save: async (subscription) => {
      rows.set(subscription.endpoint, copy(subscription))
    },
    remove: async (endpoint) => rows.delete(endpoint),
    list: async () =>
      copy(
        [...rows.values()].sort(
          (a, b) => a.createdTimeMs - b.createdTimeMs || (a.endpoint < b.endpoint ? -1 : 1),
        ),
      ),
  }
}

function makeAlerts(): AlertRecords {
  const rows = new Map<string, Alert>()
  return {
    save: async (alerts) => {
      for (const alert of alerts) rows.set(alert.fingerprint, copyAlert(alert))
    },
    remove: async (fingerprints) => {
      for (const fingerprint of fingerprints) rows.delete(fingerprint)
    },
    list: async () => [...rows.values()].map(copyAlert),
  }
}

function makeSilences(): SilenceRecords {
  const rows = new Map<string, Silence>()
  return {
    save: async (silence) => {
      rows.set(silence.id, copy(silence))
    },
    removeBefore: async (timeMs) => {
      for (const { id, endTimeMs } of [...rows.values()]) if (endTimeMs < timeMs) rows.delete(id)
    },
    list: async () => copy([...rows.values()]),
  }
}

function makePages(): PageRecords {
  const rows = new Map<string, Page>()
  let events: PageEvent[] = []
  return {
    save: async (pages, news) => {
      for (const page of pages) rows.set(page.id, copy(page))
      events.push(...copy([...news]))
    },
    find: async (id) => copy(rows.get(id)),
    list: async (filter) =>
      copy(
        [...rows.values()]
          .filter((row) => filter.state !== 'open' || isPageLive(row))
          .filter((row) => filter.state !== 'resolved' || row.state === 'resolved')
          .filter((row) => row.openedTimeMs < (filter.beforeTimeMs ?? Number.POSITIVE_INFINITY))
          .sort((a, b) => b.openedTimeMs - a.openedTimeMs || (a.id < b.id ? 1 : -1))
          .slice(0, filter.limit),
      ),
    listEvents: async (pageId) => copy(events.filter((event) => event.pageId === pageId)),
    removeBefore: async (timeMs) => {
      for (const row of [...rows.values()]) {
        if (isPageLive(row) || row.updatedTimeMs >= timeMs) continue
        rows.delete(row.id)
        events = events.filter((event) => event.pageId !== row.id)
      }
    },
  }
}

function makeOverrides(): OverrideRecords {
  const rows = new Map<string, OnCallOverride>()
  return {
    save: async (override) => {
      rows.set(override.id, copy(override))
    },
    remove: async (id) => {
      rows.delete(id)
    },
    removeBefore: async (timeMs) => {
      for (const { id, endTimeMs } of [...rows.values()]) if (endTimeMs < timeMs) rows.delete(id)
    },
    list: async () => copy([...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))),
  }
}

function makeMaintenance(): MaintenanceRecords {
  const rows = new Map<string, MaintenanceWindow>()
  return {
    save: async (window) => {
      rows.set(window.id, copy(window))
    },
    remove: async (id) => {
      rows.delete(id)
    },
    list: async () => copy([...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))),
  }
}

function makeAccess(): AccessRecords {
  const passwords = new Map<string, string>()
  type Token = Parameters<AccessRecords['addToken']>[0] & { lastUsedTimeMs: number | undefined }
  const tokens = new Map<string, Token>()
  const sessions = new Map<string, Parameters<AccessRecords['addSession']>[0]>()
  const audit: Parameters<AccessRecords['addAudit']>[0][] = []
  return {
    findPassword: async (user) => passwords.get(user),
    setPassword: async (user, hash) => {
      passwords.set(user, hash)
    },
    addToken: async (token) => {
      tokens.set(token.id, { ...token, lastUsedTimeMs: undefined })
    },
    findToken: async (hash) => {
      for (const { id, name, scope, hash: other } of tokens.values()) {
        if (other === hash) return { id, name, scope }
      }
      return undefined
    },
    touchToken: async (id, timeMs) => {
      const token = tokens.get(id)
      if (token !== undefined) token.lastUsedTimeMs = timeMs
    },
    removeToken: async (id) => tokens.delete(id),
    listTokens: async () =>
      [...tokens.values()].map(({ id, name, scope, createdTimeMs, lastUsedTimeMs }) => ({
        id,
        name,
        scope,
        createdTimeMs,
        lastUsedTimeMs,
      })),
    addSession: async (session) => {
      sessions.set(session.hash, { ...session })
    },
    findSession: async (hash) => {
      const session = sessions.get(hash)
      if (session === undefined) return undefined
      return { user: session.user, role: session.role, endTimeMs: session.endTimeMs }
    },
    removeSession: async (hash) => {
      sessions.delete(hash)
    },
    removeSessionsBefore: async (timeMs) => {
      for (const { hash, endTimeMs } of [...sessions.values()]) {
        if (endTimeMs < timeMs) sessions.delete(hash)
      }
    },
    addAudit: async (entry) => {
      audit.push(copy(entry))
    },
    listAudit: async (limit) => copy([...audit].reverse().slice(0, limit)),
  }
}

function makeStates(): StateRecords {
  // Kept as text, as a database would: what JSON cannot carry does not survive here either.
  const rows = new Map<string, string>()
  return {
    set: async (name, value) => {
      rows.set(name, JSON.stringify(value))
    },
    find: async (name) => {
      const text = rows.get(name)
      return text === undefined ? undefined : (JSON.parse(text) as unknown)
    },
    remove: async (name) => {
      rows.delete(name)
    },
    list: async (prefix) =>
      [...rows.entries()]
        .filter(([name]) => name.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, text]) => ({ name, value: JSON.parse(text) as unknown })),
  }
}
