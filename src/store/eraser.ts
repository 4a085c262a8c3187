/**
 * Deletes samples of series for good, in this order, so that nothing comes back:
 *
 *   1. the order is written to `erasing.json`; a restart goes on with it
 *   2. a record in a new journal segment: when the segments before it are read again, what they have of
 *      these series is dropped; then memory, late rows and exemplars let go
 *   3. answers leave out what the engine still has
 *   4. the engine's days are written anew without it (compactor.ts), label sets without samples too
 *
 * The bytes of rows stay in journal segments, which nobody reads for them any more, until these leave with
 * `store.memory_window`; label sets leave the series log within minutes, when their numbers are taken back.
 *
 * What arrives after the order is given is not meant: `endTimeMs` is at most that moment.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { writeFileAtomic } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import type { Selection, SeriesColumns } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import { type Matcher, type MatchOperator, makeMatcher, matchesAll } from '../model/matcher.ts'
import type { SeriesId } from '../model/sample.ts'
import type { EngineQuerier } from './column/engine-querier.ts'
import type { Compactor } from './compactor.ts'
import type { ExemplarBook } from './exemplar-book.ts'
import type { Head } from './head/head.ts'
import type { Journal } from './journal/journal.ts'
import type { Erasure } from './journal/record-format.ts'
import { storeMetrics } from './metrics.ts'

const retryMs = 60_000

/** What to delete: samples with start ≤ time ≤ end of series that fulfil one of the sets of matchers. */
export interface EraseOrder {
  matcherSets: readonly (readonly Matcher[])[]
  startTimeMs: number
  endTimeMs: number
}

/** What was deleted. */
export interface EraseResult {
  /** Series in memory and in the engine that were touched. */
  seriesCount: number
  memorySampleCount: number
  engineSampleCount: number
}

/** An order, and the work on it in the engine. */
interface Pending {
  order: EraseOrder
  memory: { seriesCount: number; sampleCount: number }
  done: Promise<EraseResult>
  resolve: (result: EraseResult) => void
}

/** What an eraser works on. */
interface EraserParts {
  dataDir: string
  head: Head
  journal: Journal
  exemplars: ExemplarBook
  querier: EngineQuerier
  compactor: Compactor
  clock: Clock
  log: Log
  /** Runs work while nothing is flushed. */
  pause<Value>(work: () => Promise<Value>): Promise<Value>
}

/** Carries out orders, one behind another. */
export class Eraser {
  readonly #parts: EraserParts
  #pending: Pending[] = []
  /** Erasures by the number of the segment that tells of them. */
  #erasures: { segment: number; ids: ReadonlySet<SeriesId>; range: Erasure }[] = []
  #running: Promise<void> | undefined
  #retry: Timer | undefined
  #isClosed = false
  #hasErased = false

  constructor(parts: EraserParts) {
    this.#parts = parts
  }

  /** Goes on with what a former process had been ordered. */
  start(): void {
    for (const order of readOrders(this.#path)) {
      this.#pending.push(makePending(order, { seriesCount: 0, sampleCount: 0 }))
    }
    this.#run()
  }

  /** Hears of an erasure while the journal is read at start. */
  replay(segment: number, erasure: Erasure): void {
    this.#note(segment, erasure)
    this.#eraseMemory(erasure)
  }

  /** Whether the engine is losing label sets. */
  readonly areNamesGoing = (): boolean => this.#pending.length > 0 || this.#hasJustErased()

  /** Once after the last order. */
  #hasJustErased(): boolean {
    const hasErased = this.#hasErased
    this.#hasErased = false
    return hasErased
  }

  /** Whether a row of a journal segment was deleted by what a later segment tells. */
  readonly isErased = (segment: number, id: SeriesId, timeMs: number): boolean => {
    for (const one of this.#erasures) {
      if (one.segment <= segment || !one.ids.has(id)) continue
      if (timeMs >= one.range.startTimeMs && timeMs <= one.range.endTimeMs) return true
    }
    return false
  }

