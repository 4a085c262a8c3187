/** Samples on their way: judged by the head, journaled, then readable and announced. */

import type { Clock } from '../base/clock.ts'
import type { CodedError } from '../base/error.ts'
import type { AppendResult } from '../model/flow.ts'
import type { SampleBatch } from '../model/sample.ts'
import type { Arrivals } from './head/arrivals.ts'
import type { Head } from './head/head.ts'
import { packedBytes } from './head/packed-batch.ts'
import type { Journal } from './journal/journal.ts'
import { noteTimes } from './journal/segment.ts'
import { storeMetrics } from './metrics.ts'

/** Bytes of a row in the journal, for its limits. */
const rowBytes = 20

/** What takes part in it. */
interface SampleIntakeParts {
  head: Head
  journal: Journal
  arrivals: Arrivals
  clock: Clock
  /** Why nothing can be written now, or `undefined`. */
  refusal: () => CodedError | undefined
  /** How old samples may be, and how far out of order. */
  limits: () => { windowMs: number; lateMs: number }
}

/** Takes samples into a store. */
export class SampleIntake {
  readonly #parts: SampleIntakeParts

  constructor(parts: SampleIntakeParts) {
    this.#parts = parts
  }

  /** Takes what can be taken; resolves when it is journaled and readable. Rejects as the journal does. */
  append(batch: SampleBatch): Promise<AppendResult> {
    const { head, journal, arrivals, clock, refusal, limits } = this.#parts
    const arrivedTimeMs = clock.nowTimeMs()
    const refused = refusal()
    if (refused !== undefined) return Promise.reject(refused)
    const checked = head.check(batch, { nowTimeMs: arrivedTimeMs, ...limits() })
    const { batch: rows, late, result } = checked
    countRejected(result)
    if (result.accepted === 0) return Promise.resolve(result)
    return new Promise((resolve, reject) => {
      journal.submit({
        bytes: (rows.count + (late?.count ?? 0)) * rowBytes + packedBytes(rows) + packedBytes(late),
        encode: (writer, segment) => {
          // Rows that were all known already still wait for the writes before them.
          for (const part of late === undefined ? [rows] : [rows, late]) {
            if (part.count === 0) continue
            writer.samples(part, noteTimes(segment, part.timeMs, part.count))
          }
        },
        onWritten: () => {
          head.apply(rows)
          if (late !== undefined) {
            head.applyLate(late)
            storeMetrics.lateSamples.inc(late.count)
          }
          storeMetrics.appendedSamples.inc(result.accepted)
          resolve(result)
          arrivals.deliver(rows, arrivedTimeMs)
        },
        onFailed: (error) => {
          head.cancel(rows)
          reject(error)
        },
      })
    })
  }
}

function countRejected(result: AppendResult): void {
  for (const [reason, count] of Object.entries(result.reasons)) {
    storeMetrics.rejectedSamples.inc({ reason }, count)
  }
}
