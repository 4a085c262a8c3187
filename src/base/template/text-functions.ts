/**
 * Template functions that Prometheus and Alertmanager share: letters, patterns, figures, times. Each
 * of the two adds its own.
 * Source: prometheus template/template.go, alertmanager template/template.go (Apache-2.0), behaviour
 * re-implemented.
 */

import { parseDuration } from '../duration.ts'
import { humanize, humanizeBinary, humanizeRatio, humanizeSeconds } from '../humanize.ts'
import { compileSearch, replaceMatches } from '../regexp.ts'
import { GoTime } from './go-time.ts'
import { formatGeneral, SafeText, TemplateError, type TemplateFunction } from './template.ts'

/** The functions by name. */
export const textFunctions: ReadonlyMap<string, TemplateFunction> = new Map<
  string,
  TemplateFunction
>([
  ['title', (text) => makeTitle(textOf(text))],
  ['toUpper', (text) => mapLetters(textOf(text), (letter) => letter.toUpperCase())],
  ['toLower', (text) => mapLetters(textOf(text), (letter) => letter.toLowerCase())],
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
  [
    'humanizeTimestamp',
    (value) => {
      const seconds = floatOf(value)
      return Number.isFinite(seconds) ? makeTime(seconds) : formatGeneral(seconds, 4)
    },
  ],
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
    const plain = value.replace(/(?<=\d)_(?=\d)/g, '')
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(plain)) return Number(plain)
    throw new TemplateError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`)
  }
  throw new TemplateError(`can't convert ${typeof value} to float`)
}

/** The longest time that nanoseconds in 64 bits can say. */
const timeSecondsMax = 2 ** 63 / 1e9

/** Seconds since 1970 as a time. */
function makeTime(seconds: number): GoTime {
  if (!Number.isFinite(seconds)) throw new TemplateError('value is NaN or Inf')
  if (Math.abs(seconds) > timeSecondsMax) {
    throw new TemplateError(`${seconds} cannot be represented as a nanoseconds timestamp`)
  }
  return new GoTime(Math.trunc(seconds * 1000))
}

/** Letter by letter: what would become two letters stays. */
function mapLetters(text: string, change: (letter: string) => string): string {
  return Array.from(text, (letter) => {
    const changed = change(letter)
    return [...changed].length === 1 ? changed : letter
  }).join('')
}

/** Each word with a capital; words end at everything but letters, digits and _, an apostrophe too. */
function makeTitle(text: string): string {
  return text.replace(
    /(^|[^\p{L}\p{N}_])(\p{L})/gu,
    (_whole, before: string, letter: string) => before + letter.toUpperCase(),
  )
}
