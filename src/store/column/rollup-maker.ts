/**
 * Makes the rollups of a day: of every series the samples that buckets of an hour and of five minutes need
 * (rollup-rows.ts), as chunks beside their ordinals. A level that would keep more than a quarter of all
 * samples is not made: reading all of them costs little more. Neither is any for a day with native histograms.
 */

import { setImmediate } from 'node:timers/promises'
import { ChunkFile } from './chunk-file.ts'
import { listSlices, readSlice, type SeriesChunks, SeriesDecoder } from './day-chunks.ts'
import type { Engine } from './engine.ts'
import { RollupRows } from './rollup-rows.ts'
import { type SpanVersions, spanOf } from './span-versions.ts'
import { chunkKinds, chunkRowsMax, chunkSpanMs, rollupLevels } from './tables.ts'

/** Share of all samples that a level may keep. */
const keptShareMax = 0.25
/** Samples that are looked at between two rests. */
const restSampleCount = 65_536

/** Makes rollups of one engine's days. */
export class RollupMaker {
  readonly #engine: Engine
  readonly #versions: SpanVersions
  readonly #directory: string
  readonly #decoder = new SeriesDecoder()
  readonly #rows = new RollupRows()

  /** The directory is for this alone. */
  constructor(parts: { engine: Engine; versions: SpanVersions; directory: string }) {
    this.#engine = parts.engine
    this.#versions = parts.versions
    this.#directory = parts.directory
  }

  /**
   * Makes a day's rollups in place of those that it has; answers the lengths of buckets that were made, or
   * `undefined` when rows came into the day meanwhile or `isEnough` says so. Rejects with the engine's error.
   */
  async make(day: number, isEnough: () => boolean): Promise<number[] | undefined> {
    await this.drop(day)
    const before = this.#versions.ofDay(day)
    const made: number[] = []
    for (const level of rollupLevels) {
      const isMade = await this.#makeLevel(day, level, isEnough)
      if (isEnough() || this.#versions.ofDay(day) !== before) return undefined
      if (isMade) made.push(level.bucketMs)
    }
    return made
  }

  /** Takes a day's rollups away. */
  async drop(day: number): Promise<void> {
    await this.#engine.command(`ALTER TABLE rollup DROP PARTITION ${day}`)
  }

  async #makeLevel(
    day: number,
    level: (typeof rollupLevels)[number],
    isEnough: () => boolean,
  ): Promise<boolean> {
    const engine = this.#engine
    const file = new ChunkFile(this.#directory, 'rollup')
    let sampleCount = 0
    let restedCount = 0
    try {
      for (const slice of await listSlices(engine, day)) {
        if (isEnough()) return false
        for (const series of await readSlice(engine, slice)) {
          if (series.chunks.some(({ kind }) => kind !== chunkKinds.float)) return false
          sampleCount += await this.#addSeries(series, level, file)
          if (sampleCount - restedCount < restSampleCount) continue
          restedCount = sampleCount
          await setImmediate()
        }
      }
      // Each kept row counts twice: with its ordinal.
      if (file.sampleCount / 2 > sampleCount * keptShareMax) return false
      await file.insert(engine)
      return true
    } finally {
      await file.discard()
    }
  }

  /** Adds a series' rows span by span, since ordinals are counted anew in each; answers how many it has. */
  async #addSeries(
    { identity, chunks }: SeriesChunks,
    level: (typeof rollupLevels)[number],
    file: ChunkFile,
  ): Promise<number> {
    const decoder = this.#decoder
    const count = decoder.decode(chunks)
    const { bucketMs } = level
    for (let from = 0; from < count; ) {
      const endTimeMs = (spanOf(decoder.timeMs[from]!) + 1) * chunkSpanMs
      let to = from + 1
      while (to < count && decoder.timeMs[to]! < endTimeMs) to++
      const rows = this.#rows
      rows.fill(decoder, { from, to, bucketMs })
      from = to
      const kind = rows.hasFalls ? level.rows : level.extremes
      const ordinals = { timeMs: rows.timeMs, value: rows.ordinal }
      for (let at = 0; at < rows.count; ) {
        const until = Math.min(rows.count, at + chunkRowsMax)
        if (file.isFull) await file.write()
        file.addFloats(identity, rows, { from: at, to: until, kind })
        file.addFloats(identity, ordinals, { from: at, to: until, kind: level.ordinals })
        at = until
      }
    }
    return count
  }
}
