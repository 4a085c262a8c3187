/** For tests: numbers for label sets, as the store gives them. */

import type { Labels } from '../../model/labels.ts'
import type { SeriesId } from '../../model/sample.ts'

/** Gives numbers in order of arrival. */
export class SeriesNumbers {
  seriesEpoch = 0
  readonly #labels: Labels[] = []
  readonly #idOfKey = new Map<string, SeriesId>()

  /** How many numbers were given. */
  get count(): number {
    return this.#labels.length
  }

  seriesId(labels: Labels): SeriesId {
    const known = this.findSeriesId(labels)
    if (known !== undefined) return known
    const id = this.#labels.push(labels) - 1
    this.#idOfKey.set(labels.key, id)
    return id
  }

  findSeriesId(labels: Labels): SeriesId | undefined {
    return this.#idOfKey.get(labels.key)
  }

  /** The number stands for another series from now on. */
  rename(seriesId: SeriesId, labels: Labels): void {
    this.#idOfKey.delete(this.#labels[seriesId]!.key)
    this.#labels[seriesId] = labels
    this.#idOfKey.set(labels.key, seriesId)
    this.seriesEpoch++
  }

  labelsOf(seriesId: SeriesId): Labels {
    return this.#labels[seriesId]!
  }
}
