/** `shipwatch query`: asks a running server one PromQL question. */

import { systemClock } from '../../base/clock.ts'
import { formatAnswer, formatCsv, formatPromql, type QueryData } from '../answer.ts'
import { makeClient } from '../client.ts'
import {
  type Command,
  type CommandArguments,
  clientOptions,
  exitCodes,
  UsageError,
} from './command.ts'

interface Answer {
  data: QueryData
  warnings?: string[]
  infos?: string[]
}

const formats = new Map<string, (data: QueryData) => string>([
  ['table', formatAnswer],
  ['csv', formatCsv],
  ['promql', formatPromql],
  ['json', (data) => `${JSON.stringify(data)}\n`],
])

/** Instant by default; a range with --start. */
export const queryCommand: Command = {
  name: 'query',
  summary: 'Ask one PromQL question.',
  operands: '<expression>',
  details: `Examples:
  shipwatch query up
  shipwatch query 'rate(node_cpu_seconds_total{mode="user"}[1m])' --start -15m --step 1m
  shipwatch query up --start -1h --output csv > up.csv
promtool's words are understood: query instant [server] <expression>, query range [server] <expression>.`,
  options: {
    ...clientOptions,
    output: {
      type: 'string',
      valueName: 'FORM',
      description: 'table (default), csv, json, or promql as promtool prints it.',
    },
    time: {
      type: 'string',
      valueName: 'TIME',
      description: 'Moment of an instant query: RFC 3339, Unix seconds, or -5m. Default now.',
    },
    start: { type: 'string', valueName: 'TIME', description: 'Beginning of a range query.' },
    end: { type: 'string', valueName: 'TIME', description: 'End of a range query. Default now.' },
    step: {
      type: 'string',
      valueName: 'DURATION',
      description: "Distance of a range query's points. Default 1m.",
    },
  },
  run: async (given, output) => {
    const [verb] = given.words
    const isNamed = given.words.length > 1 && (verb === 'instant' || verb === 'range')
    const { args, words } = splitServer(isNamed ? { ...given, words: given.words.slice(1) } : given)
    const expression = words.join(' ')
    if (expression === '') throw new UsageError('an expression is missing')
    const format = formats.get(args.text('output') ?? 'table')
    if (format === undefined) throw new UsageError('--output is table, csv, json or promql')
    const client = makeClient(args)
    const start = args.text('start') ?? (isNamed && verb === 'range' ? '-5m' : undefined)
    const answer =
      start === undefined
        ? await client.get<Answer>('/api/v1/query', {
            query: expression,
            time: momentOf(args.text('time')),
          })
        : await client.get<Answer>('/api/v1/query_range', {
            query: expression,
            start: momentOf(start),
            end: momentOf(args.text('end') ?? '-0s'),
            step: args.text('step') ?? '1m',
          })
    for (const note of [...(answer.warnings ?? []), ...(answer.infos ?? [])])
      output.err(`${note}\n`)
    output.out(format(answer.data))
    return exitCodes.fine
  },
}

/** promtool names the server as the first word; here it may be one too. */
export function splitServer(given: CommandArguments): { args: CommandArguments; words: string[] } {
  const [first, ...rest] = given.words
  if (first === undefined || !/^https?:\/\/\S+$/.test(first))
    return { args: given, words: given.words }
  const args = { ...given, text: (name: string) => (name === 'url' ? first : given.text(name)) }
  return { args, words: rest }
}

/** `-5m` is five minutes ago; anything else goes to the server as it is. */
export function momentOf(text: string | undefined): string | undefined {
  const ago = /^-(\d+)(ms|s|m|h|d|w)$/.exec(text ?? '')
  if (ago === null) return text
  const unit = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }[ago[2]!]!
  return String(systemClock.nowTimeMs() / 1_000 - Number(ago[1]) * unit)
}
