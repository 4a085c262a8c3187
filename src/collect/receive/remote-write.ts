/**
 * Prometheus remote write 1.0 and, through remote-write-v2.ts, 2.0: a snappy block of `WriteRequest`,
 * walked by hand.
 *
 *   WriteRequest { 1: TimeSeries…, 3: MetricMetadata… }
 *   TimeSeries   { 1: Label…, 2: Sample…, 3: Exemplar…, 4: Histogram… }
 *   Label        { 1: name, 2: value }   Sample { 1: double value, 2: int64 timestamp_ms }
 *
 * The raw bytes of a series' labels are its key in a `ByteTable`: known series cost one comparison
 * of bytes and no string, and since senders repeat their order, the comparison is nearly always with
 * the entry after the last one. The whole body is decoded before anything is handed to the store, so
 * a malformed byte anywhere leaves no half-taken request.
 *
 * Answers: 204 when all was kept; 400 with a text when anything was not, valid samples kept (senders
 * must not repeat a 400); 415, 413, 429 and 503 as the specification says.
 * Source: prometheus/docs specs/prw/remote_write_spec.md; prometheus prompb/remote.proto.
 */

import type { Log } from '../../base/log.ts'
import type { AppendResult, Appender, MetricMetadata, RejectReason } from '../../model/flow.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import {
  bitsOf,
  makeSampleBatch,
  type SampleBatch,
  type SeriesId,
  setStaleAt,
} from '../../model/sample.ts'
import { describeLabels, validateLabels } from '../../prepare/prepare.ts'
import { ByteTable } from '../byte-table.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { admitSeries, seriesLimitReason } from '../ingest-appender.ts'
import {
  collectKnownSeriesBytes,
  collectKnownSeriesResets,
  collectReceivedBytes,
  collectSamples,
} from '../metrics.ts'
import type { HaSettings } from '../settings.ts'
import {
  decodeBody,
  handleReceived,
  makeEmptyReply,
  makeTextReply,
  type ReceivedRequest,
  type ReceiverReply,
  releaseBytes,
} from './body.ts'
import type { HaTracker } from './ha-tracker.ts'
import { WireReader } from './protobuf.ts'
import { rewriteAsV1 } from './remote-write-v2.ts'

/** Raw labels kept at most: a million series of the usual 200 bytes. Beyond it the table begins anew. */
const knownBytesMax = 256 * 1024 * 1024
/** Row buffers kept for the next request. */
const spareBatchesMax = 4
/** A larger buffer is not kept: 1 Mi rows are 20 MiB. */
const spareRowsMax = 1024 * 1024
/** How many refused label sets are told in the reply. */
const toldFaultsMax = 3

/** Series in one request at most; an honest one takes 64 bytes, of which 64 MiB hold no more. */
const seriesCountMax = 1024 * 1024
/** Samples in one request at most; each takes 9 bytes, so that 64 MiB hold no more. */
const sampleCountMax = 8 * 1024 * 1024
/** Labels of one series that are read; what has more is refused without reading them. */
const labelsReadMax = 1024

const sourceName = 'remote-write'

/** What refused samples are called towards the sender: the words of Prometheus. */
const reasonTexts: Record<RejectReason, string> = {
  'out-of-order': 'out of order sample',
  duplicate: 'duplicate sample for timestamp',
  'too-old': 'out of bounds: too old sample',
  'too-far-in-future': 'out of bounds: sample is too far in the future',
}

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
interface Faults {
  count: number
  texts: string[]
  /** Samples left out, by reason. */
  reasons: Record<string, number>
}

/** Takes remote write requests. */
export class RemoteWriteReceiver {
  readonly #appender: Appender
  readonly #drops: DropLedger
  readonly #log: Log
  readonly #onReceived: (sampleCount: number) => void
  readonly #ha: HaTracker | undefined
  readonly #table = new ByteTable()
  readonly #spare: SampleBatch[] = []
  #expected = 0
  #epoch: number

