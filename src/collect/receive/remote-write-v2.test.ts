/** Remote write 2.0: the same samples as 1.0, its own headers, and limits on what symbols unfold to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import {
  encodeWriteRequest,
  encodeWriteRequestV2,
  field,
  snap,
  type WrittenSeriesV2,
  whole,
} from '../testdata/write-request.ts'
import { RemoteWriteReceiver } from './remote-write.ts'
import { rewriteAsV1 } from './remote-write-v2.ts'

const nowTimeMs = 1_700_000_000_000
const headers = {
  'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '2.0.0',
}
/** A sample of the value 0 at `nowTimeMs`. */
const sampleField = field(2, whole(2, BigInt(nowTimeMs)))
const written = 'x-prometheus-remote-write-samples-written'

function makeBench() {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const receiver = new RemoteWriteReceiver({
    appender: store,
    drops: new DropLedger(),
    log: silentLog,
    onReceived: () => undefined,
  })
  const write = (body: Buffer) => receiver.receive({ headers, body: snap(body) })
  const read = async (metric: string): Promise<string[]> => {
    const found = await store.select({
      matchers: [makeMatcher('__name__', '=', metric)],
      startTimeMs: 0,
      endTimeMs: nowTimeMs * 2,
    })
    return found
      .map(({ labels, count, value }) => `${labels} ${value.subarray(0, count).join(' ')}`)
      .sort()
  }
  return { store, receiver, write, read }
}

function series(name: string, labels: [string, string][], ...values: number[]): WrittenSeriesV2 {
  return {
    labels: [['__name__', name], ...labels],
    samples: values.map((value, index) => [value, nowTimeMs + index * 10]),
  }
}

test('samples arrive, known and new series alike, and their number is answered', async () => {
  const { store, write, read } = makeBench()
  const request: WrittenSeriesV2[] = [
    {
      ...series('http_seconds_bucket', [['le', '1.0']], 1, 2),
      metadata: { type: 3, help: 'Time.', unit: 's' },
    },
    {
      ...series(
        'up',
        [
          ['job', 'a'],
          ['__proto__', 'é'],
        ],
        1,
      ),
      metadata: { type: 2, help: 'Is up.', unit: '' },
    },
    { ...series('up', [['job', 'b']], 0), isReversed: true },
  ]
  const reply = await write(encodeWriteRequestV2(request))
  assert.deepEqual(reply, {
    status: 204,
    headers: {
      [written]: '4',
      'x-prometheus-remote-write-histograms-written': '0',
      'x-prometheus-remote-write-exemplars-written': '0',
    },
    body: '',
  })
  assert.deepEqual(await read('http_seconds_bucket'), ['http_seconds_bucket{le="1.0"} 1 2'])
  assert.deepEqual(await read('up'), ['up{__proto__="é", job="a"} 1', 'up{job="b"} 0'])
  assert.deepEqual(store.metadata().get('http_seconds'), {
    type: 'histogram',
    help: 'Time.',
    unit: 's',
  })
  assert.equal(store.metadata().get('up')?.type, 'gauge')
  // Symbols behind the series are legal protobuf.
  const later = {
    ...series('up', [['job', 'b']]),
    samples: [[7, nowTimeMs + 500]] as [number, number][],
  }
  assert.equal((await write(encodeWriteRequestV2([later], true))).status, 204)
  assert.deepEqual((await read('up'))[1], 'up{job="b"} 0 7')
})

test('both versions name the same series by the same bytes', async () => {
  const one = [
    series(
      'm',
      [
        ['a', '1'],
        ['b', 'x'.repeat(300)],
      ],
      1,
      2,
    ),
  ]
  const rewritten = rewriteAsV1(encodeWriteRequestV2(one))
  const plain = encodeWriteRequest(one)
  assert.deepEqual(rewritten, plain)
})

test('what is not kept makes a 400 that says how much was', async () => {
  const { write } = makeBench()
  const reply = await write(
    encodeWriteRequestV2([
      series('good', [], 1, 2),
      { ...series('h', []), histograms: [{ timeMs: nowTimeMs, schema: 77 }] },
      { labels: [['job', 'x']], samples: [[1, nowTimeMs]] },
    ]),
  )
  assert.equal(reply.status, 400)
  assert.equal(reply.headers[written], '2')
  assert.match(
    reply.body,
    /invalid histogram: histogram has an invalid schema, .*: 77: series h\{\}/,
  )
  assert.match(reply.body, /the series has no metric name: series \{job="x"\}/)
})

test('references that lead nowhere are refused with their place', async () => {
  const { write } = makeBench()
  const textOf = async (body: Buffer) => {
    const { status, body: text } = await write(body)
    assert.equal(status, 400)
    return text
  }
  const symbols = Buffer.concat([field(4, ''), field(4, '__name__'), field(4, 'm')])
  const withRefs = (...refs: number[]) =>
    Buffer.concat([symbols, field(5, field(1, Buffer.from(refs)))])
  assert.match(await textOf(withRefs(1, 9)), /at byte \d+ there is the symbol 9, of 3 there are/)
  assert.match(await textOf(withRefs(1)), /a label name without a value/)
  assert.match(await textOf(field(4, 'x')), /a first symbol that is not empty/)
  assert.match(await textOf(Buffer.concat([symbols, Buffer.from([0x2a, 0x50])])), /reaches behind/)
})

test('a small body that unfolds to a huge one is refused before it is written out', async () => {
  const { write } = makeBench()
  const refs = Buffer.from([1, 2])
  const one = field(5, field(1, refs))
  const body = Buffer.concat([
    field(4, ''),
    field(4, '__name__'),
    field(4, 'x'.repeat(60_000)),
    ...Array.from({ length: 5000 }, () => one),
  ])
  const { status, body: text } = await write(body)
  assert.equal(status, 413)
  assert.match(text, /more than the limit of 268435456/)
})

test('a series with labels without end is refused by itself', async () => {
  const { write, read } = makeBench()
  const refs = Buffer.alloc(200_000, Buffer.from([1, 2]))
  const { status, body } = await write(
    Buffer.concat([
      ...['', '__name__', 'a'].map((text) => field(4, text)),
      field(5, field(1, refs)),
      field(5, Buffer.concat([field(1, Buffer.from([1, 2])), sampleField])),
    ]),
  )
  assert.equal(status, 400)
  assert.match(body, /^1025 labels, more than can be read/)
  assert.deepEqual(await read('a'), ['a 0'])
})

test('bytes changed at random never crash the receiver', async () => {
  const good = encodeWriteRequestV2([
    { ...series('a', [['x', '1']], 1, 2), metadata: { type: 3, help: 'h', unit: 'u' } },
    { ...series('b', [['y', '2']], 3), histograms: [{ timeMs: nowTimeMs }] },
  ])
  const { write } = makeBench()
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const body = Buffer.from(good)
      for (const [place, byte] of changes) body[place] = byte
      const { status } = await write(body)
      assert.ok([204, 400, 413].includes(status), String(status))
    }),
    { numRuns: 1000 },
  )
})
