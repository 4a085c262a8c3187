/** For tests: remote write and Loki push bodies, encoded plainly. */

import { compressSync } from 'snappy'

/** One series to encode. */
export interface WrittenSeries {
  labels: [string, string][]
  /** `[value or 'stale', timestamp_ms]` */
  samples: [number | 'stale', number][]
  /** Puts the samples before the labels. */
  isReversed?: boolean
  histograms?: WrittenHistogram[]
  /** `[labels, value, timestamp_ms]` */
  exemplars?: [[string, string][], number, number][]
}

/** A native histogram to encode, as its message has it. */
export interface WrittenHistogram {
  timeMs: number
  count?: number
  sum?: number | 'stale'
  schema?: number
  zeroThreshold?: number
  zeroCount?: number
  /** `[offset, length]` */
  positiveSpans?: [number, number][]
  positiveDeltas?: number[]
  positiveCounts?: number[]
  negativeSpans?: [number, number][]
  negativeDeltas?: number[]
  negativeCounts?: number[]
  customBounds?: number[]
  resetHint?: number
  isFloat?: boolean
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

/** A length-delimited field. */
export function field(number: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(bytes.length)), bytes])
}

/** A varint field. */
export function whole(number: number, value: bigint): Buffer {
  return Buffer.concat([varint(BigInt(number << 3)), varint(value)])
}

function double(number: number, value: number | 'stale'): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  if (value === 'stale') bytes.writeBigUInt64LE(0x7ff0000000000002n, 1)
  else bytes.writeDoubleLE(value, 1)
  return bytes
}

function doubles(number: number, values: readonly number[] = []): Buffer {
  return field(number, Buffer.concat(values.map((value) => double(0, value).subarray(1))))
}

/** A signed number in zigzag, without a tag. */
export function zigzag(value: number): Buffer {
  return varint(value < 0 ? BigInt(-value) * 2n - 1n : BigInt(value) * 2n)
}

function side(
  number: number,
  spans: readonly [number, number][] = [],
  deltas: readonly number[] = [],
): Buffer[] {
  const parts = spans.map(([offset, length]) =>
    field(number, Buffer.concat([Buffer.from([0x08]), zigzag(offset), whole(2, BigInt(length))])),
  )
  return [...parts, field(number + 1, Buffer.concat(deltas.map(zigzag)))]
}

/** The message of a histogram, the same in both versions. */
function encodeHistogram(one: WrittenHistogram): Buffer {
  const { count = 0, sum = 0, schema = 0, zeroCount = 0, isFloat = false } = one
  return Buffer.concat([
    isFloat ? double(2, count) : whole(1, BigInt(count)),
    double(3, sum),
    Buffer.concat([Buffer.from([0x20]), zigzag(schema)]),
    double(5, one.zeroThreshold ?? 0),
    isFloat ? double(7, zeroCount) : whole(6, BigInt(zeroCount)),
    ...side(8, one.negativeSpans, one.negativeDeltas),
    doubles(10, one.negativeCounts),
    ...side(11, one.positiveSpans, one.positiveDeltas),
    doubles(13, one.positiveCounts),
    whole(14, BigInt(one.resetHint ?? 0)),
    whole(15, BigInt(one.timeMs)),
    doubles(16, one.customBounds),
  ])
}

function sampleBytes([value, timeMs]: [number | 'stale', number]): Buffer {
  return field(2, Buffer.concat([double(1, value), whole(2, BigInt(timeMs))]))
}

/** An uncompressed WriteRequest. */
export function encodeWriteRequest(series: readonly WrittenSeries[]): Buffer {
  return Buffer.concat(
    series.map(({ labels, samples, isReversed, histograms = [], exemplars = [] }) => {
      const head = labels.map(([name, value]) =>
        field(1, Buffer.concat([field(1, name), field(2, value)])),
      )
      const tail = samples.map(sampleBytes)
      for (const one of histograms) tail.push(field(4, encodeHistogram(one)))
      for (const [pairs, value, timeMs] of exemplars) {
        const own = pairs.map(([name, text]) =>
          field(1, Buffer.concat([field(1, name), field(2, text)])),
        )
        tail.push(field(3, Buffer.concat([...own, double(2, value), whole(3, BigInt(timeMs))])))
      }
      return field(1, Buffer.concat(isReversed ? [...tail, ...head] : [...head, ...tail]))
    }),
  )
}

/** As senders send it. */
export function snap(body: Buffer): Buffer {
  return compressSync(body)
}

/** One series of remote write 2.0. */
export interface WrittenSeriesV2 extends WrittenSeries {
  metadata?: { type: number; help: string; unit: string }
}

/** An uncompressed io.prometheus.write.v2.Request; `isLast` puts the symbols behind the series. */
export function encodeWriteRequestV2(series: readonly WrittenSeriesV2[], isLast = false): Buffer {
  const symbols: string[] = ['']
  const refOf = (text: string): Buffer => {
    const known = symbols.indexOf(text)
    return varint(BigInt(known >= 0 ? known : symbols.push(text) - 1))
  }
  const bodies = series.map((one) => {
    const { labels, samples, isReversed, histograms = [], exemplars = [], metadata } = one
    const head = [field(1, Buffer.concat(labels.flat().map(refOf)))]
    const tail = samples.map(sampleBytes)
    for (const histogram of histograms) tail.push(field(3, encodeHistogram(histogram)))
    for (const [pairs, value, timeMs] of exemplars) {
      const refs = field(1, Buffer.concat(pairs.flat().map(refOf)))
      tail.push(field(4, Buffer.concat([refs, double(2, value), whole(3, BigInt(timeMs))])))
    }
    if (metadata !== undefined) {
      const help = Buffer.concat([Buffer.from([0x18]), refOf(metadata.help)])
      const unit = Buffer.concat([Buffer.from([0x20]), refOf(metadata.unit)])
      tail.push(field(5, Buffer.concat([whole(1, BigInt(metadata.type)), help, unit])))
    }
    return field(5, Buffer.concat(isReversed ? [...tail, ...head] : [...head, ...tail]))
  })
  const table = symbols.map((symbol) => field(4, symbol))
  return Buffer.concat(isLast ? [...bodies, ...table] : [...table, ...bodies])
}
