/**
 * Which series of one rule brought samples since its last evaluation. A rule over many series whose
 * answer falls into parts is then asked about the parts of these only. When too many changed, or
 * nobody kept count, the rule is asked about all.
 */

import type { Appender } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { SeriesId } from '../model/sample.ts'
import type { PartLabels } from '../query/query.ts'

/** Below this many series the whole answer costs as little. */
const seriesCountMin = 8
/** Above this part of the series the whole answer is cheaper as well. */
const wholeRatio = 0.5
/** Above this part of the series, or this many where they are few, the whole answer is cheaper … */
const changedRatio = 1 / 4
const changedCountMin = 128
/** … and above this many counting them costs too much. */
const changedCountMax = 4_096

/** The part of the answer to ask for. */
export interface ChangedPart {
  /** The changed series and those of the same parts. */
  seriesIds: SeriesId[]
  /** Keys of the changed parts; those of the labels of their elements. */
  keys: ReadonlySet<string>
}

/** With fewer parts than this, the changed ones are nearly always most of it. */
const partCountMin = 4

/** Counts for one rule. */
export class ChangedSeries {
  /** Series that the rule reads. */
  #seriesCount = 0
  #changedMax = changedCountMin
  readonly #changed = new Set<SeriesId>()
  /** Until the first whole evaluation nothing is known. */
  #isWhole = true
  /** The labels that make a part. */
  readonly #by: PartLabels
  /** Whether a part may have several series: groups do, and labels that several metrics have. */
  readonly #hasTwins: boolean
  /** Series by the key of their part; made when first needed. */
  #twins: Map<string, SeriesId[]> | undefined
  /** The answer falls into hardly any parts: counting changes would be wasted. */
  #isOfOnePiece = false

  constructor(by: PartLabels, hasTwins: boolean) {
    this.#by = by
    this.#hasTwins = hasTwins || by !== 'all'
  }

  /** The rule reads another series. */
  addSeries(seriesId: SeriesId, labels: Labels): void {
    this.#seriesCount++
    const share = Math.floor(this.#seriesCount * changedRatio)
    const few = Math.min(changedCountMin, this.#seriesCount * wholeRatio)
    this.#changedMax = Math.max(few, Math.min(changedCountMax, share))
    if (this.#twins !== undefined) this.#addTwin(this.#twins, seriesId, labels)
  }

  /** A series brought a sample. */
  add(seriesId: SeriesId): void {
    if (this.#isWhole || this.#isOfOnePiece || this.#seriesCount < seriesCountMin) return
    this.#changed.add(seriesId)
    if (this.#changed.size > this.#changedMax) this.lose()
  }

  /** The whole rule is being evaluated: from now on changes count. */
  begin(): void {
    // Clearing makes a new table each time, and nearly always there is nothing to clear.
    if (this.#changed.size > 0) this.#changed.clear()
    this.#isWhole = false
  }

  /** What changed cannot be told: all must be asked. */
  lose(): void {
    if (this.#changed.size > 0) this.#changed.clear()
    this.#isWhole = true
  }

  /** What changed, which is then forgotten; `undefined` when all must be asked. */
  take(
    appender: Pick<Appender, 'labelsOf'>,
    listSeries: () => readonly { seriesId: SeriesId }[],
  ): ChangedPart | undefined {
    if (this.#isWhole || this.#seriesCount < seriesCountMin || this.#changed.size === 0)
      return undefined
    if (this.#hasTwins && this.#twins === undefined) {
      this.#twins = new Map()
      for (const { seriesId } of listSeries())
        this.#addTwin(this.#twins, seriesId, appender.labelsOf(seriesId))
      this.#isOfOnePiece = this.#twins.size < partCountMin
    }
    if (this.#isOfOnePiece) {
      this.lose()
      return undefined
    }
    const keys = new Set<string>()
    const seriesIds = new Set(this.#changed)
    for (const seriesId of this.#changed) {
      const key = this.#keyOf(appender.labelsOf(seriesId))
      if (keys.has(key)) continue
      keys.add(key)
      for (const twin of this.#twins?.get(key) ?? []) seriesIds.add(twin)
    }
    this.#changed.clear()
    // Groups so large cost as much as the whole.
    if (seriesIds.size > this.#seriesCount * wholeRatio) {
      this.lose()
      return undefined
    }
    // In the order of the store's own answers, so that sums of floats are the same to the last bit.
    return { seriesIds: [...seriesIds].sort((a, b) => a - b), keys }
  }

  #keyOf(labels: Labels): string {
    const by = this.#by
    return by === 'all'
      ? labels.with('__name__', '').key
      : labels.filter((name) => by.includes(name)).key
  }

  #addTwin(twins: Map<string, SeriesId[]>, seriesId: SeriesId, labels: Labels): void {
    const key = this.#keyOf(labels)
    const known = twins.get(key)
    if (known !== undefined) known.push(seriesId)
    else {
      twins.set(key, [seriesId])
      this.#isOfOnePiece = twins.size < partCountMin
    }
  }
}
