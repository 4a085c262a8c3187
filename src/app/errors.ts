/** Error codes of starting, reloading and stopping. */

import { errorTable } from '../base/error.ts'

/** Makers of the application's errors. */
export const appErrors = errorTable('APP', {
  DATA_DIR_IN_USE: {
    kind: 'user',
    status: 409,
    message: (facts: { path: string; pid: number }) =>
      `The data directory ${facts.path} is in use by process ${facts.pid}.`,
    hint: 'Stop that process, or give this one its own --data-dir.',
  },
  DATA_DIR_UNUSABLE: {
    kind: 'user',
    status: 500,
    message: (facts: { path: string; reason: string }) =>
      `The data directory ${facts.path} cannot be used: ${facts.reason}.`,
    hint: 'Check its permissions and the free space, or name another with --data-dir.',
  },
  PORT_UNUSABLE: {
    kind: 'user',
    status: 500,
    message: (facts: { listen: string; reason: string }) =>
      `Cannot listen on ${facts.listen}: ${facts.reason}.`,
    hint: 'Stop what listens there, or choose another address with server.listen or --port.',
  },
  OVERRIDE_INVALID: {
    kind: 'user',
    status: 400,
    message: (facts: { text: string; reason: string }) => `--set ${facts.text}: ${facts.reason}.`,
    hint: 'Write for example --set global.scrape_interval=5s or --set default_rules=false.',
  },
})
