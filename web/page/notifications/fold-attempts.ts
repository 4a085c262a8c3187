/**
 * Attempts folded by message: a channel that does not answer is tried many times, and only the latest try of
 * a message says how it stands. The earlier ones stay at hand.
 */

import type { NotificationView } from '../../../src/api/api.ts'

/** The latest attempt at a message, and those before it, newest first. */
export interface FoldedAttempt {
  latest: NotificationView
  earlier: NotificationView[]
}

/** Folds attempts that are listed newest first. */
export function foldAttempts(attempts: readonly NotificationView[]): FoldedAttempt[] {
  const out: FoldedAttempt[] = []
  const open = new Map<string, FoldedAttempt>()
  for (const attempt of attempts) {
    const key = [
      attempt.receiver,
      attempt.channelKey ?? attempt.channel,
      attempt.person ?? '',
      attempt.fallbackOf ?? '',
      attempt.groupKey,
      attempt.reason,
    ].join('\n')
    const last = open.get(key)
    const before = last?.earlier.at(-1) ?? last?.latest
    if (last && before && attempt.attempt === before.attempt - 1) last.earlier.push(attempt)
    else {
      const folded = { latest: attempt, earlier: [] }
      out.push(folded)
      open.set(key, folded)
    }
  }
  return out
}

/** The names of the alerts that an attempt or a letter told of, from its labels as lines. */
export function alertNamesOf(labels: string | undefined): string[] {
  const names = (labels ?? '')
    .split('\n')
    .filter((line) => line.startsWith('alertname='))
    .map((line) => line.slice('alertname='.length))
  return [...new Set(names)]
}
