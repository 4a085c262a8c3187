/** Tables of chunks become series: unpacked one chunk behind another, cut at both ends, then what memory has. */

import { setImmediate } from 'node:timers/promises'
import type { SeriesColumns, SeriesVisitor } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import type { Labels } from '../../model/labels.ts'
import { bitsOf, setHistogramAt } from '../../model/sample.ts'
import { FloatChunkDecoder } from '../chunk/float-chunk.ts'
import { weighHistograms } from '../chunk/histogram-bytes.ts'
import { decodeHistogramChunk } from '../chunk/histogram-chunk.ts'
import { ByteReader } from '../chunk/varint.ts'
import { storeErrors } from '../errors.ts'
import { joinColumns } from '../join-columns.ts'
import { type ChunkTable, placesOf } from './chunk-table.ts'
import type { ColumnPair } from './column-pool.ts'
import { sortRows } from './ordered-rows.ts'
import { chunkKinds } from './tables.ts'

/** What is asked of tables; those are in order of their spans. */
export interface TableSelection {
  found: ReadonlyMap<bigint, { labels: Labels }>
  startTimeMs: number
  endTimeMs: number
}

/** Samples of the chunks that overlap the range: at least as many as will be found there. */
export function countRows(table: ChunkTable, range: TableSelection): number {
  const { startTimeMs, lastTimeMs, count } = table
  let rowCount = 0
  for (let chunk = 0; chunk < count.length; chunk++) {
    if (lastTimeMs[chunk]! < range.startTimeMs || startTimeMs[chunk]! > range.endTimeMs) continue
    rowCount += count[chunk]!
  }
  return rowCount
}

/** What the histograms of those chunks count for beside, where samples are limited. */
export function weighRows(table: ChunkTable, range: TableSelection): number {
  const { startTimeMs, lastTimeMs, kind, offset } = table
  let bytes = 0
  for (let chunk = 0; chunk < kind.length; chunk++) {
    if (kind[chunk] !== chunkKinds.histogram) continue
    if (lastTimeMs[chunk]! < range.startTimeMs || startTimeMs[chunk]! > range.endTimeMs) continue
    bytes += offset[chunk + 1]! - offset[chunk]!
  }
  return weighHistograms(bytes)
}

const decoder = new FloatChunkDecoder()

/** Rows that are unpacked between two rests for everything else: about five milliseconds. */
export const restRows = 524_288
/** Rows of a pair of columns that is taken when the one before is full. */
const pairRows = 1_048_576
/** Rows of the pair in which visited series follow each other: a day of samples, 64 KB a column. */
const visitedRows = 8_192

/** Unpacks into pairs of columns that it takes as it needs them; the rows of a series lie in one of them. */
export class TableUnpacker {
  readonly #tables: readonly ChunkTable[]
  readonly #readers: ByteReader[]
  readonly #selection: TableSelection
  readonly #take: (rowCount: number) => ColumnPair
  #out: ColumnPair & { bits: Uint32Array; at: number }
  /** Rows that may still come, at most. */
  #restCount: number
  readonly #rowCountMax: number
  #histograms: { timeMs: number; histogram: Histogram }[] = []
  /** Each series takes the place of the one before. */
  #isVisiting = false
  /** What is known of the series that is being unpacked. */
  #isEachNumber = true
  #isRising = true
  /** The distance of its rows: 0 before the first, NaN when it differs. */
  #evenMs = 0
  /** The pairs that the answer lies in. */
  readonly pairs: ColumnPair[] = []

  /** `rowCount` is what `countRows` says of the tables, and the rows of `recent`. */
  constructor(
    tables: readonly ChunkTable[],
    selection: TableSelection,
    columns: {
      take: (rowCount: number) => ColumnPair
      rowCount: number
      /** `STORE_TOO_MANY_SAMPLES` beyond this many. */
      rowCountMax: number
    },
  ) {
    this.#tables = tables
    this.#selection = selection
    this.#readers = tables.map(({ data }) => new ByteReader(data))
    this.#take = columns.take
    this.#restCount = columns.rowCount
    this.#rowCountMax = columns.rowCountMax
    const none = new Float64Array(0)
    this.#out = { timeMs: none, value: none, bits: bitsOf(none), at: 0 }
  }

  /** All series with rows in the range, then those that only memory has. Rejects when the signal says so. */
  async unpack(recent: readonly SeriesColumns[], signal?: AbortSignal): Promise<SeriesColumns[]> {
    const answer: SeriesColumns[] = []
    let unrestedCount = 0
    for (const series of this.#eachSeries(recent)) {
      answer.push(series)
      unrestedCount += series.count
      if (unrestedCount < restRows) continue
      unrestedCount = 0
      await setImmediate()
      signal?.throwIfAborted()
    }
    return answer
  }

