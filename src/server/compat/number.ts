/**
 * Numbers as Go writes them, because clients compare and parse them so. Values: strconv's 'f' with
 * the shortest digits that read back (never an exponent), samples with one where it saves digits. Times: seconds with three decimals when
 * there is a fraction. Alert values: strconv's 'e'.
 */

/** A sample value: `1`, `0.25`, `100000000000000000000000`, `NaN`, `+Inf`, `-Inf`, `-0`. */
export function formatValue(value: number): string {
  if ((value | 0) === value) return value === 0 && 1 / value < 0 ? '-0' : `${value}`
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  const text = `${value}`
  return text.includes('e') ? expandExponent(text) : text
}

/**
 * A sample's value in an answer of Prometheus's query API, which writes those below 1e-6 and from 1e21 on
 * with an exponent (util/jsonutil): `1e-07`, `1.5e+21`, all others as `formatValue`.
 */
export function formatSample(value: number): string {
  if ((value | 0) === value) return formatValue(value)
  const size = Math.abs(value)
  return size < 1e-6 || size >= 1e21 ? formatExponent(value) : formatValue(value)
}

/** Milliseconds as seconds: `1435781451.781`, `1435781451`, `-0.005`. */
export function formatSeconds(timeMs: number): string {
  const whole = Math.abs(Math.round(timeMs))
  const fraction = whole % 1000
  const sign = timeMs < 0 && whole !== 0 ? '-' : ''
  const seconds = (whole - fraction) / 1000
  if (fraction === 0) return `${sign}${seconds}`
  const padding = fraction < 10 ? '00' : fraction < 100 ? '0' : ''
  return `${sign}${seconds}.${padding}${fraction}`
}

/** An alert's value: `1e+00`, `2.5e-07`, `NaN`. */
export function formatExponent(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value)
  const sign = Object.is(value, -0) ? '-' : ''
  return sign + value.toExponential().replace(/([+-])(\d)$/, '$10$2')
}

/** `1.5e-7` as `0.00000015`, `1.5e+21` as `1500000000000000000000`. */
function expandExponent(text: string): string {
  const [mantissa, exponentText] = text.split('e') as [string, string]
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole, decimals = ''] = mantissa.slice(sign.length).split('.') as [string, string?]
  const digits = whole + decimals
  const point = whole.length + Number(exponentText)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return sign + digits.padEnd(point, '0')
}

/** A number as Go's ParseFloat reads decimals, NaN and infinities; `undefined` when it is none. */
export function parseFloatText(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text)
  if (special === null) return undefined
  if (special[2]!.toLowerCase() === 'nan') return NaN
  return special[1] === '-' ? -Infinity : Infinity
}
