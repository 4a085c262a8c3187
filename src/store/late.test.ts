/** Sections: history before live data, behind the flush, restart, limits, histograms, a window of nothing. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import type { AppendResult } from '../model/flow.ts'
import { type Labels, makeLabels } from '../model/labels.ts'
import { makeMatcher } from '../model/matcher.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { Store, type StoreSettings, storeSettings } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-late-'))
after(() => rmSync(root, { recursive: true, force: true }))
let directoryCount = 0
const opened: Store[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const hourMs = 3_600_000
const nowTimeMs = 472_222 * hourMs + 1_800_000

function settingsOf(store: object): StoreSettings {
  return z.object(storeSettings.top).parse({ store }) as StoreSettings
}

async function openStore(options: {
  dataDir?: string
  clock?: VirtualClock
  settings?: object
}): Promise<Store> {
  const store = await Store.open({
    dataDir: options.dataDir ?? newDirectory(),
    settings: settingsOf(options.settings ?? {}),
    clock: options.clock ?? new VirtualClock(nowTimeMs),
    log: silentLog,
  })
  opened.push(store)
  return store
}

function newDirectory(): string {
  return join(root, String(directoryCount++))
}

function add(store: Store, labels: Labels, rows: [number, number][]): Promise<AppendResult> {
  const builder = new SampleBatchBuilder()
  for (const [timeMs, value] of rows) builder.add(store.seriesId(labels), timeMs, value)
  return store.append(builder.batch)
}

async function rowsOf(store: Store, range = {}): Promise<[number, number][]> {
  const [series] = await store.select({
    matchers: [],
    startTimeMs: Number.NEGATIVE_INFINITY,
    endTimeMs: Infinity,
    ...range,
  })
  if (series === undefined) return []
  return [...series.timeMs.subarray(0, series.count)].map((timeMs, row) => [
    timeMs,
    series.value[row]!,
  ])
}

const labels = makeLabels({ __name__: 'm' })
/** `count` rows, one each minute, the first at `fromTimeMs`. */
function minutes(fromTimeMs: number, count: number): [number, number][] {
  return Array.from({ length: count }, (_, row) => [fromTimeMs + row * 60_000, fromTimeMs + row])
}
const inOrder = (rows: [number, number][]) => [...rows].sort((a, b) => a[0] - b[0])

test('history of days is taken beneath live samples, readable at once, after the flush and after a restart', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(nowTimeMs)
  let store = await openStore({ dataDir, clock })
  const live = minutes(nowTimeMs - 5 * hourMs, 300)
  await add(store, labels, live)
  await store.flush()
  assert.equal(
    store.selectRecent({ matchers: [], startTimeMs: nowTimeMs - 4 * hourMs, endTimeMs: Infinity }),
    undefined,
    'memory has let go of the older half',
  )
  const history = minutes(nowTimeMs - 80 * hourMs, 4_000)
  // Two halves, the newer one first.
  for (const part of [history.slice(2_000), history.slice(0, 2_000)]) {
    const result = await add(store, labels, part)
    assert.equal(result.accepted, part.length, JSON.stringify(result))
  }
  const gap = minutes(nowTimeMs - 12 * hourMs, 30)
  await add(store, labels, gap)
  const expected = inOrder([...history, ...gap, ...live])
  const check = async (place: string): Promise<void> => {
    assert.deepEqual(await rowsOf(store), expected, place)
    const range = { startTimeMs: history[10]![0], endTimeMs: history[3_990]![0] }
    assert.deepEqual(await rowsOf(store, range), history.slice(10, 3_991), `${place}, a part`)
    const names = { matchers: [], startTimeMs: history[0]![0], endTimeMs: history[1]![0] }
    assert.deepEqual(await store.labelValues('__name__', names), ['m'], place)
  }
  await check('in memory')
  await store.close()
  store = await openStore({ dataDir, clock })
  await check('after a restart')
  await store.flush()
  await check('in the engine')
  const again = await add(store, labels, history.slice(5, 10))
  assert.equal(again.accepted, 5, 'a sender repeats itself')
  await check('sent again')
  await store.flush()
  await check('flushed again')
  await store.close()
  store = await openStore({ dataDir, clock })
  await check('from the engine after a restart')
})

