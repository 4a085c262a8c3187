/**
 * Reader of Prometheus's PromQL test scripts (`*.test`): `clear`, `load`, `load_with_nhcb`, `eval`
 * with expectations. Blocks end at a blank line; lines that start with `#` count as blank.
 * Source of the format: prometheus promql/promqltest/README.md (Apache-2.0); own reader.
 */

import { parseDuration } from '../../base/duration.ts'
import { unquoteGo } from '../../base/go-string.ts'
import { parsePlainNumber } from '../promql/literal.ts'
import { parseMetric, parseSeriesLine, type SeriesLine, splitItems } from './series-line.ts'

/** Something that an `eval` expects beyond its result. */
export interface Expectation {
  kind: 'fail' | 'warn' | 'info' | 'no_warn' | 'no_info' | 'ordered'
  /** Exact text, pattern, or neither. */
  message?: string
  pattern?: string
  /** Written in the old form, which allows further annotations. */
  isLoose?: boolean
}

/** A series with start timestamps as offsets to the samples' times. */
export interface LoadedSeries extends SeriesLine {
  startOffsets: (number | undefined)[] | undefined
}

/** `load` */
export interface LoadCommand {
  kind: 'load'
  line: number
  intervalMs: number
  series: LoadedSeries[]
  /** Also adds custom-bucket histograms made from classic ones. */
  hasNative: boolean
}

/** `eval` */
export interface EvalCommand {
  kind: 'eval'
  line: number
  expression: string
  /** `stepMs` 0 for an instant query. */
  startTimeMs: number
  endTimeMs: number
  stepMs: number
  expectations: Expectation[]
  series: SeriesLine[]
  scalar: number | undefined
  text: string | undefined
  /** Times of the points of an expected range vector. */
  rangeVector: { startTimeMs: number; endTimeMs: number; stepMs: number } | undefined
}

/** A command of a script. */
export type Command = { kind: 'clear'; line: number } | LoadCommand | EvalCommand

/** Reads a script; throws `SyntaxError` that names the line. */
export function parseScript(text: string): Command[] {
  const lines = text.split('\n').map((line) => {
    const trimmed = line.trim()
    return trimmed.startsWith('#') ? '' : trimmed
  })
  const commands: Command[] = []
  for (let index = 0; index < lines.length; index++) {
    const head = lines[index]!
    if (head === '') continue
    const start = index
    while (index + 1 < lines.length && lines[index + 1] !== '') index++
    const body = lines.slice(start + 1, index + 1)
    try {
      commands.push(...parseBlock(head, body, start + 1))
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      throw new SyntaxError(`line ${start + 1}: ${reason}`)
    }
  }
  return commands
}

/** A scalar or an old-style failure text ends a block early; what follows is a block of its own. */
function parseBlock(head: string, body: string[], line: number): Command[] {
  const word = /^\w+/.exec(head)?.[0].toLowerCase() ?? ''
  if (word === 'clear') {
    const clear: Command = { kind: 'clear', line }
    return body.length === 0 ? [clear] : [clear, ...parseBlock(body[0]!, body.slice(1), line + 1)]
  }
  if (word === 'load' || word === 'load_with_nhcb') return [parseLoad(head, body, line)]
  if (!word.startsWith('eval')) throw new SyntaxError(`unknown command ${JSON.stringify(head)}`)
  const { command, usedCount } = parseEval(head, body, line)
  const rest = body.slice(usedCount)
  if (rest.length === 0) return [command]
  return [command, ...parseBlock(rest[0]!, rest.slice(1), line + usedCount + 1)]
}

function parseLoad(head: string, body: string[], line: number): LoadCommand {
  const interval = /^\w+\s+(\S+)$/.exec(head)?.[1] ?? ''
  const series: LoadedSeries[] = []
  let startOffsets: LoadedSeries['startOffsets']
  for (const text of body) {
    const metricEnd = text.length - parseMetric(text).rest.length
    if (text.startsWith('@st', metricEnd)) {
      startOffsets = parseStartOffsets(text.slice(metricEnd + 3))
      continue
    }
    const parsed = parseSeriesLine(text)
    if (startOffsets !== undefined && startOffsets.length !== parsed.values.length)
      throw new SyntaxError('as many start timestamps as values are needed')
    series.push({ ...parsed, startOffsets })
    startOffsets = undefined
  }
  const hasNative = head.toLowerCase().startsWith('load_with_nhcb')
  return { kind: 'load', line, intervalMs: needDuration(interval), series, hasNative }
}

