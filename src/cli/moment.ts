/** Moments as people write them at the terminal. */

import { parseDuration } from '../base/duration.ts'
import { UsageError } from './command/command.ts'

/** `-5m` is five minutes ago; RFC 3339 and Unix seconds are moments. Throws `UsageError`. */
export function parseMoment(text: string, nowTimeMs: number): number {
  const agoMs = text.startsWith('-') ? parseDuration(text.slice(1)) : undefined
  if (agoMs !== undefined) return nowTimeMs - agoMs
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1_000)
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs)) {
    throw new UsageError(`"${text}" is not a time; write -5m, 2026-01-31T12:00:00Z or Unix seconds`)
  }
  return timeMs
}
