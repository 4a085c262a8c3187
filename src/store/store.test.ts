/** Sections: restart, engine and memory together, repeated flush, retention, no engine, full disk, ended series. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import type { LogSelection, Selection } from '../model/flow.ts'
import { type Labels, labelsFromPairs, makeLabels } from '../model/labels.ts'
import type { LogBatch } from '../model/log-line.ts'
import { makeMatcher } from '../model/matcher.ts'
import { bitsOf, isStaleAt, SampleBatchBuilder } from '../model/sample.ts'
import { openChdb } from './column/chdb.ts'
import { makeDiskFile } from './journal/journal-file.ts'
import { storeMetrics } from './metrics.ts'
import { Store, type StoreOptions, storeSettings } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-store-'))
after(() => rmSync(root, { recursive: true, force: true }))
let directoryCount = 0

const startTimeMs = 1_700_000_000_000
const hourMs = 3_600_000
const settings = z.object(storeSettings.top).parse({}) as StoreOptions['settings']

function newDirectory(): string {
  return join(root, String(directoryCount++))
}

const opened: Store[] = []
// One data path per process: a failed test must not leave its engine open for the next.
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

async function openStore(
  options: Partial<StoreOptions> & { dataDir: string; clock: VirtualClock },
) {
  const store = await Store.open({ settings, log: silentLog, ...options })
  opened.push(store)
  return store
}

async function add(store: Store, labels: Labels, rows: [number, number | 'stale'][]) {
  const builder = new SampleBatchBuilder(1)
  const id = store.seriesId(labels)
  for (const [timeMs, value] of rows) {
    if (value === 'stale') builder.addStale(id, timeMs)
    else builder.add(id, timeMs, value)
  }
  return await store.append(builder.batch)
}

const everything: Selection = {
  matchers: [],
  startTimeMs: Number.NEGATIVE_INFINITY,
  endTimeMs: Infinity,
}

/** Rows of the one series that a selection finds, stale markers by name. */
async function rowsOf(store: Store, selection = everything): Promise<[number, number | string][]> {
  const found = await store.select(selection)
  assert.ok(found.length <= 1)
  const rows: [number, number | string][] = []
  const series = found[0]
  if (series === undefined) return rows
  const bits = bitsOf(series.value)
  for (let row = 0; row < series.count; row++) {
    rows.push([series.timeMs[row]!, isStaleAt(bits, row) ? 'stale' : series.value[row]!])
  }
  return rows
}

function makeLogs(lines: [number, string][], labels = makeLabels({ app: 'shop' })): LogBatch {
  return {
    count: lines.length,
    streams: [labels],
    stream: new Uint32Array(lines.length),
    timeNs: BigInt64Array.from(lines.map(([timeMs]) => BigInt(timeMs) * 1_000_000n)),
    level: new Uint8Array(lines.length).fill(3),
    line: lines.map(([, line]) => line),
    metadata: lines.map(([, line]) => (line === 'traced' ? makeLabels({ trace: '1' }) : undefined)),
  }
}

const allLogs: LogSelection = {
  matchers: [],
  startTimeNs: 0n,
  endTimeNs: 4_000_000_000_000_000_000n,
  filters: [],
  limit: 1_000,
  direction: 'forward',
}

test('samples, lines and metadata are there after a restart, with and without a flush', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  const labels = labelsFromPairs(['__name__', 'm', '__proto__', 'it\'s "\\ \n\u0000 ✓'])
  const rows: [number, number | 'stale'][] = [
    [startTimeMs - 5, 1.5],
    [startTimeMs - 4, Number.NaN],
    [startTimeMs - 3, 'stale'],
    [startTimeMs - 2, Number.NEGATIVE_INFINITY],
    [startTimeMs - 1, -0],
  ]
  let store = await openStore({ dataDir, clock })
  await add(store, labels, rows)
  await store.appendLogs(makeLogs([[startTimeMs, "it's \\ here"]]))
  store.setMetadata('m', { type: 'gauge', help: 'Help.', unit: '' })
  await store.close()
  for (const shouldFlush of [false, true, false]) {
    store = await openStore({ dataDir, clock })
    assert.deepEqual(await rowsOf(store), rows)
    const [series] = await store.series(everything)
    assert.ok(series?.equals(labels))
    assert.deepEqual(
      (await store.selectLogs(allLogs)).map((line) => line.line),
      ["it's \\ here"],
    )
    assert.equal(store.metadata('m').get('m')?.help, 'Help.')
    if (shouldFlush) await store.flush()
    await store.close()
  }
})

