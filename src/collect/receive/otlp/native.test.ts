/** Exponential and custom-bound histograms of OTLP, their deltas, and exemplars of every type of point. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../../base/clock.ts'
import { silentLog } from '../../../base/log.ts'
import { z } from '../../../config/schema.ts'
import type { Histogram } from '../../../model/histogram.ts'
import { bitsOf, isStaleAt } from '../../../model/sample.ts'
import { MemoryStore } from '../../../store/store.ts'
import { DropLedger } from '../../drops.ts'
import { collectSettings } from '../../settings.ts'
import {
  describeExponential,
  encodeExponential,
  type WrittenExponential,
} from '../../testdata/otlp-request.ts'
import { OtlpMetricReceiver } from './otlp.ts'

const nowTimeMs = 1_700_000_000_000
const jsonType = { 'content-type': 'application/json' }
const protobufType = { 'content-type': 'application/x-protobuf' }

type Row = [offsetMs: number, value: number | 'stale' | Histogram]

function makeBench(yaml: Record<string, unknown> = {}) {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const drops = new DropLedger()
  const receiver = new OtlpMetricReceiver({
    appender: store,
    drops,
    log: silentLog,
    settings: z.object(collectSettings.top).parse({ otlp: yaml }).otlp,
    onReceived: () => undefined,
  })
  const send = async (...metrics: object[]): Promise<string> => {
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 's' } }] }
    const body = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }
    const reply = await receiver.receive({
      headers: jsonType,
      body: Buffer.from(JSON.stringify(body)),
    })
    return reply.body
  }
  const allTime = { startTimeMs: 0, endTimeMs: nowTimeMs * 2 }
  const read = async (): Promise<Map<string, Row[]>> => {
    const found = await store.select({ matchers: [], ...allTime })
    return new Map(
      found.map((series) => {
        const bits = bitsOf(series.value)
        const rows = Array.from({ length: series.count }, (_, row): Row => {
          const plain = isStaleAt(bits, row) ? 'stale' : series.value[row]!
          return [series.timeMs[row]! - nowTimeMs, series.histogram?.[row] ?? plain]
        })
        return [String(series.labels), rows]
      }),
    )
  }
  const exemplars = async (): Promise<string[]> =>
    (await store.selectExemplars({ matcherSets: [[]], ...allTime })).flatMap((one) =>
      one.exemplars.map(
        ({ labels, value, timeMs }) => `${one.labels} # ${labels} ${value} ${timeMs - nowTimeMs}`,
      ),
    )
  return { receiver, send, read, exemplars, drops }
}

function at(offsetMs: number): { timeUnixNano: string } {
  return { timeUnixNano: `${nowTimeMs + offsetMs}000000` }
}

function exponential(temporality: 1 | 2, ...dataPoints: object[]): object {
  return { name: 'e', exponentialHistogram: { aggregationTemporality: temporality, dataPoints } }
}

const written: WrittenExponential = {
  scale: 3,
  count: 20,
  sum: 12.5,
  zeroCount: 2,
  zeroThreshold: 0.25,
  positive: [-2, [1, 0, 7]],
  negative: [4, [10]],
  exemplar: {
    value: 0.5,
    traceId: '0123456789abcdef0123456789abcdef',
    spanId: '00f067aa0ba902b7',
    attribute: ['user.id', 'u1'],
  },
}
const kept: Histogram = {
  schema: 3,
  count: 20,
  sum: 12.5,
  zeroThreshold: 0.25,
  zeroCount: 2,
  positive: { index: [-1, 1], count: [1, 7] },
  negative: { index: [5], count: [10] },
  customBounds: [],
  resetHint: 'unknown',
}

test('an exponential histogram is native, the same from JSON and protobuf, with its exemplar', async () => {
  for (const encoding of ['json', 'protobuf']) {
    const { send, receiver, read, exemplars } = makeBench()
    if (encoding === 'json') {
      assert.equal(await send(exponential(2, describeExponential(nowTimeMs, written))), '{}')
    } else {
      const body = encodeExponential(nowTimeMs, written)
      const reply = await receiver.receive({ headers: protobufType, body })
      assert.deepEqual([reply.status, reply.bytes?.length], [200, 0])
    }
    assert.deepEqual((await read()).get('e{job="s"}'), [[0, kept]])
    assert.deepEqual(await exemplars(), [
      'e{job="s"} # {span_id="00f067aa0ba902b7", trace_id="0123456789abcdef0123456789abcdef", "user.id"="u1"} 0.5 0',
    ])
  }
})

test('a scale above 8 is lowered, one below -4 is told, and no record is the stale marker', async () => {
  const { send, read } = makeBench()
  const fine = {
    ...at(0),
    scale: 10,
    count: 9,
    positive: { offset: 3, bucketCounts: [1, 2, 3, 3] },
  }
  const told = await send(
    exponential(2, fine, { ...at(1), scale: -5 }, { ...at(2), flags: 1 }, { ...at(3), scale: -4 }),
  )
  assert.match(told, /"rejectedDataPoints":"1".*its scale is -5/)
  const rows = (await read()).get('e{job="s"}')!
  const empty = {
    ...kept,
    schema: -4,
    count: 0,
    sum: 0,
    zeroCount: 0,
    zeroThreshold: 1e-128,
    positive: { index: [], count: [] },
    negative: { index: [], count: [] },
  }
  assert.deepEqual(rows, [
    // Buckets 3..6 of scale 10 are 0..1 of scale 8, which are called 1 and 2 here.
    [0, { ...empty, schema: 8, count: 9, positive: { index: [1, 2], count: [1, 8] } }],
    [2, 'stale'],
    [3, empty],
  ])
})

test('deltas of exponential histograms are summed up at the lower of their resolutions', async () => {
  const { send, read } = makeBench()
  const delta = (offsetMs: number, scale: number, offset: number, bucketCounts: number[]) => {
    const count = bucketCounts.reduce((sum, one) => sum + one, 1)
    return {
      ...at(offsetMs),
      scale,
      count,
      sum: 1,
      zeroCount: 1,
      positive: { offset, bucketCounts },
    }
  }
  await send(exponential(1, delta(0, 2, 0, [1, 2, 3])))
  await send(exponential(1, delta(10, 1, -1, [5, 7])))
  const late = await send(exponential(1, delta(10, 1, 0, [1])))
  assert.match(late, /not later than the one before/)
  await send(exponential(1, delta(20, 2, 0, [1])))
  const rows = (await read()).get('e{job="s"}') as [number, Histogram][]
  assert.deepEqual(
    rows.map(([offsetMs, { schema, count, sum, zeroCount, positive }]) => ({
      offsetMs,
      schema,
      totals: [count, sum, zeroCount],
      ...positive,
    })),
    [
      { offsetMs: 0, schema: 2, totals: [7, 1, 1], index: [1, 2, 3], count: [1, 2, 3] },
      { offsetMs: 10, schema: 1, totals: [20, 2, 2], index: [0, 1, 2], count: [5, 10, 3] },
      { offsetMs: 20, schema: 1, totals: [22, 3, 3], index: [0, 1, 2], count: [5, 11, 3] },
    ],
  )
})

test('a sum of deltas whose buckets spread without end lowers its resolution', async () => {
  const { send, read } = makeBench()
  for (let step = 0; step < 6; step++) {
    const bucketCounts = new Array(100).fill(1)
    const point = {
      ...at(step),
      scale: 8,
      count: 100,
      positive: { offset: step * 100, bucketCounts },
    }
    assert.equal(await send(exponential(1, point)), '{}')
  }
  const [, last] = (await read()).get('e{job="s"}')!.at(-1)! as [number, Histogram]
  assert.equal(last.count, 600)
  assert.equal(last.schema, 7)
  assert.equal(
    last.positive.count.reduce((sum, one) => sum + one, 0),
    600,
  )
})

test('deltas may be kept as they come, and say that they are no counters', async () => {
  const { send, read } = makeBench({ allow_delta_temporality: true })
  for (const offsetMs of [0, 1]) {
    await send(
      exponential(1, { ...at(offsetMs), count: 1, positive: { offset: 0, bucketCounts: [1] } }),
      {
        name: 'c',
        sum: { aggregationTemporality: 1, dataPoints: [{ ...at(offsetMs), asInt: 2 }] },
      },
    )
  }
  const found = await read()
  assert.deepEqual(found.get('c{job="s"}'), [
    [0, 2],
    [1, 2],
  ])
  const rows = found.get('e{job="s"}') as [number, Histogram][]
  assert.deepEqual(
    rows.map(([, { count, resetHint }]) => [count, resetHint]),
    [
      [1, 'gauge'],
      [1, 'gauge'],
    ],
  )
})

test('explicit bounds may become native histograms with custom buckets', async () => {
  const { send, read } = makeBench({ convert_histograms_to_nhcb: true })
  const point = (offsetMs: number, explicitBounds: unknown[], bucketCounts: number[]) => ({
    ...at(offsetMs),
    count: 6,
    sum: 3,
    explicitBounds,
    bucketCounts,
  })
  const dataPoints = [point(0, [0.1, 1], [1, 0, 5]), point(1, [0.1, 'Infinity'], [1, 2, 3])]
  assert.equal(
    await send({ name: 'h', histogram: { aggregationTemporality: 2, dataPoints } }),
    '{}',
  )
  const found = await read()
  const custom = {
    ...kept,
    schema: -53,
    count: 6,
    sum: 3,
    zeroThreshold: 0,
    zeroCount: 0,
    negative: { index: [], count: [] },
  }
  assert.deepEqual(
    [...found],
    [
      [
        'h{job="s"}',
        [
          [0, { ...custom, customBounds: [0.1, 1], positive: { index: [0, 2], count: [1, 5] } }],
          [1, { ...custom, customBounds: [0.1], positive: { index: [0, 1], count: [1, 5] } }],
        ],
      ],
    ],
  )
})

test('exemplars go to the number, to the bucket of their value, and lose attributes that are too long', async () => {
  const { send, exemplars, drops } = makeBench()
  const exemplar = (value: number, key: string, text: string) => ({
    ...at(0),
    asDouble: value,
    traceId: 'AB',
    spanId: '00',
    filteredAttributes: [{ key, value: { stringValue: text } }],
  })
  await send(
    {
      name: 'c',
      sum: {
        isMonotonic: true,
        aggregationTemporality: 2,
        dataPoints: [{ ...at(0), asInt: 1, exemplars: [exemplar(1, 'k', 'v')] }],
      },
    },
    {
      name: 'g',
      gauge: {
        dataPoints: [{ ...at(0), asInt: 1, exemplars: [exemplar(2, 'k', 'x'.repeat(128))] }],
      },
    },
    {
      name: 'h',
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            ...at(0),
            count: 2,
            explicitBounds: [1, 2],
            bucketCounts: [0, 1, 1],
            exemplars: [exemplar(2, 'k', 'v'), exemplar(9, 'k', 'v')],
          },
        ],
      },
    },
  )
  assert.deepEqual(await exemplars(), [
    'c_total{job="s"} # {k="v", trace_id="ab"} 1 0',
    'g{job="s"} # {trace_id="ab"} 2 0',
    'h_bucket{job="s", le="+Inf"} # {k="v", trace_id="ab"} 9 0',
    'h_bucket{job="s", le="2.0"} # {k="v", trace_id="ab"} 2 0',
  ])
  assert.deepEqual(drops.list(), [])
})

test('bytes of exponential histograms changed at random never crash the receiver', async () => {
  const good = encodeExponential(nowTimeMs, written)
  const { receiver } = makeBench()
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
      const body = Buffer.from(good)
      for (const [place, byte] of changes) body[place] = byte
      const { status } = await receiver.receive({ headers: protobufType, body })
      assert.ok([200, 400, 413].includes(status), String(status))
    }),
    { numRuns: 1000 },
  )
})
