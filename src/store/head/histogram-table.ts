/**
 * Native histograms in memory. The samples of a series stand in its chunks with the mark of a histogram
 * as value (model/sample.ts); the histograms stand here by series and time, packed as differences from
 * one to the next. Only series that have histograms cost anything.
 */

import type { Histogram } from '../../model/histogram.ts'
import { bitsOf, isHistogramAt, type SeriesId } from '../../model/sample.ts'
import { unpackHistogram } from '../chunk/histogram-bytes.ts'
import {
  type HistogramRun,
  HistogramRunWriter,
  readHistogramRun,
  type TimeRange,
} from '../chunk/histogram-chunk.ts'
import { ByteReader, ByteWriter } from '../chunk/varint.ts'
import { dropHint, type PackedBatch } from './packed-batch.ts'

/** Histograms of a block: one is written whole, the others as differences. */
const blockCount = 32
/** What a track, with the histogram that the next is compared with, and a block cost beside their bytes. */
const trackBytes = 1_500
const blockBytes = 150

/** A full block, in memory of just its size. */
interface Block {
  startTimeMs: number
  lastTimeMs: number
  count: number
  bytes: Uint8Array
}

const allTime = { startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }

/** The histograms of one series in order of time: full blocks, then the one that is written. */
class Track {
  #blocks: Block[] = []
  #blockBytes = 0
  #out = new ByteWriter(128)
  #writer = new HistogramRunWriter(this.#out)
  #openStartTimeMs = Infinity

  get memoryBytes(): number {
    return trackBytes + this.#blockBytes + this.#out.capacity
  }