test('older samples come from the engine and join those in memory', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  const store = await openStore({ dataDir, clock })
  const labels = makeLabels({ __name__: 'm', job: 'a' })
  const rows: [number, number | 'stale'][] = []
  const other = makeLabels({ __name__: 'n', job: 'gone' })
  await add(store, other, [[startTimeMs, 7]])
  for (let hour = 0; hour < 6; hour++) {
    const hourRows: [number, number | 'stale'][] = []
    for (let minute = 0; minute < 60; minute++) {
      const timeMs = startTimeMs + hour * hourMs + minute * 60_000
      hourRows.push([timeMs, minute === 30 ? 'stale' : hour + minute / 100])
    }
    await clock.advance(startTimeMs + (hour + 1) * hourMs - clock.nowTimeMs())
    await add(store, labels, hourRows)
    rows.push(...hourRows)
    await store.flush()
  }
  const selection = { ...everything, matchers: [makeMatcher('__name__', '=', 'm')] }
  assert.deepEqual(await rowsOf(store, selection), rows)
  assert.equal(store.selectRecent(selection), undefined, 'the range reaches behind memory')
  const recent = { ...selection, startTimeMs: clock.nowTimeMs() - 2 * hourMs }
  assert.ok(store.selectRecent(recent)![0]!.count >= 119)
  for (const [from, to] of [
    [10, 20],
    [200, 260],
    [215, 300],
    [355, 400],
  ] as const) {
    const range = {
      ...selection,
      startTimeMs: startTimeMs + from * 60_000,
      endTimeMs: startTimeMs + to * 60_000,
    }
    assert.deepEqual(
      await rowsOf(store, range),
      rows.filter(([timeMs]) => timeMs >= range.startTimeMs && timeMs <= range.endTimeMs),
      `minutes ${from} to ${to}`,
    )
  }
  assert.deepEqual(await store.labelValues('job', everything), ['a', 'gone'])
  const byExpression = { ...everything, matchers: [makeMatcher('job', '=~', 'g.+')] }
  assert.deepEqual(await rowsOf(store, byExpression), [[startTimeMs, 7]])
  assert.equal(
    (await store.series({ ...everything, matchers: [makeMatcher('job', '!=', 'a')] })).length,
    1,
  )
  await assert.rejects(store.select({ ...selection, sampleCountMax: 359 }), {
    code: 'STORE_TOO_MANY_SAMPLES',
  })
  assert.equal((await store.select({ ...selection, sampleCountMax: 360 }))[0]?.count, 360)
  await store.close()

  const directory = join(dataDir, 'journal')
  const compressed = readdirSync(directory).filter((name) => name.endsWith('.flushed.zst'))
  assert.ok(compressed.length > 0)
  assert.ok(!readdirSync(directory).some((name) => name.endsWith('.flushed')))
  // As an end in the middle of compressing would leave it.
  const plain = join(directory, compressed[0]!.replace('.zst', ''))
  writeFileSync(plain, zstdDecompressSync(readFileSync(`${plain}.zst`)))
  writeFileSync(`${plain}.zst.tmp`, 'half')
  const reopened = await openStore({ dataDir, clock })
  assert.ok(!readdirSync(directory).some((name) => name.endsWith('.tmp')))
  assert.deepEqual(await rowsOf(reopened, selection), rows, 'the same after a restart')
  assert.ok(
    reopened.selectRecent(recent)![0]!.count >= 119,
    'memory is refilled from the flushed journal',
  )
  await reopened.close()
})

