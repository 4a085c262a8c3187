/** Aggregation of streams: names, every output, what counts to which interval, and its limits. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSeededRandom } from '../base/random.ts'
import { type Labels, makeLabels } from '../model/labels.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { Aggregation } from './aggregation.ts'
import { prepareShape } from './settings.ts'
import { SeriesNumbers } from './testdata/series-numbers.ts'

function makeBench(rule: object) {
  const store = new SeriesNumbers()
  const settings = prepareShape.stream_aggregation.parse([{ match: 'm', interval: '1m', ...rule }])
  const aggregation = new Aggregation(settings[0]!, makeSeededRandom(1))
  return {
    store,
    aggregation,
    /** `[labels, value or 'stale']`; gives what is left of the batch and how many rows were removed. */
    take: (...samples: [Record<string, string>, number | 'stale'][]) => {
      const rows = new SampleBatchBuilder()
      for (const [labels, value] of samples) {
        const id = store.seriesId(makeLabels({ __name__: 'm', ...labels }))
        if (value === 'stale') rows.addStale(id, rows.batch.count)
        else rows.add(id, rows.batch.count, value)
      }
      const removed = aggregation.take(rows.batch, store)
      return { removed, kept: [...rows.batch.value.subarray(0, rows.batch.count)] }
    },
    /** All rows of one time. */
    takeAt: (timeMs: number, ...samples: [Record<string, string>, number][]) => {
      const rows = new SampleBatchBuilder()
      for (const [labels, value] of samples) {
        rows.add(store.seriesId(makeLabels({ __name__: 'm', ...labels })), timeMs, value)
      }
      aggregation.take(rows.batch, store)
    },
    flush: (endTimeMs?: number) =>
      Object.fromEntries(
        aggregation
          .flush(endTimeMs)
          .map(({ labels, value }) => [labels.toString(), value ?? 'stale']),
      ),
  }
}

test('each output is a series whose name says how it came about', () => {
  const bench = makeBench({
    by: ['zone', 'job'],
    outputs: [
      'sum_samples',
      'avg',
      'count_samples',
      'count_series',
      'min',
      'max',
      'last',
      'quantiles(0, 0.5, 1)',
    ],
  })
  const kept = bench.take(
    [{ job: 'a', zone: 'z', id: '1' }, 4],
    [{ job: 'a', zone: 'z', id: '2' }, 8],
    [{ job: 'a', zone: 'z', id: '1' }, 3],
    [{ job: 'a', zone: 'z', id: '1' }, 'stale'],
    [{ job: 'a', zone: 'z', id: '1' }, Number.NaN],
    [{ __name__: 'other', job: 'a' }, 100],
    [{ job: 'b' }, 7],
  )
  assert.equal(kept.removed, 0)
  assert.equal(kept.kept.length, 7)
  const a = 'job="a", zone="z"}'
  const found = bench.flush()
  const b = Object.keys(found).filter((name) => name.includes('job="b"'))
  assert.equal(b.length, 10)
  for (const name of b) delete found[name]
  assert.deepEqual(found, {
    [`m:1m_by_job_zone_sum_samples{${a}`]: 15,
    [`m:1m_by_job_zone_avg{${a}`]: 5,
    [`m:1m_by_job_zone_count_samples{${a}`]: 3,
    [`m:1m_by_job_zone_count_series{${a}`]: 2,
    [`m:1m_by_job_zone_min{${a}`]: 3,
    [`m:1m_by_job_zone_max{${a}`]: 8,
    [`m:1m_by_job_zone_last{${a}`]: 3,
    [`m:1m_by_job_zone_quantiles{job="a", quantile="0", zone="z"}`]: 3,
    [`m:1m_by_job_zone_quantiles{job="a", quantile="0.5", zone="z"}`]: 4,
    [`m:1m_by_job_zone_quantiles{job="a", quantile="1", zone="z"}`]: 8,
  })
})

test('intervals begin empty, and a group that fell silent ends once', () => {
  const bench = makeBench({ outputs: ['sum_samples', 'count_series'], without: ['id'] })
  bench.take([{ id: '1' }, 1], [{ id: '2', job: 'b' }, 5])
  bench.flush()
  bench.take([{ id: '1' }, 2], [{ id: '3' }, 3])
  assert.deepEqual(bench.flush(), {
    'm:1m_without_id_sum_samples': 5,
    'm:1m_without_id_count_series': 2,
    'm:1m_without_id_sum_samples{job="b"}': 'stale',
    'm:1m_without_id_count_series{job="b"}': 'stale',
  })
  assert.equal(bench.aggregation.groupCount, 1)
  bench.take([{ id: '2', job: 'b' }, 7], [{ id: '1' }, 1])
  assert.deepEqual(bench.flush(), {
    'm:1m_without_id_sum_samples': 1,
    'm:1m_without_id_count_series': 1,
    'm:1m_without_id_sum_samples{job="b"}': 7,
    'm:1m_without_id_count_series{job="b"}': 1,
  })
})

test('without by and without each series has its own, and the input can be left out', () => {
  const bench = makeBench({ interval: '90s', outputs: ['last'], keep_input: false })
  const left = bench.take([{ id: '1' }, 1], [{ __name__: 'n' }, 9], [{ id: '2' }, 2])
  assert.deepEqual(left, { removed: 2, kept: [9] })
  assert.deepEqual(bench.flush(), { 'm:1m30s_last{id="1"}': 1, 'm:1m30s_last{id="2"}': 2 })
})

