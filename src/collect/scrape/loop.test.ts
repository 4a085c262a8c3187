/** A scrape loop: rows, report series, stale markers, labels, limits, metadata, rhythm. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { labelsFromPairs, makeLabels } from '../../model/labels.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { compileRelabel } from '../../prepare/prepare.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { collectSettings } from '../settings.ts'
import { ScrapeLoop } from './loop.ts'
import { mergeTargetLabels } from './series-labels.ts'
import { bodySizeLimit } from './page.ts'
import { RowPool } from './row-pool.ts'
import { makeScrapeJob, makeTarget } from './target.ts'

const startTimeMs = 1_700_000_000_000

interface Bench {
  clock: VirtualClock
  store: MemoryStore
  loop: ScrapeLoop
  scrape(page: string | Error): Promise<void>
  /** `seconds after start: value`, stale as `stale`, of each series of the metric. */
  read(metric: string): Promise<Record<string, string>>
}

function makeBench(
  job: Record<string, unknown> = {},
  format: 'text' | 'openmetrics' = 'text',
): Bench {
  const clock = new VirtualClock(startTimeMs)
  const store = new MemoryStore({ clock })
  const config = collectSettings.top.scrape_configs.parse([
    { job_name: 'shop', scrape_interval: '15s', ...job },
  ])[0]!
  const scrapeJob = makeScrapeJob(
    config,
    { scrape_interval: 60_000, scrape_timeout: 10_000, external_labels: {}, body_size_limit: 0 },
    compileRelabel,
  )
  const outcome = makeTarget(scrapeJob, makeLabels({ __address__: 'host:80', zone: 'a' }))
  assert.equal(outcome.kind, 'target')
  let page: string | Error = ''
  const loop = new ScrapeLoop(
    scrapeJob,
    (outcome as { target: ConstructorParameters<typeof ScrapeLoop>[1] }).target,
    async () => {
      if (page instanceof Error) throw page
      return { body: Buffer.from(page), format }
    },
    {
      appender: store,
      clock,
      log: silentLog,
      drops: new DropLedger(),
      rowPool: new RowPool(),
      onHealth: () => undefined,
    },
  )
  return {
    clock,
    store,
    loop,
    scrape: async (next) => {
      page = next
      await clock.advance(15_000)
      await loop.scrape(clock.nowTimeMs())
    },
    read: async (metric) => {
      const found = await store.select({
        matchers: [makeMatcher('__name__', '=', metric)],
        startTimeMs: 0,
        endTimeMs: startTimeMs * 2,
      })
      const rows: Record<string, string> = {}
      for (const { labels, count, timeMs, value } of found) {
        const bits = bitsOf(value)
        const shown: string[] = []
        for (let index = 0; index < count; index++) {
          const seconds = (timeMs[index]! - startTimeMs) / 1000
          shown.push(`${seconds}:${isStaleAt(bits, index) ? 'stale' : value[index]}`)
        }
        rows[labels.toString()] = shown.join(' ')
      }
      return rows
    },
  }
}

test('a scrape writes the samples and says how it went', async () => {
  const bench = makeBench()
  await bench.scrape('# TYPE a counter\na{x="1"} 1\na{x="2"} 2\n')
  await bench.scrape('# TYPE a counter\na{x="1"} 3\na{x="2"} 4\nb 5\n')
  const own = 'instance="host:80", job="shop", zone="a"'
  const inner = own.replace('zone', 'x="1", zone')
  assert.deepEqual(await bench.read('a'), {
    [`a{${inner}}`]: '15:1 30:3',
    [`a{${inner.replace('"1"', '"2"')}}`]: '15:2 30:4',
  })
  assert.deepEqual(await bench.read('up'), { [`up{${own}}`]: '15:1 30:1' })
  assert.deepEqual(await bench.read('scrape_samples_scraped'), {
    [`scrape_samples_scraped{${own}}`]: '15:2 30:3',
  })
  assert.deepEqual(await bench.read('scrape_series_added'), {
    [`scrape_series_added{${own}}`]: '15:2 30:1',
  })
  assert.equal(bench.store.metadata('a').get('a')?.type, 'counter')
})