test('hours that were read before are answered from memory and stay right while time goes on', async () => {
  const clock = new VirtualClock(startTimeMs)
  const store = await openStore({ dataDir: newDirectory(), clock })
  const rowsByJob = new Map<string, [number, number][]>()
  const readAll = async (from: number, to: number): Promise<Map<string, [number, number][]>> => {
    const matchers = [makeMatcher('__name__', '=', 'm')]
    const found = await store.select({ matchers, startTimeMs: from, endTimeMs: to })
    const read = new Map<string, [number, number][]>()
    for (const { labels, count, timeMs, value } of found) {
      const rows = Array.from({ length: count }, (_, row): [number, number] => [
        timeMs[row]!,
        value[row]!,
      ])
      read.set(labels.get('job'), rows)
    }
    // The next read may lie in the same memory; what was copied here must not change by that.
    store.release(found)
    return read
  }
  const expected = (from: number, to: number): Map<string, [number, number][]> => {
    const cut = new Map<string, [number, number][]>()
    for (const [job, rows] of rowsByJob) {
      const inside = rows.filter(([timeMs]) => timeMs >= from && timeMs <= to)
      if (inside.length > 0) cut.set(job, inside)
    }
    return cut
  }
  for (let half = 0; half < 16; half++) {
    const beginTimeMs = startTimeMs + (half * hourMs) / 2
    await clock.advance(beginTimeMs + hourMs / 2 - clock.nowTimeMs())
    // One series throughout, one that ends, one that begins later, one with a gap.
    for (const job of ['all', half < 6 ? 'early' : 'late', half % 4 === 0 ? 'rare' : 'all2']) {
      const rows = rowsByJob.get(job) ?? []
      const added: [number, number][] = []
      for (let minute = 0; minute < 30; minute++) {
        added.push([beginTimeMs + minute * 60_000 + job.length, half + minute / 100])
      }
      rowsByJob.set(job, [...rows, ...added])
      await add(store, makeLabels({ __name__: 'm', job }), added)
    }
    await store.flush()
    const nowTimeMs = clock.nowTimeMs()
    for (const [from, to] of [
      [startTimeMs, nowTimeMs],
      [startTimeMs + 40 * 60_000, nowTimeMs - 130 * 60_000],
      [startTimeMs + 90 * 60_000, nowTimeMs],
    ] as const) {
      if (to < from) continue
      assert.deepEqual(await readAll(from, to), expected(from, to), `half hour ${half}`)
    }
  }
  const counted = await storeMetrics.readWindows.get()
  const kept = counted.values.find(({ labels }) => labels['outcome'] === 'kept')
  assert.ok((kept?.value ?? 0) > 30, 'what no flush touched was kept')
  await store.close()
})

test('lines in the engine are found, counted and ordered together with those in memory', async () => {
  const store = await openStore({ dataDir: newDirectory(), clock: new VirtualClock(startTimeMs) })
  await store.appendLogs(
    makeLogs([
      [startTimeMs, 'first twin'],
      [startTimeMs, 'first twin'],
    ]),
  )
  await store.appendLogs(makeLogs([[startTimeMs - 60_000, 'traced']], makeLabels({ app: 'pay' })))
  await store.flush()
  await store.appendLogs(
    makeLogs([
      [startTimeMs - 30_000, 'in memory'],
      [startTimeMs, 'third'],
    ]),
  )
  const check = async (expected: string[], change: Partial<LogSelection>): Promise<void> => {
    const found = await store.selectLogs({ ...allLogs, ...change })
    assert.deepEqual(
      found.map((record) => record.line),
      expected,
    )
  }
  await check(['traced', 'in memory', 'first twin', 'first twin', 'third'], {})
  await check(['third', 'first twin', 'first twin'], { direction: 'backward', limit: 3 })
  await check(['traced'], { matchers: [makeMatcher('app', '=~', 'p.*')] })
  await check(['first twin', 'first twin', 'third'], {
    filters: [{ operator: '|~', value: '^(f|th)i' }],
  })
  const filters: LogSelection['filters'] = [
    { operator: '!=', value: 'memory' },
    { operator: '!~', value: 'tw.n' },
  ]
  await check(['traced', 'third'], { filters })
  await check([], { levels: ['error'] })
  const [traced] = await store.selectLogs({ ...allLogs, limit: 1 })
  assert.equal(traced?.metadata?.get('trace'), '1')
  const volume = await store.logVolume(
    { ...allLogs, startTimeNs: BigInt(startTimeMs - 60_000) * 1_000_000n },
    30_000,
  )
  assert.deepEqual(
    volume.map(({ timeMs, count }) => [timeMs - startTimeMs, count]),
    [
      [-60_000, 1],
      [-30_000, 1],
      [0, 3],
    ],
  )
  const endTimeNs = allLogs.endTimeNs
  assert.deepEqual(await store.logLabelValues('app', 0n, endTimeNs), ['pay', 'shop'])
  await store.close()
})

