/** Days are written anew: fewer chunks, the same samples; without what is dropped; never over rows that came in between. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { makeLabels } from '../model/labels.ts'
import { clearBlockDirectory } from './column/block-file.ts'
import { openChdb } from './column/chdb.ts'
import { ChunkWriter, WrittenDays } from './column/chunk-writer.ts'
import { DayRewriter } from './column/day-rewriter.ts'
import { Engine } from './column/engine.ts'
import { EngineQuerier } from './column/engine-querier.ts'
import { OldSamples } from './column/old-samples.ts'
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
  const insert = async (name: string, times: readonly number[]): Promise<void> => {
    const writer = new ChunkWriter({ index, written, versions, directory: blocks })
    const labels = makeLabels({ __name__: name })
    const found = index.find(labels)
    const id = found < 0 ? index.add(labels) : found
    const timeMs = Float64Array.from(times)
    writer.add(
      id,
      { timeMs, value: timeMs.map((time) => (time - startTimeMs) / minuteMs) },
      times.length,
    )
    await writer.finish(engine)
    await writer.discard()
  }
  const rewriter = new DayRewriter({ engine, versions, directory: blocks })
  const querier = new EngineQuerier({ engine, versions, cacheBytesMax: () => 1 << 24 })
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
  const oldSamples = new OldSamples({ engine, versions, directory: old })
  return { directory, engine, clock, insert, rewriter, oldSamples, read, countChunks }
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
  const { engine, insert, rewriter, oldSamples, read, directory, clock } = await openDay()
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
    const parts = { directory, engine, rewriter, oldSamples, clock, log: silentLog, alone: late }
    const compactor = new Compactor(parts)
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
  const { engine, insert, rewriter, oldSamples, countChunks, directory, clock } = await openDay()
  try {
    for (let hour = 0; hour < 5; hour++) await insert('a', minutes(hour * 60, hour * 60 + 60))
    const parts = { directory, engine, rewriter, oldSamples, clock, log: silentLog, alone }
    const wake = async (): Promise<number> => {
      const compactor = new Compactor(parts)
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
  const { engine, insert, oldSamples, rewriter, read, directory, clock } = await openDay()
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
    const parts = { directory, engine, rewriter, oldSamples, clock, log: silentLog, alone }
    const compactor = new Compactor(parts)
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
