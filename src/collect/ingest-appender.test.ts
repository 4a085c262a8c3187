/** Before the store: values are mended, streams aggregated on a grid, and what is left out is counted. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import type { Histogram } from '../model/histogram.ts'
import { makeLabels } from '../model/labels.ts'
import { makeMatcher } from '../model/matcher.ts'
import { bitsOf, isStaleAt, SampleBatchBuilder } from '../model/sample.ts'
import { MemoryStore } from '../store/store.ts'
import { DropLedger } from './drops.ts'
import { IngestAppender } from './ingest-appender.ts'
import { collectSettings } from './settings.ts'

const startTimeMs = 1_700_000_000_000 - (1_700_000_000_000 % 60_000)

function settingsOf(written: {
  value_rules?: object[]
  unit_rules?: object[]
  stream_aggregation?: object[]
  normalization?: object[]
}) {
  const { value_rules, unit_rules, stream_aggregation, normalization } = collectSettings.top
  return {
    value_rules: value_rules.parse(written.value_rules),
    unit_rules: unit_rules.parse(written.unit_rules),
    stream_aggregation: stream_aggregation.parse(written.stream_aggregation),
    normalization: normalization.parse(written.normalization),
  }
}

function makeBench(written: Parameters<typeof settingsOf>[0], limit = 0) {
  const clock = new VirtualClock(startTimeMs)
  const store = new MemoryStore({ clock })
  const drops = new DropLedger()
  const limits = { default: limit, bySource: new Map<string, number>() }
  const appender = new IngestAppender({
    store,
    limits,
    settings: settingsOf(written),
    clock,
    log: silentLog,
    drops,
  })
  appender.start()
  return {
    clock,
    appender,
    limits,
    drops: () => drops.list().map(({ source, reason, count }) => `${source} ${reason} ${count}`),
    append: (samples: Record<string, number>) => {
      const rows = new SampleBatchBuilder()
      for (const [id, value] of Object.entries(samples)) {
        rows.add(appender.seriesId(makeLabels({ __name__: 'm', id })), clock.nowTimeMs(), value)
      }
      return appender.append(rows.batch)
    },
    read: async (): Promise<Record<string, string>> => {
      const found = await store.select({
        matchers: [makeMatcher('__name__', '=~', '.+')],
        startTimeMs: 0,
        endTimeMs: startTimeMs * 2,
      })
      const rows: Record<string, string> = {}
      for (const { labels, count, timeMs, value } of found) {
        const bits = bitsOf(value)
        const shown: string[] = []
        for (let row = 0; row < count; row++) {
          const seconds = (timeMs[row]! - startTimeMs) / 1000
          shown.push(`${seconds}:${isStaleAt(bits, row) ? 'stale' : value[row]}`)
        }
        rows[labels.toString()] = shown.join(' ')
      }
      return rows
    },
  }
}

test('results stand at the ends of intervals, and silent groups end', async () => {
  const bench = makeBench({
    stream_aggregation: [
      { match: 'm', interval: '1m', without: ['id'], outputs: ['sum_samples'], keep_input: false },
    ],
  })
  await bench.clock.advance(10_000)
  assert.equal((await bench.append({ a: 1, b: 2 })).accepted, 0)
  await bench.clock.advance(30_000)
  await bench.append({ a: 4 })
  await bench.clock.advance(30_000)
  await bench.append({ a: 8 })
  await bench.clock.advance(120_000)
  assert.deepEqual(await bench.read(), {
    'm:1m_without_id_sum_samples': '60:7 120:8 180:stale',
  })
  assert.deepEqual(bench.drops(), ['m aggregated 4'])
})

test('values are mended before they are aggregated and kept', async () => {
  const bench = makeBench({
    value_rules: [
      { match: 'm{id="a"}', max: 10, action: 'clamp' },
      { match: 'm', min: 0 },
    ],
    stream_aggregation: [{ match: 'm', interval: '1m', without: ['id'], outputs: ['sum_samples'] }],
  })
  await bench.append({ a: 800, b: -5, c: 3 })
  await bench.clock.advance(60_000)
  assert.deepEqual(await bench.read(), {
    'm{id="a"}': '0:10',
    'm{id="c"}': '0:3',
    'm:1m_without_id_sum_samples': '60:13',
  })
  assert.deepEqual(bench.drops(), ['m below-min 1'])
})

test('a reload begins anew what changed, and leaves alone what did not', async () => {
  const rule = { match: 'm', interval: '1m', without: ['id'], outputs: ['sum_samples'] }
  const bench = makeBench({ stream_aggregation: [rule] })
  await bench.append({ a: 1 })
  bench.appender.reload(
    bench.limits,
    settingsOf({ stream_aggregation: [rule], value_rules: [{ match: 'm', max: 5 }] }),
  )
  await bench.clock.advance(1000)
  await bench.append({ a: 2, b: 100 })
  await bench.clock.advance(59_000)
  bench.appender.reload(
    bench.limits,
    settingsOf({ stream_aggregation: [{ ...rule, outputs: ['max'] }] }),
  )
  await bench.append({ a: 7 })
  await bench.clock.advance(60_000)
  bench.appender.stop()
  await bench.append({ a: 9 })
  await bench.clock.advance(60_000)
  const found = await bench.read()
  assert.equal(found['m:1m_without_id_sum_samples'], '60:3')
  assert.equal(found['m:1m_without_id_max'], '120:7')
})

test('series of an aggregation have the limit of a source', async () => {
  const bench = makeBench(
    { stream_aggregation: [{ match: 'm', interval: '1m', by: ['id'], outputs: ['last'] }] },
    2,
  )
  await bench.append({ a: 1, b: 2, c: 3 })
  await bench.clock.advance(60_000)
  assert.equal(Object.keys(await bench.read()).filter((name) => name.startsWith('m:')).length, 2)
  assert.deepEqual(bench.drops(), ['m series-limit 1'])
  assert.equal(bench.appender.refusals()[0]?.source, 'stream-aggregation')
})

test('a series in another unit is kept in the base unit, beside one that came in it', async () => {
  const bench = makeBench({
    unit_rules: [{ from: 'milliseconds' }],
    value_rules: [{ match: 'wait_seconds', max: 60 }],
  })
  const { appender, clock } = bench
  const take = async (name: string, values: (number | 'stale' | Histogram)[]): Promise<void> => {
    const rows = new SampleBatchBuilder()
    for (const [index, value] of values.entries()) {
      const id = appender.admit('app', makeLabels({ __name__: name, n: String(index) }))!
      assert.equal(appender.labelsOf(id).get('__name__'), name.replace(/_ms/, '_seconds'))
      if (value === 'stale') rows.addStale(id, clock.nowTimeMs())
      else if (typeof value === 'number') rows.add(id, clock.nowTimeMs(), value)
      else rows.addHistogram(id, clock.nowTimeMs(), value)
    }
    await appender.append(rows.batch)
  }
  const histogram = {
    schema: -53,
    count: 1,
    sum: 1500,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { index: [0], count: [1] },
    negative: { index: [], count: [] },
    customBounds: [2000],
    resetHint: 'unknown',
  } as const
  const before = appender.seriesEpoch
  await take('wait_ms', [250, 90_000_000, 'stale'])
  await take('size_ms', [histogram, { ...histogram, schema: 2, customBounds: [] }])
  await clock.advance(1000)
  await take('wait_seconds', [7])
  await clock.advance(1000)
  await take('wait_ms', [500])
  const found = await bench.read()
  assert.equal(found['wait_seconds{n="0"}'], '0:0.25 1:7 2:0.5')
  assert.equal(found['wait_seconds{n="1"}'], undefined)
  assert.equal(found['wait_seconds{n="2"}'], '0:stale')
  assert.equal(found['wait_ms{n="0"}'], undefined)
  assert.deepEqual(bench.drops(), [
    'wait_seconds above-max 1',
    'unit_rules histogram-has-no-unit 1',
  ])
  assert.equal(appender.seriesEpoch, before)
  bench.appender.reload(bench.limits, settingsOf({}))
  assert.notEqual(appender.seriesEpoch, before)
  await clock.advance(1000)
  const rows = new SampleBatchBuilder()
  rows.add(appender.admit('app', makeLabels({ __name__: 'wait_ms' }))!, clock.nowTimeMs(), 3)
  await appender.append(rows.batch)
  assert.equal((await bench.read())['wait_ms'], '3:3')
})

test('normalized series are written beside those they are made of', async () => {
  const bench = makeBench({
    normalization: [{ match: '{id="a"}', window: '1h', methods: ['minmax'] }],
  })
  await bench.append({ a: 10, b: 3 })
  await bench.clock.advance(1000)
  await bench.append({ a: 30 })
  await bench.clock.advance(1000)
  await bench.append({ a: 15 })
  bench.appender.reload(bench.limits, settingsOf({}))
  await bench.clock.advance(1000)
  await bench.append({ a: 20 })
  const found = await bench.read()
  assert.equal(found['m:1h_minmax{id="a"}'], '0:0 1:1 2:0.25')
  assert.equal(found['m{id="a"}'], '0:10 1:30 2:15 3:20')
  assert.equal(Object.keys(found).length, 3)
})
