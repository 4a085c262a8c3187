/** `shipwatch oncall`: who is on call now, or at another time; `oncall override`: somebody else is. */

import { apiRoot } from '../../api/api.ts'
import type { OnCallNow, OverrideBody } from '../../api/on-call.ts'
import { systemClock } from '../../base/clock.ts'
import { parseDuration } from '../../base/duration.ts'
import type { OnCallOverride } from '../../model/on-call.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Puts somebody else on call for a while. */
export const oncallOverrideCommand: Command = {
  name: 'oncall override',
  summary: 'Put somebody else on call for a while.',
  operands: '<schedule> <person>',
  details: 'Example:\n  shipwatch oncall override primary ana --for 4h --replaces bo',
  options: {
    for: { type: 'string', valueName: 'SPAN', description: 'How long, such as 4h. Required.' },
    start: { type: 'string', valueName: 'TIME', description: 'When it begins. Default: now.' },
    replaces: {
      type: 'string',
      valueName: 'PERSON',
      description: 'Whom alone of those on call. Default: everybody.',
    },
    comment: { type: 'string', valueName: 'TEXT', description: 'Why.' },
    ...clientOptions,
  },
  run: async (args, output) => {
    const [schedule, person] = args.words
    const spanMs = parseDuration(args.text('for') ?? '')
    if (schedule === undefined || person === undefined || spanMs === undefined || spanMs === 0)
      throw new UsageError('a schedule, a person and --for with a span such as 4h are required')
    const start = args.text('start')
    const startTimeMs = start === undefined ? systemClock.nowTimeMs() : Date.parse(start)
    if (!Number.isFinite(startTimeMs))
      throw new UsageError(`--start is a time such as 2026-12-24T18:00:00Z, not "${start}"`)
    const body: OverrideBody = {
      schedule,
      people: [person],
      replaces: args.text('replaces') ?? '',
      startTimeMs,
      endTimeMs: startTimeMs + spanMs,
      comment: args.text('comment') ?? '',
    }
    const path = `${apiRoot}/on-call/overrides`
    const override = await makeClient(args).post<OnCallOverride>(path, body)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(override)}\n`)
    else
      output.out(
        `${override.id} ${person} is on call on ${schedule} until ${formatTime(override.endTimeMs)}\n`,
      )
    return exitCodes.fine
  },
}

/** Shows each schedule with who is on call, until when, and who comes then. */
export const oncallCommand: Command = {
  name: 'oncall',
  summary: 'Show who is on call.',
  options: {
    at: {
      type: 'string',
      valueName: 'TIME',
      description: 'At this time, such as 2026-12-24T18:00:00Z. Default: now.',
    },
    ...clientOptions,
  },
  run: async (args, output) => {
    const at = args.text('at')
    const timeMs = at === undefined ? undefined : Date.parse(at)
    if (timeMs !== undefined && !Number.isFinite(timeMs))
      throw new UsageError(`--at is a time such as 2026-12-24T18:00:00Z, not "${at}"`)
    const now = await makeClient(args).get<OnCallNow>(`${apiRoot}/on-call`, {
      timeMs: timeMs === undefined ? undefined : String(timeMs),
    })
    if (args.text('output') === 'json') {
      output.out(`${JSON.stringify(now)}\n`)
      return exitCodes.fine
    }
    if (now.schedules.length + now.teams.length === 0) {
      output.out('No schedule and no team is configured.\n')
      return exitCodes.fine
    }
    if (now.schedules.length > 0) {
      output.out(
        formatTable([
          ['SCHEDULE', 'ON CALL', 'UNTIL', 'THEN'],
          ...now.schedules.map(({ name, current, next }) => [
            name,
            current?.people.join(', ') ?? 'nobody',
            formatTime(current?.endTimeMs),
            next === undefined ? '-' : `${next.people.join(', ')} ${formatTime(next.startTimeMs)}`,
          ]),
        ]),
      )
    }
    if (now.teams.length > 0) {
      output.out(
        formatTable([
          ['TEAM', 'ON CALL', 'MEMBERS'],
          ...now.teams.map((team) => [team.name, team.onCall.join(', '), team.members.join(', ')]),
        ]),
      )
    }
    return exitCodes.fine
  },
}
