/** `shipwatch check rules`: reads rule files as the server would, and says every mistake with its place. */

import { CodedError } from '../../base/error.ts'
import type { RuleGroup } from '../../detect/detect.ts'
import { type Command, exitCodes, UsageError } from './command.ts'
import { readNamedText } from '../read-named-text.ts'

const lints = ['all', 'duplicate-rules', 'none'] as const

/** Exit code 1 when any file has a mistake, 3 when lint finds something and is fatal. */
export const checkRulesCommand: Command = {
  name: 'check rules',
  summary: 'Check rule files: names, expressions, templates.',
  operands: '[file…]',
  details: `Files are in Prometheus's format, or PrometheusRule objects as they are applied to Kubernetes. Options,
texts and exit codes are those of \`promtool check rules\`: 0 fine, 1 a mistake, 2 wrong usage, 3 lint found
something and --lint-fatal is given. Reads standard input when no file is named.`,
  options: {
    lint: {
      type: 'string',
      valueName: 'CHECK',
      description: 'What else to look for: all, duplicate-rules (default) or none.',
    },
    'lint-fatal': { type: 'boolean', description: 'What lint finds makes the exit code 3.' },
    'ignore-unknown-fields': {
      type: 'boolean',
      description: 'Skip fields that are not Prometheus’s instead of refusing them.',
    },
  },
  run: async (args, output) => {
    const lint = args.text('lint') ?? 'duplicate-rules'
    if (!lints.some((name) => name === lint))
      throw new UsageError(`--lint is ${lints.join(', ')}, not "${lint}"`)
    if (args.words.length === 0 && process.stdin.isTTY)
      throw new UsageError('name at least one file, or pipe rules to standard input')
    // Loaded here, so that the other commands answer without loading the engine.
    const { findRuleNotes, parseRuleFile } = await import('../../detect/detect.ts')
    const { makeEngine } = await import('../make-engine.ts')
    const ignoresUnknown = args.has('ignore-unknown-fields')
    const how = { parser: makeEngine(), ignoresUnknown }
    let code: number = exitCodes.fine
    for (const file of args.words.length === 0 ? [undefined] : args.words) {
      const { name, read } = readNamedText(file)
      output.out(`Checking ${name}\n`)
      try {
        const groups = parseRuleFile(read(), name, how)
        const notes = lint === 'none' ? [] : findRuleNotes(groups)
        for (const note of notes) output.err(`  FAILED:\n${name}: ${note}\n`)
        if (notes.length === 0) output.out(`  SUCCESS: ${describe(groups)}\n`)
        else if (args.has('lint-fatal') && code === exitCodes.fine) code = exitCodes.advice
      } catch (thrown) {
        if (!(thrown instanceof CodedError)) throw thrown
        output.err(`  FAILED:\n${thrown.message}\n`)
        code = exitCodes.failed
      }
      output.out('\n')
    }
    return code
  },
}

function describe(groups: readonly RuleGroup[]): string {
  const rules = groups.flatMap((group) => group.rules)
  const alertCount = rules.filter((rule) => rule.kind === 'alerting').length
  const parts = [
    count(groups.length, 'group'),
    count(alertCount, 'alert'),
    count(rules.length - alertCount, 'recording rule'),
  ]
  return `${rules.length} rules found (${parts.join(', ')})`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