  put(timeMs: number, histogram: Histogram): void {
    const lastTimeMs =
      this.#writer.count > 0
        ? this.#writer.lastTimeMs
        : (this.#blocks.at(-1)?.lastTimeMs ?? Number.NEGATIVE_INFINITY)
    if (timeMs > lastTimeMs) this.#append(timeMs, histogram)
    else this.#insert(timeMs, histogram)
  }

  /** Adds the histograms of a range to `run`. */
  read(range: TimeRange, run: HistogramRun): void {
    for (const { startTimeMs, lastTimeMs, count, bytes } of this.#blocks) {
      if (lastTimeMs < range.startTimeMs) continue
      if (startTimeMs > range.endTimeMs) return
      readHistogramRun(new ByteReader(bytes), count, range, run)
    }
    if (this.#openStartTimeMs > range.endTimeMs) return
    readHistogramRun(new ByteReader(this.#out.peek()), this.#writer.count, range, run)
  }

  /** Bytes of the blocks that a range touches. */
  bytesIn(startTimeMs: number, endTimeMs: number): number {
    let size = 0
    for (const block of this.#blocks) {
      if (block.lastTimeMs >= startTimeMs && block.startTimeMs <= endTimeMs) {
        size += block.bytes.length
      }
    }
    const isOpenIn = this.#openStartTimeMs <= endTimeMs && this.#writer.lastTimeMs >= startTimeMs
    return isOpenIn ? size + this.#out.size : size
  }

  /** Lets go of blocks that end before `timeMs`; answers whether anything is left. */
  truncate(timeMs: number): boolean {
    const kept = this.#blocks.findIndex(({ lastTimeMs }) => lastTimeMs >= timeMs)
    this.#setBlocks(kept < 0 ? [] : this.#blocks.slice(kept))
    if (kept < 0 && this.#writer.count > 0 && this.#writer.lastTimeMs < timeMs) this.#open()
    return this.#blocks.length > 0 || this.#writer.count > 0
  }

  #append(timeMs: number, histogram: Histogram): void {
    if (this.#writer.count === 0) this.#openStartTimeMs = timeMs
    this.#writer.add(timeMs, histogram)
    if (this.#writer.count < blockCount) return
    const { count, lastTimeMs } = this.#writer
    const startTimeMs = this.#openStartTimeMs
    this.#setBlocks([...this.#blocks, { startTimeMs, lastTimeMs, count, bytes: this.#out.take() }])
    this.#open()
  }

  /** Out of order, or again: the block of the time and what lies behind is written again. */
  #insert(timeMs: number, histogram: Histogram): void {
    const found = this.#blocks.findIndex(({ lastTimeMs }) => lastTimeMs >= timeMs)
    const kept = found < 0 ? this.#blocks.length : found
    const rest: HistogramRun = { timeMs: [], histogram: [] }
    for (const { count, bytes } of this.#blocks.slice(kept)) {
      readHistogramRun(new ByteReader(bytes), count, allTime, rest)
    }
    readHistogramRun(new ByteReader(this.#out.peek()), this.#writer.count, allTime, rest)
    this.#setBlocks(this.#blocks.slice(0, kept))
    this.#open()
    let isPlaced = false
    for (const [row, restTimeMs] of rest.timeMs.entries()) {
      if (!isPlaced && timeMs <= restTimeMs) {
        this.#append(timeMs, histogram)
        isPlaced = true
      }
      if (restTimeMs !== timeMs) this.#append(restTimeMs, rest.histogram[row]!)
    }
  }

  #open(): void {
    this.#out = new ByteWriter(128)
    this.#writer = new HistogramRunWriter(this.#out)
    this.#openStartTimeMs = Infinity
  }

  #setBlocks(blocks: Block[]): void {
    this.#blocks = blocks
    this.#blockBytes = 0
    for (const { bytes } of blocks) this.#blockBytes += bytes.length + blockBytes
  }
}

/** All histograms of a head. */
export class HistogramTable {
  readonly #tracks = new Map<SeriesId, Track>()
  /** Bytes in use. */
  usedBytes = 0

  /** Whether a series has histograms. */
  has(id: SeriesId): boolean {
    return this.#tracks.has(id)
  }

  /** Keeps the histograms of rows that were applied; their times may come in any order. */
  apply(batch: PackedBatch): void {
    const { packed } = batch
    if (packed === undefined) return
    for (let row = 0; row < batch.count; row++) {
      const bytes = packed[row]
      if (bytes === undefined) continue
      const histogram = batch.histogram?.[row] ?? unpackHistogram(bytes)
      this.#put(batch.seriesId[row]!, batch.timeMs[row]!, dropHint(histogram))
    }
  }

  /** The histograms of a series' rows; `undefined` when none of them is one. */
  columnOf(
    id: SeriesId,
    rows: { count: number; timeMs: Float64Array; value: Float64Array },
  ): (Histogram | undefined)[] | undefined {
    const track = this.#tracks.get(id)
    if (track === undefined) return undefined
    const run: HistogramRun = { timeMs: [], histogram: [] }
    const bits = bitsOf(rows.value)
    let column: (Histogram | undefined)[] | undefined
    let place = 0
    for (let row = 0; row < rows.count; row++) {
      if (!isHistogramAt(bits, row)) continue
      const timeMs = rows.timeMs[row]!
      if (column === undefined) {
        const endTimeMs = rows.timeMs[rows.count - 1]!
        track.read({ startTimeMs: timeMs, endTimeMs }, run)
        column = new Array<Histogram | undefined>(rows.count).fill(undefined)
      }
      while (place < run.timeMs.length && run.timeMs[place]! < timeMs) place++
      if (run.timeMs[place] === timeMs) column[row] = run.histogram[place]
    }
    return column
  }

  /** Bytes that hold a series' histograms with start ≤ time ≤ end, and perhaps some beside. */
  bytesIn(id: SeriesId, startTimeMs: number, endTimeMs: number): number {
    return this.#tracks.get(id)?.bytesIn(startTimeMs, endTimeMs) ?? 0
  }

  /** Lets go of a series' histograms before `timeMs`. */
  truncate(id: SeriesId, timeMs: number): void {
    const track = this.#tracks.get(id)
    if (track === undefined) return
    this.usedBytes -= track.memoryBytes
    if (track.truncate(timeMs)) this.usedBytes += track.memoryBytes
    else this.#tracks.delete(id)
  }

  #put(id: SeriesId, timeMs: number, histogram: Histogram): void {
    let track = this.#tracks.get(id)
    if (track === undefined) {
      track = new Track()
      this.#tracks.set(id, track)
    } else this.usedBytes -= track.memoryBytes
    track.put(timeMs, histogram)
    this.usedBytes += track.memoryBytes
  }
}