  /** Hands over the same series one by one; the visitor says when to rest. */
  async visit(
    recent: readonly SeriesColumns[],
    visitor: SeriesVisitor,
    signal?: AbortSignal,
  ): Promise<void> {
    this.#isVisiting = true
    for (const series of this.#eachSeries(recent)) {
      const rest = visitor.visit(series)
      if (rest === undefined) continue
      await rest
      signal?.throwIfAborted()
    }
  }

  *#eachSeries(recent: readonly SeriesColumns[]): Generator<SeriesColumns> {
    const recentOf = new Map<string, SeriesColumns>()
    for (const series of recent) recentOf.set(series.labels.key, series)
    const places = this.#tables.map((table) => placesOf(table, this.#selection.found))
    let rowCount = 0
    const count = (series: SeriesColumns): SeriesColumns => {
      rowCount += series.count
      if (rowCount > this.#rowCountMax) {
        throw storeErrors.TOO_MANY_SAMPLES({ limit: this.#rowCountMax })
      }
      return series
    }
    let index = 0
    for (const { labels } of this.#selection.found.values()) {
      const newest = recentOf.get(labels.key)
      if (newest !== undefined) recentOf.delete(labels.key)
      const series = this.#unpackSeries(labels, { places, index: index++ }, newest)
      if (series !== undefined) yield count(series)
    }
    for (const series of recentOf.values()) yield count(series)
  }

  #unpackSeries(
    labels: Labels,
    place: { places: readonly Int32Array[]; index: number },
    newest: SeriesColumns | undefined,
  ): SeriesColumns | undefined {
    this.#reserve(place, newest?.count ?? 0)
    const out = this.#out
    const first = out.at
    let isOrdered = true
    this.#isEachNumber = true
    this.#isRising = true
    this.#evenMs = 0
    for (let table = 0; table < this.#tables.length; table++) {
      const at = place.places[table]![place.index]!
      if (at >= 0) isOrdered = this.#unpackPlace(table, at, first) && isOrdered
    }
    if (!isOrdered) this.#sort(first)
    const from = this.#cut(first)
    if (this.#histograms.length > 0 || newest?.histogram !== undefined) {
      return this.#joinHistograms(labels, from, newest)
    }
    if (newest !== undefined) this.#addNewest(newest, from)
    if (from === out.at) return undefined
    return {
      labels,
      count: out.at - from,
      timeMs: out.timeMs.subarray(from, out.at),
      value: out.value.subarray(from, out.at),
      isEachNumber: this.#isEachNumber,
      isRising: this.#isRising,
      evenMs: this.#evenMs > 0 ? this.#evenMs : undefined,
    }
  }

