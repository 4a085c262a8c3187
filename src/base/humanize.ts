/**
 * Figures as people read them: 1.049M, 1Mi, 1d 3h 16m 16s, 95.9%. Used by templates and sentences.
 * Source: Prometheus template functions (Apache-2.0), behaviour re-implemented.
 */

import { formatGeneral } from './template/template.ts'

const digitCount = 4
const bigPrefixes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const smallPrefixes = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']
const binaryPrefixes = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']

/** With a decimal prefix: 1048576 gives `1.049M`, 0.5 gives `500m`. */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return formatGeneral(value, digitCount)
  const isBig = Math.abs(value) >= 1
  const scaled = isBig ? scaleDown(value, 1000, bigPrefixes) : scaleUp(value)
  return formatGeneral(scaled.value, digitCount) + scaled.prefix
}

/** With a binary prefix: 1048576 gives `1Mi`. */
export function humanizeBinary(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return formatGeneral(value, digitCount)
  const scaled = scaleDown(value, 1024, binaryPrefixes)
  return formatGeneral(scaled.value, digitCount) + scaled.prefix
}

/** Seconds as a span: 3600.5 gives `1h 0m 0s`, 0.959 gives `959ms`. */
export function humanizeSeconds(value: number): string {
  if (!Number.isFinite(value)) return formatGeneral(value, digitCount)
  if (value === 0) return Object.is(value, -0) ? '-0s' : '0s'
  if (Math.abs(value) < 1) {
    const scaled = scaleUp(value)
    return `${formatGeneral(scaled.value, digitCount)}${scaled.prefix}s`
  }
  const sign = value < 0 ? '-' : ''
  // In 64 bits, as Prometheus counts: a span beyond them is shown as what an overflow makes of it.
  const total = Math.abs(value) < 2 ** 63 ? BigInt(Math.floor(Math.abs(value))) : -(2n ** 63n)
  const seconds = total % 60n
  const minutes = (total / 60n) % 60n
  const hours = (total / 3600n) % 24n
  const days = total / 86_400n
  if (days !== 0n) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours !== 0n) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes !== 0n) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${formatGeneral(Math.abs(value), digitCount)}s`
}

/** A ratio as per cent: 0.959 gives `95.9%`. */
export function humanizeRatio(value: number): string {
  return `${formatGeneral(value * 100, digitCount)}%`
}

interface Scaled {
  value: number
  prefix: string
}

function scaleDown(value: number, step: number, prefixes: readonly string[]): Scaled {
  let prefix = ''
  for (const next of prefixes) {
    if (Math.abs(value) < step) break
    prefix = next
    value /= step
  }
  return { value, prefix }
}

function scaleUp(value: number): Scaled {
  let prefix = ''
  for (const next of smallPrefixes) {
    if (Math.abs(value) >= 1) break
    prefix = next
    value *= 1000
  }
  return { value, prefix }
}
