/** From pages to the store: native and converted histograms, their limits, exemplars, schemes of names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { makeLabels } from '../../model/labels.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { compileRelabel } from '../../prepare/prepare.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import { collectSettings } from '../settings.ts'
import { all, double, exemplar, family, nativeBuckets, zigzag } from '../testdata/metric-family.ts'
import { field, whole } from '../testdata/write-request.ts'
import { ScrapeLoop } from './loop.ts'
import type { PageFormat } from './page.ts'
import { RowPool } from './row-pool.ts'
import { makeScrapeJob, makeTarget, type Target } from './target.ts'

const startTimeMs = 1_700_000_000_000

function makeBench(format: PageFormat, job: Record<string, unknown>) {
  const clock = new VirtualClock(startTimeMs)
  const store = new MemoryStore({ clock })
  const drops = new DropLedger()
  const config = collectSettings.top.scrape_configs.parse([{ job_name: 'shop', ...job }])[0]!
  const scrapeJob = makeScrapeJob(
    config,
    { scrape_interval: 15_000, scrape_timeout: 10_000, external_labels: {}, body_size_limit: 0 },
    compileRelabel,
  )
  const outcome = makeTarget(scrapeJob, makeLabels({ __address__: 'host:80' }))
  const { target } = outcome as { target: Target }
  let page: Buffer = Buffer.alloc(0)
  const loop = new ScrapeLoop(scrapeJob, target, async () => ({ body: page, format }), {
    appender: store,
    clock,
    log: silentLog,
    drops,
    rowPool: new RowPool(),
    onHealth: () => undefined,
  })
  const everything = { startTimeMs: 0, endTimeMs: startTimeMs * 2 }
  return {
    loop,
    drops,
    scrape: async (next: Buffer | string) => {
      page = Buffer.from(next)
      await clock.advance(15_000)
      await loop.scrape(clock.nowTimeMs())
    },
    /** Each series of the metric: its samples as numbers, `stale`, or what `describe` makes of histograms. */
    read: async (metric: string) => {
      const rows: Record<string, (string | number)[]> = {}
      const matchers = [makeMatcher('__name__', '=', metric)]
      for (const found of await store.select({ matchers, ...everything })) {
        const bits = bitsOf(found.value)
        const shown: (string | number)[] = []
        for (let row = 0; row < found.count; row++) {
          const histogram = found.histogram?.[row]
          if (histogram !== undefined) {
            const { schema, count, sum, positive, customBounds } = histogram
            const bounds = customBounds.length > 0 ? ` ≤ ${customBounds}` : ''
            shown.push(`${schema}: ${count} ${sum} [${positive.index}] ${positive.count}${bounds}`)
          } else shown.push(isStaleAt(bits, row) ? 'stale' : found.value[row]!)
        }
        rows[found.labels.with('job', '').with('instance', '').toString()] = shown
      }
      return rows
    },
    exemplars: async (metric: string) => {
      const matcherSets = [[makeMatcher('__name__', '=', metric)]]
      const found = await store.selectExemplars!({ matcherSets, ...everything })
      return found.flatMap(({ labels, exemplars }) =>
        exemplars.map(
          (one) =>
            `${labels.get('__name__')} ${one.labels} ${one.value} ${one.timeMs - startTimeMs}`,
        ),
      )
    },
  }
}

function nativePage(count: number, buckets: number[]): Buffer {
  const deltas = buckets.map((value, index) => value - (index === 0 ? 0 : buckets[index - 1]!))
  return family(
    { name: 'took', type: 4 },
    field(
      7,
      all(
        whole(1, BigInt(count)),
        double(2, count / 2),
        zigzag(5, 2),
        double(6, 0.001),
        nativeBuckets({ span: 12, delta: 13 }, [[1, buckets.length]], deltas),
        field(3, all(whole(1, BigInt(count)), double(2, 1))),
        exemplar(16, { labels: { trace: 'x' }, value: 0.4, timeMs: startTimeMs + count }),
      ),
    ),
  )
}

test('native histograms and their exemplars reach the store, and end', async () => {
  const bench = makeBench('protobuf', { scrape_native_histograms: true })
  await bench.scrape(nativePage(3, [1, 2]))
  await bench.scrape(nativePage(6, [2, 4]))
  await bench.scrape('')
  assert.equal(bench.loop.state.lastError, '')
  const [samples] = Object.values(await bench.read('took'))
  assert.deepEqual(samples, ['2: 3 1.5 [1,2] 1,2', '2: 6 3 [1,2] 2,4', 'stale'])
  assert.deepEqual(await bench.read('took_count'), {})
  assert.deepEqual(await bench.exemplars('took'), [
    'took {trace="x"} 0.4 3',
    'took {trace="x"} 0.4 6',
  ])
})

test('without native histograms, or with classic ones too, the buckets are series', async () => {
  for (const [job, hasNative] of [
    [{ scrape_protocols: ['PrometheusProto'] }, false],
    [{ scrape_native_histograms: true, always_scrape_classic_histograms: true }, true],
  ] as const) {
    const bench = makeBench('protobuf', job)
    await bench.scrape(nativePage(3, [1, 2]))
    assert.equal(Object.keys(await bench.read('took')).length, hasNative ? 1 : 0)
    assert.deepEqual(await bench.read('took_bucket'), {
      'took_bucket{le="1.0"}': [3],
      'took_bucket{le="+Inf"}': [3],
    })
    assert.deepEqual(await bench.read('took_count'), { took_count: [3] })
  }
})

