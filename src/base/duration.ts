/**
 * Durations as Prometheus writes them: `[Ny][Nw][Nd][Nh][Nm][Ns][Nms]`, each part at most once and in
 * that order, or `0`. A day is 24 h, a year 365 d. Milliseconds inside.
 * Source: prometheus/common model/time.go (Apache-2.0), behaviour re-implemented.
 */

const pattern =
  /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Prometheus counts nanoseconds in 64 bits: some 292 years. */
const longestMs = 9_223_372_036_854

const unitMs = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1]
const unitName = ['y', 'w', 'd', 'h', 'm', 's', 'ms']

/** Milliseconds of `text`, or `undefined` when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = pattern.exec(text)
  if (text === '' || match === null) return undefined
  let totalMs = 0
  for (let index = 0; index < unitMs.length; index++) {
    const digits = match[index + 1]
    if (digits !== undefined) totalMs += Number(digits) * unitMs[index]!
  }
  return totalMs > longestMs ? undefined : totalMs
}

/** The shortest exact spelling of `spanMs` (an integer ≥ 0): `90000` gives `1m30s`. */
export function formatDuration(spanMs: number): string {
  if (spanMs === 0) return '0s'
  let remainingMs = Math.round(Math.abs(spanMs))
  let text = spanMs < 0 ? '-' : ''
  for (let index = 0; index < unitMs.length; index++) {
    // Years and weeks are written only when they are the whole, as Prometheus does: 10d is not 1w3d.
    if (index < 2 && remainingMs % unitMs[index]! !== 0) continue
    const count = Math.floor(remainingMs / unitMs[index]!)
    if (count > 0) {
      text += `${count}${unitName[index]}`
      remainingMs -= count * unitMs[index]!
    }
  }
  return text
}
