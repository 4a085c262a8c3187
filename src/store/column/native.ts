/**
 * ClickHouse's Native format, the columns as the engine has them, for the few types we use.
 *
 *   block  = columns:varint rows:varint (name:text type:text data)×columns
 *   data   = fixed-width little-endian values | text×rows | Array(String): end:u64×rows text×total
 *   text   = size:varint utf-8
 *
 * Source: ClickHouse documentation, "Native"; checked against chDB 26.7.
 */

import { storeErrors } from '../errors.ts'

/** A column as read. */
export type NativeColumn =
  | Uint8Array
  | Int32Array
  | Uint32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array
  | string[]
  | string[][]
  | ByteTexts

/** Texts that are bytes: row `n` is `bytes` from `starts[n]` to `ends[n]`. */
export interface ByteTexts {
  bytes: Uint8Array
  starts: Uint32Array
  ends: Uint32Array
}

/** One block: columns in the order of the query. */
export interface NativeBlock {
  rowCount: number
  columns: NativeColumn[]
}

const fixedWidths = {
  UInt8: Uint8Array,
  Int32: Int32Array,
  UInt32: Uint32Array,
  UInt64: BigUint64Array,
  Int64: BigInt64Array,
  Float64: Float64Array,
} as const

type FixedType = keyof typeof fixedWidths

interface ColumnMaker<Column> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Column
  readonly BYTES_PER_ELEMENT: number
}

/**
 * All blocks of an answer; `String` as `ByteTexts` when texts are bytes. Throws
 * `STORE_ENGINE_QUERY_FAILED` for a type that is not ours.
 */
export function readNative(bytes: Buffer, areTextsBytes = false): NativeBlock[] {
  const reader = new NativeReader(bytes, areTextsBytes)
  const blocks: NativeBlock[] = []
  while (!reader.isAtEnd) {
    const block = reader.block()
    if (block.rowCount > 0) blocks.push(block)
  }
  return blocks
}

class NativeReader {
  readonly #bytes: Buffer
  readonly #areTextsBytes: boolean
  #at = 0

  constructor(bytes: Buffer, areTextsBytes: boolean) {
    this.#bytes = bytes
    this.#areTextsBytes = areTextsBytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  block(): NativeBlock {
    const columnCount = this.#varint()
    const rowCount = this.#varint()
    const columns: NativeColumn[] = []
    for (let index = 0; index < columnCount; index++) {
      this.#text()
      columns.push(this.#column(this.#text(), rowCount))
    }
    return { rowCount, columns }
  }

  #column(type: string, rowCount: number): NativeColumn {
    if (rowCount === 0) return []
    if (type === 'String') {
      return this.#areTextsBytes ? this.#byteTexts(rowCount) : this.#texts(rowCount)
    }
    if (type === 'Array(String)') return this.#lists(rowCount)
    const Width = fixedWidths[type as FixedType]
    if (Width === undefined) {
      throw storeErrors.ENGINE_QUERY_FAILED({ reason: `it answered the type ${type}` })
    }
    return this.#fixed<NativeColumn>(Width as ColumnMaker<NativeColumn>, rowCount)
  }

  #texts(count: number): string[] {
    const texts = new Array<string>(count)
    for (let index = 0; index < count; index++) texts[index] = this.#text()
    return texts
  }

  #byteTexts(count: number): ByteTexts {
    const starts = new Uint32Array(count)
    const ends = new Uint32Array(count)
    for (let index = 0; index < count; index++) {
      const size = this.#varint()
      starts[index] = this.#take(size)
      ends[index] = this.#at
    }
    return { bytes: this.#bytes, starts, ends }
  }

  #lists(rowCount: number): string[][] {
    const ends = this.#fixed(BigUint64Array, rowCount)
    const lists: string[][] = []
    let begin = 0
    for (const end of ends) {
      lists.push(this.#texts(Number(end) - begin))
      begin = Number(end)
    }
    return lists
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw cutOff()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  #text(): string {
    const size = this.#varint()
    const at = this.#take(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  /** A view where the bytes happen to lie well, else a copy. */
  #fixed<Column extends NativeColumn>(Width: ColumnMaker<Column>, count: number): Column {
    const size = count * Width.BYTES_PER_ELEMENT
    const at = this.#take(size)
    const { buffer, byteOffset } = this.#bytes
    const offset = byteOffset + at
    if (offset % Width.BYTES_PER_ELEMENT === 0) return new Width(buffer, offset, count)
    // Not from the pool, whose pieces need not be aligned, and not zeroed first.
    const copy = Buffer.allocUnsafeSlow(size)
    copy.set(this.#bytes.subarray(at, at + size))
    return new Width(copy.buffer, copy.byteOffset, count)
  }

  /** Moves on by `size` bytes; answers where they begin. */
  #take(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.length) throw cutOff()
    this.#at = at + size
    return at
  }
}

function cutOff(): Error {
  return storeErrors.ENGINE_QUERY_FAILED({ reason: 'its answer was cut off' })
}

/** A column to write, with its name and type. */
export type NewColumn =
  | {
      name: string
      type: FixedType
      values: Uint8Array | Int32Array | Uint32Array | Float64Array | BigInt64Array | BigUint64Array
    }
  | { name: string; type: 'String'; values: readonly string[] | readonly Uint8Array[] }
  | { name: string; type: 'Array(String)'; values: readonly (readonly string[])[] }

/**
 * One block as bytes. A 64-bit column may be given as a `Uint32Array` of its halves, low half first:
 * the values may be longer than `rowCount` and are cut by the type's width.
 */
export function writeNative(rowCount: number, columns: readonly NewColumn[]): Buffer {
  const parts: Uint8Array[] = [varint(columns.length), varint(rowCount)]
  for (const column of columns) {
    parts.push(text(column.name), text(column.type))
    if (column.type === 'String') {
      parts.push(texts(column.values.slice(0, rowCount)))
    } else if (column.type === 'Array(String)') {
      const lists = column.values.slice(0, rowCount)
      const ends = new BigUint64Array(rowCount)
      let end = 0
      lists.forEach((list, index) => {
        end += list.length
        ends[index] = BigInt(end)
      })
      parts.push(new Uint8Array(ends.buffer), texts(lists.flat()))
    } else {
      const { buffer, byteOffset } = column.values
      const size = rowCount * fixedWidths[column.type].BYTES_PER_ELEMENT
      parts.push(new Uint8Array(buffer, byteOffset, size))
    }
  }
  return Buffer.concat(parts)
}

function texts(list: readonly (string | Uint8Array)[]): Buffer {
  let bytes = 0
  for (const one of list) bytes += Buffer.byteLength(one) + 5
  const buffer = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const one of list) {
    const whole = Buffer.byteLength(one)
    let size = whole
    while (size > 127) {
      buffer[at++] = (size & 127) | 128
      size >>>= 7
    }
    buffer[at++] = size
    if (typeof one === 'string') at += buffer.write(one, at, whole)
    else {
      buffer.set(one, at)
      at += whole
    }
  }
  return buffer.subarray(0, at)
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  while (value > 127) {
    bytes.push((value & 127) | 128)
    value = Math.floor(value / 128)
  }
  bytes.push(value)
  return Buffer.from(bytes)
}