test('a flush that dies between insert and checkpoint doubles nothing', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  let isFailing = true
  let hasLines = false
  const openEngine = async () => {
    const connection = await openChdb(join(dataDir, 'engine'))
    const { client } = connection
    const command = client.command.bind(client)
    client.command = async (parameters) => {
      const result = await command(parameters)
      if (parameters.query.startsWith('INSERT INTO line')) hasLines = true
      const isInsert = /^INSERT INTO (chunk|line)/.test(parameters.query)
      if (isFailing && hasLines && isInsert) throw new Error('the answer was lost')
      return result
    }
    return connection
  }
  const store = await openStore({ dataDir, clock, openEngine })
  await add(store, makeLabels({ __name__: 'm' }), [[startTimeMs, 1]])
  await store.appendLogs(
    makeLogs([
      [startTimeMs, 'a'],
      [startTimeMs, 'a'],
    ]),
  )
  await assert.rejects(store.flush(), /the answer was lost/)
  await assert.rejects(store.flush(), /the answer was lost/)
  await store.close()
  isFailing = false
  assert.ok(hasLines)
  const reopened = await openStore({ dataDir, clock, openEngine })
  await reopened.flush()
  await clock.advance(6 * hourMs)
  await add(reopened, makeLabels({ __name__: 'n' }), [[clock.nowTimeMs(), 1]])
  await reopened.flush()
  const selection = { ...everything, matchers: [makeMatcher('__name__', '=', 'm')] }
  assert.equal(reopened.selectRecent(selection), undefined, 'the engine answers')
  assert.deepEqual(await rowsOf(reopened, selection), [[startTimeMs, 1]])
  assert.equal((await reopened.selectLogs(allLogs)).length, 2)
  assert.equal((await reopened.logVolume(allLogs, 1e12))[0]?.count, 2)
  await reopened.close()
})

test('days behind the retention leave the engine, and the journal leaves the disk', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  const store = await openStore({ dataDir, clock })
  await add(store, makeLabels({ __name__: 'm' }), [[startTimeMs, 1]])
  await store.appendLogs(makeLogs([[startTimeMs, 'old']]))
  await store.flush()
  await clock.advance(20 * 24 * hourMs)
  await add(store, makeLabels({ __name__: 'm' }), [[clock.nowTimeMs(), 2]])
  await store.appendLogs(makeLogs([[clock.nowTimeMs(), 'new']]))
  await store.flush()
  await store.close()
  const reopened = await openStore({ dataDir, clock })
  // The first turn of the household includes retention; a flush waits for it.
  await reopened.flush()
  assert.deepEqual(await rowsOf(reopened), [[clock.nowTimeMs(), 2]])
  assert.deepEqual(
    (await reopened.selectLogs(allLogs)).map((line) => line.line),
    ['new'],
  )
  await reopened.appendLogs(makeLogs([[startTimeMs, 'too old']]))
  assert.equal((await reopened.selectLogs(allLogs)).length, 1)
  const segments = readdirSync(join(dataDir, 'journal')).filter(
    (name) => !name.startsWith('series'),
  )
  assert.ok(segments.length <= 1, `left: ${segments}`)
  await reopened.close()
})

test('when the folder of the engine was deleted, samples that the journal has are brought in again', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  const labels = makeLabels({ __name__: 'm' })
  const said: string[] = []
  const log = {
    ...silentLog,
    child: () => log,
    error: (_facts: object, text: string) => said.push(text),
  }
  let store = await openStore({ dataDir, clock })
  await add(store, labels, [[startTimeMs - 2, 1]])
  await store.appendLogs(makeLogs([[startTimeMs - 2, 'gone']]))
  await store.flush()
  await add(store, labels, [[startTimeMs - 1, 2]])
  await store.appendLogs(makeLogs([[startTimeMs - 1, 'line']]))
  await store.close()
  assert.ok(readdirSync(join(dataDir, 'journal')).some((name) => name.includes('.flushed')))
  rmSync(join(dataDir, 'engine'), { recursive: true })
  for (let turn = 0; turn < 2; turn++) {
    store = await openStore({ dataDir, clock, log: log as never })
    await store.flush()
    assert.deepEqual(await rowsOf(store), [
      [startTimeMs - 2, 1],
      [startTimeMs - 1, 2],
    ])
    assert.deepEqual(
      (await store.selectLogs(allLogs)).map(({ line }) => line),
      ['line'],
    )
    await store.close()
  }
  assert.equal(said.length, 1, 'told once')
  assert.match(said[0]!, /folder of the storage engine is gone/)
  // Now from the engine alone.
  for (const name of readdirSync(join(dataDir, 'journal'))) {
    if (name.includes('.flushed')) rmSync(join(dataDir, 'journal', name))
  }
  store = await openStore({ dataDir, clock, log: log as never })
  assert.deepEqual(
    (await store.selectLogs(allLogs)).map(({ line }) => line),
    ['line'],
  )
})

