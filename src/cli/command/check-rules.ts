/** `shipwatch check rules`: reads rule files as the server would, and says every mistake with its place. */

import { CodedError } from '../../base/error.ts'
import type { RuleGroup } from '../../detect/detect.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** Exit code 1 when any file has a mistake. */
export const checkRulesCommand: Command = {
  name: 'check rules',
  summary: 'Check rule files: names, expressions, templates.',
  operands: '<file…>',
  details: `Files are in Prometheus's format, or PrometheusRule objects as they are applied to Kubernetes.
Recording rules that write the same series are named, but are no mistake.`,
  options: {},
  run: async ({ words }, output) => {
    if (words.length === 0) throw new UsageError('name at least one file')
    // Loaded here, so that the other commands answer without loading the engine.
    const { readConfigFile } = await import('../../config/config.ts')
    const { findRuleNotes, parseRuleFile } = await import('../../detect/detect.ts')
    const { makeEngine } = await import('../make-engine.ts')
    const engine = makeEngine()
    let isFine = true
    for (const file of words) {
      try {
        const groups = parseRuleFile(readConfigFile(file), file, engine)
        output.out(`${file}: fine (${describe(groups)})\n`)
        for (const text of findRuleNotes(groups)) output.out(`${file}: note: ${text}\n`)
      } catch (thrown) {
        if (!(thrown instanceof CodedError)) throw thrown
        output.err(`${thrown.message}\n`)
        isFine = false
      }
    }
    return isFine ? exitCodes.fine : exitCodes.failed
  },
}

function describe(groups: readonly RuleGroup[]): string {
  const rules = groups.flatMap((group) => group.rules)
  const alertCount = rules.filter((rule) => rule.kind === 'alerting').length
  return [
    count(groups.length, 'group'),
    count(alertCount, 'alert'),
    count(rules.length - alertCount, 'recording rule'),
  ].join(', ')
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
