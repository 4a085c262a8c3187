/**
 * The store's household, in the background: closes segments, brings them into the engine, lets go of
 * what memory need not hold, drops old days. One thing at a time; a failure is logged once, counted,
 * and tried again; nothing here stops appending, except that a full journal does.
 *
 * Memory keeps samples of the window. It gives up more when they take too much room, first only what
 * the engine has; at half as much again also what it does not have yet (the journal does).
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { type Checkpoint, writeCheckpoint, writeMetadata } from './checkpoint.ts'
import type { Engine } from './column/engine.ts'
import type { Flusher } from './column/flush.ts'
import { storeErrors } from './errors.ts'
import type { Head } from './head/head.ts'
import type { LogHead } from './head/log-head.ts'
import type { MetadataTable } from './head/metadata-table.ts'
import type { Journal } from './journal/journal.ts'
import type { SeriesLog } from './journal/series-log.ts'
import { storeMetrics } from './metrics.ts'
import type { Retainer } from './retainer.ts'
import type { StoreSettings } from './settings.ts'

const turnMs = 30_000
/** How much shorter each step makes the window of a memory that is too full. */
const windowStep = 0.8
/** The window is never made shorter than this: rules need some minutes. */
const windowMsMin = 300_000

/** What the keeper keeps. */
export interface KeeperParts {
  directory: string
  head: Head
  logs: LogHead
  metadata: MetadataTable
  journal: Journal
  seriesLog: SeriesLog
  engine: Engine
  flusher: Flusher
  retainer: Retainer
  clock: Clock
  log: Log
  /** Segments with numbers up to this were there at start and may be in the engine already. */
  recoveredNumber: number
  nextSequence(): number
}

/** Runs the household of one store. */
export class Keeper {
  readonly #parts: KeeperParts
  #settings: StoreSettings['store']
  #timers: Timer[] = []
  #running: Promise<void> | undefined
  #isWanted = false
  /** Those that want to run alone: no turn begins before they are through. */
  #aloneCount = 0
  #isClosed = false
  #isFailing = false
  #hasForgotten = false
  #savedCheckpoint: Checkpoint | undefined
  #metadataVersion = 0
  #lastRotateMs: number
  /** Segments up to this one may be in the engine, wholly or in part. */
  #triedNumber: number

  constructor(parts: KeeperParts, settings: StoreSettings['store']) {
    this.#parts = parts
    this.#settings = settings
    this.#triedNumber = parts.recoveredNumber
    this.#lastRotateMs = parts.clock.monotonicMs()
    this.#metadataVersion = parts.metadata.version
  }

  /** Begins its turns. */
  start(): void {
    this.#planTurn()
    this.wake()
  }

  reload(settings: StoreSettings['store']): void {
    this.#settings = settings
    this.wake()
  }

  /** Something may be to be done: a segment was closed. */
  wake(): void {
    this.#isWanted = true
    if (this.#running !== undefined || this.#aloneCount > 0 || this.#isClosed) return
    this.#running = this.#work().finally(() => {
      this.#running = undefined
      if (this.#isWanted) this.wake()
    })
  }

  /** Brings everything into the engine now; rejects with the engine's error. */
  async flush(): Promise<void> {
    await this.#parts.journal.rotate()
    await this.runAlone(async () => {
      await this.#flushSealed()
      await this.#parts.retainer.measure()
      this.#tidy()
    })
    await this.#running
  }

  /** Runs `work` while the household rests; what it would have done meanwhile is done after. */
  async runAlone<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#aloneCount++
    try {
      while (this.#running !== undefined) await this.#running
      if (this.#isClosed) throw storeErrors.CLOSED({})
      const result = work()
      this.#running = result.then(
        () => undefined,
        () => undefined,
      )
      return await result
    } finally {
      this.#running = undefined
      this.#aloneCount--
      this.wake()
    }
  }

  /** Ends after the turn that is under way. */
  async stop(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    await this.#running?.catch(() => undefined)
    this.#saveMetadata()
  }

