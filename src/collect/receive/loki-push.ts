/**
 * Loki's push API: `{"streams": [{"stream": {label: value}, "values": [["<ns>", "line", {metadata}]]}]}`
 * as JSON (plain, gzip, deflate), or the same as protobuf in a snappy block:
 *
 *   PushRequest { 1: Stream… }   Stream { 1: labels as text `{a="b"}`, 2: Entry… }
 *   Entry { 1: Timestamp {1: s, 2: ns}, 2: line, 3: LabelPair {1: name, 2: value}… }
 *
 * As Loki does, a stream without `service_name` gets one from its other labels, and each line gets a
 * level. Lines that cannot be kept make the answer 400 with a text; the others are kept.
 * Source: grafana/loki docs/sources/reference/loki-http-api.md, pkg/push/push.proto,
 * pkg/validation/limits.go (behaviour).
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { unquoteGo } from '../../base/go-string.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import {
  describeLabels,
  findLevel,
  isLevelName,
  parseLevel,
  validateLimits,
} from '../../prepare/prepare.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { collectReceivedBytes } from '../metrics.ts'
import {
  decodeBody,
  decodeSnappy,
  handleReceived,
  makeEmptyReply,
  makeTextReply,
  type ReceivedRequest,
  type ReceiverReply,
} from './body.ts'
import { parseJsonBody } from './json-body.ts'
import { WireReader } from './protobuf.ts'

/** Characters of a line at most; what is longer is cut, as Loki does with `max_line_size_truncate`. */
const lineLengthMax = 256 * 1024
/** A line may lie this far in the future: Loki's `creation_grace_period`. */
const futureMsMax = 10 * 60_000
/** Names and values of one line's metadata that are read. */
const metadataTextsMax = 2048
/** Characters of a stream's written labels: their limit, each character escaped at its longest. */
const labelsTextMax = 4 * 1024 * 1024
/** Streams in one request at most. */
const streamCountMax = 128 * 1024
/** Lines in one request at most. */
const lineCountMax = 1024 * 1024
/** Faults told in the reply. */
const toldFaultsMax = 5

const sourceName = 'loki-push'

/** Labels that name a service, the first present one counts: Loki's `discover_service_name`. */
const serviceLabels = [
  'service',
  'app',
  'application',
  'app_name',
  'name',
  'app_kubernetes_io_name',
  'container',
  'container_name',
  'k8s_container_name',
  'component',
  'workload',
  'job',
  'k8s_job_name',
]

/** The labels with `service_name`, derived when it is missing. */
export function withServiceName(labels: Labels): Labels {
  if (labels.has('service_name')) return labels
  for (const name of serviceLabels) {
    if (labels.has(name)) return labels.with('service_name', labels.get(name))
  }
  return labels.with('service_name', 'unknown_service')
}

/** Takes push requests. */
export class LokiPushReceiver {
  readonly #clock: Clock
  readonly #drops: DropLedger
  readonly #append: (batch: LogBatch) => Promise<void>
  readonly #onReceived: (lineCount: number) => void

  constructor(parts: {
    clock: Clock
    drops: DropLedger
    append: (batch: LogBatch) => Promise<void>
    onReceived: (lineCount: number) => void
  }) {
    this.#clock = parts.clock
    this.#drops = parts.drops
    this.#append = parts.append
    this.#onReceived = parts.onReceived
  }

  /** Answers one request; never rejects. */
  receive(request: ReceivedRequest): Promise<ReceiverReply> {
    return handleReceived(sourceName, async () => {
      const builder = new PushBuilder(this.#clock.nowTimeMs())
      const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
      if (type === 'application/x-protobuf') {
        const body = await decodeProtobufBody(request)
        collectReceivedBytes.inc({ receiver: sourceName }, body.length)
        readProtobuf(body, builder)
      } else if (type === 'application/json' || type === '') {
        const body = await decodeBody(request, ['identity', 'gzip', 'deflate', 'snappy'])
        collectReceivedBytes.inc({ receiver: sourceName }, body.length)
        readJson(body, builder)
      } else {
        throw collectErrors.BODY_TYPE_UNSUPPORTED({
          reason: `Content-Type "${type.slice(0, 100)}" is not accepted; send application/json or application/x-protobuf`,
        })
      }
      const { batch, faults, dropped } = builder.finish()
      if (batch.count > 0) await this.#append(batch)
      for (const [reason, count] of dropped) {
        this.#drops.add(sourceName, sourceName, { reason, count })
      }
      this.#onReceived(batch.count)
      return faults.length === 0 ? makeEmptyReply() : makeTextReply(400, faults.join('\n'))
    })
  }
}

/** Promtail and the agents always send snappy and often do not say so. */
function decodeProtobufBody(request: ReceivedRequest): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? ''
  if (encoding === '' || encoding === 'snappy') return decodeSnappy(request.body)
  return decodeBody(request, ['snappy', 'gzip', 'identity'])
}

