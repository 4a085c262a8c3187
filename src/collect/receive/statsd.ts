/**
 * StatsD over UDP, with DogStatsD's tags. Off unless `statsd.listen` is set: UDP knows no sender.
 *
 *   name:value[:value…]|type[|@rate][|#tag:value,…]      lines of a datagram
 *
 *   c         counter, divided by the rate of sampling      name
 *   g         gauge; with a sign in front, a change         name
 *   ms        timer in milliseconds, as seconds             name_bucket{le}, name_count, name_sum
 *   h, d      histogram, as it is                           the same
 *   s         how many different values since last time     name
 *
 * Names and buckets are those of statsd_exporter with `timer_type: histogram`. Values are gathered and
 * written every `statsd.flush_interval`; what was silent for an hour ends.
 * Source: github.com/statsd/statsd docs/metric_types.md; docs.datadoghq.com (DogStatsD datagrams).
 */

import { createSocket, type Socket } from 'node:dgram'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { Appender } from '../../model/flow.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { DropLedger } from '../drops.ts'
import { collectReceivedBytes } from '../metrics.ts'
import { formatBound } from '../scrape/number.ts'
import type { CollectSettings } from '../settings.ts'
import { fitLabelName, fitMetricName } from './plain-name.ts'
import { SampleIntake } from './sample-intake.ts'

/** Metrics gathered at once at most; further ones are dropped and counted. */
const metricCountMax = 50_000
/** Different values of all sets between two writings at most. */
const setValueCountMax = 500_000
/** What was silent for this long ends. */
const silenceMs = 3_600_000
/** Upper bounds in seconds: the defaults of Prometheus's client libraries. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const boundTexts = [...bounds.map(formatBound), '+Inf']

const sourceName = 'statsd'

type MetricType = 'counter' | 'gauge' | 'histogram' | 'set'

/** One metric of one set of tags. */
interface Metric {
  type: MetricType
  labels: Labels
  lastTimeMs: number
  value: number
  /** Of histograms: not cumulative, the last one for what is above all bounds. */
  buckets: Float64Array
  sum: number
  members: Set<string>
}

/** One line, read. */
export interface StatsdLine {
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

/** Gathers what StatsD clients send. */
export class StatsdReceiver {
  readonly #appender: Appender
  readonly #drops: DropLedger
  readonly #clock: Clock
  readonly #log: Log
  readonly #onReceived: (sampleCount: number) => void
  readonly #metrics = new Map<string, Metric>()
  #setValueCount = 0
  #socket: Socket | undefined
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(parts: {
    appender: Appender
    drops: DropLedger
    clock: Clock
    log: Log
    onReceived: (sampleCount: number) => void
  }) {
    this.#appender = parts.appender
    this.#drops = parts.drops
    this.#clock = parts.clock
    this.#log = parts.log
    this.#onReceived = parts.onReceived
  }

  /** Begins to listen; gives the port, or `undefined`, with a warning, when it cannot be had. */
  async start(settings: CollectSettings['statsd']): Promise<number | undefined> {
    if (settings.listen === '') return undefined
    const colon = settings.listen.lastIndexOf(':')
    const host = settings.listen.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0'
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.on('message', (datagram) => this.take(datagram))
    return new Promise((resolve) => {
      const fail = (error: Error): void => {
        this.#log.warn(
          { listen: settings.listen, reason: messageOf(error) },
          'StatsD is not taken: the port cannot be had.',
        )
        socket.close()
        resolve(undefined)
      }
      socket.once('error', fail)
      socket.bind(Number(settings.listen.slice(colon + 1)), host, () => {
        socket.off('error', fail)
        socket.on('error', (error) => {
          this.#log.warn({ reason: messageOf(error) }, 'The StatsD socket reported an error.')
        })
        this.#socket = socket
        this.#schedule(settings.flush_interval)
        resolve(socket.address().port)
      })
    })
  }

  /** Ends listening and writes what was gathered. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#socket?.close()
    this.#socket = undefined
    await this.flush()
  }

  /** Gathers one datagram. Never throws. */
  take(datagram: Buffer): void {
    collectReceivedBytes.inc({ receiver: sourceName }, datagram.length)
    for (const line of datagram.toString('utf8').split('\n')) {
      const text = line.trim()
      if (text === '') continue
      const read = parseStatsdLine(text)
      const fault = read === undefined ? 'line-invalid' : this.#gather(read)
      if (fault !== undefined) this.#drops.add(sourceName, sourceName, { reason: fault, count: 1 })
    }
  }

