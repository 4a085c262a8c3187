/** Sections: refusal and recovery, small file systems, a failed write, retention by size, old days under pressure, a file system that is really full. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { systemClock, VirtualClock } from '../base/clock.ts'
import type { CodedError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import { makeLabels } from '../model/labels.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { DiskWatch } from './disk-watch.ts'
import { storeMetrics } from './metrics.ts'
import { Store, type StoreOptions, type StoreSettings, storeSettings } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-disk-'))
after(() => rmSync(root, { recursive: true, force: true }))
let directoryCount = 0
const opened: Store[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const mebibyte = 1 << 20
const dayMs = 86_400_000
const startTimeMs = 19_700 * dayMs + 3_600_000

function settingsOf(store: object): StoreSettings {
  return z.object(storeSettings.top).parse({ store }) as StoreSettings
}

async function openStore(options: Partial<StoreOptions>): Promise<Store> {
  const store = await Store.open({
    dataDir: join(root, String(directoryCount++)),
    settings: settingsOf({}),
    clock: new VirtualClock(startTimeMs),
    log: silentLog,
    ...options,
  })
  opened.push(store)
  return store
}

async function add(store: Store, timeMs: number, value = 1): Promise<number> {
  const builder = new SampleBatchBuilder()
  builder.add(store.seriesId(makeLabels({ __name__: 'm' })), timeMs, value)
  return (await store.append(builder.batch)).accepted
}

const everything = { matchers: [], startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }

test('below the minimum new data is refused to be sent again, reading goes on, and room ends it', async () => {
  const clock = new VirtualClock(startTimeMs)
  let freeBytes = 200 * mebibyte
  const store = await openStore({
    clock,
    settings: settingsOf({ disk_free_min: '100MiB' }),
    readSpace: async () => ({ freeBytes, totalBytes: 1_000 * mebibyte }),
    openEngine: () => Promise.reject(new Error('not needed')),
  })
  assert.equal(await add(store, startTimeMs), 1)
  freeBytes = 99 * mebibyte
  await clock.advance(5_000)
  await assert.rejects(add(store, startTimeMs + 1), (error: Error) => {
    const { code, canRetry, status, facts } = error as CodedError
    assert.deepEqual([code, canRetry, status], ['STORE_FULL', true, 503])
    assert.equal(facts['retryAfterMs'], 10_000)
    assert.match(error.message, /99 MiB free, less than the 100 MiB of store.disk_free_min/)
    return true
  })
  assert.match(store.stats().refusal ?? '', /99 MiB free/)
  assert.equal((await store.select(everything))[0]?.count, 1)
  assert.equal((await storeMetrics.diskFull.get()).values[0]?.value, 1)
  await store.records.states.set('still', 'written')
  freeBytes = 105 * mebibyte
  await clock.advance(5_000)
  await assert.rejects(add(store, startTimeMs + 1), /105 MiB free/, 'a tenth more is needed')
  freeBytes = 111 * mebibyte
  await clock.advance(5_000)
  assert.equal(await add(store, startTimeMs + 1), 1)
  assert.equal(store.stats().refusal, undefined)
})

test('without a setting a small file system keeps a twentieth free, a large one a gibibyte', async () => {
  const make = async (freeBytes: number, totalBytes: number, share?: number): Promise<boolean> => {
    const watch = new DiskWatch({
      directory: root,
      clock: new VirtualClock(),
      log: silentLog,
      freeMin: share === undefined ? undefined : { share },
      readSpace: async () => ({ freeBytes, totalBytes }),
    })
    await watch.check()
    return watch.isFull
  }
  assert.equal(await make(14 * mebibyte, 256 * mebibyte), false)
  assert.equal(await make(12 * mebibyte, 256 * mebibyte), true)
  assert.equal(await make(1_100 * mebibyte, 2 ** 42), false)
  assert.equal(await make(1_000 * mebibyte, 2 ** 42), true)
  assert.equal(await make(14 * mebibyte, 256 * mebibyte, 0.1), true)
})

test('a write that found no room refuses at once, until the next look', async () => {
  const clock = new VirtualClock(startTimeMs)
  const watch = new DiskWatch({
    directory: root,
    clock,
    log: silentLog,
    freeMin: { bytes: 1 },
    readSpace: async () => ({ freeBytes: 2 ** 40, totalBytes: 2 ** 41 }),
  })
  await watch.start(() => undefined)
  watch.noteFull(new Error('something else'))
  assert.equal(watch.refusal(), undefined)
  const cause = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  watch.noteFull(new Error('the records cannot be written', { cause }))
  assert.match(watch.refusal()?.message ?? '', /a write failed/)
  await clock.advance(5_000)
  assert.equal(watch.refusal(), undefined, 'tried again')
  watch.noteFull(Object.assign(new Error('database or disk is full'), { errcode: 13 }))
  assert.equal(watch.isFull, true)
  watch.stop()
})

/** A store with samples and lines on four days, all in the engine but the last. */
async function openFourDays(options: Partial<StoreOptions>): Promise<[Store, VirtualClock]> {
  const clock = new VirtualClock(startTimeMs)
  const store = await openStore({ ...options, clock })
  for (let day = 0; day < 4; day++) {
    if (day > 0) await clock.advance(dayMs)
    await add(store, clock.nowTimeMs(), day)
    await store.appendLogs({
      count: 1,
      streams: [makeLabels({ app: 'shop' })],
      stream: Uint32Array.of(0),
      timeNs: BigInt64Array.of(BigInt(clock.nowTimeMs()) * 1_000_000n),
      level: Uint8Array.of(3),
      line: [`day ${day}`],
    })
    await store.flush()
  }
  return [store, clock]
}

