/** Error codes of incidents. */

import { errorTable } from '../base/error.ts'

/** Makers of the incident errors. */
export const incidentErrors = errorTable('INCIDENT', {
  RESOLVED_ALREADY: {
    kind: 'user',
    status: 409,
    message: (facts: { number: number }) => `Incident ${facts.number} is resolved already.`,
    hint: 'Nothing to do; a comment can still be added.',
  },
})
