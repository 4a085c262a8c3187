/**
 * The store's household, in the background: closes segments, brings lines and samples into the engine,
 * lets go of what memory need not hold, drops old days. One thing at a time; a failure is logged once,
 * counted, and tried again; nothing here stops appending, except that a full journal does.
 *
 * Log lines follow every `flush_interval`. Samples follow hour by hour, so that a series' rows of an hour
 * become one chunk: when the hour is over, or earlier when memory or journal are full of what the engine
 * does not have. Samples that come late, or history that is loaded, follow every `flush_interval` too,
 * or when there are enough of them for large chunks.
 *
 * Memory keeps samples of the window. It gives up more when they take too much room, first only what
 * the engine has; at half as much again also what it does not have yet (the journal does).
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { formatCheckpoint, writeCheckpoint, writeMetadata } from './checkpoint.ts'
import type { Engine } from './column/engine.ts'
import type { LineFlusher } from './column/line-flusher.ts'
import type { SampleFlusher } from './column/sample-flusher.ts'
import type { Compactor } from './compactor.ts'
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
/** Samples are brought into the engine in spans of this length. */
const flushSpanMs = 3_600_000
/** So long after its end a span is thought to be complete. */
const flushDelayMs = 120_000
/** History that is loaded is flushed when there is so much of it, in all and per series. */
const oldSampleCount = 4_194_304
const oldSamplesPerSeries = 256
/** Share of a limit that must be unflushed for a flush ahead of time: lest chunks get tiny. */
const unflushedShare = 0.25
/** Memory beyond its limit by this is flushed whatever it seems to hold. */
const urgentFactor = 1.25
/** Bytes of a sample in memory. */
const sampleBytes = 12

/** What the keeper keeps. */
export interface KeeperParts {
  directory: string
  head: Head
  logs: LogHead
  metadata: MetadataTable
  journal: Journal
  seriesLog: SeriesLog
  engine: Engine
  lineFlusher: LineFlusher
  sampleFlusher: SampleFlusher
  compactor: Compactor
  retainer: Retainer
  clock: Clock
  log: Log
  /** Segments with numbers up to this were there at start and may be in the engine already. */
  recoveredNumber: number
  /** The engine has the lines of segments up to this one. */
  linesFlushedNumber: number
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
  #savedCheckpoint = ''
  #lastSamplesMs: number
  #lastUntilTimeMs = Number.NEGATIVE_INFINITY
  #linesFlushedNumber: number
  #metadataVersion = 0
  #lastRotateMs: number
  /** Segments up to this one may be in the engine, wholly or in part. */
  #triedNumber: number

