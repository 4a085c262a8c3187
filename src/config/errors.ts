/** Error codes of reading the configuration. */

import { errorTable } from '../base/error.ts'

/** Makers of the configuration's errors. */
export const configErrors = errorTable('CONFIG', {
  FILE_UNREADABLE: {
    kind: 'user',
    status: 400,
    message: (facts: { path: string; reason: string }) =>
      `Cannot read ${facts.path}: ${facts.reason}.`,
    hint: 'Check the path and its permissions; --config names another file.',
  },
  INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { text: string; count: number }) => facts.text,
    hint: 'Correct the places named. A running server keeps the configuration that it has.',
  },
})
