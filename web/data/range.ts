/**
 * The one range of time of a page, kept in the address: `from=1h` means the last hour and moves with
 * the clock; `from` and `to` in ms since 1970 stand still.
 */

/** A span of time. `lastMs` is set while it ends now. */
export interface TimeRange {
  fromTimeMs: number
  toTimeMs: number
  lastMs: number | undefined
}

const unitMs: Record<string, number> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Spans that the picker offers. */
export const offeredSpans = ['5m', '15m', '1h', '3h', '6h', '12h', '1d', '2d', '7d', '14d'] as const

/** `1h` in ms; undefined when it is no span. */
export function parseSpan(text: string): number | undefined {
  const match = /^(\d{1,6})(s|m|h|d|w)$/.exec(text)
  if (!match) return undefined
  const spanMs = Number(match[1]) * unitMs[match[2]!]!
  return spanMs > 0 ? spanMs : undefined
}

/** The shortest text of a span: 3_600_000 -> `1h`. */
export function spanText(spanMs: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (spanMs % unitMs[unit]! === 0) return `${spanMs / unitMs[unit]!}${unit}`
  }
  return `${Math.max(1, Math.round(spanMs / 1000))}s`
}

/** Reads the range of an address; anything unreadable falls back to the last hour (or `initial`). */
export function readRange(
  search: Readonly<Record<string, string>>,
  nowTimeMs: number,
  initial = '1h',
): TimeRange {
  const from = search['from'] ?? initial
  const lastMs = parseSpan(from)
  if (lastMs !== undefined) {
    return { fromTimeMs: nowTimeMs - lastMs, toTimeMs: nowTimeMs, lastMs }
  }
  const fromTimeMs = Number(from)
  const toTimeMs = Number(search['to'] ?? Number.NaN)
  if (fromTimeMs > 0 && toTimeMs > fromTimeMs) return { fromTimeMs, toTimeMs, lastMs: undefined }
  const fallbackMs = parseSpan(initial) ?? 3_600_000
  return { fromTimeMs: nowTimeMs - fallbackMs, toTimeMs: nowTimeMs, lastMs: fallbackMs }
}

/** The address parameters of a range. */
export function writeRange(range: TimeRange): { from: string; to: string | undefined } {
  if (range.lastMs !== undefined) return { from: spanText(range.lastMs), to: undefined }
  return { from: String(Math.round(range.fromTimeMs)), to: String(Math.round(range.toTimeMs)) }
}

/** The range moved by a part of its width; it stands still afterwards unless it reaches now. */
export function moveRange(range: TimeRange, part: number, nowTimeMs: number): TimeRange {
  const width = range.toTimeMs - range.fromTimeMs
  const toTimeMs = Math.min(nowTimeMs, range.toTimeMs + width * part)
  if (toTimeMs >= nowTimeMs - 1000 && part > 0) {
    return { fromTimeMs: nowTimeMs - width, toTimeMs: nowTimeMs, lastMs: width }
  }
  return { fromTimeMs: toTimeMs - width, toTimeMs, lastMs: undefined }
}

/** The range made wider (factor > 1) or narrower around its middle, or around now while it ends now. */
export function scaleRange(range: TimeRange, factor: number, nowTimeMs: number): TimeRange {
  const width = Math.min(
    Math.max((range.toTimeMs - range.fromTimeMs) * factor, 60_000),
    400 * 86_400_000,
  )
  if (range.lastMs !== undefined) {
    const lastMs = Math.round(width / 1000) * 1000
    return { fromTimeMs: nowTimeMs - lastMs, toTimeMs: nowTimeMs, lastMs }
  }
  const middle = (range.fromTimeMs + range.toTimeMs) / 2
  const toTimeMs = Math.min(nowTimeMs, middle + width / 2)
  return { fromTimeMs: toTimeMs - width, toTimeMs, lastMs: undefined }
}

const stepsS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400]

/** The query step in ms that gives at most `pointCountMax` points, from a list of round ones. */
export function stepOf(range: TimeRange, pointCountMax = 240): number {
  const least = (range.toTimeMs - range.fromTimeMs) / 1000 / pointCountMax
  for (const stepS of stepsS) if (stepS >= least) return stepS * 1000
  return Math.ceil(least / 86_400) * 86_400_000
}
