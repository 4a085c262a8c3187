/**
 * A run of one series' float samples as bytes, for the engine: lossless, small after Zstandard, quick to
 * read. Where it begins and how many rows it has stand beside it.
 *
 *   chunk  = version:u8=1 times:run base:u8 values
 *   values = exponent:zigzag apart:varint (gap:varint bits:u64)×apart whole:run     base 2 or 10
 *          | plane:u8×rows ×8                                                      base 0
 *   run    as in integer-run.ts; times count from the chunk's start
 *
 * Whole numbers and what stands apart from them: number-scale.ts. Values that have no scale are kept as
 * differences of their bits, read as 64-bit numbers, in planes of bytes, the lowest first.
 */

import { bitsOf } from '../../model/sample.ts'
import { IntegerPacker, IntegerUnpacker } from './integer-run.ts'
import { divisorOf, NumberScaler, type Scale } from './number-scale.ts'
import { type ByteReader, ByteWriter } from './varint.ts'

const version = 1

/** Samples in time order. */
export interface FloatColumns {
  timeMs: Float64Array
  value: Float64Array
}

/** Of which times samples are wanted: start ≤ time ≤ end. */
export interface TimeRange {
  startTimeMs: number
  endTimeMs: number
}

/** Makes chunks. Holds scratch space; one is enough for any number of chunks. */
export class FloatChunkEncoder {
  readonly #out = new ByteWriter()
  readonly #packer = new IntegerPacker()
  readonly #scaler = new NumberScaler()
  #times = new Float64Array(1_024)

  /** Rows `[from, to)`, at least one, as bytes in memory of their own. */
  encode(columns: FloatColumns, from: number, to: number): Uint8Array {
    const count = to - from
    const out = this.#out
    out.clear()
    out.byte(version)
    if (this.#times.length < count) this.#times = new Float64Array(count * 2)
    const times = this.#times
    const startTimeMs = columns.timeMs[from]!
    for (let row = 0; row < count; row++) times[row] = columns.timeMs[from + row]! - startTimeMs
    this.#packer.pack(times, count, out)
    const scale = this.#scaler.find(columns.value, from, count)
    out.byte(scale.base)
    const bits = bitsOf(columns.value.subarray(from, to))
    if (scale.base === 0) writePlanes(bits, count, out)
    else {
      out.zigzag(scale.exponent)
      this.#writeApart(bits)
      this.#packer.pack(this.#scaler.whole, count, out)
    }
    return out.take()
  }

  #writeApart(bits: Uint32Array): void {
    const { apart, apartCount } = this.#scaler
    const out = this.#out
    out.varint(apartCount)
    let last = 0
    for (let index = 0; index < apartCount; index++) {
      const row = apart[index]!
      out.varint(row - last)
      last = row
      const pair = out.room(8)
      for (let byte = 0; byte < 8; byte++) {
        pair[byte] = bits[row * 2 + (byte >> 2)]! >>> ((byte & 3) * 8)
      }
    }
  }
}

/** Reads chunks. Holds scratch space, as the encoder does. */
export class FloatChunkDecoder {
  readonly #unpacker = new IntegerUnpacker()
  readonly #scale: Scale = { base: 10, exponent: 0 }
  /** Whether the chunk read last is known to hold no NaN. */
  isEachNumber = false
  /** Whether its values are known to be numbers of which none is less than the one before. */
  isRising = false
  /** The distance between any two samples of it; NaN when that differs. */
  evenMs = Number.NaN

