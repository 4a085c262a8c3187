/** Error codes of deliveries. */

import { errorTable } from '../base/error.ts'

/** Makers of the delivery errors. */
export const deliverErrors = errorTable('DELIVER', {
  DEPLOYMENT_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { field: string; reason: string }) =>
      `The deployment's ${facts.field} ${facts.reason}.`,
    hint: 'Send at least {"service": "checkout", "version": "v2"}; times are milliseconds since 1970 UTC.',
  },
  DEPLOYMENT_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no deployment "${facts.id}".`,
    hint: 'List the deployments; ids are in the answer of the call that recorded them.',
  },
})
