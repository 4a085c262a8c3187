/** Backoff with jitter and an end. */

import type { Clock } from './clock.ts'
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

/**
 * Calls `action` until it succeeds, `canRetry` says no, or the attempts are used up; then throws the
 * last error. `action` gets the attempt's index from 0.
 */
export async function retry<Value>(
  policy: RetryPolicy,
  parts: { clock: Clock; random: Random; canRetry: (thrown: unknown) => boolean },
  action: (attemptIndex: number) => Promise<Value>,
): Promise<Value> {
  for (let attemptIndex = 0; ; attemptIndex++) {
    try {
      return await action(attemptIndex)
    } catch (thrown) {
      if (attemptIndex + 1 >= policy.attemptCountMax || !parts.canRetry(thrown)) throw thrown
      await parts.clock.sleep(retryDelayMs(policy, attemptIndex + 1, parts.random))
    }
  }
}
