/** Days are written anew: fewer chunks, the same samples; without what is dropped; never over rows that came in between. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import type { SeriesColumns } from '../model/flow.ts'
import { makeLabels } from '../model/labels.ts'
import { makeMatcher } from '../model/matcher.ts'
import { bitsOf, isStaleAt } from '../model/sample.ts'
import { clearBlockDirectory } from './column/block-file.ts'
import { openChdb } from './column/chdb.ts'
import { ChunkWriter, WrittenDays } from './column/chunk-writer.ts'
import { DayRewriter } from './column/day-rewriter.ts'
import { Engine } from './column/engine.ts'
import { EngineQuerier } from './column/engine-querier.ts'
import { OldSamples } from './column/old-samples.ts'
import { RollupBook } from './column/rollup-book.ts'
import { RollupMaker } from './column/rollup-maker.ts'
import { SpanVersions } from './column/span-versions.ts'
import { dayMs } from './column/tables.ts'
import { Compactor } from './compactor.ts'
import { hashLabels, hashMetric, SeriesIndex } from './head/series-index.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-compactor-'))
after(() => rmSync(root, { recursive: true, force: true }))

const day = 19_675
const startTimeMs = day * dayMs
const minuteMs = 60_000

/** An engine with a day of samples in many small chunks. */
async function openDay() {
  const directory = mkdtempSync(join(root, 'data-'))
  const blocks = join(directory, 'flush')
  clearBlockDirectory(blocks)
  const clock = new VirtualClock(startTimeMs + dayMs)
  const engine = new Engine({
    open: () => openChdb(join(directory, 'engine')),
    clock,
    log: silentLog,
  })
  await engine.start()
  const versions = new SpanVersions()
  const index = new SeriesIndex()
  const written = new WrittenDays()
  const insert = async (
    name: string,
    times: readonly number[],
    valueAt = (timeMs: number): number => (timeMs - startTimeMs) / minuteMs,
  ): Promise<void> => {
    const writer = new ChunkWriter({ index, written, versions, directory: blocks })
    const labels = makeLabels({ __name__: name })
    const found = index.find(labels)
    const id = found < 0 ? index.add(labels) : found
    const timeMs = Float64Array.from(times)
    writer.add(id, { timeMs, value: timeMs.map(valueAt) }, times.length)
    await writer.finish(engine)
    await writer.discard()
  }
  const rewriter = new DayRewriter({ engine, versions, directory: blocks })
  const rollups = new RollupBook(versions)
  const querier = new EngineQuerier({ engine, versions, rollups, cacheBytesMax: () => 1 << 24 })
  const read = async (): Promise<Record<string, number[]>> => {
    const range = { startTimeMs: startTimeMs - dayMs, endTimeMs: startTimeMs + 2 * dayMs }
    const found = await querier.select({ matchers: [], ...range }, [])
    const rows = found.map(({ labels, value, count }): [string, number[]] => {
      return [labels.get('__name__'), [...value.subarray(0, count)]]
    })
    return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  const countChunks = async (): Promise<number> => {
    const blocks = await engine.query('SELECT toUInt64(count()) FROM chunk')
    return Number((blocks[0]!.columns[0] as BigUint64Array)[0])
  }
  const old = join(blocks, 'old')
  clearBlockDirectory(old)
  const rest = { engine, clock, directory, rewriter, log: silentLog }
  const parts = {
    ...rest,
    oldSamples: new OldSamples({ engine, versions, directory: old }),
    rollupMaker: new RollupMaker({ engine, versions, directory: old }),
    rollups,
  }
  return { ...rest, parts, insert, querier, read, countChunks }
}

const alone = (work: () => Promise<boolean>): Promise<boolean> => work()
const minutes = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, row) => startTimeMs + (from + row) * minuteMs)
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, row) => from + row)

test('a day in few chunks has the same samples, equal times once, and a dropped range has none', async () => {
  const { engine, insert, rewriter, read, countChunks } = await openDay()
  try {
    for (let hour = 0; hour < 24; hour++) await insert('a', minutes(hour * 60, hour * 60 + 60))
    await insert('a', minutes(30, 90))
    await insert('b', minutes(0, 10))
    await insert('b', minutes(1_450, 1_460))
    const before = await read()
    assert.deepEqual(before, {
      a: numbers(0, 1_440),
      b: [...numbers(0, 10), ...numbers(1_450, 1_460)],
    })
    assert.equal(await countChunks(), 27)
    const done = await rewriter.rewrite(day, { alone })
    assert.deepEqual(done, { chunkCount: 5, sampleCount: 1_450, droppedCount: 0 })
    assert.deepEqual(await read(), before)
    assert.equal(await countChunks(), 6, 'the next day is as it was')

    const range = { startTimeMs: startTimeMs + 100 * minuteMs, endTimeMs: Infinity }
    const dropped = { has: () => true, ...range }
    assert.equal((await rewriter.rewrite(day, { alone, dropped }))?.droppedCount, 1_340)
    assert.deepEqual(await read(), {
      a: numbers(0, 100),
      b: [...numbers(0, 10), ...numbers(1_450, 1_460)],
    })
    const all = { has: () => true, startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }
    await rewriter.rewrite(day, { alone, dropped: all })
    assert.deepEqual(await read(), { b: numbers(1_450, 1_460) })
    const labels = await engine.query(`SELECT toUInt64(count()) FROM series WHERE day = ${day}`)
    assert.equal((labels[0]!.columns[0] as BigUint64Array)[0], 0n, 'nor do names stay')
  } finally {
    await engine.close()
  }
})

