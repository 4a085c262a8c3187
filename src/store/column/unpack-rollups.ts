/**
 * Tables of rollups and of chunks, span by span, become series of the samples that whole buckets need, with
 * their ordinals. What was not rolled up gives all its samples, which is more than enough. Where rows are
 * not in order, or are histograms, there is no answer and all samples must be read.
 */

import { setImmediate } from 'node:timers/promises'
import type { SeriesColumns } from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { FloatChunkDecoder } from '../chunk/float-chunk.ts'
import { ByteReader } from '../chunk/varint.ts'
import { type ChunkTable, placesOf } from './chunk-table.ts'
import { chunkKinds, rollupLevels } from './tables.ts'
import { restRows, type TableSelection } from './unpack-tables.ts'

/** A table and its reader. */
interface OpenTable {
  table: ChunkTable
  reader: ByteReader
  places: Int32Array
}

/** Unpacks one answer. */
export class RollupUnpacker {
  readonly #tables: OpenTable[]
  readonly #selection: TableSelection
  readonly #areFallsNeeded: boolean
  readonly #decoder = new FloatChunkDecoder()
  #timeMs = new Float64Array(8_192)
  #value = new Float64Array(8_192)
  #bits = bitsOf(this.#value)
  #ordinal = new Float64Array(8_192)
  #count = 0
  /** Where the ordinals of the next span begin. */
  #base = 0