  constructor(parts: KeeperParts, settings: StoreSettings['store']) {
    this.#parts = parts
    this.#settings = settings
    this.#triedNumber = parts.recoveredNumber
    this.#linesFlushedNumber = parts.linesFlushedNumber
    this.#lastRotateMs = parts.clock.monotonicMs()
    this.#lastSamplesMs = this.#lastRotateMs
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

  /** Brings everything into the engine now, in its long-term form; rejects with the engine's error. */
  async flush(): Promise<void> {
    await this.#parts.journal.rotate()
    await this.runAlone(async () => {
      await this.#flushLines()
      await this.#flushSamples(Infinity)
      await this.#parts.retainer.turn(this.#settings)
      this.#tidy()
    })
    await this.#parts.compactor.compactAll()
    await this.runAlone(() => this.#compressJournal())
    await this.#running
  }

  /** The same for log lines alone, and runs `work`, which may delete some, before any more are brought. */
  async flushLines<Value>(work: () => Promise<Value>): Promise<Value> {
    await this.#parts.journal.rotate()
    return await this.runAlone(async () => {
      await this.#flushLines()
      try {
        return await work()
      } finally {
        this.#parts.lineFlusher.forgetStreams()
      }
    })
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
    await this.#parts.compactor.stop()
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
    // Lines wait for the end of their segment; samples do not, and pack better in a longer one.
    const isDue =
      logs.bytes > 0 && clock.monotonicMs() - this.#lastRotateMs >= this.#settings.flush_interval
    if (isDue || logs.bytes > this.#settings.log_memory_size_max) {
      this.#lastRotateMs = clock.monotonicMs()
      await journal.rotate()
    }
    this.wake()
    this.#parts.compactor.wake()
  }

  async #work(): Promise<void> {
    this.#isWanted = false
    try {
      await this.#flushLines()
      const untilTimeMs = this.#samplesDue()
      if (untilTimeMs !== undefined) await this.#flushSamples(untilTimeMs)
      this.#isFailing = false
    } catch (thrown) {
      storeMetrics.flushFailures.inc()
      const facts = { reason: messageOf(thrown) }
      if (this.#isFailing) this.#parts.log.debug(facts, 'The engine takes no data.')
      else this.#parts.log.warn(facts, 'The engine takes no data; trying again.')
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
      await this.#compressJournal()
      await this.#parts.seriesLog.compact()
      if (this.#parts.head.mustNamesGo) {
        this.#parts.head.mustNamesGo = false
        await this.#parts.seriesLog.rewrite()
      }
    } catch (thrown) {
      this.#parts.log.warn({ reason: messageOf(thrown) }, 'The journal could not be tidied.')
    }
  }

  async #flushLines(): Promise<void> {
    const { journal, lineFlusher, logs } = this.#parts
    for (const segment of journal.listSealed()) {
      if (this.#isClosed) return
      if (segment.areLinesFlushed) continue
      const isMaybeDone = segment.number <= this.#triedNumber
      this.#triedNumber = Math.max(this.#triedNumber, segment.number)
      if (segment.lineCount > 0) this.#parts.retainer.noteInsert()
      await lineFlusher.flush(segment, { isMaybeDone })
      segment.areLinesFlushed = true
      this.#linesFlushedNumber = Math.max(this.#linesFlushedNumber, segment.number)
      // The numbering must be known before the lines that prove it leave memory and journal.
      this.#saveCheckpoint()
      logs.removeSegment(segment.number)
    }
    this.#markFlushed()
  }

  /** Up to when samples should be flushed now, if at all. */
  #samplesDue(): number | undefined {
    const { clock, head, journal } = this.#parts
    const { memory_size_max, journal_size_max, flush_interval } = this.#settings
    const memoryBytes = journal.countUnflushed(Infinity) * sampleBytes
    const isWorthIt =
      memoryBytes > memory_size_max * unflushedShare ||
      // The count is an estimate. Before memory has to forget what the engine lacks, it is flushed in any case.
      head.usedBytes > memory_size_max * urgentFactor
    const isMemoryFull = head.usedBytes > memory_size_max && isWorthIt
    if (isMemoryFull || journal.unflushedBytes > journal_size_max / 2) return Infinity
    const isLateFull = head.late.usedBytes > this.#settings.late_memory_size_max / 2
    const readyTimeMs = clock.nowTimeMs() - flushDelayMs
    const untilTimeMs = Math.floor(readyTimeMs / flushSpanMs) * flushSpanMs
    const oldCount = journal.countUnflushed(untilTimeMs)
    if (oldCount === 0 && !isLateFull) return undefined
    const enough = Math.max(oldSampleCount, oldSamplesPerSeries * head.index.count)
    const isDue =
      untilTimeMs > this.#lastUntilTimeMs ||
      oldCount > enough ||
      isLateFull ||
      clock.monotonicMs() - this.#lastSamplesMs >= flush_interval
    return isDue ? untilTimeMs : undefined
  }

  async #flushSamples(untilTimeMs: number): Promise<void> {
    const { clock, head, journal, sampleFlusher, retainer } = this.#parts
    const startMs = clock.monotonicMs()
    // What is in memory when the pass begins is then in closed segments.
    await journal.rotate()
    const segments = journal.listSealed()
    retainer.noteInsert()
    const forgotten = segments.filter((segment) => segment.isForgotten)
    await sampleFlusher.flushSegments(forgotten)
    for (const segment of forgotten) {
      segment.flushedTimeMs = Infinity
      segment.isForgotten = false
    }
    const late = head.beginFlush(untilTimeMs)
    let isDone = false
    try {
      await sampleFlusher.flushHead(untilTimeMs)
      await sampleFlusher.flushLate(late)
      isDone = true
    } finally {
      head.endFlush(isDone)
    }
    for (const segment of segments) {
      segment.flushedTimeMs = Math.max(segment.flushedTimeMs, untilTimeMs)
    }
    this.#lastSamplesMs = clock.monotonicMs()
    if (Number.isFinite(untilTimeMs)) this.#lastUntilTimeMs = untilTimeMs
    storeMetrics.flushSeconds.observe((clock.monotonicMs() - startMs) / 1_000)
    this.#saveCheckpoint()
    this.#markFlushed()
  }

