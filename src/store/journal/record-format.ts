/**
 * The journal's bytes. Little-endian throughout.
 *
 *   file    = magic "SWJ1" version:u32=1 record*
 *   record  = size:u32 crc:u32 payload              size counts the payload; crc is its CRC-32 (zlib)
 *   payload = kind:u8 body
 *
 *   1 samples   count:u32 mode:u8 time seriesId:u32×count value:f64×count
 *               mode 0: one f64 for all rows; 1: f64 base, u32×count offsets; 2: f64×count
 *   2 lines     count:u32 sequence:f64 streams:u32 labels×streams stream:u32×count time:i64×count
 *               level:u8×count size:u32×count text, then flag:u8 and, if 1, labels×count
 *   3 symbols   count:u32 (symbol:varint text)×count
 *   4 series    count:u32 (id:varint size:varint symbol:varint×size)×count
 *   5 removed   count:u32 id:varint×count
 *   6 samples with histograms    as 1, then size:u32 (row:varint size:varint histogram)×size, the bytes of
 *               a histogram as chunk/histogram-bytes.ts has them; the value of such a row is its mark
 *   7 exemplars count:u32 (id:varint hash:u32×2 time:f64 value:f64 labels)×count; the hash is that of the
 *               series' label set, since numbers are given again
 *   8 erased    count:u32 start:f64 end:f64 id:varint×count; rows before it of these series are gone
 *   9 runs      count:u32 rows:u32 (id:varint rows:varint start:f64 size:varint chunk)×count, the rows of
 *               one series each as chunk/float-chunk.ts packs them: of segments that are in the engine
 *
 *   text    = size:varint utf-8                      labels = size:varint text×size, name and value in turn
 *
 * Values keep their bits. Samples cost 12 bytes when a batch has one time, 16 otherwise. A record that
 * is cut off, has a size of 0, or fails its CRC ends the file: nothing behind it is read.
 */

import { crc32 } from 'node:zlib'
import { assert } from '../../base/assert.ts'
import type { ExemplarRow } from '../../model/exemplar.ts'
import { Labels } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { bitsOf, makeSampleBatch, type SeriesId } from '../../model/sample.ts'
import { FloatChunkDecoder } from '../chunk/float-chunk.ts'
import { ByteReader } from '../chunk/varint.ts'
import type { PackedBatch } from '../head/packed-batch.ts'

/** First bytes of every journal file. */
export const fileHeader = Buffer.from('SWJ1\x01\x00\x00\x00', 'latin1')

const kindSamples = 1
const kindLines = 2
const kindSymbols = 3
const kindSeries = 4
const kindRemoved = 5
const kindPacked = 6
const kindExemplars = 7
const kindRuns = 9

/** Rows of one series, packed. */
export interface PackedRun {
  seriesId: SeriesId
  count: number
  startTimeMs: number
  data: Uint8Array
}
const kindErased = 8

/** An exemplar with what proves its series. */
export interface ExemplarEntry {
  row: ExemplarRow
  hash: { high: number; low: number }
}

/** Series of which samples were deleted: those with start ≤ time ≤ end. */
export interface Erasure {
  ids: readonly SeriesId[]
  startTimeMs: number
  endTimeMs: number
}

/** Hears the records of a file in order. Batches are the hearer's own. */
export interface RecordVisitor {
  onSamples(batch: PackedBatch): void
  onLines(batch: LogBatch, firstSequence: number): void
  onSymbol(symbol: number, text: string): void
  onSeries(id: SeriesId, symbols: readonly number[]): void
  onRemoved(id: SeriesId): void
  onExemplar?(entry: ExemplarEntry): void
  onErased?(erasure: Erasure): void
}

/** Collects records in one growing buffer. */
export class RecordWriter {
  #buffer = Buffer.allocUnsafeSlow(1 << 20)
  #end = 0
  #recordStart = 0

