/**
 * Prometheus remote write 1.0 and, through remote-write-v2.ts, 2.0: a snappy block of `WriteRequest`,
 * walked by hand (remote-write-decoder.ts).
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
import type { AppendResult, Appender, RejectReason } from '../../model/flow.ts'
import { makeSampleBatch, type SampleBatch } from '../../model/sample.ts'
import { describeLabels } from '../../prepare/prepare.ts'
import { ByteTable } from '../byte-table.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
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
import { type Faults, RemoteWriteDecoder, remoteWriteSource } from './remote-write-decoder.ts'
import { rewriteAsV1 } from './remote-write-v2.ts'

/** Raw labels kept at most: a million series of the usual 200 bytes. Beyond it the table begins anew. */
const knownBytesMax = 256 * 1024 * 1024
/** Row buffers kept for the next request. */
const spareBatchesMax = 4
/** A larger buffer is not kept: 1 Mi rows are 20 MiB. */
const spareRowsMax = 1024 * 1024

/** What refused samples are called towards the sender: the words of Prometheus. */
const reasonTexts: Record<RejectReason, string> = {
  'out-of-order': 'out of order sample',
  duplicate: 'duplicate sample for timestamp',
  'too-old': 'out of bounds: too old sample',
  'too-far-in-future': 'out of bounds: sample is too far in the future',
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
    return handleReceived(remoteWriteSource, async () => {
      const version = readVersion(request.headers)
      const body = await decodeBody(withDefaultEncoding(request), ['snappy'])
      releaseBytes(request.body)
      collectReceivedBytes.inc({ receiver: remoteWriteSource }, body.length)
      const { reply, written } = await this.#take(version === 1 ? body : rewriteAsV1(body))
      if (version === 2) addWrittenHeaders(reply, written)
      return reply
    })
  }

  async #take(body: Buffer): Promise<{ reply: ReceiverReply; written: Written }> {
    this.#keepTable()
    const decoder = new RemoteWriteDecoder(body, {
      appender: this.#appender,
      table: this.#table,
      expected: this.#expected,
      batch: this.#spare.pop() ?? makeSampleBatch(8192),
      ha: this.#ha,
    })
    try {
      const sender = this.#ha === undefined ? undefined : decoder.readFirstLabels()
      if (sender !== undefined && this.#ha?.accepts(sender) === false) {
        return { reply: this.#leaveOut(decoder), written: nothingWritten }
      }
      decoder.run()
    } finally {
      releaseBytes(body)
      this.#drops.addRejected(remoteWriteSource, remoteWriteSource, decoder.faults.reasons)
    }
    this.#expected = decoder.expected
    collectKnownSeriesBytes.set(this.#table.keyBytes)
    const { result, written } = await this.#append(decoder)
    const { faults } = decoder
    if (result.rejected === 0 && faults.count === 0) return { reply: makeEmptyReply(), written }
    const text = this.#explain(result, faults)
    this.#log.debug({ text }, 'Samples of a remote write request were not kept.')
    return { reply: makeTextReply(400, text), written }
  }

  /** Samples and exemplars share a write to the disk; exemplars that are not kept are no fault. */
  async #append(decoder: RemoteWriteDecoder): Promise<{ result: AppendResult; written: Written }> {
    const { batch, exemplars, histogramCount } = decoder
    const appender = this.#appender
    const [result, kept] = await Promise.all([
      batch.count === 0 ? nothingAppended : appender.append(batch),
      exemplars.length === 0 ? undefined : appender.appendExemplars?.(exemplars),
    ])
    this.#keepSpare(batch)
    const { accepted } = result
    collectSamples.inc({ source: remoteWriteSource }, accepted)
    this.#drops.addRejected(remoteWriteSource, remoteWriteSource, result.reasons)
    this.#drops.addExemplars(remoteWriteSource, remoteWriteSource, kept)
    this.#onReceived(accepted)
    // Histograms that end a series are stored as a mark alone.
    const isWhole = result.rejected === 0
    const histograms = isWhole ? histogramCount : (result.acceptedHistograms ?? 0)
    const written = {
      samples: accepted - histograms,
      histograms,
      exemplars: kept?.accepted ?? 0,
    }
    return { result, written }
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
  #leaveOut(decoder: RemoteWriteDecoder): ReceiverReply {
    const drop = { reason: 'ha-duplicate', count: decoder.countSamples() }
    this.#drops.add(remoteWriteSource, remoteWriteSource, drop)
    this.#keepSpare(decoder.batch)
    return { ...makeEmptyReply(), status: 202 }
  }

  #keepSpare(batch: SampleBatch): void {
    if (batch.seriesId.length > spareRowsMax || this.#spare.length >= spareBatchesMax) return
    const { seriesId, timeMs, value } = batch
    this.#spare.push({ count: 0, seriesId, timeMs, value })
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

/** Rows of a request that were kept. */
interface Written {
  samples: number
  histograms: number
  exemplars: number
}

const nothingWritten: Written = { samples: 0, histograms: 0, exemplars: 0 }

/** What a sender of 2.0 asks to know, of success and of failure in part. */
function addWrittenHeaders(reply: ReceiverReply, written: Written): void {
  reply.headers['x-prometheus-remote-write-samples-written'] = String(written.samples)
  reply.headers['x-prometheus-remote-write-histograms-written'] = String(written.histograms)
  reply.headers['x-prometheus-remote-write-exemplars-written'] = String(written.exemplars)
}