  /** Writes every metric. What the store does not take is in the next turn's values, but for sets. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  #schedule(intervalMs: number): void {
    this.#timer = this.#clock.after(intervalMs, () => {
      this.flush().finally(() => {
        if (this.#socket !== undefined) this.#schedule(intervalMs)
      })
    })
  }

  /** Adds a line's values; gives the reason when it is dropped. */
  #gather(line: StatsdLine): string | undefined {
    const metric = this.#find(line)
    if (typeof metric === 'string') return metric
    metric.lastTimeMs = this.#clock.nowTimeMs()
    for (const text of line.values) {
      if (line.type === 'set') {
        if (metric.members.has(text)) continue
        if (this.#setValueCount >= setValueCountMax) return 'too-many-set-values'
        this.#setValueCount++
        metric.members.add(text)
        continue
      }
      const value = Number(text) * line.scale
      if (line.type === 'counter') metric.value += value / line.rate
      else if (line.type === 'gauge')
        metric.value = /^[+-]/.test(text) ? metric.value + value : value
      else {
        const weight = 1 / line.rate
        const place = bounds.findIndex((bound) => value <= bound)
        metric.buckets[place < 0 ? bounds.length : place]! += weight
        metric.sum += value * weight
      }
    }
    return undefined
  }

  /** The metric of a line, made when it is new; a text says why there is none. */
  #find(line: StatsdLine): Metric | string {
    const labels = labelsFromPairs([...line.tags, '__name__', line.name])
    const { key } = labels
    const known = this.#metrics.get(key)
    if (known !== undefined) return known.type === line.type ? known : 'type-conflict'
    if (this.#metrics.size >= metricCountMax) return 'too-many-metrics'
    const metric: Metric = {
      type: line.type,
      labels,
      lastTimeMs: 0,
      value: 0,
      buckets: new Float64Array(line.type === 'histogram' ? bounds.length + 1 : 0),
      sum: 0,
      members: new Set(),
    }
    this.#metrics.set(key, metric)
    return metric
  }

  async #write(): Promise<void> {
    if (this.#metrics.size === 0) return
    const rows = new SampleIntake({
      appender: this.#appender,
      drops: this.#drops,
      source: sourceName,
    })
    const timeMs = this.#clock.nowTimeMs()
    for (const [key, metric] of this.#metrics) {
      const isOver = timeMs - metric.lastTimeMs > silenceMs
      addRows(rows, metric, timeMs, isOver)
      if (isOver) this.#metrics.delete(key)
      metric.members.clear()
    }
    this.#setValueCount = 0
    try {
      const { acceptedCount } = await rows.commit()
      this.#onReceived(acceptedCount)
    } catch (thrown) {
      const reason = messageOf(thrown)
      this.#log.warn({ reason }, 'What StatsD gathered was not written; the next turn tries.')
    }
  }
}

function addRows(rows: SampleIntake, metric: Metric, timeMs: number, isOver: boolean): void {
  const { type, labels } = metric
  const add = (series: Labels, value: number): void =>
    rows.add(series, timeMs, isOver ? undefined : value)
  if (type !== 'histogram') {
    add(labels, type === 'set' ? metric.members.size : metric.value)
    return
  }
  const name = labels.get('__name__')
  const bucket = labels.with('__name__', `${name}_bucket`)
  let count = 0
  for (const [place, text] of boundTexts.entries()) {
    count += metric.buckets[place]!
    add(bucket.with('le', text), count)
  }
  add(labels.with('__name__', `${name}_count`), count)
  add(labels.with('__name__', `${name}_sum`), metric.sum)
}

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
  return { name: fitMetricName(head!.slice(0, colon)), values, ...kind, rate, tags }
}

/** `name:value,…`; a tag without a value is `true`, which keeps it apart from its absence. */
function addTags(text: string, tags: string[]): void {
  for (const tag of text.split(',')) {
    const colon = tag.indexOf(':')
    const name = fitLabelName(colon < 0 ? tag : tag.slice(0, colon))
    if (name === '' || name === '__name__' || name === 'le') continue
    tags.push(name, colon < 0 ? 'true' : tag.slice(colon + 1))
  }
}
