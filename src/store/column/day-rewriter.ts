/**
 * Writes the chunks of a day anew: each series' samples in as few chunks as there are spans, equal times
 * once, and without what is to be deleted. The result is collected in a table beside and then takes the
 * day's place at once, so that readers see the old day or the new one, and a crash leaves one of them.
 *
 * Memory: one slice of some ten megabytes. When rows came into the day meanwhile, nothing is replaced.
 */

import { setImmediate } from 'node:timers/promises'
import type { Histogram } from '../../model/histogram.ts'
import { bitsOf } from '../../model/sample.ts'
import { decodeHistogramChunk } from '../chunk/histogram-chunk.ts'
import { ChunkFile, type PackedChunk, type SeriesIdentity } from './chunk-file.ts'
import {
  listSlices,
  onDay,
  readSlice,
  type SeriesChunks,
  SeriesDecoder,
  type StoredChunk,
} from './day-chunks.ts'
import type { Engine } from './engine.ts'
import { type SpanVersions, spanOf } from './span-versions.ts'
import { chunkKinds, chunkRowsMax } from './tables.ts'

/** Bytes that one insert takes. */
const insertBytesMax = 256 << 20
/** Samples that are packed between two rests, and as how many a chunk counts that is copied. */
const restSampleCount = 65_536
const copyCost = 32
/** What is not to be written again. */
export interface DroppedRows {
  /** Whether samples of a series, named by its hash, are dropped. */
  has(series: bigint): boolean
  /** Samples with start ≤ time ≤ end. */
  startTimeMs: number
  endTimeMs: number
}

/** What became of a day. */
export interface RewrittenDay {
  chunkCount: number
  sampleCount: number
  droppedCount: number
}

/** Rewrites days of one engine. */
export class DayRewriter {
  readonly #engine: Engine
  readonly #versions: SpanVersions
  readonly #directory: string

  constructor(parts: { engine: Engine; versions: SpanVersions; directory: string }) {
    this.#engine = parts.engine
    this.#versions = parts.versions
    this.#directory = parts.directory
  }