  /**
   * Reads a chunk of `count` rows where `reader` stands, and writes the first `needed` of them to `out`
   * from `at` on; `bits` is the view of `out.value` by halves. Values of times beside the range may be
   * anything. Throws on a version that it does not know.
   */
  decode(
    reader: ByteReader,
    chunk: { startTimeMs: number; count: number; needed: number; range?: TimeRange },
    out: FloatColumns & { bits: Uint32Array; at: number },
  ): void {
    const { startTimeMs, count, range } = chunk
    let { needed } = chunk
    const { at } = out
    const found = reader.byte()
    if (found !== version) throw new Error(`BUG: a chunk has version ${found}`)
    const { timeMs } = out
    this.#unpacker.unpack(reader, count, {
      target: timeMs,
      at,
      needed,
      skipped: 0,
      divisor: 1,
      base: startTimeMs,
    })
    this.evenMs = this.#unpacker.evenStep
    let skipped = 0
    if (range !== undefined) {
      while (needed > 0 && timeMs[at + needed - 1]! > range.endTimeMs) needed--
      while (skipped < needed && timeMs[at + skipped]! < range.startTimeMs) skipped++
    }
    const scale = this.#scale
    scale.base = reader.byte() as Scale['base']
    this.isEachNumber = false
    this.isRising = false
    if (scale.base === 0) {
      readPlanes(reader, { count, needed }, out)
      return
    }
    scale.exponent = reader.zigzag()
    const apartAt = reader.at
    const apartCount = reader.varint()
    for (let index = 0; index < apartCount; index++) {
      reader.varint()
      reader.at += 8
    }
    const divisor = divisorOf(scale)
    this.#unpacker.unpack(reader, count, {
      target: out.value,
      at,
      needed,
      skipped,
      divisor,
      base: 0,
    })
    if (apartCount > 0) readApart(reader, { apartAt, needed }, out)
    else {
      this.isEachNumber = true
      // Dividing keeps the order.
      this.isRising = this.#unpacker.isRising
    }
  }
}

function readApart(
  reader: ByteReader,
  place: { apartAt: number; needed: number },
  out: { bits: Uint32Array; at: number },
): void {
  const end = reader.at
  reader.at = place.apartAt
  const { view } = reader
  let row = 0
  for (let rest = reader.varint(); rest > 0; rest--) {
    row += reader.varint()
    if (row < place.needed) {
      const target = (out.at + row) * 2
      out.bits[target] = view.getUint32(reader.at, true)
      out.bits[target + 1] = view.getUint32(reader.at + 4, true)
    }
    reader.at += 8
  }
  reader.at = end
}

function writePlanes(bits: Uint32Array, count: number, out: ByteWriter): void {
  const planes = out.room(count * 8)
  let lastLow = 0
  let lastHigh = 0
  for (let row = 0; row < count; row++) {
    const low = bits[row * 2]!
    const high = bits[row * 2 + 1]!
    const borrow = low < lastLow ? 1 : 0
    const lowStep = low - lastLow
    const highStep = high - lastHigh - borrow
    for (let byte = 0; byte < 4; byte++) {
      planes[byte * count + row] = lowStep >>> (byte * 8)
      planes[(byte + 4) * count + row] = highStep >>> (byte * 8)
    }
    lastLow = low
    lastHigh = high
  }
}

function readPlanes(
  reader: ByteReader,
  chunk: { count: number; needed: number },
  out: { bits: Uint32Array; at: number },
): void {
  const { bytes } = reader
  const { count, needed } = chunk
  const { bits, at } = out
  const base = reader.at
  reader.at += count * 8
  let low = 0
  let high = 0
  for (let row = 0; row < needed; row++) {
    const place = base + row
    const lowStep =
      (bytes[place]! |
        (bytes[place + count]! << 8) |
        (bytes[place + count * 2]! << 16) |
        (bytes[place + count * 3]! << 24)) >>>
      0
    const highPlace = place + count * 4
    const highStep =
      bytes[highPlace]! |
      (bytes[highPlace + count]! << 8) |
      (bytes[highPlace + count * 2]! << 16) |
      (bytes[highPlace + count * 3]! << 24)
    const sum = low + lowStep
    const carry = sum > 0xffffffff ? 1 : 0
    low = sum >>> 0
    high = (high + highStep + carry) >>> 0
    bits[(at + row) * 2] = low
    bits[(at + row) * 2 + 1] = high
  }
}
