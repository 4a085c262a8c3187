/**
 * Log lines on their way: judged by their time, numbered, journaled, then readable and announced; and back
 * from the journal after a restart. A line's number grows with its arrival and is never given twice, so that
 * memory and engine can divide the lines between them, and equal times keep their order.
 */

import type { Clock } from '../base/clock.ts'
import type { CodedError } from '../base/error.ts'
import type { LogBatch } from '../model/log-line.ts'
import type { Arrivals } from './head/arrivals.ts'
import type { LogHead } from './head/log-head.ts'
import type { Journal } from './journal/journal.ts'
import type { Segment } from './journal/segment.ts'
import { cleanLines } from './line-times.ts'
import { storeMetrics } from './metrics.ts'

/** Bytes of a line in the journal beside its text, for its limits. */
const rowBytes = 20

/** What takes part in it. */
interface LineIntakeParts {
  logs: LogHead
  journal: Journal
  arrivals: Arrivals
  clock: Clock
  /** Why nothing can be written now, or `undefined`. */
  refusal: () => CodedError | undefined
  retentionMs: () => number
}

/** Takes log lines into a store. */
export class LineIntake {
  readonly #parts: LineIntakeParts
  /** The number of the next line. */
  nextSequence = 0

  constructor(parts: LineIntakeParts) {
    this.#parts = parts
  }

  /** Takes the lines of a batch; resolves when they are journaled and readable. Rejects as the journal does. */
  append(batch: LogBatch): Promise<void> {
    const { logs, journal, arrivals, clock, refusal, retentionMs } = this.#parts
    const refused = refusal()
    if (refused !== undefined) return Promise.reject(refused)
    const nowTimeMs = clock.nowTimeMs()
    const lines = cleanLines(batch, { nowTimeMs, retentionMs: retentionMs() })
    if (lines.count === 0) return Promise.resolve()
    const firstSequence = this.nextSequence
    this.nextSequence += lines.count
    let bytes = 0
    for (let row = 0; row < lines.count; row++) bytes += lines.line[row]!.length + rowBytes
    return new Promise((resolve, reject) => {
      journal.submit({
        bytes,
        encode: (writer, segment) => {
          writer.lines(lines, firstSequence)
          segment.lineCount += lines.count
        },
        onWritten: (segment) => {
          logs.add(lines, { segment: segment.number, firstSequence })
          storeMetrics.appendedLines.inc(lines.count)
          resolve()
          arrivals.deliverLogs(lines)
        },
        onFailed: reject,
      })
    })
  }

  /** Takes lines of a journal segment, unless the engine has them. */
  replay(batch: LogBatch, firstSequence: number, segment: Segment): void {
    this.nextSequence = Math.max(this.nextSequence, firstSequence + batch.count)
    if (segment.areLinesFlushed) return
    this.#parts.logs.add(batch, { segment: segment.number, firstSequence })
  }
}
