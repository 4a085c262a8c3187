/**
 * What selectors that are asked again and again found last time: rules and dashboards keep their
 * matchers, so the list of matchers itself is the key, and what nobody keeps is forgotten with it. Series
 * that came since are looked at one by one; after a removal all is looked up anew.
 */

import type { Matcher } from '../../model/matcher.ts'
import type { SeriesId } from '../../model/sample.ts'
import { unite } from './postings.ts'

/** Longer answers are looked up each time: copying them costs as much. */
const idsMax = 4_096
/** Numbers kept for all selectors together, 8 MB; then all are let go. */
const idsKeptMax = 2_000_000
/** New series remembered; who has not asked for longer looks everything up. */
const addedMax = 8_192

interface Found {
  ids: Uint32Array
  /** How many series had come by then. */
  addedCount: number
}

/** Remembers answers of one index. */
export class RememberedMatches {
  #found = new WeakMap<readonly Matcher[], Found>()
  #keptCount = 0
  /** The newest series; the first of them is the `#goneCount`-th that came. */
  #added: SeriesId[] = []
  #goneCount = 0

  /** A series came. */
  add(id: SeriesId): void {
    if (this.#added.length === addedMax) {
      this.#added = this.#added.slice(addedMax / 2)
      this.#goneCount += addedMax / 2
    }
    this.#added.push(id)
  }

  /** Series went: no answer holds any longer. */
  forget(): void {
    this.#found = new WeakMap()
    this.#keptCount = 0
    this.#added = []
  }

  /** The series that fulfil the matchers, if they are remembered; `keep` finds which of the new ones do. */
  recall(
    matchers: readonly Matcher[],
    keep: (candidates: Uint32Array) => Uint32Array,
  ): Uint32Array | undefined {
    const found = this.#found.get(matchers)
    if (found === undefined || found.addedCount < this.#goneCount) return undefined
    const addedCount = this.#goneCount + this.#added.length
    if (found.addedCount < addedCount) {
      const added = this.#added.slice(found.addedCount - this.#goneCount)
      const fitting = keep(Uint32Array.from(added).sort())
      if (fitting.length > 0) {
        this.#keptCount += fitting.length
        found.ids = unite([found.ids, fitting])
      }
      found.addedCount = addedCount
    }
    return found.ids
  }

  /** Remembers an answer. */
  note(matchers: readonly Matcher[], ids: Uint32Array): void {
    if (ids.length > idsMax) return
    if (this.#keptCount > idsKeptMax) {
      this.#found = new WeakMap()
      this.#keptCount = 0
    }
    this.#keptCount += ids.length
    this.#found.set(matchers, {
      ids: ids.slice(),
      addedCount: this.#goneCount + this.#added.length,
    })
  }
}
