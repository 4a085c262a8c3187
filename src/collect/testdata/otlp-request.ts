/** For tests: an OTLP request of every type of point, in both encodings with the same meaning. */

import { field, whole, zigzag } from './write-request.ts'

function fixed(number: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value), 1)
  return bytes
}

function double(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}

function doubles(values: number[]): Buffer {
  return Buffer.concat(values.map((value) => double(1, value).subarray(1)))
}

function fixeds(values: number[]): Buffer {
  return Buffer.concat(values.map((value) => fixed(1, BigInt(value)).subarray(1)))
}

function all(...parts: Buffer[]): Buffer {
  return Buffer.concat(parts)
}

function attribute(number: number, key: string, value: Buffer): Buffer {
  return field(number, all(field(1, key), field(2, value)))
}

/** One metric of every type at `timeMs`, as protobuf. */
export function encodeEveryType(timeMs: number): Buffer {
  const time = fixed(3, BigInt(timeMs) * 1_000_000n)
  const start = fixed(2, BigInt(timeMs - 60_000) * 1_000_000n)
  const metric = (name: string, unit: string, data: Buffer): Buffer =>
    field(2, all(field(1, name), field(2, `about ${name}`), field(3, unit), data))
  return field(
    1,
    all(
      field(
        1,
        all(
          attribute(1, 'service.name', field(1, 'cart')),
          attribute(1, 'service.namespace', field(1, 'shop')),
          attribute(1, 'service.instance.id', field(1, 'cart-1')),
          attribute(1, 'host.cpus', whole(3, 9_007_199_254_740_993n)),
        ),
      ),
      field(
        2,
        all(
          field(1, all(field(1, 'lib'), field(2, '1.2'), attribute(3, 'kind', field(1, 'auto')))),
          metric(
            'room.temperature',
            'Cel',
            field(
              5,
              field(
                1,
                all(
                  attribute(7, 'room', field(1, 'a')),
                  attribute(7, 'is.warm', whole(2, 1n)),
                  time,
                  double(4, 21.5),
                ),
              ),
            ),
          ),
          metric('jobs', '{job}', field(7, all(field(1, all(time, fixed(6, -4n))), whole(2, 2n)))),
          metric(
            'requests.count',
            '1',
            field(7, all(field(1, all(start, time, fixed(6, 7n))), whole(2, 2n), whole(3, 1n))),
          ),
          metric(
            'http.server.duration',
            's',
            field(
              9,
              all(
                field(
                  1,
                  all(
                    time,
                    fixed(4, 6n),
                    double(5, 3.5),
                    field(6, fixeds([1, 2, 3])),
                    field(7, doubles([0.1, 1])),
                  ),
                ),
                whole(2, 2n),
              ),
            ),
          ),
          metric(
            'rpc',
            'ms',
            field(
              11,
              field(
                1,
                all(
                  time,
                  fixed(4, 2n),
                  double(5, 3),
                  field(6, all(double(1, 0.5), double(2, 1))),
                  field(6, all(double(1, 1), double(2, 2))),
                ),
              ),
            ),
          ),
          metric('gone', '', field(5, field(1, all(time, whole(8, 1n))))),
          field(3, 'https://schema'),
        ),
      ),
    ),
  )
}

