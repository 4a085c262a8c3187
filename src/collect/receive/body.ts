/**
 * Bodies of received requests: decompression with a limit that holds before memory is taken, and the
 * shape of requests and replies that all receivers share.
 * Source: snappy format_description.txt (the block begins with the length as a varint; an element of
 * three bytes makes at most 64).
 */

import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import { uncompressSync } from 'snappy'
import { CodedError, messageOf } from '../../base/error.ts'
import { collectErrors } from '../errors.ts'
import { collectInFlight, collectRequests } from '../metrics.ts'

/** A request as received; header names are lower case, the body may be compressed. */
export interface ReceivedRequest {
  headers: Record<string, string>
  body: Buffer
}

/** What to answer. */
export interface ReceiverReply {
  status: number
  headers: Record<string, string>
  body: string
  /** The body when it is not text. */
  bytes?: Buffer
}

/** Bytes of a body after decompression at most, whatever the protocol. */
const bodyBytesMax = 64 * 1024 * 1024
/** Requests in work at most; more are asked to come again. Their bodies are in memory already. */
const requestsInFlightMax = 128
/** Seconds that a sender should wait when we cannot take more. */
const retryAfterSeconds = 2
/** Snappy cannot make more than this of one byte; a block that claims it is broken. */
const snappyRatioMax = 22

/** Smaller bodies are not worth the call, and may lie in a buffer with others. */
const releaseBytesMin = 16 * 1024
/** Uncopied output maps fresh memory for every block, which costs more than the copy. */
const copied = { asBuffer: true, copyOutputData: true }

const unzip = promisify(gunzip)
const inflateAsync = promisify(inflate)

let inFlightCount = 0

/** How a protocol tells a failure whose status is decided. */
type FormatFailure = (thrown: unknown, status: number) => ReceiverReply

/** Runs one request: counts it, limits how many run, and turns errors into replies, of text if not told otherwise. */
export async function handleReceived(
  receiver: string,
  action: () => Promise<ReceiverReply>,
  formatFailure: FormatFailure = (thrown, status) => makeTextReply(status, messageOf(thrown)),
): Promise<ReceiverReply> {
  inFlightCount++
  collectInFlight.set(inFlightCount)
  try {
    if (inFlightCount > requestsInFlightMax) {
      throw collectErrors.OVERLOADED({ count: requestsInFlightMax })
    }
    const reply = await action()
    collectRequests.inc({ receiver, status: String(reply.status) })
    return reply
  } catch (thrown) {
    const reply = replyToError(thrown, formatFailure)
    collectRequests.inc({ receiver, status: String(reply.status) })
    return reply
  } finally {
    inFlightCount--
    collectInFlight.set(inFlightCount)
  }
}

/** A reply of plain text. */
export function makeTextReply(status: number, text: string): ReceiverReply {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: `${text}\n`,
  }
}

/** 204 without a body. */
export function makeEmptyReply(): ReceiverReply {
  return { status: 204, headers: {}, body: '' }
}

function replyToError(thrown: unknown, formatFailure: FormatFailure): ReceiverReply {
  if (!(thrown instanceof CodedError)) return formatFailure(thrown, 500)
  // What may work later is 429 or 5xx, so that senders keep the data.
  const status = thrown.canRetry && thrown.status < 429 ? 503 : thrown.status
  const reply = formatFailure(thrown, status)
  if (thrown.canRetry) reply.headers['retry-after'] = String(retryAfterSeconds)
  return reply
}

/** The body as sent, decompressed by its Content-Encoding. */
export async function decodeBody(
  request: ReceivedRequest,
  encodings: readonly string[],
): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase() || 'identity'
  if (!encodings.includes(encoding)) {
    throw collectErrors.BODY_TYPE_UNSUPPORTED({
      reason: `${encoding.slice(0, 60)} encoding (compression) is not accepted; send ${encodings.join(' or ')}`,
    })
  }
  if (encoding === 'snappy') return decodeSnappy(request.body)
  if (encoding === 'identity') {
    checkSize(request.body.length)
    return request.body
  }
  try {
    const options = { maxOutputLength: bodyBytesMax }
    return await (encoding === 'gzip' ? unzip : inflateAsync)(request.body, options)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw collectErrors.BODY_TOO_LARGE({ size: bodyBytesMax + 1, bytesMax: bodyBytesMax }, thrown)
    }
    throw collectErrors.BODY_INVALID({ reason: `the body is not valid ${encoding}` }, thrown)
  }
}

/** A snappy block; its size is checked before anything is decompressed. */
export async function decodeSnappy(body: Buffer): Promise<Buffer> {
  const size = readSnappySize(body)
  if (size === undefined) {
    throw collectErrors.BODY_INVALID({ reason: 'snappy: the body does not begin with its length' })
  }
  checkSize(size)
  if (size > body.length * snappyRatioMax) {
    throw collectErrors.BODY_INVALID({ reason: 'snappy: the body is too short for its length' })
  }
  if (size === 0) return Buffer.alloc(0)
  try {
    // Never in the background: the package's asynchronous call never gives its memory back (7.4.3), and
    // handing a usual block (1 MB takes 0.3 ms) over costs more than the work.
    return uncompressSync(body, copied) as Buffer
  } catch (thrown) {
    throw collectErrors.BODY_INVALID({ reason: 'snappy: the body is corrupt' }, thrown)
  }
}

/**
 * Gives the memory of large bytes back at once; they must not be read again. Left to the garbage
 * collector, the bodies of remote write make it run four times a second, which took a third of all CPU.
 */
export function releaseBytes(bytes: Buffer): void {
  const { buffer } = bytes
  const isWhole = bytes.length === buffer.byteLength && bytes.length >= releaseBytesMin
  if (isWhole && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

function checkSize(size: number): void {
  if (size > bodyBytesMax) throw collectErrors.BODY_TOO_LARGE({ size, bytesMax: bodyBytesMax })
}

/** The decoded length that a snappy block begins with. */
function readSnappySize(body: Buffer): number | undefined {
  let size = 0
  for (let index = 0; index < 5 && index < body.length; index++) {
    const byte = body[index]!
    size += (byte & 127) * 2 ** (7 * index)
    if (byte < 128) return size
  }
  return undefined
}
