/**
 * Which log lines the store takes by their time: nothing that retention would drop at once, nothing
 * from beyond tomorrow. Every day is a partition, so times out of nowhere would cost dearly.
 */

import type { LogBatch } from '../model/log-line.ts'
import { storeMetrics } from './metrics.ts'

/** How far ahead of our clock a line may be: a day, for senders with a wrong time zone. */
const futureMsMax = 86_400_000

/** The batch without the rows that are not taken; these are counted. The batch itself when it has none. */
export function cleanLines(
  batch: LogBatch,
  limits: { nowTimeMs: number; retentionMs: number },
): LogBatch {
  const minTimeNs = BigInt(limits.nowTimeMs - limits.retentionMs) * 1_000_000n
  const maxTimeNs = BigInt(limits.nowTimeMs + futureMsMax) * 1_000_000n
  const kept: number[] = []
  for (let row = 0; row < batch.count; row++) {
    const timeNs = batch.timeNs[row]!
    if (timeNs < minTimeNs) storeMetrics.rejectedLines.inc({ reason: 'too-old' })
    else if (timeNs > maxTimeNs) storeMetrics.rejectedLines.inc({ reason: 'too-far-in-future' })
    else kept.push(row)
  }
  if (kept.length === batch.count) return batch
  const { metadata } = batch
  return {
    count: kept.length,
    streams: batch.streams,
    stream: Uint32Array.from(kept, (row) => batch.stream[row]!),
    timeNs: BigInt64Array.from(kept.map((row) => batch.timeNs[row]!)),
    level: Uint8Array.from(kept, (row) => batch.level[row]!),
    line: kept.map((row) => batch.line[row]!),
    ...(metadata === undefined ? {} : { metadata: kept.map((row) => metadata[row]) }),
  }
}