  /** How many series in memory and in the engine an order would touch. */
  async count(order: EraseOrder): Promise<number> {
    const { head } = this.#parts
    const hashes = new Set<bigint>(await this.#findHashes(order))
    for (const id of this.#findIds(order)) {
      if (head.hasSample(id, order.startTimeMs, order.endTimeMs)) hashes.add(this.#hashOf(id))
    }
    return hashes.size
  }

  /**
   * Takes an order. Resolves when nobody sees the samples any more; `done` when the engine has let go of them
   * too, which is tried until it succeeds. Rejects as the journal does.
   */
  async erase(asked: EraseOrder): Promise<{ done: Promise<EraseResult> }> {
    const { clock } = this.#parts
    const order = { ...asked, endTimeMs: Math.min(asked.endTimeMs, clock.nowTimeMs()) }
    const pending = makePending(order, { seriesCount: 0, sampleCount: 0 })
    this.#pending.push(pending)
    try {
      this.#save()
      await this.#parts.pause(async () => {
        pending.memory = await this.#eraseJournaled(order)
      })
    } catch (thrown) {
      this.#pending = this.#pending.filter((one) => one !== pending)
      this.#save()
      throw thrown
    }
    this.#run()
    return { done: pending.done }
  }

  /** Resolves when no order is under way. */
  async finish(): Promise<void> {
    while (this.#pending.length > 0) await Promise.all(this.#pending.map(({ done }) => done))
  }

  /** Whether any order is under way. */
  get hasOrders(): boolean {
    return this.#pending.length > 0
  }

  /** Leaves out of an answer of the engine what is being deleted. */
  filter(answer: SeriesColumns[]): SeriesColumns[] {
    if (this.#pending.length === 0) return answer
    let kept = answer
    for (const { order } of this.#pending) {
      kept = kept.flatMap((series) => {
        if (!isMeant(order, series.labels)) return [series]
        const left = withoutRange(series, order)
        return left.count === 0 ? [] : [left]
      })
    }
    return kept
  }

  /** The same for label sets of a range. */
  filterLabels(found: Labels[], range: Selection): Labels[] {
    const covering = this.#pending.filter(
      ({ order }) => order.startTimeMs <= range.startTimeMs && order.endTimeMs >= range.endTimeMs,
    )
    if (covering.length === 0) return found
    return found.filter((labels) => !covering.some(({ order }) => isMeant(order, labels)))
  }

  /** Ends after the slice that is under way; a restart goes on. */
  async stop(): Promise<void> {
    this.#isClosed = true
    this.#retry?.cancel()
    await this.#running
  }

  get #path(): string {
    return join(this.#parts.dataDir, 'erasing.json')
  }

  async #eraseJournaled(order: EraseOrder): Promise<{ seriesCount: number; sampleCount: number }> {
    const { journal, exemplars } = this.#parts
    exemplars.ring.remove(order)
    const ids = this.#findIds(order)
    if (ids.length === 0) return { seriesCount: 0, sampleCount: 0 }
    const erasure = { ids, startTimeMs: order.startTimeMs, endTimeMs: order.endTimeMs }
    // At the beginning of a segment, so that all before it, and nothing else, is meant.
    await journal.rotate()
    return await new Promise((resolve, reject) => {
      journal.submit({
        bytes: 32 + ids.length * 5,
        encode: (writer, segment) => {
          writer.erased(erasure)
          segment.hasErasure = true
        },
        onWritten: (segment) => {
          this.#note(segment.number, erasure)
          resolve(this.#eraseMemory(erasure))
        },
        onFailed: reject,
      })
    })
  }

  #eraseMemory(erasure: Erasure): { seriesCount: number; sampleCount: number } {
    const { head, exemplars } = this.#parts
    const { ids, startTimeMs, endTimeMs } = erasure
    exemplars.erase(erasure)
    let seriesCount = 0
    let sampleCount = 0
    for (const id of ids) {
      const isTouched = head.index.isLive[id] === 1 && head.hasSample(id, startTimeMs, endTimeMs)
      if (isTouched) seriesCount++
      sampleCount += head.erase([id], startTimeMs, endTimeMs)
    }
    return { seriesCount, sampleCount }
  }

