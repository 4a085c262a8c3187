/** `shipwatch check metrics`: reads a page of metrics strictly and gives advice on its names. */

import { readFileSync } from 'node:fs'
import { CodedError, messageOf } from '../../base/error.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** The descriptor of standard input. */
const standardInput = 0

/** Exit code 1 when a page is not valid, 3 when it is and there is advice. */
export const checkMetricsCommand: Command = {
  name: 'check metrics',
  summary: 'Check a page of metrics: its format, names, units and help texts.',
  operands: '[file…]',
  details: `Reads standard input when no file is named. A page that ends with "# EOF" is OpenMetrics, any other the text format.
Exit codes: 0 fine, 1 not valid, 2 wrong usage, 3 valid, with advice.
Example:
  curl -s localhost:9100/metrics | shipwatch check metrics`,
  options: {
    format: {
      type: 'string',
      valueName: 'FORMAT',
      description: 'text or openmetrics, whatever the page ends with.',
    },
  },
  run: async (args, output) => {
    const { words } = args
    const asked = args.text('format')
    if (asked !== undefined && asked !== 'text' && asked !== 'openmetrics') {
      throw new UsageError('--format is text or openmetrics')
    }
    if (words.length === 0 && process.stdin.isTTY) {
      throw new UsageError('name a file, or pipe a page to standard input')
    }
    const { parseExposition } = await import('../../collect/collect.ts')
    const { lintMetrics } = await import('../lint-metrics.ts')
    let code: number = exitCodes.fine
    for (const file of words.length === 0 ? [standardInput] : words) {
      const name = file === standardInput ? 'standard input' : file
      try {
        const body = readFileSync(file)
        const format = asked ?? findFormat(body)
        const page = parseExposition(body, format)
        const advice = lintMetrics(page, format)
        for (const { metric, text } of advice) output.err(`${name}: ${metric}: ${text}\n`)
        output.out(`${name}: ${page.families.length} metrics, ${page.samples.length} samples\n`)
        if (advice.length > 0 && code === exitCodes.fine) code = exitCodes.advice
      } catch (thrown) {
        const isExpected = thrown instanceof CodedError || (thrown as { code?: unknown }).code
        if (!isExpected) throw thrown
        output.err(`${name}: ${messageOf(thrown)}\n`)
        code = exitCodes.failed
      }
    }
    return code
  },
}

function findFormat(body: Buffer): 'text' | 'openmetrics' {
  return /(?:^|\n)# EOF\n?$/.test(body.subarray(-8).toString('latin1')) ? 'openmetrics' : 'text'
}
