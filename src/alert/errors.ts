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
  SILENCES_FULL: {
    kind: 'operation',
    status: 503,
    message: (facts: { countMax: number }) => `There are ${facts.countMax} silences already.`,
    hint: 'Silences that ended are kept for five days; raise silence_count_max, or make fewer.',
  },
})