  constructor(parts: {
    appender: Appender
    drops: DropLedger
    log: Log
    onReceived: (sampleCount: number) => void
    /** Which of several senders of the same is taken; all unless given. */
    ha?: HaTracker
  }) {
    this.#appender = parts.appender
    this.#drops = parts.drops
    this.#log = parts.log
    this.#onReceived = parts.onReceived
    this.#epoch = parts.appender.seriesEpoch
    this.#ha = parts.ha
  }

  /** Takes other settings of replicas. */
  reload(settings: HaSettings): void {
    if (this.#ha?.reload(settings) === true) this.#clearTable('renumbered')
  }

  /** Answers one request; never rejects. The memory of a large body is given back: it is used up. */
  receive(request: ReceivedRequest): Promise<ReceiverReply> {
    return handleReceived(sourceName, async () => {
      const version = readVersion(request.headers)
      const body = await decodeBody(withDefaultEncoding(request), ['snappy'])
      releaseBytes(request.body)
      collectReceivedBytes.inc({ receiver: sourceName }, body.length)
      const { reply, acceptedCount } = await this.#take(version === 1 ? body : rewriteAsV1(body))
      if (version === 2) addWrittenHeaders(reply, acceptedCount)
      return reply
    })
  }

  async #take(body: Buffer): Promise<{ reply: ReceiverReply; acceptedCount: number }> {
    this.#keepTable()
    const decoder = new Decoder(body, {
      appender: this.#appender,
      table: this.#table,
      expected: this.#expected,
      batch: this.#spare.pop() ?? makeSampleBatch(8192),
      ha: this.#ha,
    })
    try {
      const sender = this.#ha === undefined ? undefined : decoder.readFirstLabels()
      if (sender !== undefined && this.#ha?.accepts(sender) === false) {
        return { reply: this.#leaveOut(decoder), acceptedCount: 0 }
      }
      decoder.run()
    } finally {
      releaseBytes(body)
      this.#drops.addRejected(sourceName, sourceName, decoder.faults.reasons)
    }
    this.#expected = decoder.expected
    collectKnownSeriesBytes.set(this.#table.keyBytes)
    const { batch, faults } = decoder
    const result = batch.count === 0 ? nothingAppended : await this.#appender.append(batch)
    this.#keepSpare(batch)
    collectSamples.inc({ source: sourceName }, result.accepted)
    this.#drops.addRejected(sourceName, sourceName, result.reasons)
    this.#onReceived(result.accepted)
    const acceptedCount = result.accepted
    if (result.rejected === 0 && faults.count === 0) {
      return { reply: makeEmptyReply(), acceptedCount }
    }
    const text = this.#explain(result, faults)
    this.#log.debug({ text }, 'Samples of a remote write request were not kept.')
    return { reply: makeTextReply(400, text), acceptedCount }
  }

  /** Begins the table anew when it is full or the store has given numbers to other series. */
  #keepTable(): void {
    const { seriesEpoch } = this.#appender
    const isFull = this.#table.keyBytes > knownBytesMax
    if (seriesEpoch === this.#epoch && !isFull) return
    this.#epoch = seriesEpoch
    this.#clearTable(isFull ? 'full' : 'renumbered')
  }

  #clearTable(reason: 'full' | 'renumbered'): void {
    this.#table.clear()
    this.#expected = 0
    collectKnownSeriesResets.inc({ reason })
  }

  /** Leaves out what another replica has sent already: that is no fault of the sender. */
  #leaveOut(decoder: Decoder): ReceiverReply {
    const drop = { reason: 'ha-duplicate', count: decoder.countSamples() }
    this.#drops.add(sourceName, sourceName, drop)
    this.#keepSpare(decoder.batch)
    return { ...makeEmptyReply(), status: 202 }
  }

  #keepSpare(batch: SampleBatch): void {
    if (batch.seriesId.length > spareRowsMax || this.#spare.length >= spareBatchesMax) return
    batch.count = 0
    this.#spare.push(batch)
  }

  #explain(result: AppendResult, faults: Faults): string {
    const lines = [...faults.texts]
    if (faults.count > faults.texts.length) lines.push(`… ${faults.count} such faults in all`)
    const first = result.firstRejected
    if (first !== undefined) {
      const series = describeLabels(this.#appender.labelsOf(first.seriesId))
      lines.push(`${reasonTexts[first.reason]}: series ${series} at ${first.timeMs} ms`)
    }
    const counts = Object.entries(result.reasons)
      .map(([reason, count]) => `${count} ${reason}`)
      .join(', ')
    if (counts !== '') lines.push(`${result.rejected} samples were not kept: ${counts}`)
    lines.push(`${result.accepted} samples were kept`)
    return lines.join('\n')
  }
}

