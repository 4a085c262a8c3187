/** Remote write: what is kept, what is answered, and that no bytes crash it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { labelsFromPairs } from '../../model/labels.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import {
  encodeWriteRequest,
  field,
  snap,
  type WrittenSeries,
  whole,
} from '../testdata/write-request.ts'
import type { ReceiverReply } from './body.ts'
import { RemoteWriteReceiver } from './remote-write.ts'

const nowTimeMs = 1_700_000_000_000
const goodHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
}

function makeBench() {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs), lateMs: 0 })
  const drops = new DropLedger()
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops,
    log: silentLog,
    onReceived: () => undefined,
  })
  const write = (series: WrittenSeries[]): Promise<ReceiverReply> =>
    receiver.receive({ headers: goodHeaders, body: snap(encodeWriteRequest(series)) })
  const read = async (metric: string): Promise<string[]> => {
    const found = await store.select({
      matchers: [makeMatcher('__name__', '=', metric)],
      startTimeMs: 0,
      endTimeMs: nowTimeMs * 2,
    })
    return found
      .map(({ labels, count, timeMs, value }) => {
        const bits = bitsOf(value)
        const rows = Array.from({ length: count }, (_, index) =>
          isStaleAt(bits, index)
            ? `${timeMs[index]! - nowTimeMs}:stale`
            : `${timeMs[index]! - nowTimeMs}:${value[index]}`,
        )
        return `${labels} ${rows.join(' ')}`
      })
      .sort()
  }
  return { store, drops, receiver, write, read }
}

const series = (
  name: string,
  more: [string, string][],
  ...samples: [number | 'stale', number][]
) => ({
  labels: [['__name__', name], ...more] as [string, string][],
  samples: samples.map(([value, offsetMs]) => [value, nowTimeMs + offsetMs]) as [
    number | 'stale',
    number,
  ][],
})

test('samples arrive with their labels, values, times and stale markers', async () => {
  const { write, read } = makeBench()
  const first = await write([
    series('a', [['x', '1']], [1.5, 0], [-0, 10]),
    series('a', [['x', '2']], [Number.POSITIVE_INFINITY, 0]),
    series('b', [['__proto__', 'é']], [Number.NaN, 0], ['stale', 10]),
  ])
  assert.deepEqual(first, { status: 204, headers: {}, body: '' })
  // The same order again, then another order with a prefix of a known key and a new one.
  await write([series('a', [['x', '1']], [2, 20]), series('a', [['x', '2']], [3, 20])])
  await write([
    series('a', [['x', '2']], [4, 30]),
    series('a', [], [5, 30]),
    series(
      'a',
      [
        ['x', '1'],
        ['y', '2'],
      ],
      [6, 30],
    ),
    series('a', [['x', '1']], [7, 30]),
  ])
  assert.deepEqual(await read('a'), [
    'a 30:5',
    'a{x="1", y="2"} 30:6',
    'a{x="1"} 0:1.5 10:0 20:2 30:7',
    'a{x="2"} 0:Infinity 20:3 30:4',
  ])
  assert.deepEqual(await read('b'), ['b{__proto__="é"} 0:NaN 10:stale'])
})

test('unsorted labels, empty values and labels behind samples name the same series', async () => {
  const { write, read } = makeBench()
  await write([
    series(
      'm',
      [
        ['a', '1'],
        ['b', '2'],
      ],
      [1, 0],
    ),
  ])
  await write([
    {
      labels: [
        ['b', '2'],
        ['empty', ''],
        ['a', '1'],
        ['__name__', 'm'],
      ],
      samples: [[2, nowTimeMs + 1]],
    },
  ])
  const reply = await write([
    {
      ...series(
        'm',
        [
          ['a', '1'],
          ['b', '2'],
        ],
        [3, 2],
        [4, 3],
      ),
      isReversed: true,
    },
  ])
  assert.equal(reply.status, 204)
  assert.deepEqual(await read('m'), ['m{a="1", b="2"} 0:1 1:2 2:3 3:4'])
})

test('bad samples are answered with 400 and named; the good ones are kept', async () => {
  const { write, read, drops } = makeBench()
  await write([series('a', [], [1, 0])])
  const reply = await write([
    series('a', [], [2, -1000], [3, 1000]),
    series('a', [], [4, 1000]),
    series('b', [], [1, 3_600_000]),
    { labels: [['job', 'x']], samples: [[1, nowTimeMs]] },
    {
      labels: [
        ['__name__', 'c'],
        ['d', '1'],
        ['d', '2'],
      ],
      samples: [[1, nowTimeMs]],
    },
    series('huge', [['v', 'x'.repeat(1_000_000)]], [1, 0]),
    {
      ...series('h', []),
      histograms: [
        { timeMs: nowTimeMs, schema: 77 },
        { timeMs: nowTimeMs, count: 1 },
      ],
    },
    series('good', [], [1, 0]),
  ])
  assert.equal(reply.status, 400)
  assert.match(reply.body, /the series has no metric name: series \{job="x"\}/)
  assert.match(reply.body, /label name "d" is given twice/)
  assert.match(reply.body, /value of label "v" has 1000000 bytes/)
  assert.match(reply.body, /out of order sample: series a\{\} at 1699999999000 ms/)
  assert.match(reply.body, /3 samples were not kept: /)
  assert.ok(reply.body.length < 2000)
  assert.deepEqual(await read('a'), ['a 0:1 1000:3'])
  assert.deepEqual(await read('good'), ['good 0:1'])
  const reasons = new Map(drops.list().map(({ reason, count }) => [reason, count]))
  assert.equal(reasons.get('histogram-invalid'), 2)
  assert.equal(reasons.get('metric-name-missing'), 1)
  assert.equal(reasons.get('label-value-too-long'), 1)
  assert.equal(reasons.get('too-far-in-future'), 1)
})

test('a request that is sent again is taken as before', async () => {
  const { write, read } = makeBench()
  const request = [series('a', [], [1, 0], [2, 10])]
  assert.equal((await write(request)).status, 204)
  assert.equal(
    (await write(request.map((one) => ({ ...one, samples: one.samples.slice(-1) })))).status,
    204,
  )
  assert.deepEqual(await read('a'), ['a 0:1 10:2'])
})

test('types, encodings and sizes that are not ours are refused as the specification says', async () => {
  const { receiver } = makeBench()
  const body = snap(encodeWriteRequest([series('a', [], [1, 0])]))
  const statusOf = async (headers: Record<string, string>, sent = body): Promise<number> =>
    (await receiver.receive({ headers, body: sent })).status
  assert.equal(await statusOf(goodHeaders), 204)
  assert.equal(await statusOf({}), 204)
  assert.equal(
    await statusOf({
      ...goodHeaders,
      'content-type': 'application/x-protobuf;proto=prometheus.WriteRequest',
    }),
    204,
  )
  assert.equal(
    await statusOf({
      ...goodHeaders,
      'content-type': 'application/x-protobuf;proto=io.prometheus.write.v3.Request',
    }),
    415,
  )
  assert.equal(await statusOf({ ...goodHeaders, 'content-type': 'application/json' }), 415)
  assert.equal(await statusOf({ ...goodHeaders, 'content-encoding': 'gzip' }), 415)
  assert.equal(await statusOf(goodHeaders, Buffer.from([0x80, 0x80, 0x80, 0x80, 0x01, 0])), 413)
  assert.equal(await statusOf(goodHeaders, Buffer.from([0xff, 0xff, 0xff, 0x1f, 0])), 400)
  assert.equal(await statusOf(goodHeaders, Buffer.from('not snappy at all')), 400)
  assert.equal(await statusOf(goodHeaders, Buffer.alloc(0)), 400)
  assert.equal(await statusOf(goodHeaders, Buffer.from([0])), 204)
})

test('what the store must not accept now is answered with Retry-After, so that the sender keeps it', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  store.append = () => Promise.reject(collectErrors.OVERLOADED({ count: 1 }))
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops: new DropLedger(),
    log: silentLog,
    onReceived: () => undefined,
  })
  const reply = await receiver.receive({
    headers: goodHeaders,
    body: snap(encodeWriteRequest([series('a', [], [1, 0])])),
  })
  assert.equal(reply.status, 429)
  assert.ok(Number(reply.headers['retry-after']) > 0)
})

test('metadata is recorded', async () => {
  const { receiver, store } = makeBench()
  const metadata = Buffer.concat([
    whole(1, 1n),
    field(2, 'a_total'),
    field(4, 'Counts.'),
    field(5, 's'),
  ])
  await receiver.receive({ headers: goodHeaders, body: snap(field(3, metadata)) })
  assert.deepEqual(store.metadata('a_total').get('a_total'), {
    type: 'counter',
    help: 'Counts.',
    unit: 's',
  })
})

test('series are found again after the store renumbered', async () => {
  const { store, receiver, read } = makeBench()
  const body = snap(encodeWriteRequest([series('a', [], [1, 0])]))
  await receiver.receive({ headers: goodHeaders, body })
  let epoch = 1
  const asked: string[] = []
  const { seriesId } = store
  Object.defineProperty(store, 'seriesEpoch', { get: () => epoch })
  store.seriesId = (labels) => {
    asked.push(labels.toString())
    return seriesId.call(store, labels)
  }
  await receiver.receive({ headers: goodHeaders, body })
  await receiver.receive({ headers: goodHeaders, body })
  epoch = 2
  await receiver.receive({ headers: goodHeaders, body })
  assert.deepEqual(asked, ['a', 'a'])
  assert.deepEqual(await read('a'), ['a 0:1'])
})

test('whatever is decoded is what was encoded', async () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  const labels = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 6 })
  const one = fc.record({
    labels: labels.map(
      (pairs) =>
        [['__name__', 'm'], ...pairs.filter(([name]) => name !== '__name__')] as [string, string][],
    ),
    value: fc.double(),
    isReversed: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 8 }), async (rows) => {
      const { write, store } = makeBench()
      let offsetMs = 0
      const expected = new Map<string, number[]>()
      const written = rows.map(({ labels: pairs, value, isReversed }) => {
        const { key } = labelsFromPairs(pairs.flat())
        expected.set(key, [...(expected.get(key) ?? []), value])
        return {
          labels: pairs,
          samples: [[value, nowTimeMs + ++offsetMs]] as [number, number][],
          isReversed,
        }
      })
      assert.equal((await write(written)).status, 204)
      assert.equal((await write(written.slice(0, 0))).status, 204)
      const found = await store.select({
        matchers: [makeMatcher('__name__', '=', 'm')],
        startTimeMs: 0,
        endTimeMs: nowTimeMs * 2,
      })
      const got = new Map(found.map((row) => [row.labels.key, [...row.value.slice(0, row.count)]]))
      assert.deepEqual(got, expected)
    }),
    { numRuns: 60 },
  )
})

test('malformed bytes at any place are 400, never a crash', async () => {
  const { receiver } = makeBench()
  const good = encodeWriteRequest([
    series(
      'abc',
      [
        ['x', '1'],
        ['yy', 'longer value'],
      ],
      [1, 0],
      ['stale', 10],
    ),
    { ...series('h', [], [1, 0]), histograms: [{ timeMs: nowTimeMs }] },
  ])
  const send = async (body: Buffer): Promise<void> => {
    const reply = await receiver.receive({ headers: goodHeaders, body: snap(body) })
    assert.ok(reply.status === 204 || reply.status === 400, `${reply.status} ${reply.body}`)
  }
  for (let size = 0; size < good.length; size++) await send(good.subarray(0, size))
  for (let place = 0; place < good.length; place++) {
    for (const byte of [0, 0x0a, 0x7f, 0x80, 0xff]) {
      const changed = Buffer.from(good)
      changed[place] = byte
      await send(changed)
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), (bytes) => send(Buffer.from(bytes))),
    { numRuns: 500 },
  )
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
      const reply = await receiver.receive({ headers: goodHeaders, body: Buffer.from(bytes) })
      assert.ok([204, 400, 413].includes(reply.status))
    }),
    { numRuns: 500 },
  )
})

test('a body of millions of nothings is refused before it costs anything', async () => {
  const { receiver, drops, read } = makeBench()
  const send = async (body: Buffer): Promise<ReceiverReply> =>
    receiver.receive({ headers: goodHeaders, body: snap(body) })
  const emptySeries = await send(Buffer.alloc(4 << 20, Buffer.from([0x0a, 0x00])))
  assert.equal(emptySeries.status, 400)
  assert.match(emptySeries.body, /^protobuf: at byte \d+ there is one series more than/)
  assert.deepEqual(drops.list(), [
    { source: 'remote-write', reason: 'metric-name-missing', count: 1024 * 1024 },
  ])
  const emptySamples = await send(field(1, Buffer.alloc(20 << 20, Buffer.from([0x12, 0x00]))))
  assert.match(emptySamples.body, /^protobuf: at byte \d+ there is one sample more than/)
  const labels = Array.from({ length: 100_000 }, (_, index) => field(1, field(1, `l${index}`)))
  const manyLabels = await send(
    Buffer.concat([
      field(
        1,
        Buffer.concat([
          field(1, Buffer.concat([field(1, '__name__'), field(2, 'many')])),
          ...labels,
        ]),
      ),
      encodeWriteRequest([series('beside', [], [1, 0])]),
    ]),
  )
  assert.equal(manyLabels.status, 400)
  assert.match(manyLabels.body, /^100001 labels, more than can be read: series many\{/)
  assert.deepEqual(await read('beside'), ['beside 0:1'])
})

test('large bodies give their memory back', async () => {
  const { receiver } = makeBench()
  const body = snap(field(3, Buffer.alloc(40 << 20)))
  const send = async (count: number): Promise<number> => {
    for (let turn = 0; turn < count; turn++) await receiver.receive({ headers: goodHeaders, body })
    return process.memoryUsage.rss()
  }
  const before = await send(5)
  const grown = (await send(15)) - before
  // 15 bodies of 40 MiB kept would be 600 MiB.
  assert.ok(grown < 300 << 20, `${grown >> 20} MiB more`)
})
