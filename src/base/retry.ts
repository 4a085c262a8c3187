/** Backoff with jitter and an end. */

import type { Random } from './random.ts'

/** How often and how long to try again. */
export interface RetryPolicy {
  attemptCountMax: number
  firstDelayMs: number
  delayMsMax: number
}

/** Delay before attempt `attemptIndex` (1 = the first retry): doubled each time, ± 20 % of jitter. */
export function retryDelayMs(policy: RetryPolicy, attemptIndex: number, random: Random): number {
  const plainMs = Math.min(policy.delayMsMax, policy.firstDelayMs * 2 ** (attemptIndex - 1))
  return Math.round(plainMs * (0.8 + 0.4 * random()))
}
