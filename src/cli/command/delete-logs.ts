/** `shipwatch delete logs`: log lines, deleted for good. */

import { apiRoot, type LogDeletion, type LogDeletionView } from '../../api/api.ts'
import { systemClock } from '../../base/clock.ts'
import { makeClient } from '../client.ts'
import { parseMoment } from '../moment.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

/** Counts first; deletes only with --yes. */
export const deleteLogsCommand: Command = {
  name: 'delete logs',
  summary: 'Delete log lines for good.',
  operands: '<selector>',
  details: `Without --yes it only tells how many lines that would be. All times unless --start or --end are given.
Who asked, the selector and the counts are noted in the audit. Example:
  shipwatch delete logs '{app="shop"}' --end -1d --yes`,
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
    const [match, ...more] = args.words
    if (match === undefined || more.length > 0) throw new UsageError('one selector')
    const nowTimeMs = systemClock.nowTimeMs()
    const start = args.text('start')
    const end = args.text('end')
    const isDryRun = !args.has('yes')
    const request: LogDeletion = {
      match,
      isDryRun,
      ...(start === undefined ? {} : { startTimeMs: parseMoment(start, nowTimeMs) }),
      ...(end === undefined ? {} : { endTimeMs: parseMoment(end, nowTimeMs) }),
    }
    const path = `${apiRoot}/logs/delete`
    const view = await makeClient(args).post<LogDeletionView>(path, request)
    const counts = `${view.lineCount} lines of ${view.streamCount} streams`
    if (args.text('output') === 'json') output.out(`${JSON.stringify({ ...view, isDryRun })}\n`)
    else
      output.out(isDryRun ? `${counts} would be deleted; --yes deletes.\n` : `Deleted ${counts}.\n`)
    return exitCodes.fine
  },
}
