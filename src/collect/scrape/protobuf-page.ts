/**
 * Reads pages in protobuf: `MetricFamily` messages one after another, each behind its length, as
 * targets send them when they have native histograms. Gives the same series as the text of the page
 * would, and native histograms where they are wanted.
 *
 *   MetricFamily  name=1 help=2 type=3 metric=4 unit=5
 *   Metric        label=1 gauge=2 counter=3 summary=4 untyped=5 timestamp_ms=6 histogram=7
 *   LabelPair     name=1 value=2          Counter  value=1 exemplar=2
 *   Gauge, Untyped  value=1               Summary  count=1 sum=2 quantile=3 {quantile=1 value=2}
 *   Exemplar      label=1 value=2 timestamp=3 {seconds=1 nanos=2}
 *   (Histogram: see protobuf-histogram.ts)
 *
 * A series is recognised by bytes put together in a scratch: the family's name, the label fields as
 * they came, and nine bytes that say which part of the metric it is (kind, and bound as a float64).
 * Source: prometheus/client_model metrics.proto; prometheus model/textparse/protobufparse.go (behaviour).
 */

import { isUtf8 } from 'node:buffer'
import type { Histogram } from '../../model/histogram.ts'
import type { ByteTable } from '../byte-table.ts'
import { WireReader } from '../receive/protobuf.ts'
import { formatBound } from './number.ts'
import {
  type MetadataKind,
  metadataMark,
  type PageExemplar,
  type PageItem,
  type PageReader,
} from './page-reader.ts'
import { HistogramMessage } from './protobuf-histogram.ts'
import { readDouble, readExemplar, readLabelPair } from './protobuf-value.ts'

/** What a page of a target is read for. */
export interface ProtobufPageOptions {
  table?: ByteTable
  /** Gives native histograms as such; else only their classic buckets. */
  hasNative?: boolean
  /** Gives the classic buckets of native histograms too. */
  keepsClassic?: boolean
}

const familyTypes = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram']
const untypedType = 3
const gaugeHistogramType = 5

/** The parts of a metric, each a series; the numbers stand in keys of the table. */
const plainPart = 1
const quantilePart = 2
const countPart = 3
const sumPart = 4
const bucketPart = 5
const nativePart = 6
/** Parts of a family's metadata. */
const metadataParts: Record<MetadataKind, number> = { type: 101, help: 102, unit: 103 }
const metadataKinds = ['type', 'help', 'unit'] as const

/** Bytes at the end of a key that name the part. */
const partBytes = 9
/** Between a name and what follows; no UTF-8 has it. */
const separator = 0xff

/** A cursor over a page in protobuf. */
export class ProtobufPageReader implements PageReader {
  /** Number of the family. */
  line = 0
  readonly seriesStart = 0
  seriesEnd = 0
  entry = -1
  value = 0
  hasTime = false
  timeMs = 0
  histogram: Histogram | undefined
  readonly exemplars: PageExemplar[] = []
  metric = ''
  text = ''
  /** The scratch; not the page. */
  view: DataView
  #scratch = Buffer.alloc(1024)
  readonly #wire: WireReader
  readonly #table: ByteTable | undefined
  readonly #hasNative: boolean
  readonly #keepsClassic: boolean
  readonly #message = new HistogramMessage()
  #expected = 0
  // The family at hand: where its name, help and unit stand, and the next of its metrics.
  #nameAt = 0
  #nameEnd = 0
  #helpAt = -1
  #helpEnd = 0
  #unitAt = -1
  #unitEnd = 0
  #type: number = untypedType
  #metadataPlace: number = metadataKinds.length
  #metricAt = 0
  #familyEnd = 0
  // The metric at hand: its parts, of which the next is given.
  #prefixEnd = 0
  #partCount = 0
  #partPlace = 0
  #native: Histogram | undefined
  readonly #parts: number[] = []
  readonly #bounds: number[] = []
  readonly #values: number[] = []
  /** Where the exemplar of each part stands; -1 for none. */
  readonly #exemplarAt: number[] = []
  /** Start and end of each label. */
  readonly #labelPlaces: number[] = []

