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
  const bodies = series.map(({ labels, samples, isReversed, histogramCount, metadata }) => {
    const head = [field(1, Buffer.concat(labels.flat().map(refOf)))]
    const tail = samples.map(sampleBytes)
    for (let index = 0; index < (histogramCount ?? 0); index++) tail.push(field(3, whole(15, 1n)))
    tail.push(field(4, whole(3, 1n)))
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
