/** Bounds of buckets and quantiles as text, the same from whatever way in. */

/** A number as Go's `strconv.FormatFloat(f, 'g', -1, 64)` with `.0` added to whole numbers, as Prometheus normalises `le` and `quantile`. */
export function formatBound(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [digits, exponentText] = value.toExponential().split('e') as [string, string]
  const exponent = Number(exponentText)
  // Go's shortest 'g' changes to the exponent form below 1e-4 and from 1e6 on: `1e+06`, `100000.0`.
  if (exponent < -4 || exponent >= 6) {
    const size = Math.abs(exponent)
    return `${digits}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`
  }
  const text = String(value)
  return text.includes('.') ? text : `${text}.0`
}
