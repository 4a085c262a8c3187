/** Which days have rollups that are still true. */

import type { SpanVersions } from './span-versions.ts'

/** What is known of a day. */
interface RolledDay {
  /** Lengths of buckets. */
  levels: readonly number[]
  versions: string
}

/** Days with rollups. Rows that come into a day make its rollups untrue. */
export class RollupBook {
  readonly #versions: SpanVersions
  readonly #days = new Map<number, RolledDay>()

  constructor(versions: SpanVersions) {
    this.#versions = versions
  }

  /** Notes what a day has now; no level at all is a thing to know too. */
  note(day: number, levels: readonly number[]): void {
    this.#days.set(day, { levels, versions: this.#versions.ofDay(day) })
  }

  /** A day is being changed. */
  forget(day: number): void {
    this.#days.delete(day)
  }

  /** The levels of a day, as long as they are true; `undefined` when nothing is known. */
  levelsOf(day: number): readonly number[] | undefined {
    const known = this.#days.get(day)
    if (known === undefined || known.versions !== this.#versions.ofDay(day)) return undefined
    return known.levels
  }
}
