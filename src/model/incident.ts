/** An incident: one trouble and its story, made of alerts. */

import type { Health } from './health.ts'

/** Where an incident stands. */
export type IncidentState = 'open' | 'recovering' | 'resolved'

/** One piece of evidence for a cause: a claim, and the query or lines that show it. */
export interface Evidence {
  kind: 'onset' | 'errors-by-version' | 'latency-by-version' | 'new-log-line' | 'alert' | 'change'
  /** The claim as a sentence. */
  message: string
  /** A PromQL or LogQL query that shows it, or empty. */
  query: string
  /** How strongly it speaks for the cause, 0..1. */
  weight: number
  facts: Record<string, unknown>
}

/** A ranked suspect. */
export interface Cause {
  kind: 'deployment' | 'saturation' | 'dependency' | 'unknown'
  /** For example "deployment checkout v1 → v2". */
  title: string
  deploymentId: string | undefined
  service: string
  /** 0..1; how sure. */
  confidence: number
  evidence: Evidence[]
}

/** A moment in an incident's story. */
export interface TimelineEntry {
  id: string
  timeMs: number
  kind:
    | 'opened'
    | 'alert-firing'
    | 'alert-resolved'
    | 'deployment'
    | 'onset'
    | 'cause'
    | 'notified'
    | 'decision'
    | 'rollback'
    | 'verify'
    | 'comment'
    | 'resolved'
    | 'post-mortem'
  /** A stable code for translation; `facts` fill it. */
  code: string
  /** The entry as an English sentence. */
  message: string
  facts: Record<string, unknown>
  actor: string
}

/** One incident. */
export interface Incident {
  id: string
  /** Short number for people. */
  number: number
  title: string
  service: string
  environment: string
  state: IncidentState
  health: Health
  openedTimeMs: number
  /** When the trouble itself began, as found in the data. */
  onsetTimeMs: number | undefined
  resolvedTimeMs: number | undefined
  acknowledgedBy: string
  causes: Cause[]
  /** Fingerprints of its alerts. */
  alerts: string[]
  /** Markdown draft, empty until written. */
  postMortem: string
}
