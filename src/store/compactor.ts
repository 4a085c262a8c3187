/**
 * Which days of the engine are written anew, and when: a day that is over, once, so that its samples
 * stand in few large chunks; again when many chunks came into it since; and today when tiny chunks pile
 * up. Deleting series is the same work with a filter. One day at a time, in the background. What an
 * earlier version kept in another form is converted first.
 *
 * Days that are over for two days get rollups, which long queries read instead of all samples.
 *
 * How many chunks a day had when it was written is remembered in `compacted.json`; lost, days are
 * looked through once more.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { writeFileAtomic } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import type { DayRewriter, DroppedRows } from './column/day-rewriter.ts'
import type { Engine } from './column/engine.ts'
import type { OldSamples } from './column/old-samples.ts'
import type { RollupBook } from './column/rollup-book.ts'
import type { RollupMaker } from './column/rollup-maker.ts'
import { listDays } from './column/retention.ts'
import { dayMs } from './column/tables.ts'
import { storeMetrics } from './metrics.ts'

/** So long after its end a day is thought to be complete: its last hour is flushed then. */
const dayDelayMs = 3_900_000
/** A day gets rollups when it is over for so long: late samples have come by then, and it is rarely asked for whole. */
const rollupDelayMs = 2 * dayMs
/** How often it is looked whether a day is due. */
const turnMs = 600_000
/** Chunks since the last writing that make it worth the while again: of a day that is over, and of today. */
const growthMax = 1.1
const growthCountMin = 100
const todayGrowthMax = 3
const todayGrowthCountMin = 500_000
/** Days with fewer chunks are not written anew when everything is asked to be. */
const chunkCountMin = 1_000
/** A rewriting that rows came in between is tried again so often at once. */
const tryCountMax = 5
/** Half seconds that are waited for replaced parts to leave the disk. */
const waitCountMax = 40