  /** Everything since the last `clear`; valid until the next call. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end)
  }

  /** Begins anew; a buffer that grew far is let go. */
  clear(): void {
    this.#end = 0
    if (this.#buffer.length > 1 << 25) this.#buffer = Buffer.allocUnsafeSlow(1 << 20)
  }

  /** Adds a record of samples. */
  samples(batch: PackedBatch, times: { minTimeMs: number; maxTimeMs: number }): void {
    const { count, packed } = batch
    const { minTimeMs, maxTimeMs } = times
    this.#begin(packed === undefined ? kindSamples : kindPacked, 14 + count * 20)
    this.#u32(count)
    if (minTimeMs === maxTimeMs) {
      this.#u8(0)
      this.#f64(minTimeMs)
    } else if (maxTimeMs - minTimeMs <= 0xffffffff) {
      this.#u8(1)
      this.#f64(minTimeMs)
      const offsets = new Uint32Array(count)
      for (let row = 0; row < count; row++) offsets[row] = batch.timeMs[row]! - minTimeMs
      this.#column(offsets)
    } else {
      this.#u8(2)
      this.#column(batch.timeMs.subarray(0, count))
    }
    this.#column(batch.seriesId.subarray(0, count))
    this.#column(batch.value.subarray(0, count))
    if (packed !== undefined) this.#packed(packed)
    this.#finish()
  }

  #packed(packed: readonly (Uint8Array | undefined)[]): void {
    const rows = [...packed.entries()].filter(([, bytes]) => bytes !== undefined)
    this.#reserve(4)
    this.#u32(rows.length)
    for (const [row, bytes] of rows) {
      this.#varint(row)
      this.#varint(bytes!.length)
      this.#column(bytes!)
    }
  }

  /** Adds packed rows, series by series. */
  runs(runs: readonly PackedRun[]): void {
    this.#begin(kindRuns, 8)
    this.#u32(runs.length)
    this.#u32(runs.reduce((sum, { count }) => sum + count, 0))
    for (const { seriesId, count, startTimeMs, data } of runs) {
      this.#varint(seriesId)
      this.#varint(count)
      this.#reserve(8)
      this.#f64(startTimeMs)
      this.#varint(data.length)
      this.#column(data)
    }
    this.#finish()
  }

  /** Adds exemplars. */
  exemplars(entries: readonly ExemplarEntry[]): void {
    this.#begin(kindExemplars, 4)
    this.#u32(entries.length)
    for (const { row, hash } of entries) {
      this.#varint(row.seriesId)
      this.#reserve(24)
      this.#u32(hash.high)
      this.#u32(hash.low)
      this.#f64(row.timeMs)
      this.#f64(row.value)
      this.#labels(row.labels)
    }
    this.#finish()
  }

  /** Adds a record of log lines. */
  lines(batch: LogBatch, firstSequence: number): void {
    const { count } = batch
    this.#begin(kindLines, 32 + count * 18)
    this.#u32(count)
    this.#f64(firstSequence)
    this.#u32(batch.streams.length)
    for (const labels of batch.streams) this.#labels(labels)
    this.#reserve(count * 17)
    this.#column(batch.stream.subarray(0, count))
    this.#column(batch.timeNs.subarray(0, count))
    this.#column(batch.level.subarray(0, count))
    const sizes = new Uint32Array(count)
    for (let row = 0; row < count; row++) sizes[row] = Buffer.byteLength(batch.line[row]!)
    this.#column(sizes)
    for (let row = 0; row < count; row++) {
      this.#reserve(sizes[row]!)
      this.#end += this.#buffer.write(batch.line[row]!, this.#end)
    }
    this.#reserve(1)
    this.#u8(batch.metadata === undefined ? 0 : 1)
    if (batch.metadata !== undefined) {
      for (let row = 0; row < count; row++) this.#labels(batch.metadata[row])
    }
    this.#finish()
  }

  /** Adds texts and their numbers. */
  symbols(symbols: readonly number[], textOf: (symbol: number) => string): void {
    this.#begin(kindSymbols, 4)
    this.#u32(symbols.length)
    for (const symbol of symbols) {
      this.#varint(symbol)
      this.#text(textOf(symbol))
    }
    this.#finish()
  }

  /** Adds label sets and their numbers. */
  series(ids: readonly SeriesId[], symbolsOf: (id: SeriesId) => readonly number[]): void {
    this.#begin(kindSeries, 4)
    this.#u32(ids.length)
    for (const id of ids) {
      const symbols = symbolsOf(id)
      this.#varint(id)
      this.#varint(symbols.length)
      for (const symbol of symbols) this.#varint(symbol)
    }
    this.#finish()
  }

  /** Adds numbers that were taken back. */
  removed(ids: readonly SeriesId[]): void {
    this.#begin(kindRemoved, 4)
    this.#u32(ids.length)
    for (const id of ids) this.#varint(id)
    this.#finish()
  }

