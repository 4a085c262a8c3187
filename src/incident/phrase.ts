/** Numbers and times as the sentences of timelines and post-mortems say them; always English and UTC. */

/** A share as per cent: 0.0812 gives "8.1 %". */
export function formatRatio(ratio: number): string {
  const percent = ratio * 100
  return `${percent > 0 && percent < 1 ? percent.toPrecision(2) : percent.toFixed(1)} %`
}

/** Seconds as people say them: "24 ms", "1.8 s". */
export function formatLatency(seconds: number): string {
  return seconds < 1
    ? `${Math.round(seconds * 1_000)} ms`
    : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
}

/** A span: "3 s", "2 min 5 s", "1 h 4 min". */
export function formatSpan(spanMs: number): string {
  const seconds = Math.round(Math.abs(spanMs) / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) {
    return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`
  }
  const minutes = Math.floor((seconds % 3_600) / 60)
  return `${Math.floor(seconds / 3_600)} h${minutes === 0 ? '' : ` ${minutes} min`}`
}

/** "10:02:11 UTC" */
export function formatTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(11, 19)} UTC`
}

/** "2026-11-20 10:02:11 UTC" */
export function formatDateTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** A whole number with separators: "2,900". */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** A value in the unit of its signal. */
export function formatValue(value: number, unit: string): string {
  if (unit === 'ratio') return formatRatio(value)
  if (unit === 'seconds') return formatLatency(value)
  return Number.isInteger(value) ? formatCount(value) : value.toPrecision(3)
}

/** "checkout v1 → v2", or "checkout v2" when the version before is unknown. */
export function nameDeployment(deployment: {
  service: string
  version: string
  previousVersion: string
}): string {
  const { service, version, previousVersion } = deployment
  return previousVersion === ''
    ? `${service} ${version}`
    : `${service} ${previousVersion} → ${version}`
}
