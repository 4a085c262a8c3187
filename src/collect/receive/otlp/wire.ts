/**
 * Protobuf pieces that all of OTLP shares: attributes, whose values become text, and fixed-width
 * numbers. Source: opentelemetry-proto opentelemetry/proto/common/v1/common.proto.
 */

import { WireReader } from '../protobuf.ts'
import type { Attributes, PartBudget } from './metric-request.ts'

/** Lists in lists deeper than this are refused: reading calls itself per level. */
export const valueDepthMax = 32

/** The ids of traces have 16 bytes, those of spans 8. */
const idBytesMax = 16

/** A cursor with OTLP's own fields. */
export class OtlpWireReader extends WireReader {
  readonly budget: PartBudget

  constructor(body: Uint8Array, budget: PartBudget) {
    super(body)
    this.budget = budget
  }

  /** A whole number of fixed width; exact within ±2^53. */
  readSigned64(end: number): number {
    const at = this.#take(8, end)
    return this.view.getInt32(at + 4, true) * 4_294_967_296 + this.view.getUint32(at, true)
  }

  /** The same without sign. */
  readUnsigned64(end: number): number {
    const at = this.#take(8, end)
    return this.view.getUint32(at + 4, true) * 4_294_967_296 + this.view.getUint32(at, true)
  }

  /** Nanoseconds since 1970 as milliseconds, cut. */
  readTimeMs(end: number): number {
    const at = this.#take(8, end)
    const high = this.view.getUint32(at + 4, true)
    const low = this.view.getUint32(at, true)
    // 2^32 = 4294 · 10^6 + 967296: so no step leaves 2^53, which nanoseconds themselves do.
    return high * 4294 + Math.floor((high * 967_296 + low) / 1_000_000)
  }

  /** A repeated field of float64 or fixed64, packed or not, appended to `list`. */
  readFixedList(tag: number, end: number, list: number[], kind: 'double' | 'whole'): void {
    const listEnd = (tag & 7) === 2 ? this.readEnd(end) : end
    do {
      if (this.at >= listEnd) return
      this.budget.take(1)
      list.push(kind === 'double' ? this.readDouble(listEnd) : this.readUnsigned64(listEnd))
    } while ((tag & 7) === 2)
  }

  /** Bytes as hexadecimal digits; those of an id that is not one, all zero, as nothing. */
  readHex(end: number): string {
    const fieldEnd = this.readEnd(end)
    const { at } = this
    this.at = fieldEnd
    if (fieldEnd - at > idBytesMax) return ''
    const digits = this.buffer.toString('hex', at, fieldEnd)
    return /[^0]/.test(digits) ? digits : ''
  }

  /** One `KeyValue`, appended to `attributes`. */
  readAttribute(end: number, attributes: Attributes): void {
    this.budget.take(1)
    const { key, value } = this.#readKeyValue(end, 0)
    attributes.push(key, typeof value === 'string' ? value : JSON.stringify(value))
  }

  #readKeyValue(end: number, depth: number): { key: string; value: Plain } {
    const fieldEnd = this.readEnd(end)
    let key = ''
    let value: Plain = ''
    while (this.at < fieldEnd) {
      const tag = this.readSize(fieldEnd)
      if (tag === 0x0a) key = this.readText(fieldEnd)
      else if (tag === 0x12) value = this.#readValue(fieldEnd, depth)
      else this.skip(tag, fieldEnd)
    }
    return { key, value }
  }

  /** At the top a text; numbers and flags in lists keep their kind, as JSON has them. */
  #readValue(end: number, depth: number): Plain {
    if (depth > valueDepthMax) this.fail('a value of lists in lists without end')
    const fieldEnd = this.readEnd(end)
    let value: Plain = ''
    while (this.at < fieldEnd) {
      const tag = this.readSize(fieldEnd)
      if (tag === 0x0a) value = this.readText(fieldEnd)
      else if (tag === 0x10) value = this.readSize(fieldEnd) !== 0
      else if (tag === 0x18) value = this.#readWholeText(fieldEnd)
      else if (tag === 0x21) value = this.readDouble(fieldEnd)
      else if (tag === 0x2a) value = this.#readValues(fieldEnd, depth)
      else if (tag === 0x32) value = this.#readPairs(fieldEnd, depth)
      else if (tag === 0x3a) value = this.#readBytes(fieldEnd)
      else this.skip(tag, fieldEnd)
    }
    if (depth > 0 || typeof value === 'string') return value
    return typeof value === 'object' ? JSON.stringify(value) : formatNumber(value)
  }

  #readValues(end: number, depth: number): Plain[] {
    const fieldEnd = this.readEnd(end)
    const values: Plain[] = []
    while (this.at < fieldEnd) {
      const tag = this.readSize(fieldEnd)
      if (tag !== 0x0a) {
        this.skip(tag, fieldEnd)
        continue
      }
      this.budget.take(1)
      values.push(this.#readValue(fieldEnd, depth + 1))
    }
    return values
  }

  #readPairs(end: number, depth: number): Plain {
    const fieldEnd = this.readEnd(end)
    const pairs = Object.create(null) as Record<string, Plain>
    while (this.at < fieldEnd) {
      const tag = this.readSize(fieldEnd)
      if (tag !== 0x0a) {
        this.skip(tag, fieldEnd)
        continue
      }
      this.budget.take(1)
      const { key, value } = this.#readKeyValue(fieldEnd, depth + 1)
      pairs[key] = value
    }
    return pairs
  }

  #readBytes(end: number): string {
    const fieldEnd = this.readEnd(end)
    const start = this.at
    this.at = fieldEnd
    return this.buffer.toString('base64', start, fieldEnd)
  }

  /** An int64 as text: identifiers beyond 2^53 must not be rounded into each other. */
  #readWholeText(end: number): string {
    const start = this.at
    const value = this.readInt64(end)
    if (Number.isSafeInteger(value)) return String(value)
    let wide = 0n
    for (let at = this.at - 1; at >= start; at--)
      wide = (wide << 7n) | BigInt(this.bytes[at]! & 127)
    return String(BigInt.asIntN(64, wide))
  }

  #take(size: number, end: number): number {
    const { at } = this
    if (at + size > end) this.fail('a field that reaches behind its message')
    this.at += size
    return at
  }
}

type Plain = string | number | boolean | Plain[] | { [key: string]: Plain }

/** A number or a flag as a label's text. */
export function formatNumber(value: number | boolean): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
