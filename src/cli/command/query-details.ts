/** `shipwatch query series`, `query labels`, `query explain`: what there is to ask about, and what a question costs. */

import type { ExplainNodeView, ExplainView } from '../../api/api.ts'
import { makeClient } from '../client.ts'
import { formatTable } from '../print.ts'
import {
  type Command,
  type CommandArguments,
  clientOptions,
  exitCodes,
  UsageError,
} from './command.ts'
import { momentOf, splitServer } from './query.ts'

const rangeOptions: Command['options'] = {
  start: {
    type: 'string',
    valueName: 'TIME',
    description: 'Beginning: RFC 3339, Unix seconds, or -1h.',
  },
  end: { type: 'string', valueName: 'TIME', description: 'End. Default now.' },
}

const matchOption: Command['options'] = {
  match: {
    type: 'string',
    isMultiple: true,
    valueName: 'SELECTOR',
    description: 'A series selector, such as up{job="node"}; may be repeated.',
  },
}

/** The series that selectors choose. */
export const querySeriesCommand: Command = {
  name: 'query series',
  summary: 'List the series that selectors choose.',
  operands: '[selector…]',
  details: `Example:
  shipwatch query series 'up{job="node"}' --start -1h`,
  options: { ...clientOptions, ...matchOption, ...rangeOptions },
  run: async (given, output) => {
    const { args, words } = splitServer(given)
    const selectors = [...args.texts('match'), ...words]
    if (selectors.length === 0) throw new UsageError('name a selector')
    const { data, warnings } = await askList<Record<string, string>[]>(
      args,
      '/api/v1/series',
      selectors,
    )
    for (const note of warnings) output.err(`${note}\n`)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(data)}\n`)
    else output.out(data.map((labels) => `${formatSeries(labels)}\n`).join(''))
    return exitCodes.fine
  },
}

/** Label names, or the values of one. */
export const queryLabelsCommand: Command = {
  name: 'query labels',
  summary: 'List label names, or the values of a label.',
  operands: '[label]',
  details: `Examples:
  shipwatch query labels
  shipwatch query labels job --match 'up{env="prod"}'`,
  options: { ...clientOptions, ...matchOption, ...rangeOptions },
  run: async (given, output) => {
    const { args, words } = splitServer(given)
    if (words.length > 1) throw new UsageError('name one label')
    const path =
      words[0] === undefined
        ? '/api/v1/labels'
        : `/api/v1/label/${encodeURIComponent(words[0])}/values`
    const { data, warnings } = await askList<string[]>(args, path, args.texts('match'))
    for (const note of warnings) output.err(`${note}\n`)
    if (args.text('output') === 'json') output.out(`${JSON.stringify(data)}\n`)
    else output.out(data.map((text) => `${text}\n`).join(''))
    return exitCodes.fine
  },
}

async function askList<Data>(
  args: CommandArguments,
  path: string,
  selectors: readonly string[],
): Promise<{ data: Data; warnings: string[] }> {
  const search = new URLSearchParams()
  for (const text of selectors) search.append('match[]', text)
  for (const name of ['start', 'end'] as const) {
    const moment = momentOf(args.text(name))
    if (moment !== undefined) search.set(name, moment)
  }
  const answer = await makeClient(args).get<{ data: Data; warnings?: string[] }>(
    `${path}?${search}`,
  )
  return { data: answer.data, warnings: answer.warnings ?? [] }
}

/** `{__name__="up", job="a"}`, as promtool prints it. */
function formatSeries(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `{${parts.join(', ')}}`
}

/** A query's tree with what each part costs. */
export const queryExplainCommand: Command = {
  name: 'query explain',
  summary: 'Tell what each part of a PromQL question costs.',
  operands: '<expression>',
  details: `Evaluates the question once and shows its tree: rows, points, samples read and where they were found, time.
Example:
  shipwatch query explain 'sum by (job) (rate(http_requests_total[5m]))' --start -1h`,
  options: {
    ...clientOptions,
    time: {
      type: 'string',
      valueName: 'TIME',
      description: 'Moment of an instant question: RFC 3339, Unix seconds, or -5m. Default now.',
    },
    ...rangeOptions,
    step: {
      type: 'string',
      valueName: 'DURATION',
      description: "Distance of a range's points, such as 30s. Default 1m.",
    },
  },
  run: async (given, output) => {
    const { args, words } = splitServer(given)
    const query = words.join(' ')
    if (query === '') throw new UsageError('an expression is missing')
    const start = args.text('start')
    const times: Record<string, string | undefined> =
      start === undefined
        ? { timeMs: timeMsOf(args.text('time')) }
        : {
            startTimeMs: timeMsOf(start),
            endTimeMs: timeMsOf(args.text('end') ?? '-0s'),
            stepMs: stepMsOf(args.text('step') ?? '1m'),
          }
    const view = await makeClient(args).get<ExplainView>('/api/shipwatch/v1/explain', {
      query,
      ...times,
    })
    if (args.text('output') === 'json') {
      output.out(`${JSON.stringify(view)}\n`)
      return exitCodes.fine
    }
    for (const note of [...view.warnings, ...view.infos]) output.err(`${note}\n`)
    output.out(formatExplained(view))
    return exitCodes.fine
  },
}

function timeMsOf(text: string | undefined): string | undefined {
  const moment = momentOf(text)
  if (moment === undefined) return undefined
  const seconds = Number(moment)
  const timeMs = Number.isNaN(seconds) ? Date.parse(moment) : seconds * 1000
  if (Number.isNaN(timeMs)) throw new UsageError(`"${text}" is no time`)
  return String(Math.round(timeMs))
}

function stepMsOf(text: string): string {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  if (match === null) throw new UsageError(`--step "${text}" is no duration`)
  const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's']!
  return String(Math.max(1, Math.round(Number(match[1]) * unitMs)))
}

const shownTextMax = 90

function formatExplained(view: ExplainView): string {
  const rows = [['PART', 'SERIES', 'POINTS', 'READ', 'FROM', 'OWN TIME', 'TIME']]
  const walk = (node: ExplainNodeView, depth: number): void => {
    const { read } = node
    const text =
      node.text.length > shownTextMax ? `${node.text.slice(0, shownTextMax)}…` : node.text
    rows.push([
      `${'  '.repeat(depth)}${text}`,
      String(node.seriesCount),
      String(node.pointCount),
      read === undefined ? '-' : formatRead(read),
      read === undefined ? '-' : formatShares(read),
      formatMs(node.ownMs),
      formatMs(node.elapsedMs),
    ])
    for (const child of node.children) walk(child, depth + 1)
  }
  walk(view.root, 0)
  const sums = [
    `${formatMs(view.elapsedMs)} in all`,
    `${formatMs(view.queueMs)} waiting`,
    `${formatMs(view.readMs)} reading ${view.sampleCount} samples`,
    `${formatMs(view.evaluateMs)} evaluating`,
    `at most ${view.peakSampleCount} samples held`,
  ]
  return `${formatTable(rows)}\n${sums.join(', ')}\n`
}

/** Where rollups were enough, fewer samples were read than are kept. */
function formatRead({ sampleCount, storedSampleCount }: NonNullable<ExplainNodeView['read']>) {
  return storedSampleCount > sampleCount
    ? `${sampleCount} of ${storedSampleCount}`
    : String(sampleCount)
}

function formatShares(read: NonNullable<ExplainNodeView['read']>): string {
  const parts = Object.entries({
    memory: read.memorySampleCount,
    cache: read.cacheSampleCount,
    engine: read.engineSampleCount,
  }).filter(([, count]) => count > 0)
  const whole = parts.reduce((sum, [, count]) => sum + count, 0)
  if (whole === 0) return '-'
  return parts.map(([name, count]) => `${name} ${Math.round((count / whole) * 100)} %`).join(', ')
}

function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`
}
