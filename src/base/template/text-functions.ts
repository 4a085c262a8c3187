/**
 * Template functions that Prometheus and Alertmanager share: letters, patterns, figures, times. Each
 * of the two adds its own.
 * Source: prometheus template/template.go, alertmanager template/template.go (Apache-2.0), behaviour
 * re-implemented.
 */

import { parseDuration } from '../duration.ts'
import { humanize, humanizeBinary, humanizeRatio, humanizeSeconds } from '../humanize.ts'
import { compileSearch, replaceMatches } from '../regexp.ts'
import { formatGeneral, SafeText, TemplateError, type TemplateFunction } from './template.ts'

/** The functions by name. */
export const textFunctions: ReadonlyMap<string, TemplateFunction> = new Map<
  string,
  TemplateFunction
>([
  ['title', (text) => makeTitle(textOf(text))],
  ['toUpper', (text) => textOf(text).toUpperCase()],
  ['toLower', (text) => textOf(text).toLowerCase()],
  ['trimSpace', (text) => textOf(text).trim()],
  ['match', (pattern, text) => compileSearch(textOf(pattern)).test(textOf(text))],
  [
    'reReplaceAll',
    (pattern, replacement, text) =>
      replaceMatches(textOf(pattern), textOf(text), textOf(replacement)),
  ],
  ['safeHtml', (text) => new SafeText(textOf(text))],
  ['humanize', (value) => humanize(floatOf(value))],
  ['humanize1024', (value) => humanizeBinary(floatOf(value))],
  ['humanizeDuration', (value) => humanizeSeconds(floatOf(value))],
  ['humanizePercentage', (value) => humanizeRatio(floatOf(value))],
  ['humanizeTimestamp', (value) => makeTime(floatOf(value))],
  ['toTime', (value) => makeTime(floatOf(value))],
  ['toDuration', (value) => floatOf(value)],
  [
    'parseDuration',
    (text) => {
      const spanMs = parseDuration(textOf(text))
      if (spanMs === undefined)
        throw new TemplateError(`not a valid duration string: ${JSON.stringify(text)}`)
      return spanMs / 1000
    },
  ],
])

/** An argument that must be text. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof SafeText) return value.text
  throw new TemplateError(
    `wrong type of argument; expected string; found ${value === undefined ? 'nothing' : typeof value}`,
  )
}

/** An argument that must be a number, or text that spells one, as Go's `ParseFloat` takes it. */
export function floatOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string') {
    const special = /^([+-]?)(?:inf|infinity)$/i.exec(value)
    if (special !== null) return special[1] === '-' ? -Infinity : Infinity
    if (/^nan$/i.test(value)) return Number.NaN
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value)) return Number(value)
    throw new TemplateError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`)
  }
  throw new TemplateError(`can't convert ${typeof value} to float`)
}

/** Seconds since 1970 as a time; what is not a time stays a figure. */
function makeTime(seconds: number): Date | string {
  if (!Number.isFinite(seconds)) return formatGeneral(seconds, 4)
  const timeMs = Math.trunc(seconds * 1000)
  if (Math.abs(timeMs) > 8.64e15) {
    throw new TemplateError(`${seconds} cannot be represented as a nanoseconds timestamp`)
  }
  return new Date(timeMs)
}

/** Each word with a capital. */
function makeTitle(text: string): string {
  return text.replace(
    /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
    (_whole, before: string, letter: string) => before + letter.toUpperCase(),
  )
}