const nothingAppended: AppendResult = {
  accepted: 0,
  rejected: 0,
  reasons: {},
  firstRejected: undefined,
}

/** Early senders of remote write left the encoding out; it was always snappy. */
function withDefaultEncoding(request: ReceivedRequest): ReceivedRequest {
  return {
    headers: {
      'content-encoding': request.headers['content-encoding'] || 'snappy',
    },
    body: request.body,
  }
}

/** The version of the message by its Content-Type; throws `COLLECT_BODY_TYPE_UNSUPPORTED`. */
function readVersion(headers: Record<string, string>): 1 | 2 {
  const written = headers['content-type'] ?? ''
  const [type, ...parameters] = written.split(';').map((part) => part.trim().toLowerCase())
  const refuse = (reason: string): never => {
    throw collectErrors.BODY_TYPE_UNSUPPORTED({ reason })
  }
  if (type !== '' && type !== 'application/x-protobuf') {
    refuse(`expected application/x-protobuf as the Content-Type, got "${written.slice(0, 100)}"`)
  }
  const proto = parameters.find((parameter) => parameter.startsWith('proto='))?.slice(6)
  if (proto === 'io.prometheus.write.v2.request') return 2
  if (proto === undefined || proto === 'prometheus.writerequest') return 1
  return refuse(
    `${proto.slice(0, 100)} protobuf message is not accepted by this server; prometheus.WriteRequest and io.prometheus.write.v2.Request are`,
  )
}

/** What a sender of 2.0 asks to know, of success and of failure in part. Exemplars are not kept. */
function addWrittenHeaders(reply: ReceiverReply, acceptedCount: number): void {
  reply.headers['x-prometheus-remote-write-samples-written'] = String(acceptedCount)
  reply.headers['x-prometheus-remote-write-histograms-written'] = '0'
  reply.headers['x-prometheus-remote-write-exemplars-written'] = '0'
}

/** Decodes one body into one batch. */
class Decoder {
  readonly batch: SampleBatch
  readonly faults: Faults = { count: 0, texts: [], reasons: {} }
  expected: number
  readonly #appender: Appender
  readonly #table: ByteTable
  readonly #ha: HaTracker | undefined
  readonly #wire: WireReader
  #bits: Uint32Array
  #histogramCount = 0
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
    if (this.#histogramCount > 0) {
      this.#fault(
        'native-histogram',
        this.#histogramCount,
        () => `native histograms are not kept yet: ${this.#histogramCount} were left out`,
      )
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
        if (inner === 0x12) count++
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
      else if (tag === 0x22) {
        this.#histogramCount++
        wire.skip(tag, end)
      } else {
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
    if (seriesId === undefined) return
    const { batch } = this
    for (let row = firstRow; row < batch.count; row++) batch.seriesId[row] = seriesId
  }

  /** Number of a label set that is new to us; `undefined`, its rows taken back, when it is refused. */
  #number(labels: Labels, firstRow: number): SeriesId | undefined {
    let verdict: { reason: string; message: string } | undefined
    verdict = this.#unreadable ?? validateLabels(labels)
    this.#unreadable = undefined
    if (verdict === undefined) {
      const kept = this.#ha === undefined ? labels : this.#ha.strip(labels)
      const seriesId = admitSeries(this.#appender, sourceName, kept)
      if (seriesId !== undefined) return seriesId
      verdict = { reason: seriesLimitReason, message: 'too many series' }
    }
    const { message } = verdict
    const count = this.batch.count - firstRow
    this.batch.count = firstRow
    this.#fault(
      verdict.reason,
      Math.max(count, 1),
      () => `${message}: series ${describeLabels(labels)}`,
    )
    return undefined
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

/** Metric names longer than this have no metadata; helps and units are cut. */
const metadataBytesMax = 4096
