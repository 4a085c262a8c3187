/** Sections: what is written is read, torn ends, damaged bytes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyLabels, labelsFromPairs, makeLabels } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { bitsOf, isStaleAt, type SampleBatch, SampleBatchBuilder } from '../../model/sample.ts'
import type { PackedBatch } from '../head/packed-batch.ts'
import { fileHeader, RecordWriter, readRecords } from './record-format.ts'

type Event = [string, ...unknown[]]

function read(file: Buffer): { events: Event[]; goodBytes: number; batches: SampleBatch[] } {
  const events: Event[] = []
  const batches: SampleBatch[] = []
  const goodBytes = readRecords(file, {
    onSamples: (batch) => {
      batches.push(batch)
      const packed = batch.packed?.map((bytes) => bytes && [...bytes])
      events.push(['samples', [...batch.seriesId], [...batch.timeMs], [...batch.value], packed])
    },
    onLines: (batch, first) => {
      const streams = batch.streams.map((labels) => labels.key)
      const metadata = batch.metadata?.map((labels) => labels?.key)
      events.push(['lines', first, streams, [...batch.timeNs], batch.line, metadata])
    },
    onSymbol: (symbol, text) => events.push(['symbol', symbol, text]),
    onSeries: (id, symbols) => events.push(['series', id, [...symbols]]),
    onRemoved: (id) => events.push(['removed', id]),
    onExemplar: ({ row, hash }) => {
      const { seriesId, labels, value, timeMs } = row
      events.push(['exemplar', seriesId, hash, labels.key, value, timeMs])
    },
  })
  return { events, goodBytes, batches }
}

function makeBatch(times: number[]): SampleBatch {
  const builder = new SampleBatchBuilder(1)
  times.forEach((timeMs, index) => {
    if (index === 1) builder.addStale(index, timeMs)
    else builder.add(4_294_967_295 - index, timeMs, index / 3)
  })
  return builder.batch
}

const logs: LogBatch = {
  count: 3,
  streams: [emptyLabels, labelsFromPairs(['__proto__', 'x', 'ß', '✓'.repeat(100)])],
  stream: Uint32Array.of(0, 1, 1),
  timeNs: BigInt64Array.of(-1n, 1_700_000_000_000_000_001n, 0n),
  level: Uint8Array.of(0, 3, 6),
  line: ['', 'a\n\u0000✓', 'x'.repeat(300)],
  metadata: [undefined, makeLabels({ trace: 'id' }), undefined],
}

const spans: [number[], { minTimeMs: number; maxTimeMs: number }][] = [
  [[5, 5, 5], { minTimeMs: 5, maxTimeMs: 5 }],
  [[1_700_000_000_000, 1_700_000_000_001], { minTimeMs: 1.7e12, maxTimeMs: 1_700_000_000_001 }],
  [[-9e15, 0, 9e15], { minTimeMs: -9e15, maxTimeMs: 9e15 }],
]

function writeAll(): Buffer {
  const writer = new RecordWriter()
  for (const [times, span] of spans) writer.samples(makeBatch(times), span)
  writer.lines(logs, 9e15)
  const texts = ['', 'name', '✓']
  writer.symbols([0, 130, 2_000_000], (symbol) => texts[[0, 130, 2_000_000].indexOf(symbol)]!)
  writer.series([7, 4_294_967_294], (id) => (id === 7 ? [] : [130, 2_000_000]))
  writer.removed([4_000_000_000])
  const histograms: PackedBatch = { ...makeBatch([1, 2, 3]), packed: [] }
  histograms.packed![0] = Uint8Array.of(1, 2, 3)
  histograms.packed![2] = new Uint8Array(300).fill(7)
  writer.samples(histograms, { minTimeMs: 1, maxTimeMs: 3 })
  const row = { seriesId: 4_000_000_000, value: -0.5, timeMs: 1_700_000_000_001 }
  writer.exemplars([
    { row: { ...row, labels: emptyLabels }, hash: { high: 4_294_967_295, low: 0 } },
    { row: { ...row, labels: makeLabels({ é: '✓' }) }, hash: { high: 1, low: 2 } },
  ])
  return Buffer.concat([fileHeader, writer.bytes()])
}

test('what is written is read, bit by bit', () => {
  const { events, goodBytes, batches } = read(writeAll())
  assert.equal(goodBytes, writeAll().length)
  spans.forEach(([times], index) => {
    assert.deepEqual(events[index]![2], times)
    assert.equal(isStaleAt(bitsOf(batches[index]!.value), 1), true)
    assert.equal(isStaleAt(bitsOf(batches[index]!.value), 0), false)
  })
  assert.deepEqual(events.slice(spans.length), [
    [
      'lines',
      9e15,
      logs.streams.map((labels) => labels.key),
      [...logs.timeNs],
      logs.line,
      logs.metadata?.map((labels) => labels?.key),
    ],
    ['symbol', 0, ''],
    ['symbol', 130, 'name'],
    ['symbol', 2_000_000, '✓'],
    ['series', 7, []],
    ['series', 4_294_967_294, [130, 2_000_000]],
    ['removed', 4_000_000_000],
    [
      'samples',
      [4_294_967_295, 1, 4_294_967_293],
      [1, 2, 3],
      [0, Number.NaN, 2 / 3],
      // biome-ignore lint/suspicious/noSparseArray: a row without a histogram has no bytes
      [[1, 2, 3], , new Array(300).fill(7)],
    ],
    ['exemplar', 4_000_000_000, { high: 4_294_967_295, low: 0 }, '', -0.5, 1_700_000_000_001],
    ['exemplar', 4_000_000_000, { high: 1, low: 2 }, 'é\xff✓', -0.5, 1_700_000_000_001],
  ])
})

test('a file cut anywhere gives the whole records before the cut and nothing else', () => {
  const file = writeAll()
  const whole = read(file).events
  let lastCount = 0
  for (let size = 0; size <= file.length; size++) {
    const { events, goodBytes } = read(file.subarray(0, size))
    assert.deepEqual(events, whole.slice(0, events.length))
    assert.ok(goodBytes <= size && events.length >= lastCount)
    lastCount = events.length
    const padded = Buffer.concat([file.subarray(0, size), Buffer.alloc(64)])
    const behindZeros = read(padded).events
    assert.deepEqual(behindZeros, whole.slice(0, behindZeros.length), 'zeros are no records')
  }
  assert.equal(lastCount, whole.length)
})

test('a damaged byte never gives a record that was not written', () => {
  const file = writeAll()
  const whole = read(file).events
  for (let at = 0; at < file.length; at++) {
    const damaged = Buffer.from(file)
    damaged[at] = damaged[at]! ^ 0x41
    const { events } = read(damaged)
    assert.ok(events.length < whole.length, `byte ${at}`)
    assert.deepEqual(events, whole.slice(0, events.length), `byte ${at}`)
  }
})
