/** Guesses what a query measures from the names in it, by the naming rules of Prometheus. */

import type { Unit } from '../word/format.ts'

/** All units, for a choice. */
export const units: readonly Unit[] = [
  'count',
  'ratio',
  'seconds',
  'bytes',
  'bytes-per-second',
  'per-second',
]

/** The unit of a query's value; `count` when nothing tells. */
export function guessUnit(query: string): Unit {
  const isRate = /\b(rate|irate|deriv)\s*\(/.test(query)
  if (/_quantile\s*\(|quantile=/.test(query) && /_seconds/.test(query)) return 'seconds'
  if (isDivided(query))
    return /_(sum|seconds_sum)\b/.test(query) && /_count\b/.test(query) ? 'seconds' : 'ratio'
  if (/_(ratio)\b/.test(query) || /^\s*1\s*-/.test(query)) return 'ratio'
  if (/_bytes(_total)?\b/.test(query)) return isRate ? 'bytes-per-second' : 'bytes'
  // Seconds per second, as of CPU time, are a ratio of time.
  if (/_seconds(_total)?\b/.test(query))
    return isRate ? 'ratio' : /timestamp|_time_seconds/.test(query) ? 'count' : 'seconds'
  return isRate ? 'per-second' : 'count'
}

/** What the bounds of a histogram are measured in, by the name of its metric. */
export function guessBucketUnit(query: string): Unit {
  if (/_seconds(_bucket)?\b/.test(query)) return 'seconds'
  if (/_bytes(_bucket)?\b/.test(query)) return 'bytes'
  return /_ratio(_bucket)?\b/.test(query) ? 'ratio' : 'count'
}

/** Whether one measured thing is divided by another outside of strings and label matchers. */
function isDivided(query: string): boolean {
  const bare = query.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^}]*\}/g, '')
  return /[\w)\]]\s*\/\s*(?:on\b|ignoring\b|group|[(a-z_:])/i.test(bare)
}
