/**
 * Numbers in exposition pages, straight from bytes, with the results of Go's `strconv.ParseFloat`
 * less hexadecimal and underscores (Prometheus refuses both). Decimal numbers of up to 15 digits and
 * small exponents are computed exactly with one rounding, the rest goes through `Number`.
 * Source of the fast way: W. D. Clinger, "How to Read Floating Point Numbers Accurately" (1990).
 */

export { formatBound } from '../../model/bound.ts'

const powers: number[] = []
for (let exponent = 0; exponent <= 22; exponent++) powers.push(Number(`1e${exponent}`))

const decimalPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const infinityPattern = /^[+-]?inf(?:inity)?$/i

/** Whether the last `parseNumber` or `parseWhole` understood its bytes; read it at once. */
export let isNumber = false

/** The number in `bytes[start, end)`; `isNumber` says whether it was one. */
export function parseNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  let isNegative = false
  const first = bytes[at]
  if (first === 0x2d) {
    isNegative = true
    at++
  } else if (first === 0x2b) at++
  let mantissa = 0
  let digitCount = 0
  let exponent = 0
  let byte = 0
  while (at < end) {
    byte = bytes[at]! - 0x30
    if (byte < 0 || byte > 9) break
    mantissa = mantissa * 10 + byte
    digitCount++
    at++
  }
  if (at < end && bytes[at] === 0x2e) {
    at++
    while (at < end) {
      byte = bytes[at]! - 0x30
      if (byte < 0 || byte > 9) break
      mantissa = mantissa * 10 + byte
      digitCount++
      exponent--
      at++
    }
  }
  if (digitCount === 0 || digitCount > 15) return parseSlowly(bytes, start, end)
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at++
    let isExponentNegative = false
    if (bytes[at] === 0x2d) {
      isExponentNegative = true
      at++
    } else if (bytes[at] === 0x2b) at++
    let given = 0
    const digitsStart = at
    while (at < end && at - digitsStart < 4) {
      byte = bytes[at]! - 0x30
      if (byte < 0 || byte > 9) break
      given = given * 10 + byte
      at++
    }
    if (at === digitsStart) return parseSlowly(bytes, start, end)
    exponent += isExponentNegative ? -given : given
  }
  if (at !== end || exponent < -22 || exponent > 22) return parseSlowly(bytes, start, end)
  isNumber = true
  const value = exponent < 0 ? mantissa / powers[-exponent]! : mantissa * powers[exponent]!
  return isNegative ? -value : value
}

/** Where the line of the last `parsePlainLine` ended, behind its line feed; 0 when it was not that plain. */
export let plainLineEnd = 0

/** The number without sign or exponent that stands between `start` and the end of the line: nearly every one. */
export function parsePlainLine(bytes: Uint8Array, start: number): number {
  const lineFeed = 0x0a
  let at = start
  let mantissa = 0
  let byte = bytes[at]!
  while (byte >= 0x30 && byte <= 0x39) {
    mantissa = mantissa * 10 + (byte - 0x30)
    byte = bytes[++at]!
  }
  let digitCount = at - start
  let decimalCount = 0
  if (byte === 0x2e) {
    const decimalsStart = ++at
    byte = bytes[at]!
    while (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + (byte - 0x30)
      byte = bytes[++at]!
    }
    decimalCount = at - decimalsStart
    digitCount += decimalCount
  }
  const isPlain = byte === lineFeed && digitCount > 0 && digitCount <= 15
  plainLineEnd = isPlain ? at + 1 : 0
  return decimalCount === 0 || !isPlain ? mantissa : mantissa / powers[decimalCount]!
}

function parseSlowly(bytes: Uint8Array, start: number, end: number): number {
  // Longer than any number that a program prints; refuses instead of copying megabytes.
  if (end - start > 512) {
    isNumber = false
    return 0
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
  if (decimalPattern.test(text)) {
    const value = Number(text)
    // Go answers a range error here, and Prometheus refuses the page.
    isNumber = Number.isFinite(value)
    return value
  }
  isNumber = true
  if (/^nan$/i.test(text)) return Number.NaN
  if (infinityPattern.test(text)) {
    return text.charCodeAt(0) === 0x2d ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  isNumber = false
  return 0
}

/** The whole number in `bytes[start, end)`, within ±2^53; `isNumber` says whether it was one. */
export function parseWhole(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  const isNegative = bytes[at] === 0x2d
  if (isNegative || bytes[at] === 0x2b) at++
  let value = 0
  isNumber = at < end
  while (at < end) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) {
      isNumber = false
      return 0
    }
    value = value * 10 + digit
    at++
  }
  if (value > Number.MAX_SAFE_INTEGER) isNumber = false
  return isNegative ? -value : value
}
