/** `shipwatch routes test`: who would be told of an alert with given labels, and how it comes to that. */

import { apiRoot } from '../../api/api.ts'
import type { RouteMatchView, RoutePreview, RoutePreviewRequest } from '../../api/rules.ts'
import { formatDuration } from '../../base/duration.ts'
import { makeClient } from '../client.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Exit code 1 when other receivers are told than were expected. */
export const routesTestCommand: Command = {
  name: 'routes test',
  summary: 'Tell who would be told of an alert.',
  operands: '<label=value…>',
  details: `Examples:
  shipwatch routes test alertname=Down severity=page
  shipwatch routes test service=checkout --verify pager --verify chat`,
  options: {
    verify: {
      type: 'string',
      isMultiple: true,
      valueName: 'RECEIVER',
      description: 'Expect exactly these receivers, in this order; may be repeated.',
    },
    ...clientOptions,
  },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('give the labels of the alert')
    const labels: Record<string, string> = Object.create(null)
    for (const word of args.words) {
      const equals = word.indexOf('=')
      if (equals <= 0) throw new UsageError(`"${word}" is not written as label=value`)
      labels[word.slice(0, equals)] = word.slice(equals + 1)
    }
    const body: RoutePreviewRequest = { labels }
    const found = await makeClient(args).post<RoutePreview>(`${apiRoot}/routes/preview`, body)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(found)}\n`)
    else output.out(formatPreview(found))
    const expected = args.texts('verify')
    if (expected.length === 0 || expected.join('\n') === found.receivers.join('\n'))
      return exitCodes.fine
    output.err(`expected ${expected.join(', ')}, found ${found.receivers.join(', ') || 'nobody'}\n`)
    return exitCodes.failed
  },
}

function formatPreview(found: RoutePreview): string {
  let text = found.routes.map(formatRoute).join('')
  if (text === '') text = 'Nobody is told: there is no route.\n'
  for (const [holders, word] of [
    [found.silencedBy, 'silenced by'],
    [found.inhibitedBy, 'inhibited by'],
    [found.pausedBy, 'out of hours or in maintenance:'],
  ] as const) {
    if (holders.length > 0) text += `Held now: ${word} ${holders.join(', ')}\n`
  }
  return text
}

function formatRoute(route: RouteMatchView): string {
  const path = route.path.map(({ matchers }) => `{${matchers.join(', ')}}`).join(' / ')
  const groupBy = route.groupBy === undefined ? 'all labels' : route.groupBy.join(', ') || 'nothing'
  const [wait, interval, repeat] = [
    route.groupWaitMs,
    route.groupIntervalMs,
    route.repeatIntervalMs,
  ].map(formatDuration)
  const lines = [
    route.receiver,
    `  route    ${path}`,
    `  grouped  by ${groupBy}; first after ${wait}, then every ${interval}, again after ${repeat}`,
  ]
  if (route.escalationPolicy !== '') lines.push(`  policy   ${route.escalationPolicy}`)
  if (route.pausedBy.length > 0) lines.push(`  silent   now: ${route.pausedBy.join(', ')}`)
  return `${lines.join('\n')}\n`
}
