/** `shipwatch check slo`: reads files of objectives as the server would, and shows the rules that they become. */

import { CodedError } from '../../base/error.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** Exit code 1 when any file has a mistake. */
export const checkSloCommand: Command = {
  name: 'check slo',
  summary: 'Check files of service level objectives.',
  operands: '<file…>',
  details: `Files are those of Sloth (prometheus/v1, PrometheusServiceLevel) or OpenSLO (v1, v1alpha). With
--rules the recording and alerting rules that the server makes of them are printed as a Prometheus rule file.`,
  options: {
    rules: { type: 'boolean', description: 'Print the rules.' },
    'bad-events-min': {
      type: 'string',
      valueName: 'COUNT',
      description:
        'As the setting slo_bad_events_min. Default 3; 0 makes the plain rules of Sloth.',
    },
  },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('name at least one file')
    const badEventsMin = Number(args.text('bad-events-min') ?? 3)
    if (!Number.isInteger(badEventsMin) || badEventsMin < 0)
      throw new UsageError('--bad-events-min is a whole number')
    const { formatYaml, readConfigFile } = await import('../../config/config.ts')
    const { formatGroups, parseSloFile } = await import('../../detect/detect.ts')
    const { makeEngine } = await import('../make-engine.ts')
    const options = { parser: makeEngine(), guard: { badEventsMin } }
    let isFine = true
    for (const file of args.words) {
      try {
        const { slos, groups } = parseSloFile(readConfigFile(file), file, options)
        if (args.has('rules')) {
          output.out(formatYaml(formatGroups(groups)))
          continue
        }
        const names = slos.map(({ id, objectivePercent }) => `${id} ${objectivePercent} %`)
        output.out(`${file}: fine (${names.join(', ')})\n`)
      } catch (thrown) {
        if (!(thrown instanceof CodedError)) throw thrown
        output.err(`${thrown.message}\n`)
        isFine = false
      }
    }
    return isFine ? exitCodes.fine : exitCodes.failed
  },
}