async function daysOf(store: Store): Promise<{ samples: number[]; lines: string[] }> {
  const [series] = await store.select(everything)
  const lines = await store.selectLogs({
    matchers: [],
    startTimeNs: 0n,
    endTimeNs: 2n ** 62n,
    filters: [],
    limit: 100,
    direction: 'forward',
  })
  return { samples: [...series!.value], lines: lines.map(({ line }) => line) }
}

test('beyond retention_size the oldest days go with all their signals, and today stays', async () => {
  const [store] = await openFourDays({})
  assert.deepEqual((await daysOf(store)).samples, [0, 1, 2, 3])
  const { engineBytes, journalBytes } = store.stats()
  // One day's worth less than there is.
  store.reload(settingsOf({ retention_size: Math.floor(journalBytes + engineBytes * 0.95) }))
  await add(store, startTimeMs + 3 * dayMs + 1, 4)
  await store.flush()
  const after = await daysOf(store)
  assert.equal(after.samples.at(-1), 4)
  assert.ok(after.samples.length < 5 && after.samples.length > 2, `${after.samples}`)
  assert.equal(after.lines.length, after.samples.length - 1)
  store.reload(settingsOf({ retention_size: 1 }))
  await add(store, startTimeMs + 3 * dayMs + 2, 5)
  await store.flush()
  assert.deepEqual(await daysOf(store), { samples: [3, 4, 5], lines: ['day 3'] })
})

test('with drop_oldest a full disk is answered by dropping old days until there is room', async () => {
  const droppedDays = async (): Promise<number> => {
    const { values } = await storeMetrics.droppedPartitions.get()
    const isOurs = ({ labels }: { labels: { reason?: unknown; table?: unknown } }) =>
      labels.reason === 'disk' && labels.table === 'line'
    return values.find(isOurs)?.value ?? 0
  }
  let isLow = false
  const [store, clock] = await openFourDays({
    settings: settingsOf({ disk_free_min: '100MiB', disk_pressure: 'drop_oldest' }),
    readSpace: async () => {
      const isFull = isLow && (await droppedDays()) < 2
      return { freeBytes: (isFull ? 50 : 200) * mebibyte, totalBytes: 2 ** 40 }
    },
  })
  isLow = true
  await clock.advance(5_000)
  await store.flush()
  await clock.advance(5_000)
  assert.equal(store.stats().refusal, undefined)
  assert.deepEqual(await daysOf(store), { samples: [2, 3], lines: ['day 2', 'day 3'] })
})

test('on a file system that is really full, data is refused and nothing acknowledged is lost', async (context) => {
  const mount = join(root, 'small')
  mkdirSync(mount)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount], { stdio: 'pipe' })
  } catch {
    context.skip('a small file system cannot be mounted here')
    return
  }
  const options = {
    dataDir: join(mount, 'data'),
    clock: systemClock,
    openEngine: () => Promise.reject(new Error('not needed')),
  }
  try {
    const timeMs = systemClock.nowTimeMs() - 3_600_000
    // As low as can be, so that the write itself meets the end.
    const store = await openStore({ ...options, settings: settingsOf({ disk_free_min: 0 }) })
    let takenCount = 0
    await assert.rejects(
      async () => {
        for (; ; takenCount++) {
          const builder = new SampleBatchBuilder()
          for (let series = 0; series < 500; series++) {
            const id = store.seriesId(makeLabels({ __name__: 'm', series: String(series) }))
            builder.add(id, timeMs + takenCount, takenCount)
          }
          await store.append(builder.batch)
        }
      },
      { code: 'STORE_FULL', canRetry: true },
    )
    assert.ok(takenCount > 50, `${takenCount}`)
    assert.match(store.stats().refusal ?? '', /a write failed: .*ENOSPC|no space left/i)
    const check = async (from: Store): Promise<void> => {
      const found = await from.select(everything)
      assert.equal(found.length, 500)
      for (const { count } of found) assert.ok(count >= takenCount, `${count} of ${takenCount}`)
    }
    await check(store)
    execFileSync('mount', ['-o', 'remount,size=16m', mount])
    writeFileSync(join(mount, 'room'), '')
    await store.close()
    const again = await openStore({ ...options, settings: settingsOf({ disk_free_min: 0 }) })
    await check(again)
    assert.equal(await add(again, timeMs + takenCount + 1), 1)
    await again.close()
  } finally {
    for (const store of opened.splice(0)) await store.close()
    execFileSync('umount', [mount])
  }
})
