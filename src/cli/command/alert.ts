/** `shipwatch alert list` and `shipwatch alert ack`. */

import { type AlertList, apiRoot } from '../../api/api.ts'
import type { PageList, PageView } from '../../api/on-call.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Lists alerts, firing ones first, with who has them. */
export const alertListCommand: Command = {
  name: 'alert list',
  summary: 'List alerts, and who has them.',
  options: {
    state: {
      type: 'string',
      valueName: 'STATE',
      description: 'firing (default), pending, resolved or all.',
    },
    ...clientOptions,
  },
  run: async (args, output) => {
    const state = args.text('state') ?? 'firing'
    if (!['firing', 'pending', 'resolved', 'all'].includes(state))
      throw new UsageError(`--state is firing, pending, resolved or all, not "${state}"`)
    const client = makeClient(args)
    const all = (await client.get<AlertList>(`${apiRoot}/alerts`)).alerts
    const alerts = all.filter((alert) => state === 'all' || alert.state === state)
    if (args.text('output') === 'json') {
      output.out(`${JSON.stringify(alerts)}\n`)
      return exitCodes.fine
    }
    if (alerts.length === 0) {
      output.out(state === 'all' ? 'No alert.\n' : `No ${state} alert.\n`)
      return exitCodes.fine
    }
    const { pages } = await client.get<PageList>(`${apiRoot}/pages`, { limit: '1000' })
    const pageOf = new Map(pages.flatMap((page) => page.alerts.map((one) => [one, page.id])))
    output.out(
      formatTable([
        ['FINGERPRINT', 'STATE', 'SINCE', 'HELD', 'PAGE', 'NAME', 'LABELS'],
        ...alerts.map((alert) => [
          alert.fingerprint,
          alert.state,
          formatTime(alert.firedTimeMs ?? alert.activeTimeMs),
          alert.held === undefined ? '-' : `${alert.held.reason} (${alert.held.by.join(', ')})`,
          pageOf.get(alert.fingerprint) ?? '-',
          alert.name,
          formatLabels(alert.labels),
        ]),
      ]),
    )
    return exitCodes.fine
  },
}

/** Takes a page, or all pages of an alert. */
export const alertAckCommand: Command = {
  name: 'alert ack',
  summary: 'Acknowledge: say that you have it, which stops the escalation.',
  operands: '<page or fingerprint>',
  details: 'An acknowledgement is no silence: news of the same group are told all the same.',
  options: {
    reason: { type: 'string', valueName: 'TEXT', description: 'What others should know.' },
    ...clientOptions,
  },
  run: async (args, output) => {
    const id = args.words[0]
    if (id === undefined || args.words.length > 1)
      throw new UsageError('name one page or the fingerprint of one alert')
    const client = makeClient(args)
    const body = { reason: args.text('reason') ?? '' }
    const place = encodeURIComponent(id)
    const pages = /^[0-9a-f]{16}$/.test(id)
      ? (await client.post<PageList>(`${apiRoot}/alerts/${place}/acknowledge`, body)).pages
      : [await client.post<PageView>(`${apiRoot}/pages/${place}/acknowledge`, body)]
    if (args.text('output') === 'json') output.out(`${JSON.stringify(pages)}\n`)
    else if (pages.length === 0) {
      output.err(`No open page has the alert ${id}.\n`)
      return exitCodes.failed
    } else for (const page of pages) output.out(`${page.acknowledgedBy} has ${page.title}\n`)
    return exitCodes.fine
  },
}

function formatLabels(labels: Record<string, string>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'alertname')
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