  constructor(body: Uint8Array, options: ProtobufPageOptions = {}) {
    this.#wire = new WireReader(body)
    this.view = new DataView(this.#scratch.buffer, this.#scratch.byteOffset, this.#scratch.length)
    this.#table = options.table
    this.#hasNative = options.hasNative ?? false
    this.#keepsClassic = options.keepsClassic ?? false
  }

  /** Moves to the next entry. Throws `COLLECT_BODY_INVALID` with the byte's place. */
  next(): PageItem {
    for (;;) {
      if (this.#partPlace < this.#partCount) return this.#givePart(this.#partPlace++)
      if (this.#metadataPlace < metadataKinds.length) {
        const kind = this.#giveMetadata(metadataKinds[this.#metadataPlace++]!)
        if (kind !== undefined) return kind
        continue
      }
      if (this.#metricAt < this.#familyEnd) {
        this.#readMetricField()
        continue
      }
      this.#wire.at = this.#familyEnd
      if (this.#wire.at >= this.#wire.bytes.length) return 'end'
      this.#openFamily()
    }
  }

  /** Tells the reader that the current series was put into the table as `entry`. */
  remember(entry: number): void {
    this.entry = entry
    this.#expected = entry + 1
  }

  /** Puts the current metadata into the table. */
  rememberMetadata(): void {
    const table = this.#table
    if (table === undefined || this.entry >= 0) return
    this.remember(table.add(this.view, 0, this.seriesEnd, metadataMark))
  }

  /** Reads the current metadata once more. */
  readKnown(): MetadataKind | undefined {
    const kind = metadataKinds[this.#metadataPlace - 1]
    if (kind !== undefined) this.#readMetadata(kind)
    return kind
  }

  /** Labels of the current series as `[name, value, …]` with `__name__` first. */
  readLabels(): string[] {
    const place = this.#partPlace - 1
    const part = this.#parts[place]!
    const suffix =
      part === countPart
        ? '_count'
        : part === sumPart
          ? '_sum'
          : part === bucketPart
            ? '_bucket'
            : ''
    const pairs = ['__name__', this.#textAt(this.#nameAt, this.#nameEnd) + suffix]
    if (pairs[1] === '') this.#wire.fail('a metric family without a name')
    for (let index = 0; index < this.#labelPlaces.length; index += 2) {
      this.#wire.at = this.#labelPlaces[index]!
      readLabelPair(this.#wire, this.#labelPlaces[index + 1]!, pairs)
    }
    if (part === bucketPart) pairs.push('le', formatBound(this.#bounds[place]!))
    if (part === quantilePart) pairs.push('quantile', formatBound(this.#bounds[place]!))
    return pairs
  }

  // --- families --------------------------------------------------------------------------------

  #openFamily(): void {
    this.line++
    const end = this.#wire.readEnd(this.#wire.bytes.length)
    this.#metricAt = this.#wire.at
    this.#familyEnd = end
    this.#nameAt = this.#nameEnd = this.#wire.at
    this.#helpAt = this.#unitAt = -1
    this.#type = 0
    // Names come before metrics, but units behind them: the metrics are passed over first.
    while (this.#wire.at < end) {
      const tag = this.#wire.readSize(end)
      if (tag === 0x0a) {
        this.#nameEnd = this.#wire.readEnd(end)
        this.#nameAt = this.#wire.at
        this.#wire.at = this.#nameEnd
      } else if (tag === 0x12) {
        this.#helpEnd = this.#wire.readEnd(end)
        this.#helpAt = this.#wire.at
        this.#wire.at = this.#helpEnd
      } else if (tag === 0x18) this.#type = this.#wire.readSize(end)
      else if (tag === 0x2a) {
        this.#unitEnd = this.#wire.readEnd(end)
        this.#unitAt = this.#wire.at
        this.#wire.at = this.#unitEnd
      } else this.#wire.skip(tag, end)
    }
    this.#metadataPlace = 0
  }

  #giveMetadata(kind: MetadataKind): PageItem | undefined {
    let key: number
    if (kind === 'type') {
      key = this.#writeName()
      this.#reserve(key + 1 + partBytes)
      this.#scratch[key++] = this.#type & 0xff
    } else {
      const start = kind === 'help' ? this.#helpAt : this.#unitAt
      const end = kind === 'help' ? this.#helpEnd : this.#unitEnd
      if (start < 0) return undefined
      key = this.#write(this.#writeName(), start, end)
    }
    this.#finishKey(key, metadataParts[kind], 0)
    if (this.entry >= 0) return 'known'
    this.#readMetadata(kind)
    return kind
  }

  #readMetadata(kind: MetadataKind): void {
    this.metric = this.#textAt(this.#nameAt, this.#nameEnd)
    if (kind === 'type') this.text = familyTypes[this.#type] ?? 'unknown'
    else if (kind === 'help') this.text = this.#textAt(this.#helpAt, this.#helpEnd)
    else this.text = this.#textAt(this.#unitAt, this.#unitEnd)
  }

  // --- metrics ---------------------------------------------------------------------------------

  #readMetricField(): void {
    this.#wire.at = this.#metricAt
    const tag = this.#wire.readSize(this.#familyEnd)
    if (tag === 0x22) this.#readMetric()
    else this.#wire.skip(tag, this.#familyEnd)
    this.#metricAt = this.#wire.at
  }

  #readMetric(): void {
    const end = this.#wire.readEnd(this.#familyEnd)
    this.#partCount = 0
    this.#partPlace = 0
    this.#labelPlaces.length = 0
    this.#native = undefined
    this.hasTime = false
    let key = this.#writeName()
    let valueTag = 0
    let valueAt = 0
    let valueEnd = 0
    while (this.#wire.at < end) {
      const tag = this.#wire.readSize(end)
      if (tag === 0x30) {
        this.timeMs = this.#wire.readInt64(end)
        this.hasTime = this.timeMs !== 0
        continue
      }
      if (
        tag !== 0x0a &&
        tag !== 0x12 &&
        tag !== 0x1a &&
        tag !== 0x22 &&
        tag !== 0x2a &&
        tag !== 0x3a
      ) {
        this.#wire.skip(tag, end)
        continue
      }
      const fieldEnd = this.#wire.readEnd(end)
      if (tag === 0x0a) {
        this.#labelPlaces.push(this.#wire.at, fieldEnd)
        key = this.#write(key, this.#wire.at, fieldEnd)
        this.#reserve(key + 1)
        this.#scratch[key++] = separator
      } else {
        valueTag = tag
        valueAt = this.#wire.at
        valueEnd = fieldEnd
      }
      this.#wire.at = fieldEnd
    }
    this.#prefixEnd = key
    // A metric without a value is one of zeros: the format leaves zeros out.
    if (valueTag === 0) this.#addPart(plainPart, 0, 0)
    else {
      this.#wire.at = valueAt
      if (valueTag === 0x22) this.#readSummary(valueEnd)
      else if (valueTag === 0x3a) this.#readHistogram(valueEnd)
      else this.#readPlain(valueEnd)
    }
    this.#wire.at = end
  }

  #addPart(part: number, bound: number, value: number, exemplarAt = -1): void {
    const place = this.#partCount++
    this.#parts[place] = part
    this.#bounds[place] = bound
    this.#values[place] = value
    this.#exemplarAt[place] = exemplarAt
  }

  #readPlain(end: number): void {
    let value = 0
    let exemplarAt = -1
    while (this.#wire.at < end) {
      const tag = this.#wire.readSize(end)
      if (tag === 0x09) value = readDouble(this.#wire, end)
      else if (tag === 0x12) {
        exemplarAt = this.#wire.at
        this.#wire.skip(tag, end)
      } else this.#wire.skip(tag, end)
    }
    this.#addPart(plainPart, 0, value, exemplarAt)
  }

  #readSummary(end: number): void {
    let count = 0
    let sum = 0
    while (this.#wire.at < end) {
      const tag = this.#wire.readSize(end)
      if (tag === 0x08) count = this.#wire.readInt64(end)
      else if (tag === 0x11) sum = readDouble(this.#wire, end)
      else if (tag === 0x1a) {
        const fieldEnd = this.#wire.readEnd(end)
        let quantile = 0
        let value = 0
        while (this.#wire.at < fieldEnd) {
          const inner = this.#wire.readSize(fieldEnd)
          if (inner === 0x09) quantile = readDouble(this.#wire, fieldEnd)
          else if (inner === 0x11) value = readDouble(this.#wire, fieldEnd)
          else this.#wire.skip(inner, fieldEnd)
        }
        this.#addPart(quantilePart, quantile, value)
      } else this.#wire.skip(tag, end)
    }
    this.#addPart(countPart, 0, count)
    this.#addPart(sumPart, 0, sum)
  }

  #readHistogram(end: number): void {
    const message = this.#message
    message.read(this.#wire, end)
    const isNative = this.#hasNative && message.isNative
    if (isNative) {
      this.#native = message.makeHistogram(this.#wire, this.#type === gaugeHistogramType)
      this.#addPart(nativePart, 0, 0)
      if (!this.#keepsClassic) return
    }
    for (let index = 0; index < message.bucketCount; index++) {
      const exemplarAt = message.exemplarAt[index]!
      this.#addPart(bucketPart, message.bounds[index]!, message.counts[index]!, exemplarAt)
    }
    // A native histogram without buckets is not made a classic one of a single bucket.
    if (isNative && message.bucketCount === 0) return
    if (!message.hasInfinity) this.#addPart(bucketPart, Number.POSITIVE_INFINITY, message.count)
    this.#addPart(countPart, 0, message.count)
    this.#addPart(sumPart, 0, message.sum)
  }

  // --- one series ------------------------------------------------------------------------------

  #givePart(place: number): 'sample' | 'histogram' {
    const part = this.#parts[place]!
    this.value = this.#values[place]!
    this.histogram = part === nativePart ? this.#native : undefined
    this.#finishKey(this.#prefixEnd, part, this.#bounds[place]!)
    if (this.exemplars.length > 0) this.exemplars.length = 0
    if (part === nativePart) {
      for (const at of this.#message.nativeExemplarAt) this.#addExemplar(at)
      this.exemplars.sort((a, b) => (a.timeMs ?? 0) - (b.timeMs ?? 0))
      return 'histogram'
    }
    const exemplarAt = this.#exemplarAt[place]!
    if (exemplarAt >= 0) this.#addExemplar(exemplarAt)
    return 'sample'
  }

  #addExemplar(at: number): void {
    this.#wire.at = at
    this.exemplars.push(readExemplar(this.#wire))
  }

  #writeName(): number {
    const key = this.#write(0, this.#nameAt, this.#nameEnd)
    this.#reserve(key + 1)
    this.#scratch[key] = separator
    return key + 1
  }

  /** Copies bytes of the page to the scratch; gives where they end. */
  #write(key: number, start: number, end: number): number {
    this.#reserve(key + end - start)
    const { bytes } = this.#wire
    const scratch = this.#scratch
    let to = key
    for (let at = start; at < end; at++) scratch[to++] = bytes[at]!
    return to
  }

  #reserve(size: number): void {
    if (size <= this.#scratch.length) return
    const grown = Buffer.alloc(size * 2)
    grown.set(this.#scratch)
    this.#scratch = grown
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length)
  }

  #finishKey(key: number, part: number, bound: number): void {
    this.#reserve(key + partBytes)
    this.#scratch[key] = part
    this.view.setFloat64(key + 1, bound, true)
    this.seriesEnd = key + partBytes
    this.entry = this.#find()
    if (this.entry >= 0) this.#expected = this.entry + 1
  }

  #find(): number {
    const table = this.#table
    if (table === undefined) return -1
    const entry = this.#expected
    const isExpected =
      entry < table.count &&
      table.keyLength(entry) === this.seriesEnd &&
      table.matchesAt(entry, this.view, 0, this.seriesEnd)
    return isExpected ? entry : table.find(this.view, 0, this.seriesEnd)
  }

  #textAt(start: number, end: number): string {
    const { bytes, buffer } = this.#wire
    if (!isUtf8(bytes.subarray(start, end))) this.#wire.fail('a string that is not UTF-8')
    return buffer.toString('utf8', start, end)
  }
}
