/** Metrics of the HTTP server. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Requests answered. `route` is the pattern, never the address. */
export const requestCount = counter({
  name: 'shipwatch_server_requests_total',
  help: 'Requests answered, by route pattern, method and status.',
  labels: ['route', 'method', 'status'],
})

/** How long answers took. */
export const requestSeconds = histogram({
  name: 'shipwatch_server_request_duration_seconds',
  help: 'Time from the first line of a request to the last byte of its answer, by route pattern.',
  labels: ['route'],
  buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
})

/** Requests being served. */
export const requestsInFlight = gauge({
  name: 'shipwatch_server_requests_in_flight',
  help: 'Requests being served now, live streams left out.',
})

/** Requests that a limit or a guard turned away. */
export const requestsRefused = counter({
  name: 'shipwatch_server_requests_refused_total',
  help: 'Requests turned away before their route ran, by the reason: request-limit, ingest-limit, host, origin, sign-in, right; or as its route began: signature.',
  labels: ['reason'],
})

/** Bytes of receiver bodies in memory. */
export const ingestBytesHeld = gauge({
  name: 'shipwatch_server_ingest_held_bytes',
  help: 'Bytes of bodies of receivers held in memory, as announced by their senders.',
})

/** Live streams open now. */
export const liveClients = gauge({
  name: 'shipwatch_server_live_clients',
  help: 'Live streams (server-sent events) open now.',
})

/** Live streams ended by us. */
export const liveDropped = counter({
  name: 'shipwatch_server_live_dropped_total',
  help: 'Live streams refused or ended by the server, by the reason: slow, full, revoked.',
  labels: ['reason'],
})

/** Sign-ins that failed. */
export const failedSignIns = counter({
  name: 'shipwatch_server_failed_sign_ins_total',
  help: 'Failed sign-ins and refused credentials, by the method: code, token, password, header, limit.',
  labels: ['method'],
})

/** Audit entries that could not be written. */
export const auditFailures = counter({
  name: 'shipwatch_server_audit_failures_total',
  help: 'Audit entries lost because the records could not be written.',
})
