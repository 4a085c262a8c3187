/** `shipwatch check config`: reads the configuration and its rule files as serve would, and says every mistake. */

import { CodedError } from '../../base/error.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** Exit code 1 when there is a mistake. */
export const checkConfigCommand: Command = {
  name: 'check config',
  summary: 'Check a configuration file and the rule files that it names.',
  operands: '[file]',
  options: {
    config: {
      type: 'string',
      valueName: 'FILE',
      description: 'File to check. Default ./shipwatch.yml.',
    },
  },
  run: async (args, output) => {
    if (args.words.length > 1) throw new UsageError('one file at a time')
    const file = args.words[0] ?? args.text('config') ?? 'shipwatch.yml'
    // Loaded here, so that the other commands answer without loading every schema.
    const { loadConfig } = await import('../../app/load-config.ts')
    try {
      const { ruleCount, config } = loadConfig({ file, overrides: [] })
      output.out(
        `${file}: fine (${config.scrape_configs.length} scrape configurations, ${ruleCount} rules, ${config.receivers.length} receivers)\n`,
      )
      return exitCodes.fine
    } catch (thrown) {
      if (!(thrown instanceof CodedError)) throw thrown
      output.err(`${thrown.message}\n${thrown.hint}\n`)
      return exitCodes.failed
    }
  },
}
