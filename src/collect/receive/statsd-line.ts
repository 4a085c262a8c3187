/**
 * Lines of StatsD, with the tags of DogStatsD, InfluxDB and Librato.
 *
 *   name:value[:value…]|type[|@rate][|#tag:value,…]
 *
 * Source: github.com/statsd/statsd docs/metric_types.md; docs.datadoghq.com (DogStatsD datagrams);
 * prometheus/statsd_exporter README.md (tagging extensions).
 */

import { fitLabelName } from './plain-name.ts'

/** What a metric is. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'set'

/** One line, read. */
export interface StatsdLine {
  /** As it was sent. */
  name: string
  values: string[]
  type: MetricType
  /** What a value is multiplied by: 0.001 for milliseconds. */
  scale: number
  rate: number
  /** `[name, value, …]` */
  tags: string[]
}

const types = new Map<string, { type: MetricType; scale: number }>([
  ['c', { type: 'counter', scale: 1 }],
  ['g', { type: 'gauge', scale: 1 }],
  ['ms', { type: 'histogram', scale: 0.001 }],
  ['h', { type: 'histogram', scale: 1 }],
  ['d', { type: 'histogram', scale: 1 }],
  ['s', { type: 'set', scale: 1 }],
])

const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** Reads a line; `undefined` when it is wrong or an event or service check. */
export function parseStatsdLine(line: string): StatsdLine | undefined {
  const [head, typeText, ...sections] = line.split('|')
  const kind = types.get(typeText ?? '')
  const colon = head!.indexOf(':')
  if (kind === undefined || colon < 1) return undefined
  const values = head!.slice(colon + 1).split(':')
  const isFit = (text: string): boolean =>
    kind.type === 'set' ? text !== '' : numberPattern.test(text) && Number.isFinite(Number(text))
  if (!values.every(isFit)) return undefined
  let rate = 1
  const tags: string[] = []
  for (const section of sections) {
    if (section.startsWith('@')) {
      rate = Number(section.slice(1))
      if (!(rate > 0 && rate <= 1)) return undefined
    } else if (section.startsWith('#')) addTags(section.slice(1), tags)
  }
  const name = readName(head!.slice(0, colon), tags)
  return name === '' ? undefined : { name, values, ...kind, rate, tags }
}

/** The name, less tags in it as InfluxDB's and Librato's clients write them: `name,tag=value` and `name#tag=value`. */
function readName(text: string, tags: string[]): string {
  const mark = text.search(/[,#]/)
  if (mark < 0) return text
  for (const tag of text.slice(mark + 1).split(',')) addTag(tag, '=', tags)
  return text.slice(0, mark)
}

/** `name:value,…`; a tag without a value is `true`, which keeps it apart from its absence. */
function addTags(text: string, tags: string[]): void {
  for (const tag of text.split(',')) addTag(tag, ':', tags)
}

function addTag(tag: string, sign: string, tags: string[]): void {
  const place = tag.indexOf(sign)
  const name = fitLabelName(place < 0 ? tag : tag.slice(0, place))
  if (name === '' || name === '__name__' || name === 'le' || name === 'quantile') return
  tags.push(name, place < 0 ? 'true' : tag.slice(place + 1))
}