  /** Adds that samples were deleted. */
  erased(erasure: Erasure): void {
    this.#begin(kindErased, 20)
    this.#u32(erasure.ids.length)
    this.#f64(erasure.startTimeMs)
    this.#f64(erasure.endTimeMs)
    for (const id of erasure.ids) this.#varint(id)
    this.#finish()
  }

  #begin(kind: number, bytes: number): void {
    this.#reserve(9 + bytes)
    this.#recordStart = this.#end
    this.#end += 8
    this.#u8(kind)
  }

  #finish(): void {
    const payload = this.#buffer.subarray(this.#recordStart + 8, this.#end)
    assert(payload.length <= 0xffffffff, 'a journal record has at most 4 GiB')
    this.#buffer.writeUInt32LE(payload.length, this.#recordStart)
    this.#buffer.writeUInt32LE(crc32(payload), this.#recordStart + 4)
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#end + bytes, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#end)
    this.#buffer = grown
  }

  #u8(value: number): void {
    this.#buffer[this.#end++] = value
  }

  #u32(value: number): void {
    this.#end = this.#buffer.writeUInt32LE(value, this.#end)
  }

  #f64(value: number): void {
    this.#end = this.#buffer.writeDoubleLE(value, this.#end)
  }

  #column(column: Uint8Array | Uint32Array | Float64Array | BigInt64Array): void {
    this.#reserve(column.byteLength)
    this.#buffer.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), this.#end)
    this.#end += column.byteLength
  }

  #varint(value: number): void {
    this.#reserve(5)
    while (value > 127) {
      this.#buffer[this.#end++] = (value & 127) | 128
      value >>>= 7
    }
    this.#buffer[this.#end++] = value
  }

  #text(text: string): void {
    const size = Buffer.byteLength(text)
    this.#varint(size)
    this.#reserve(size)
    this.#end += this.#buffer.write(text, this.#end)
  }

  #labels(labels: Labels | undefined): void {
    const pairs = labels?.pairs ?? []
    this.#varint(pairs.length)
    for (const text of pairs) this.#text(text)
  }
}

/** Reads a whole file; answers how many of its bytes are good. */
export function readRecords(file: Buffer, visitor: RecordVisitor): number {
  const reader = new RecordFileReader(file)
  let isMore = true
  while (isMore) isMore = reader.next(visitor)
  return reader.goodBytes
}

/** Reads a file record by record, for those who must not hold the event loop. */
export class RecordFileReader {
  readonly #file: Buffer
  /** How much of the file was good so far. */
  goodBytes = 0

  constructor(file: Buffer) {
    this.#file = file
    const isOurs = file.length >= 8 && file.compare(fileHeader, 0, 8, 0, 8) === 0
    if (isOurs) this.goodBytes = fileHeader.length
  }

  /** Shows the next record to the visitor; `false` at the end of what is good. */
  next(visitor: RecordVisitor): boolean {
    const file = this.#file
    const at = this.goodBytes
    if (at === 0 || at + 8 > file.length) return false
    const size = file.readUInt32LE(at)
    const end = at + 8 + size
    if (size === 0 || end > file.length) return false
    const payload = file.subarray(at + 8, end)
    if (crc32(payload) !== file.readUInt32LE(at + 4)) return false
    new RecordReader(payload).visit(visitor)
    this.goodBytes = end
    return true
  }
}

const runDecoder = new FloatChunkDecoder()

/** Walks one payload whose CRC was right. */
class RecordReader {
  readonly #payload: Buffer
  #at = 1

  constructor(payload: Buffer) {
    this.#payload = payload
  }