  /**
   * Rewrites one day; `undefined` when rows came into it meanwhile or `isEnough` says so. `alone` runs the
   * last step, during which nothing may be inserted. Rejects with the engine's error.
   */
  async rewrite(
    day: number,
    options: {
      alone: (work: () => Promise<boolean>) => Promise<boolean>
      isEnough?: () => boolean
      dropped?: DroppedRows
    },
  ): Promise<RewrittenDay | undefined> {
    const engine = this.#engine
    await engine.command(`ALTER TABLE chunk_rewritten DROP PARTITION ${day}`)
    const before = { versions: this.#versions.ofDay(day), removalCount: engine.removalCount }
    const pass = new DayPass(options.dropped)
    let file = new ChunkFile(this.#directory, 'chunk_rewritten')
    let chunkCount = 0
    let isWritten = false
    try {
      for (const slice of await listSlices(engine, day)) {
        if (options.isEnough?.() === true) return undefined
        for (const series of await readSlice(engine, slice)) await pass.write(series, file)
        if (file.writtenBytes > insertBytesMax) {
          await file.insert(engine)
          await file.discard()
          chunkCount += file.chunkCount
          isWritten = true
          file = new ChunkFile(this.#directory, 'chunk_rewritten')
        }
      }
      await file.insert(engine)
      chunkCount += file.chunkCount
      isWritten ||= file.chunkCount > 0
    } finally {
      await file.discard()
    }
    const isReplaced = await options.alone(async () => {
      const isSame =
        this.#versions.ofDay(day) === before.versions && engine.removalCount === before.removalCount
      if (!isSame) return false
      if (isWritten) {
        await engine.command(`ALTER TABLE chunk REPLACE PARTITION ${day} FROM chunk_rewritten`)
        if (pass.droppedCount > 0) await this.#dropLabels(day)
      } else {
        await engine.command(`ALTER TABLE chunk DROP PARTITION ${day}`)
        await engine.command(`ALTER TABLE series DROP PARTITION ${day}`)
      }
      return true
    })
    await engine.command(`ALTER TABLE chunk_rewritten DROP PARTITION ${day}`)
    if (!isReplaced) return undefined
    return { chunkCount, sampleCount: pass.sampleCount, droppedCount: pass.droppedCount }
  }

  /** Label sets of series that have no sample left on a day leave it. */
  async #dropLabels(day: number): Promise<void> {
    const engine = this.#engine
    await engine.command(`ALTER TABLE series_rewritten DROP PARTITION ${day}`)
    await engine.command(
      `INSERT INTO series_rewritten SELECT day, metric, series, names, texts FROM series WHERE day = ${day} AND series IN (SELECT DISTINCT series FROM chunk WHERE ${onDay(day)})`,
    )
    await engine.command(`ALTER TABLE series REPLACE PARTITION ${day} FROM series_rewritten`)
    await engine.command(`ALTER TABLE series_rewritten DROP PARTITION ${day}`)
  }
}

/** Writes what remains, series by series. */
class DayPass {
  readonly #dropped: DroppedRows | undefined
  readonly #decoder = new SeriesDecoder()
  #unrestedCount = 0
  sampleCount = 0
  droppedCount = 0

  constructor(dropped: DroppedRows | undefined) {
    this.#dropped = dropped
  }

  async write(group: SeriesChunks, file: ChunkFile): Promise<void> {
    const { identity } = group
    const { chunks } = group
    const isDropped = this.#dropped?.has(group.series) === true
    const floats = chunks.filter(({ kind }) => kind === chunkKinds.float)
    const histograms = chunks.filter(({ kind }) => kind === chunkKinds.histogram)
    if (!isDropped && arePacked(floats)) await this.#copy(identity, floats, file)
    else if (floats.length > 0) await this.#writeFloats(identity, { floats, isDropped }, file)
    if (!isDropped && arePacked(histograms)) await this.#copy(identity, histograms, file)
    else this.#writeHistograms(identity, { histograms, isDropped }, file)
    if (file.isFull) await file.write()
    if (this.#unrestedCount < restSampleCount) return
    this.#unrestedCount = 0
    await setImmediate()
  }

  async #copy(
    identity: SeriesIdentity,
    chunks: readonly PackedChunk[],
    file: ChunkFile,
  ): Promise<void> {
    for (const chunk of chunks) {
      file.addPacked(identity, chunk)
      this.sampleCount += chunk.count
      this.#unrestedCount += copyCost
      if (file.isFull) await file.write()
    }
  }

  async #writeFloats(
    identity: SeriesIdentity,
    rows: { floats: readonly StoredChunk[]; isDropped: boolean },
    file: ChunkFile,
  ): Promise<void> {
    let count = this.#decoder.decode(rows.floats)
    this.#unrestedCount += count
    if (rows.isDropped) count = this.#drop(count)
    this.sampleCount += count
    for (let from = 0; from < count; ) {
      from = file.addFloats(identity, this.#decoder, { from, to: count })
      if (from < count) await file.write()
    }
  }

  #writeHistograms(
    identity: SeriesIdentity,
    rows: { histograms: readonly PackedChunk[]; isDropped: boolean },
    file: ChunkFile,
  ): void {
    const all = { startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }
    const byTime = new Map<number, Histogram>()
    for (const { data } of rows.histograms) {
      const run = decodeHistogramChunk(data, all)
      run.timeMs.forEach((timeMs, row) => {
        if (rows.isDropped && this.#isDroppedAt(timeMs)) this.droppedCount++
        else if (!byTime.has(timeMs)) byTime.set(timeMs, run.histogram[row]!)
      })
    }
    if (byTime.size === 0) return
    const timeMs = [...byTime.keys()].sort((a, b) => a - b)
    file.addHistograms(identity, { timeMs, histogram: timeMs.map((time) => byTime.get(time)!) })
    this.sampleCount += timeMs.length
  }

  /** Takes rows out; answers how many are left. */
  #drop(count: number): number {
    const { timeMs, value } = this.#decoder
    const bits = bitsOf(value)
    let kept = 0
    for (let row = 0; row < count; row++) {
      if (this.#isDroppedAt(timeMs[row]!)) continue
      timeMs[kept] = timeMs[row]!
      bits[kept * 2] = bits[row * 2]!
      bits[kept * 2 + 1] = bits[row * 2 + 1]!
      kept++
    }
    this.droppedCount += count - kept
    return kept
  }

  #isDroppedAt(timeMs: number): boolean {
    const { startTimeMs, endTimeMs } = this.#dropped!
    return timeMs >= startTimeMs && timeMs <= endTimeMs
  }
}

/** Whether chunks are as few as they can be: one a span, or full. */
function arePacked(chunks: readonly PackedChunk[]): boolean {
  for (let index = 1; index < chunks.length; index++) {
    const before = chunks[index - 1]!
    const { startTimeMs } = chunks[index]!
    if (startTimeMs <= before.lastTimeMs) return false
    const isSameSpan = spanOf(startTimeMs) === spanOf(before.startTimeMs)
    if (isSameSpan && before.count < chunkRowsMax) return false
  }
  return true
}
