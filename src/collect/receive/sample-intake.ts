/**
 * What the receivers of samples share, other than remote write: rows are gathered by label set,
 * checked, numbered, handed to the store in one batch, and everything that was not kept is counted
 * with its reason. The whole request is read before the store is asked for the first number, and
 * numbers are used in the same turn of the event loop: they are taken back from series that end.
 */

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Exemplar, ExemplarRow } from '../../model/exemplar.ts'
import type { AppendResult, Appender, MetricMetadata, RejectReason } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import type { Labels } from '../../model/labels.ts'
import { SampleBatchBuilder, type SeriesId } from '../../model/sample.ts'
import { describeLabels } from '../../prepare/prepare.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { admitSeries, judgeLabels, seriesLimitReason } from '../ingest-appender.ts'
import { collectSamples } from '../metrics.ts'

/** Rows of one request at most: a row of a label set costs a hundred times its bytes in the body. */
const rowCountMax = 1_000_000
/** Refused label sets and samples told in a reply. */
const toldFaultsMax = 3
/** Names longer than this have no metadata; helps and units are cut. */
const metadataLengthMax = 4096

/** What refused samples are called towards the sender: the words of Prometheus. */
const reasonTexts: Record<RejectReason, string> = {
  'out-of-order': 'out of order sample',
  duplicate: 'duplicate sample for timestamp',
  'too-old': 'out of bounds: too old sample',
  'too-far-in-future': 'out of bounds: sample is too far in the future',
}

/** What became of a request's rows. */
export interface IntakeResult {
  acceptedCount: number
  /** Rows left out before the store and by it. */
  rejectedCount: number
  /** Sentences about what was left out, the first few. */
  texts: string[]
}

/** What an intake works with. */
export interface IntakeParts {
  appender: Appender
  drops: DropLedger
  /** The receiver's name, as in metrics and on the Sources page. */
  source: string
}

const nothingAppended: AppendResult = {
  accepted: 0,
  rejected: 0,
  reasons: {},
  firstRejected: undefined,
}

/** What a receiver of samples works with. */
export interface ReceiverParts {
  appender: Appender
  drops: DropLedger
  clock: Clock
  log: Log
  onReceived: (sampleCount: number) => void
}

/** Rows of one request, on their way to the store. */
export class SampleIntake {
  readonly #parts: IntakeParts
  readonly #labels: Labels[] = []
  readonly #times: number[] = []
  /** `undefined` is the stale marker. */
  readonly #values: (number | Histogram | undefined)[] = []
  readonly #exemplars: { series: Labels; exemplar: Exemplar }[] = []
  /** Numbers of the series that have exemplars: with what their source is to convert. */
  readonly #numberOf = new Map<string, SeriesId>()
  readonly #metadata = new Map<string, MetricMetadata>()
  readonly #texts: string[] = []
  #refusedCount = 0

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Rows gathered so far. */
  get count(): number {
    return this.#labels.length
  }

  /** Adds a row; `undefined` as value is the stale marker. Throws `COLLECT_ROWS_TOO_MANY`. */
  add(labels: Labels, timeMs: number, value: number | Histogram | undefined): void {
    if (this.#labels.length >= rowCountMax) {
      throw collectErrors.ROWS_TOO_MANY({ countMax: rowCountMax })
    }
    this.#labels.push(labels)
    this.#times.push(timeMs)
    this.#values.push(value)
  }

  /** Adds an exemplar of a series that has a row here. */
  addExemplar(series: Labels, exemplar: Exemplar): void {
    this.#exemplars.push({ series, exemplar })
  }

  /** Remembers what the sender says of a metric. */
  describe(metric: string, metadata: MetricMetadata): void {
    if (metric === '' || metric.length > metadataLengthMax) return
    this.#metadata.set(metric, {
      type: metadata.type,
      help: metadata.help.slice(0, metadataLengthMax),
      unit: metadata.unit.slice(0, metadataLengthMax),
    })
  }

  /** Counts rows that are left out, with a sentence for the sender. */
  refuse(reason: string, count: number, text: string): void {
    this.#refusedCount += count
    if (this.#texts.length < toldFaultsMax) this.#texts.push(text)
    this.#parts.drops.add(this.#parts.source, this.#parts.source, { reason, count })
  }

  /** Hands everything to the store. Rejects as the store does, then nothing was kept. */
  async commit(): Promise<IntakeResult> {
    const { appender, drops, source } = this.#parts
    const rows = this.#number()
    for (const [metric, metadata] of this.#metadata) appender.setMetadata(metric, metadata)
    const [result] = await Promise.all([
      rows.batch.count === 0 ? nothingAppended : appender.append(rows.batch),
      this.#appendExemplars(),
    ])
    collectSamples.inc({ source }, result.accepted)
    drops.addRejected(source, source, result.reasons)
    const texts = [...this.#texts]
    const first = result.firstRejected
    if (first !== undefined) {
      const series = describeLabels(appender.labelsOf(first.seriesId))
      texts.push(`${reasonTexts[first.reason]}: series ${series} at ${first.timeMs} ms`)
    }
    return {
      acceptedCount: result.accepted,
      rejectedCount: result.rejected + this.#refusedCount,
      texts,
    }
  }

  /** Exemplars that are not kept are counted, and no fault of the request. */
  async #appendExemplars(): Promise<void> {
    const { appender, drops, source } = this.#parts
    if (this.#exemplars.length === 0) return
    const rows: ExemplarRow[] = []
    this.#exemplars.sort((a, b) => a.exemplar.timeMs - b.exemplar.timeMs)
    for (const { series, exemplar } of this.#exemplars) {
      const seriesId = this.#numberOf.get(series.key)
      if (seriesId !== undefined) rows.push({ seriesId, ...exemplar })
    }
    if (rows.length === 0) return
    drops.addExemplars(source, source, await appender.appendExemplars?.(rows))
  }

  #number(): SampleBatchBuilder {
    const rows = new SampleBatchBuilder(Math.max(16, this.#labels.length))
    for (const row of this.#order()) {
      const labels = this.#labels[row]!
      const verdict = judgeLabels(this.#parts.appender, labels)
      if (verdict !== undefined) {
        this.refuse(verdict.reason, 1, `${verdict.message}: series ${describeLabels(labels)}`)
        continue
      }
      const { appender, source } = this.#parts
      const seriesId = admitSeries(appender, source, labels)
      if (seriesId === undefined) {
        this.refuse(seriesLimitReason, 1, `too many series: ${describeLabels(labels)}`)
        continue
      }
      if (this.#exemplars.length > 0) this.#numberOf.set(labels.key, seriesId)
      const value = this.#values[row]
      if (value === undefined) rows.addStale(seriesId, this.#times[row]!)
      else if (typeof value === 'object') rows.addHistogram(seriesId, this.#times[row]!, value)
      else rows.add(seriesId, this.#times[row]!, value)
    }
    return rows
  }

  /** Rows by time, as the store wants a series' samples; as they came where times are equal. */
  #order(): Iterable<number> {
    const times = this.#times
    const order = times.map((_time, row) => row)
    for (let row = 1; row < times.length; row++) {
      if (times[row]! < times[row - 1]!) return order.sort((a, b) => times[a]! - times[b]! || a - b)
    }
    return order
  }
}