test('a quantile over many samples is near the truth', () => {
  const bench = makeBench({ by: ['job'], outputs: ['quantiles(0.9)'] })
  for (let index = 0; index < 20_000; index++) bench.take([{}, index % 1000])
  const value = Number(Object.values(bench.flush())[0])
  assert.ok(Math.abs(value - 900) < 40, `0.9 of 0..999 is ${value}`)
})

test('groups have a limit; series beyond it are counted and kept as they are', () => {
  const bench = makeBench({ by: ['id'], outputs: ['last'], keep_input: false })
  const rows = new SampleBatchBuilder()
  // Labels are made as they are asked for, so that a hundred thousand series cost no store.
  const labelsOf = (id: number): Labels => makeLabels({ __name__: 'm', id: String(id) })
  for (let id = 0; id < 100_010; id++) rows.add(id, 0, 1)
  const removed = bench.aggregation.take(rows.batch, { seriesEpoch: 0, labelsOf })
  assert.equal(removed, 100_000)
  assert.equal(rows.batch.count, 10)
  assert.equal(bench.aggregation.takeFullCount(), 10)
  assert.equal(bench.aggregation.takeFullCount(), 0)
})

test('outputs and labels that cannot be are refused', () => {
  const refuse = (rule: object, reason: RegExp): void => {
    const result = prepareShape.stream_aggregation.safeParse([
      { match: 'm', interval: '1m', outputs: ['last'], ...rule },
    ])
    assert.equal(result.success, false)
    assert.match(JSON.stringify(result.error?.issues), reason)
  }
  refuse({ outputs: ['median'] }, /is not an output; there are sum_samples/)
  refuse({ outputs: ['quantiles(1.5)'] }, /is not an output/)
  refuse({ outputs: ['quantiles(0.5,)'] }, /is not an output/)
  refuse({ outputs: [] }, /outputs/)
  refuse({ by: ['a'], without: ['b'] }, /exclude each other/)
  refuse({ interval: '10ms' }, /1s at least/)
})

test('counters are summed up over their resets, and rates are of each series', () => {
  const bench = makeBench({
    by: ['job'],
    outputs: ['total', 'increase', 'rate_sum', 'rate_avg', 'count_samples_total', 'stddev'],
    staleness_interval: '3m',
  })
  const of = (end: number): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(bench.flush(end * 60_000)).map(([name, value]) => [
        name.replace(/^m:1m_by_job_|\{.*$/g, ''),
        value,
      ]),
    )
  bench.takeAt(10_000, [{ job: 'a', id: '1' }, 100], [{ job: 'a', id: '2' }, 5])
  // The first values say nothing about growth.
  assert.deepEqual(of(1), { total: 0, increase: 0, count_samples_total: 2, stddev: 47.5 })
  bench.takeAt(70_000, [{ job: 'a', id: '1' }, 130])
  bench.takeAt(80_000, [{ job: 'a', id: '2' }, 2])
  bench.takeAt(100_000, [{ job: 'a', id: '1' }, 190])
  const second = of(2)
  assert.equal(second['total'], 92)
  assert.equal(second['increase'], 92)
  assert.equal(second['rate_sum'], 90 / 90 + 2 / 70)
  assert.equal(second['rate_avg'], (90 / 90 + 2 / 70) / 2)
  assert.equal(second['count_samples_total'], 5)
  // Silence: running totals stay for three minutes, the rest ends.
  assert.deepEqual(of(3), {
    total: 92,
    increase: 'stale',
    rate_sum: 'stale',
    rate_avg: 'stale',
    count_samples_total: 5,
    stddev: 'stale',
  })
  bench.takeAt(190_000, [{ job: 'a', id: '1' }, 200])
  assert.equal(of(4)['total'], 102)
  of(5)
  assert.deepEqual(of(6), { total: 102, count_samples_total: 6 })
  assert.deepEqual(of(7), { total: 'stale', count_samples_total: 'stale' })
  assert.equal(bench.aggregation.groupCount, 0)
})

test('late samples are left out where that is asked for, and different values are counted', () => {
  const bench = makeBench({
    by: ['job'],
    outputs: ['unique_samples', 'stdvar'],
    ignore_old_samples: true,
  })
  bench.takeAt(10_000, [{ id: '1' }, 2], [{ id: '2' }, 2], [{ id: '3' }, 5])
  assert.deepEqual(bench.flush(60_000), {
    'm:1m_by_job_unique_samples': 2,
    'm:1m_by_job_stdvar': 2,
  })
  bench.takeAt(59_999, [{ id: '1' }, 7])
  bench.takeAt(60_000, [{ id: '1' }, 8])
  assert.deepEqual(bench.flush(120_000), {
    'm:1m_by_job_unique_samples': 1,
    'm:1m_by_job_stdvar': 0,
  })
  assert.equal(bench.aggregation.takeLateCount(), 1)
  assert.equal(bench.aggregation.takeLateCount(), 0)
})

test('a number that the store gave to another series begins a counter anew', () => {
  const bench = makeBench({ by: ['job'], outputs: ['increase'] })
  bench.takeAt(10_000, [{ id: '1' }, 100])
  bench.store.rename(0, makeLabels({ __name__: 'm', id: 'another' }))
  bench.takeAt(20_000, [{ id: 'another' }, 150])
  assert.deepEqual(bench.flush(), { 'm:1m_by_job_increase': 0 })
})
