/** Series that are used up one by one give, to the last bit, what series that are held together give. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodedError } from '../../base/error.ts'
import type { Selection, SeriesColumns, SeriesVisitor } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import { makeLabels } from '../../model/labels.ts'
import { visitAll } from '../../model/visit-all.ts'
import type { QueryAnswer } from '../query.ts'
import { ScriptStore } from '../script/script-store.ts'
import { makeTestEngine } from '../testdata/engine.ts'

const heat: Histogram = {
  ...{ schema: 1, count: 5, sum: 20, zeroThreshold: 0, zeroCount: 0 },
  positive: { index: [0, 1, 2, 3], count: [1, 2, 1, 1] },
  negative: { index: [], count: [] },
  customBounds: [],
  resetHint: 'unknown',
}

/** Counters with resets, gaps, stale markers and uneven times; gauges; histograms beside floats. */
function fill(store: ScriptStore): void {
  let state = 11
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) / 2 ** 24
  }
  for (let host = 0; host < 12; host++) {
    const labels = (name: string) =>
      makeLabels({ __name__: name, host: `h${host}`, zone: `z${host % 3}` })
    let counter = host % 4 === 0 ? 0 : random() * 1e6
    for (let row = 0; row < 240; row++) {
      const timeMs = row * 15_000 + host * 1_000 + (host % 2 === 0 ? 0 : Math.round(random() * 900))
      counter = random() < 0.01 ? random() : counter + Math.round(random() * 1_000) / 100
      if (random() < 0.02) continue
      const isStale = host === 5 && row % 50 === 49
      store.add(labels('work_total'), timeMs, isStale ? 'stale' : counter)
      store.add(labels('level'), timeMs, random() < 0.01 ? Number.NaN : random() - 0.5)
      if (host > 8) store.add(labels('mixed'), timeMs, random() < 0.5 ? heat : counter)
      store.add(labels('even_total'), (row + host) * 15_000 + host, row * 1.1)
      store.add(labels('heat'), timeMs, { ...heat, count: 5 + row, sum: 20 + row })
    }
  }
}

const expressions = [
  'work_total',
  'level > 0',
  'sum by (zone) (rate(work_total[5m]))',
  'sum without (host) (increase(work_total[90s]))',
  'avg(rate(work_total[1m])) / max(rate(work_total[10m]))',
  'stddev by (zone) (level)',
  'min by (host, zone) (delta(level[3m]))',
  'count(level) + group(level)',
  'topk(2, irate(work_total[2m]))',
  'quantile by (zone) (0.9, avg_over_time(level[4m]))',
  'max_over_time(sum by (zone) (rate(work_total[2m]))[10m:1m])',
  'sum(rate((work_total[5m] offset 3m)))',
  'sum(rate(work_total[5m] @ end())) + sum(rate(work_total[5m]))',
  'sum(timestamp((level)))',
  'absent(nothing) + absent_over_time(nothing[5m])',
  'sum(mixed)',
  'sum by (zone) (rate(even_total[2m]))',
  'avg(increase(even_total[100s]))',
  'sum(max_over_time(even_total[7m]))',
  'count_over_time(even_total[45s])',
  'sum by (zone) (rate(mixed[2m]))',
  'count by (zone) (mixed)',
  'histogram_count(sum by (zone) (rate(heat[2m])))',
  'quantile_over_time(0.5, level[5m])',
  'sum(rate(level[5m]))',
]

/** What is compared of an answer; bits, since NaN and 0 have several. */
function shown({ value, warnings, infos, stats }: QueryAnswer): unknown {
  if (value.type !== 'matrix') throw new Error('no matrix')
  const series = value.series.map(({ labels, count, timeMs, value: column, histogram }) => [
    labels.key,
    [...timeMs.subarray(0, count)],
    [...new BigUint64Array(column.slice(0, count).buffer)].map(String),
    histogram,
  ])
  return { series, warnings, infos, seriesCount: stats.seriesCount }
}

test('what is used up as it comes has the bits of what was held', async () => {
  const querier = new VisitedStore()
  const { engine } = makeTestEngine({ querier })
  fill(querier)
  for (const [index, expression] of expressions.entries()) {
    const startTimeMs = index % 2 === 0 ? 600_000 : -70_000
    const query = { expression, startTimeMs, endTimeMs: 3_700_000, stepMs: 30_000 }
    // An explained query holds what it reads, to measure each node.
    const { answer: held } = await engine.explain(query)
    assert.deepEqual(shown(await engine.range(query)), shown(held), expression)
  }
})

/** Hands over series one by one with all that is true of them, but no more than a limit at once. */
class VisitedStore extends ScriptStore {
  readonly counts: number[] = []

  async visit(selection: Selection, visitor: SeriesVisitor): Promise<void> {
    const answer = await this.select(selection)
    const count = answer.reduce((sum, one) => sum + one.count, 0)
    this.counts.push(count)
    if (count > selection.sampleCountMax!) throw new CodedError({ ...tooMany, facts: {} })
    await visitAll(answer.map(withFacts), visitor)
  }
}

const tooMany = {
  ...{ code: 'STORE_TOO_MANY_SAMPLES', message: 'too many', hint: 'fewer' },
  ...{ kind: 'user' as const, status: 422, canRetry: false },
}

function withFacts(series: SeriesColumns): SeriesColumns {
  const { timeMs, value, histogram } = series
  if (histogram !== undefined) return series
  const distances = new Set(timeMs.subarray(1).map((time, row) => time - timeMs[row]!))
  return {
    ...series,
    isEachNumber: !value.includes(Number.NaN),
    isRising: value.every((one, row) => row === 0 || one >= value[row - 1]!),
    evenMs: distances.size === 1 ? [...distances][0] : undefined,
  }
}

test('a slice of too many samples is asked for again in smaller ones, since none are held', async () => {
  const querier = new VisitedStore()
  const { engine } = makeTestEngine({ querier, settings: { sample_count_max: 2_000 } })
  const labels = makeLabels({ __name__: 'a_total' })
  for (let row = 0; row < 5_760; row++) querier.add(labels, row * 15_000, row)
  const query = { startTimeMs: 300_000, endTimeMs: 86_000_000, stepMs: 300_000 }
  const { value } = await engine.range({ ...query, expression: 'sum(rate(a_total[5m]))' })
  assert.equal(value.type, 'matrix')
  const [series] = value.type === 'matrix' ? value.series : []
  assert.equal(series?.count, 286)
  assert.ok(series!.value.every((one) => Math.abs(one - 1 / 15) < 1e-12))
  assert.ok(querier.counts[0]! > 5_000, 'a day at first')
  assert.ok(querier.counts.slice(1).every((count) => count <= 2_000))
})

test('steps beyond what may be held are refused before there is room for them', async () => {
  const querier = new VisitedStore()
  const { engine } = makeTestEngine({ querier, settings: {} })
  for (let host = 0; host < 3; host++)
    querier.add(makeLabels({ __name__: 'a', host: `h${host}` }), 1_000, host)
  for (const inner of ['a', 'sum(a)', 'rate(a[5m])', 'sum(rate(a[5m]))'])
    await assert.rejects(
      engine.instant({ timeMs: 2_000, expression: `max_over_time((${inner})[100y:1ms])` }),
      { code: 'QUERY_TOO_MANY_SAMPLES' },
      inner,
    )
})
