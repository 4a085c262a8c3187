/**
 * Which series of one rule brought samples since its last evaluation. A rule over many series whose
 * elements depend on their own series alone is then asked about these only. When too many changed, or
 * nobody kept count, the rule is asked about all.
 */

import type { Appender } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { SeriesId } from '../model/sample.ts'

/** Below this many series the whole answer costs as little. */
const seriesCountMin = 256
/** Above this many changed series the whole answer is cheaper. */
const changedCountMax = 128

/** The part of the answer to ask for. */
export interface ChangedPart {
  /** The changed series and those that share their labels. */
  seriesIds: SeriesId[]
  /** Keys of the changed label sets, without the metric's name. */
  keys: ReadonlySet<string>
}

/** Counts for one rule. */
export class ChangedSeries {
  /** Series that the rule reads. */
  #seriesCount = 0
  readonly #changed = new Set<SeriesId>()
  /** Until the first whole evaluation nothing is known. */
  #isWhole = true
  /** Whether several metrics are read, so that series share their labels. */
  readonly #hasTwins: boolean
  /** Series by their labels without the name; made when first needed. */
  #twins: Map<string, SeriesId[]> | undefined

  constructor(hasTwins: boolean) {
    this.#hasTwins = hasTwins
  }

  /** The rule reads another series. */
  addSeries(seriesId: SeriesId, labels: Labels): void {
    this.#seriesCount++
    if (this.#twins !== undefined) addTwin(this.#twins, seriesId, labels)
  }

  /** A series brought a sample. */
  add(seriesId: SeriesId): void {
    if (this.#isWhole || this.#seriesCount < seriesCountMin) return
    this.#changed.add(seriesId)
    if (this.#changed.size > changedCountMax) this.lose()
  }

  /** The whole rule is being evaluated: from now on changes count. */
  begin(): void {
    this.#changed.clear()
    this.#isWhole = false
  }

  /** What changed cannot be told: all must be asked. */
  lose(): void {
    this.#changed.clear()
    this.#isWhole = true
  }

  /** What changed, which is then forgotten; `undefined` when all must be asked. */
  take(
    appender: Pick<Appender, 'labelsOf'>,
    listSeries: () => readonly { seriesId: SeriesId }[],
  ): ChangedPart | undefined {
    if (this.#isWhole || this.#seriesCount < seriesCountMin || this.#changed.size === 0)
      return undefined
    const keys = new Set<string>()
    const seriesIds = new Set(this.#changed)
    if (this.#hasTwins && this.#twins === undefined) {
      this.#twins = new Map()
      for (const { seriesId } of listSeries())
        addTwin(this.#twins, seriesId, appender.labelsOf(seriesId))
    }
    for (const seriesId of this.#changed) {
      const { key } = appender.labelsOf(seriesId).with('__name__', '')
      keys.add(key)
      for (const twin of this.#twins?.get(key) ?? []) seriesIds.add(twin)
    }
    this.#changed.clear()
    return { seriesIds: [...seriesIds], keys }
  }
}

function addTwin(twins: Map<string, SeriesId[]>, seriesId: SeriesId, labels: Labels): void {
  const { key } = labels.with('__name__', '')
  const known = twins.get(key)
  if (known === undefined) twins.set(key, [seriesId])
  else if (!known.includes(seriesId)) known.push(seriesId)
}
