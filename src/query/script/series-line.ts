/**
 * One series of a test script or a promtool unit test: `metric{labels} values`, where values may be
 * floats, native histograms, gaps and repetitions.
 * Source: Prometheus's documentation of unit tests; promql/parser series description (Apache-2.0), re-implemented.
 */

import { customBoundsSchema, type Histogram, type ResetHint } from '../../model/histogram.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import { scale, sumOf } from '../promql/histogram/arithmetic.ts'
import { bucketsFromMap } from '../promql/histogram/bucket.ts'
import { unquoteGo } from '../../base/go-string.ts'
import { parsePlainNumber } from '../promql/literal.ts'

/** One value of a series: `undefined` is a gap. */
export type SeriesValue = number | Histogram | 'stale' | undefined

/** A parsed line. */
export interface SeriesLine {
  labels: Labels
  values: SeriesValue[]
  /** Whether a histogram of the line states its counter reset hint. */
  hasHint: boolean
}

/** Most values one line may stand for. */
const valueCountMax = 10_000_000

/** Parses a line; throws `SyntaxError`. */
export function parseSeriesLine(text: string): SeriesLine {
  const { labels, rest } = parseMetric(text)
  const values: SeriesValue[] = []
  const body = rest.trim()
  for (const item of splitItems(body)) addItem(values, item)
  return { labels, values, hasHint: body.includes('counter_reset_hint') }
}

/** The metric at the start of a line, and what stands behind it. */
export function parseMetric(text: string): { labels: Labels; rest: string } {
  const name = /^\s*[a-zA-Z_:][\w:]*/.exec(text)?.[0] ?? ''
  const pairs: string[] = []
  if (name.trim() !== '') pairs.push('__name__', name.trim())
  let rest = text.slice(name.length)
  const open = /^\s*\{(?!\{)/.exec(rest)
  if (open === null) {
    if (pairs.length === 0) throw new SyntaxError(`no metric in ${JSON.stringify(text)}`)
    return { labels: labelsFromPairs(pairs), rest }
  }
  rest = rest.slice(open[0].length)
  const token =
    /^\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[a-zA-Z_][\w.:]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`))?\s*,?)/
  for (;;) {
    const close = /^\s*\}/.exec(rest)
    if (close !== null) return { labels: labelsFromPairs(pairs), rest: rest.slice(close[0].length) }
    const match = token.exec(rest)
    if (match === null) throw new SyntaxError(`bad labels in ${JSON.stringify(text)}`)
    const key = /^["'`]/.test(match[1]!) ? unquoteGo(match[1]!) : match[1]!
    if (match[2] === undefined) pairs.push('__name__', key)
    else pairs.push(key, unquoteGo(match[2]))
    rest = rest.slice(match[0].length)
  }
}

/** Items are parted by blanks outside `{{ }}`. */
export function splitItems(body: string): string[] {
  return body.match(/(?:\{\{.*?\}\}|[^\s{])+/g) ?? []
}

function addItem(values: SeriesValue[], item: string): void {
  const repeat = /^(.*)x(\d+)$/.exec(item)
  const count = repeat === null ? 0 : Number(repeat[2])
  if (values.length + count > valueCountMax) throw new SyntaxError('too many values in a line')
  const head = repeat === null ? item : repeat[1]!
  if (head === '_') {
    const gaps = repeat === null ? 1 : count
    for (let index = 0; index < gaps; index++) values.push(undefined)
    return
  }
  if (head.startsWith('{{')) {
    addHistograms(values, head, count)
    return
  }
  if (head === 'stale') {
    for (let index = 0; index <= count; index++) values.push('stale')
    return
  }
  const pattern =
    /^([-+]?(?:inf|nan|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))(?:([-+])((?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf|nan))?$/i
  const match = pattern.exec(head)
  if (match === null) throw new SyntaxError(`bad value ${JSON.stringify(item)}`)
  let value = parsePlainNumber(match[1]!)!
  const climb = match[3] === undefined ? 0 : parsePlainNumber(`${match[2]}${match[3]}`)!
  for (let index = 0; index <= count; index++) {
    values.push(value)
    if (match[3] !== undefined) value += climb
  }
}

function addHistograms(values: SeriesValue[], text: string, count: number): void {
  const match = /^\{\{(.*?)\}\}(?:([-+])\{\{(.*?)\}\})?$/.exec(text)
  if (match === null) throw new SyntaxError(`bad histogram ${JSON.stringify(text)}`)
  let value = parseHistogram(match[1]!)
  const climb =
    match[3] === undefined ? undefined : scale(parseHistogram(match[3]), match[2] === '-' ? -1 : 1)
  for (let index = 0; index <= count; index++) {
    values.push(value)
    if (climb === undefined) continue
    const sum = sumOf([value, { ...climb, resetHint: value.resetHint }])
    if (sum === undefined) throw new SyntaxError(`histograms of different kinds in ${text}`)
    value = sum.finish()
  }
}

/** The inside of `{{ }}`. */
function parseHistogram(text: string): Histogram {
  const fields = new Map<string, string>()
  for (const [, name, value] of text.matchAll(/(\w+):\s*(\[[^\]]*\]|\S+)/g))
    fields.set(name!, value!)
  const number = (name: string): number => {
    const found = fields.get(name)
    const value = found === undefined ? 0 : parsePlainNumber(found)
    if (value === undefined) throw new SyntaxError(`bad ${name} in histogram ${text}`)
    return value
  }
  const list = (name: string): number[] =>
    (fields.get(name) ?? '[]')
      .slice(1, -1)
      .split(/\s+/)
      .filter(Boolean)
      .map((item) => parsePlainNumber(item)!)
  const buckets = (name: string, offset: number) =>
    bucketsFromMap(new Map(list(name).map((count, index) => [index + offset, count])))
  const schema = number('schema')
  return {
    schema,
    count: number('count'),
    sum: number('sum'),
    zeroThreshold: number('z_bucket_w'),
    zeroCount: number('z_bucket'),
    positive: buckets('buckets', number('offset')),
    negative: buckets('n_buckets', number('n_offset')),
    customBounds: schema === customBoundsSchema ? list('custom_values') : [],
    resetHint: (fields.get('counter_reset_hint') ?? 'unknown').replace('_', '-') as ResetHint,
  }
}
