/**
 * The records: what must outlive everything and is small: deployments, incidents, the notification
 * ledger, alert state, users. One interface over SQLite and PostgreSQL; all SQL lives in this folder.
 * Every call may reject with `STORE_RECORDS_UNAVAILABLE` (retryable); callers on the paging path
 * carry on without.
 */

import type { Alert } from '../../model/alert.ts'
import type { Decision, Deployment } from '../../model/deployment.ts'
import type { Incident, TimelineEntry } from '../../model/incident.ts'
import type { MaintenanceWindow } from '../../model/maintenance.ts'
import type { OnCallOverride } from '../../model/on-call.ts'
import type { Page, PageEvent } from '../../model/page.ts'
import type { Silence } from '../../model/silence.ts'

/** All record keepers. */
export interface Records {
  deployments: DeploymentRecords
  incidents: IncidentRecords
  decisions: DecisionRecords
  notifications: NotificationRecords
  deadLetters: DeadLetterRecords
  pushes: PushRecords
  alerts: AlertRecords
  silences: SilenceRecords
  pages: PageRecords
  overrides: OverrideRecords
  maintenance: MaintenanceRecords
  access: AccessRecords
  /** Small named values: rule state, notification groups. JSON inside. */
  states: StateRecords
}

/** Deployments by id; `save` inserts or replaces. */
export interface DeploymentRecords {
  save(deployment: Deployment): Promise<void>
  find(id: string): Promise<Deployment | undefined>
  /** Newest first by `startTimeMs`. */
  list(filter: {
    service?: string
    environment?: string
    fromTimeMs?: number
    toTimeMs?: number
    limit: number
  }): Promise<Deployment[]>
}

/** Incidents and their timelines. */
export interface IncidentRecords {
  save(incident: Incident): Promise<void>
  find(id: string): Promise<Incident | undefined>
  /** Newest first by `openedTimeMs`; `open` means not resolved. */
  list(filter: {
    state: 'open' | 'resolved' | 'all'
    service?: string
    limit: number
  }): Promise<Incident[]>
  /** 1, 2, 3 …; never given twice. */
  nextNumber(): Promise<number>
  addTimelineEntry(incidentId: string, entry: TimelineEntry): Promise<void>
  /** Oldest first. */
  listTimeline(incidentId: string): Promise<TimelineEntry[]>
}

/** Decisions about a deployment or an incident. */
export interface DecisionRecords {
  add(subject: { deploymentId?: string; incidentId?: string }, decision: Decision): Promise<void>
  /** Oldest first. */
  list(subject: { deploymentId?: string; incidentId?: string }): Promise<Decision[]>
}

/** One attempt to tell somebody. */
export interface NotificationAttempt {
  id: string
  timeMs: number
  receiver: string
  channel: string
  groupKey: string
  /** Why it was sent: "first notification", "new alerts added", "some alerts resolved", "all alerts resolved", "repeat interval elapsed". */
  reason: string
  status: 'firing' | 'resolved'
  alertCount: number
  /** From 1. */
  attempt: number
  /** `held`: not sent yet because of quiet hours. */
  outcome: 'delivered' | 'retrying' | 'failed' | 'held'
  answer: string
  latencyMs: number
  incidentId: string | undefined
  fingerprints: string[]
  /** The channel within its receiver, such as `slack[0]`. */
  channelKey?: string
  /** What was said, cut and without secrets. */
  request?: string
  /** The alerts' labels as lines `name=value`, each once, for searching. */
  labels?: string
  /** Whom a personal message was for. */
  person?: string
  /** The page that it belongs to. */
  pageId?: string
  /** The receiver and channel that failed, so that this one was tried instead. */
  fallbackOf?: string
}

/** What to look for in the ledger; every part given must hold. */
export interface NotificationFilter {
  incidentId?: string
  receiver?: string
  /** The kind of channel. */
  channel?: string
  outcome?: NotificationAttempt['outcome']
  pageId?: string
  person?: string
  /** A label that one of the alerts has, as `name=value`. */
  label?: string
  /** Words that stand in what was said, answered, or in the labels; letter case of ASCII does not count. */
  text?: string
  fromTimeMs?: number
  toTimeMs?: number
  /** The last row of the page before, for the next page. */
  after?: string
  limit: number
}

/** The notification ledger. */
export interface NotificationRecords {
  add(attempt: NotificationAttempt): Promise<void>
  /** Newest first. */
  list(filter: NotificationFilter): Promise<NotificationAttempt[]>
  /** Forgets older rows; answers how many. */
  removeBefore(timeMs: number): Promise<number>
  /** Forgets all but the last `count` rows noted; answers how many. */
  removeBeyond(count: number): Promise<number>
}

/** A message that reached nobody. */
export interface DeadLetter {
  id: string
  timeMs: number
  receiver: string
  /** The channel within its receiver, such as `slack[0]`. */
  channel: string
  groupKey: string
  /** `resent` or `dismissed` by a person; `superseded` when a later message about the group arrived. */
  state: 'open' | 'resent' | 'dismissed' | 'superseded'
  endTimeMs: number | undefined
  failure: string
  attemptCount: number
  alertCount: number
  status: 'firing' | 'resolved'
  labels: string
  /** The message, so that it can be sent again. */
  body: unknown
}

