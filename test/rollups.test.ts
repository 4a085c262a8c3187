/** Long queries over days that have rollups answer to the last bit as over all samples, and read far fewer. */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { z } from '../src/config/schema.ts'
import type { Querier, Selection } from '../src/model/flow.ts'
import { makeLabels } from '../src/model/labels.ts'
import { SampleBatchBuilder } from '../src/model/sample.ts'
import { QueryEngine, querySettings } from '../src/query/query.ts'
import { Store, type StoreSettings, storeSettings } from '../src/store/store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-rollups-'))
after(() => rmSync(root, { recursive: true, force: true }))

const dayMs = 86_400_000
const startTimeMs = 19_675 * dayMs
const stepMs = 15_000
const dayCount = 4

/** What a series is at a step; `undefined` where it has no sample. */
const kinds: Record<string, (step: number) => number | 'stale' | undefined> = {
  requests_total: (step) => ((step * 37) % 20_000) * 1.1,
  seldom_total: (step) => (step % 4 === 1 ? Math.floor(step / 400) : undefined),
  heat: (step) => Math.round(Math.sin(step / 50) * 1_000 + (step % 13)) / 10,
  broken: (step) => {
    const phase = step % 1_000
    return phase < 600 ? step : phase === 600 ? 'stale' : undefined
  },
}

const functions = [
  ...['rate', 'increase', 'delta', 'min_over_time', 'max_over_time', 'first_over_time'],
  ...['last_over_time', 'count_over_time', 'present_over_time', 'avg_over_time', 'irate'],
]

async function load(store: Store): Promise<void> {
  const stepsPerDay = dayMs / stepMs
  for (let day = 0; day < dayCount; day++) {
    for (const [name, valueAt] of Object.entries(kinds)) {
      const id = store.seriesId(makeLabels({ __name__: name, job: 'shop' }))
      const builder = new SampleBatchBuilder(stepsPerDay)
      for (let step = day * stepsPerDay; step < (day + 1) * stepsPerDay; step++) {
        const timeMs = startTimeMs + step * stepMs + (step % 3)
        const value = valueAt(step)
        if (value === 'stale') builder.addStale(id, timeMs)
        else if (value !== undefined) builder.add(id, timeMs, value)
      }
      const { rejected } = await store.append(builder.batch)
      assert.equal(rejected, 0)
    }
  }
}

test('queries over whole buckets are answered from rollups as from all samples', async () => {
  const clock = new VirtualClock(startTimeMs + dayCount * dayMs)
  const settings = z.object(storeSettings.top).parse({}) as StoreSettings
  const dataDir = join(root, 'data')
  const store = await Store.open({ dataDir, settings, clock, log: silentLog })
  try {
    await load(store)
    await store.flush()
    await clock.advance(31_000)
    // Flushing waits for what the turn of the household began.
    await store.flush()
    assert.ok(existsSync(join(dataDir, 'rolled.json')))
    const rolled = JSON.parse(readFileSync(join(dataDir, 'rolled.json'), 'utf8')) as unknown[]
    assert.equal(rolled.length, 2, 'days that are over for two days')

    let readCount = 0
    const makeEngine = (change: (selection: Selection) => Selection): QueryEngine => {
      const querier: Querier = {
        select: async (selection) => {
          const found = await store.select(change(selection))
          for (const { count } of found) readCount += count
          return found
        },
        selectRecent: () => undefined,
        series: (selection) => store.series(selection),
        labelNames: (selection) => store.labelNames(selection),
        labelValues: (name, selection) => store.labelValues(name, selection),
        metadata: (metric) => store.metadata(metric),
      }
      const parsed = z.object(querySettings.top).parse({})
      return new QueryEngine({
        querier,
        logs: store,
        settings: parsed as never,
        clock,
        log: silentLog,
      })
    }
    const rolledEngine = makeEngine((selection) => selection)
    const wholeEngine = makeEngine(({ buckets: _, ...selection }) => selection)
    let savedCount = 0
    for (const name of Object.keys(kinds)) {
      for (const call of functions) {
        for (const [range, everyMs] of [
          ['5m', 1_800_000],
          ['1h', 3_600_000],
          ['2h', 300_000],
        ] as const) {
          const times = {
            startTimeMs: startTimeMs - 3_600_000,
            endTimeMs: startTimeMs + (dayCount + 1) * dayMs,
            stepMs: everyMs,
          }
          const expression = `${call}(${name}[${range}])`
          readCount = 0
          const answer = await rolledEngine.range({ expression, ...times })
          const rolledCount = readCount
          readCount = 0
          const whole = await wholeEngine.range({ expression, ...times })
          assert.deepEqual(answer.value, whole.value, expression)
          savedCount += readCount - rolledCount
          const isFew = rolledCount < readCount * 0.7
          if (name === 'requests_total' && call === 'rate')
            assert.ok(isFew, `${expression} ${rolledCount}`)
        }
      }
    }
    assert.ok(savedCount > 0)
    // What a query is said to have looked at does not depend on how it was read; what it read does.
    const times = { startTimeMs, endTimeMs: startTimeMs + 2 * dayMs, stepMs: 3_600_000 }
    const asked = { expression: 'rate(requests_total[1h])', ...times, hasStats: true }
    const told = (await rolledEngine.range(asked)).stats.detail!
    const wholeTold = (await wholeEngine.range(asked)).stats.detail!
    assert.deepEqual(told.stepSampleCounts, wholeTold.stepSampleCounts)
    const { read } = (await rolledEngine.explain(asked)).root.children[0]!
    const { read: wholeRead } = (await wholeEngine.explain(asked)).root.children[0]!
    assert.ok(read!.sampleCount < wholeRead!.sampleCount * 0.7)
    assert.ok(Math.abs(read!.storedSampleCount - wholeRead!.sampleCount) < 10)
    assert.equal(wholeRead!.storedSampleCount, wholeRead!.sampleCount)
    assert.ok(read!.engineSampleCount + read!.cacheSampleCount > 0)
  } finally {
    await store.close()
  }
})
