/** `shipwatch maintenance list`, `add` and `end`. */

import { apiRoot } from '../../api/api.ts'
import type { MaintenanceBody, MaintenanceList, MaintenanceView } from '../../api/on-call.ts'
import { systemClock } from '../../base/clock.ts'
import { parseDuration } from '../../base/duration.ts'
import { parseMatchers } from '../../alert/alert.ts'
import { messageOf } from '../../base/error.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import {
  type Command,
  type CommandArguments,
  clientOptions,
  exitCodes,
  UsageError,
} from './command.ts'

const root = `${apiRoot}/maintenance`

/** Lists maintenance windows. */
export const maintenanceListCommand: Command = {
  name: 'maintenance list',
  summary: 'List maintenance windows.',
  options: { ...clientOptions },
  run: async (args, output) => {
    const { windows } = await makeClient(args).get<MaintenanceList>(root)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(windows)}\n`)
    else if (windows.length === 0) output.out('No maintenance window.\n')
    else {
      output.out(
        formatTable([
          ['ID', 'STATE', 'FROM', 'TO', 'HELD', 'NAME', 'WHAT'],
          ...windows.map((window) => [
            window.id,
            window.state,
            formatTime(window.current?.startTimeMs ?? window.startTimeMs),
            formatTime(window.current?.endTimeMs ?? window.endTimeMs),
            String(window.heldCount),
            window.name,
            formatWhat(window),
          ]),
        ]),
      )
    }
    return exitCodes.fine
  },
}

/** Makes a window. */
export const maintenanceAddCommand: Command = {
  name: 'maintenance add',
  summary: 'Hold alerts for a while, once or again and again.',
  operands: '<name>',
  details: `Examples:
  shipwatch maintenance add "database move" --service db --for 2h
  shipwatch maintenance add backup --match 'job="backup"' --start 2026-11-22T02:00:00Z --for 1h --every week`,
  options: {
    for: { type: 'string', valueName: 'SPAN', description: 'How long, such as 2h. Required.' },
    start: { type: 'string', valueName: 'TIME', description: 'When it begins. Default: now.' },
    match: {
      type: 'string',
      isMultiple: true,
      valueName: 'MATCHER',
      description: 'What alerts must fulfil, such as severity="warning".',
    },
    service: {
      type: 'string',
      isMultiple: true,
      valueName: 'NAME',
      description: 'Alerts of this service.',
    },
    team: {
      type: 'string',
      isMultiple: true,
      valueName: 'NAME',
      description: 'Alerts of this team.',
    },
    every: {
      type: 'string',
      valueName: 'UNIT',
      description: 'Again every day, week or month.',
    },
    zone: {
      type: 'string',
      valueName: 'ZONE',
      description: 'Clocks by which it comes again. Default: UTC.',
    },
    summary: {
      type: 'string',
      valueName: 'RECEIVER',
      description: 'Who hears at the end what was held.',
    },
    'summary-every': {
      type: 'string',
      valueName: 'SPAN',
      description: 'Tell that receiver while it lasts as well, so often at most, such as 4h.',
    },
    comment: { type: 'string', valueName: 'TEXT', description: 'Why.' },
    ...clientOptions,
  },
  run: async (args, output) => {
    const window = await makeClient(args).post<MaintenanceView>(root, readBody(args))
    if (args.text('output') === 'json') output.out(`${JSON.stringify(window)}\n`)
    else output.out(`${window.id} ${window.state} until ${formatTime(window.endTimeMs)}\n`)
    return exitCodes.fine
  },
}

/** Ends a window, with its further openings. */
export const maintenanceEndCommand: Command = {
  name: 'maintenance end',
  summary: 'End a maintenance window for good.',
  operands: '<id>',
  options: { ...clientOptions },
  run: async (args, output) => {
    const id = args.words[0]
    if (id === undefined) throw new UsageError('name a window; see maintenance list')
    const path = `${root}/${encodeURIComponent(id)}/end`
    const window = await makeClient(args).post<MaintenanceView>(path, {})
    if (args.text('output') === 'json') output.out(`${JSON.stringify(window)}\n`)
    else output.out(`${window.id} ${window.state}\n`)
    return exitCodes.fine
  },
}

function readBody(args: CommandArguments): MaintenanceBody {
  const name = args.words[0]
  const span = args.text('for')
  const spanMs = span === undefined ? undefined : parseDuration(span)
  if (name === undefined || spanMs === undefined || spanMs === 0)
    throw new UsageError('a name and --for with a span such as 2h are required')
  const start = args.text('start')
  const startTimeMs = start === undefined ? systemClock.nowTimeMs() : Date.parse(start)
  if (!Number.isFinite(startTimeMs))
    throw new UsageError(`--start is a time such as 2026-12-24T18:00:00Z, not "${start}"`)
  const every = args.text('every')
  if (every !== undefined && every !== 'day' && every !== 'week' && every !== 'month')
    throw new UsageError(`--every is day, week or month, not "${every}"`)
  const summaryEvery = args.text('summary-every')
  const summaryEveryMs = summaryEvery === undefined ? 0 : parseDuration(summaryEvery)
  if (summaryEveryMs === undefined)
    throw new UsageError(`--summary-every is a span such as 4h, not "${summaryEvery}"`)
  return {
    name,
    matchers: readMatchers(args.texts('match')),
    services: args.texts('service'),
    teams: args.texts('team'),
    startTimeMs,
    endTimeMs: startTimeMs + spanMs,
    timeZone: args.text('zone') ?? 'UTC',
    ...(every === undefined ? {} : { repeat: { every } }),
    summaryReceiver: args.text('summary') ?? '',
    ...(summaryEveryMs === 0 ? {} : { summaryEveryMs }),
    comment: args.text('comment') ?? '',
  }
}

function readMatchers(texts: readonly string[]): NonNullable<MaintenanceBody['matchers']> {
  try {
    return texts
      .flatMap(parseMatchers)
      .map(({ name, operator, value }) => ({ name, operator, value }))
  } catch (thrown) {
    throw new UsageError(`--match: ${messageOf(thrown)}`)
  }
}

function formatWhat({ matchers, services, teams }: MaintenanceView): string {
  const parts = matchers.map(({ name, operator, value }) => `${name}${operator}"${value}"`)
  if (services.length > 0) parts.push(`service ${services.join(', ')}`)
  if (teams.length > 0) parts.push(`team ${teams.join(', ')}`)
  return parts.join('; ')
}