/** Messages that reached nobody, by id; `save` inserts or replaces. */
export interface DeadLetterRecords {
  save(letter: DeadLetter): Promise<void>
  find(id: string): Promise<DeadLetter | undefined>
  /** Newest first. */
  list(filter: {
    state?: DeadLetter['state']
    receiver?: string
    limit: number
  }): Promise<DeadLetter[]>
  removeBefore(timeMs: number): Promise<void>
}

/** A browser that takes pushes. */
export interface PushSubscriptionRecord {
  endpoint: string
  /** The user who agreed to it. */
  owner: string
  /** Who registered it; empty where that was not kept. */
  createdBy: string
  /** What people call the browser. */
  label: string
  publicKey: string
  auth: string
  createdTimeMs: number
}

/** Browsers that take pushes, by endpoint; `save` inserts or replaces. */
export interface PushRecords {
  save(subscription: PushSubscriptionRecord): Promise<void>
  remove(endpoint: string): Promise<boolean>
  list(): Promise<PushSubscriptionRecord[]>
}

/** The active alerts, so that a restart forgets none. */
export interface AlertRecords {
  save(alerts: readonly Alert[]): Promise<void>
  remove(fingerprints: readonly string[]): Promise<void>
  list(): Promise<Alert[]>
}

/** Silences by id; `save` inserts or replaces. */
export interface SilenceRecords {
  save(silence: Silence): Promise<void>
  /** Removes those that ended before `timeMs`. */
  removeBefore(timeMs: number): Promise<void>
  list(): Promise<Silence[]>
}

/** Pages and what happened to them. */
export interface PageRecords {
  /** Inserts or replaces the pages as they are now and adds to their stories, all or nothing. */
  save(pages: readonly Page[], events: readonly PageEvent[]): Promise<void>
  find(id: string): Promise<Page | undefined>
  /** Newest first by `openedTimeMs`; `open` are those whose group is not over, or that have somebody to tell. */
  list(filter: {
    state: 'open' | 'resolved' | 'all'
    beforeTimeMs?: number
    limit: number
  }): Promise<Page[]>
  /** Oldest first. */
  listEvents(pageId: string): Promise<PageEvent[]>
  /** Removes those that are not open and last changed before `timeMs`. */
  removeBefore(timeMs: number): Promise<void>
}

/** Overrides of on-call duty by id; `save` inserts or replaces. */
export interface OverrideRecords {
  save(override: OnCallOverride): Promise<void>
  remove(id: string): Promise<void>
  /** Removes those that ended before `timeMs`. */
  removeBefore(timeMs: number): Promise<void>
  /** Oldest first. */
  list(): Promise<OnCallOverride[]>
}

/** Maintenance windows by id; `save` inserts or replaces. */
export interface MaintenanceRecords {
  save(window: MaintenanceWindow): Promise<void>
  remove(id: string): Promise<void>
  /** Oldest first. */
  list(): Promise<MaintenanceWindow[]>
}

/** People, tokens, sessions and what they did. Secrets are stored as SHA-256 (tokens, sessions) or scrypt (passwords). */
export interface AccessRecords {
  findPassword(user: string): Promise<string | undefined>
  setPassword(user: string, hash: string): Promise<void>
  addToken(token: {
    id: string
    name: string
    scope: 'admin' | 'respond' | 'read' | 'ingest'
    hash: string
    createdTimeMs: number
  }): Promise<void>
  findToken(
    hash: string,
  ): Promise<
    { id: string; name: string; scope: 'admin' | 'respond' | 'read' | 'ingest' } | undefined
  >
  touchToken(id: string, timeMs: number): Promise<void>
  removeToken(id: string): Promise<boolean>
  listTokens(): Promise<
    {
      id: string
      name: string
      scope: 'admin' | 'respond' | 'read' | 'ingest'
      createdTimeMs: number
      lastUsedTimeMs: number | undefined
    }[]
  >
  addSession(session: {
    hash: string
    user: string
    role: 'admin' | 'responder' | 'viewer'
    endTimeMs: number
  }): Promise<void>
  findSession(
    hash: string,
  ): Promise<
    { user: string; role: 'admin' | 'responder' | 'viewer'; endTimeMs: number } | undefined
  >
  removeSession(hash: string): Promise<void>
  /** Removes the sessions that ended before `timeMs`. */
  removeSessionsBefore(timeMs: number): Promise<void>
  addAudit(entry: {
    timeMs: number
    actor: string
    action: string
    facts: Record<string, unknown>
  }): Promise<void>
  listAudit(
    limit: number,
  ): Promise<{ timeMs: number; actor: string; action: string; facts: Record<string, unknown> }[]>
}

/** Named JSON values. */
export interface StateRecords {
  set(name: string, value: unknown): Promise<void>
  find(name: string): Promise<unknown>
  remove(name: string): Promise<void>
  /** All whose name begins with `prefix`. */
  list(prefix: string): Promise<{ name: string; value: unknown }[]>
}
