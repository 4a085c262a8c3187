/** Chunks as they come are series in order of time, whatever overlaps, whatever was kept, and however large. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { SeriesColumns } from '../../model/flow.ts'
import { makeLabels } from '../../model/labels.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { bitsOf, isStaleAt, setStaleAt } from '../../model/sample.ts'
import { SeriesIndex } from '../head/series-index.ts'
import { storeMetrics } from '../metrics.ts'
import { clearBlockDirectory } from './block-file.ts'
import { openChdb } from './chdb.ts'
import { ChunkWriter, WrittenDays } from './chunk-writer.ts'
import { Engine } from './engine.ts'
import { EngineQuerier } from './engine-querier.ts'
import { RollupBook } from './rollup-book.ts'
import { SpanVersions } from './span-versions.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-querier-'))
const blocks = join(root, 'flush')
clearBlockDirectory(blocks)

const clock = new VirtualClock(1_700_000_000_000)
const engine = new Engine({ open: () => openChdb(join(root, 'engine')), clock, log: silentLog })
const versions = new SpanVersions()
const index = new SeriesIndex()
const written = new WrittenDays()
let cacheBytesMax = 1 << 26
const rollups = new RollupBook(versions)
const querier = new EngineQuerier({
  engine,
  versions,
  rollups,
  cacheBytesMax: () => cacheBytesMax,
})

before(() => engine.start())
after(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true })
})

type Rows = readonly (readonly [number, number])[]

/** Writes chunks of several series at once. */
async function insert(series: Record<string, Rows>): Promise<void> {
  const writer = new ChunkWriter({ index, written, versions, directory: blocks })
  for (const [name, rows] of Object.entries(series)) {
    const labels = makeLabels({ __name__: name })
    const found = index.find(labels)
    const id = found < 0 ? index.add(labels) : found
    let timeMs = Float64Array.from(rows, ([time]) => time)
    let value = Float64Array.from(rows, ([, one]) => one)
    while (timeMs.length > 0) {
      const done = writer.add(id, { timeMs, value }, timeMs.length)
      timeMs = timeMs.subarray(done)
      value = value.subarray(done)
      if (writer.isFull || timeMs.length > 0) await writer.rest()
    }
  }
  await writer.finish(engine)
  await writer.discard()
}

