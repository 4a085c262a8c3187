/** `shipwatch incident list` */

import { apiRoot, type IncidentList } from '../../api/api.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Lists incidents, newest first. */
export const incidentListCommand: Command = {
  name: 'incident list',
  summary: 'List incidents, newest first.',
  options: {
    state: { type: 'string', valueName: 'STATE', description: 'open (default), resolved or all.' },
    limit: { type: 'string', valueName: 'N', description: 'At most so many. Default 50.' },
    ...clientOptions,
  },
  run: async (args, output) => {
    const state = args.text('state') ?? 'open'
    if (!['open', 'resolved', 'all'].includes(state))
      throw new UsageError(`--state is open, resolved or all, not "${state}"`)
    const list = await makeClient(args).get<IncidentList>(`${apiRoot}/incidents`, {
      state,
      limit: args.text('limit'),
    })
    if (args.text('output') === 'json') output.out(`${JSON.stringify(list.incidents)}\n`)
    else if (list.incidents.length === 0)
      output.out(state === 'open' ? 'No open incident.\n' : 'No incident.\n')
    else {
      output.out(
        formatTable([
          ['#', 'STATE', 'HEALTH', 'OPENED', 'SERVICE', 'TITLE', 'CAUSE'],
          ...list.incidents.map((incident) => [
            String(incident.number),
            incident.state,
            incident.health,
            formatTime(incident.openedTimeMs),
            incident.service,
            incident.title,
            incident.cause === undefined
              ? '-'
              : `${incident.cause.title} (${Math.round(incident.cause.confidence * 100)} %)`,
          ]),
        ]),
      )
    }
    return exitCodes.fine
  },
}
