/** Error codes of alerting. */

import { errorTable } from '../base/error.ts'

/** Makers of alerting's errors. */
export const alertErrors = errorTable('ALERT', {
  RECEIVER_UNKNOWN: {
    kind: 'user',
    status: 400,
    message: (facts: { receiver: string; route: string }) =>
      `undefined receiver "${facts.receiver}" used in route ${facts.route}`,
    hint: 'Add a receiver of this name under "receivers", or correct the name in the route.',
  },
  INTERVAL_UNKNOWN: {
    kind: 'user',
    status: 400,
    message: (facts: { interval: string; route: string }) =>
      `undefined time interval "${facts.interval}" used in route ${facts.route}`,
    hint: 'Add an interval of this name under "time_intervals", or correct the name in the route.',
  },
  SILENCE_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => `invalid silence: ${facts.reason}`,
    hint: 'Correct what is named; a silence needs a matcher that not every alert fulfils, and an end in the future.',
  },
  SILENCE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no silence "${facts.id}".`,
    hint: 'It may have ended more than five days ago; look in the list.',
  },
  POLICY_UNKNOWN: {
    kind: 'user',
    status: 400,
    message: (facts: { policy: string; place: string }) =>
      `undefined escalation policy "${facts.policy}" used in ${facts.place}`,
    hint: 'Add a policy of this name under "escalation_policies", or correct the name.',
  },
  POLICY_MISSING: {
    kind: 'user',
    status: 409,
    message: (facts: { id: string }) => `Page "${facts.id}" has no escalation policy.`,
    hint: 'Give it to a person or a policy first, or name a policy in the route or receiver.',
  },
  MATCHER_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { text: string; place: string; reason: string }) =>
      `bad matcher "${facts.text}" in ${facts.place}: ${facts.reason}`,
    hint: 'Write it as in routes, such as severity="critical".',
  },
  PAGE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no page "${facts.id}".`,
    hint: 'It may have been over for longer than page_retention; look in the list.',
  },
  PAGE_OVER: {
    kind: 'user',
    status: 409,
    message: (facts: { id: string }) => `Page "${facts.id}" is over already.`,
    hint: 'Nothing is left to do; if the trouble comes back, there is a new page.',
  },
  TOKEN_INVALID: {
    kind: 'user',
    status: 403,
    message: () => 'The link is not valid, or has ended.',
    hint: 'Use the newest message, or sign in and act there.',
  },
  MAINTENANCE_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => `The maintenance window is not valid: ${facts.reason}.`,
    hint: 'Correct what is named; a window needs a matcher, a service or a team, and an end after its start. `shipwatch receivers list` lists the receivers.',
  },
  MAINTENANCE_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no maintenance window "${facts.id}".`,
    hint: 'It may have ended more than 30 days ago; look in the list.',
  },
  MAINTENANCE_FULL: {
    kind: 'operation',
    status: 503,
    message: (facts: { countMax: number }) =>
      `There are ${facts.countMax} maintenance windows already.`,
    hint: 'Remove windows that ended.',
  },
  HEARTBEAT_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { name: string }) => `There is no heartbeat "${facts.name}".`,
    hint: 'Add it under "heartbeats", or correct the name; a key, if it has one, must be given.',
  },
  SILENCES_FULL: {
    kind: 'operation',
    status: 503,
    message: (facts: { countMax: number }) => `There are ${facts.countMax} silences already.`,
    hint: 'Silences that ended are kept for five days; raise silence_count_max, or make fewer.',
  },
})
