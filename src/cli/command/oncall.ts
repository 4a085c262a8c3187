/** `shipwatch oncall`: who is on call now, or at another time. */

import { apiRoot } from '../../api/api.ts'
import type { OnCallNow } from '../../api/on-call.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

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
