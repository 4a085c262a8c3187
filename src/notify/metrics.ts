/** Metrics of notifying. */

import { counter, gauge, histogram } from '../base/metrics.ts'

/** Messages to deliver. */
export const notificationsTotal = counter({
  name: 'shipwatch_notify_notifications_total',
  help: 'Notifications handed to a channel, by channel.',
  labels: ['channel'],
})

/** Messages that were not delivered. */
export const notificationsFailedTotal = counter({
  name: 'shipwatch_notify_notifications_failed_total',
  help: 'Notifications that a channel could not deliver, by channel and reason; the group tries again at its next turn.',
  labels: ['channel', 'reason'],
})

/** Attempts. */
export const attemptsTotal = counter({
  name: 'shipwatch_notify_attempts_total',
  help: 'Attempts to deliver, by channel and outcome.',
  labels: ['channel', 'outcome'],
})

/** Messages that wait for robots. */
export const waitingMessages = gauge({
  name: 'shipwatch_notify_waiting_messages',
  help: 'Messages that wait because a robot takes only so many, by channel; at most 1,000 for each robot, then attempts fail for now.',
  labels: ['channel'],
})

/** Messages that shared their way. */
export const mergedMessagesTotal = counter({
  name: 'shipwatch_notify_merged_messages_total',
  help: 'Messages that went out within another one, because the robot takes only so many, by channel.',
  labels: ['channel'],
})

/** Length of an attempt. */
export const attemptDuration = histogram({
  name: 'shipwatch_notify_attempt_duration_seconds',
  help: 'Time that one attempt took, by channel.',
  labels: ['channel'],
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
})

/** Messages written by the built-in template because the user's failed. */
export const templateFailuresTotal = counter({
  name: 'shipwatch_notify_template_failures_total',
  help: 'Messages whose own template failed, so that the built-in one was used.',
  labels: ['channel'],
})

/** Ledger rows that could not be written. */
export const ledgerFailuresTotal = counter({
  name: 'shipwatch_notify_ledger_failures_total',
  help: 'Attempts that could not be written to the ledger; the message itself went its way.',
})

/** Pictures of messages. */
export const chartsTotal = counter({
  name: 'shipwatch_notify_charts_total',
  help: 'Charts for messages, by outcome: drawn, nothing-to-draw, late, failed, or refused by the service that should show it.',
  labels: ['outcome'],
})

/** Messages told to somebody else. */
export const fallbacksTotal = counter({
  name: 'shipwatch_notify_fallbacks_total',
  help: 'Messages for which a fallback receiver was told, by the channel that failed.',
  labels: ['channel'],
})

/** What services told later. */
export const receiptsTotal = counter({
  name: 'shipwatch_notify_receipts_total',
  help: 'Last words of telephone services about a message to a number, by outcome: delivered, failed, or unknown when none was expected.',
  labels: ['outcome'],
})

/** Receipts that never came. */
export const forgottenReceiptsTotal = counter({
  name: 'shipwatch_notify_forgotten_receipts_total',
  help: 'Messages whose receipt is not waited for any more, by reason: time (6 hours) or limit (2,000 messages).',
  labels: ['reason'],
})

/** Messages that wait. */
export const heldMessages = gauge({
  name: 'shipwatch_notify_held_messages',
  help: 'Groups whose message waits for the end of quiet hours; at most 5,000.',
})

/** Messages given up. */
export const deadLettersTotal = counter({
  name: 'shipwatch_notify_dead_letters_total',
  help: 'Messages that reached nobody, neither over their channel nor a fallback; a group that tries again counts again.',
})

/** Calls of the dead man's switch. */
export const heartbeatsTotal = counter({
  name: 'shipwatch_notify_heartbeats_total',
  help: 'Heartbeats to the address elsewhere, by outcome: sent, failed, or withheld because something is wrong.',
  labels: ['outcome'],
})

/** Rows of the ledger that went. */
export const ledgerForgottenTotal = counter({
  name: 'shipwatch_notify_ledger_forgotten_rows_total',
  help: 'Attempts that were removed from the ledger, being older than notify.ledger_retention or beyond notify.ledger_rows_max.',
})

/** Messages that reached nobody. */
export const openDeadLetters = gauge({
  name: 'shipwatch_notify_open_dead_letters',
  help: 'Messages that reached nobody and were neither sent again nor followed by one that arrived.',
})