  #note(segment: number, erasure: Erasure): void {
    const { firstNumber } = this.#parts.journal
    this.#erasures = this.#erasures.filter((one) => one.segment > firstNumber)
    this.#erasures.push({ segment, ids: new Set(erasure.ids), range: erasure })
  }

  #findIds(order: EraseOrder): SeriesId[] {
    const ids = new Set<SeriesId>()
    for (const matchers of order.matcherSets) {
      for (const id of this.#parts.head.index.match(matchers)) ids.add(id)
    }
    return [...ids]
  }

  async #findHashes(order: EraseOrder): Promise<Set<bigint>> {
    const { startTimeMs, endTimeMs } = order
    const hashes = new Set<bigint>()
    for (const matchers of order.matcherSets) {
      const found = await this.#parts.querier.hashes({ matchers, startTimeMs, endTimeMs })
      for (const hash of found) hashes.add(hash)
    }
    return hashes
  }

  #hashOf(id: SeriesId): bigint {
    const { index } = this.#parts.head
    index.identify(id)
    const { identities } = index
    return (BigInt(identities[id * 3]!) << 32n) | BigInt(identities[id * 3 + 1]!)
  }

  #run(): void {
    if (this.#running !== undefined || this.#isClosed) return
    this.#running = this.#work().finally(() => {
      this.#running = undefined
    })
  }

  async #work(): Promise<void> {
    const { compactor, clock, log } = this.#parts
    for (;;) {
      const [next] = this.#pending
      if (next === undefined || this.#isClosed) return
      const { order, memory } = next
      try {
        const hashes = await this.#findHashes(order)
        const { startTimeMs, endTimeMs } = order
        const engineSampleCount =
          hashes.size === 0
            ? 0
            : await compactor.drop({ has: (hash) => hashes.has(hash), startTimeMs, endTimeMs })
        if (this.#isClosed) return
        this.#hasErased = true
        this.#pending.shift()
        this.#save()
        const seriesCount = Math.max(memory.seriesCount, hashes.size)
        const memorySampleCount = memory.sampleCount
        storeMetrics.erasedSamples.inc(memorySampleCount + engineSampleCount)
        log.info({ seriesCount, memorySampleCount, engineSampleCount }, 'Series were deleted.')
        next.resolve({ seriesCount, memorySampleCount, engineSampleCount })
      } catch (thrown) {
        if (this.#isClosed) return
        log.warn(
          { reason: messageOf(thrown) },
          'The engine could not delete series yet; answers leave them out, and it is tried again.',
        )
        this.#retry = clock.after(retryMs, () => this.#run())
        return
      }
    }
  }

  #save(): void {
    const orders = this.#pending.map(({ order }) => ({
      ...order,
      // JSON knows no infinities.
      startTimeMs: Number.isFinite(order.startTimeMs) ? order.startTimeMs : null,
      matcherSets: order.matcherSets.map((set) =>
        set.map(({ name, operator, value }) => [name, operator, value]),
      ),
    }))
    writeFileAtomic(this.#path, JSON.stringify(orders))
  }
}

function makePending(order: EraseOrder, memory: Pending['memory']): Pending {
  const { promise, resolve } = Promise.withResolvers<EraseResult>()
  return { order, memory, done: promise, resolve }
}

function isMeant(order: EraseOrder, labels: Labels): boolean {
  return order.matcherSets.some((matchers) => matchesAll(matchers, labels))
}

/** A series without the rows of a range. */
function withoutRange(series: SeriesColumns, range: EraseOrder): SeriesColumns {
  const { startTimeMs, endTimeMs } = range
  const left: SeriesColumns = {
    labels: series.labels,
    count: 0,
    timeMs: new Float64Array(series.count),
    value: new Float64Array(series.count),
  }
  if (series.histogram !== undefined) left.histogram = []
  for (let row = 0; row < series.count; row++) {
    const timeMs = series.timeMs[row]!
    if (timeMs >= startTimeMs && timeMs <= endTimeMs) continue
    left.timeMs[left.count] = timeMs
    left.value.set(series.value.subarray(row, row + 1), left.count)
    left.histogram?.push(series.histogram![row])
    left.count++
  }
  return left
}

function readOrders(path: string): EraseOrder[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw thrown
  }
  const orders = JSON.parse(text) as {
    matcherSets: [string, MatchOperator, string][][]
    startTimeMs: number | null
    endTimeMs: number
  }[]
  return orders.map(({ matcherSets, startTimeMs, endTimeMs }) => ({
    matcherSets: matcherSets.map((set) =>
      set.map(([name, operator, value]) => makeMatcher(name, operator, value)),
    ),
    startTimeMs: startTimeMs ?? Number.NEGATIVE_INFINITY,
    endTimeMs,
  }))
}