test('samples late by minutes are read in order, from memory alone, whether flushed or not', async () => {
  const clock = new VirtualClock(nowTimeMs)
  const store = await openStore({ clock })
  const even = minutes(nowTimeMs - 110 * 60_000, 110)
  const odd = even.map(([timeMs, value]): [number, number] => [timeMs + 30_000, value + 0.5])
  await add(store, labels, even)
  await add(store, labels, odd.slice(0, 40).reverse())
  await store.flush()
  await add(store, labels, odd.slice(40, 80))
  const expected = inOrder([...even, ...odd.slice(0, 80)])
  const recent = { matchers: [], startTimeMs: even[0]![0], endTimeMs: Infinity }
  const check = async (): Promise<void> => {
    assert.deepEqual(await rowsOf(store), expected)
    assert.deepEqual(
      [...store.selectRecent(recent)![0]!.timeMs],
      expected.map(([timeMs]) => timeMs),
    )
  }
  await check()
  await store.flush()
  await check()
  await clock.advance(6 * hourMs)
  await add(store, makeLabels({ __name__: 'other' }), [[clock.nowTimeMs(), 1]])
  await store.flush()
  assert.equal(store.selectRecent(recent), undefined, 'only the engine has them now')
  const matchers = [makeMatcher('__name__', '=', 'm')]
  const [found] = await store.select({ ...recent, matchers, startTimeMs: 0 })
  assert.deepEqual(
    [...found!.timeMs.subarray(0, found!.count)],
    expected.map(([timeMs]) => timeMs),
  )
})

test('late samples beyond their memory wait in the journal, and none is lost', async () => {
  const clock = new VirtualClock(nowTimeMs)
  const store = await openStore({ clock, settings: { late_memory_size_max: 10_000 } })
  await add(store, labels, minutes(nowTimeMs - 30 * 60_000, 30))
  await store.flush()
  await clock.advance(6 * hourMs)
  await add(store, labels, [[clock.nowTimeMs(), 1]])
  await store.flush()
  const history = minutes(nowTimeMs - 80 * hourMs, 3_000)
  await add(store, labels, history)
  // A turn of the household lets them go, the next flush brings them.
  await clock.advance(30_000)
  await store.flush()
  await store.flush()
  assert.deepEqual((await rowsOf(store)).slice(0, 3_000), history)
})

test('what is older than the retention, or further behind than the window, is refused with its reason', async () => {
  const store = await openStore({ settings: { out_of_order_window: '10m', retention: '2d' } })
  const result = await add(store, labels, [
    [nowTimeMs - 49 * hourMs, 1],
    [nowTimeMs - 47 * hourMs, 1],
    [nowTimeMs, 1],
    [nowTimeMs - 600_000, 2],
    [nowTimeMs - 600_001, 2],
  ])
  assert.deepEqual([result.accepted, result.reasons], [3, { 'too-old': 1, 'out-of-order': 1 }])
  store.reload(settingsOf({ out_of_order_window: '0s' }))
  const strict = await add(store, labels, [[nowTimeMs - 5, 1]])
  assert.deepEqual(strict.reasons, { 'out-of-order': 1 })
})

test('history is no news: rules on arrival hear of samples of the last minutes only', async () => {
  const store = await openStore({})
  const heard: number[] = []
  store.subscribe({
    onSeries: () => undefined,
    onSamples: (batch) => heard.push(...batch.timeMs.subarray(0, batch.count)),
  })
  await add(store, labels, minutes(nowTimeMs - 10 * hourMs, 10))
  assert.deepEqual(heard, [])
  await add(store, labels, [
    [nowTimeMs - 600_000, 1],
    [nowTimeMs - 1_000, 2],
  ])
  await add(store, labels, [[nowTimeMs - 500_000, 1]])
  assert.deepEqual(heard, [nowTimeMs - 1_000])
})

test('with a memory shorter than what a flush leaves, nothing is between memory and engine', async () => {
  const clock = new VirtualClock(nowTimeMs)
  const dataDir = newDirectory()
  const short = { memory_window: '1m' }
  let store = await openStore({ clock, dataDir, settings: short })
  const rows = minutes(nowTimeMs - 100 * 60_000, 100)
  for (const row of rows) await add(store, labels, [row])
  // The household's own flush ends at a full hour, and memory lets go of what the engine has.
  for (let turn = 0; turn < 30; turn++) {
    await clock.advance(30_000)
    await settle(store)
    assert.deepEqual(await rowsOf(store), rows, `turn ${turn}`)
  }
  await store.flush()
  await add(store, labels, [[nowTimeMs - 200 * hourMs, 7]])
  await store.close()
  // What the engine has and memory does not cover is not read again: an older row is in order then.
  store = await openStore({ clock, dataDir, settings: short })
  await add(store, labels, [[nowTimeMs - 100 * hourMs, 8]])
  await store.flush()
  await store.close()
  store = await openStore({ clock, dataDir, settings: short })
  const expected = [[nowTimeMs - 200 * hourMs, 7], [nowTimeMs - 100 * hourMs, 8], ...rows]
  assert.deepEqual(await rowsOf(store), expected)
})

/** Lets the household come to rest: a backup waits for it. */
async function settle(store: Store): Promise<void> {
  const backup = await store.openBackup('')
  backup.close()
}