function rowsOf(answer: readonly SeriesColumns[]): Map<string, [number, number][]> {
  const rows = answer.map(({ labels, count, timeMs, value }): [string, [number, number][]] => [
    labels.get('__name__'),
    Array.from({ length: count }, (_, row) => [timeMs[row]!, value[row]!]),
  ])
  return new Map(rows.sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function read(pattern: string, startTimeMs: number, endTimeMs: number) {
  const matchers = [makeMatcher('__name__', '=~', pattern)]
  const answer = await querier.select({ matchers, startTimeMs, endTimeMs }, [])
  const rows = rowsOf(answer)
  querier.release(answer)
  return rows
}

/** The same one by one; what is told of values must be true. */
async function visit(pattern: string, startTimeMs: number, endTimeMs: number) {
  const matchers = [makeMatcher('__name__', '=~', pattern)]
  const rows = new Map<string, [number, number][]>()
  const visitor = {
    expect: () => undefined,
    visit(series: SeriesColumns) {
      for (const [name, points] of rowsOf([series])) rows.set(name, points)
      const values = series.value.subarray(0, series.count)
      if (series.isEachNumber) assert.ok(!values.includes(Number.NaN))
      if (series.isRising)
        assert.ok(values.every((one, row) => row === 0 || one >= values[row - 1]!))
      return undefined
    },
  }
  await querier.visit({ matchers, startTimeMs, endTimeMs }, [], visitor)
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
}

async function keptCount(): Promise<number> {
  const { values } = await storeMetrics.readWindows.get()
  return values.find(({ labels }) => labels['outcome'] === 'kept')?.value ?? 0
}

/** A generator of numbers below a bound, the same each time. */
function makeRandom(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % bound
  }
}

const originTimeMs = 1_699_999_200_000
const hourMs = 3_600_000

test('chunks that overlap, repeat and come in any order are read as one series, over any range', async () => {
  const random = makeRandom(7)
  const model = new Map<string, Map<number, number>>()
  for (let round = 0; round < 12; round++) {
    const series: Record<string, Rows> = {}
    for (const name of ['x1', 'x2', 'x3']) {
      if (random(4) === 0) continue
      const from = originTimeMs + random(40) * hourMs
      const stepMs = 1 + random(90_000)
      const known = model.get(name) ?? new Map<number, number>()
      model.set(name, known)
      // A sample of a time has one value, wherever it comes from.
      series[name] = Array.from({ length: 1 + random(500) }, (_, row) => {
        const time = from + row * stepMs
        known.set(time, (time % 1_000) / 10)
        return [time, (time % 1_000) / 10] as const
      })
    }
    await insert(series)
    for (let ask = 0; ask < 4; ask++) {
      const start = originTimeMs + random(45) * hourMs - random(hourMs)
      const end = start + random(30 * hourMs)
      const expected = new Map<string, [number, number][]>()
      for (const name of [...model.keys()].sort()) {
        const rows = [...model.get(name)!].filter(([time]) => time >= start && time <= end)
        if (rows.length > 0)
          expected.set(
            name,
            rows.sort(([a], [b]) => a - b),
          )
      }
      assert.deepEqual(await read('x.', start, end), expected, `round ${round}`)
      assert.deepEqual(await visit('x.', start, end), [...expected], `round ${round}, one by one`)
    }
  }
})

test('what was read is kept until rows come into its span, and only there', async () => {
  const span = 6 * hourMs
  const begin = Math.ceil(originTimeMs / span) * span + 100 * span
  await insert({ k: [[begin, 1]] })
  await insert({ k: [[begin + span, 2]] })
  await read('k', begin, begin + 2 * span - 1)
  const before = await keptCount()
  await read('k', begin, begin + 2 * span - 1)
  assert.equal(await keptCount(), before + 2)
  await insert({ k: [[begin + span + 1, 3]] })
  const rows = await read('k', begin, begin + 2 * span - 1)
  assert.equal(await keptCount(), before + 3, 'one span of two')
  assert.deepEqual(
    rows.get('k')?.map(([, value]) => value),
    [1, 2, 3],
  )
  await engine.command('ALTER TABLE chunk DROP PARTITION 1')
  await read('k', begin, begin + 2 * span - 1)
  assert.equal(await keptCount(), before + 3, 'rows may have gone')
  cacheBytesMax = 0
  await read('k|other', begin, begin)
  await read('k|other', begin, begin)
  assert.equal(await keptCount(), before + 3, 'there is no room to keep it')
  cacheBytesMax = 1 << 26
})

test('millions of samples of some series come whole, and more than the limit is refused', async () => {
  const count = 700_000
  const begin = originTimeMs - 1_000 * hourMs
  const series: Record<string, Rows> = {}
  for (let one = 0; one < 3; one++) {
    series[`big${one}`] = Array.from({ length: count }, (_, row) => [begin + row * 50, row + one])
  }
  await insert(series)
  const matchers = [makeMatcher('__name__', '=~', 'big.')]
  const range = { matchers, startTimeMs: begin, endTimeMs: begin + count * 50 }
  for (let round = 0; round < 2; round++) {
    const answer = await querier.select({ ...range, sampleCountMax: 3 * count }, [])
    assert.equal(answer.length, 3)
    for (const found of answer) {
      const offset = Number(found.labels.get('__name__').at(-1))
      assert.equal(found.count, count)
      for (let row = 0; row < count; row += 997) {
        assert.equal(found.timeMs[row], begin + row * 50)
        assert.equal(found.value[row], row + offset)
      }
    }
    // The next answer may lie in the same memory.
    querier.release(answer)
  }
  const tooMany = { code: 'STORE_TOO_MANY_SAMPLES' }
  await assert.rejects(querier.select({ ...range, sampleCountMax: 3 * count - 1 }, []), tooMany)
  const part = { ...range, endTimeMs: begin + 99 * 50, sampleCountMax: 300 }
  const found = await querier.select(part, [])
  assert.deepEqual(
    found.map((one) => one.count),
    [100, 100, 100],
    'of a chunk only what is asked for counts',
  )
})

test('a stale marker stays one, at the edge of a range too', async () => {
  const writer = new ChunkWriter({ index, written, versions, directory: blocks })
  const id = index.add(makeLabels({ __name__: 'ended' }))
  const timeMs = Float64Array.of(originTimeMs, originTimeMs + 1, originTimeMs + 2)
  const value = Float64Array.of(5, 6, 0)
  setStaleAt(bitsOf(value), 2)
  writer.add(id, { timeMs, value }, 3)
  await writer.finish(engine)
  await writer.discard()
  const matchers = [makeMatcher('__name__', '=', 'ended')]
  const range = { startTimeMs: originTimeMs + 1, endTimeMs: originTimeMs + 2 }
  const [found] = await querier.select({ matchers, ...range }, [])
  assert.equal(found?.count, 2)
  assert.equal(found?.value[0], 6)
  assert.ok(isStaleAt(bitsOf(found!.value), 1))
})
