/**
 * Answers of OTLP in protobuf, written by hand:
 *
 *   ExportMetricsServiceResponse { 1: partial_success { 1: int64 rejected_data_points, 2: error_message } }
 *   google.rpc.Status    { 1: int32 code, 2: message, 3: Any… }   Any { 1: type_url, 2: value }
 *   google.rpc.RetryInfo { 1: Duration { 1: int64 seconds } }
 *
 * Source: opentelemetry-proto docs/specification.md; googleapis google/rpc/{status,error_details}.proto.
 */

/** Characters of an error message. */
export const messageLengthMax = 2000

/** What was not kept of a request that was taken. */
export interface PartialSuccess {
  rejectedCount: number
  message: string
}

/** The response; empty when everything was kept. */
export function encodePartial({ rejectedCount, message }: PartialSuccess): Buffer {
  if (rejectedCount === 0) return Buffer.alloc(0)
  return encodeBytes(1, encodeNumberAndText(rejectedCount, message))
}

/** A failure; with `retrySeconds` it says when to come again. */
export function encodeStatus(code: number, message: string, retrySeconds?: number): Buffer {
  const status = encodeNumberAndText(code, message)
  if (retrySeconds === undefined) return status
  const delay = encodeBytes(1, Buffer.concat([Buffer.from([0x08]), encodeSize(retrySeconds)]))
  const type = encodeBytes(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo'))
  return Buffer.concat([status, encodeBytes(3, Buffer.concat([type, encodeBytes(2, delay)]))])
}

/** `{ 1: number, 2: text }` */
function encodeNumberAndText(number: number, text: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x08]),
    encodeSize(number),
    encodeBytes(2, Buffer.from(text.slice(0, messageLengthMax))),
  ])
}

function encodeBytes(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), encodeSize(bytes.length), bytes])
}

function encodeSize(size: number): Buffer {
  const bytes: number[] = []
  let rest = size
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
