/**
 * Chunks on their way into the engine: runs of samples are cut where a span ends, packed, and written as
 * Native blocks. One insert takes them all.
 */

import { assert } from '../../base/assert.ts'
import { type FloatColumns, FloatChunkEncoder } from '../chunk/float-chunk.ts'
import { encodeHistogramChunk, type HistogramRun } from '../chunk/histogram-chunk.ts'
import { BlockFile } from './block-file.ts'
import type { Engine } from './engine.ts'
import { spanOf } from './span-versions.ts'
import { chunkKinds, chunkRowsMax, chunkSpanMs, chunkStructure } from './tables.ts'

/** Chunks and bytes that are collected before they are written. */
const blockRowsMax = 8_192
const blockBytesMax = 4 << 20

/** A series beyond this process: its hash by halves, and the metric's. */
export interface SeriesIdentity {
  high: number
  low: number
  metric: number
}

/** A chunk beside whose series it is. */
export interface PackedChunk {
  startTimeMs: number
  lastTimeMs: number
  count: number
  kind: number
  data: Uint8Array
}

/** Rows for the table of chunks. */
export class ChunkFile {
  readonly #file: BlockFile
  readonly #encoder = new FloatChunkEncoder()
  readonly #metric = new Uint32Array(blockRowsMax)
  readonly #series = new Uint32Array(blockRowsMax * 2)
  readonly #start = new Uint32Array(blockRowsMax * 2)
  readonly #last = new Uint32Array(blockRowsMax * 2)
  readonly #count = new Uint32Array(blockRowsMax)
  readonly #kind = new Uint8Array(blockRowsMax)
  #data: Uint8Array[] = []
  #dataBytes = 0
  /** Spans that chunks were added to. */
  readonly spans = new Set<number>()
  /** Samples, chunks and their bytes that were added. */
  sampleCount = 0
  chunkCount = 0
  writtenBytes = 0

  /** `table` is the one they go to; the file stands in `directory` under its name. */
  constructor(directory: string, table: string) {
    this.#file = new BlockFile(directory, table, chunkStructure)
  }

  /** Whether `write` should be called before more is added: at least one run must always fit. */
  get isFull(): boolean {
    return this.#data.length > blockRowsMax / 2 || this.#dataBytes > blockBytesMax
  }

  /**
   * Adds rows of `columns` from `from` on, in time order, as many as a block takes; answers where it
   * stopped, which is `to` unless the block is full.
   */
  addFloats(
    identity: SeriesIdentity,
    columns: FloatColumns,
    range: { from: number; to: number; kind?: number },
  ): number {
    const { from, to, kind = chunkKinds.float } = range
    const { timeMs } = columns
    let begin = from
    while (begin < to && this.#data.length < blockRowsMax) {
      const span = spanOf(timeMs[begin]!)
      const endTimeMs = (span + 1) * chunkSpanMs
      const most = Math.min(to, begin + chunkRowsMax)
      let end = most
      if (timeMs[most - 1]! >= endTimeMs) end = lowerBound(timeMs, begin, most, endTimeMs)
      const times = { startTimeMs: timeMs[begin]!, lastTimeMs: timeMs[end - 1]! }
      const data = this.#encoder.encode(columns, begin, end)
      this.#add(identity, { ...times, count: end - begin, kind, data })
      begin = end
    }
    return begin
  }

  /** Adds histograms, which are few; the block may become a little larger. */
  addHistograms(identity: SeriesIdentity, columns: HistogramRun): void {
    const { timeMs, histogram } = columns
    for (let begin = 0; begin < timeMs.length; ) {
      const span = spanOf(timeMs[begin]!)
      let end = begin + 1
      while (end < timeMs.length && spanOf(timeMs[end]!) === span) end++
      const times = { startTimeMs: timeMs[begin]!, lastTimeMs: timeMs[end - 1]! }
      const run = { timeMs: timeMs.slice(begin, end), histogram: histogram.slice(begin, end) }
      const data = encodeHistogramChunk(run)
      this.#add(identity, { ...times, count: end - begin, kind: chunkKinds.histogram, data })
      begin = end
    }
  }

  /** Adds a chunk as it is. */
  addPacked(identity: SeriesIdentity, chunk: PackedChunk): void {
    this.#add(identity, chunk)
  }

  /** Writes what was collected. */
  async write(): Promise<void> {
    const count = this.#data.length
    await this.#file.write(count, [
      { name: 'metric', type: 'UInt32', values: this.#metric },
      { name: 'series', type: 'UInt64', values: this.#series },
      { name: 'start', type: 'Int64', values: this.#start },
      { name: 'last', type: 'Int64', values: this.#last },
      { name: 'count', type: 'UInt32', values: this.#count },
      { name: 'kind', type: 'UInt8', values: this.#kind },
      { name: 'data', type: 'String', values: this.#data },
    ])
    this.#data = []
    this.#dataBytes = 0
  }

  /** Has the engine take everything; rejects with its error. */
  async insert(engine: Engine): Promise<void> {
    await this.write()
    await this.#file.insert(engine)
  }

  /** Deletes the file. */
  async discard(): Promise<void> {
    await this.#file.discard()
  }

  #add(identity: SeriesIdentity, chunk: PackedChunk): void {
    const row = this.#data.length
    assert(row < blockRowsMax, 'a block of chunks is written before it is full')
    this.#metric[row] = identity.metric
    this.#series[row * 2] = identity.low
    this.#series[row * 2 + 1] = identity.high
    putTime(this.#start, row, chunk.startTimeMs)
    putTime(this.#last, row, chunk.lastTimeMs)
    this.#count[row] = chunk.count
    this.#kind[row] = chunk.kind
    this.#data.push(chunk.data)
    this.#dataBytes += chunk.data.length
    this.sampleCount += chunk.count
    this.chunkCount++
    this.writtenBytes += chunk.data.length
    this.spans.add(spanOf(chunk.startTimeMs))
  }
}

/** A time as halves of an Int64, the low one first. */
function putTime(column: Uint32Array, row: number, timeMs: number): void {
  const high = Math.floor(timeMs / 4_294_967_296)
  column[row * 2] = timeMs - high * 4_294_967_296
  column[row * 2 + 1] = high
}

/** First row in `[from, to)` whose time is ≥ `limit`. */
function lowerBound(timeMs: Float64Array, from: number, to: number, limit: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >> 1
    if (timeMs[middle]! < limit) low = middle + 1
    else high = middle
  }
  return low
}
