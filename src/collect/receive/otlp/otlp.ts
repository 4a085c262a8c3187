/**
 * OTLP metrics: an export request in protobuf or JSON over HTTP, or in protobuf over gRPC, becomes
 * rows of Prometheus's series. What cannot be kept is told in `partial_success`, which senders must
 * not repeat; a request that is wrong as a whole gets a `google.rpc.Status` in the encoding it came in.
 *
 * Source: opentelemetry-proto docs/specification.md.
 */

import { CodedError, messageOf } from '../../../base/error.ts'
import type { Log } from '../../../base/log.ts'
import type { Appender } from '../../../model/flow.ts'
import type { DropLedger } from '../../drops.ts'
import { collectErrors } from '../../errors.ts'
import { collectReceivedBytes } from '../../metrics.ts'
import type { CollectSettings } from '../../settings.ts'
import { decodeBody, handleReceived, type ReceivedRequest, type ReceiverReply } from '../body.ts'
import { SampleIntake } from '../sample-intake.ts'
import { DeltaBook } from './delta.ts'
import { readMetricJson } from './metric-json.ts'
import { readMetricProtobuf } from './metric-protobuf.ts'
import type { OtlpResource } from './metric-request.ts'
import { encodePartial, encodeStatus, messageLengthMax, type PartialSuccess } from './reply-wire.ts'
import { type TargetInfo, translateMetrics } from './translate.ts'

/** Processes whose last `target_info` is remembered; more begin anew. */
const knownTargetCountMax = 100_000
const sourceName = 'otlp'

/** Takes metrics of OpenTelemetry. */
export class OtlpMetricReceiver {
  readonly #appender: Appender
  readonly #drops: DropLedger
  readonly #log: Log
  readonly #onReceived: (sampleCount: number) => void
  readonly #deltas = new DeltaBook()
  /** Last time of each process's `target_info`. */
  readonly #targets = new Map<string, number>()
  #settings: CollectSettings['otlp']

  constructor(parts: {
    appender: Appender
    drops: DropLedger
    log: Log
    settings: CollectSettings['otlp']
    onReceived: (sampleCount: number) => void
  }) {
    this.#appender = parts.appender
    this.#drops = parts.drops
    this.#log = parts.log
    this.#settings = parts.settings
    this.#onReceived = parts.onReceived
  }

  /** Takes other settings for what comes from now on. */
  reload(settings: CollectSettings['otlp']): void {
    this.#settings = settings
  }

  /** Answers one HTTP request; never rejects. */
  receive(request: ReceivedRequest): Promise<ReceiverReply> {
    const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
    const isJson = type !== 'application/x-protobuf'
    return handleReceived(
      sourceName,
      async () => {
        if (isJson && type !== 'application/json') {
          throw collectErrors.BODY_TYPE_UNSUPPORTED({
            reason: `Content-Type "${type.slice(0, 100)}" is not accepted; send application/x-protobuf or application/json`,
          })
        }
        const body = await decodeBody(request, ['identity', 'gzip'])
        collectReceivedBytes.inc({ receiver: sourceName }, body.length)
        const resources = isJson ? readMetricJson(body) : readMetricProtobuf(body)
        const partial = await this.#take(resources)
        return isJson
          ? replyJson(200, formatPartialJson(partial))
          : replyProtobuf(200, encodePartial(partial))
      },
      (thrown, status) => formatOtlpFailure(thrown, status, isJson),
    )
  }

  /** Answers one message of gRPC with the response's bytes, or a failure as text; never rejects. */
  receiveMessage(body: Buffer): Promise<ReceiverReply> {
    return handleReceived(sourceName, async () => {
      collectReceivedBytes.inc({ receiver: sourceName }, body.length)
      return replyProtobuf(200, encodePartial(await this.#take(readMetricProtobuf(body))))
    })
  }

  async #take(resources: readonly OtlpResource[]): Promise<PartialSuccess> {
    const parts = { appender: this.#appender, drops: this.#drops, source: sourceName }
    const rows = new SampleIntake(parts)
    const deltas = this.#deltas.open()
    try {
      const infos = translateMetrics(resources, { rows, deltas, settings: this.#settings })
      const pointCount = countPoints(resources)
      const result = await rows.commit()
      await this.#tellTargets(infos)
      this.#onReceived(result.acceptedCount)
      const { rejectedCount, texts } = result
      if (rejectedCount > 0) this.#log.debug({ texts }, 'Points of an OTLP request were not kept.')
      // A histogram is many rows and one point; what is told never exceeds what was sent.
      return { rejectedCount: Math.min(rejectedCount, pointCount), message: texts.join('; ') }
    } catch (thrown) {
      deltas.undo()
      throw thrown
    }
  }

  /** Writes `target_info` of processes that were not heard of at this time or later. */
  async #tellTargets(infos: readonly TargetInfo[]): Promise<void> {
    const rows = new SampleIntake({
      appender: this.#appender,
      drops: this.#drops,
      source: sourceName,
    })
    for (const { labels, timeMs } of infos) {
      const { key } = labels
      if (timeMs <= (this.#targets.get(key) ?? 0)) continue
      if (this.#targets.size >= knownTargetCountMax) this.#targets.clear()
      this.#targets.set(key, timeMs)
      rows.add(labels, timeMs, 1)
    }
    if (rows.count > 0) await rows.commit()
  }
}

function countPoints(resources: readonly OtlpResource[]): number {
  let count = 0
  for (const { scopes } of resources) {
    for (const { metrics } of scopes) {
      for (const { points } of metrics) count += points.length
    }
  }
  return count
}

function replyJson(status: number, body: string): ReceiverReply {
  return { status, headers: { 'content-type': 'application/json' }, body }
}

function replyProtobuf(status: number, bytes: Buffer): ReceiverReply {
  return { status, headers: { 'content-type': 'application/x-protobuf' }, body: '', bytes }
}

function formatPartialJson({ rejectedCount, message }: PartialSuccess): string {
  if (rejectedCount === 0) return '{}'
  const errorMessage = message.slice(0, messageLengthMax)
  return JSON.stringify({
    partialSuccess: { rejectedDataPoints: String(rejectedCount), errorMessage },
  })
}

/** Codes of google.rpc.Status that belong to our statuses. */
const rpcCodes = new Map([
  [401, 16],
  [403, 7],
  [404, 5],
  [429, 8],
  [503, 14],
])

/** The code of google.rpc.Status for an HTTP status. */
function toRpcCode(status: number): number {
  return rpcCodes.get(status) ?? (status < 500 ? 3 : 13)
}

/** A failure as google.rpc.Status in the sender's encoding. */
export function formatOtlpFailure(thrown: unknown, status: number, isJson: boolean): ReceiverReply {
  const message = thrown instanceof CodedError ? thrown.message : messageOf(thrown)
  const code = toRpcCode(status)
  return isJson
    ? replyJson(status, JSON.stringify({ code, message: message.slice(0, messageLengthMax) }))
    : replyProtobuf(status, encodeStatus(code, message))
}