  visit(visitor: RecordVisitor): void {
    const kind = this.#payload[0]
    const count = this.#u32()
    if (kind === kindSamples) visitor.onSamples(this.#samples(count))
    else if (kind === kindPacked) visitor.onSamples(this.#packedSamples(count))
    else if (kind === kindLines) this.#lines(count, visitor)
    else if (kind === kindRuns) visitor.onSamples(this.#runs(count))
    else if (kind === kindErased) visitor.onErased?.(this.#erasure(count))
    else {
      for (let index = 0; index < count; index++) {
        if (kind === kindSymbols) visitor.onSymbol(this.#varint(), this.#text())
        else if (kind === kindSeries) visitor.onSeries(this.#varint(), this.#symbols())
        else if (kind === kindRemoved) visitor.onRemoved(this.#varint())
        else if (kind === kindExemplars) {
          const entry = this.#exemplar()
          visitor.onExemplar?.(entry)
        }
      }
    }
  }

  #exemplar(): ExemplarEntry {
    const seriesId = this.#varint()
    const hash = { high: this.#u32(), low: this.#u32() }
    const timeMs = this.#f64()
    const value = this.#f64()
    return { row: { seriesId, timeMs, value, labels: this.#labels() }, hash }
  }

  #runs(count: number): PackedBatch {
    const rowCount = this.#u32()
    const batch = makeSampleBatch(rowCount)
    const out = { ...batch, bits: bitsOf(batch.value), at: 0 }
    const reader = new ByteReader(this.#payload)
    for (let index = 0; index < count; index++) {
      const seriesId = this.#varint()
      const rows = this.#varint()
      const startTimeMs = this.#f64()
      const size = this.#varint()
      reader.at = this.#at
      runDecoder.decode(reader, { startTimeMs, count: rows, needed: rows }, out)
      batch.seriesId.fill(seriesId, out.at, out.at + rows)
      out.at += rows
      this.#at += size
    }
    batch.count = rowCount
    return batch
  }

  #packedSamples(count: number): PackedBatch {
    const batch = this.#samples(count)
    const packed: (Uint8Array | undefined)[] = []
    const size = this.#u32()
    for (let index = 0; index < size; index++) {
      const row = this.#varint()
      const bytes = this.#varint()
      packed[row] = this.#payload.subarray(this.#at, this.#at + bytes)
      this.#at += bytes
    }
    return { ...batch, packed }
  }

  #samples(count: number): PackedBatch {
    const mode = this.#payload[this.#at++]
    let timeMs = new Float64Array(count)
    if (mode === 0) timeMs.fill(this.#f64())
    else if (mode === 1) {
      const base = this.#f64()
      const offsets = new Uint32Array(this.#copy(count * 4))
      for (let row = 0; row < count; row++) timeMs[row] = base + offsets[row]!
    } else timeMs = new Float64Array(this.#copy(count * 8))
    const seriesId = new Uint32Array(this.#copy(count * 4))
    return { count, seriesId, timeMs, value: new Float64Array(this.#copy(count * 8)) }
  }

  #erasure(count: number): Erasure {
    const startTimeMs = this.#f64()
    const endTimeMs = this.#f64()
    const ids = new Array<SeriesId>(count)
    for (let index = 0; index < count; index++) ids[index] = this.#varint()
    return { ids, startTimeMs, endTimeMs }
  }

  #lines(count: number, visitor: RecordVisitor): void {
    const firstSequence = this.#f64()
    const streamCount = this.#u32()
    const streams: Labels[] = []
    for (let index = 0; index < streamCount; index++) streams.push(this.#labels())
    const stream = new Uint32Array(this.#copy(count * 4))
    const timeNs = new BigInt64Array(this.#copy(count * 8))
    const level = new Uint8Array(this.#copy(count))
    const sizes = new Uint32Array(this.#copy(count * 4))
    const line: string[] = []
    for (const size of sizes) {
      line.push(this.#payload.toString('utf8', this.#at, this.#at + size))
      this.#at += size
    }
    const batch: LogBatch = { count, streams, stream, timeNs, level, line }
    if (this.#payload[this.#at++] === 1) {
      const metadata: (Labels | undefined)[] = []
      for (let row = 0; row < count; row++) {
        const labels = this.#labels()
        metadata.push(labels.size === 0 ? undefined : labels)
      }
      batch.metadata = metadata
    }
    visitor.onLines(batch, firstSequence)
  }

  #u32(): number {
    this.#at += 4
    return this.#payload.readUInt32LE(this.#at - 4)
  }

  #f64(): number {
    this.#at += 8
    return this.#payload.readDoubleLE(this.#at - 8)
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#payload[this.#at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  #text(): string {
    const size = this.#varint()
    this.#at += size
    return this.#payload.toString('utf8', this.#at - size, this.#at)
  }

  #symbols(): number[] {
    const size = this.#varint()
    const symbols = new Array<number>(size)
    for (let index = 0; index < size; index++) symbols[index] = this.#varint()
    return symbols
  }

  #labels(): Labels {
    const size = this.#varint()
    const pairs: string[] = []
    for (let index = 0; index < size; index++) pairs.push(this.#text())
    return new Labels(pairs)
  }

  /** Bytes of a column, in memory of its own and so aligned. */
  #copy(size: number): ArrayBuffer {
    const column = new ArrayBuffer(size)
    new Uint8Array(column).set(this.#payload.subarray(this.#at, this.#at + size))
    this.#at += size
    return column
  }
}
