/** Metrics of alerting. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Alerts known now. */
export const alertCount = gauge({
  name: 'shipwatch_alert_alerts',
  help: 'Alerts known now, by state.',
  labels: ['state'],
})

/** Alerts that came in. */
export const receivedTotal = counter({
  name: 'shipwatch_alert_received_total',
  help: 'Alerts handed over, by state; one that lasts is handed over again and again.',
  labels: ['state'],
})

/** Alerts refused at the limit. */
export const refusedTotal = counter({
  name: 'shipwatch_alert_refused_total',
  help: 'New alerts that were refused because alert_count_max are known already.',
})

/** Groups of alerts. */
export const groupCount = gauge({
  name: 'shipwatch_alert_groups',
  help: 'Groups of alerts, each with its own rhythm of notifications.',
})

/** Notifications that were decided, by reason, "none" included. */
export const decisionsTotal = counter({
  name: 'shipwatch_alert_decisions_total',
  help: 'Decisions about a group and a channel, by reason to notify; "none" said nothing.',
  labels: ['reason'],
})

/** Silences by state. */
export const silenceCount = gauge({
  name: 'shipwatch_alert_silences',
  help: 'Silences by state; those that ended are kept for five days.',
  labels: ['state'],
})

/** Open pages by state. */
export const pageCount = gauge({
  name: 'shipwatch_alert_pages',
  help: 'Pages whose group is not over, by state; resolved ones were resolved by hand.',
  labels: ['state'],
})

/** What happened to pages. */
export const pageEventsTotal = counter({
  name: 'shipwatch_alert_page_events_total',
  help: 'Events of pages, by action.',
  labels: ['action'],
})

/** Pages refused at the limit. */
export const pagesRefusedTotal = counter({
  name: 'shipwatch_alert_pages_refused_total',
  help: 'Groups that got no page because page_count_max are open; their receivers were told all the same.',
})

/** Maintenance windows by state. */
export const maintenanceCount = gauge({
  name: 'shipwatch_alert_maintenance_windows',
  help: 'Maintenance windows by state.',
  labels: ['state'],
})

/** Heartbeats by state. */
export const heartbeatCount = gauge({
  name: 'shipwatch_alert_heartbeats',
  help: 'Heartbeats of other programs by state.',
  labels: ['state'],
})

/** Alerts held back. */
export const heldTotal = counter({
  name: 'shipwatch_alert_held_total',
  help: 'Alerts that were left out of a notification because something holds them back.',
  labels: ['reason'],
})

/** From arrival of the sample to the start of sending. */
export const notificationDelay = histogram({
  name: 'shipwatch_alert_notification_delay_seconds',
  help: 'Time from the arrival of the deciding sample to the first attempt to notify; group_wait is in it.',
  buckets: [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 30, 60, 300],
})

/** Records that could not be written or read. */
export const recordFailuresTotal = counter({
  name: 'shipwatch_alert_record_failures_total',
  help: 'Times that alerts or the notification log could not be kept or restored; alerting goes on.',
})

/** Times that the background came too late. */
export const contextMissedTotal = counter({
  name: 'shipwatch_alert_context_missed_total',
  help: 'Notifications that went out without their background because it was late or failed.',
})
