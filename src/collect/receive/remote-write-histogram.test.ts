/** Native histograms and exemplars over remote write: both versions, validation, ends of series, fuzz. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { Histogram } from '../../model/histogram.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import {
  encodeWriteRequest,
  encodeWriteRequestV2,
  snap,
  type WrittenHistogram,
  type WrittenSeries,
} from '../testdata/write-request.ts'
import { RemoteWriteReceiver } from './remote-write.ts'

const nowTimeMs = 1_700_000_000_000

function makeBench(version: 1 | 2 = 2) {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const drops = new DropLedger()
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops,
    log: silentLog,
    onReceived: () => undefined,
  })
  const type = version === 1 ? '' : ';proto=io.prometheus.write.v2.Request'
  const headers = { 'content-type': `application/x-protobuf${type}`, 'content-encoding': 'snappy' }
  const encode =
    version === 1 ? encodeWriteRequest : (rows: WrittenSeries[]) => encodeWriteRequestV2(rows)
  const write = async (rows: WrittenSeries[]) => {
    const reply = await receiver.receive({ headers, body: snap(encode(rows)) })
    const written = (word: string) => reply.headers[`x-prometheus-remote-write-${word}-written`]
    return {
      status: reply.status,
      body: reply.body,
      written: ['samples', 'histograms', 'exemplars'].map(written).join(' '),
    }
  }
  const read = async (metric: string) => {
    const [series] = await store.select({
      matchers: [makeMatcher('__name__', '=', metric)],
      startTimeMs: 0,
      endTimeMs: nowTimeMs * 2,
    })
    if (series === undefined) return []
    const bits = bitsOf(series.value)
    return Array.from({ length: series.count }, (_, row) => {
      const value = series.histogram?.[row] ?? (isStaleAt(bits, row) ? 'stale' : series.value[row]!)
      return [series.timeMs[row]! - nowTimeMs, value] as const
    })
  }
  return { store, drops, write, read, receiver, headers }
}

function series(name: string, more: Partial<WrittenSeries>): WrittenSeries {
  return {
    labels: [
      ['__name__', name],
      ['job', 'shop'],
    ],
    samples: [],
    ...more,
  }
}

const whole: WrittenHistogram = {
  timeMs: nowTimeMs,
  count: 21,
  sum: 1234.5,
  schema: 3,
  zeroThreshold: 2 ** -128,
  zeroCount: 3,
  positiveSpans: [
    [-2, 2],
    [3, 1],
    [0, 1],
  ],
  positiveDeltas: [4, -4, 2, 5],
  negativeSpans: [[0, 1]],
  negativeDeltas: [5],
  resetHint: 2,
}
const wholeRead: Histogram = {
  schema: 3,
  count: 21,
  sum: 1234.5,
  zeroThreshold: 2 ** -128,
  zeroCount: 3,
  positive: { index: [-2, 3, 4], count: [4, 2, 7] },
  negative: { index: [0], count: [5] },
  customBounds: [],
  // Whether there was no reset since the sample before depends on which one is kept.
  resetHint: 'unknown',
}
const float: WrittenHistogram = {
  timeMs: nowTimeMs + 1,
  isFloat: true,
  count: 6.5,
  sum: -0.5,
  schema: -4,
  zeroThreshold: 0.001,
  zeroCount: 0.25,
  positiveSpans: [[1, 2]],
  positiveCounts: [2.5, 3.75],
  resetHint: 3,
}
const custom: WrittenHistogram = {
  timeMs: nowTimeMs + 2,
  count: 7,
  sum: 3,
  schema: -53,
  customBounds: [0.1, 0.5, 1],
  positiveSpans: [
    [0, 1],
    [2, 1],
  ],
  positiveDeltas: [3, 1],
}

for (const version of [1, 2] as const) {
  test(`version ${version}: whole, float and custom histograms, samples and exemplars are kept`, async () => {
    const { write, read, store } = makeBench(version)
    const reply = await write([
      series('h', {
        histograms: [whole, float, custom],
        exemplars: [
          [
            [
              ['trace_id', 'abc'],
              ['span_id', 'd'],
            ],
            0.75,
            nowTimeMs - 5,
          ],
          [[], 0.8, nowTimeMs - 4],
        ],
      }),
      series('m', {
        samples: [
          [1, nowTimeMs],
          [2, nowTimeMs + 1],
        ],
      }),
    ])
    assert.equal(reply.status, 204, reply.body)
    if (version === 2) assert.equal(reply.written, '2 3 2')
    const rows = await read('h')
    assert.deepEqual(rows, [
      [0, wholeRead],
      [
        1,
        {
          ...wholeRead,
          schema: -4,
          count: 6.5,
          sum: -0.5,
          zeroThreshold: 0.001,
          zeroCount: 0.25,
          positive: { index: [1, 2], count: [2.5, 3.75] },
          negative: { index: [], count: [] },
          resetHint: 'gauge',
        },
      ],
      [
        2,
        {
          ...wholeRead,
          schema: -53,
          count: 7,
          sum: 3,
          zeroThreshold: 0,
          zeroCount: 0,
          positive: { index: [0, 3], count: [3, 4] },
          negative: { index: [], count: [] },
          customBounds: [0.1, 0.5, 1],
          resetHint: 'unknown',
        },
      ],
    ])
    assert.deepEqual(await read('m'), [
      [0, 1],
      [1, 2],
    ])
    const all = { matcherSets: [[]], startTimeMs: 0, endTimeMs: nowTimeMs }
    const [found] = await store.selectExemplars(all)
    assert.equal(String(found!.labels), 'h{job="shop"}')
    assert.deepEqual(
      found!.exemplars.map(({ labels, value, timeMs }) => [
        String(labels),
        value,
        timeMs - nowTimeMs,
      ]),
      [
        ['{span_id="d", trace_id="abc"}', 0.75, -5],
        ['{}', 0.8, -4],
      ],
    )
  })
}

test('known series, series that are refused and further requests keep histograms at their rows', async () => {
  const { write, read } = makeBench()
  const later = (one: WrittenHistogram, byMs: number) => ({ ...one, timeMs: one.timeMs + byMs })
  await write([series('h', { histograms: [whole] }), series('m', { samples: [[1, nowTimeMs]] })])
  const reply = await write([
    series('h', { histograms: [later(whole, 10)] }),
    { labels: [['job', 'x']], samples: [], histograms: [whole, whole] },
    series('m', {
      samples: [
        [2, nowTimeMs + 10],
        [3, nowTimeMs + 11],
      ],
    }),
    series('h', { histograms: [later(whole, 20)] }),
  ])
  assert.equal(reply.status, 400)
  assert.match(reply.body, /no metric name/)
  assert.equal(reply.written, '2 2 0')
  assert.deepEqual(await read('h'), [
    [0, wholeRead],
    [10, wholeRead],
    [20, wholeRead],
  ])
  assert.deepEqual(await read('m'), [
    [0, 1],
    [10, 2],
    [11, 3],
  ])
  await write([series('m', { samples: [[4, nowTimeMs + 30]] })])
  assert.deepEqual((await read('m')).at(-1), [30, 4])
})

test('a histogram whose sum is the stale marker ends its series', async () => {
  const { write, read } = makeBench()
  const reply = await write([
    series('h', { histograms: [whole, { timeMs: nowTimeMs + 1, sum: 'stale' }] }),
  ])
  assert.equal(reply.written, '0 2 0')
  assert.deepEqual(await read('h'), [
    [0, wholeRead],
    [1, 'stale'],
  ])
})

test('a finer resolution than can be kept is lowered', async () => {
  const { write, read } = makeBench()
  const fine = { ...whole, schema: 10, positiveSpans: [[1, 4]] as [number, number][] }
  await write([series('h', { histograms: [fine] })])
  const [[, histogram]] = (await read('h')) as [[number, Histogram]]
  assert.equal(histogram.schema, 8)
  assert.deepEqual(histogram.positive, { index: [1], count: [13] })
})

test('what cannot be a histogram is a 400 with the reason; all else of the request is kept', async () => {
  const { write, read, drops } = makeBench()
  const bad: [RegExp, Partial<WrittenHistogram>][] = [
    [/invalid schema.*: 53/, { schema: 53 }],
    [/invalid schema.*: -5/, { schema: -5 }],
    [/spans need 5 buckets, have 4 buckets/, { positiveSpans: [[0, 5]] }],
    [
      /span number 2 with offset -1: histogram has a span whose offset is negative/,
      {
        positiveSpans: [
          [0, 2],
          [-1, 2],
        ],
      },
    ],
    [
      /positive side: bucket number 2 has observation count of -1/,
      { positiveDeltas: [4, -5, 2, 5] },
    ],
    [/negative side: bucket number 1 has observation count of -2/, { negativeDeltas: [-2] }],
    [/21 observations found in buckets, but the Count field is 20: .*should equal/, { count: 20 }],
    [/but the Count field is 20: .*should be at least/, { count: 20, sum: Number.NaN }],
    [/must not have custom bounds/, { customBounds: [1] }],
    [/spans need 4294967295 buckets/, { positiveSpans: [[0, 0xffffffff]] }],
    [/beyond 32 bits/, { positiveSpans: [[2 ** 31 - 1, 4]] }],
    [
      /zero bucket has observation count of -1/,
      { isFloat: true, zeroCount: -1, positiveCounts: [1, 1, 1, 1], negativeCounts: [1] },
    ],
    [
      /observation count is NaN/,
      { isFloat: true, count: Number.NaN, positiveCounts: [1, 1, 1, 1], negativeCounts: [1] },
    ],
  ]
  const badCustom: [RegExp, Partial<WrittenHistogram>][] = [
    [/previous bound is 0.5 and current is 0.5/, { customBounds: [0.1, 0.5, 0.5] }],
    [/current is NaN/, { customBounds: [0.1, Number.NaN] }],
    [/last \+Inf bound must not be explicitly defined/, { customBounds: [0.1, 1, Infinity] }],
    [
      /only 1 custom bounds defined which is insufficient to cover total span length of 4/,
      { customBounds: [1] },
    ],
    [
      /span number 1 with offset -1/,
      {
        positiveSpans: [
          [-1, 1],
          [2, 1],
        ],
      },
    ],
    [/must have zero count of 0/, { zeroCount: 1 }],
    [/must have zero threshold of 0/, { zeroThreshold: 1 }],
    [/must not have negative spans/, { negativeSpans: [[0, 0]] }],
    [/must not have negative buckets/, { negativeDeltas: [1] }],
  ]
  const cases = [
    ...bad.map(([text, change]) => [text, { ...whole, ...change }] as const),
    ...badCustom.map(([text, change]) => [text, { ...custom, ...change }] as const),
  ]
  for (const [index, [text, histogram]] of cases.entries()) {
    const good = { ...whole, timeMs: nowTimeMs + index }
    const reply = await write([series('h', { histograms: [histogram, good] })])
    assert.equal(reply.status, 400)
    assert.match(reply.body, /^invalid histogram: .*: series h\{job="shop"\}$/m)
    assert.match(reply.body, text)
    assert.equal(reply.written, '0 1 0')
  }
  assert.equal((await read('h')).length, cases.length)
  assert.deepEqual(
    drops.list().map(({ reason, count }) => [reason, count]),
    [['histogram-invalid', cases.length]],
  )
})

test('histograms of the wrong time are refused as samples are, and counted apart', async () => {
  const { write } = makeBench()
  const at = (byMs: number, change: Partial<WrittenHistogram> = {}) => ({
    ...whole,
    timeMs: nowTimeMs + byMs,
    ...change,
  })
  await write([series('h', { histograms: [at(10)] })])
  const reply = await write([
    series('m', { samples: [[1, nowTimeMs]] }),
    series('h', { histograms: [at(10), at(10, { sum: 7 }), at(11), at(3_600_000)] }),
  ])
  assert.equal(reply.status, 400)
  assert.match(reply.body, /duplicate sample for timestamp: series h/)
  assert.match(reply.body, /1 duplicate, 1 too-far-in-future/)
  assert.equal(reply.written, '1 2 0')
})

test('exemplars that are old or too long are no fault of a request, and counted', async () => {
  const { write, drops } = makeBench()
  const reply = await write([
    series('m', {
      samples: [[1, nowTimeMs]],
      exemplars: [
        [[['a', '1']], 1, 20],
        [[['a', '1']], 1, 20],
        [[['a', '1']], 1, 19],
        [[['a', 'x'.repeat(128)]], 1, 21],
      ],
    }),
  ])
  assert.deepEqual([reply.status, reply.written], [204, '1 0 2'])
  const told = drops.list().map(({ reason, count }) => `${reason} ${count}`)
  assert.deepEqual(told.sort(), ['exemplar-labels-too-long 1', 'exemplar-out-of-order 1'])
})

test('bytes changed at random never throw past the receiver, and never harm what comes after', async () => {
  for (const version of [1, 2] as const) {
    const { write, receiver, headers, read } = makeBench(version)
    const encode = version === 1 ? encodeWriteRequest : encodeWriteRequestV2
    const body = encode([
      series('h', { histograms: [whole, float, custom], exemplars: [[[['a', 'b']], 1, 2]] }),
      series('m', { samples: [[1, nowTimeMs]] }),
    ])
    const change = fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(change, fc.nat(body.length), async (changes, cut) => {
        const changed = Buffer.from(body)
        for (const [at, byte] of changes) changed[at] = byte
        const sent = cut % 4 === 0 ? changed.subarray(0, cut) : changed
        const reply = await receiver.receive({ headers, body: snap(sent) })
        assert.ok([204, 400, 413].includes(reply.status), `${reply.status} ${reply.body}`)
      }),
      { numRuns: 500 },
    )
    const last = { ...whole, timeMs: nowTimeMs + 500_000 }
    assert.equal((await write([series('after', { histograms: [last] })])).status, 204)
    assert.deepEqual(await read('after'), [[500_000, wholeRead]])
  }
})
