/**
 * Bytes written and read one after another: varints of up to 2^53 (seven bits a byte, low ones first),
 * zigzag for signed ones, float64 in little-endian. For packed data that is not measured in millions a
 * second; readers trust what they read, which has passed a check sum.
 */

/** Collects bytes; grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  /** How many bytes were written. */
  size = 0

  constructor(capacity = 256) {
    const bytes = new Uint8Array(capacity)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }

  /** Bytes of memory. */
  get capacity(): number {
    return this.#bytes.length
  }

  clear(): void {
    this.size = 0
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.size)
  }

  /** What was written, in place: valid until more is. */
  peek(): Uint8Array {
    return this.#bytes.subarray(0, this.size)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.size++] = value
  }

  float(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.size, value, true)
    this.size += 8
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest > 0x7fffffff) {
      this.#bytes[this.size++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      this.#bytes[this.size++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[this.size++] = rest
  }

  /** A whole number within ±2^52. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** Writes a byte in place of an earlier one. */
  patch(at: number, value: number): void {
    this.#bytes[at] = value
  }

  /** Adds `size` bytes for the caller to fill at once; they hold anything. */
  room(size: number): Uint8Array {
    this.#reserve(size)
    this.size += size
    return this.#bytes.subarray(this.size - size, this.size)
  }

  #reserve(size: number): void {
    if (this.size + size <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.size + size, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.size))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Place of the next byte. */
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    return this.bytes[this.at++]!
  }

  float(): number {
    this.at += 8
    return this.view.getFloat64(this.at - 8, true)
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++]!
      value += (byte & 127) * scale
      if (!(byte > 127)) return value
    }
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }
}
