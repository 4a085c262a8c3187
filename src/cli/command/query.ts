/** `shipwatch query`: asks a running server one PromQL question. */

import { systemClock } from '../../base/clock.ts'
import { formatAnswer, formatCsv, type QueryData } from '../answer.ts'
import { makeClient } from '../client.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

interface Answer {
  data: QueryData
  warnings?: string[]
  infos?: string[]
}

const formats = new Map<string, (data: QueryData) => string>([
  ['table', formatAnswer],
  ['csv', formatCsv],
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
  shipwatch query up --start -1h --output csv > up.csv`,
  options: {
    ...clientOptions,
    output: { type: 'string', valueName: 'FORM', description: 'table (default), csv or json.' },
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
  run: async (args, output) => {
    const expression = args.words.join(' ')
    if (expression === '') throw new UsageError('an expression is missing')
    const format = formats.get(args.text('output') ?? 'table')
    if (format === undefined) throw new UsageError('--output is table, csv or json')
    const client = makeClient(args)
    const start = args.text('start')
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

/** `-5m` is five minutes ago; anything else goes to the server as it is. */
function momentOf(text: string | undefined): string | undefined {
  const ago = /^-(\d+)(ms|s|m|h|d|w)$/.exec(text ?? '')
  if (ago === null) return text
  const unit = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }[ago[2]!]!
  return String(systemClock.nowTimeMs() / 1_000 - Number(ago[1]) * unit)
}
