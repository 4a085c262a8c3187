/** Exemplars on their way: judged, journaled, kept in the ring; and back from the journal after a restart. */

import type { CodedError } from '../base/error.ts'
import type { ExemplarReason, ExemplarResult, ExemplarRow } from '../model/exemplar.ts'
import type { SeriesId } from '../model/sample.ts'
import { compareExemplars, type ExemplarRing } from './head/exemplar-ring.ts'
import type { SeriesIndex } from './head/series-index.ts'
import type { Journal } from './journal/journal.ts'
import type { Erasure, ExemplarEntry } from './journal/record-format.ts'
import { storeMetrics } from './metrics.ts'

/** Bytes of an exemplar in the journal, with a trace's id, for its limits. */
const entryBytes = 120

/** Takes exemplars into a store. */
export class ExemplarBook {
  readonly ring: ExemplarRing
  readonly #index: SeriesIndex
  readonly #journal: Journal
  readonly #refusal: () => CodedError | undefined

  /** `refusal` tells why nothing can be written now, or `undefined`. */
  constructor(parts: {
    ring: ExemplarRing
    index: SeriesIndex
    journal: Journal
    refusal: () => CodedError | undefined
  }) {
    this.ring = parts.ring
    this.#index = parts.index
    this.#journal = parts.journal
    this.#refusal = parts.refusal
  }

  /** Resolves when what is kept survives kill -9; rejects as the journal does. */
  append(rows: readonly ExemplarRow[]): Promise<ExemplarResult> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    const verdicts = new Verdicts()
    const entries: ExemplarEntry[] = []
    for (const row of [...rows].sort(compareExemplars)) {
      // Only what is certain already: others may be on their way to the ring.
      const verdict = this.#judge(row)
      if (verdict === 'take') entries.push({ row, hash: this.#hashOf(row.seriesId) })
      else verdicts.note(row, verdict)
    }
    if (entries.length === 0) return Promise.resolve(verdicts.finish())
    return new Promise((resolve, reject) => {
      this.#journal.submit({
        bytes: entries.length * entryBytes,
        encode: (writer, segment) => {
          writer.exemplars(entries)
          for (const { row } of entries) {
            segment.exemplarTimeMs = Math.max(segment.exemplarTimeMs, row.timeMs)
          }
        },
        onWritten: () => {
          for (const { row } of entries) verdicts.note(row, this.#add(row))
          resolve(verdicts.finish())
        },
        onFailed: (error: CodedError) => reject(error),
      })
    })
  }

  /** Takes an exemplar of the journal, unless its series' number means another one by now. */
  replay({ row, hash }: ExemplarEntry): void {
    if (this.#index.isLive[row.seriesId] !== 1) return
    const now = this.#hashOf(row.seriesId)
    if (now.high === hash.high && now.low === hash.low) this.#add(row)
  }

  /** Forgets what an erasure means, of series that have a number. */
  erase({ ids, startTimeMs, endTimeMs }: Erasure): void {
    const keys = new Set<string>()
    for (const id of ids) {
      if (this.#index.isLive[id] === 1) keys.add(this.#index.makeLabelsOf(id).key)
    }
    this.ring.removeOf(({ key }) => keys.has(key), { startTimeMs, endTimeMs })
  }

  #judge(row: ExemplarRow): ExemplarReason | 'take' | 'known' {
    if (this.#index.isLive[row.seriesId] !== 1) return 'series-gone'
    return this.ring.judge(this.#index.labelsOf(row.seriesId), row)
  }

  #add(row: ExemplarRow): ExemplarReason | 'take' | 'known' {
    if (this.#index.isLive[row.seriesId] !== 1) return 'series-gone'
    return this.ring.add(this.#index.labelsOf(row.seriesId), row)
  }

  #hashOf(seriesId: number): { high: number; low: number } {
    this.#index.identify(seriesId)
    const { identities } = this.#index
    return { high: identities[seriesId * 3]!, low: identities[seriesId * 3 + 1]! }
  }
}

/** What became of the exemplars of one call. */
class Verdicts {
  readonly #result: ExemplarResult = { accepted: 0, reasons: {} }
  /** Of series with exemplars out of order: how many these are. */
  readonly #lateCounts = new Map<SeriesId, number>()
  readonly #keptSeries = new Set<SeriesId>()

  note(row: ExemplarRow, verdict: ExemplarReason | 'take' | 'known'): void {
    const { seriesId } = row
    if (verdict === 'take' || verdict === 'known') {
      this.#result.accepted++
      this.#keptSeries.add(seriesId)
    } else if (verdict === 'out-of-order') {
      this.#lateCounts.set(seriesId, (this.#lateCounts.get(seriesId) ?? 0) + 1)
    } else this.#reject(verdict, 1)
  }

  finish(): ExemplarResult {
    for (const [seriesId, count] of this.#lateCounts) {
      if (!this.#keptSeries.has(seriesId)) this.#reject('out-of-order', count)
    }
    storeMetrics.appendedExemplars.inc(this.#result.accepted)
    return this.#result
  }

  #reject(reason: ExemplarReason, count: number): void {
    const { reasons } = this.#result
    reasons[reason] = (reasons[reason] ?? 0) + count
    storeMetrics.rejectedExemplars.inc({ reason }, count)
  }
}
