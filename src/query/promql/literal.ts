/**
 * Literals as Prometheus writes them: Go-quoted strings, numbers (decimal, hexadecimal, octal, with
 * underscores, Inf, NaN), durations as numbers of seconds.
 * Source: prometheus promql/parser/lex.go, util/strutil/quote.go (Apache-2.0), re-implemented.
 */

import { parseDuration } from '../../base/duration.ts'

/** A number or a duration in seconds, with optional sign; `undefined` when it is neither. */
export function parseNumber(text: string): number | undefined {
  const plain = parsePlainNumber(text)
  if (plain !== undefined) return plain
  const spanMs = parseDuration(text.replace(/^[-+]\s*/, ''))
  return spanMs === undefined ? undefined : ((text.startsWith('-') ? -1 : 1) * spanMs) / 1000
}

/** A number with optional sign; `undefined` when it is none. */
export function parsePlainNumber(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const body = text.replace(/^[-+]\s*/, '').toLowerCase()
  if (body === 'inf') return sign * Infinity
  if (body === 'nan') return Number.NaN
  if (/^0x[\da-f]+(_[\da-f]+)*$/.test(body)) return sign * Number(body.replaceAll('_', ''))
  if (/^0[0-7]+$/.test(body)) return sign * Number.parseInt(body, 8)
  if (/^(\d+(_\d+)*\.?\d*(_\d+)*|\.\d+(_\d+)*)(e[+-]?\d+)?$/.test(body))
    return sign * Number(body.replaceAll('_', ''))
  return undefined
}

/** A float as Go's `%g` and `%v` print it in PromQL texts. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  // The shortest form decides at 6 digits: 1e+06, but 123456.
  if (power >= -4 && power < 6) return String(value)
  const shown = String(Math.abs(power)).padStart(2, '0')
  return `${mantissa}e${power < 0 ? '-' : '+'}${shown}`
}

/** A float without exponent and with as few digits as tell it apart, as `strconv.FormatFloat(v, 'f', -1, 64)`. */
export function formatFixed(value: number): string {
  if (!Number.isFinite(value)) return formatNumber(value)
  if (Object.is(value, -0)) return '-0'
  const shown = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(shown)
  if (match === null) return shown
  const sign = match[1]!
  const digits = match[2]! + (match[3] ?? '')
  const power = Number(match[4])
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`
  return sign + digits.padEnd(power + 1, '0')
}

/** A float as OpenMetrics writes `le` and `quantile` labels: `1` gives `1.0`. */
export function formatLabelNumber(value: number): string {
  if (!Number.isFinite(value)) return formatNumber(value)
  const shown = formatNumber(value)
  return /[.e]/.test(shown) ? shown : `${shown}.0`
}
