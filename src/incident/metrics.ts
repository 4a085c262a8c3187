/** Metrics of incidents. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Incidents by what happened to them. */
export const incidentsTotal = counter({
  name: 'shipwatch_incident_incidents_total',
  help: 'Incidents by what happened to them: opened, resolved.',
  labels: ['event'],
})

/** Incidents that are not resolved. */
export const incidentsOpen = gauge({
  name: 'shipwatch_incident_open_incidents',
  help: 'Incidents that are not resolved.',
})

/** Time of one search for causes. */
export const searchDuration = histogram({
  name: 'shipwatch_incident_search_duration_seconds',
  help: 'Time that one search for the cause of an incident took.',
  buckets: [0.01, 0.05, 0.2, 0.5, 1, 2, 5, 15],
})

/** Searches by result. */
export const searchesTotal = counter({
  name: 'shipwatch_incident_searches_total',
  help: 'Searches for a cause by result: deployment, unknown, failed.',
  labels: ['result'],
})

/** Record calls that failed while the work went on. */
export const recordFailuresTotal = counter({
  name: 'shipwatch_incident_record_failures_total',
  help: 'Writes of incidents to the records that failed; the incident went on in memory.',
})

/** Timeline entries not kept because an incident has too many. */
export const entriesDroppedTotal = counter({
  name: 'shipwatch_incident_entries_dropped_total',
  help: 'Timeline entries not kept because the incident had reached the limit.',
})

/** Searches whose turn has not come. */
export const searchesWaiting = gauge({
  name: 'shipwatch_incident_searches_waiting',
  help: 'Incidents that wait for their search for a cause; from ten on, searches rest in between and messages do not wait for them.',
})
