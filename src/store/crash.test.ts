/** What was acknowledged survives kill -9, whenever it comes. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { makeSeededRandom } from '../base/random.ts'
import { z } from '../config/schema.ts'
import { makeMatcher } from '../model/matcher.ts'
import { Store, type StoreSettings, storeSettings } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-crash-'))
after(() => rmSync(root, { recursive: true, force: true }))
const settings = z.object(storeSettings.top).parse({}) as StoreSettings
const child = join(import.meta.dirname, '../../test/support/store-crash-child.ts')
const busyChild = join(import.meta.dirname, '../../test/support/store-busy-child.ts')

/** Runs the victim until it has acknowledged `ackCount` batches and kills it; answers the last round by lane. */
async function killAfter(
  dataDir: string,
  victim: { run: string; startTimeMs: number; ackCount: number },
): Promise<Map<string, number>> {
  const { run, startTimeMs, ackCount } = victim
  const acknowledged = new Map<string, number>()
  const process_ = spawn(process.execPath, [child, dataDir, run, String(startTimeMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => process_.on('close', resolve))
  let count = 0
  for await (const line of createInterface({ input: process_.stdout })) {
    const match = /^(\d) (\d+)$/.exec(line)
    if (match === null) continue
    acknowledged.set(`${run}-${match[1]}`, Number(match[2]))
    if (++count === ackCount) process_.kill('SIGKILL')
  }
  await ended
  return acknowledged
}

test('every acknowledged sample and line is there after kill -9 at random points', async (context) => {
  const dataDir = join(root, 'killed')
  const seed = systemClock.nowTimeMs() % 100_000
  context.diagnostic(`seed ${seed}`)
  const random = makeSeededRandom(seed)
  const startTimeMs = systemClock.nowTimeMs() - 600_000
  const acknowledged = new Map<string, number>()
  for (let run = 0; run < 6; run++) {
    const ackCount = 1 + Math.floor(random() * 400)
    for (const [lane, round] of await killAfter(dataDir, {
      run: String(run),
      startTimeMs,
      ackCount,
    })) {
      acknowledged.set(lane, round)
    }
    if (run === 3) {
      // Power may also leave half a record behind.
      for (const name of readdirSync(join(dataDir, 'journal'))) {
        appendFileSync(join(dataDir, 'journal', name), Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 1]))
      }
    }
  }
  const store = await Store.open({ dataDir, settings, clock: systemClock, log: silentLog })
  const all = { startTimeMs: 0, endTimeMs: Infinity }
  let sampleCount = 0
  for (const [lane, lastRound] of acknowledged) {
    const found = await store.select({ ...all, matchers: [makeMatcher('lane', '=', lane)] })
    const byName = new Map(found.map((series) => [series.labels.get('name'), series]))
    for (let name = 1; name < 40; name++) {
      const series = byName.get(String(name))
      assert.ok(series !== undefined && series.count > lastRound, `${lane} ${name}`)
      for (let row = 0; row < series.count; row++) {
        assert.equal(series.timeMs[row], startTimeMs + row)
        assert.equal(series.value[row], row)
      }
      sampleCount += series.count
    }
    const histograms = byName.get('histogram')!
    assert.ok(histograms.count > lastRound)
    for (let row = 0; row < histograms.count; row++) {
      const histogram = histograms.histogram?.[row]
      assert.deepEqual([histogram?.count, histogram?.sum], [row, row / 3])
      assert.deepEqual(histogram?.positive, { index: [row % 50], count: [row] })
    }
    const ofLane = { ...all, matcherSets: [[makeMatcher('lane', '=', lane)]] }
    const [exemplars] = await store.selectExemplars(ofLane)
    assert.ok(exemplars!.exemplars.length > lastRound)
    assert.ok(exemplars!.exemplars.every(({ value }, index) => value === index))
    const run = lane.split('-')[0]
    for (let round = 0; round <= lastRound; round++) {
      assert.equal(byName.get(`${run}-${round}`)?.value[0], round)
    }
    const lines = await store.selectLogs({
      matchers: [makeMatcher('lane', '=', lane)],
      startTimeNs: 0n,
      endTimeNs: BigInt(startTimeMs + 1) * 1_000_000n,
      filters: [],
      limit: 100_000,
      direction: 'forward',
    })
    assert.deepEqual(
      lines.map((record) => Number(record.line)),
      lines.map((_, index) => index),
      'each line once, in the order of arrival',
    )
    assert.ok(lines.length > lastRound)
  }
  context.diagnostic(`${sampleCount} samples of ${acknowledged.size} lanes checked`)
  await store.close()
})

