/** For tests: families of the exposition in protobuf, encoded plainly. */

import { field, whole } from './write-request.ts'

/** A float64 field. */
export function double(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}

/** A number in zigzag. */
export function zigzag(number: number, value: number): Buffer {
  return whole(number, BigInt(value < 0 ? -2 * value - 1 : 2 * value))
}

/** Bytes one after another. */
export function all(...parts: Buffer[]): Buffer {
  return Buffer.concat(parts)
}

/** `LabelPair`s as field `number`. */
export function labelPairs(number: number, labels: Record<string, string>): Buffer {
  const pairs = Object.entries(labels)
  return all(...pairs.map(([name, value]) => field(number, all(field(1, name), field(2, value)))))
}

/** An `Exemplar` as field `number`. */
export function exemplar(
  number: number,
  about: { labels: Record<string, string>; value: number; timeMs?: number },
): Buffer {
  const { labels, value, timeMs } = about
  const time =
    timeMs === undefined
      ? Buffer.alloc(0)
      : field(
          3,
          all(
            whole(1, BigInt(Math.floor(timeMs / 1000))),
            whole(2, BigInt((timeMs % 1000) * 1_000_000)),
          ),
        )
  return field(number, all(labelPairs(1, labels), double(2, value), time))
}

/** Buckets of one sign as spans and deltas, with their field numbers. */
export function nativeBuckets(
  fields: { span: number; delta: number },
  spans: [number, number][],
  deltas: number[],
): Buffer {
  return all(
    ...spans.map(([offset, length]) =>
      field(fields.span, all(zigzag(1, offset), whole(2, BigInt(length)))),
    ),
    ...deltas.map((delta) => zigzag(fields.delta, delta)),
  )
}

/** One family behind its length; `metrics` are bodies of `Metric`. */
export function family(
  about: { name: string; type: number; help?: string; unit?: string },
  ...metrics: Buffer[]
): Buffer {
  const { name, type, help, unit } = about
  const body = all(
    field(1, name),
    help === undefined ? Buffer.alloc(0) : field(2, help),
    whole(3, BigInt(type)),
    ...metrics.map((metric) => field(4, metric)),
    unit === undefined ? Buffer.alloc(0) : field(5, unit),
  )
  return field(0, body).subarray(1)
}