test('native histograms that are too fine or too many are made coarser, or fail the scrape', async () => {
  const coarse = makeBench('protobuf', {
    scrape_native_histograms: true,
    native_histogram_min_bucket_factor: 1.4,
  })
  await coarse.scrape(nativePage(10, [1, 2, 3, 4]))
  assert.deepEqual(Object.values(await coarse.read('took'))[0], ['1: 10 5 [1,2] 3,7'])
  const few = makeBench('protobuf', {
    scrape_native_histograms: true,
    native_histogram_bucket_limit: 1,
  })
  await few.scrape(nativePage(10, [1, 2, 3, 4]))
  assert.deepEqual(Object.values(await few.read('took'))[0], ['0: 10 5 [1] 10'])
  const wide = family(
    { name: 'took', type: 4 },
    field(
      7,
      all(
        whole(1, 2n),
        nativeBuckets({ span: 12, delta: 13 }, [[-900, 1]], [1]),
        nativeBuckets({ span: 12, delta: 13 }, [[1800, 1]], [0]),
      ),
    ),
  )
  await few.scrape(wide)
  assert.match(
    few.loop.state.lastError,
    /native_histogram_bucket_limit exceeded: 2 buckets of schema 0/,
  )
})

const classicPage = (counts: number[], sum: number): string =>
  `# TYPE took histogram
took_bucket{a="x",le="0.5"} ${counts[0]}
took_bucket{a="x",le="1"} ${counts[1]} # {t="1"} 0.8
took_bucket{a="x",le="+Inf"} ${counts[2]}
took_count{a="x"} ${counts[2]}
took_sum{a="x"} ${sum}
# TYPE other_count gauge
other_count 4
# EOF
`

test('classic histograms become ones with custom buckets', async () => {
  const bench = makeBench('openmetrics', { convert_classic_histograms_to_nhcb: true })
  await bench.scrape(classicPage([1, 1, 4], 9))
  await bench.scrape(classicPage([1, 3, 6], 11))
  await bench.scrape(classicPage([3, 1, 6], 11))
  await bench.scrape('# EOF\n')
  assert.equal(bench.loop.state.lastError, '')
  assert.deepEqual(await bench.read('took'), {
    'took{a="x"}': ['-53: 4 9 [0,2] 1,3 ≤ 0.5,1', '-53: 6 11 [0,1,2] 1,2,3 ≤ 0.5,1', 'stale'],
  })
  assert.deepEqual(await bench.read('took_bucket'), {})
  assert.deepEqual(await bench.read('took_count'), {})
  assert.deepEqual(await bench.read('other_count'), { other_count: [4, 4, 4, 'stale'] })
  assert.deepEqual(bench.drops.list(), [{ source: 'shop', reason: 'histogram-invalid', count: 1 }])
  assert.deepEqual((await bench.exemplars('took'))[0], 'took {t="1"} 0.8 15000')
})

test('converted ones stand beside the classic ones when those are kept, and are relabeled as themselves', async () => {
  const bench = makeBench('openmetrics', {
    convert_classic_histograms_to_nhcb: true,
    always_scrape_classic_histograms: true,
    metric_relabel_configs: [
      { source_labels: ['__name__'], regex: 'took', target_label: 'is', replacement: 'whole' },
    ],
  })
  await bench.scrape(classicPage([1, 1, 4], 9))
  await bench.scrape(classicPage([1, 1, 5], 9))
  assert.deepEqual(Object.keys(await bench.read('took')), ['took{a="x", is="whole"}'])
  assert.deepEqual(await bench.read('took_sum'), { 'took_sum{a="x"}': [9, 9] })
  assert.equal(Object.keys(await bench.read('took_bucket')).length, 3)
})

test('exemplars of OpenMetrics are kept, without a time at that of the scrape', async () => {
  const bench = makeBench('openmetrics', {})
  const page = (value: number): string =>
    `# TYPE orders counter\norders_total{a="x"} ${value} # {trace="t${value}"} 1\norders_total{a="y"} 1 # {} 3 1700000001.5\n# EOF\n`
  await bench.scrape(page(1))
  await bench.scrape(page(2))
  assert.deepEqual(await bench.exemplars('orders_total'), [
    'orders_total {trace="t1"} 1 15000',
    'orders_total {trace="t2"} 1 30000',
    'orders_total {} 3 1500',
  ])
})

test('under the legacy scheme other names fail the scrape', async () => {
  const page = '{"http.requests",code="200"} 1\n'
  const free = makeBench('text', {})
  await free.scrape(page)
  assert.equal(free.loop.state.health, 'up')
  const legacy = makeBench('text', { metric_name_validation_scheme: 'legacy' })
  await legacy.scrape(page)
  assert.match(
    legacy.loop.state.lastError,
    /^line 1: invalid metric name or label names: "http.requests"/,
  )
})
