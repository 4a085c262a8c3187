/** `shipwatch query`: asks a running server one PromQL question. */

import { systemClock } from '../../base/clock.ts'
import { compareText } from '../../model/labels.ts'
import { makeClient } from '../client.ts'
import { formatTable, formatTime } from '../print.ts'
import { type Command, clientOptions, exitCodes, UsageError } from './command.ts'

type Point = [number, string]
interface Answer {
  data: { resultType: string; result: unknown }
  warnings?: string[]
  infos?: string[]
}

/** Instant by default; a range with --start. */
export const queryCommand: Command = {
  name: 'query',
  summary: 'Ask one PromQL question.',
  operands: '<expression>',
  details: `Examples:
  shipwatch query up
  shipwatch query 'rate(node_cpu_seconds_total{mode="user"}[1m])' --start -15m --step 1m`,
  options: {
    ...clientOptions,
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
    output.out(
      args.text('output') === 'json' ? `${JSON.stringify(answer.data)}\n` : formatAnswer(answer),
    )
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

function formatAnswer(answer: Answer): string {
  const { resultType, result } = answer.data
  if (resultType === 'scalar' || resultType === 'string') return `${(result as Point)[1]}\n`
  if (resultType === 'vector') {
    const rows = (result as { metric: Record<string, string>; value: Point }[]).map((row) => [
      nameOf(row.metric),
      row.value[1],
    ])
    return rows.length === 0 ? 'No series.\n' : formatTable(rows)
  }
  let text = ''
  for (const series of result as { metric: Record<string, string>; values: Point[] }[]) {
    text += `${nameOf(series.metric)}\n`
    text += formatTable(
      series.values.map(([time, value]) => [`  ${formatTime(time * 1_000)}`, value]),
    )
  }
  return text === '' ? 'No series.\n' : text
}

function nameOf(metric: Record<string, string>): string {
  const labels = Object.entries(metric)
    .filter(([name]) => name !== '__name__')
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `${metric['__name__'] ?? ''}{${labels.join(', ')}}`
}
