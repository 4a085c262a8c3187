/** `shipwatch queries list` and `queries stop`: what a server is being asked now, and ending it. */

import type { QueryList } from '../../api/api.ts'
import { systemClock } from '../../base/clock.ts'
import { makeClient } from '../client.ts'
import { formatTable } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

const path = '/api/shipwatch/v1/queries'
const shownLengthMax = 100

/** What waits or runs. */
export const queriesListCommand: Command = {
  name: 'queries list',
  summary: 'List the PromQL questions that wait or run now.',
  options: clientOptions,
  run: async (args, output) => {
    const { queries } = await makeClient(args).get<QueryList>(path)
    if (args.text('output') === 'json') {
      output.out(`${JSON.stringify(queries)}\n`)
      return exitCodes.fine
    }
    if (queries.length === 0) {
      output.out('No query runs now.\n')
      return exitCodes.fine
    }
    const nowTimeMs = systemClock.nowTimeMs()
    output.out(
      formatTable([
        ['ID', 'STATE', 'KIND', 'FOR', 'EXPRESSION'],
        ...queries.map(({ id, isWaiting, kind, startedTimeMs, expression }) => [
          id,
          isWaiting ? 'waiting' : 'running',
          kind,
          `${Math.max(0, (nowTimeMs - startedTimeMs) / 1000).toFixed(1)} s`,
          expression.replace(/\s+/g, ' ').slice(0, shownLengthMax),
        ]),
      ]),
    )
    return exitCodes.fine
  },
}

/** Ends one or all of them. */
export const queriesStopCommand: Command = {
  name: 'queries stop',
  summary: 'Stop PromQL questions that wait or run.',
  operands: '<id…>',
  details: 'The ids are those of `shipwatch queries list`. An administrator’s token is needed.',
  options: {
    ...clientOptions,
    all: { type: 'boolean', description: 'Stop every one.' },
  },
  run: async (args, output) => {
    const client = makeClient(args)
    const ids = args.has('all')
      ? (await client.get<QueryList>(path)).queries.map((query) => query.id)
      : args.words
    if (ids.length === 0 && !args.has('all')) throw new UsageError('name an id, or say --all')
    for (const id of ids) {
      await client.remove(`${path}/${encodeURIComponent(id)}`)
      output.out(`Query ${id} is stopped.\n`)
    }
    return exitCodes.fine
  },
}