/** Gathers lines into columns. */
class PushBuilder {
  readonly #timeNsMax: bigint
  readonly #streams: Labels[] = []
  readonly #stream: number[] = []
  readonly #timeNs: bigint[] = []
  readonly #level: number[] = []
  readonly #line: string[] = []
  readonly #metadata: (Labels | undefined)[] = []
  readonly #faults: string[] = []
  readonly #dropped = new Map<string, number>()
  #streamLevel = 0
  #hasMetadata = false
  #faultCount = 0
  #isRefused = false

  constructor(nowTimeMs: number) {
    this.#timeNsMax = BigInt(nowTimeMs + futureMsMax) * 1_000_000n
  }

  /** Begins a stream; lines that follow belong to it. */
  openStream(labels: Labels): void {
    this.#isRefused = false
    if (this.#streams.length === streamCountMax) {
      fail(`more than ${streamCountMax} streams in one request; send smaller batches`)
    }
    const fault =
      labels.size === 0
        ? { reason: 'labels-missing', message: 'at least one label pair is required per stream' }
        : validateLimits(labels)
    if (fault !== undefined) {
      this.#isRefused = true
      this.#fault(fault.reason, () => `${fault.message}: stream ${describeLabels(labels)}`)
    }
    this.#streams.push(withServiceName(labels))
    this.#streamLevel = levelOfLabels(labels)
  }

