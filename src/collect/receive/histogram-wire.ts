/**
 * The `Histogram` message of remote write, the same in 1.0 and 2.0:
 *
 *    1 count_int    2 count_float    3 sum     4 schema (sint32)   5 zero_threshold
 *    6 zero_count_int   7 zero_count_float   8 negative_spans    9 negative_deltas   10 negative_counts
 *   11 positive_spans  12 positive_deltas   13 positive_counts  14 reset_hint   15 timestamp (ms)
 *   16 custom_values   17 start_timestamp (passed over)
 *   BucketSpan  1 offset (sint32)  2 length
 *
 * It is a float histogram when `count_float` is there. Source: prometheus prompb/types.proto.
 */

import type { Histogram, ResetHint } from '../../model/histogram.ts'
import { type HistogramParts, makeHistogram, type SideParts } from './histogram-parts.ts'
import type { WireReader } from './protobuf.ts'

/** Buckets, spans and bounds of one request at most: each takes a byte in the body and many in memory. */
const partCountMax = 4 * 1024 * 1024

const hints: readonly ResetHint[] = ['unknown', 'reset', 'not-reset', 'gauge']

/** Reads histograms of one request, each into the same parts. */
export class HistogramWireReader {
  readonly #wire: WireReader
  readonly #parts: HistogramParts = {
    schema: 0,
    isFloat: false,
    count: 0,
    sum: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { spans: [], deltas: [], counts: [] },
    negative: { spans: [], deltas: [], counts: [] },
    customBounds: [],
    resetHint: 'unknown',
  }
  #partCount = 0
  /** Of the histogram read last. */
  timeMs = 0
  /** Whether the histogram read last says that its series has ended. */
  isStale = false

  constructor(wire: WireReader) {
    this.#wire = wire
  }

  /** Reads a message up to `end`: the histogram, or why it cannot be one. */
  read(end: number): Histogram | string {
    const wire = this.#wire
    const parts = this.#parts
    this.#clear()
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x08 || tag === 0x11) {
        parts.isFloat = tag === 0x11
        parts.count = parts.isFloat ? wire.readDouble(end) : wire.readUnsigned(end)
      } else if (tag === 0x19) {
        this.isStale = this.#isStaleAt(wire.at, end)
        parts.sum = wire.readDouble(end)
      } else if (tag === 0x20) parts.schema = wire.readZigzag(end)
      else if (tag === 0x29) parts.zeroThreshold = wire.readDouble(end)
      else if (tag === 0x30) parts.zeroCount = wire.readUnsigned(end)
      else if (tag === 0x39) parts.zeroCount = wire.readDouble(end)
      else if (tag === 0x70) parts.resetHint = hints[wire.readSize(end)] ?? 'unknown'
      else if (tag === 0x78) this.timeMs = wire.readInt64(end)
      else if (tag >>> 3 >= 8 && tag >>> 3 <= 16) this.#readList(tag, end)
      else wire.skip(tag, end)
    }
    return makeHistogram(parts)
  }

  #clear(): void {
    const parts = this.#parts
    parts.schema = parts.count = parts.sum = parts.zeroThreshold = parts.zeroCount = 0
    parts.isFloat = this.isStale = false
    parts.resetHint = 'unknown'
    for (const side of [parts.positive, parts.negative]) {
      side.spans.length = side.deltas.length = side.counts.length = 0
    }
    parts.customBounds.length = 0
    this.timeMs = 0
  }

  #readList(tag: number, end: number): void {
    const number = tag >>> 3
    const { positive, negative, customBounds } = this.#parts
    const side = number >= 11 ? positive : negative
    if (number === 8 || number === 11) {
      if ((tag & 7) === 2) this.#readSpan(this.#wire.readEnd(end), side)
      else this.#wire.skip(tag, end)
    } else if (number === 9 || number === 12) this.#readZigzags(tag, end, side.deltas)
    else if (number === 10 || number === 13) this.#readDoubles(tag, end, side.counts)
    else if (number === 16) this.#readDoubles(tag, end, customBounds)
    else this.#wire.skip(tag, end)
  }

  #readSpan(end: number, side: SideParts): void {
    const wire = this.#wire
    let offset = 0
    let length = 0
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x08) offset = wire.readZigzag(end)
      else if (tag === 0x10) length = wire.readSize(end)
      else wire.skip(tag, end)
    }
    this.#take(2)
    side.spans.push(offset, length)
  }

  #readZigzags(tag: number, end: number, list: number[]): void {
    const wire = this.#wire
    if ((tag & 7) === 0) {
      this.#take(1)
      list.push(wire.readZigzag(end))
    } else if ((tag & 7) === 2) {
      const listEnd = wire.readEnd(end)
      while (wire.at < listEnd) {
        this.#take(1)
        list.push(wire.readZigzag(listEnd))
      }
    } else wire.skip(tag, end)
  }

  #readDoubles(tag: number, end: number, list: number[]): void {
    const wire = this.#wire
    if ((tag & 7) === 1) {
      this.#take(1)
      list.push(wire.readDouble(end))
    } else if ((tag & 7) === 2) {
      const listEnd = wire.readEnd(end)
      while (wire.at < listEnd) {
        this.#take(1)
        list.push(wire.readDouble(listEnd))
      }
    } else wire.skip(tag, end)
  }

  #isStaleAt(at: number, end: number): boolean {
    const { view } = this.#wire
    return (
      at + 8 <= end &&
      view.getUint32(at + 4, true) === 0x7ff0_0000 &&
      view.getUint32(at, true) === 2
    )
  }

  #take(count: number): void {
    this.#partCount += count
    if (this.#partCount > partCountMax) {
      this.#wire.fail(`one bucket more than the ${partCountMax} that a request may have`)
    }
  }
}
