/** Sections: round trips of any histogram, ranges, size of a usual run. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { customBoundsSchema, type Histogram, type HistogramBuckets } from '../../model/histogram.ts'
import { packHistogram, unpackHistogram } from './histogram-bytes.ts'
import { decodeHistogramChunk, encodeHistogramChunk } from './histogram-chunk.ts'

const allTime = { startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }

const wholeCount = fc.oneof(fc.nat(300), fc.maxSafeNat())
const anyCount = fc.oneof(wholeCount, fc.double())

function bucketsOf(count: fc.Arbitrary<number>): fc.Arbitrary<HistogramBuckets> {
  const index = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  return fc
    .uniqueArray(fc.tuple(index, count), { selector: ([key]) => key, maxLength: 30 })
    .map((rows) => {
      const sorted = rows.toSorted(([a], [b]) => a - b)
      return { index: sorted.map(([key]) => key), count: sorted.map(([, value]) => value) }
    })
}

function histogramsOf(count: fc.Arbitrary<number>): fc.Arbitrary<Histogram> {
  const schema = fc.oneof(fc.integer({ min: -4, max: 8 }), fc.constant(customBoundsSchema))
  const facts = fc.record({
    schema,
    count,
    sum: fc.double(),
    zeroThreshold: fc.oneof(fc.constant(0), fc.constant(2 ** -128), fc.double({ min: 0 })),
    zeroCount: count,
    positive: bucketsOf(count),
    negative: bucketsOf(count),
    customBounds: fc.array(fc.double(), { maxLength: 20 }),
    resetHint: fc.constantFrom('unknown', 'reset', 'not-reset', 'gauge' as const),
  })
  return facts.map((one) => ({
    ...one,
    customBounds: one.schema === customBoundsSchema ? one.customBounds : [],
  })) as fc.Arbitrary<Histogram>
}

test('every histogram comes back as it was', () => {
  const any = fc.oneof(histogramsOf(wholeCount), histogramsOf(anyCount))
  fc.assert(
    fc.property(any, (histogram) => {
      assert.deepStrictEqual(unpackHistogram(packHistogram(histogram)), histogram)
    }),
  )
})

test('every run comes back as it was, also where one layout goes on with other counts', () => {
  const step = fc.record({ histogram: histogramsOf(anyCount), stepMs: fc.nat(2 ** 40) })
  const like = fc.record({ counts: fc.array(wholeCount, { minLength: 3, maxLength: 3 }) })
  const row = fc.oneof(step, like)
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 41 }), fc.array(row), (start, rows) => {
      const run = { timeMs: [] as number[], histogram: [] as Histogram[] }
      let timeMs = start
      for (const one of rows) {
        timeMs += 'stepMs' in one ? one.stepMs + 1 : 15_000
        const before = run.histogram.at(-1)
        if ('histogram' in one) run.histogram.push(one.histogram)
        else if (before === undefined) continue
        else {
          const count = before.positive.index.map((_, place) => one.counts[place % 3]!)
          const positive = { index: [...before.positive.index], count }
          const [first, second] = one.counts
          run.histogram.push({ ...before, count: first!, zeroCount: second!, positive })
        }
        run.timeMs.push(timeMs)
      }
      assert.deepStrictEqual(decodeHistogramChunk(encodeHistogramChunk(run), allTime), run)
    }),
  )
})

/** A usual latency histogram: 24 buckets that grow by a few. */
function usual(step: number): Histogram {
  const index = Array.from({ length: 24 }, (_, place) => place - 12)
  return {
    schema: 3,
    count: 2400 + step * 24 * 3,
    sum: 12.5 + step * 0.731,
    zeroThreshold: 2 ** -128,
    zeroCount: 0,
    positive: { index, count: index.map((key) => 100 + key + step * 3) },
    negative: { index: [], count: [] },
    customBounds: [],
    resetHint: 'not-reset',
  }
}

test('a range gives the rows inside, both ends included', () => {
  const timeMs = Array.from({ length: 50 }, (_, step) => 1_700_000_000_000 + step * 15_000)
  const histogram = timeMs.map((_, step) => usual(step))
  const bytes = encodeHistogramChunk({ timeMs, histogram })
  const range = { startTimeMs: timeMs[10]!, endTimeMs: timeMs[12]! }
  const found = decodeHistogramChunk(bytes, range)
  assert.deepEqual(found, { timeMs: timeMs.slice(10, 13), histogram: histogram.slice(10, 13) })
  assert.deepEqual(decodeHistogramChunk(bytes, { startTimeMs: 0, endTimeMs: 1 }).timeMs, [])
})

test('a usual histogram costs about two bytes a bucket alone, and one in a run', () => {
  assert.ok(packHistogram(usual(0)).length < 24 * 2.5 + 20)
  const timeMs = Array.from({ length: 100 }, (_, step) => step * 15_000)
  const bytes = encodeHistogramChunk({ timeMs, histogram: timeMs.map((_, step) => usual(step)) })
  assert.ok(bytes.length / 100 < 24 + 14, `${bytes.length / 100} bytes a histogram`)
})
