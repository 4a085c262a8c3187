/**
 * Shapes of the API of pages, on-call duty, maintenance windows and heartbeats, below `apiRoot`.
 * Reading needs the right to read. Acts need the right to respond (`respond` or `admin`), changes to
 * duty and maintenance that of an administrator; each is in the audit.
 *
 *   GET    /pages?state=open|resolved|all&beforeTimeMs=&limit=   PageList, newest first
 *   GET    /pages/:id                                            PageDetail
 *   POST   /pages/:id/acknowledge|unacknowledge|escalate|resolve {reason?}       PageView
 *   POST   /pages/:id/note {reason}                                              PageView
 *   POST   /pages/:id/reassign {person, reason?} or {policy, reason?}            PageView
 *   POST   /alerts/:fingerprint/acknowledge {reason?}            PageList of the pages of the alert
 *   GET    /on-call?timeMs=                                      OnCallNow
 *   GET    /on-call/schedules/:name/shifts?startTimeMs=&endTimeMs=   ShiftList, at most 400 days
 *   GET    /on-call/schedules/:name/feed                         CalendarFeed
 *   GET    /on-call/feeds/:name.ics?token=                       the calendar (RFC 5545), by its token
 *   GET    /on-call/policies                                     PolicyList
 *   GET    /on-call/overrides · POST OverrideRequest · DELETE /on-call/overrides/:id
 *   GET    /maintenance · POST MaintenanceBody · POST /maintenance/preview MaintenanceBody
 *   POST   /maintenance/:id/end                                  MaintenanceView
 *   GET    /heartbeats                                           HeartbeatList
 */

import type { MaintenanceRepeat } from '../model/maintenance.ts'
import type { OnCallOverride, Shift } from '../model/on-call.ts'
import type { Page, PageEvent } from '../model/page.ts'
import type { SilenceMatcher } from '../model/silence.ts'
import type { AlertView } from './api.ts'

/** A page as the UI and CLI see it. Times of what is not so are absent. */
export type PageView = Page

/** `GET /pages` */
export interface PageList {
  pages: PageView[]
}

/** `GET /pages/:id`: with its story, oldest first, and those of its alerts that are still known. */
export interface PageDetail {
  page: PageView
  events: PageEvent[]
  alerts: AlertView[]
}

/** `GET /on-call`: who is on call at a time, now unless given. */
export interface OnCallNow {
  timeMs: number
  schedules: {
    name: string
    timeZone: string
    /** Who is on call and until when; absent when nobody is. */
    current: Shift | undefined
    /** Who comes then, within a month. */
    next: Shift | undefined
    /** How reading its calendar last went, when it has one. */
    calendar: { timeMs: number; problems: string[] } | undefined
  }[]
  teams: { name: string; members: string[]; schedule: string; onCall: string[] }[]
  people: {
    name: string
    timeZone: string
    contacts: { name: string; receiver: string }[]
    /** Until when personal messages wait; absent when they do not. */
    quietUntilTimeMs: number | undefined
  }[]
}

/** `GET /on-call/schedules/:name/shifts` */
export interface ShiftList {
  schedule: string
  timeZone: string
  /** In order, without overlaps; nobody is on call between them. */
  shifts: Shift[]
}

/** `GET /on-call/schedules/:name/feed`: an address that calendar programs can subscribe to without signing in. */
export interface CalendarFeed {
  url: string
}

/** What a step of an escalation policy may name. */
export type StepKind = 'receiver' | 'person' | 'schedule' | 'everyone' | 'team'

/** `GET /on-call/policies` */
export interface PolicyList {
  policies: {
    name: string
    repeat: number
    acknowledgeTimeoutMs: number
    steps: {
      /** What the step names: of which kind, and its name. */
      kind: StepKind
      name: string
      /** Whom it reaches now. */
      people: string[]
      receivers: string[]
      delayMs: number
    }[]
  }[]
}

/** `GET /on-call/overrides` */
export interface OverrideList {
  overrides: OnCallOverride[]
}

/** `POST /on-call/overrides`: somebody else is on call. `replaces` empty replaces everybody. */
export interface OverrideBody {
  schedule: string
  people: string[]
  replaces?: string
  startTimeMs: number
  endTimeMs: number
  comment?: string
}

/** A maintenance window. */
export interface MaintenanceView {
  id: string
  name: string
  /** `pending` also between two openings. */
  state: 'pending' | 'active' | 'ended'
  matchers: SilenceMatcher[]
  services: string[]
  teams: string[]
  startTimeMs: number
  endTimeMs: number
  timeZone: string
  repeat: MaintenanceRepeat | undefined
  /** The opening that runs, or the next one. */
  current: { startTimeMs: number; endTimeMs: number } | undefined
  /** Alerts that were held by the opening that runs. */
  heldCount: number
  summaryReceiver: string
  summaryEveryMs?: number | undefined
  createdBy: string
  comment: string
}

/** `GET /maintenance`, newest first. */
export interface MaintenanceList {
  windows: MaintenanceView[]
}

/** What a person asks for; with an `id` it changes that window. It begins now unless it says otherwise. */
export interface MaintenanceBody {
  id?: string
  name: string
  matchers?: SilenceMatcher[]
  services?: string[]
  teams?: string[]
  startTimeMs?: number
  endTimeMs: number
  timeZone?: string
  repeat?: {
    every: 'day' | 'week' | 'month'
    interval?: number
    /** 0 is Sunday. */
    weekdays?: number[]
    untilTimeMs?: number
  }
  /** A receiver that hears what was held, when an opening closes. */
  summaryReceiver?: string
  /** While it is open, that receiver hears so often as well what more was held; from a minute up. */
  summaryEveryMs?: number
  comment?: string
}

/** `GET /heartbeats`. Programs call any method on `/api/v1/heartbeat/<name>?status=up|down&msg=&key=`. */
export interface HeartbeatList {
  heartbeats: {
    name: string
    intervalMs: number
    graceMs: number
    lastTimeMs: number | undefined
    dueTimeMs: number
    isMissing: boolean
    message: string
    url: string
  }[]
}
