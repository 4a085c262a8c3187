/** `shipwatch test rules`: runs unit tests of rules, on the state machine that works in the server. */

import { CodedError, messageOf } from '../../base/error.ts'
import { compileSearch } from '../../base/regexp.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** Exit code 1 when any test fails or any file is wrong. */
export const testRulesCommand: Command = {
  name: 'test rules',
  summary: 'Run unit tests of rules.',
  operands: '<file…>',
  details: `Files are those of \`promtool test rules\`: input series, and which alerts fire and what expressions
answer at some times. What vanishes is resolved at once, as in Prometheus, whatever \`no_data\` says.`,
  options: {
    run: {
      type: 'string',
      isMultiple: true,
      valueName: 'REGEX',
      description: 'Run only tests whose name matches somewhere; may be repeated.',
    },
  },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('name at least one file')
    const patterns = args.texts('run').map(readPattern)
    const isWanted = (name: string): boolean =>
      patterns.length === 0 || patterns.some((pattern) => pattern.test(name))
    const { runRuleTests } = await import('../../detect/detect.ts')
    let isFine = true
    for (const file of args.words) {
      try {
        const { tests, missing } = await runRuleTests(file, isWanted)
        for (const name of missing) output.err(`${file}: note: no rule file is called ${name}\n`)
        const failed = tests.filter((test) => test.failures.length > 0)
        for (const { name, line, failures } of failed) {
          const text = failures.join('\n').replaceAll('\n', '\n  ')
          output.err(`${file}:${line}: ${name}\n  ${text}\n`)
        }
        const checkCount = tests.reduce((count, test) => count + test.checkCount, 0)
        const verdict = failed.length === 0 ? 'fine' : 'failed'
        output.out(
          `${file}: ${verdict} (${tests.length - failed.length} of ${tests.length} tests, ${checkCount} checks)\n`,
        )
        if (failed.length > 0) isFine = false
      } catch (thrown) {
        if (!(thrown instanceof CodedError)) throw thrown
        output.err(`${file}: could not be run:\n${thrown.message}\n`)
        isFine = false
      }
    }
    return isFine ? exitCodes.fine : exitCodes.failed
  },
}

function readPattern(text: string): ReturnType<typeof compileSearch> {
  try {
    return compileSearch(text)
  } catch (thrown) {
    throw new UsageError(`--run "${text}": ${messageOf(thrown)}`)
  }
}
