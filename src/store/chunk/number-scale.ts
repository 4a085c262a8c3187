/**
 * Floating point numbers as whole ones: most that machines report are decimals of few places, so value
 * × 10^n is whole, and whole numbers compress far better than binary fractions. Taken only where the
 * way back, whole / 10^n, gives every bit again. What has no decimal form may be whole times a power of
 * two (sums of random fractions, averages). NaN of any kind, infinities, -0 and a few values that do not
 * fit stand apart by their bits.
 */

import { bitsOf } from '../../model/sample.ts'
import { packedMax } from './integer-run.ts'

/** Powers of ten are exact up to here. */
const decimalMax = 22
const powersOfTen = Array.from({ length: decimalMax + 1 }, (_, exponent) => 10 ** exponent)
/** One row in so many may be apart because it does not fit. */
const misfitShare = 16
/** Powers of two beyond these are not taken, so that they and their inverses are normal numbers. */
const binaryMax = 1_000

/** What was found: `base` 0 when there is no scale and all bits must be kept. */
export interface Scale {
  base: 0 | 2 | 10
  /** The value is the whole number divided by base ** exponent. */
  exponent: number
}

/** Finds scales. Holds scratch space: what is found is valid until the next call. */
export class NumberScaler {
  /** The whole numbers; a row that stands apart repeats the one before. */
  whole = new Float64Array(1_024)
  /** Rows that stand apart, ascending; the first `apartCount` are valid. */
  apart = new Uint32Array(1_024)
  apartCount = 0
  readonly #scale: Scale = { base: 10, exponent: 0 }

  /** Looks at `count` values from `from` on. */
  find(value: Float64Array, from: number, count: number): Scale {
    if (this.whole.length < count) {
      this.whole = new Float64Array(count * 2)
      this.apart = new Uint32Array(count * 2)
    }
    const rows = value.subarray(from, from + count)
    const bits = bitsOf(rows)
    const scale = this.#scale
    scale.base = 10
    scale.exponent = 0
    if (this.#fillDecimal(rows, bits)) return scale
    scale.base = 2
    if (this.#findBinary(rows, bits)) {
      this.#fillBinary(rows, bits)
      return scale
    }
    scale.base = 0
    scale.exponent = 0
    return scale
  }

  /** Tries exponents upwards, from the places that the values seen so far need. */
  #fillDecimal(rows: Float64Array, bits: Uint32Array): boolean {
    const { whole, apart } = this
    const misfitMax = Math.floor(rows.length / misfitShare) + 1
    let misfits = 0
    let power = 1
    this.apartCount = 0
    for (let row = 0; row < rows.length; row++) {
      const value = rows[row]!
      const number = Math.round(value * power)
      if (number / power === value && number <= packedMax && number >= -packedMax) {
        whole[row] = number
        if (number !== 0 || bits[row * 2 + 1] === 0) continue
      } else if (!isSpecial(bits, row)) {
        const exponent = findDecimal(value, this.#scale.exponent + 1)
        if (exponent <= decimalMax && this.#canRaise(row, exponent)) {
          power = powersOfTen[exponent]!
          this.#raise(row, exponent)
          whole[row] = Math.round(value * power)
          continue
        }
        if (++misfits > misfitMax) return false
      }
      whole[row] = row === 0 ? 0 : whole[row - 1]!
      apart[this.apartCount++] = row
    }
    return true
  }

  /** Whether the numbers before `row` stay exact with more places. */
  #canRaise(row: number, exponent: number): boolean {
    const factor = powersOfTen[exponent - this.#scale.exponent]!
    const before = powersOfTen[this.#scale.exponent]!
    const power = powersOfTen[exponent]!
    for (let at = 0; at < row; at++) {
      const number = this.whole[at]!
      const raised = number * factor
      if (raised > packedMax || raised < -packedMax) return false
      if (raised / power !== number / before) return false
    }
    return true
  }

  #raise(row: number, exponent: number): void {
    const factor = powersOfTen[exponent - this.#scale.exponent]!
    for (let at = 0; at < row; at++) this.whole[at] = this.whole[at]! * factor
    this.#scale.exponent = exponent
  }

  /** Finds the power of two with which all values are whole and not too large. */
  #findBinary(rows: Float64Array, bits: Uint32Array): boolean {
    let finest = Number.NEGATIVE_INFINITY
    let largest = 0
    for (let row = 0; row < rows.length; row++) {
      const value = rows[row]!
      if (value === 0 || isSpecial(bits, row)) continue
      const low = bits[row * 2]!
      const high = bits[row * 2 + 1]!
      const exponent = (high >>> 20) & 2_047
      if (exponent === 0) return false
      const fraction = (high & 0xfffff) | 0x100000
      const zeros = low === 0 ? 32 + zerosBelow(fraction) : zerosBelow(low)
      // The value is a whole number of 2 ** (exponent - 1075 + zeros).
      const places = 1_075 - exponent - zeros
      if (places > finest) finest = places
      const size = value < 0 ? -value : value
      if (size > largest) largest = size
    }
    if (finest === Number.NEGATIVE_INFINITY) finest = 0
    this.#scale.exponent = finest
    if (finest > binaryMax || finest < -binaryMax) return false
    return largest * 2 ** finest <= packedMax
  }

  #fillBinary(rows: Float64Array, bits: Uint32Array): void {
    const { whole, apart } = this
    const power = 2 ** this.#scale.exponent
    this.apartCount = 0
    for (let row = 0; row < rows.length; row++) {
      if (isSpecial(bits, row)) {
        whole[row] = row === 0 ? 0 : whole[row - 1]!
        apart[this.apartCount++] = row
      } else whole[row] = rows[row]! * power
    }
  }
}

/** What a whole number is divided by to give the value. */
export function divisorOf(scale: Scale): number {
  return scale.base === 10 ? powersOfTen[scale.exponent]! : 2 ** scale.exponent
}

/** NaN, an infinity or -0. */
function isSpecial(bits: Uint32Array, row: number): boolean {
  const high = bits[row * 2 + 1]!
  if ((high & 0x7ff00000) === 0x7ff00000) return true
  return high === 0x80000000 && bits[row * 2] === 0
}

/** Decimal places that a value needs, at least `least`; more than `decimalMax` when it has no end. */
function findDecimal(value: number, least: number): number {
  for (let exponent = least; exponent <= decimalMax; exponent++) {
    const power = powersOfTen[exponent]!
    const number = Math.round(value * power)
    if (number > packedMax || number < -packedMax) break
    if (number / power === value) return exponent
  }
  return decimalMax + 1
}

function zerosBelow(word: number): number {
  return 31 - Math.clz32(word & -word)
}
