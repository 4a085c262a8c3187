/** Token buckets: at most so many messages in a span, by the address they go to. */

import type { Clock } from '../base/clock.ts'

interface Bucket {
  tokenCount: number
  filledMs: number
}

/** How many addresses are remembered. */
const bucketCountMax = 10_000

/** Buckets by key; those of one process, kept over reloads. */
export class TokenBuckets {
  readonly #clock: Clock
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes a token: 0 when there was one, else the milliseconds until there is. */
  take(key: string, limit: { count: number; spanMs: number }): number {
    const nowMs = this.#clock.monotonicMs()
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      if (this.#buckets.size >= bucketCountMax) this.#buckets.clear()
      bucket = { tokenCount: limit.count, filledMs: nowMs }
      this.#buckets.set(key, bucket)
    }
    const grown = ((nowMs - bucket.filledMs) / limit.spanMs) * limit.count
    bucket.tokenCount = Math.min(limit.count, bucket.tokenCount + grown)
    bucket.filledMs = nowMs
    // A hair less than a whole token counts: sums of fractions are not exact.
    if (bucket.tokenCount >= 1 - 1e-9) {
      bucket.tokenCount -= 1
      return 0
    }
    return Math.ceil(((1 - bucket.tokenCount) / limit.count) * limit.spanMs)
  }
}
