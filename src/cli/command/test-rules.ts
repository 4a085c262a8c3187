/** `shipwatch test rules`: runs unit tests of rules, on the state machine that works in the server. */

import { writeFileSync } from 'node:fs'
import { CodedError, messageOf } from '../../base/error.ts'
import { compileSearch } from '../../base/regexp.ts'
import { formatJunit, type JunitSuite } from '../junit.ts'
import { type Command, exitCodes, type Output, UsageError } from './command.ts'

/** Exit code 1 when any test fails or any file is wrong. */
export const testRulesCommand: Command = {
  name: 'test rules',
  summary: 'Run unit tests of rules.',
  operands: '<file…>',
  details: `Files, options, texts and exit codes are those of \`promtool test rules\`: input series, and which alerts
fire and what expressions answer at some times. What vanishes is resolved at once, as in Prometheus, whatever
\`no_data\` of the settings says.`,
  options: {
    run: {
      type: 'string',
      isMultiple: true,
      valueName: 'REGEX',
      description: 'Run only tests whose name matches somewhere; may be repeated.',
    },
    diff: {
      type: 'boolean',
      description: 'Show what differs as lines with - (expected) and + (found).',
    },
    'ignore-unknown-fields': {
      type: 'boolean',
      description: 'Skip fields that are not Prometheus’s instead of refusing them.',
    },
    junit: {
      type: 'string',
      valueName: 'FILE',
      description: 'Write the results as a JUnit report.',
    },
  },
  run: async (args, output) => {
    if (args.words.length === 0) throw new UsageError('name at least one file')
    const patterns = args.texts('run').map(readPattern)
    const isWanted = (name: string): boolean =>
      patterns.length === 0 || patterns.some((pattern) => pattern.test(name))
    const how = { isWanted, ignoresUnknown: args.has('ignore-unknown-fields') }
    const suites: JunitSuite[] = []
    for (const file of args.words)
      suites.push(await runFile(file, { how, isDiff: args.has('diff'), output }))
    const report = args.text('junit')
    if (report !== undefined) writeFileSync(report, formatJunit(suites))
    const isFine = suites.every(
      ({ error, cases }) => error === '' && cases.every(({ failures }) => failures.length === 0),
    )
    return isFine ? exitCodes.fine : exitCodes.failed
  },
}

async function runFile(
  file: string,
  given: {
    how: { isWanted: (name: string) => boolean; ignoresUnknown: boolean }
    isDiff: boolean
    output: Output
  },
): Promise<JunitSuite> {
  const { how, isDiff, output } = given
  const { runRuleTests } = await import('../../detect/detect.ts')
  output.out(`Unit Testing:  ${file}\n`)
  try {
    const { tests, missing } = await runRuleTests(file, how)
    for (const name of missing) output.err(`${file}: note: no rule file is called ${name}\n`)
    const failed = tests.filter((test) => test.failures.length > 0)
    if (failed.length > 0) output.err('  FAILED:\n')
    for (const { name, line, failures } of failed) {
      const text = (isDiff ? failures.map(toDiff) : failures).join('\n').replaceAll('\n', '\n  ')
      output.err(`${file}:${line}: ${name}\n  ${text}\n`)
    }
    const checkCount = tests.reduce((count, test) => count + test.checkCount, 0)
    const counts = `(${tests.length - failed.length} of ${tests.length} tests, ${checkCount} checks)`
    output.out(failed.length === 0 ? `  SUCCESS ${counts}\n\n` : `  ${counts}\n\n`)
    return { name: file, cases: tests, error: '' }
  } catch (thrown) {
    if (!(thrown instanceof CodedError)) throw thrown
    output.err(`  FAILED:\n${file}: could not be run:\n${thrown.message}\n`)
    output.out('\n')
    return { name: file, cases: [], error: thrown.message }
  }
}

/** What was expected and what was found, as lines that differ. */
function toDiff(failure: string): string {
  return failure
    .split('\n')
    .flatMap((line) => {
      const lacking = /^\s*expected, not found: (.*)$/.exec(line)
      if (lacking !== null) return [`- ${lacking[1]}`]
      const extra = /^\s*found, not expected: (.*)$/.exec(line)
      if (extra !== null) return [`+ ${extra[1]}`]
      const both = /^\s*(.*): expected (.*), found (.*)$/.exec(line)
      return both === null ? [line] : [`- ${both[1]} ${both[2]}`, `+ ${both[1]} ${both[3]}`]
    })
    .join('\n')
}

function readPattern(text: string): ReturnType<typeof compileSearch> {
  try {
    return compileSearch(text)
  } catch (thrown) {
    throw new UsageError(`--run "${text}": ${messageOf(thrown)}`)
  }
}