  #planTurn(): void {
    if (this.#isClosed) return
    this.#timers = [
      this.#parts.clock.after(turnMs, () => {
        void this.#turn().finally(() => this.#planTurn())
      }),
    ]
  }

  async #turn(): Promise<void> {
    const { clock, journal, logs } = this.#parts
    const isDue = clock.monotonicMs() - this.#lastRotateMs >= this.#settings.flush_interval
    if (isDue || logs.bytes > this.#settings.log_memory_size_max) {
      this.#lastRotateMs = clock.monotonicMs()
      await journal.rotate()
    }
    this.wake()
  }

  async #work(): Promise<void> {
    this.#isWanted = false
    try {
      await this.#flushSealed()
      this.#isFailing = false
    } catch (thrown) {
      storeMetrics.flushFailures.inc()
      const facts = { reason: messageOf(thrown) }
      if (this.#isFailing) this.#parts.log.debug(facts, 'The engine does not take the journal.')
      else this.#parts.log.warn(facts, 'The engine does not take the journal; trying again.')
      this.#isFailing = true
    }
    try {
      // Also when flushing failed: that may be for want of the room that old days take.
      await this.#parts.retainer.turn(this.#settings)
    } catch (thrown) {
      this.#parts.log.debug({ reason: messageOf(thrown) }, 'Old days could not be dropped.')
    }
    try {
      this.#tidy()
      await this.#parts.journal.compressFlushed(() => this.#isClosed)
      await this.#parts.seriesLog.compact()
    } catch (thrown) {
      this.#parts.log.warn({ reason: messageOf(thrown) }, 'The journal could not be tidied.')
    }
  }

  async #flushSealed(): Promise<void> {
    const { journal, flusher, logs, clock } = this.#parts
    for (const segment of journal.listSealed()) {
      if (this.#isClosed) return
      this.#parts.retainer.noteInsert()
      const startMs = clock.monotonicMs()
      const isMaybeDone = segment.number <= this.#triedNumber
      this.#triedNumber = Math.max(this.#triedNumber, segment.number)
      await flusher.flush(segment, { isMaybeDone })
      // The numbering must be known before the lines that prove it leave memory and journal.
      this.#saveCheckpoint()
      journal.markFlushed(segment)
      logs.removeSegment(segment.number)
      storeMetrics.flushSeconds.observe((clock.monotonicMs() - startMs) / 1_000)
    }
  }

  /** Lets go of samples and of journal files that are no longer needed for them. */
  #tidy(): void {
    const { head, journal, logs } = this.#parts
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const flushedTimeMs = journal.oldestUnflushedTimeMs()
    this.#truncate(Math.min(nowTimeMs - this.#settings.memory_window, flushedTimeMs))
    const bytesMax = this.#settings.memory_size_max
    for (let windowMs = this.#settings.memory_window; head.usedBytes > bytesMax; ) {
      windowMs *= windowStep
      if (windowMs < windowMsMin) break
      const canForget = head.usedBytes > bytesMax * 1.5
      this.#truncate(
        canForget ? nowTimeMs - windowMs : Math.min(nowTimeMs - windowMs, flushedTimeMs),
      )
    }
    this.#forgetLines(logs.shrink(this.#settings.log_memory_size_max * 2))
    this.#saveCheckpoint()
    journal.removeBefore(head.coveredTimeMs)
    this.#saveMetadata()
    storeMetrics.headSeries.set(head.index.count)
    storeMetrics.headBytes.set(head.usedBytes)
  }

  #truncate(timeMs: number): void {
    const { head, journal, seriesLog, flusher } = this.#parts
    if (timeMs === Number.NEGATIVE_INFINITY) return
    // A series of rows that still have to be flushed keeps its number.
    const canRemove = timeMs <= journal.oldestUnflushedTimeMs()
    const removed = head.truncate(Math.floor(timeMs), canRemove)
    if (removed.length === 0) return
    seriesLog.remove(removed)
    flusher.forgetSeries()
  }

  #forgetLines(count: number): void {
    if (count === 0) return
    storeMetrics.forgottenLines.inc(count)
    if (this.#hasForgotten) return
    this.#hasForgotten = true
    this.#parts.log.warn(
      { count },
      'Log lines left memory before the engine had them; they are in the journal and will be readable when it has.',
    )
  }

  #saveCheckpoint(): void {
    const { coveredTimeMs } = this.#parts.head
    const nextSequence = this.#parts.nextSequence()
    const saved = this.#savedCheckpoint
    if (saved?.coveredTimeMs === coveredTimeMs && saved.nextSequence === nextSequence) return
    writeCheckpoint(this.#parts.directory, { coveredTimeMs, nextSequence })
    this.#savedCheckpoint = { coveredTimeMs, nextSequence }
  }

  #saveMetadata(): void {
    const { metadata, directory } = this.#parts
    if (metadata.version === this.#metadataVersion) return
    this.#metadataVersion = metadata.version
    writeMetadata(directory, metadata.read())
  }
}