  /** Segments of which the engine has everything get another name. */
  #markFlushed(): void {
    const { journal } = this.#parts
    for (const segment of journal.listSealed()) {
      const areSamplesFlushed =
        segment.sampleCount === 0 || segment.maxTimeMs < segment.flushedTimeMs
      if (segment.areLinesFlushed && areSamplesFlushed) journal.markFlushed(segment)
    }
  }

  /** Lets go of samples and of journal files that are no longer needed for them. */
  #tidy(): void {
    const { head, journal, logs } = this.#parts
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    this.#truncate(nowTimeMs - this.#settings.memory_window, false)
    const bytesMax = this.#settings.memory_size_max
    for (let windowMs = this.#settings.memory_window; head.usedBytes > bytesMax; ) {
      windowMs *= windowStep
      if (windowMs < windowMsMin) break
      this.#truncate(nowTimeMs - windowMs, head.usedBytes > bytesMax * 1.5)
    }
    this.#forgetLate()
    this.#forgetLines(logs.shrink(this.#settings.log_memory_size_max * 2))
    this.#saveCheckpoint()
    journal.removeBefore(head.coveredTimeMs)
    this.#saveMetadata()
    storeMetrics.headSeries.set(head.index.count)
    storeMetrics.headBytes.set(head.usedBytes)
    storeMetrics.lateBytes.set(head.late.usedBytes)
  }

  #truncate(windowTimeMs: number, canForget: boolean): void {
    const { head, journal, seriesLog, sampleFlusher } = this.#parts
    const timeMs = Math.floor(windowTimeMs)
    if (canForget) journal.noteForgotten(timeMs)
    // A series of rows that still have to be flushed keeps its number.
    const canRemove = timeMs <= journal.oldestUnflushedTimeMs()
    const removed = head.truncate(timeMs, { canRemove, canForget })
    if (removed.length === 0) return
    seriesLog.remove(removed)
    sampleFlusher.forgetSeries()
  }

  /** Late rows beyond their limit leave memory; the next flush reads them from the journal. */
  #forgetLate(): void {
    const { head, journal, log } = this.#parts
    const bytes = head.late.usedBytes
    if (bytes <= this.#settings.late_memory_size_max) return
    const endTimeMs = head.late.forget()
    if (endTimeMs !== undefined) journal.noteForgotten(endTimeMs)
    storeMetrics.lateForgotten.inc()
    log.warn(
      { bytes },
      'Late samples left memory before the engine had them; they are in the journal and will be readable when it has.',
    )
  }

  /** Call when the checkpoint tells what memory covers: nothing older comes back from the journal. */
  async #compressJournal(): Promise<void> {
    const { head, journal } = this.#parts
    await journal.compressFlushed(head.coveredTimeMs, () => this.#isClosed)
    journal.removeBefore(head.coveredTimeMs)
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
    const { head, journal, directory } = this.#parts
    const flushedSegments: [number, number][] = []
    for (const { number, flushedTimeMs, maxTimeMs } of journal.listSealed()) {
      if (!Number.isFinite(maxTimeMs) || flushedTimeMs === Number.NEGATIVE_INFINITY) continue
      flushedSegments.push([number, Math.min(flushedTimeMs, maxTimeMs + 1)])
    }
    const text = formatCheckpoint({
      coveredTimeMs: head.coveredTimeMs,
      nextSequence: this.#parts.nextSequence(),
      linesFlushedNumber: this.#linesFlushedNumber,
      flushedSegments,
    })
    if (text === this.#savedCheckpoint) return
    writeCheckpoint(directory, text)
    this.#savedCheckpoint = text
  }

  #saveMetadata(): void {
    const { metadata, directory } = this.#parts
    if (metadata.version === this.#metadataVersion) return
    this.#metadataVersion = metadata.version
    writeMetadata(directory, metadata.read())
  }
}
