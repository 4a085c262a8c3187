/**
 * Answers of the query API as text: a table for people, CSV (RFC 4180) for other programs. Of CSV the
 * last two columns are always the time and the value; before them stands one column for each label.
 */

import { compareText } from '../model/labels.ts'
import { formatTable, formatTime } from './print.ts'

type Point = [seconds: number, value: string]

/** A native histogram as the API tells it. */
interface HistogramValue {
  count: string
  sum: string
  buckets?: unknown[]
}

type HistogramPoint = [seconds: number, value: HistogramValue]

interface Series {
  metric: Record<string, string>
  value?: Point
  values?: Point[]
  histogram?: HistogramPoint
  histograms?: HistogramPoint[]
}

/** The part `data` of a reply. */
export interface QueryData {
  resultType: string
  result: unknown
}

/** As a table. */
export function formatAnswer({ resultType, result }: QueryData): string {
  if (resultType === 'scalar' || resultType === 'string') return `${(result as Point)[1]}\n`
  const all = result as Series[]
  if (all.length === 0) return 'No series.\n'
  if (resultType === 'vector') {
    return formatTable(all.map((series) => [nameOf(series.metric), pointsOf(series)[0]?.[1] ?? '']))
  }
  let text = ''
  for (const series of all) {
    text += `${nameOf(series.metric)}\n`
    text += formatTable(
      pointsOf(series).map(([time, value]) => [`  ${formatTime(time * 1_000)}`, value]),
    )
  }
  return text
}

/** As promtool prints it: `series => value @[seconds]`. */
export function formatPromql({ resultType, result }: QueryData): string {
  if (resultType === 'scalar' || resultType === 'string') {
    const [time, value] = result as Point
    return `${resultType}: ${value} @[${time}]\n`
  }
  const all = result as Series[]
  if (resultType === 'vector') {
    const lines = all.map((series) => {
      const [time, value] = pointsOf(series)[0] ?? [0, '']
      return `${nameOf(series.metric)} => ${value} @[${time}]\n`
    })
    return lines.join('')
  }
  return all
    .map((series) => {
      const points = pointsOf(series).map(([time, value]) => `${value} @[${time}]\n`)
      return `${nameOf(series.metric)} =>\n${points.join('')}`
    })
    .join('')
}

/** As CSV with a head; one row for each point, times in RFC 3339. */
export function formatCsv({ resultType, result }: QueryData): string {
  const isSingle = resultType === 'scalar' || resultType === 'string'
  const all = isSingle ? [{ metric: {}, value: result as Point }] : (result as Series[])
  const names = [...new Set(all.flatMap(({ metric }) => Object.keys(metric)))].sort(compareText)
  const rows = [[...names, 'time', 'value']]
  for (const series of all) {
    const labels = new Map(Object.entries(series.metric))
    for (const [seconds, value] of pointsOf(series)) {
      const time = new Date(Math.round(seconds * 1_000)).toISOString()
      rows.push([...names.map((name) => labels.get(name) ?? ''), time, value])
    }
  }
  return rows.map((row) => `${row.map(quoteCell).join(',')}\r\n`).join('')
}

/** Floats and histograms of a series in the order of time. */
function pointsOf({ value, values, histogram, histograms }: Series): Point[] {
  const floats = values ?? (value === undefined ? [] : [value])
  const others = histograms ?? (histogram === undefined ? [] : [histogram])
  const told = others.map(
    ([time, { count, sum, buckets }]): Point => [
      time,
      `count ${count}, sum ${sum}, ${buckets?.length ?? 0} buckets`,
    ],
  )
  return [...floats, ...told].sort(([a], [b]) => a - b)
}

function quoteCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function nameOf(metric: Record<string, string>): string {
  const labels = Object.entries(metric)
    .filter(([name]) => name !== '__name__')
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return `${metric['__name__'] ?? ''}{${labels.join(', ')}}`
}