  add(timeNs: bigint, line: string, metadata: Labels | undefined): void {
    if (this.#isRefused) {
      this.#count('stream-refused')
      return
    }
    if (timeNs > this.#timeNsMax) {
      this.#fault('too-far-in-future', () => {
        const stream = describeLabels(this.#streams.at(-1)!)
        const shown = new Date(Number(timeNs / 1_000_000n))
        const time = Number.isNaN(shown.getTime()) ? `${timeNs} ns` : shown.toISOString()
        return `entry for stream '${stream}' has timestamp too new: ${time}`
      })
      return
    }
    if (this.#line.length === lineCountMax) {
      fail(`more than ${lineCountMax} lines in one request; send smaller batches`)
    }
    const fault = metadata === undefined ? undefined : validateLimits(metadata)
    if (fault !== undefined) {
      this.#fault(`metadata-${fault.reason}`, () => `structured metadata: ${fault.message}`)
      return
    }
    if (line.length > lineLengthMax) {
      this.#count('line-cut')
      line = line.slice(0, lineLengthMax)
    }
    this.#stream.push(this.#streams.length - 1)
    this.#timeNs.push(timeNs)
    this.#line.push(line)
    if (metadata !== undefined) this.#hasMetadata = true
    this.#metadata.push(metadata)
    this.#level.push(
      (metadata === undefined ? 0 : levelOfLabels(metadata)) ||
        this.#streamLevel ||
        findLevel(line),
    )
  }

  finish(): { batch: LogBatch; faults: string[]; dropped: Map<string, number> } {
    const faults = this.#faults
    if (this.#faultCount > faults.length) faults.push(`… ${this.#faultCount} such faults in all`)
    const batch: LogBatch = {
      count: this.#line.length,
      streams: this.#streams,
      stream: Uint32Array.from(this.#stream),
      timeNs: BigInt64Array.from(this.#timeNs),
      level: Uint8Array.from(this.#level),
      line: this.#line,
      ...(this.#hasMetadata ? { metadata: this.#metadata } : {}),
    }
    return { batch, faults, dropped: this.#dropped }
  }

  /** `describe` is called for the few that are told. */
  #fault(reason: string, describe: () => string): void {
    this.#count(reason)
    this.#faultCount++
    if (this.#faults.length < toldFaultsMax) this.#faults.push(describe())
  }

  #count(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }
}

/** The level that a label such as `level="warn"` names; 0 when none does. */
function levelOfLabels(labels: Labels): number {
  for (let index = 0; index < labels.pairs.length; index += 2) {
    if (isLevelName(labels.pairs[index]!)) {
      const level = parseLevel(labels.pairs[index + 1]!)
      if (level !== 0) return level
    }
  }
  return 0
}

// --- JSON --------------------------------------------------------------------------------------

function fail(reason: string): never {
  throw collectErrors.BODY_INVALID({ reason })
}

function readJson(body: Buffer, builder: PushBuilder): void {
  const value = parseJsonBody(body)
  const streams = isObject(value) ? value['streams'] : undefined
  if (!Array.isArray(streams)) fail('expected an object with the list "streams"')
  streams.forEach((stream: unknown, index) => {
    const place = `streams[${index}]`
    if (!isObject(stream)) fail(`${place} must be an object`)
    builder.openStream(readPairs(stream['stream'], `${place}.stream`))
    const values = stream['values']
    if (!Array.isArray(values)) fail(`${place}.values must be a list`)
    values.forEach((entry: unknown, row) => {
      readEntry(entry, `${place}.values[${row}]`, builder)
    })
  })
}

function readEntry(entry: unknown, place: string, builder: PushBuilder): void {
  if (!Array.isArray(entry) || entry.length < 2 || entry.length > 3) {
    fail(`${place} must be a list of a timestamp, a line and perhaps metadata`)
  }
  const [time, line, metadata] = entry as unknown[]
  if (typeof time !== 'string' || !/^-?\d{1,19}$/.test(time)) {
    fail(`${place}[0] must be a string of nanoseconds since 1970`)
  }
  if (typeof line !== 'string') fail(`${place}[1] must be a string, the line`)
  const pairs = metadata === undefined ? undefined : readPairs(metadata, `${place}[2]`)
  const timeNs = BigInt(time)
  if (BigInt.asIntN(64, timeNs) !== timeNs) fail(`${place}[0] does not fit into 64 bits`)
  builder.add(timeNs, line, pairs?.size === 0 ? undefined : pairs)
}

function readPairs(value: unknown, place: string): Labels {
  if (!isObject(value)) fail(`${place} must be an object of strings`)
  const pairs: string[] = []
  for (const name of Object.keys(value)) {
    const text = value[name]
    if (typeof text !== 'string') fail(`${place}[${JSON.stringify(name)}] must be a string`)
    pairs.push(name, text)
  }
  return labelsFromPairs(pairs)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// --- protobuf ----------------------------------------------------------------------------------

function readProtobuf(body: Buffer, builder: PushBuilder): void {
  const wire = new WireReader(body)
  while (wire.at < body.length) {
    const tag = wire.readSize(body.length)
    if (tag !== 0x0a) {
      wire.skip(tag, body.length)
      continue
    }
    const end = wire.readEnd(body.length)
    const start = wire.at
    // The labels may stand behind the entries: look for them first.
    let text = ''
    while (wire.at < end) {
      const inner = wire.readSize(end)
      if (inner === 0x0a) text = wire.readText(end)
      else wire.skip(inner, end)
    }
    builder.openStream(parseStreamLabels(text))
    wire.at = start
    while (wire.at < end) {
      const inner = wire.readSize(end)
      if (inner === 0x12) readProtobufEntry(wire, wire.readEnd(end), builder)
      else wire.skip(inner, end)
    }
  }
}

function readProtobufEntry(wire: WireReader, end: number, builder: PushBuilder): void {
  let timeNs = 0n
  let line = ''
  const pairs: string[] = []
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) timeNs = readTimestamp(wire, wire.readEnd(end))
    else if (tag === 0x12) line = wire.readText(end)
    else if (tag === 0x1a) {
      const pairEnd = wire.readEnd(end)
      let name = ''
      let value = ''
      while (wire.at < pairEnd) {
        const inner = wire.readSize(pairEnd)
        if (inner === 0x0a) name = wire.readText(pairEnd)
        else if (inner === 0x12) value = wire.readText(pairEnd)
        else wire.skip(inner, pairEnd)
      }
      pairs.push(name, value)
      if (pairs.length > metadataTextsMax) wire.fail('more metadata than a line may have')
    } else wire.skip(tag, end)
  }
  const metadata = labelsFromPairs(pairs)
  builder.add(timeNs, line, metadata.size === 0 ? undefined : metadata)
}

function readTimestamp(wire: WireReader, end: number): bigint {
  let seconds = 0
  let nanos = 0
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x08) seconds = wire.readInt64(end)
    else if (tag === 0x10) nanos = wire.readInt64(end)
    else wire.skip(tag, end)
  }
  if (nanos < 0 || nanos > 999_999_999) wire.fail('a timestamp whose nanoseconds are no fraction')
  // The range of google.protobuf.Timestamp is larger than 64 bits of nanoseconds.
  if (Math.abs(seconds) > 9_000_000_000) wire.fail('a timestamp that does not fit into 64 bits')
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
}

const labelPattern = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*(,|$)/sy

/** `{a="b", c="d"}` as agents write it; throws `COLLECT_BODY_INVALID`. */
export function parseStreamLabels(text: string): Labels {
  if (text.length > labelsTextMax) {
    fail(`the labels of a stream have ${text.length} characters, more than ${labelsTextMax}`)
  }
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1]
  const shown = JSON.stringify(text.slice(0, 200))
  if (inner === undefined) fail(`the labels ${shown} are not of the form {name="value"}`)
  const pairs: string[] = []
  labelPattern.lastIndex = 0
  while (labelPattern.lastIndex < inner.length) {
    const at = labelPattern.lastIndex
    const match = labelPattern.exec(inner)
    if (match === null) {
      if (inner.slice(at).trim() === '') break
      fail(`the labels ${shown} are wrong at character ${at + 2}`)
    }
    pairs.push(match[1]!, unquote(match[2]!, shown))
  }
  return labelsFromPairs(pairs)
}

function unquote(written: string, shown: string): string {
  try {
    return unquoteGo(written)
  } catch (thrown) {
    return fail(`the labels ${shown} have a wrong string: ${messageOf(thrown)}`)
  }
}