test('rows that come into a day while it is written are not lost', async () => {
  const { engine, insert, rewriter, parts, read } = await openDay()
  try {
    await insert('a', minutes(0, 60))
    let tryCount = 0
    const late = async (work: () => Promise<boolean>): Promise<boolean> => {
      if (tryCount++ === 0) await insert('a', minutes(60, 70))
      return work()
    }
    assert.equal(await rewriter.rewrite(day, { alone: late }), undefined)
    assert.deepEqual(await read(), { a: numbers(0, 70) })
    tryCount = 0
    const compactor = new Compactor({ ...parts, alone: late })
    const dropped = { has: () => true, startTimeMs: 0, endTimeMs: startTimeMs + 5 * minuteMs - 1 }
    assert.equal(await compactor.drop(dropped), 5)
    assert.equal(tryCount, 2)
    assert.deepEqual(await read(), { a: numbers(5, 70) })
    await compactor.stop()
  } finally {
    await engine.close()
  }
})

test('a day that is over is written once, and again when enough came into it', async () => {
  const { engine, insert, parts, countChunks, clock } = await openDay()
  try {
    for (let hour = 0; hour < 5; hour++) await insert('a', minutes(hour * 60, hour * 60 + 60))
    const wake = async (): Promise<number> => {
      const compactor = new Compactor({ ...parts, alone })
      compactor.wake()
      await compactor.drop({ has: () => false, startTimeMs: 1, endTimeMs: 0 })
      await compactor.stop()
      return countChunks()
    }
    assert.equal(await wake(), 5, 'it is not over long enough')
    await clock.advance(2 * 60 * minuteMs)
    assert.equal(await wake(), 1)
    await insert('a', minutes(300, 310))
    assert.equal(await wake(), 2, 'one chunk is not worth it')
    for (let minute = 0; minute < 110; minute++) await insert('a', minutes(minute, minute + 1))
    assert.equal(await wake(), 1)
  } finally {
    await engine.close()
  }
})

test('samples that an earlier version kept one a row are packed once, with every bit', async () => {
  const { engine, insert, parts, read } = await openDay()
  try {
    await insert('a', minutes(0, 1))
    await insert('b', [startTimeMs - 2 * minuteMs])
    await engine.command(
      'CREATE TABLE sample (metric UInt32, series UInt64, time Int64, value Float64) ENGINE = MergeTree PARTITION BY intDiv(time, 86400000) ORDER BY (metric, series, time)',
    )
    const fill = (name: string, from: number, to: number): Promise<void> => {
      const labels = makeLabels({ __name__: name })
      const { high, low } = hashLabels(labels)
      const series = (BigInt(high) << 32n) | BigInt(low)
      return engine.command(
        `INSERT INTO sample SELECT ${hashMetric(name)}, ${series}, ${startTimeMs} + (number + ${from}) * ${minuteMs}, if(number + ${from} = 7, nan, toFloat64(number + ${from})) FROM numbers(${to - from})`,
      )
    }
    await fill('a', 0, 600)
    await fill('a', 590, 610)
    await fill('b', -10, 3)
    const compactor = new Compactor({ ...parts, alone })
    await compactor.compactAll()
    await compactor.stop()
    const withNan = numbers(0, 610)
    withNan[7] = Number.NaN
    assert.deepEqual(await read(), { a: withNan, b: numbers(-10, 3) })
    const tables = await engine.query("SELECT name FROM system.tables WHERE name = 'sample'")
    assert.deepEqual(tables, [], 'it is gone')
  } finally {
    await engine.close()
  }
})

const steps = 8_640

