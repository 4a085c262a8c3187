/** For tests: remote write and Loki push bodies, encoded plainly. */

import { compressSync } from 'snappy'

/** One series to encode. */
export interface WrittenSeries {
  labels: [string, string][]
  /** `[value or 'stale', timestamp_ms]` */
  samples: [number | 'stale', number][]
  /** Puts the samples before the labels. */
  isReversed?: boolean
  histogramCount?: number
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

function sampleBytes([value, timeMs]: [number | 'stale', number]): Buffer {
  const double = Buffer.alloc(9)
  double[0] = 0x09
  if (value === 'stale') double.writeBigUInt64LE(0x7ff0000000000002n, 1)
  else double.writeDoubleLE(value, 1)
  return field(2, Buffer.concat([double, whole(2, BigInt(timeMs))]))
}

/** An uncompressed WriteRequest. */
export function encodeWriteRequest(series: readonly WrittenSeries[]): Buffer {
  return Buffer.concat(
    series.map(({ labels, samples, isReversed, histogramCount }) => {
      const head = labels.map(([name, value]) =>
        field(1, Buffer.concat([field(1, name), field(2, value)])),
      )
      const tail = samples.map(sampleBytes)
      for (let index = 0; index < (histogramCount ?? 0); index++) tail.push(field(4, whole(15, 1n)))
      return field(1, Buffer.concat(isReversed ? [...tail, ...head] : [...head, ...tail]))
    }),
  )
}

/** As senders send it. */
export function snap(body: Buffer): Buffer {
  return compressSync(body)
}
