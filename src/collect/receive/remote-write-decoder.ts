/**
 * Walks one `WriteRequest` of remote write 1.0 into one batch of samples and a list of exemplars:
 *
 *   WriteRequest { 1: TimeSeries…, 3: MetricMetadata… }
 *   TimeSeries   { 1: Label…, 2: Sample…, 3: Exemplar…, 4: Histogram… }
 *   Label        { 1: name, 2: value }   Sample { 1: double value, 2: int64 timestamp_ms }
 *   Exemplar     { 1: Label…, 2: double value, 3: int64 timestamp_ms }
 *
 * A histogram that cannot be one is left out and told; a malformed byte refuses the body. One whose sum
 * is the stale marker ends its series as a stale sample does.
 * Source: prometheus prompb/remote.proto, prompb/types.proto.
 */

import type { ExemplarRow } from '../../model/exemplar.ts'
import type { Appender, MetricMetadata } from '../../model/flow.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import {
  bitsOf,
  makeSampleBatch,
  type SampleBatch,
  type SeriesId,
  setHistogramAt,
  setStaleAt,
} from '../../model/sample.ts'
import { describeLabels } from '../../prepare/prepare.ts'
import type { ByteTable } from '../byte-table.ts'
import { admitSeries, judgeLabels, seriesLimitReason } from '../ingest-appender.ts'
import type { HaTracker } from './ha-tracker.ts'
import { HistogramWireReader } from './histogram-wire.ts'
import { WireReader } from './protobuf.ts'

/** How many refused label sets are told in the reply. */
const toldFaultsMax = 3

/** Series in one request at most; an honest one takes 64 bytes, of which 64 MiB hold no more. */
const seriesCountMax = 1024 * 1024
/** Samples in one request at most; each takes 9 bytes, so that 64 MiB hold no more. */
const sampleCountMax = 8 * 1024 * 1024
/** Exemplars in one request at most: each becomes a label set. */
const exemplarCountMax = 256 * 1024
/** Labels of one series that are read; what has more is refused without reading them. */
const labelsReadMax = 1024
/** Metric names longer than this have no metadata; helps and units are cut. */
const metadataBytesMax = 4096

/** What the source is called in metrics and on the Sources page. */
export const remoteWriteSource = 'remote-write'

const typesByNumber: MetricMetadata['type'][] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]

/** Why label sets or samples of a request were left out before the store saw them. */
export interface Faults {
  count: number
  texts: string[]
  /** Samples left out, by reason. */
  reasons: Record<string, number>
}

/** Decodes one body into one batch. */
export class RemoteWriteDecoder {
  readonly batch: SampleBatch
  readonly faults: Faults = { count: 0, texts: [], reasons: {} }
  expected: number
  readonly #appender: Appender
  readonly #table: ByteTable
  readonly #ha: HaTracker | undefined
  readonly #wire: WireReader
  readonly #histograms: HistogramWireReader
  #bits: Uint32Array
  /** Rows of `batch` that came as histograms, those that end a series included. */
  histogramCount = 0
  /** How many there were before the series being read. */
  #firstHistogramCount = 0
  readonly exemplars: ExemplarRow[] = []
  /** Where the exemplars of the series being read begin. */
  readonly #exemplarPlaces: number[] = []
  /** What is wrong with histograms of the series being read: the first, and how many. */
  #histogramFault = ''
  #histogramFaultCount = 0
  #seriesCount = 0
  /** Why the labels read last cannot be taken, whatever they are. */
  #unreadable: { reason: string; message: string } | undefined

  constructor(
    body: Buffer,
    parts: {
      appender: Appender
      table: ByteTable
      expected: number
      batch: SampleBatch
      ha: HaTracker | undefined
    },
  ) {
    this.#wire = new WireReader(body)
    this.#histograms = new HistogramWireReader(this.#wire)
    this.#appender = parts.appender
    this.#table = parts.table
    this.#ha = parts.ha
    this.expected = parts.expected
    this.batch = parts.batch
    this.batch.count = 0
    this.#bits = bitsOf(parts.batch.value)
  }