/** What windows ask, in one number each: first, last, least, largest, count, and what a counter grew by. */
function factsOf(series: SeriesColumns, fromTimeMs: number, toTimeMs: number): number[] {
  const isCounter = series.labels.get('__name__') === 'counter'
  const { timeMs, value, count, ordinal } = series
  const bits = bitsOf(value)
  const rows: number[] = []
  for (let row = 0; row < count; row++) {
    const isInside = timeMs[row]! > fromTimeMs && timeMs[row]! <= toTimeMs
    if (isInside && !isStaleAt(bits, row)) rows.push(row)
  }
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) return []
  let growth = value[last]! - value[first]!
  for (let at = 1; at < rows.length; at++) {
    if (value[rows[at]!]! < value[rows[at - 1]!]!) growth += value[rows[at - 1]!]!
  }
  const numbers = rows.map((row) => value[row]!).filter((number) => !Number.isNaN(number))
  const length = ordinal === undefined ? rows.length : ordinal[last]! - ordinal[first]! + 1
  const ends = [value[first]!, value[last]!, timeMs[first]!, timeMs[last]!]
  return [...ends, Math.min(...numbers), Math.max(...numbers), length, isCounter ? growth : 0]
}

test('a day that is over for long is answered from rollups as from all samples, until rows come into it', async () => {
  const { engine, insert, querier, parts, clock } = await openDay()
  try {
    const hasGap = (step: number): boolean => step > 2_100 && step < 3_300
    const times = Array.from({ length: steps }, (_, step) => startTimeMs + step * 10_000 + 7)
    const kinds: Record<string, (step: number) => number> = {
      counter: (step) => (step < 1_500 ? step * 1.25 : (step - 1_500) * 2.5),
      gauge: (step) => Math.round(Math.sin(step / 9) * 1_000) / 10,
      odd: (step) => (step % 500 === 3 ? Number.NaN : step % 7),
    }
    for (const [name, makeValue] of Object.entries(kinds)) {
      const kept = times.filter((_, step) => name !== 'odd' || !hasGap(step))
      const valueAt = (timeMs: number) => makeValue((timeMs - 7 - startTimeMs) / 10_000)
      await insert(name, kept, valueAt)
    }
    // The next day has buckets of an hour alone: five minutes have too few samples.
    await insert('counter', minutes(1_440, 1_500), (timeMs) => timeMs - startTimeMs)
    await clock.advance(3 * dayMs)
    const compactor = new Compactor({ ...parts, alone })
    compactor.wake()
    await compactor.drop({ has: () => false, startTimeMs: 1, endTimeMs: 0 })
    assert.deepEqual(parts.rollups.levelsOf(day), [3_600_000, 300_000])
    const select = async (
      bucketMs: number | undefined,
      areFallsNeeded = false,
    ): Promise<SeriesColumns[]> => {
      const range = { startTimeMs: startTimeMs + 1, endTimeMs: startTimeMs + 25 * 3_600_000 }
      const buckets =
        bucketMs === undefined ? {} : { buckets: { lengthMs: bucketMs, areFallsNeeded } }
      const matchers = areFallsNeeded ? [makeMatcher('__name__', '=', 'counter')] : []
      const found = await querier.select({ matchers, ...range, ...buckets }, [])
      const nameOf = ({ labels }: SeriesColumns) => labels.get('__name__')
      return found.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    }
    const all = await select(undefined)
    for (const bucketMs of [300_000, 600_000, 3_600_000, 7_200_000]) {
      const rolled = await select(bucketMs)
      assert.equal(rolled.length, 3)
      for (const [index, series] of rolled.entries()) {
        const whole = all[index]!
        assert.ok(series.ordinal !== undefined && series.count < whole.count / 2, `${series.count}`)
        for (let at = 0; at < 25 * 3_600_000; at += bucketMs) {
          for (const rangeMs of [bucketMs, 3 * bucketMs]) {
            const [from, to] = [startTimeMs + at - rangeMs, startTimeMs + at]
            assert.deepEqual(
              factsOf(series, from, to),
              factsOf(whole, from, to),
              `${bucketMs} ${at}`,
            )
          }
        }
      }
    }
    assert.ok(
      (await select(200_000)).every(({ ordinal }) => ordinal === undefined),
      'no such buckets',
    )
    await insert('gauge', [startTimeMs + 3], () => -5)
    const late = await select(300_000)
    assert.ok(late.every(({ ordinal }) => ordinal === undefined))
    assert.equal(late[1]?.value[0], -5)
    await compactor.stop()
    const again = new Compactor({ ...parts, alone })
    again.wake()
    await again.drop({ has: () => true, startTimeMs, endTimeMs: startTimeMs + 3_600_000 })
    assert.equal(parts.rollups.levelsOf(day), undefined, 'nor do rollups keep what was deleted')
    const left = await engine.query(
      `SELECT toUInt64(count()) FROM rollup WHERE start < ${startTimeMs + dayMs}`,
    )
    assert.equal((left[0]!.columns[0] as BigUint64Array)[0], 0n)
    await again.stop()
  } finally {
    await engine.close()
  }
})
