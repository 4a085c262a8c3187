/**
 * Counts log lines by level as the series `log_lines_total{level, service, …}`, so that Prometheus
 * rules can watch logs. One counter per level and per set of a few labels of the stream; the number
 * is bounded. A new counter begins with 0 just before its first line, so that `increase` sees that
 * line; one that was silent for an hour ends with a stale marker.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Appender } from '../model/flow.ts'
import { type Labels, labelsFromPairs } from '../model/labels.ts'
import { type LogBatch, logLevels } from '../model/log-line.ts'
import { SampleBatchBuilder, type SeriesId } from '../model/sample.ts'
import type { DropLedger } from './drops.ts'
import { collectSamples } from './metrics.ts'

/** Time from writing to writing of the counters. */
const writeIntervalMs = 5000
/** A counter without a line for this long ends. */
const silenceMsMax = 3_600_000
/** Sets of labels at most; each has up to seven series. */
const groupsMax = 1000
/** Streams whose group is remembered by their label set. */
const streamsMax = 10_000

/** Labels of a stream that its counters keep, beside the service. */
const keptLabels = new Set([
  'app',
  'container',
  'environment',
  'filename',
  'host',
  'instance',
  'job',
  'namespace',
  'version',
])

interface Group {
  labels: Labels
  /** By index of `logLevels`; counting since the group began. */
  counts: Float64Array
  /** Series whose first 0 is written, by index of `logLevels`. */
  seriesIds: (SeriesId | undefined)[]
  lastLineTimeMs: number
}

/** Levels that every group shows from its first line on, so that their rise from 0 can be seen. */
const shownLevels = ['info', 'warn', 'error', 'fatal'].map((level) =>
  logLevels.indexOf(level as (typeof logLevels)[number]),
)

/** Keeps and writes the counters. */
export class LogCounter {
  readonly #appender: Appender
  readonly #clock: Clock
  readonly #log: Log
  readonly #drops: DropLedger
  readonly #groups = new Map<string, Group>()
  readonly #byStream = new Map<string, Group>()
  #firsts = new SampleBatchBuilder()
  #epoch: number
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: { appender: Appender; clock: Clock; log: Log; drops: DropLedger }) {
    this.#appender = parts.appender
    this.#clock = parts.clock
    this.#log = parts.log
    this.#drops = parts.drops
    this.#epoch = parts.appender.seriesEpoch
  }

  start(): void {
    this.#timer = this.#clock.after(writeIntervalMs, () => {
      void this.#turn()
    })
  }

  /** Writes the last counts. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.write()
  }

  /** Counts the lines of a batch that was kept. */
  count(batch: LogBatch): void {
    const nowTimeMs = this.#clock.nowTimeMs()
    const groups = batch.streams.map((labels) => this.#group(labels, nowTimeMs))
    let lostCount = 0
    for (let row = 0; row < batch.count; row++) {
      const group = groups[batch.stream[row]!]
      if (group === undefined) {
        lostCount++
        continue
      }
      group.counts[batch.level[row]!]! += 1
      group.lastLineTimeMs = nowTimeMs
    }
    this.#drops.add('log-counter', 'log-counter', { reason: 'too-many-groups', count: lostCount })
  }

  /** Writes all counters with the present time. */
  async write(): Promise<void> {
    if (this.#groups.size === 0) return
    this.#renumber()
    const nowTimeMs = this.#clock.nowTimeMs()
    const firsts = this.#firsts
    this.#firsts = new SampleBatchBuilder()
    const rows = new SampleBatchBuilder()
    for (const [key, group] of this.#groups) {
      const isSilent = nowTimeMs - group.lastLineTimeMs > silenceMsMax
      for (let level = 0; level < logLevels.length; level++) {
        if (group.seriesIds[level] === undefined) {
          if (group.counts[level] === 0) continue
          this.#begin(group, level, firsts, nowTimeMs - 1)
        }
        const seriesId = group.seriesIds[level]!
        if (isSilent) rows.addStale(seriesId, nowTimeMs)
        else rows.add(seriesId, nowTimeMs, group.counts[level]!)
      }
      if (isSilent) this.#forget(key, group)
    }
    if (firsts.batch.count > 0) await this.#append(firsts)
    await this.#append(rows)
  }

  async #turn(): Promise<void> {
    try {
      await this.write()
    } catch (thrown) {
      // The counts are kept, so the next writing makes up for this one.
      this.#log.warn({ reason: messageOf(thrown) }, 'Counters of log lines could not be written.')
    }
    if (!this.#isStopped) this.start()
  }

  async #append(rows: SampleBatchBuilder): Promise<void> {
    const result = await this.#appender.append(rows.batch)
    collectSamples.inc({ source: 'log-counter' }, result.accepted)
    this.#drops.addRejected('log-counter', 'log-counter', result.reasons)
  }

  #group(stream: Labels, nowTimeMs: number): Group | undefined {
    const known = this.#byStream.get(stream.key)
    if (known !== undefined) return known
    const labels = counterLabels(stream)
    let group = this.#groups.get(labels.key)
    if (group === undefined) {
      if (this.#groups.size >= groupsMax) return undefined
      group = {
        labels,
        counts: new Float64Array(logLevels.length),
        seriesIds: logLevels.map(() => undefined),
        lastLineTimeMs: nowTimeMs,
      }
      this.#groups.set(labels.key, group)
      for (const level of shownLevels) this.#begin(group, level, this.#firsts, nowTimeMs - 1)
    }
    if (this.#byStream.size >= streamsMax) this.#byStream.clear()
    this.#byStream.set(stream.key, group)
    return group
  }

  #begin(group: Group, level: number, rows: SampleBatchBuilder, timeMs: number): void {
    const seriesId = this.#seriesId(group, level)
    group.seriesIds[level] = seriesId
    rows.add(seriesId, timeMs, 0)
  }

  #seriesId(group: Group, level: number): SeriesId {
    return this.#appender.seriesId(
      group.labels.with('__name__', 'log_lines_total').with('level', logLevels[level]!),
    )
  }

  #forget(key: string, group: Group): void {
    this.#groups.delete(key)
    for (const [stream, other] of this.#byStream) if (other === group) this.#byStream.delete(stream)
  }

  #renumber(): void {
    const { seriesEpoch } = this.#appender
    if (seriesEpoch === this.#epoch) return
    this.#epoch = seriesEpoch
    for (const group of this.#groups.values()) {
      group.seriesIds.forEach((seriesId, level) => {
        if (seriesId !== undefined) group.seriesIds[level] = this.#seriesId(group, level)
      })
    }
  }
}

/** The labels of a stream's counters: its service and the kept ones. */
function counterLabels(stream: Labels): Labels {
  const pairs: string[] = []
  const service = stream.get('service') || stream.get('service_name')
  if (service !== '') pairs.push('service', service)
  for (let index = 0; index < stream.pairs.length; index += 2) {
    const name = stream.pairs[index]!
    if (keptLabels.has(name)) pairs.push(name, stream.pairs[index + 1]!)
  }
  return labelsFromPairs(pairs)
}
