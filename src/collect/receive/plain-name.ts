/** Names of systems with freer rules as Prometheus's classic names: what does not fit becomes `_`. */

/** A metric's name. */
export function fitMetricName(name: string): string {
  return guardDigit(name.replace(/[^a-zA-Z0-9_:]/g, '_'))
}

/** A label's name. */
export function fitLabelName(name: string): string {
  return guardDigit(name.replace(/[^a-zA-Z0-9_]/g, '_'))
}

function guardDigit(name: string): string {
  return /^\d/.test(name) ? `_${name}` : name
}
