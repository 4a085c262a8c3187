/**
 * How a script's expectations are compared with what a query gave: floats within 1e-6, relative;
 * label sets whole; histograms field by field.
 */

import type { Histogram, HistogramBuckets } from '../../model/histogram.ts'
import { emptyLabels } from '../../model/labels.ts'
import { formatHistogram } from '../promql/histogram/format-histogram.ts'
import { formatNumber } from '../promql/literal.ts'
import type { QuerySeries, QueryValue } from '../promql/result.ts'
import type { EvalCommand, Expectation } from './parse-script.ts'
import type { SeriesLine, SeriesValue } from './series-line.ts'

const tolerance = 1e-6
const smallestNormal = 2 ** -1022

/** Whether two floats count as the same. */
function isAlmost(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  const size = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || size < smallestNormal) return difference < tolerance * smallestNormal
  return difference / Math.min(size, Number.MAX_VALUE) < tolerance
}

function isAlmostBuckets(a: HistogramBuckets, b: HistogramBuckets): boolean {
  const populated = (buckets: HistogramBuckets): [number, number][] =>
    buckets.index
      .map((index, place): [number, number] => [index, buckets.count[place]!])
      .filter(([, count]) => count !== 0)
  const left = populated(a)
  const right = populated(b)
  return (
    left.length === right.length &&
    left.every(([index, count], place) => {
      const [otherIndex, otherCount] = right[place]!
      return index === otherIndex && isAlmost(count, otherCount)
    })
  )
}

function isAlmostHistogram(expected: Histogram, found: Histogram, hasHint: boolean): boolean {
  return (
    expected.schema === found.schema &&
    isAlmost(expected.count, found.count) &&
    isAlmost(expected.sum, found.sum) &&
    expected.zeroThreshold === found.zeroThreshold &&
    isAlmost(expected.zeroCount, found.zeroCount) &&
    expected.customBounds.join() === found.customBounds.join() &&
    isAlmostBuckets(expected.positive, found.positive) &&
    isAlmostBuckets(expected.negative, found.negative) &&
    (!hasHint || expected.resetHint === found.resetHint)
  )
}

interface FoundPoint {
  timeMs: number
  value: number
  histogram: Histogram | undefined
}

function differsAt(line: SeriesLine, value: SeriesValue, found: FoundPoint): string | undefined {
  const shown =
    found.histogram === undefined ? formatNumber(found.value) : formatHistogram(found.histogram)
  const name = line.labels.toString()
  if (typeof value === 'object') {
    const isSame =
      found.histogram !== undefined && isAlmostHistogram(value, found.histogram, line.hasHint)
    return isSame ? undefined : `${name}: expected ${formatHistogram(value)}, got ${shown}`
  }
  const isSame =
    typeof value === 'number' && found.histogram === undefined && isAlmost(value, found.value)
  return isSame ? undefined : `${name}: expected ${String(value)}, got ${shown}`
}

/** What differs between a result and the expectation; `undefined` when nothing. */
export function compareValue(command: EvalCommand, value: QueryValue): string | undefined {
  switch (value.type) {
    case 'string':
      return command.text === value.value
        ? undefined
        : `expected the string ${JSON.stringify(command.text)}, got ${JSON.stringify(value.value)}`
    case 'scalar':
      if (command.scalar === undefined) return 'got a scalar where none was expected'
      return isAlmost(command.scalar, value.value)
        ? undefined
        : `expected ${command.scalar}, got ${value.value}`
    case 'vector':
      return compareVector(command, value)
    case 'matrix':
      return compareMatrix(command, value.series)
  }
}

