/** `shipwatch check metrics`: reads a page of metrics strictly and gives advice on its names. */

import { readFileSync } from 'node:fs'
import { CodedError, messageOf } from '../../base/error.ts'
import type { parseExposition } from '../../collect/collect.ts'
import { formatTable } from '../print.ts'
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
    lint: {
      type: 'string',
      valueName: 'KIND',
      description: 'all (default) or none: whether advice is given.',
    },
    extended: {
      type: 'boolean',
      description: 'Tell how many series each metric has, the largest first.',
    },
  },
  run: async (args, output) => {
    const { words } = args
    const asked = args.text('format')
    if (asked !== undefined && asked !== 'text' && asked !== 'openmetrics') {
      throw new UsageError('--format is text or openmetrics')
    }
    const lint = args.text('lint') ?? 'all'
    if (lint !== 'all' && lint !== 'none') throw new UsageError('--lint is all or none')
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
        const advice = lint === 'none' ? [] : lintMetrics(page, format)
        for (const { metric, text } of advice) output.err(`${name}: ${metric}: ${text}\n`)
        output.out(`${name}: ${page.families.length} metrics, ${page.samples.length} samples\n`)
        if (args.has('extended')) output.out(formatCardinality(page))
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

/** Series by metric, with their part of all, as promtool's --extended tells them. */
function formatCardinality(page: ReturnType<typeof parseExposition>): string {
  const families = new Set(page.families.map((family) => family.name))
  const seriesOf = new Map<string, Set<string>>()
  for (const { labels } of page.samples) {
    const name = familyOf(labels.get('__name__'), families)
    const keys = seriesOf.get(name) ?? new Set<string>()
    seriesOf.set(name, keys.add(labels.key))
  }
  const counts = [...seriesOf].map(([name, keys]): [string, number] => [name, keys.size])
  const whole = counts.reduce((sum, [, count]) => sum + count, 0)
  counts.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return formatTable([
    ['METRIC', 'SERIES', 'SHARE'],
    ...counts.map(([name, count]) => [
      name,
      String(count),
      `${((count / whole) * 100).toFixed(1)} %`,
    ]),
    ['all', String(whole), '100.0 %'],
  ])
}

function familyOf(name: string, families: ReadonlySet<string>): string {
  const base = name.replace(/_(?:bucket|count|sum|total|created)$/, '')
  return families.has(name) || !families.has(base) ? name : base
}

function findFormat(body: Buffer): 'text' | 'openmetrics' {
  return /(?:^|\n)# EOF\n?$/.test(body.subarray(-8).toString('latin1')) ? 'openmetrics' : 'text'
}
