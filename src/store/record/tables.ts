/**
 * Tables of the records as Kysely sees them. Times are integer milliseconds, lists and facts are JSON
 * text, booleans do not occur: what SQLite and PostgreSQL both do without ado.
 */

import type { Generated, Kysely } from 'kysely'

/** All tables. `position` counts insertions, for an order among equal times. */
export interface Tables {
  deployment: {
    id: string
    service: string
    environment: string
    version: string
    previous_version: string
    start_time_ms: number
    end_time_ms: number | null
    actor: string
    url: string
    note: string
    state: string
    rollback_of: string | null
  }
  incident: {
    id: string
    number: number
    title: string
    service: string
    environment: string
    state: string
    health: string
    opened_time_ms: number
    onset_time_ms: number | null
    resolved_time_ms: number | null
    acknowledged_by: string
    causes: string
    alerts: string
    post_mortem: string
  }
  timeline_entry: {
    position: Generated<number>
    incident_id: string
    id: string
    time_ms: number
    kind: string
    code: string
    message: string
    facts: string
    actor: string
  }
  decision: {
    position: Generated<number>
    deployment_id: string | null
    incident_id: string | null
    time_ms: number
    question: string
    verdict: string
    reason: string
    message: string
    facts: string
  }
  notification: {
    position: Generated<number>
    id: string
    time_ms: number
    receiver: string
    channel: string
    group_key: string
    reason: string
    status: string
    alert_count: number
    attempt: number
    outcome: string
    answer: string
    latency_ms: number
    incident_id: string | null
    fingerprints: string
    channel_key: Generated<string>
    request: Generated<string>
    labels: Generated<string>
    person: Generated<string>
    page_id: Generated<string>
    fallback_of: Generated<string>
  }
  dead_letter: {
    id: string
    time_ms: number
    receiver: string
    channel: string
    group_key: string
    state: string
    end_time_ms: number | null
    failure: string
    attempt_count: number
    alert_count: number
    status: string
    labels: string
    body: string
  }
  push_subscription: {
    endpoint: string
    owner: string
    created_by: string
    label: string
    public_key: string
    auth: string
    created_time_ms: number
  }
  alert: { fingerprint: string; body: string }
  silence: { id: string; end_time_ms: number; body: string }
  page: {
    id: string
    group_key: string
    state: string
    /** 0 or 1. */
    is_open: number
    opened_time_ms: number
    updated_time_ms: number
    body: string
  }
  page_event: {
    position: Generated<number>
    id: string
    page_id: string
    time_ms: number
    actor: string
    action: string
    from_state: string
    to_state: string
    reason: string
  }
  on_call_override: { id: string; end_time_ms: number; body: string }
  maintenance: { id: string; body: string }
  password: { user_name: string; hash: string }
  token: {
    id: string
    name: string
    scope: string
    hash: string
    created_time_ms: number
    last_used_time_ms: number | null
  }
  session: { hash: string; user_name: string; role: string; end_time_ms: number }
  audit: {
    position: Generated<number>
    time_ms: number
    actor: string
    action: string
    facts: string
  }
  state: { name: string; body: string }
  counter: { name: string; value: number }
}

/** Runs one piece of work on the database and gives failures their code. */
export type Run = <Value>(work: (database: Kysely<Tables>) => Promise<Value>) => Promise<Value>