test('series that vanish, failed scrapes and targets that leave end in stale markers', async () => {
  const bench = makeBench()
  const seriesOf = async (metric: string): Promise<string[]> =>
    Object.values(await bench.read(metric))
  await bench.scrape('a 1\nb 1\n')
  await bench.scrape('a 2\n')
  await bench.scrape(new Error('refused'))
  await bench.scrape('a 4\n')
  await bench.scrape('a 5\nb{\n')
  await bench.scrape('b 6\na 6\n')
  await bench.clock.advance(5000)
  await bench.loop.stop(true)
  assert.deepEqual(await seriesOf('a'), ['15:1 30:2 45:stale 60:4 75:stale 90:6 95:stale'])
  assert.deepEqual(await seriesOf('b'), ['15:1 30:stale 90:6 95:stale'])
  assert.deepEqual(await seriesOf('up'), ['15:1 30:1 45:0 60:1 75:0 90:1 95:stale'])
  assert.deepEqual(await seriesOf('scrape_series_added'), [
    '15:2 30:0 45:0 60:0 75:0 90:0 95:stale',
  ])
})

test('a series written in two ways lives as long as one of them is there', async () => {
  const bench = makeBench()
  await bench.scrape('a{x="1",y="2"} 1\n')
  await bench.scrape('a{y="2",x="1"} 2\n')
  assert.deepEqual(Object.values(await bench.read('a')), ['15:1 30:2'])
})

test('timestamps of the page are kept, ignored, and end series only on request', async () => {
  const kept = makeBench()
  await kept.scrape(`a 1 ${startTimeMs + 1000}\n`)
  await kept.scrape('b 1\n')
  assert.deepEqual(Object.values(await kept.read('a')), ['1:1'])
  const ignored = makeBench({ honor_timestamps: false })
  await ignored.scrape(`a 1 ${startTimeMs + 1000}\n`)
  await ignored.scrape('b 1\n')
  assert.deepEqual(Object.values(await ignored.read('a')), ['15:1 30:stale'])
  const tracked = makeBench({ track_timestamps_staleness: true })
  await tracked.scrape(`a 1 ${startTimeMs + 1000}\n`)
  await tracked.scrape('b 1\n')
  assert.deepEqual(Object.values(await tracked.read('a')), ['1:1 30:stale'])
})

test('clashing labels are renamed, or kept when they are honoured', () => {
  const merge = (scraped: Record<string, string>, isHonored: boolean): string =>
    mergeTargetLabels(
      makeLabels(scraped),
      makeLabels({ job: 't', instance: 'i' }),
      isHonored,
    ).toString()
  assert.equal(
    merge({ __name__: 'm', job: 's' }, false),
    'm{exported_job="s", instance="i", job="t"}',
  )
  assert.equal(
    merge({ __name__: 'm', job: 's', exported_job: 'e' }, false),
    'm{exported_exported_job="s", exported_job="e", instance="i", job="t"}',
  )
  assert.equal(merge({ __name__: 'm', job: 's' }, true), 'm{instance="i", job="s"}')
  assert.equal(
    mergeTargetLabels(labelsFromPairs(['__proto__', 'x']), makeLabels({ job: 't' }), false).get(
      '__proto__',
    ),
    'x',
  )
})

test('le and quantile get their float form', async () => {
  const bench = makeBench()
  await bench.scrape('h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\ns{quantile="1"} 1\ng{le="1"} 1\n')
  assert.match(Object.keys(await bench.read('h_bucket')).join(), /le="1.0".*le="\+Inf"/)
  assert.match(Object.keys(await bench.read('s')).join(), /quantile="1.0"/)
  assert.match(Object.keys(await bench.read('g')).join(), /le="1"/)
})

