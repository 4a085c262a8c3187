/** `shipwatch measure`: the one door for every suite that measures us against outside answers. */

import { messageOf } from '../../base/error.ts'
import { findSuite, suiteNames } from '../measure/measure.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** Exit code 0 when the suite ran, whatever its score. */
export const measureCommand: Command = {
  name: 'measure',
  summary: 'Run a conformance suite and print its score.',
  operands: '<suite>',
  details: `Suites: ${suiteNames.join(', ')}
The last line with --json is {"suite":…,"passed":…,"total":…,"figures":{…}}.`,
  options: {
    from: {
      type: 'string',
      valueName: 'DIR',
      description: 'Folder that holds the suite. Required.',
    },
    json: { type: 'boolean', description: 'Add one last line of JSON.' },
    out: {
      type: 'string',
      valueName: 'FILE',
      description: 'Write the answers in the form that scorers read.',
    },
    failures: { type: 'boolean', description: 'List every failing case with its place.' },
  },
  run: async (args, output) => {
    const name = args.words[0]
    const from = args.text('from')
    const suite = name === undefined ? undefined : await findSuite(name)
    if (suite === undefined) throw new UsageError(`name a suite: ${suiteNames.join(', ')}`)
    if (from === undefined) throw new UsageError('--from is required')
    try {
      const out = args.text('out')
      const result = await suite({
        from,
        print: (line) => output.out(`${line}\n`),
        listsFailures: args.has('failures'),
        ...(out === undefined ? {} : { out }),
      })
      if (args.has('json')) output.out(`${JSON.stringify(result)}\n`)
      return exitCodes.fine
    } catch (thrown) {
      output.err(`${name}: did not run: ${messageOf(thrown)}\n`)
      return exitCodes.failed
    }
  },
}