  constructor(
    tables: readonly ChunkTable[],
    selection: TableSelection & { areFallsNeeded: boolean },
  ) {
    this.#selection = selection
    this.#areFallsNeeded = selection.areFallsNeeded
    this.#tables = tables.map((table) => ({
      table,
      reader: new ByteReader(table.data),
      places: placesOf(table, selection.found),
    }))
  }

  /** All series, with what memory has of them; `undefined` when all samples must be read. */
  async unpack(
    recent: readonly SeriesColumns[],
    signal?: AbortSignal,
  ): Promise<SeriesColumns[] | undefined> {
    const recentOf = new Map<string, SeriesColumns>()
    for (const series of recent) recentOf.set(series.labels.key, series)
    const answer: SeriesColumns[] = []
    let index = -1
    let unrestedCount = 0
    for (const { labels } of this.#selection.found.values()) {
      index++
      if (unrestedCount > restRows) {
        unrestedCount = 0
        await setImmediate()
        signal?.throwIfAborted()
      }
      const newest = recentOf.get(labels.key)
      recentOf.delete(labels.key)
      this.#count = 0
      this.#base = 0
      for (const open of this.#tables) {
        const place = open.places[index]!
        if (place >= 0 && !this.#unpackPlace(open, place)) return undefined
      }
      this.#cutEnd()
      if (newest !== undefined && !this.#addNewest(newest)) return undefined
      unrestedCount += this.#count
      const series = this.#finish(labels)
      if (series !== undefined) answer.push(series)
    }
    answer.push(...recentOf.values())
    return answer
  }

  /** Unpacks a series' chunks of one span; `false` when there is no answer. */
  #unpackPlace({ table, reader }: OpenTable, place: number): boolean {
    const begin = table.starts[place]!
    const end = table.starts[place + 1]!
    let rowEnd = this.#count
    for (let chunk = begin; chunk < end; chunk++) {
      const kind = table.kind[chunk]!
      if (kind === chunkKinds.histogram) return false
      const level = rollupLevels.find(({ rows, extremes }) => rows === kind || extremes === kind)
      if (level?.extremes === kind && this.#areFallsNeeded) return false
      if (kind !== chunkKinds.float && level === undefined) continue
      const startTimeMs = table.startTimeMs[chunk]!
      if (this.#count > 0 && startTimeMs <= this.#timeMs[this.#count - 1]!) return false
      const count = table.count[chunk]!
      this.#reserve(count)
      this.#decodeChunk(reader, table, chunk)
      if (level === undefined) this.#numberRows(count)
      else if (!this.#readOrdinals(reader, table, { chunk, begin, end, kind: level.ordinals }))
        return false
      rowEnd = this.#count
    }
    if (rowEnd > 0) this.#base = this.#ordinal[rowEnd - 1]! + 1
    return true
  }

  #decodeChunk(reader: ByteReader, table: ChunkTable, chunk: number): void {
    const startTimeMs = table.startTimeMs[chunk]!
    const count = table.count[chunk]!
    reader.at = table.offset[chunk]!
    this.#decoder.decode(
      reader,
      { startTimeMs, count, needed: count },
      { timeMs: this.#timeMs, value: this.#value, bits: this.#bits, at: this.#count },
    )
  }

  /** Takes `count` rows behind the others as they are, but for stale markers. */
  #numberRows(count: number): void {
    let ordinal = this.#count === 0 ? this.#base : Math.max(this.#base, this.#lastOrdinal() + 1)
    let at = this.#count
    for (let row = this.#count; row < this.#count + count; row++) {
      if (Number.isNaN(this.#value[row]!) && isStaleAt(this.#bits, row)) continue
      if (at !== row) {
        this.#timeMs[at] = this.#timeMs[row]!
        this.#bits[at * 2] = this.#bits[row * 2]!
        this.#bits[at * 2 + 1] = this.#bits[row * 2 + 1]!
      }
      this.#ordinal[at++] = ordinal++
    }
    this.#count = at
  }

  #lastOrdinal(): number {
    return this.#ordinal[this.#count - 1]!
  }

  /** The ordinals of the rows just unpacked: a chunk of the same start and another kind. */
  #readOrdinals(
    reader: ByteReader,
    table: ChunkTable,
    place: { chunk: number; begin: number; end: number; kind: number },
  ): boolean {
    const startTimeMs = table.startTimeMs[place.chunk]!
    const count = table.count[place.chunk]!
    for (let other = place.begin; other < place.end; other++) {
      if (table.kind[other] !== place.kind || table.startTimeMs[other] !== startTimeMs) continue
      const times = new Float64Array(count)
      const value = new Float64Array(count)
      reader.at = table.offset[other]!
      this.#decoder.decode(
        reader,
        { startTimeMs, count, needed: count },
        { timeMs: times, value, bits: bitsOf(value), at: 0 },
      )
      for (let row = 0; row < count; row++)
        this.#ordinal[this.#count + row] = this.#base + value[row]!
      this.#count += count
      return true
    }
    return false
  }

  /** Takes rows behind the range out: memory has them, and perhaps others. */
  #cutEnd(): void {
    const { endTimeMs } = this.#selection
    while (this.#count > 0 && this.#timeMs[this.#count - 1]! > endTimeMs) this.#count--
    if (this.#count > 0) this.#base = this.#lastOrdinal() + 1
  }

  #addNewest(newest: SeriesColumns): boolean {
    const { count, timeMs, value } = newest
    if (newest.histogram !== undefined || newest.startTimeMs !== undefined) return false
    if (this.#count > 0 && count > 0 && timeMs[0]! <= this.#timeMs[this.#count - 1]!) return false
    this.#reserve(count)
    this.#timeMs.set(timeMs.subarray(0, count), this.#count)
    this.#value.set(value.subarray(0, count), this.#count)
    this.#numberRows(count)
    return true
  }

  /** The series within the range, in memory of its own. */
  #finish(labels: Labels): SeriesColumns | undefined {
    const { startTimeMs } = this.#selection
    let from = 0
    while (from < this.#count && this.#timeMs[from]! < startTimeMs) from++
    if (from === this.#count) return undefined
    return {
      labels,
      count: this.#count - from,
      timeMs: this.#timeMs.slice(from, this.#count),
      value: this.#value.slice(from, this.#count),
      ordinal: this.#ordinal.slice(from, this.#count),
    }
  }

  #reserve(count: number): void {
    if (this.#count + count <= this.#timeMs.length) return
    const size = (this.#count + count) * 2
    const grow = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size)
      grown.set(column.subarray(0, this.#count))
      return grown
    }
    this.#timeMs = grow(this.#timeMs)
    this.#value = grow(this.#value)
    this.#ordinal = grow(this.#ordinal)
    this.#bits = bitsOf(this.#value)
  }
}
