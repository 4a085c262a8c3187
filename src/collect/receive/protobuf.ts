/**
 * The few pieces of protobuf's wire format that the receivers walk by hand. Every read is bounded;
 * what does not fit throws `COLLECT_BODY_INVALID` with the byte's place.
 * Source: protobuf.dev/programming-guides/encoding.
 */

import { isUtf8 } from 'node:buffer'
import { collectErrors } from '../errors.ts'

/** A cursor over one message. Fields are public: the hot loops advance `at` themselves. */
export class WireReader {
  at = 0
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly buffer: Buffer

  constructor(body: Uint8Array) {
    this.bytes = body
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    this.buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  }

  /** An unsigned number below 2^53; larger ones and unending ones throw. */
  readSize(end: number): number {
    const bytes = this.bytes
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count++) {
      if (this.at >= end) break
      const byte = bytes[this.at++]!
      value += (byte & 127) * scale
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 128
    }
    this.fail('a number that is too large or not complete')
  }

  /** End of a length-delimited field whose length is next, within `end`. */
  readEnd(end: number): number {
    const size = this.readSize(end)
    const fieldEnd = this.at + size
    if (fieldEnd > end) this.fail('a field that reaches behind its message')
    return fieldEnd
  }

  /** A signed 64-bit number; exact within ±2^53. */
  readInt64(end: number): number {
    const bytes = this.bytes
    const start = this.at
    let value = 0
    let scale = 1
    for (let count = 0; count < 7; count++) {
      if (this.at >= end) this.fail('a number that is not complete')
      const byte = bytes[this.at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    this.at = start
    let wide = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= end) break
      const byte = bytes[this.at++]!
      wide |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(BigInt.asIntN(64, wide))
    }
    this.fail('a number that is not complete')
  }

  /** A float64. */
  readDouble(end: number): number {
    const { at } = this
    this.#advance(8, end)
    return this.view.getFloat64(at, true)
  }

  /** An unsigned 64-bit number; exact below 2^53. */
  readUnsigned(end: number): number {
    const value = this.readInt64(end)
    return value < 0 ? value + 2 ** 64 : value
  }

  /** A signed number in zigzag; exact within ±2^52. */
  readZigzag(end: number): number {
    const value = this.readUnsigned(end)
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  /** Passes over a field of the wire type in `tag`. */
  skip(tag: number, end: number): void {
    const wireType = tag & 7
    if (tag >>> 3 === 0) this.fail('a field with the number 0')
    if (wireType === 0) {
      this.readInt64(end)
    } else if (wireType === 1) this.#advance(8, end)
    else if (wireType === 2) this.at = this.readEnd(end)
    else if (wireType === 5) this.#advance(4, end)
    else this.fail(`the wire type ${wireType}, which does not exist here`)
  }

  /** The text of a length-delimited field, from its length on. */
  readText(end: number): string {
    const fieldEnd = this.readEnd(end)
    const start = this.at
    this.at = fieldEnd
    if (fieldEnd - start <= keptTextBytesMax) {
      const text = keptTexts.find(this.buffer, start, fieldEnd)
      if (text !== undefined) return text
    }
    if (!isUtf8(this.bytes.subarray(start, fieldEnd))) this.fail('a string that is not UTF-8')
    return this.buffer.toString('utf8', start, fieldEnd)
  }

  fail(found: string): never {
    throw collectErrors.BODY_INVALID({ reason: `protobuf: at byte ${this.at} there is ${found}` })
  }

  #advance(size: number, end: number): void {
    this.at += size
    if (this.at > end) this.fail('a field that reaches behind its message')
  }
}

/** Longer texts are rarely repeated, and comparing them costs as much as making them. */
const keptTextBytesMax = 48
/** A power of two. */
const keptTextCountMax = 16_384

/**
 * Short ASCII texts that were read lately, one for each place. Label names and values repeat from
 * series to series: to compare bytes is cheaper than to make a string, and the tables that it is looked
 * up in have its hash already.
 */
class KeptTexts {
  readonly #texts: (string | undefined)[] = new Array(keptTextCountMax).fill(undefined)

  /** The text of these bytes; `undefined` when not all of them are ASCII. */
  find(bytes: Buffer, start: number, end: number): string | undefined {
    let hash = end - start
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte > 127) return undefined
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    const place = (hash ^ (hash >>> 15)) & (keptTextCountMax - 1)
    const kept = this.#texts[place]
    if (kept !== undefined && isEqual(kept, bytes, start, end)) return kept
    const text = bytes.toString('latin1', start, end)
    this.#texts[place] = text
    return text
  }
}

function isEqual(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = start; at < end; at++) if (text.charCodeAt(at - start) !== bytes[at]) return false
  return true
}

const keptTexts = new KeptTexts()