/** Writes days anew. */
export class Compactor {
  readonly #parts: {
    directory: string
    engine: Engine
    rewriter: DayRewriter
    oldSamples: OldSamples
    rollupMaker: RollupMaker
    rollups: RollupBook
    clock: Clock
    log: Log
    alone: (work: () => Promise<boolean>) => Promise<boolean>
  }
  readonly #chunkCounts: Map<number, number>
  /** Days with rollups: how many chunks the day had then, and the levels. */
  readonly #rolled: Map<number, { chunkCount: number; levels: readonly number[] }>
  readonly #recalled = new Set<number>()
  #isConverted = false
  #running: Promise<void> | undefined
  #lastMs = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(parts: {
    directory: string
    engine: Engine
    rewriter: DayRewriter
    oldSamples: OldSamples
    rollupMaker: RollupMaker
    rollups: RollupBook
    clock: Clock
    log: Log
    /** Runs work during which nothing is inserted. */
    alone: (work: () => Promise<boolean>) => Promise<boolean>
  }) {
    this.#parts = parts
    this.#chunkCounts = readDays(join(parts.directory, 'compacted.json'))
    this.#rolled = readDays(join(parts.directory, 'rolled.json'))
  }

  /** Looks for days that are due, at times, and writes them in the background. */
  wake(): void {
    const { clock } = this.#parts
    if (this.#isClosed || this.#running !== undefined) return
    if (clock.monotonicMs() - this.#lastMs < turnMs) return
    this.#lastMs = clock.monotonicMs()
    this.#run(async () => {
      await this.#convert()
      for (const { day, chunkCount } of await this.#listDays()) {
        if (this.#isClosed) return
        if (this.#isDue(day, chunkCount)) await this.#rewrite(day)
      }
      await this.#rollUp()
    }).catch((thrown: unknown) => {
      this.#parts.log.debug({ reason: messageOf(thrown) }, 'A day could not be compacted.')
    })
  }

  /** Writes every day anew that got chunks since; rejects with the engine's error. */
  async compactAll(): Promise<void> {
    await this.#run(async () => {
      await this.#convert()
      let isReplaced = false
      for (const { day, chunkCount } of await this.#listDays()) {
        const isSame = this.#chunkCounts.get(day) === chunkCount
        if (isSame || chunkCount < chunkCountMin) continue
        await this.#rewrite(day)
        isReplaced = true
      }
      if (isReplaced) await awaitRemoval(this.#parts.engine)
    })
  }

  /** Writes the days of the range anew without some rows; answers how many samples are gone. */
  async drop(dropped: DroppedRows): Promise<number> {
    let count = 0
    await this.#run(async () => {
      await this.#convert()
      for (const { day } of await this.#listDays()) {
        const isBeside = (day + 1) * dayMs <= dropped.startTimeMs || day * dayMs > dropped.endTimeMs
        if (!isBeside) count += await this.#rewrite(day, dropped)
      }
    })
    return count
  }

  /** Ends after the slice that is under way. */
  async stop(): Promise<void> {
    this.#isClosed = true
    await this.#running?.catch(() => undefined)
  }

  /** One thing at a time. */
  async #run(work: () => Promise<void>): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined)
    const running = work()
    this.#running = running
    try {
      await running
    } finally {
      this.#running = undefined
    }
  }

  async #convert(): Promise<void> {
    if (this.#isConverted) return
    const { oldSamples, log } = this.#parts
    const dayCount = await oldSamples.convert(() => this.#isClosed)
    if (this.#isClosed) return
    this.#isConverted = true
    if (dayCount > 0) log.info({ dayCount }, 'Samples of an earlier version were packed.')
  }

  #isDue(day: number, chunkCount: number): boolean {
    const before = this.#chunkCounts.get(day)
    const isOver = this.#parts.clock.nowTimeMs() >= (day + 1) * dayMs + dayDelayMs
    if (isOver) {
      return before === undefined || chunkCount > before * growthMax + growthCountMin
    }
    const known = before ?? 0
    return chunkCount > known * todayGrowthMax && chunkCount - known > todayGrowthCountMin
  }

  async #rewrite(day: number, dropped?: DroppedRows): Promise<number> {
    const { rewriter, clock, log, alone } = this.#parts
    const startMs = clock.monotonicMs()
    if (dropped !== undefined) await this.#dropRollups(day)
    for (let tryCount = 0; tryCount < tryCountMax && !this.#isClosed; tryCount++) {
      const rewrite = (within: typeof alone) =>
        rewriter.rewrite(day, {
          alone: within,
          isEnough: () => this.#isClosed,
          ...(dropped === undefined ? {} : { dropped }),
        })
      let done: Awaited<ReturnType<typeof rewrite>>
      if (tryCount < tryCountMax - 1) done = await rewrite(alone)
      else {
        // Rows came each time: the last time nothing is inserted from beginning to end.
        await alone(async () => {
          done = await rewrite((work) => work())
          return done !== undefined
        })
      }
      if (done === undefined) continue
      this.#chunkCounts.set(day, done.chunkCount)
      const rolled = this.#rolled.get(day)
      // The same samples in other chunks.
      if (rolled !== undefined) this.#rolled.set(day, { ...rolled, chunkCount: done.chunkCount })
      this.#save()
      storeMetrics.compactedDays.inc()
      const { chunkCount, sampleCount, droppedCount } = done
      const seconds = (clock.monotonicMs() - startMs) / 1_000
      log.debug({ day, chunkCount, sampleCount, droppedCount, seconds }, 'A day was compacted.')
      return droppedCount
    }
    throw new Error(`day ${day} could not be written anew, because the store is being closed`)
  }

  /** Makes rollups of days that are over for long and have none that are true. */
  async #rollUp(): Promise<void> {
    const { rollups, rollupMaker, clock, log } = this.#parts
    const overTimeMs = clock.nowTimeMs() - rollupDelayMs
    for (const { day, chunkCount } of await this.#listDays()) {
      if (this.#isClosed) return
      if ((day + 1) * dayMs > overTimeMs) continue
      this.#recallRollups(day, chunkCount)
      if (rollups.levelsOf(day) !== undefined) continue
      await this.#dropRollups(day)
      const levels = await rollupMaker.make(day, () => this.#isClosed)
      if (levels === undefined) continue
      rollups.note(day, levels)
      this.#rolled.set(day, { chunkCount, levels })
      this.#save()
      log.debug({ day, levels }, 'A day has rollups.')
    }
    storeMetrics.rolledDays.set(this.#rolled.size)
  }

  /** Rollups from before a restart are true when the day has as many chunks as it had then. */
  #recallRollups(day: number, chunkCount: number): void {
    const { rollups } = this.#parts
    const known = this.#rolled.get(day)
    if (known === undefined || this.#recalled.has(day)) return
    this.#recalled.add(day)
    if (known.chunkCount === chunkCount) rollups.note(day, known.levels)
  }

  async #dropRollups(day: number): Promise<void> {
    this.#parts.rollups.forget(day)
    if (this.#rolled.delete(day)) this.#save()
    await this.#parts.rollupMaker.drop(day)
  }

  async #listDays(): Promise<{ day: number; chunkCount: number }[]> {
    const { days } = await listDays(this.#parts.engine)
    const found = days.filter(({ table }) => table === 'chunk')
    for (const day of this.#chunkCounts.keys()) {
      if (found.some((one) => one.day === day)) continue
      this.#chunkCounts.delete(day)
      this.#rolled.delete(day)
    }
    return found
      .map(({ day, rowCount }) => ({ day, chunkCount: rowCount }))
      .sort((a, b) => a.day - b.day)
  }

  #save(): void {
    const { directory } = this.#parts
    const { chunkCounts, rolled } = {
      chunkCounts: [...this.#chunkCounts],
      rolled: [...this.#rolled],
    }
    writeFileAtomic(join(directory, 'compacted.json'), JSON.stringify(chunkCounts))
    writeFileAtomic(join(directory, 'rolled.json'), JSON.stringify(rolled))
  }
}

/** What was replaced leaves the disk some seconds later. The engine sleeps for us: a wait of its, not of ours. */
async function awaitRemoval(engine: Engine): Promise<void> {
  for (let waitCount = 0; waitCount < waitCountMax; waitCount++) {
    const left = await engine.query(
      "SELECT name FROM system.parts WHERE NOT active AND rows > 0 AND database = currentDatabase() AND table = 'chunk'",
    )
    // A part is forgotten first, and its files are deleted then.
    await engine.query(left.length === 0 ? 'SELECT sleep(1)' : 'SELECT sleep(0.5)')
    if (left.length === 0) return
  }
}

function readDays<Known>(path: string): Map<number, Known> {
  try {
    return new Map(JSON.parse(readFileSync(path, 'utf8')) as [number, Known][])
  } catch {
    // Missing or damaged: days are looked through once more.
    return new Map()
  }
}