test('without an engine, appending and recent reading go on; older ranges say why they cannot', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  const labels = makeLabels({ __name__: 'm' })
  const store = await openStore({
    dataDir,
    clock,
    openEngine: () => Promise.reject(new Error('no such library')),
  })
  await add(store, labels, [[startTimeMs, 1]])
  await store.appendLogs(makeLogs([[startTimeMs, 'line']]))
  await assert.rejects(store.flush(), { code: 'STORE_ENGINE_UNAVAILABLE' })
  assert.deepEqual(await rowsOf(store), [[startTimeMs, 1]])
  assert.equal((await store.selectLogs(allLogs)).length, 1)
  await store.close()

  const healed = await openStore({ dataDir, clock })
  await healed.flush()
  await clock.advance(6 * hourMs)
  // Another series: memory lets go of whole chunks only.
  await add(healed, makeLabels({ __name__: 'n' }), [[clock.nowTimeMs(), 2]])
  await healed.flush()
  await healed.close()

  const again = await openStore({
    dataDir,
    clock,
    openEngine: () => Promise.reject(new Error('no such library')),
  })
  await assert.rejects(again.select(everything), { code: 'STORE_ENGINE_UNAVAILABLE' })
  assert.equal(
    again.selectRecent({ ...everything, startTimeMs: clock.nowTimeMs() - hourMs })?.length,
    1,
  )
  assert.deepEqual(await again.labelNames(everything), ['__name__'])
  await again.close()
})

test('a full disk refuses with a retryable error, keeps what was taken, and heals', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  let roomBytes = Infinity
  let canTruncate = true
  const store = await openStore({
    dataDir,
    clock,
    openEngine: () => Promise.reject(new Error('not needed')),
    makeJournalFile: async (path) => {
      const file = await makeDiskFile(path)
      return {
        ...file,
        write: async (bytes, offset) => {
          const part = bytes.subarray(0, Math.min(bytes.length, roomBytes))
          await file.write(part, offset)
          roomBytes -= part.length
          if (part.length < bytes.length) throw new Error('ENOSPC: no space left on device')
        },
        truncate: async (size) => {
          if (!canTruncate) throw new Error('EIO')
          await file.truncate(size)
        },
      }
    },
  })
  const labels = makeLabels({ __name__: 'm' })
  await add(store, labels, [[startTimeMs, 1]])
  for (const can of [true, false]) {
    roomBytes = 30
    canTruncate = can
    const full = { code: 'STORE_FULL', canRetry: true, status: 503 }
    const refused = await Promise.allSettled([
      add(store, labels, [[startTimeMs + (can ? 1 : 2), can ? 2 : 3]]),
      add(store, labels, [[startTimeMs + 5, 5]]),
      store.appendLogs(makeLogs([[startTimeMs, 'lost']])),
    ])
    for (const one of refused) {
      assert.equal(one.status, 'rejected')
      assert.equal((one as PromiseRejectedResult).reason.code, full.code)
      assert.equal((one as PromiseRejectedResult).reason.canRetry, true)
    }
    assert.deepEqual(
      await rowsOf(store),
      can
        ? [[startTimeMs, 1]]
        : [
            [startTimeMs, 1],
            [startTimeMs + 1, 2],
          ],
    )
    roomBytes = Infinity
    const retried = await add(store, labels, [[startTimeMs + (can ? 1 : 2), can ? 2 : 3]])
    assert.equal(retried.accepted, 1, 'the same rows are taken when there is room')
  }
  const expected = [0, 1, 2].map((step) => [startTimeMs + step, step + 1])
  assert.deepEqual(await rowsOf(store), expected)
  await store.close()
  const reopened = await openStore({
    dataDir,
    clock,
    openEngine: () => Promise.reject(new Error('not needed')),
  })
  assert.deepEqual(await rowsOf(reopened), expected)
  await reopened.close()
})