  #addNewest(newest: SeriesColumns, from: number): void {
    const out = this.#out
    const isBehind = out.at > from && newest.timeMs[0]! <= out.timeMs[out.at - 1]!
    out.timeMs.set(newest.timeMs.subarray(0, newest.count), out.at)
    out.value.set(newest.value.subarray(0, newest.count), out.at)
    this.#look(from, out.at, out.at + newest.count)
    this.#lookAtTimes(from, out.at, out.at + newest.count)
    out.at += newest.count
    // Memory has rows that came late, perhaps some that the engine has too.
    if (isBehind) this.#sort(from)
  }

  /** Whether rows `[begin, end)` of a series from `from` on are numbers that go on rising. */
  #look(from: number, begin: number, end: number): void {
    const { value } = this.#out
    let before = begin > from ? value[begin - 1]! : Number.NEGATIVE_INFINITY
    for (let row = begin; row < end && this.#isRising; row++) {
      const next = value[row]!
      if (!(next >= before)) this.#isRising = false
      before = next
    }
    for (let row = begin; row < end && this.#isEachNumber && !this.#isRising; row++) {
      if (Number.isNaN(value[row]!)) this.#isEachNumber = false
    }
  }

  /** Whether rows `[begin, end)` go on in the same distance. */
  #lookAtTimes(from: number, begin: number, end: number): void {
    const { timeMs } = this.#out
    for (let row = Math.max(begin, from + 1); row < end; row++) {
      if (timeMs[row]! - timeMs[row - 1]! === this.#evenMs) continue
      this.#evenMs = Number.NaN
      break
    }
  }

  #sort(from: number): void {
    const out = this.#out
    out.at = sortRows({ ...out, from, to: out.at })
    this.#isRising = false
    this.#evenMs = Number.NaN
  }

  /** Makes sure that there is room for all chunks of a series: behind those before, or in their place. */
  #reserve(place: { places: readonly Int32Array[]; index: number }, newestCount: number): void {
    let rowCount = newestCount
    for (let index = 0; index < this.#tables.length; index++) {
      const { starts, count } = this.#tables[index]!
      const at = place.places[index]![place.index]!
      if (at < 0) continue
      for (let chunk = starts[at]!; chunk < starts[at + 1]!; chunk++) rowCount += count[chunk]!
    }
    if (this.#isVisiting) {
      this.#out.at = 0
      if (rowCount <= this.#out.timeMs.length) return
      const size = Math.max(visitedRows, rowCount * 2)
      const pair = { timeMs: new Float64Array(size), value: new Float64Array(size) }
      this.#out = { ...pair, bits: bitsOf(pair.value), at: 0 }
      return
    }
    if (this.#out.at + rowCount > this.#out.timeMs.length) {
      const pair = this.#take(Math.max(rowCount, Math.min(pairRows, this.#restCount)))
      this.pairs.push(pair)
      this.#out = { ...pair, bits: bitsOf(pair.value), at: 0 }
    }
    this.#restCount -= rowCount
  }

  /** Takes rows beside the range out; `from` is the first row of the series, the answer the first one now. */
  #cut(from: number): number {
    const out = this.#out
    const { startTimeMs, endTimeMs } = this.#selection
    const first = lowerBound(out.timeMs, from, out.at, startTimeMs)
    const end = lowerBound(out.timeMs, first, out.at, endTimeMs + 1)
    out.at = end
    if (this.#isVisiting || first === from) return first
    out.at = from + end - first
    out.timeMs.copyWithin(from, first, end)
    // By bits, as all copies of values.
    out.bits.copyWithin(from * 2, first * 2, end * 2)
    return from
  }

  /** Unpacks a series' chunks of one table; `false` when rows are not in order any more. */
  #unpackPlace(tableIndex: number, place: number, first: number): boolean {
    const table = this.#tables[tableIndex]!
    const reader = this.#readers[tableIndex]!
    const out = this.#out
    const selection = this.#selection
    let isOrdered = true
    for (let chunk = table.starts[place]!; chunk < table.starts[place + 1]!; chunk++) {
      const startTimeMs = table.startTimeMs[chunk]!
      if (table.lastTimeMs[chunk]! < selection.startTimeMs) continue
      if (startTimeMs > selection.endTimeMs) break
      if (table.kind[chunk] === chunkKinds.histogram) {
        this.#unpackHistograms(table, chunk)
        continue
      }
      const count = table.count[chunk]!
      reader.at = table.offset[chunk]!
      const isCut =
        startTimeMs < selection.startTimeMs || table.lastTimeMs[chunk]! > selection.endTimeMs
      const whole = { startTimeMs, count, needed: count }
      decoder.decode(reader, isCut ? { ...whole, range: selection } : whole, out)
      if (!decoder.isEachNumber) this.#isEachNumber = false
      if (!decoder.isRising) this.#isRising = false
      if (out.at === first) this.#evenMs = decoder.evenMs
      else if (decoder.evenMs !== this.#evenMs) this.#evenMs = Number.NaN
      if (out.at > first) {
        if (startTimeMs - out.timeMs[out.at - 1]! !== this.#evenMs) this.#evenMs = Number.NaN
        if (startTimeMs <= out.timeMs[out.at - 1]!) isOrdered = false
        if (out.value[out.at]! < out.value[out.at - 1]!) this.#isRising = false
      }
      out.at += count
    }
    return isOrdered
  }

  #unpackHistograms(table: ChunkTable, chunk: number): void {
    const bytes = table.data.subarray(table.offset[chunk]!, table.offset[chunk + 1]!)
    const { timeMs, histogram } = decodeHistogramChunk(bytes, this.#selection)
    for (let row = 0; row < timeMs.length; row++) {
      this.#histograms.push({ timeMs: timeMs[row]!, histogram: histogram[row]! })
    }
  }

  /** Rows of both kinds in order of time, equal times once. */
  #joinHistograms(
    labels: Labels,
    from: number,
    newest: SeriesColumns | undefined,
  ): SeriesColumns | undefined {
    const out = this.#out
    const histograms = this.#histograms.sort((a, b) => a.timeMs - b.timeMs)
    this.#histograms = []
    const room = out.at - from + histograms.length
    const older = {
      labels,
      count: 0,
      timeMs: new Float64Array(room),
      value: new Float64Array(room),
    }
    const histogram = new Array<Histogram | undefined>(room).fill(undefined)
    const bits = bitsOf(older.value)
    let row = from
    for (const next of [...histograms, undefined]) {
      const endTimeMs = next?.timeMs ?? Infinity
      for (; row < out.at && out.timeMs[row]! <= endTimeMs; row++) {
        older.timeMs[older.count] = out.timeMs[row]!
        older.value.set(out.value.subarray(row, row + 1), older.count++)
      }
      const isAgain = older.count > 0 && older.timeMs[older.count - 1] === next?.timeMs
      if (next === undefined || isAgain) continue
      older.timeMs[older.count] = next.timeMs
      setHistogramAt(bits, older.count)
      histogram[older.count++] = next.histogram
    }
    histogram.length = older.count
    out.at = from
    const found = older.count === 0 ? [] : [{ ...older, histogram }]
    return joinColumns(found, newest === undefined ? [] : [newest])[0]
  }
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
