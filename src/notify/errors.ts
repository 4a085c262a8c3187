/** Error codes of notifying. */

import { errorTable } from '../base/error.ts'

/** Makers of notifying's errors. */
export const notifyErrors = errorTable('NOTIFY', {
  TEMPLATE_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { file: string; reason: string }) =>
      `The template ${facts.file} cannot be read: ${facts.reason}.`,
    hint: 'Correct the template; templates are written in Go template language, as for Alertmanager.',
  },
  SETTING_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { receiver: string; channel: string; reason: string }) =>
      `Receiver "${facts.receiver}", ${facts.channel}: ${facts.reason}.`,
    hint: 'Correct the receiver in the configuration.',
  },
  RECEIVER_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { receiver: string }) => `There is no receiver "${facts.receiver}".`,
    hint: 'List the receivers and take one of their names.',
  },
  PUSH_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { reason: string }) => `The browser cannot be pushed to: ${facts.reason}.`,
    hint: 'Allow notifications in the browser and agree again.',
  },
  DEAD_LETTER_UNKNOWN: {
    kind: 'user',
    status: 404,
    message: (facts: { id: string }) => `There is no undelivered message "${facts.id}".`,
    hint: 'List the messages that reached nobody and take one of their ids.',
  },
})
