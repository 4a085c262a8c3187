/** `shipwatch delete series`: samples, deleted for good from memory, journal and engine. */

import { apiRoot, type SeriesDeletion, type SeriesDeletionView } from '../../api/api.ts'
import { systemClock } from '../../base/clock.ts'
import { makeClient } from '../client.ts'
import { parseMoment } from '../moment.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Counts first; deletes only with --yes. */
export const deleteSeriesCommand: Command = {
  name: 'delete series',
  summary: 'Delete samples of series for good.',
  operands: '<selector> ...',
  details: `Without --yes it only tells how many series that would be. All times unless --start or --end are given.
Who asked, the selectors and the counts are noted in the audit. Examples:
  shipwatch delete series '{customer="4711"}'
  shipwatch delete series 'requests_total{job="test"}' --end -1d --yes`,
  options: {
    ...clientOptions,
    start: { type: 'string', valueName: 'TIME', description: 'Delete nothing before.' },
    end: {
      type: 'string',
      valueName: 'TIME',
      description: 'Delete nothing after. RFC 3339, Unix seconds, or -5m.',
    },
    yes: { type: 'boolean', description: 'Delete, instead of counting.' },
  },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('a selector is missing')
    const nowTimeMs = systemClock.nowTimeMs()
    const start = args.text('start')
    const end = args.text('end')
    const isDryRun = !args.has('yes')
    const request: SeriesDeletion = {
      match: args.words,
      isDryRun,
      ...(start === undefined ? {} : { startTimeMs: parseMoment(start, nowTimeMs) }),
      ...(end === undefined ? {} : { endTimeMs: parseMoment(end, nowTimeMs) }),
    }
    const path = `${apiRoot}/series/delete`
    const view = await makeClient(args).post<SeriesDeletionView>(path, request)
    const { seriesCount, memorySampleCount, engineSampleCount } = view
    if (args.text('output') === 'json') output.out(`${JSON.stringify({ ...view, isDryRun })}\n`)
    else if (isDryRun) output.out(`${seriesCount} series would be touched; --yes deletes.\n`)
    else {
      output.out(
        `Deleted: ${seriesCount} series, ${memorySampleCount} samples in memory, ${engineSampleCount} in the engine.\n`,
      )
    }
    return exitCodes.fine
  },
}
