/**
 * StatsD over UDP and TCP, with the tags of DogStatsD. Off unless `statsd.listen` or `listen_tcp` is set:
 * neither knows its sender.
 *
 *   c         counter, divided by the rate of sampling      name
 *   g         gauge; with a sign in front, a change         name
 *   ms        timer in milliseconds, as seconds             name_bucket{le}, name_count, name_sum
 *   h, d      histogram, as it is                           the same
 *   s         how many different values since last time     name
 *
 * Names and buckets are those of statsd_exporter; with `timer_type: summary` timers have quantiles of each
 * interval instead. Values are gathered and written every `statsd.flush_interval`; what was silent for an
 * hour ends.
 * Source: github.com/statsd/statsd docs/metric_types.md; prometheus/statsd_exporter README.md.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { Appender } from '../../model/flow.ts'
import { labelsFromPairs } from '../../model/labels.ts'
import type { DropLedger } from '../drops.ts'
import { collectReceivedBytes } from '../metrics.ts'
import { type ReceiverParts, SampleIntake } from './sample-intake.ts'
import { parseStatsdLine, type StatsdLine } from './statsd-line.ts'
import { StatsdListener, type StatsdPorts } from './statsd-listener.ts'
import { StatsdMapping } from './statsd-mapping.ts'
import { StatsdMetric, TimerShape } from './statsd-metric.ts'
import { type StatsdSettings, statsdSettings } from './statsd-settings.ts'

/** Metrics gathered at once at most; further ones are dropped and counted. */
const metricCountMax = 50_000
/** Different values of all sets between two writings at most. */
const setValueCountMax = 500_000
/** What was silent for this long ends. */
const silenceMs = 3_600_000
/** Rows handed to the store at once. */
const batchRowsMax = 100_000

const sourceName = 'statsd'
/** The drop that is asked for. */
const mappedAway = 'mapping-drop'

/** Gathers what StatsD clients send. */
export class StatsdReceiver {
  readonly #appender: Appender
  readonly #drops: DropLedger
  readonly #clock: Clock
  readonly #log: Log
  readonly #onReceived: (sampleCount: number) => void
  readonly #metrics = new Map<string, StatsdMetric>()
  readonly #listener: StatsdListener
  #mapping = new StatsdMapping([])
  #shape = new TimerShape(statsdSettings.parse({}))
  #form = ''
  #setValueCount = 0
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(parts: ReceiverParts) {
    this.#appender = parts.appender
    this.#drops = parts.drops
    this.#clock = parts.clock
    this.#log = parts.log
    this.#onReceived = parts.onReceived
    this.#listener = new StatsdListener({
      log: parts.log,
      onText: (text) => this.take(text),
      onDrop: (reason) => this.#drop(reason),
    })
  }

  /** Begins to listen; gives the ports, each `undefined`, with a warning, when it cannot be had. */
  async start(settings: StatsdSettings): Promise<StatsdPorts> {
    const { timer_type, buckets, quantiles, mappings } = settings
    const form = JSON.stringify([timer_type, buckets, quantiles, mappings])
    // What was gathered in another form does not go on; else counters go on over a reload.
    if (form !== this.#form) this.#metrics.clear()
    this.#form = form
    this.#mapping = new StatsdMapping(mappings)
    this.#shape = new TimerShape(settings)
    const ports = await this.#listener.open(settings.listen, settings.listen_tcp)
    if (this.#listener.isOpen) this.#schedule(settings.flush_interval)
    return ports
  }

  /** Ends listening and writes what was gathered. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#listener.close()
    await this.flush()
  }

  /** Gathers whole lines. Never throws. */
  take(lines: Buffer): void {
    collectReceivedBytes.inc({ receiver: sourceName }, lines.length)
    for (const line of lines.toString('utf8').split('\n')) {
      const text = line.trim()
      if (text === '') continue
      const read = parseStatsdLine(text)
      const fault = read === undefined ? 'line-invalid' : this.#gather(read)
      if (fault !== undefined) this.#drop(fault)
    }
  }

  /** Writes every metric. What the store does not take is in the next turn's values, but for sets. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  #drop(reason: string): void {
    this.#drops.add(sourceName, sourceName, { reason, count: 1 })
  }

  #schedule(intervalMs: number): void {
    this.#timer = this.#clock.after(intervalMs, () => {
      this.flush().finally(() => {
        if (this.#listener.isOpen) this.#schedule(intervalMs)
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
      else if (line.type === 'gauge') {
        metric.value = /^[+-]/.test(text) ? metric.value + value : value
      } else metric.observe(value, 1 / line.rate)
    }
    return undefined
  }

  /** The metric of a line, made when it is new; a text says why there is none. */
  #find(line: StatsdLine): StatsdMetric | string {
    const mapped = this.#mapping.map(line.name)
    if (mapped === undefined) return mappedAway
    const labels = labelsFromPairs([...line.tags, ...mapped.labels, '__name__', mapped.name])
    const { key } = labels
    const known = this.#metrics.get(key)
    if (known !== undefined) return known.type === line.type ? known : 'type-conflict'
    if (this.#metrics.size >= metricCountMax) return 'too-many-metrics'
    const metric = new StatsdMetric(line.type, labels, this.#shape)
    this.#metrics.set(key, metric)
    return metric
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const timeMs = this.#clock.nowTimeMs()
    let rows = this.#makeIntake()
    const full: SampleIntake[] = []
    for (const [key, metric] of this.#metrics) {
      const isOver = timeMs - metric.lastTimeMs > silenceMs
      metric.write(isOver, (series, value) => rows.add(series, timeMs, value))
      if (isOver) this.#metrics.delete(key)
      if (rows.count < batchRowsMax) continue
      full.push(rows)
      rows = this.#makeIntake()
    }
    this.#setValueCount = 0
    for (const batch of [...full, rows]) if (batch.count > 0) await this.#commit(batch)
  }

  async #commit(rows: SampleIntake): Promise<void> {
    try {
      const { acceptedCount } = await rows.commit()
      this.#onReceived(acceptedCount)
    } catch (thrown) {
      const reason = messageOf(thrown)
      this.#log.warn({ reason }, 'What StatsD gathered was not written; the next turn tries.')
    }
  }

  #makeIntake(): SampleIntake {
    return new SampleIntake({
      appender: this.#appender,
      drops: this.#drops,
      source: sourceName,
    })
  }
}
