/** Which spans of chunks got rows since: what was read of a span is true as long as its version is. */

import { chunkSpanMs, dayMs } from './tables.ts'

/** The number of the span that a time lies in. */
export function spanOf(timeMs: number): number {
  return Math.floor(timeMs / chunkSpanMs)
}

/** Versions of spans; one that nothing was inserted into has 0. */
export class SpanVersions {
  readonly #versions = new Map<number, number>()

  /** To be asked before a span is read. */
  of(span: number): number {
    return this.#versions.get(span) ?? 0
  }

  /** The versions of a day's spans, to be compared. */
  ofDay(day: number): string {
    const first = spanOf(day * dayMs)
    const versions: number[] = []
    for (let span = first; span * chunkSpanMs < (day + 1) * dayMs; span++) {
      versions.push(this.of(span))
    }
    return versions.join()
  }

  /** Rows came into spans, or may have come; to be told after. */
  change(spans: Iterable<number>): void {
    for (const span of spans) this.#versions.set(span, this.of(span) + 1)
  }
}
