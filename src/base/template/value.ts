/**
 * Values of a template. Go tells integers from floats and so do we: `bigint` is an int, `number` a
 * float64. Strings and booleans are themselves, arrays are slices, `Map` is a map, any other object a
 * struct whose function-valued members are methods; `undefined` is nil.
 */

/** A failure of a template, with Go's wording and the template's name and line. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TemplateError'
  }
}

/** A map of strings: a missing key is the empty string, as in Go's `map[string]string`. */
export class StringMap extends Map<string, string> {}

/** Text that an escaping template must write as it is. */
export class SafeText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Go's truth: the zero value, nil and what is empty are false. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false
  if (value === 0 || value === 0n) return false
  if (Array.isArray(value)) return value.length > 0
  if (value instanceof Map) return value.size > 0
  if (value instanceof SafeText) return value.text !== ''
  return true
}

/** The value as `{{ . }}` prints it (Go's `%v`). */
export function printValue(value: unknown): string {
  if (value === undefined || value === null) return '<no value>'
  if (typeof value === 'string') return value
  if (typeof value === 'number') return formatGeneral(value, -1)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`
  if (value instanceof SafeText) return value.text
  if (value instanceof Map) {
    const keys = [...value.keys()].sort(compareKeys)
    return `map[${keys.map((key) => `${printValue(key)}:${printValue(value.get(key))}`).join(' ')}]`
  }
  if (value instanceof Date) return formatGoTime(value)
  const own = (value as { toString?: unknown }).toString
  if (typeof own === 'function' && own !== Object.prototype.toString) return String(value)
  return `{${Object.values(value as object)
    .filter((member) => typeof member !== 'function')
    .map(printValue)
    .join(' ')}}`
}

/** Order in which Go ranges over a map's keys. */
export function compareKeys(a: unknown, b: unknown): number {
  return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0
}

/** `2006-01-02 15:04:05.999 +0000 UTC`, as Go prints a UTC time. */
function formatGoTime(time: Date): string {
  const [day, clock] = time.toISOString().slice(0, -1).split('T') as [string, string]
  const fraction = clock.slice(8).replace(/\.?0+$/, '')
  return `${day} ${clock.slice(0, 8)}${fraction} +0000 UTC`
}

/** Go's `%g`: shortest when `precision` is -1, else that many significant digits. */
export function formatGeneral(value: number, precision: number): string {
  const special = formatSpecial(value)
  if (special !== undefined) return special
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const isShortest = precision < 0
  const digits = isShortest ? value.toExponential() : roundToEven(value, Math.max(precision, 1) - 1)
  const [mantissa, exponentText] = digits.split('e') as [string, string]
  const exponent = Number(exponentText)
  // Shortest decides at 6 digits, as strconv does: 1e+06, but 123456.
  const exponentMax = isShortest ? 6 : Math.max(precision, 1)
  if (exponent < -4 || exponent >= exponentMax) {
    return `${isShortest ? mantissa : trimFraction(mantissa)}e${formatExponent(exponent)}`
  }
  if (isShortest) return formatPlain(value)
  return trimFraction(Number(digits).toFixed(Math.min(100, Math.max(0, precision - 1 - exponent))))
}

/** How many digits beyond the last are looked at to tell a tie. */
const tieDigitCount = 40

/** `toExponential`, but a value exactly between two goes to the even one, as Go rounds; JavaScript rounds it up. */
function roundToEven(value: number, fractionDigits: number): string {
  const rounded = value.toExponential(Math.min(100, fractionDigits))
  if (fractionDigits + tieDigitCount > 100) return rounded
  const [mantissa, exponent] = value.toExponential(fractionDigits + tieDigitCount).split('e')
  const rest = mantissa!.slice(-tieDigitCount)
  const kept = mantissa!.slice(0, -tieDigitCount).replace(/\.$/, '')
  if (!/^50*$/.test(rest) || Number(kept.at(-1)) % 2 === 1) return rounded
  return `${kept}e${exponent}`
}

/** Go's `%f` with `precision` digits after the point; -1 is the shortest that is exact. */
export function formatFixed(value: number, precision: number): string {
  const special = formatSpecial(value)
  if (special !== undefined) return special
  if (precision < 0) return formatPlain(value)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  if (size >= 1e21)
    return `${sign}${BigInt(size)}${precision > 0 ? `.${'0'.repeat(precision)}` : ''}`
  return sign + fixToEven(size, Math.min(100, precision))
}

/** `toFixed`, but a value exactly between two goes to the even one, as Go rounds. */
function fixToEven(size: number, fractionDigits: number): string {
  const rounded = size.toFixed(fractionDigits)
  if (fractionDigits + tieDigitCount > 100) return rounded
  const long = size.toFixed(fractionDigits + tieDigitCount)
  const kept = long.slice(0, -tieDigitCount).replace(/\.$/, '')
  const isTie = /^50*$/.test(long.slice(-tieDigitCount))
  return isTie && Number(kept.at(-1)) % 2 === 0 ? kept : rounded
}

/** Go's `%e`: at least two digits of exponent. */
export function formatExponential(value: number, precision: number): string {
  const special = formatSpecial(value)
  if (special !== undefined) return special
  const digits = precision < 0 ? value.toExponential() : roundToEven(value, precision)
  const [mantissa, exponent] = digits.split('e') as [string, string]
  return `${Object.is(value, -0) ? '-' : ''}${mantissa}e${formatExponent(Number(exponent))}`
}

function formatSpecial(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : undefined
}

function formatExponent(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** Shortest digits without an exponent. */
function formatPlain(value: number): string {
  const text = String(value)
  if (!text.includes('e')) return text
  const [mantissa, exponentText] = text.split('e') as [string, string]
  const exponent = Number(exponentText)
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole, fraction = ''] = mantissa.replace('-', '').split('.') as [string, string?]
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${whole}${fraction}`
  return `${sign}${whole}${fraction.padEnd(exponent, '0')}`
}

function trimFraction(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
