/** `shipwatch backtest rules`: what the rules of a file would have done over the past of a running server. */

import { apiRoot } from '../../api/api.ts'
import type {
  BackTestHold,
  BackTestRequestBody,
  BackTestRuleView,
  BackTestView,
} from '../../api/rules.ts'
import { systemClock } from '../../base/clock.ts'
import { formatDuration, parseDuration } from '../../base/duration.ts'
import { readConfigFile } from '../../config/config.ts'
import { type Client, makeClient } from '../client.ts'
import { formatTable, formatTime, makeProgress } from '../print.ts'
import {
  type CommandArguments,
  type Command,
  clientOptions,
  exitCodes,
  UsageError,
} from './command.ts'

/** How often progress is asked for. */
const pollMs = 300
const firingCountDefault = 20

/** Exit code 0 also when alerts would have fired: that is an answer, no mistake. */
export const backtestRulesCommand: Command = {
  name: 'backtest rules',
  summary: 'Tell what rules would have done over the past.',
  operands: '<file>',
  details: `The server evaluates the rules of the file over the data that it has, with the same states as at
work, and tells each alert that would have fired, who would have been told, and how many messages that makes.

Examples:
  shipwatch backtest rules new.yml
  shipwatch backtest rules new.yml --from -30d --to -1d
  shipwatch backtest rules new.yml --from 2026-11-01T00:00:00Z --output json`,
  options: {
    from: {
      type: 'string',
      valueName: 'TIME',
      description: 'Beginning: RFC 3339, Unix seconds, or such as -30d. Default -7d.',
    },
    to: { type: 'string', valueName: 'TIME', description: 'End. Default now.' },
    limit: {
      type: 'string',
      valueName: 'N',
      description: `Firings shown for each rule. Default ${firingCountDefault}.`,
    },
    ...clientOptions,
  },
  run: async (args, output) => {
    const [file] = args.words
    if (file === undefined || args.words.length > 1) throw new UsageError('name one file')
    const body: BackTestRequestBody = {
      text: readConfigFile(file),
      startTimeMs: readTime(args, 'from', '-7d'),
      endTimeMs: readTime(args, 'to', '-0s'),
    }
    const limit = Number(args.text('limit') ?? firingCountDefault)
    if (!Number.isInteger(limit) || limit < 0) throw new UsageError('--limit is a whole number')
    const client = makeClient(args)
    const started = await client.post<BackTestView>(`${apiRoot}/rules/backtest`, body)
    const show = makeProgress(output, systemClock)
    const view = await waitFor(client, started, ({ progressRatio, state }) =>
      show(`${Math.floor(progressRatio * 100)} %`, state !== 'running'),
    )
    if (view.state === 'failed') {
      output.err(`${file}: ${view.error}\n`)
      return exitCodes.failed
    }
    if (args.text('output') === 'json') output.out(`${JSON.stringify(view)}\n`)
    else output.out(formatReport(view, limit))
    return exitCodes.fine
  },
}

async function waitFor(
  client: Client,
  started: BackTestView,
  onProgress: (view: BackTestView) => void,
): Promise<BackTestView> {
  let view = started
  while (view.state === 'running') {
    await systemClock.sleep(pollMs)
    view = await client.get<BackTestView>(`${apiRoot}/rules/backtest/${started.id}`)
    onProgress(view)
  }
  return view
}

function formatReport(view: BackTestView, limit: number): string {
  const span = formatDuration(Math.round((view.endTimeMs - view.startTimeMs) / 60_000) * 60_000)
  let text = ''
  for (const rule of view.rules) text += formatRule(rule, span, limit)
  if (view.rules.length === 0) text += 'No alerting rule.\n'
  if (view.messages.length > 0) {
    const rows = view.messages.map(({ receiver, messageCount, firstTimeMs }) => [
      `  ${receiver}`,
      String(messageCount),
      formatTime(firstTimeMs),
    ])
    text += `Messages, by the routes of now:\n${formatTable([['  RECEIVER', 'COUNT', 'FIRST'], ...rows])}`
  }
  return text
}

function formatRule(rule: BackTestRuleView, span: string, limit: number): string {
  const { name, firingCount, missedCount, failedCount, lastError, firings, heldCount } = rule
  let text = `${name}: over ${span} it would have fired ${count(firingCount, 'time')}`
  if (missedCount > 0) text += `, and ${count(missedCount, 'time')} not for long enough`
  if (heldCount > 0) {
    const shown = firingCount === 1 ? 'it' : `${heldCount} of ${firingCount}`
    text += `; ${shown} held by a silence or a maintenance window`
  }
  text += '\n'
  if (lastError !== '') text += `  ${count(failedCount, 'evaluation')} failed: ${lastError}\n`
  if (firings.length === 0 || limit === 0) return text
  text += formatTable([
    ['  FIRED', 'LASTED', 'PEAK', 'TOLD', 'LABELS'],
    ...firings.slice(0, limit).map((firing) => {
      const { firedTimeMs, endTimeMs, peakValue, receivers, labels, heldBy } = firing
      const lasted = endTimeMs === undefined ? 'still' : formatDuration(endTimeMs - firedTimeMs)
      const shown = Object.entries(labels)
        .filter(([label]) => label !== 'alertname')
        .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
      return [
        `  ${formatTime(firedTimeMs)}`,
        firing.hadNoData ? `${lasted} (no data)` : lasted,
        peakValue,
        formatTold(receivers, heldBy),
        shown.join(' '),
      ]
    }),
  ])
  if (firingCount > limit) text += `  … and ${firingCount - Math.min(limit, firings.length)} more\n`
  return text
}

/** Who would have been told, or what kept it from them. */
function formatTold(receivers: readonly string[], heldBy: readonly BackTestHold[]): string {
  const told = receivers.join(', ') || 'nobody'
  const [first] = heldBy
  if (first === undefined) return told
  const shown = `${first.kind === 'silence' ? 'silence' : 'maintenance'} "${first.title}"`
  return first.isWhole ? `nobody: ${shown}` : `${told} (partly: ${shown})`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** A moment: `-30d` is thirty days ago. */
function readTime(args: CommandArguments, name: string, fallback: string): number {
  const text = args.text(name) ?? fallback
  const agoMs = text.startsWith('-') ? parseDuration(text.slice(1)) : undefined
  if (agoMs !== undefined) return systemClock.nowTimeMs() - agoMs
  const timeMs = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text)
  if (Number.isNaN(timeMs)) throw new UsageError(`--${name} is a time such as -30d, not "${text}"`)
  return timeMs
}
