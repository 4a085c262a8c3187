/** A packed segment has what memory needs and nothing else, bit for bit, and is far smaller. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../../model/labels.ts'
import { bitsOf, makeSampleBatch, setHistogramAt, setStaleAt } from '../../model/sample.ts'
import type { PackedBatch } from '../head/packed-batch.ts'
import { packSegment } from './pack-segment.ts'
import { type ExemplarEntry, fileHeader, RecordWriter, readRecords } from './record-format.ts'

const startTimeMs = 1_700_000_000_000

interface Found {
  rows: [number, number, string][]
  histograms: [number, number, string][]
  exemplars: ExemplarEntry[]
  lineCount: number
}

/** Rows by series and time, values by their bits. */
function read(file: Buffer): Found {
  const found: Found = { rows: [], histograms: [], exemplars: [], lineCount: 0 }
  const goodBytes = readRecords(file, {
    onSamples: ({ count, seriesId, timeMs, value, packed }: PackedBatch) => {
      const bits = bitsOf(value)
      for (let row = 0; row < count; row++) {
        const bytes = packed?.[row]
        const key: [number, number] = [seriesId[row]!, timeMs[row]!]
        if (bytes !== undefined) found.histograms.push([...key, Buffer.from(bytes).toString('hex')])
        else found.rows.push([...key, `${bits[row * 2]} ${bits[row * 2 + 1]}`])
      }
    },
    onLines: (batch) => {
      found.lineCount += batch.count
    },
    onSymbol: () => undefined,
    onSeries: () => undefined,
    onRemoved: () => undefined,
    onExemplar: (entry) => found.exemplars.push(entry),
  })
  assert.equal(goodBytes, file.length)
  found.rows.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return found
}

function makeSegment(): Buffer {
  const writer = new RecordWriter()
  for (let step = 0; step < 200; step++) {
    const batch: PackedBatch = makeSampleBatch(300)
    const bits = bitsOf(batch.value)
    for (let id = 0; id < 300; id++) {
      batch.seriesId[id] = id * 7
      batch.timeMs[id] = startTimeMs + step * 15_000 + id
      batch.value[id] = id + step / 10
    }
    if (step === 120) setStaleAt(bits, 5)
    batch.count = 300
    if (step % 50 === 0) {
      setHistogramAt(bits, 9, step)
      batch.packed = []
      batch.packed[9] = Uint8Array.of(1, 2, step)
    }
    const first = startTimeMs + step * 15_000
    writer.samples(batch, { minTimeMs: first, maxTimeMs: first + 299 })
  }
  const logs = { streams: [makeLabels({ app: 'shop' })], stream: Uint32Array.of(0) }
  const one = { timeNs: BigInt64Array.of(1n), level: Uint8Array.of(1), line: ['line'] }
  writer.lines({ count: 1, ...logs, ...one }, 1)
  const row = { seriesId: 7, timeMs: startTimeMs, value: 1, labels: makeLabels({ trace: 'a' }) }
  writer.exemplars([{ row, hash: { high: 1, low: 2 } }])
  return Buffer.concat([fileHeader, writer.bytes()])
}

test('samples from a time on are kept, series by series; histograms and exemplars too, lines not', async () => {
  const file = makeSegment()
  const all = read(file)
  const fromTimeMs = startTimeMs + 100 * 15_000
  const packed = await packSegment(file, fromTimeMs)
  const kept = read(packed.bytes)
  assert.deepEqual(
    kept.rows,
    all.rows.filter(([, timeMs]) => timeMs >= fromTimeMs),
  )
  assert.deepEqual(
    kept.histograms.map(([id, timeMs]) => [id, (timeMs - startTimeMs - 9) / 15_000]),
    [
      [63, 100],
      [63, 150],
    ],
  )
  assert.equal(kept.lineCount, 0)
  assert.deepEqual(kept.exemplars, all.exemplars)
  assert.equal(packed.sampleCount, 30_000)
  assert.equal(packed.minTimeMs, fromTimeMs)
  assert.equal(packed.maxTimeMs, startTimeMs + 199 * 15_000 + 299)
  assert.ok(packed.bytes.length < (file.length / 2) * 0.2, `${packed.bytes.length}`)
})

test('when memory needs nothing, nothing is left', async () => {
  const packed = await packSegment(makeSegment(), Infinity)
  assert.deepEqual(read(packed.bytes).rows, [])
  assert.equal(packed.sampleCount, 0)
})