function compareVector(
  command: EvalCommand,
  value: Extract<QueryValue, { type: 'vector' }>,
): string | undefined {
  if (command.scalar !== undefined) return 'expected a scalar, got a vector'
  const isOrdered = command.expectations.some((one) => one.kind === 'ordered')
  const wanted = new Map(command.series.map((line, place) => [line.labels.key, { line, place }]))
  for (const [place, element] of value.elements.entries()) {
    const match = wanted.get(element.labels.key)
    if (match === undefined) return `unexpected series ${element.labels}`
    wanted.delete(element.labels.key)
    if (isOrdered && match.place !== place)
      return `${element.labels} is at place ${place}, expected at ${match.place}`
    const found = { timeMs: 0, value: element.value, histogram: element.histogram }
    const difference = differsAt(match.line, match.line.values[0], found)
    if (difference !== undefined) return difference
  }
  for (const { line } of wanted.values()) return `missing series ${line.labels}`
  return undefined
}

function compareMatrix(command: EvalCommand, series: readonly QuerySeries[]): string | undefined {
  const times = command.rangeVector ?? command
  const wanted = new Map(command.series.map((line) => [line.labels.key, line]))
  for (const one of series) {
    const line = wanted.get(one.labels.key)
    if (line === undefined) return `unexpected series ${one.labels}`
    wanted.delete(one.labels.key)
    const difference = comparePoints(line, one, times)
    if (difference !== undefined) return difference
  }
  for (const line of wanted.values()) return `missing series ${line.labels}`
  return undefined
}

function comparePoints(
  line: SeriesLine,
  series: QuerySeries,
  times: { startTimeMs: number; stepMs: number },
): string | undefined {
  let row = 0
  for (const [index, value] of line.values.entries()) {
    if (value === undefined) continue
    const timeMs = times.startTimeMs + index * times.stepMs
    if (row >= series.count || series.timeMs[row] !== timeMs)
      return `${line.labels}: no point at ${timeMs} ms`
    const found = { timeMs, value: series.value[row]!, histogram: series.histogram?.[row] }
    const difference = differsAt(line, value, found)
    if (difference !== undefined) return `at ${timeMs} ms: ${difference}`
    row++
  }
  return row === series.count ? undefined : `${line.labels}: ${series.count - row} points too many`
}

/** The point of a range query's result at one time, as the result of an instant query. */
export function pointAt(value: QueryValue, timeMs: number, isScalar: boolean): QueryValue {
  if (value.type !== 'matrix') return value
  const elements = value.series.flatMap((series) => {
    const row = series.timeMs.subarray(0, series.count).indexOf(timeMs)
    if (row < 0) return []
    const histogram = series.histogram?.[row]
    const shared = { labels: series.labels, value: series.value[row]! }
    return [histogram === undefined ? shared : { ...shared, histogram }]
  })
  if (!isScalar) return { type: 'vector', timeMs, elements }
  const only = elements.find((element) => element.labels.equals(emptyLabels))
  return { type: 'scalar', timeMs, value: only?.value ?? Number.NaN }
}

/** What differs between annotations and what was expected of them. */
export function compareAnnotations(
  expectations: readonly Expectation[],
  found: { warn: readonly string[]; info: readonly string[] },
): string | undefined {
  for (const kind of ['warn', 'info'] as const) {
    const wanted = expectations.filter((one) => one.kind === kind)
    const texts = found[kind]
    if (expectations.some((one) => one.kind === `no_${kind}`) && texts.length > 0)
      return `unexpected ${kind}: ${texts[0]}`
    if (wanted.length === 0) continue
    const missed = wanted.find((one) => !texts.some((text) => isExpected(one, text)))
    if (missed !== undefined)
      return `no ${kind} ${missed.message ?? missed.pattern ?? 'at all'}; got ${JSON.stringify(texts)}`
    if (wanted.every((one) => one.isLoose)) continue
    const extra = texts.find((text) => !wanted.some((one) => isExpected(one, text)))
    if (extra !== undefined) return `unexpected ${kind}: ${extra}`
  }
  return undefined
}

/** Whether a text is what an expectation asks for. */
export function isExpected(expectation: Expectation, text: string): boolean {
  if (expectation.message !== undefined) return expectation.message === text
  if (expectation.pattern !== undefined) return new RegExp(expectation.pattern).test(text)
  return true
}
