/** Native histograms through the store: order rules, mixed series, restart, truncation; exemplars beside. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { makeSeededRandom } from '../base/random.ts'
import { z } from '../config/schema.ts'
import type { ExemplarRow } from '../model/exemplar.ts'
import type { Appender, AppendResult } from '../model/flow.ts'
import type { Histogram } from '../model/histogram.ts'
import { type Labels, makeLabels } from '../model/labels.ts'
import { makeMatcher } from '../model/matcher.ts'
import { bitsOf, isStaleAt, SampleBatchBuilder } from '../model/sample.ts'
import { Head } from './head/head.ts'
import { MemoryStore } from './memory-store.ts'
import { Store, type StoreOptions, storeSettings } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-histogram-'))
after(() => rmSync(root, { recursive: true, force: true }))
let directoryCount = 0
const nowTimeMs = 1_700_000_000_000
const hourMs = 3_600_000
const settings = z.object(storeSettings.top).parse({}) as StoreOptions['settings']
const opened: Store[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

async function openStore(
  dataDir: string,
  options: { clock?: VirtualClock; exemplarCountMax?: number } = {},
) {
  const { clock = new VirtualClock(nowTimeMs), exemplarCountMax = 100_000 } = options
  const store = await Store.open({
    dataDir,
    settings: { store: { ...settings.store, exemplar_count_max: exemplarCountMax } },
    clock,
    log: silentLog,
  })
  opened.push(store)
  return store
}

function newDirectory(): string {
  return join(root, String(directoryCount++))
}

function make(count: number, changed: Partial<Histogram> = {}): Histogram {
  return {
    schema: 1,
    count,
    sum: count * 0.25,
    zeroThreshold: 2 ** -128,
    zeroCount: 0,
    positive: { index: [-3, 0, 7], count: [count - 2, 1, 1] },
    negative: { index: [], count: [] },
    customBounds: [],
    resetHint: 'unknown',
    ...changed,
  }
}

type Row = [timeMs: number, value: number | Histogram | 'stale']

function add(store: Appender, labels: Labels, rows: readonly Row[]): Promise<AppendResult> {
  const builder = new SampleBatchBuilder(1)
  const id = store.seriesId(labels)
  for (const [timeMs, value] of rows) {
    if (value === 'stale') builder.addStale(id, timeMs)
    else if (typeof value === 'number') builder.add(id, timeMs, value)
    else builder.addHistogram(id, timeMs, value)
  }
  return store.append(builder.batch)
}

const allTime = { startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }

async function rowsOf(store: Store | MemoryStore, range = allTime): Promise<Row[]> {
  const [series, ...others] = await store.select({ matchers: [], ...range })
  assert.equal(others.length, 0)
  if (series === undefined) return []
  const bits = bitsOf(series.value)
  return Array.from({ length: series.count }, (_, row) => {
    const value = series.histogram?.[row] ?? (isStaleAt(bits, row) ? 'stale' : series.value[row]!)
    return [series.timeMs[row]!, value]
  })
}

const labels = makeLabels({ __name__: 'latency', job: 'shop' })

test('a series may mix numbers, histograms and stale markers, and gives them in order', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const rows: Row[] = [
    [nowTimeMs, make(4)],
    [nowTimeMs + 1, 5],
    [nowTimeMs + 2, 'stale'],
    [nowTimeMs + 3, make(9, { resetHint: 'gauge', positive: { index: [1], count: [0.5] } })],
    [nowTimeMs + 4, make(9, { schema: -53, customBounds: [0.1, 1], sum: Number.NaN })],
  ]
  assert.equal((await add(store, labels, rows)).accepted, 5)
  assert.deepEqual(await rowsOf(store), rows)
  const range = { startTimeMs: nowTimeMs + 1, endTimeMs: nowTimeMs + 3 }
  assert.deepEqual(await rowsOf(store, range), rows.slice(1, 4))
})

test('histograms are judged as numbers are, by time and by what they say', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs), windowMs: 1000 })
  const result = await add(store, labels, [
    [nowTimeMs, make(4)],
    [nowTimeMs, make(4)],
    [nowTimeMs, make(5)],
    [nowTimeMs, 4],
    [nowTimeMs - 1, make(4)],
    [nowTimeMs - 1001, make(4)],
    [nowTimeMs + 600_001, make(4)],
    [nowTimeMs + 5, make(5)],
  ])
  assert.equal(result.accepted, 4)
  assert.deepEqual(result.reasons, { duplicate: 2, 'too-old': 1, 'too-far-in-future': 1 })
  const again = await add(store, labels, [
    [nowTimeMs, make(4)],
    [nowTimeMs - 1, make(4)],
    [nowTimeMs - 1, make(7)],
  ])
  assert.deepEqual([again.accepted, again.reasons], [2, { duplicate: 1 }])
  assert.deepEqual(await rowsOf(store), [
    [nowTimeMs - 1, make(4)],
    [nowTimeMs, make(4)],
    [nowTimeMs + 5, make(5)],
  ])
})

test('without the time check histograms come in any order and the last of equal times counts', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs), isTimeChecked: false })
  await add(store, labels, [[30, make(30)]])
  await add(store, labels, [
    [10, make(10)],
    [20, 2],
  ])
  await add(store, labels, [
    [20, make(20)],
    [10, make(11)],
    [30, 3],
  ])
  assert.deepEqual(await rowsOf(store), [
    [10, make(11)],
    [20, make(20)],
    [30, 3],
  ])
})

test('a number that looks like the mark of a histogram is a number', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const builder = new SampleBatchBuilder(1)
  builder.addHistogram(store.seriesId(labels), nowTimeMs, make(4))
  delete builder.batch.histogram
  await store.append(builder.batch)
  assert.deepEqual(await rowsOf(store), [[nowTimeMs, Number.NaN]])
})

test('memory counts histograms, and lets them go with their samples', () => {
  const head = new Head({ isTimeChecked: true })
  const { id } = head.seriesId(labels)
  const empty = head.usedBytes
  for (let step = 0; step < 1000; step++) {
    const builder = new SampleBatchBuilder(1)
    builder.addHistogram(id, step * 1000, make(step + 2))
    head.apply(
      head.check(builder.batch, { nowTimeMs: 1_000_000, windowMs: Infinity, lateMs: 0 }).batch,
    )
  }
  const full = head.usedBytes
  assert.ok(full - empty > 1000 * 20, `${full} bytes`)
  head.truncate(900_000, { canRemove: false, canForget: true })
  assert.ok(head.usedBytes < full / 3, `${head.usedBytes} of ${full} bytes`)
  const rows = head.chains.read(id, 0, 2_000_000)!
  const column = head.histograms.columnOf(id, rows)!
  assert.deepEqual(column.at(-1), make(1001))
  assert.deepEqual(column[0], make(rows.timeMs[0]! / 1000 + 2))
  head.truncate(3_000_000, { canRemove: false, canForget: true })
  assert.equal(head.histograms.usedBytes, 0)
})

test('histograms that come in any order over many blocks are all there, the last of equal times', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs), isTimeChecked: false })
  const random = makeSeededRandom(7)
  const expected = new Map<number, Histogram>()
  for (let round = 0; round < 600; round++) {
    const timeMs = Math.floor(random() * 300)
    const histogram = make(round + 3, random() < 0.2 ? { schema: 2 } : {})
    expected.set(timeMs, histogram)
    await add(store, labels, [[timeMs, histogram]])
  }
  const rows = [...expected].sort(([a], [b]) => a - b)
  assert.deepEqual(await rowsOf(store), rows)
  const range = { startTimeMs: 100, endTimeMs: 140 }
  const inside = rows.filter(([timeMs]) => timeMs >= 100 && timeMs <= 140)
  assert.deepEqual(await rowsOf(store, range), inside)
})

test('histograms weigh more than numbers where the samples of an answer are limited', async () => {
  const store = new MemoryStore({ clock: new VirtualClock(nowTimeMs) })
  const index = Array.from({ length: 100 }, (_, place) => place)
  const wide = make(9, { positive: { index, count: index.map((place) => place * 1000) } })
  await add(store, labels, [
    [nowTimeMs, wide],
    [nowTimeMs + 1, wide],
  ])
  const limited = { matchers: [], ...allTime, sampleCountMax: 100 }
  await assert.rejects(store.select(limited), /more than 100 samples/)
  assert.equal((await store.select({ ...limited, sampleCountMax: 1000 })).length, 1)
  const one = { ...limited, sampleCountMax: 300, endTimeMs: nowTimeMs }
  assert.equal((await store.select(one))[0]!.count, 1)
})

test('histograms and exemplars are there after a restart', async () => {
  const dataDir = newDirectory()
  const rows: Row[] = Array.from({ length: 20 }, (_, step) => [
    nowTimeMs - 20 + step,
    step % 5 === 0 ? step : make(step + 2, { resetHint: 'reset' }),
  ])
  let store = await openStore(dataDir)
  await add(store, labels, rows)
  await store.appendExemplars([exemplar(store, { timeMs: nowTimeMs - 3, value: 0.7 })])
  assert.deepEqual(await rowsOf(store), rows)
  await store.close()
  store = await openStore(dataDir)
  assert.deepEqual(await rowsOf(store), rows)
  assert.equal((await add(store, labels, [rows[19]!])).accepted, 1, 'known from before')
  const found = await store.selectExemplars({ matcherSets: [[]], ...allTime })
  assert.deepEqual(found, [
    {
      labels,
      exemplars: [{ labels: makeLabels({ trace_id: 'abc' }), value: 0.7, timeMs: nowTimeMs - 3 }],
    },
  ])
})

test('histograms come from the engine when memory has let them go, and join those in memory', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(nowTimeMs)
  let store = await openStore(dataDir, { clock })
  let rows: Row[] = []
  for (let hour = 0; hour < 6; hour++) {
    const hourRows: Row[] = []
    for (let minute = 0; minute < 60; minute++) {
      const timeMs = nowTimeMs + hour * hourMs + minute * 60_000
      const step = hour * 60 + minute
      const value = minute === 30 ? 'stale' : minute % 7 === 0 ? step : make(step + 5)
      hourRows.push([timeMs, value])
    }
    await clock.advance(nowTimeMs + (hour + 1) * hourMs - clock.nowTimeMs())
    await add(store, labels, hourRows)
    rows.push(...hourRows)
    await store.flush()
  }
  const check = async () => {
    assert.deepEqual(await rowsOf(store), rows)
    for (const [from, to] of [
      [10, 20],
      [62, 62],
      [200, 260],
      [215, 300],
      [355, 400],
    ] as const) {
      const startTimeMs = nowTimeMs + from * 60_000
      const endTimeMs = nowTimeMs + to * 60_000
      const expected = rows.filter(([timeMs]) => timeMs >= startTimeMs && timeMs <= endTimeMs)
      assert.deepEqual(await rowsOf(store, { startTimeMs, endTimeMs }), expected)
    }
  }
  assert.equal(
    store.selectRecent({ matchers: [], ...allTime }),
    undefined,
    'some are in the engine',
  )
  await check()
  // Late ones, behind what the flush has passed and between what memory has.
  for (const lateMs of [hourMs / 2 + 5, 2 * hourMs + 7, 5 * hourMs + 9]) {
    const late: Row = [nowTimeMs + lateMs, make(lateMs)]
    assert.equal((await add(store, labels, [late])).accepted, 1)
    rows.push(late)
    rows.sort(([a], [b]) => a - b)
  }
  await check()
  await store.flush()
  await check()
  // A deletion writes the engine's days anew.
  const gone = { startTimeMs: nowTimeMs + hourMs, endTimeMs: nowTimeMs + 3 * hourMs }
  const { done } = await store.deleteSeries({ matcherSets: [[]], ...gone })
  assert.ok((await done).engineSampleCount > 100)
  rows = rows.filter(([timeMs]) => timeMs < gone.startTimeMs || timeMs > gone.endTimeMs)
  await check()
  await store.close()
  store = await openStore(dataDir, { clock })
  await check()
})

test('what is deleted of histograms and exemplars does not come back with a restart', async () => {
  const dataDir = newDirectory()
  const rows: Row[] = Array.from({ length: 100 }, (_, step) => [
    nowTimeMs - 100 + step,
    make(step + 2),
  ])
  let store = await openStore(dataDir)
  await add(store, labels, rows)
  await store.appendExemplars([
    exemplar(store, { timeMs: nowTimeMs - 50, value: 1 }),
    exemplar(store, { timeMs: nowTimeMs - 20, value: 2 }),
  ])
  const range = { startTimeMs: nowTimeMs - 70, endTimeMs: nowTimeMs - 30 }
  const matcherSets = [[makeMatcher('job', '=', 'shop')]]
  const { done } = await store.deleteSeries({ matcherSets, ...range })
  await done
  const kept = rows.filter(([timeMs]) => timeMs < nowTimeMs - 70 || timeMs > nowTimeMs - 30)
  const check = async () => {
    assert.deepEqual(await rowsOf(store), kept)
    const [found] = await store.selectExemplars({ matcherSets, ...allTime })
    assert.deepEqual(
      found!.exemplars.map(({ value }) => value),
      [2],
    )
  }
  await check()
  await store.close()
  store = await openStore(dataDir)
  await check()
})

function exemplar(
  store: Appender,
  one: { timeMs: number; value: number; trace?: string; series?: Labels },
): ExemplarRow {
  const { timeMs, value, trace = 'abc', series = labels } = one
  return {
    seriesId: store.seriesId(series),
    labels: makeLabels({ trace_id: trace }),
    value,
    timeMs,
  }
}

async function exemplarsOf(store: Store): Promise<[number, number][]> {
  const [found] = await store.selectExemplars({ matcherSets: [[]], ...allTime })
  return found!.exemplars.map(({ timeMs, value }) => [timeMs, value])
}

test('an exemplar is refused when it is older than the newest of its series, or too long', async () => {
  const store = await openStore(newDirectory())
  const result = await store.appendExemplars([
    exemplar(store, { timeMs: 20, value: 2, trace: 'abd' }),
    exemplar(store, { timeMs: 20, value: 2 }),
    exemplar(store, { timeMs: 20, value: 1 }),
    exemplar(store, { timeMs: 20, value: 1 }),
    exemplar(store, { timeMs: 30, value: 9, trace: 'x'.repeat(121) }),
  ])
  assert.deepEqual(result, { accepted: 4, reasons: { 'labels-too-long': 1 } })
  for (const one of [
    { timeMs: 20, value: 2, trace: 'abb' },
    { timeMs: 20, value: 0 },
    { timeMs: 19, value: 9 },
  ]) {
    const refused = await store.appendExemplars([exemplar(store, one)])
    assert.deepEqual(refused, { accepted: 0, reasons: { 'out-of-order': 1 } })
  }
  // Sources of native histograms repeat what they told beside what is new.
  const beside = await store.appendExemplars([
    exemplar(store, { timeMs: 30, value: 9, trace: '😀'.repeat(120) }),
    exemplar(store, { timeMs: 20, value: 1 }),
  ])
  assert.deepEqual(beside, { accepted: 1, reasons: {} })
  assert.deepEqual(await exemplarsOf(store), [
    [20, 1],
    [20, 2],
    [20, 2],
    [30, 9],
  ])
})

test('an exemplar without a time of its own is the same one until it changes', async () => {
  const store = await openStore(newDirectory())
  const add = async (timeMs: number, value: number, isUntimed: boolean) =>
    (await store.appendExemplars([{ ...exemplar(store, { timeMs, value }), isUntimed }])).accepted
  const accepted: number[] = []
  for (const [timeMs, value] of [
    [10, 1],
    [20, 1],
    [30, 2],
    [40, 1],
    [50, 1],
  ] as const)
    accepted.push(await add(timeMs, value, true))
  accepted.push(await add(60, 1, false), await add(70, 1, false))
  assert.deepEqual(accepted, [1, 1, 1, 1, 1, 1, 1])
  assert.deepEqual(await exemplarsOf(store), [
    [10, 1],
    [30, 2],
    [40, 1],
    [60, 1],
    [70, 1],
  ])
})

test('only so many exemplars are kept, of all series together, and fewer or none when so set', async () => {
  const dataDir = newDirectory()
  const store = await openStore(dataDir, { exemplarCountMax: 3 })
  const other = makeLabels({ __name__: 'other' })
  await store.appendExemplars([
    exemplar(store, { timeMs: 1, value: 1, series: other }),
    exemplar(store, { timeMs: 2, value: 2 }),
    exemplar(store, { timeMs: 3, value: 3 }),
    exemplar(store, { timeMs: 4, value: 4 }),
    exemplar(store, { timeMs: 5, value: 5, series: other }),
  ])
  const times = async (range = allTime, sets = [[]] as ReturnType<typeof makeMatcher>[][]) =>
    (await store.selectExemplars({ matcherSets: sets, ...range })).map(
      ({ labels: series, exemplars }) => [
        series.get('__name__'),
        exemplars.map(({ timeMs }) => timeMs),
      ],
    )
  assert.deepEqual(await times(), [
    ['latency', [3, 4]],
    ['other', [5]],
  ])
  assert.deepEqual(await times({ startTimeMs: 4, endTimeMs: 4 }), [['latency', [4]]])
  assert.deepEqual(await times(allTime, [[makeMatcher('job', '=', 'shop')]]), [['latency', [3, 4]]])
  store.reload({ store: { ...settings.store, exemplar_count_max: 2 } })
  assert.deepEqual(await times(), [
    ['latency', [4]],
    ['other', [5]],
  ])
  store.reload({ store: { ...settings.store, exemplar_count_max: 0 } })
  assert.deepEqual(await times(), [])
  const refused = await store.appendExemplars([exemplar(store, { timeMs: 6, value: 1 })])
  assert.deepEqual(refused, { accepted: 0, reasons: { disabled: 1 } })
})