/** The same as JSON. */
export function describeEveryType(timeMs: number): object {
  const timeUnixNano = `${timeMs}000000`
  const cumulative = { aggregationTemporality: 2 }
  const metric = (name: string, unit: string, data: object): object => ({
    name,
    description: `about ${name}`,
    unit,
    ...data,
  })
  return {
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'cart' } },
            { key: 'service.namespace', value: { stringValue: 'shop' } },
            { key: 'service.instance.id', value: { stringValue: 'cart-1' } },
            { key: 'host.cpus', value: { intValue: '9007199254740993' } },
          ],
        },
        scopeMetrics: [
          {
            scope: {
              name: 'lib',
              version: '1.2',
              attributes: [{ key: 'kind', value: { stringValue: 'auto' } }],
            },
            schemaUrl: 'https://schema',
            metrics: [
              metric('room.temperature', 'Cel', {
                gauge: {
                  dataPoints: [
                    {
                      timeUnixNano,
                      asDouble: 21.5,
                      attributes: [
                        { key: 'room', value: { stringValue: 'a' } },
                        { key: 'is.warm', value: { boolValue: true } },
                      ],
                    },
                  ],
                },
              }),
              metric('jobs', '{job}', {
                sum: { ...cumulative, dataPoints: [{ timeUnixNano, asInt: '-4' }] },
              }),
              metric('requests.count', '1', {
                sum: {
                  ...cumulative,
                  isMonotonic: true,
                  dataPoints: [
                    { startTimeUnixNano: `${timeMs - 60_000}000000`, timeUnixNano, asInt: 7 },
                  ],
                },
              }),
              metric('http.server.duration', 's', {
                histogram: {
                  ...cumulative,
                  dataPoints: [
                    {
                      timeUnixNano,
                      count: '6',
                      sum: 3.5,
                      bucketCounts: ['1', 2, '3'],
                      explicitBounds: [0.1, 1],
                    },
                  ],
                },
              }),
              metric('rpc', 'ms', {
                summary: {
                  dataPoints: [
                    {
                      timeUnixNano,
                      count: 2,
                      sum: 3,
                      quantileValues: [
                        { quantile: 0.5, value: 1 },
                        { quantile: 1, value: 2 },
                      ],
                    },
                  ],
                },
              }),
              metric('gone', '', { gauge: { dataPoints: [{ timeUnixNano, flags: 1 }] } }),
            ],
          },
        ],
      },
    ],
  }
}

/** An exponential histogram to encode. */
export interface WrittenExponential {
  scale: number
  count: number
  sum: number
  zeroCount: number
  zeroThreshold: number
  positive: [offset: number, counts: number[]]
  negative: [offset: number, counts: number[]]
  exemplar: { value: number; traceId: string; spanId: string; attribute: [string, string] }
}

/** A request of one cumulative exponential histogram with an exemplar, as protobuf. */
export function encodeExponential(timeMs: number, one: WrittenExponential): Buffer {
  const { exemplar } = one
  const time = (number: number): Buffer => fixed(number, BigInt(timeMs) * 1_000_000n)
  const buckets = ([offset, counts]: [number, number[]]): Buffer =>
    all(
      Buffer.from([0x08]),
      zigzag(offset),
      field(2, all(...counts.map((count) => whole(1, BigInt(count)).subarray(1)))),
    )
  const point = all(
    time(3),
    fixed(4, BigInt(one.count)),
    double(5, one.sum),
    Buffer.from([0x30]),
    zigzag(one.scale),
    fixed(7, BigInt(one.zeroCount)),
    field(8, buckets(one.positive)),
    field(9, buckets(one.negative)),
    double(14, one.zeroThreshold),
    field(
      11,
      all(
        attribute(7, exemplar.attribute[0], field(1, exemplar.attribute[1])),
        time(2),
        double(3, exemplar.value),
        field(4, Buffer.from(exemplar.spanId, 'hex')),
        field(5, Buffer.from(exemplar.traceId, 'hex')),
      ),
    ),
  )
  const metric = field(2, all(field(1, 'e'), field(10, all(field(1, point), whole(2, 2n)))))
  const resource = field(1, attribute(1, 'service.name', field(1, 's')))
  return field(1, all(resource, field(2, metric)))
}

/** The same as JSON. */
export function describeExponential(timeMs: number, one: WrittenExponential): object {
  const { exemplar } = one
  const timeUnixNano = `${timeMs}000000`
  const side = ([offset, bucketCounts]: [number, number[]]): object => ({ offset, bucketCounts })
  const [key, stringValue] = exemplar.attribute
  return {
    timeUnixNano,
    scale: one.scale,
    count: String(one.count),
    sum: one.sum,
    zeroCount: one.zeroCount,
    zeroThreshold: one.zeroThreshold,
    positive: side(one.positive),
    negative: side(one.negative),
    exemplars: [
      {
        timeUnixNano,
        asDouble: exemplar.value,
        traceId: exemplar.traceId,
        spanId: exemplar.spanId,
        filteredAttributes: [{ key, value: { stringValue } }],
      },
    ],
  }
}
