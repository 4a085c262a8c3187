/**
 * The `Histogram` message of the exposition in protobuf: classic buckets, native ones, or both.
 *
 *   1 sample_count      4 sample_count_float   2 sample_sum       3 bucket
 *   5 schema (sint32)   6 zero_threshold       7 zero_count       8 zero_count_float
 *   9 negative_span    10 negative_delta (sint64)   11 negative_count (double)
 *  12 positive_span    13 positive_delta (sint64)   14 positive_count (double)   16 exemplars
 *   Bucket      1 cumulative_count  4 cumulative_count_float  2 upper_bound  3 exemplar
 *   BucketSpan  1 offset (sint32)   2 length
 *
 * Source: prometheus/client_model metrics.proto.
 */

import type { Histogram } from '../../model/histogram.ts'
import { makeHistogram, type SideParts } from '../receive/histogram-parts.ts'
import type { WireReader } from '../receive/protobuf.ts'
import { readDouble, readZigzag } from './protobuf-value.ts'

/** One histogram of a page, read again and again into the same object. */
export class HistogramMessage {
  count = 0
  sum = 0
  bucketCount = 0
  /** Of classic buckets. */
  readonly bounds: number[] = []
  /** Cumulative. */
  readonly counts: number[] = []
  /** Where the exemplar of each classic bucket stands; -1 for none. */
  readonly exemplarAt: number[] = []
  hasInfinity = false
  readonly nativeExemplarAt: number[] = []
  #isFloat = false
  #schema = 0
  #zeroThreshold = 0
  #zeroCount = 0
  readonly #positive: SideParts = { spans: [], deltas: [], counts: [] }
  readonly #negative: SideParts = { spans: [], deltas: [], counts: [] }

  /** Whether it has native buckets; one that has none yet says so by a span without length. */
  get isNative(): boolean {
    return (
      this.#positive.spans.length > 0 ||
      this.#negative.spans.length > 0 ||
      this.#zeroThreshold > 0 ||
      this.#zeroCount > 0
    )
  }

  /** Reads the fields up to `end`. */
  read(wire: WireReader, end: number): void {
    this.#clear()
    while (wire.at < end) {
      const tag = wire.readSize(end)
      switch (tag) {
        case 0x08:
          this.count = wire.readInt64(end)
          break
        case 0x21:
          this.count = readDouble(wire, end)
          this.#isFloat = true
          break
        case 0x11:
          this.sum = readDouble(wire, end)
          break
        case 0x1a:
          this.#readBucket(wire, wire.readEnd(end))
          break
        default:
          this.#readNative(wire, tag, end)
      }
    }
  }

  /** The native histogram; the message must be one. */
  makeHistogram(wire: WireReader, isGauge: boolean): Histogram {
    const made = makeHistogram({
      schema: this.#schema,
      isFloat: this.#isFloat,
      count: this.count,
      sum: this.sum,
      zeroThreshold: this.#zeroThreshold,
      zeroCount: this.#zeroCount,
      positive: this.#positive,
      negative: this.#negative,
      customBounds: [],
      resetHint: isGauge ? 'gauge' : 'unknown',
    })
    return typeof made === 'string' ? wire.fail(`a histogram that cannot be: ${made}`) : made
  }

  #clear(): void {
    this.count = this.sum = this.bucketCount = 0
    this.hasInfinity = this.#isFloat = false
    this.nativeExemplarAt.length = 0
    this.#schema = this.#zeroThreshold = this.#zeroCount = 0
    for (const side of [this.#positive, this.#negative]) {
      side.spans.length = side.deltas.length = side.counts.length = 0
    }
  }

  #readBucket(wire: WireReader, end: number): void {
    const place = this.bucketCount++
    let count = 0
    let bound = 0
    let exemplarAt = -1
    while (wire.at < end) {
      const tag = wire.readSize(end)
      if (tag === 0x08) count = wire.readInt64(end)
      else if (tag === 0x11) bound = readDouble(wire, end)
      else if (tag === 0x21) count = readDouble(wire, end)
      else if (tag === 0x1a) {
        exemplarAt = wire.at
        wire.skip(tag, end)
      } else wire.skip(tag, end)
    }
    this.bounds[place] = bound
    this.counts[place] = count
    this.exemplarAt[place] = exemplarAt
    if (bound === Number.POSITIVE_INFINITY) this.hasInfinity = true
  }

  #readNative(wire: WireReader, tag: number, end: number): void {
    const isPositive = tag >>> 3 >= 12
    const side = isPositive ? this.#positive : this.#negative
    switch (tag >>> 3) {
      case 5:
        this.#schema = readZigzag(wire, end)
        return
      case 6:
        this.#zeroThreshold = readDouble(wire, end)
        return
      case 7:
        this.#zeroCount = wire.readInt64(end)
        return
      case 8:
        this.#zeroCount = readDouble(wire, end)
        this.#isFloat = true
        return
      case 9:
      case 12:
        readSpan(wire, wire.readEnd(end), side.spans)
        return
      case 10:
      case 13:
        readNumbers(wire, { tag, end, list: side.deltas, isDouble: false })
        return
      case 11:
      case 14:
        readNumbers(wire, { tag, end, list: side.counts, isDouble: true })
        return
      case 16:
        this.nativeExemplarAt.push(wire.at)
        wire.skip(tag, end)
        return
      default:
        wire.skip(tag, end)
    }
  }
}

function readSpan(wire: WireReader, end: number, spans: number[]): void {
  let offset = 0
  let length = 0
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x08) offset = readZigzag(wire, end)
    else if (tag === 0x10) length = wire.readSize(end)
    else wire.skip(tag, end)
  }
  spans.push(offset, length)
}

/** A repeated number, packed or not. */
function readNumbers(
  wire: WireReader,
  field: { tag: number; end: number; list: number[]; isDouble: boolean },
): void {
  const isPacked = (field.tag & 7) === 2
  const end = isPacked ? wire.readEnd(field.end) : field.end
  do {
    if (wire.at >= end) return
    field.list.push(field.isDouble ? readDouble(wire, end) : readZigzag(wire, end))
  } while (isPacked)
}
