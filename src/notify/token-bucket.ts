/** Token buckets: at most so many messages in a span, by the address they go to. */

import type { Clock } from '../base/clock.ts'

/** At most `count` in any `spanMs`. */
export interface Limit {
  count: number
  spanMs: number
}

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

  /** Takes a token of every limit: 0 when all had one, else the milliseconds until they do. */
  take(key: string, limits: readonly Limit[]): number {
    const nowMs = this.#clock.monotonicMs()
    const buckets = limits.map((limit) =>
      this.#bucketOf(`${limit.count}/${limit.spanMs} ${key}`, limit),
    )
    let waitMs = 0
    for (const [index, bucket] of buckets.entries()) {
      const { count, spanMs } = limits[index]!
      const grown = ((nowMs - bucket.filledMs) / spanMs) * count
      bucket.tokenCount = Math.min(count, bucket.tokenCount + grown)
      bucket.filledMs = nowMs
      // A hair less than a whole token counts: sums of fractions are not exact.
      if (bucket.tokenCount < 1 - 1e-9)
        waitMs = Math.max(waitMs, Math.ceil(((1 - bucket.tokenCount) / count) * spanMs))
    }
    if (waitMs === 0) for (const bucket of buckets) bucket.tokenCount -= 1
    return waitMs
  }

  #bucketOf(key: string, limit: Limit): Bucket {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      if (this.#buckets.size >= bucketCountMax) this.#buckets.clear()
      bucket = { tokenCount: limit.count, filledMs: this.#clock.monotonicMs() }
      this.#buckets.set(key, bucket)
    }
    return bucket
  }
}