test('the journal limit refuses until it is raised, and a closed store refuses all', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  const small = { ...settings, store: { ...settings.store, journal_size_max: 200 } }
  const openEngine = () => Promise.reject(new Error('down'))
  const store = await openStore({ dataDir, clock, settings: small, openEngine })
  const labels = makeLabels({ __name__: 'm' })
  let takenCount = 0
  await assert.rejects(
    async () => {
      for (; takenCount < 100; takenCount++)
        await add(store, labels, [[startTimeMs + takenCount, 1]])
    },
    { code: 'STORE_FULL' },
  )
  assert.ok(takenCount > 1 && takenCount < 20)
  assert.equal((await rowsOf(store)).length, takenCount)
  store.reload(settings)
  await add(store, labels, [[startTimeMs + 200, 1]])
  await store.close()
  await assert.rejects(add(store, labels, [[startTimeMs + 201, 1]]), { code: 'STORE_CLOSED' })
})

test('series that ended give their numbers back, and these never mix up series', async () => {
  const dataDir = newDirectory()
  const clock = new VirtualClock(startTimeMs)
  let store = await openStore({ dataDir, clock })
  const expected = new Map<string, [number, number][]>()
  const epoch = store.seriesEpoch
  for (let round = 0; round < 12; round++) {
    for (let index = 0; index < 20; index++) {
      const labels = makeLabels({ __name__: 'm', pod: `${round}-${index}` })
      await add(store, labels, [[clock.nowTimeMs(), round * 100 + index]])
      expected.set(labels.key, [[clock.nowTimeMs(), round * 100 + index]])
    }
    await clock.advance(hourMs)
    await store.flush()
    if (round % 5 === 3) {
      await store.close()
      store = await openStore({ dataDir, clock })
    }
  }
  assert.ok(store.seriesEpoch >= epoch)
  assert.ok(store.stats().seriesCount < 200, `left ${store.stats().seriesCount}`)
  const found = await store.select(everything)
  assert.equal(found.length, expected.size)
  for (const series of found) {
    assert.deepEqual(
      [[series.timeMs[0], series.value[0]]],
      expected.get(series.labels.key),
      series.labels.toString(),
    )
  }
  await store.close()
})

test('memory gives up its oldest part when it is too full, and nothing is missing from answers', async () => {
  const clock = new VirtualClock(startTimeMs)
  const small = { ...settings, store: { ...settings.store, memory_size_max: 40_000 } }
  const store = await openStore({ dataDir: newDirectory(), clock, settings: small })
  const labels = makeLabels({ __name__: 'm' })
  const rows: [number, number][] = []
  for (let index = 0; index < 7_000; index++)
    rows.push([startTimeMs - 7_000_000 + index * 1_000, index])
  await add(store, labels, rows)
  assert.ok(store.selectRecent(everything), 'all in memory at first')
  await store.flush()
  assert.equal(store.selectRecent(everything), undefined)
  const recent = store.selectRecent({ ...everything, startTimeMs: startTimeMs - 300_000 })
  assert.equal(recent?.[0]?.count, 300, 'the last minutes stay, whatever the limit')
  assert.deepEqual(await rowsOf(store), rows)
  const late = await add(store, makeLabels({ __name__: 'n' }), [[startTimeMs - 7_000_000, 1]])
  assert.deepEqual(late.reasons, {}, 'older than what memory covers is taken all the same')
  assert.ok(store.stats().engineBytes > 0)
  assert.equal(store.stats().oldestTimeMs, startTimeMs - 7_000_000)
})

test('under journal_sync: always, names and rows are on the disk before the acknowledgement', async () => {
  const unsynced = new Set<string>()
  let syncCount = 0
  const always = { ...settings, store: { ...settings.store, journal_sync: 'always' as const } }
  const store = await openStore({
    dataDir: newDirectory(),
    clock: new VirtualClock(startTimeMs),
    settings: always,
    openEngine: () => Promise.reject(new Error('not needed')),
    makeJournalFile: async (path) => {
      const file = await makeDiskFile(path)
      return {
        ...file,
        write: async (bytes, offset) => {
          unsynced.add(path)
          await file.write(bytes, offset)
        },
        sync: async () => {
          await file.sync()
          syncCount++
          unsynced.delete(path)
        },
      }
    },
  })
  for (let index = 0; index < 3; index++) {
    await add(store, makeLabels({ __name__: `m${index}` }), [[startTimeMs, 1]])
    assert.deepEqual([...unsynced], [])
  }
  assert.equal(syncCount, 6, 'the series log and the segment, three times')
})
