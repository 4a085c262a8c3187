/** Sections: everything of a series, a range of it, what comes after, restarts at each step, damage of a flushed segment. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import { makeLabels } from '../model/labels.ts'
import { makeMatcher } from '../model/matcher.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { openChdb } from './column/chdb.ts'
import { type EraseOrder, Store, type StoreOptions, storeSettings } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-eraser-'))
after(() => rmSync(root, { recursive: true, force: true }))
let directoryCount = 0
const opened: Store[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const hourMs = 3_600_000
const nowTimeMs = 472_222 * hourMs + 1_800_000
const settings = z.object(storeSettings.top).parse({}) as StoreOptions['settings']

function newDirectory(): string {
  return join(root, String(directoryCount++))
}

async function openStore(
  options: Partial<StoreOptions> & { dataDir: string; clock: VirtualClock },
): Promise<Store> {
  const store = await Store.open({ settings, log: silentLog, ...options })
  opened.push(store)
  return store
}

const people = ['ann', 'bob', 'cy']

/** Rows of all three at the given times. */
async function add(store: Store, times: readonly number[]): Promise<void> {
  const builder = new SampleBatchBuilder()
  for (const person of people) {
    const id = store.seriesId(makeLabels({ __name__: 'visits', person }))
    for (const timeMs of times) builder.add(id, timeMs, timeMs)
  }
  const { rejected } = await store.append(builder.batch)
  assert.equal(rejected, 0)
  const id = store.seriesId(makeLabels({ __name__: 'visits', person: 'bob' }))
  const labels = makeLabels({ trace: 'bob-was-here' })
  await store.appendExemplars([{ seriesId: id, labels, value: 1, timeMs: times.at(-1)! }])
}

const everything = { matchers: [], startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }
const bob: EraseOrder = {
  matcherSets: [[makeMatcher('person', '=', 'bob')]],
  startTimeMs: Number.NEGATIVE_INFINITY,
  endTimeMs: Infinity,
}

/** The times of each person's rows, relative to `nowTimeMs`, in hours. */
async function hoursOf(store: Store): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {}
  for (const { labels, timeMs, count } of await store.select(everything)) {
    const hours = [...timeMs.subarray(0, count)].map((time) => (time - nowTimeMs) / hourMs)
    found[labels.get('person')] = hours
  }
  return found
}

const old = [-50, -49, -30, -5].map((hours) => nowTimeMs + hours * hourMs)
const recent = [-1.5, -1, -0.5].map((hours) => nowTimeMs + hours * hourMs)

/** A store with old rows in the engine, recent ones flushed too, and newer ones in the journal alone. */
async function openFilled(dataDir: string, clock: VirtualClock): Promise<Store> {
  const store = await openStore({ dataDir, clock })
  await add(store, old)
  await add(store, recent.slice(0, 2))
  await store.flush()
  // Late, so it waits beside memory.
  await add(store, [nowTimeMs - 40 * hourMs])
  await add(store, recent.slice(2))
  return store
}

const kept = [-50, -49, -40, -30, -5, -1.5, -1, -0.5]

test('a series that is deleted is gone from answers, labels, exemplars, the engine, and after a restart', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(nowTimeMs)
  let store = await openFilled(dataDir, clock)
  assert.deepEqual(await hoursOf(store), { ann: kept, bob: kept, cy: kept })
  assert.equal(await store.countSeries(bob), 1)
  const { done } = await store.deleteSeries(bob)
  const check = async (place: string): Promise<void> => {
    assert.deepEqual(await hoursOf(store), { ann: kept, cy: kept }, place)
    assert.deepEqual(await store.labelValues('person', everything), ['ann', 'cy'], place)
    assert.equal((await store.series(everything)).length, 2, place)
    const exemplars = await store.selectExemplars({ ...everything, matcherSets: bob.matcherSets })
    assert.deepEqual(exemplars, [], place)
  }
  await check('at once')
  const result = await done
  assert.deepEqual(
    { ...result, memorySampleCount: result.memorySampleCount >= 1 },
    { seriesCount: 1, memorySampleCount: true, engineSampleCount: 6 },
  )
  await check('in the engine')
  await store.finishDeleting()
  await store.close()
  store = await openStore({ dataDir, clock })
  await check('after a restart')
  await store.flush()
  await check('flushed')
  // The number is taken back, and with it the name.
  for (let turn = 0; turn < 4; turn++) {
    await clock.advance(30_000)
    await store.flush()
  }
  assert.equal(store.stats().seriesCount, 2)
  await store.close()
  store = await openStore({ dataDir, clock })
  await check('at last')
})

