/** Normalization: both methods against plain formulas, windows that pass, ends, limits. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSeededRandom } from '../base/random.ts'
import { type Labels, makeLabels } from '../model/labels.ts'
import { bitsOf, isStaleAt, SampleBatchBuilder } from '../model/sample.ts'
import { Normalization } from './normalization.ts'
import { prepareShape } from './settings.ts'
import { SeriesNumbers } from './testdata/series-numbers.ts'

function makeBench(rule: object = {}) {
  const store = new SeriesNumbers()
  const settings = prepareShape.normalization.parse([{ match: 'm', window: '1h', ...rule }])
  const normalization = new Normalization(settings[0]!)
  const out = new SampleBatchBuilder()
  return {
    store,
    normalization,
    /** `[id, time, value or 'stale']`; gives what was written. */
    take: (...samples: [string, number, number | 'stale'][]): string[] => {
      const rows = new SampleBatchBuilder()
      for (const [id, timeMs, value] of samples) {
        const seriesId = store.seriesId(makeLabels({ __name__: 'm', id }))
        if (value === 'stale') rows.addStale(seriesId, timeMs)
        else rows.add(seriesId, timeMs, value)
      }
      out.clear()
      normalization.take(rows.batch, store, {
        admit: (labels) => store.seriesId(labels),
        rows: out,
        endTimeMs: 1e8,
      })
      const bits = bitsOf(out.batch.value)
      return Array.from({ length: out.batch.count }, (_none, row) => {
        const labels = store.labelsOf(out.batch.seriesId[row]!)
        const value = isStaleAt(bits, row) ? 'stale' : +out.batch.value[row]!.toFixed(6)
        return `${labels} ${out.batch.timeMs[row]} ${value}`
      })
    },
  }
}

test('values get their place among those of the window', () => {
  const bench = makeBench({ methods: ['zscore', 'minmax'] })
  assert.deepEqual(bench.take(['a', 0, 4]), ['m:1h_zscore{id="a"} 0 0', 'm:1h_minmax{id="a"} 0 0'])
  assert.deepEqual(bench.take(['a', 60_000, 8]), [
    'm:1h_zscore{id="a"} 60000 1',
    'm:1h_minmax{id="a"} 60000 1',
  ])
  assert.deepEqual(bench.take(['a', 120_000, 6], ['b', 120_000, 1], ['a', 180_000, 'stale']), [
    'm:1h_zscore{id="a"} 120000 0',
    'm:1h_minmax{id="a"} 120000 0.5',
    'm:1h_zscore{id="b"} 120000 0',
    'm:1h_minmax{id="b"} 120000 0',
    'm:1h_zscore{id="a"} 180000 stale',
    'm:1h_minmax{id="a"} 180000 stale',
  ])
  assert.deepEqual(bench.take(['a', 240_000, Number.NaN]), [])
})

test('over a long run the figures are those of the last window', () => {
  const bench = makeBench({ methods: ['zscore'] })
  const random = makeSeededRandom(5)
  const values: number[] = []
  // A large offset shows whether sums of squares would lose the spread.
  for (let minute = 0; minute < 300; minute++) {
    const value = 1e9 + random() * 10
    values.push(value)
    const [line] = bench.take(['a', minute * 60_000, value])
    const window = values.slice(Math.max(0, minute - 59))
    const mean = window.reduce((sum, one) => sum + one, 0) / window.length
    const squares = window.reduce((sum, one) => sum + (one - mean) ** 2, 0) / window.length
    const expected = squares === 0 ? 0 : (value - mean) / Math.sqrt(squares)
    const found = Number(line!.split(' ').at(-1))
    assert.ok(Math.abs(found - expected) < 1e-5, `${minute}: ${found}, expected ${expected}`)
  }
})

test('what comes after its window has passed says nothing, and is counted', () => {
  const bench = makeBench()
  bench.take(['a', 7_200_000, 1])
  assert.deepEqual(bench.take(['a', 3_000_000, 5]), [])
  assert.equal(bench.take(['a', 4_000_000, 5]).length, 1)
  assert.deepEqual(bench.normalization.takeCounts(), { refusedCount: 0, lateCount: 1 })
  assert.deepEqual(bench.take(['a', 1e9, 5]), [])
  assert.equal(bench.take(['a', 7_200_001, 5]).length, 1)
})

test('a series whose number changes keeps its window', () => {
  const bench = makeBench({ methods: ['minmax'] })
  bench.take(['a', 0, 0], ['a', 1, 10])
  bench.store.rename(0, makeLabels({ __name__: 'm', id: 'another' }))
  assert.deepEqual(bench.take(['another', 2, 3]), ['m:1h_minmax{id="another"} 2 0'])
  assert.deepEqual(bench.take(['a', 2, 5]), ['m:1h_minmax{id="a"} 2 0.5'])
})

test('series have a limit', () => {
  const bench = makeBench()
  const rows = new SampleBatchBuilder()
  const labelsOf = (id: number): Labels => makeLabels({ __name__: 'm', id: String(id) })
  for (let id = 0; id < 10_005; id++) rows.add(id, 0, 1)
  let next = 20_000
  const out = { admit: () => next++, rows: new SampleBatchBuilder(), endTimeMs: 1e8 }
  bench.normalization.take(rows.batch, { seriesEpoch: 0, labelsOf }, out)
  assert.equal(out.rows.batch.count, 10_000)
  assert.equal(bench.normalization.takeCounts().refusedCount, 5)
  const refused = prepareShape.normalization.safeParse([{ match: 'm', window: '1s' }])
  assert.equal(refused.success, false)
})