function parseStartOffsets(text: string): (number | undefined)[] {
  const offsets: (number | undefined)[] = []
  for (const item of splitItems(text.trim())) {
    const [, head, times] = /^(.*?)(?:x(\d+))?$/.exec(item)!
    const count = times === undefined ? 0 : Number(times)
    if (head === '_') {
      for (let index = 0; index < Math.max(1, count); index++) offsets.push(undefined)
      continue
    }
    const match = /^([-+]?\w+?)(?:([-+])(\w+))?$/.exec(head!)
    if (match === null) throw new SyntaxError(`bad start timestamp ${JSON.stringify(item)}`)
    let offsetMs = signedDuration(match[1]!)
    const climbMs = match[3] === undefined ? 0 : signedDuration(`${match[2]}${match[3]}`)
    for (let index = 0; index <= count; index++) {
      offsets.push(offsetMs)
      offsetMs += climbMs
    }
  }
  return offsets
}

function signedDuration(text: string): number {
  const spanMs = needDuration(text.replace(/^[-+]/, ''))
  return text.startsWith('-') ? -spanMs : spanMs
}

function needDuration(text: string): number {
  const spanMs = parseDuration(text)
  if (spanMs === undefined) throw new SyntaxError(`${JSON.stringify(text)} is not a duration`)
  return spanMs
}

function parseEval(
  head: string,
  body: string[],
  line: number,
): { command: EvalCommand; usedCount: number } {
  const command = parseEvalHead(head, line)
  const old = /^eval_(fail|warn|info|ordered)\b/i.exec(head)?.[1]
  if (old !== undefined)
    command.expectations.push({ kind: old.toLowerCase() as Expectation['kind'], isLoose: true })
  for (let index = 0; index < body.length; index++) {
    const text = body[index]!
    const failure = /^expected_fail_(message|regexp)\s+(.*)$/.exec(text)
    if (failure !== null) {
      const wanted = failure[1] === 'message' ? { message: failure[2]! } : { pattern: failure[2]! }
      Object.assign(command.expectations[0]!, wanted)
      return { command, usedCount: index + 1 }
    }
    if (addExpectation(command, text)) continue
    const scalar = parsePlainNumber(text)
    if (scalar !== undefined) {
      command.scalar = scalar
      return { command, usedCount: index + 1 }
    }
    command.series.push(parseSeriesLine(text))
  }
  return { command, usedCount: body.length }
}

function parseEvalHead(head: string, line: number): EvalCommand {
  const shared = {
    kind: 'eval' as const,
    line,
    expectations: [],
    series: [],
    scalar: undefined,
    text: undefined,
    rangeVector: undefined,
  }
  const instant = /^eval\w*\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$/i.exec(head)
  if (instant !== null) {
    const timeMs = instant[1] === undefined ? 0 : signedDuration(instant[1])
    const times = { startTimeMs: timeMs, endTimeMs: timeMs, stepMs: 0 }
    return { ...shared, ...times, expression: instant[2]! }
  }
  const range = /^eval\w*\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/i.exec(head)
  if (range === null) throw new SyntaxError(`bad eval ${JSON.stringify(head)}`)
  const [startTimeMs, endTimeMs, stepMs] = range.slice(1, 4).map(signedDuration) as [
    number,
    number,
    number,
  ]
  return { ...shared, startTimeMs, endTimeMs, stepMs, expression: range[4]! }
}

/** Takes an `expect` line; `false` when the line is something else. */
function addExpectation(command: EvalCommand, text: string): boolean {
  const string = /^expect\s+string\s+(.+)$/.exec(text)
  if (string !== null) {
    command.text = unquoteGo(string[1]!)
    return true
  }
  const window = /^expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/.exec(text)
  if (window !== null) {
    const [startTimeMs, endTimeMs, stepMs] = window.slice(1).map(signedDuration) as [
      number,
      number,
      number,
    ]
    command.rangeVector = { startTimeMs, endTimeMs, stepMs }
    return true
  }
  const note = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(msg|regex):(.+))?$/.exec(
    text,
  )
  if (note === null) return false
  const kind = note[1] as Expectation['kind']
  const wanted = note[3]?.trim()
  if (wanted === undefined) command.expectations.push({ kind })
  else if (note[2] === 'msg') command.expectations.push({ kind, message: wanted })
  else command.expectations.push({ kind, pattern: wanted })
  return true
}
