/** A silence: a person's word that nobody is to be told of some alerts for a while. */

import type { MatchOperator } from './matcher.ts'

/** One condition of a silence, as data. */
export interface SilenceMatcher {
  name: string
  operator: MatchOperator
  value: string
}

/** A silence as kept. It holds alerts from `startTimeMs` up to, not including, `endTimeMs`. */
export interface Silence {
  id: string
  matchers: SilenceMatcher[]
  startTimeMs: number
  endTimeMs: number
  createdBy: string
  comment: string
  /** Pairs of name and value, so that any name is plain data. */
  annotations: [string, string][]
  updatedTimeMs: number
  /** What becomes of the message that a held alert ended; `drop` when absent, as Alertmanager does. */
  resolved?: SilencedEnd
}

/** Say nothing of an end, say it all the same, or say it once the silence is over. */
export type SilencedEnd = 'drop' | 'tell' | 'delay'

/** Where a silence is in its life. */
export type SilenceState = 'pending' | 'active' | 'expired'

/** The state of a silence at a time. */
export function silenceStateOf(silence: Silence, timeMs: number): SilenceState {
  if (timeMs >= silence.endTimeMs) return 'expired'
  return timeMs < silence.startTimeMs ? 'pending' : 'active'
}
