/**
 * Brings runs of samples into the engine as chunks, with the label sets of their series. Label sets go
 * first, so that no sample is ever without its name; both as one insert each, however much it is.
 *
 * Done twice, samples are there twice and readers count them once.
 */

import { setImmediate } from 'node:timers/promises'
import type { SeriesId } from '../../model/sample.ts'
import type { FloatColumns } from '../chunk/float-chunk.ts'
import type { HistogramRun } from '../chunk/histogram-chunk.ts'
import type { SeriesIndex } from '../head/series-index.ts'
import { BlockFile } from './block-file.ts'
import { ChunkFile, type SeriesIdentity } from './chunk-file.ts'
import type { Engine } from './engine.ts'
import { labelColumns } from './label-columns.ts'
import type { SpanVersions } from './span-versions.ts'
import { dayMs, seriesStructure } from './tables.ts'

/** Label sets collected before they are written. */
const seriesRowsMax = 16_384
/** No day: later than any that occurs. */
const noDay = -2_147_483_648

/** Days for which label sets were written already, so that they are not written with every chunk. */
export class WrittenDays {
  #days: Int32Array = new Int32Array(0)

  /** Notes a day of a series; answers whether it is another than the last one. */
  note(id: SeriesId, day: number): boolean {
    if (id >= this.#days.length) {
      const grown = new Int32Array(Math.max(1_024, id * 2)).fill(noDay, this.#days.length)
      grown.set(this.#days)
      this.#days = grown
    }
    if (this.#days[id] === day) return false
    this.#days[id] = day
    return true
  }

  /** Numbers were taken back, or what was noted may not have been written. */
  forget(): void {
    this.#days.fill(noDay)
  }
}

/** One writing: `add` any number of runs, then `finish`; `discard` in any case. */
export class ChunkWriter {
  readonly #index: SeriesIndex
  readonly #written: WrittenDays
  readonly #versions: SpanVersions
  readonly #chunks: ChunkFile
  readonly #series: BlockFile
  readonly #identity: SeriesIdentity = { high: 0, low: 0, metric: 0 }
  #newDay: number[] = []
  #newId: SeriesId[] = []

  constructor(options: {
    index: SeriesIndex
    written: WrittenDays
    versions: SpanVersions
    directory: string
  }) {
    this.#index = options.index
    this.#written = options.written
    this.#versions = options.versions
    this.#chunks = new ChunkFile(options.directory, 'chunk')
    this.#series = new BlockFile(options.directory, 'series', seriesStructure)
  }

  /** Samples added so far. */
  get sampleCount(): number {
    return this.#chunks.sampleCount
  }

  /** Whether `rest` should be called before the next `add`. */
  get isFull(): boolean {
    return this.#chunks.isFull || this.#newId.length >= seriesRowsMax
  }

  /** Adds the first `count` rows of a series, in time order, as many as there is room for; answers how many. */
  add(id: SeriesId, columns: FloatColumns, count: number): number {
    const identity = this.#identify(id)
    const end = this.#chunks.addFloats(identity, columns, { from: 0, to: count })
    this.#noteDays(id, columns.timeMs, end)
    return end
  }

  /** Adds histograms of a series, in time order. */
  addHistograms(id: SeriesId, run: HistogramRun): void {
    this.#chunks.addHistograms(this.#identify(id), run)
    this.#noteDays(id, run.timeMs, run.timeMs.length)
  }

  /** Writes what was collected, and lets others have their turn. */
  async rest(): Promise<void> {
    await this.#chunks.write()
    if (this.#newId.length > 0) await this.#writeSeries()
    await setImmediate()
  }

  /** Has the engine take everything; rejects with its error. */
  async finish(engine: Engine): Promise<void> {
    await this.#writeSeries()
    try {
      await this.#series.insert(engine)
      await this.#chunks.insert(engine)
    } catch (thrown) {
      this.#written.forget()
      throw thrown
    } finally {
      this.#versions.change(this.#chunks.spans)
    }
  }

  /** Deletes the files. */
  async discard(): Promise<void> {
    await this.#series.discard()
    await this.#chunks.discard()
  }

  #identify(id: SeriesId): SeriesIdentity {
    this.#index.identify(id)
    const { identities } = this.#index
    const identity = this.#identity
    identity.high = identities[id * 3]!
    identity.low = identities[id * 3 + 1]!
    identity.metric = identities[id * 3 + 2]!
    return identity
  }

  /** The label set is written for every day with samples. */
  #noteDays(id: SeriesId, timeMs: ArrayLike<number>, count: number): void {
    let endTimeMs = Number.NEGATIVE_INFINITY
    for (let row = 0; row < count; row++) {
      if (timeMs[row]! < endTimeMs) continue
      const day = Math.floor(timeMs[row]! / dayMs)
      endTimeMs = (day + 1) * dayMs
      if (!this.#written.note(id, day)) continue
      this.#newDay.push(day)
      this.#newId.push(id)
    }
  }

  async #writeSeries(): Promise<void> {
    const count = this.#newId.length
    const labels = this.#newId.map((id) => this.#index.makeLabelsOf(id))
    const { identities } = this.#index
    const series = new Uint32Array(count * 2)
    const metric = new Uint32Array(count)
    this.#newId.forEach((id, row) => {
      series[row * 2] = identities[id * 3 + 1]!
      series[row * 2 + 1] = identities[id * 3]!
      metric[row] = identities[id * 3 + 2]!
    })
    await this.#series.write(count, [
      { name: 'day', type: 'Int32', values: Int32Array.from(this.#newDay) },
      { name: 'metric', type: 'UInt32', values: metric },
      { name: 'series', type: 'UInt64', values: series },
      ...labelColumns(labels),
    ])
    this.#newId = []
    this.#newDay = []
  }
}