  run(): void {
    const wire = this.#wire
    const end = wire.bytes.length
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x0a) this.#readSeries(wire.readEnd(end))
      else if (tag === 0x1a) this.#readMetadata(wire.readEnd(end))
      else wire.skip(tag, end)
    }
  }

  /** Labels of the first series: external labels are the same on all of a request. */
  readFirstLabels(): Labels | undefined {
    const wire = this.#wire
    const end = wire.bytes.length
    let labels: Labels | undefined
    while (wire.at < end && labels === undefined) {
      const tag = wire.readSize(end)
      if (tag === 0x0a) {
        const seriesEnd = wire.readEnd(end)
        labels = this.#readLabels(wire.at, seriesEnd)
      } else wire.skip(tag, end)
    }
    wire.at = 0
    return labels
  }

  /** How many samples the request has. */
  countSamples(): number {
    const wire = this.#wire
    const end = wire.bytes.length
    let count = 0
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag !== 0x0a) {
        wire.skip(tag, end)
        continue
      }
      const seriesEnd = wire.readEnd(end)
      while (wire.at < seriesEnd) {
        const inner = wire.readSize(seriesEnd)
        if (inner === 0x12 || inner === 0x22) count++
        wire.skip(inner, seriesEnd)
      }
    }
    return count
  }

  #readSeries(end: number): void {
    const wire = this.#wire
    if (++this.#seriesCount > seriesCountMax) {
      wire.fail(`one series more than the ${seriesCountMax} that a request may have`)
    }
    const { bytes, view } = wire
    const table = this.#table
    const start = wire.at
    const firstRow = this.batch.count
    this.#firstHistogramCount = this.histogramCount
    let seriesId: SeriesId | undefined
    let labelsEnd = start
    if (this.expected < table.count && table.matchesAt(this.expected, view, start, end)) {
      labelsEnd = start + table.keyLength(this.expected)
      // Equal so far is not enough: another label may follow.
      if (labelsEnd === end || bytes[labelsEnd] !== 0x0a) {
        seriesId = table.values[this.expected]!
        this.expected++
      }
    }
    if (seriesId === undefined) {
      labelsEnd = this.#findLabelsEnd(start, end)
      const entry = table.find(view, start, labelsEnd)
      if (entry >= 0) {
        seriesId = table.values[entry]!
        this.expected = entry + 1
      }
    }
    const isKnown = seriesId !== undefined
    let labels: Labels | undefined
    if (!isKnown) labels = this.#readLabels(start, labelsEnd)
    wire.at = labelsEnd
    let isSplit = false
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x12) this.#readSample(wire.readEnd(end))
      else if (tag === 0x22) this.#readHistogram(wire.readEnd(end))
      else {
        if (tag === 0x1a) this.#exemplarPlaces.push(wire.at)
        if (tag === 0x0a) isSplit = true
        wire.skip(tag, end)
      }
    }
    // Labels after samples are legal protobuf; nobody writes it, so it may be slow.
    if (isSplit) labels = this.#readLabels(start, end)
    if (labels !== undefined) {
      seriesId = this.#number(labels, firstRow)
      if (seriesId !== undefined && !isSplit) {
        this.expected = table.add(view, start, labelsEnd, seriesId) + 1
      }
    }
    if (seriesId === undefined) {
      this.#exemplarPlaces.length = 0
      return
    }
    const { batch } = this
    for (let row = firstRow; row < batch.count; row++) batch.seriesId[row] = seriesId
    if (this.#histogramFaultCount > 0) this.#tellHistograms(seriesId)
    if (this.#exemplarPlaces.length > 0) this.#readExemplars(seriesId)
    wire.at = end
  }

  /** Reads a row; one that cannot be a histogram is remembered as a fault of the series. */
  #readHistogram(end: number): void {
    const reader = this.#histograms
    const read = reader.read(end)
    if (typeof read === 'string') {
      if (this.#histogramFaultCount++ === 0) this.#histogramFault = read
      return
    }
    const row = this.#reserveRow()
    this.batch.timeMs[row] = reader.timeMs
    this.histogramCount++
    if (reader.isStale) {
      setStaleAt(this.#bits, row)
      return
    }
    setHistogramAt(this.#bits, row)
    this.batch.histogram ??= []
    this.batch.histogram[row] = read
  }

  #tellHistograms(seriesId: SeriesId): void {
    const text = this.#histogramFault
    const count = this.#histogramFaultCount
    this.#histogramFaultCount = 0
    this.#fault('histogram-invalid', count, () => {
      const series = describeLabels(this.#appender.labelsOf(seriesId))
      return `invalid histogram: ${text}: series ${series}${count > 1 ? ` and ${count - 1} more of it` : ''}`
    })
  }

  #readExemplars(seriesId: SeriesId): void {
    const wire = this.#wire
    for (const place of this.#exemplarPlaces) {
      if (this.exemplars.length >= exemplarCountMax) {
        wire.fail(`one exemplar more than the ${exemplarCountMax} that a request may have`)
      }
      wire.at = place
      const end = wire.readEnd(wire.bytes.length)
      const labels = this.#readLabels(wire.at, end)
      this.#unreadable = undefined
      let value = 0
      let timeMs = 0
      wire.at = place
      wire.readEnd(end)
      while (wire.at < end) {
        const tag = wire.readSize(end)
        if (tag === 0x11) value = wire.readDouble(end)
        else if (tag === 0x18) timeMs = wire.readInt64(end)
        else wire.skip(tag, end)
      }
      this.exemplars.push({ seriesId, labels, value, timeMs })
    }
    this.#exemplarPlaces.length = 0
  }

  /** Number of a label set that is new to us; `undefined`, its rows taken back, when it is refused. */
  #number(labels: Labels, firstRow: number): SeriesId | undefined {
    let verdict: { reason: string; message: string } | undefined
    verdict = this.#unreadable ?? judgeLabels(this.#appender, labels)
    this.#unreadable = undefined
    if (verdict === undefined) {
      const kept = this.#ha === undefined ? labels : this.#ha.strip(labels)
      const seriesId = admitSeries(this.#appender, remoteWriteSource, kept)
      if (seriesId !== undefined) return seriesId
      verdict = { reason: seriesLimitReason, message: 'too many series' }
    }
    const { message } = verdict
    const count = this.batch.count - firstRow + this.#histogramFaultCount
    this.#histogramFaultCount = 0
    this.#takeBack(firstRow)
    this.#fault(
      verdict.reason,
      Math.max(count, 1),
      () => `${message}: series ${describeLabels(labels)}`,
    )
    return undefined
  }

  #takeBack(firstRow: number): void {
    const { batch } = this
    const { histogram } = batch
    if (histogram !== undefined && histogram.length > firstRow) {
      histogram.length = firstRow
    }
    this.histogramCount = this.#firstHistogramCount
    batch.count = firstRow
  }

  /** `describe` is called for the few that are told. */
  #fault(reason: string, count: number, describe: () => string): void {
    const { faults } = this
    faults.count++
    if (faults.texts.length < toldFaultsMax) faults.texts.push(describe())
    faults.reasons[reason] = (faults.reasons[reason] ?? 0) + count
  }

  #findLabelsEnd(start: number, end: number): number {
    const wire = this.#wire
    wire.at = start
    while (wire.at < end && wire.bytes[wire.at] === 0x0a) {
      wire.at++
      wire.at = wire.readEnd(end)
    }
    return wire.at
  }

  /** All labels between two places, other fields passed over. */
  #readLabels(start: number, end: number): Labels {
    const wire = this.#wire
    const pairs: string[] = []
    let count = 0
    wire.at = start
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag !== 0x0a || ++count > labelsReadMax) {
        wire.skip(tag, end)
        continue
      }
      const labelEnd = wire.readEnd(end)
      let name = ''
      let value = ''
      while (wire.at < labelEnd) {
        const inner = wire.readSize(labelEnd)
        if (inner === 0x0a) name = wire.readText(labelEnd)
        else if (inner === 0x12) value = wire.readText(labelEnd)
        else wire.skip(inner, labelEnd)
      }
      pairs.push(name, value)
    }
    const written = labelsFromPairs(pairs)
    this.#unreadable = undefined
    if (count > labelsReadMax) {
      const message = `${count} labels, more than can be read`
      this.#unreadable = { reason: 'too-many-labels', message }
    } else if (written.pairs.length < pairs.length) {
      // Fewer than written: either empty values, which mean no label, or a name given twice.
      const twice = findTwice(pairs)?.slice(0, 100)
      const message = `label name ${JSON.stringify(twice)} is given twice`
      if (twice !== undefined) this.#unreadable = { reason: 'label-name-twice', message }
    }
    return written
  }

  #readSample(end: number): void {
    const wire = this.#wire
    const row = this.#reserveRow()
    const at = wire.at
    // The order and width in which everybody writes it: value, then time.
    if (wire.bytes[at] === 0x09 && at + 10 < end && wire.bytes[at + 9] === 0x10) {
      this.#putValue(row, at + 1)
      wire.at = at + 10
      this.batch.timeMs[row] = wire.readInt64(end)
      if (wire.at === end) return
    }
    this.#readSampleFields(row, at, end)
  }

  #readSampleFields(row: number, start: number, end: number): void {
    const wire = this.#wire
    wire.at = start
    this.batch.value[row] = 0
    this.batch.timeMs[row] = 0
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x09) {
        if (wire.at + 8 > end) wire.fail('a field that reaches behind its message')
        this.#putValue(row, wire.at)
        wire.at += 8
      } else if (tag === 0x10) this.batch.timeMs[row] = wire.readInt64(end)
      else wire.skip(tag, end)
    }
  }

  /** Copies a float64; the stale marker is set by its bits, since a NaN may lose them on the way. */
  #putValue(row: number, at: number): void {
    const { view } = this.#wire
    if (view.getUint32(at + 4, true) === 0x7ff0_0000 && view.getUint32(at, true) === 2) {
      setStaleAt(this.#bits, row)
    } else {
      this.batch.value[row] = view.getFloat64(at, true)
    }
  }

  #reserveRow(): number {
    const { batch } = this
    if (batch.count === batch.seriesId.length) {
      if (batch.count >= sampleCountMax) {
        this.#wire.fail(`one sample more than the ${sampleCountMax} that a request may have`)
      }
      const grown = makeSampleBatch(batch.count * 2)
      grown.seriesId.set(batch.seriesId)
      grown.timeMs.set(batch.timeMs)
      grown.value.set(batch.value)
      batch.seriesId = grown.seriesId
      batch.timeMs = grown.timeMs
      batch.value = grown.value
      this.#bits = bitsOf(grown.value)
    }
    return batch.count++
  }

  #readMetadata(end: number): void {
    const wire = this.#wire
    let type = 0
    let metric = ''
    let help = ''
    let unit = ''
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x08) type = wire.readSize(end)
      else if (tag === 0x12) metric = wire.readText(end)
      else if (tag === 0x22) help = wire.readText(end)
      else if (tag === 0x2a) unit = wire.readText(end)
      else wire.skip(tag, end)
    }
    if (metric === '' || Buffer.byteLength(metric) > metadataBytesMax) return
    this.#appender.setMetadata(metric, {
      type: typesByNumber[type] ?? 'unknown',
      help: help.slice(0, metadataBytesMax),
      unit: unit.slice(0, metadataBytesMax),
    })
  }
}

function findTwice(pairs: readonly string[]): string | undefined {
  const names = new Set<string>()
  for (let index = 0; index < pairs.length; index += 2) {
    if (names.has(pairs[index]!)) return pairs[index]
    names.add(pairs[index]!)
  }
  return undefined
}