/** Kills in the second test. `SHIPWATCH_KILL_COUNT=50 npm test -- store/crash` is the long form. */
const killCount = Number(process.env['SHIPWATCH_KILL_COUNT'] ?? 5)

/**
 * Starts the busy victim and kills it a while after it was ready, or after its first flush; answers the
 * last round by lane, and how often it flushed.
 */
async function killBusy(
  dataDir: string,
  victim: { run: string; startTimeMs: number; lifeMs: number; from: 'ready' | 'flushed' },
): Promise<{ acknowledged: Map<string, number>; flushCount: number }> {
  const { run, startTimeMs, lifeMs, from } = victim
  const acknowledged = new Map<string, number>()
  const process_ = spawn(process.execPath, [busyChild, dataDir, run, String(startTimeMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => process_.on('close', resolve))
  let flushCount = 0
  for await (const line of createInterface({ input: process_.stdout })) {
    if (line === from && flushCount === 0) setTimeout(() => process_.kill('SIGKILL'), lifeMs)
    if (line === 'flushed') flushCount++
    const match = /^([a-z]+) (\d+)$/.exec(line)
    if (match !== null) acknowledged.set(`${run}-${match[1]}`, Number(match[2]))
  }
  await ended
  return { acknowledged, flushCount }
}

test('nothing is lost by kills amid flushing, rewriting of days, and closing of segments', async (context) => {
  const dataDir = join(root, 'busy')
  const seed = systemClock.nowTimeMs() % 100_000
  const random = makeSeededRandom(seed)
  const startTimeMs = systemClock.nowTimeMs() - 600_000
  const acknowledged = new Map<string, number>()
  let flushCount = 0
  for (let run = 0; run < killCount; run++) {
    const lifeMs = 20 + Math.floor(random() * 1_500)
    const from = run % 2 === 0 ? 'flushed' : 'ready'
    const killed = await killBusy(dataDir, { run: String(run), startTimeMs, lifeMs, from })
    for (const [lane, round] of killed.acknowledged) acknowledged.set(lane, round)
    flushCount += killed.flushCount
  }
  const store = await Store.open({ dataDir, settings, clock: systemClock, log: silentLog })
  let sampleCount = 0
  for (const [lane, lastRound] of acknowledged) {
    const matchers = [makeMatcher('lane', '=', lane)]
    if (lane.endsWith('-line')) {
      const lines = await store.selectLogs({
        matchers,
        startTimeNs: 0n,
        endTimeNs: BigInt(startTimeMs + 1) * 1_000_000n,
        filters: [],
        limit: 1_000_000,
        direction: 'forward',
      })
      assert.ok(lines.length > lastRound, `${lane}: ${lines.length} of ${lastRound + 1}`)
      const numbers = lines.map((record) => Number(record.line))
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
        lane,
      )
      continue
    }
    const found = await store.select({ matchers, startTimeMs: 0, endTimeMs: Infinity })
    assert.equal(found.length, lane.endsWith('-late') ? 5 : 40, lane)
    for (const series of found) {
      const { count } = series
      const rounds = new Set(series.value.subarray(0, count))
      assert.equal(rounds.size, count, `${lane}: each once`)
      for (let round = 0; round <= lastRound; round++) {
        assert.ok(
          rounds.has(round),
          `seed ${seed}: ${lane} has lost round ${round} of ${lastRound}`,
        )
      }
      for (let row = 1; row < count; row++) {
        assert.ok(series.timeMs[row]! > series.timeMs[row - 1]!, `${lane}: in order`)
      }
      sampleCount += count
    }
  }
  context.diagnostic(
    `seed ${seed}: ${killCount} kills amid ${flushCount} flushes, ${sampleCount} samples of ${acknowledged.size} lanes checked`,
  )
  await store.close()
})