test('a range of a series goes, the rest stays, and the same samples may come again', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(nowTimeMs)
  let store = await openFilled(dataDir, clock)
  const range = { startTimeMs: nowTimeMs - 45 * hourMs, endTimeMs: nowTimeMs - hourMs }
  await (await store.deleteSeries({ ...bob, ...range })).done
  const left = { ann: kept, bob: [-50, -49, -0.5], cy: kept }
  assert.deepEqual(await hoursOf(store), left)
  await store.flush()
  assert.deepEqual(await hoursOf(store), left)
  await store.close()
  store = await openStore({ dataDir, clock })
  assert.deepEqual(await hoursOf(store), left)
  const builder = new SampleBatchBuilder()
  const id = store.seriesId(makeLabels({ __name__: 'visits', person: 'bob' }))
  for (const hours of [-30, -1]) builder.add(id, nowTimeMs + hours * hourMs, 7)
  assert.equal((await store.append(builder.batch)).accepted, 2)
  const again = { ...left, bob: [-50, -49, -30, -1, -0.5] }
  assert.deepEqual(await hoursOf(store), again)
  await store.flush()
  assert.deepEqual(await hoursOf(store), again)
  await store.close()
  store = await openStore({ dataDir, clock })
  assert.deepEqual(await hoursOf(store), again)
})

test('an order that the engine could not carry out hides the samples, and the next start goes on', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(nowTimeMs)
  let store = await openFilled(dataDir, clock)
  await store.close()
  let isRefusing = true
  const openEngine = async () => {
    const connection = await openChdb(join(dataDir, 'engine'))
    const { client } = connection
    const command = client.command.bind(client)
    client.command = async (parameters) => {
      if (isRefusing && /REPLACE PARTITION/.test(parameters.query)) throw new Error('not now')
      return command(parameters)
    }
    return connection
  }
  store = await openStore({ dataDir, clock, openEngine })
  const { done } = await store.deleteSeries(bob)
  let isDone = false
  void done.then(() => {
    isDone = true
  })
  await store.flush()
  assert.deepEqual(await hoursOf(store), { ann: kept, cy: kept }, 'hidden')
  await store.close()
  assert.equal(isDone, false)
  store = await openStore({ dataDir, clock, openEngine })
  assert.deepEqual(await hoursOf(store), { ann: kept, cy: kept }, 'hidden after a restart')
  await store.close()
  isRefusing = false
  store = await openStore({ dataDir, clock, openEngine })
  await store.finishDeleting()
  await store.close()
  rmSync(join(dataDir, 'erasing.json'))
  store = await openStore({ dataDir, clock })
  assert.deepEqual(await hoursOf(store), { ann: kept, cy: kept }, 'gone')
})

test('what arrives after the order stays', async () => {
  const clock = new VirtualClock(nowTimeMs)
  const store = await openFilled(newDirectory(), clock)
  const { done } = await store.deleteSeries(bob)
  await clock.advance(1_000)
  await add(store, [clock.nowTimeMs()])
  await done
  await store.flush()
  assert.deepEqual((await hoursOf(store))['bob'], [1_000 / hourMs])
  // From the engine alone, which must have its label set again.
  await clock.advance(5 * hourMs)
  await add(store, [clock.nowTimeMs()])
  await store.flush()
  const range = { startTimeMs: nowTimeMs - 60 * hourMs, endTimeMs: nowTimeMs + hourMs }
  assert.equal(store.selectRecent({ ...everything, ...range }), undefined)
  const found = await store.select({ ...range, matchers: bob.matcherSets[0]! })
  assert.deepEqual([...found[0]!.timeMs.subarray(0, found[0]!.count)], [nowTimeMs + 1_000])
})

test('the bytes of a deleted name are not written to the log of names again', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(nowTimeMs)
  const store = await openFilled(dataDir, clock)
  await (await store.deleteSeries(bob)).done
  for (let turn = 0; turn < 6; turn++) {
    await clock.advance(30_000)
    await store.flush()
  }
  const names = readdirSync(join(dataDir, 'journal')).filter((name) => name.startsWith('series'))
  for (const name of names) {
    const bytes = readFileSync(join(dataDir, 'journal', name))
    assert.ok(bytes.includes('ann'))
    assert.ok(!bytes.includes('bob'), name)
  }
})

test('a damaged segment that the engine has hides nothing: what memory lacks is asked of the engine', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(Date.now())
  const times = [5, 4, 3, 2, 1].map((minutes) => clock.nowTimeMs() - minutes * 60_000)
  let store = await openStore({ dataDir, clock })
  for (const timeMs of times) await add(store, [timeMs])
  await store.flush()
  const before = await hoursOf(store)
  await store.close()
  const directory = join(dataDir, 'journal')
  let damagedCount = 0
  for (const name of readdirSync(directory)) {
    if (!/\.flushed(\.zst)?$/.test(name)) continue
    const path = join(directory, name)
    const bytes = readFileSync(path)
    const plain = name.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
    plain[Math.floor(plain.length / 2)]! ^= 1
    rmSync(path)
    writeFileSync(path.replace('.zst', ''), plain)
    damagedCount++
  }
  assert.ok(damagedCount > 0)
  store = await openStore({ dataDir, clock })
  assert.deepEqual(await hoursOf(store), before)
  await add(store, [clock.nowTimeMs()])
  await store.flush()
  await store.close()
  store = await openStore({ dataDir, clock })
  assert.equal((await hoursOf(store))['ann']!.length, 6)
})