test('metric relabeling drops and rewrites, and limits fail the whole scrape', async () => {
  const bench = makeBench({
    metric_relabel_configs: [
      { source_labels: ['__name__'], regex: 'noise_.*', action: 'drop' },
      { regex: 'zone', action: 'labeldrop' },
    ],
    sample_limit: 2,
  })
  await bench.scrape('a 1\nnoise_1 1\nnoise_2 1\nb 1\n')
  assert.deepEqual(await bench.read('a'), { 'a{instance="host:80", job="shop"}': '15:1' })
  assert.deepEqual(await bench.read('noise_1'), {})
  assert.deepEqual(Object.values(await bench.read('scrape_samples_scraped')), ['15:4'])
  assert.deepEqual(Object.values(await bench.read('scrape_samples_post_metric_relabeling')), [
    '15:2',
  ])
  await bench.scrape('a 1\nb 1\nc 1\n')
  assert.match(bench.loop.state.lastError, /sample_limit exceeded: 3, limit 2/)
  assert.deepEqual(Object.values(await bench.read('a')), ['15:1 30:stale'])
  const labels = makeBench({ label_limit: 4 })
  await labels.scrape('a{b="1"} 1\n')
  assert.match(labels.loop.state.lastError, /label_limit exceeded: 5, limit 4/)
  const value = makeBench({ label_value_length_limit: 10 })
  await value.scrape(`a{b="${'x'.repeat(11)}"} 1\n`)
  assert.match(value.loop.state.lastError, /label_value_length_limit exceeded/)
  const huge = makeBench()
  await huge.scrape(`a{b="${'x'.repeat(1_000_000)}"} 1\n`)
  assert.match(huge.loop.state.lastError, /line 1: the value of label "b" has 1000000 bytes/)
})

test('more series about the scrape are written on request', async () => {
  const bench = makeBench({ extra_scrape_metrics: true, sample_limit: 5, scrape_timeout: '4s' })
  const rows = async (metric: string) => Object.values(await bench.read(metric))
  await bench.scrape('a 1\n')
  await bench.scrape(new Error('refused'))
  await bench.scrape(
    collectErrors.SCRAPE_LIMIT_EXCEEDED({ limit: bodySizeLimit, max: 1, got: 'a larger page' }),
  )
  assert.deepEqual(await rows('scrape_timeout_seconds'), ['15:4 30:4 45:4'])
  assert.deepEqual(await rows('scrape_sample_limit'), ['15:5 30:5 45:5'])
  assert.deepEqual(await rows('scrape_body_size_bytes'), ['15:4 30:0 45:-1'])
  const plain = makeBench()
  await plain.scrape('a 1\n')
  assert.deepEqual(await plain.read('scrape_timeout_seconds'), {})
})

test('metadata that changes and comes back is told to the store again', async () => {
  const bench = makeBench()
  const typeOf = (): string | undefined => bench.store.metadata('a').get('a')?.type
  await bench.scrape('# TYPE a counter\n# HELP a one\na 1\n')
  await bench.scrape('# TYPE a gauge\n# HELP a one\na 1\n')
  assert.equal(typeOf(), 'gauge')
  await bench.scrape('# TYPE a counter\n# HELP a one\na 1\n')
  assert.equal(typeOf(), 'counter')
  assert.equal(bench.store.metadata('a').get('a')?.help, 'one')
})

test('a target whose series change at every scrape does not grow its table without end', async () => {
  const bench = makeBench()
  for (let turn = 0; turn < 12; turn++) {
    let page = 'steady 1\n'
    for (let index = 0; index < 1000; index++) page += `churn{t="${turn}",i="${index}"} 1\n`
    await bench.scrape(page)
  }
  const churned = Object.values(await bench.read('churn'))
  assert.equal(churned.length, 12_000)
  assert.equal(churned.filter((row) => row.endsWith('stale')).length, 11_000)
  assert.equal(Object.values(await bench.read('steady'))[0]?.split(' ').length, 12)
  assert.deepEqual(
    new Set(
      Object.values(await bench.read('scrape_series_added'))[0]
        ?.split(' ')
        .map((row) => row.split(':')[1]),
    ),
    new Set(['1001', '1000']),
  )
})

test('turns stand on a grid and do not drift', async () => {
  const bench = makeBench()
  const times: number[] = []
  const { scrape } = bench.loop
  bench.loop.scrape = async (plannedTimeMs: number) => {
    times.push(plannedTimeMs)
    await scrape.call(bench.loop, plannedTimeMs)
    // A slow target: the turn takes 7 s of the 15.
    await bench.clock.sleep(7000)
  }
  bench.loop.start()
  await bench.clock.advance(10 * 15_000)
  await bench.loop.stop(false)
  assert.equal(times.length, 10)
  const offsetMs = Math.floor(bench.loop.target.offsetRatio * 15_000)
  for (const timeMs of times) assert.equal((timeMs - offsetMs) % 15_000, 0)
})
