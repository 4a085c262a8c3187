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
})
