/** A segment of the journal: its file, what is known of its rows, and how it is read back. */

import { readFile } from 'node:fs/promises'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { storeMetrics } from '../metrics.ts'
import { readCompressedFile } from './compressed-file.ts'
import { type RecordVisitor, readRecords } from './record-format.ts'

/** A segment and what is known of its rows; times are of samples. */
export interface Segment {
  number: number
  path: string
  bytes: number
  /** All of it is in the engine. */
  isFlushed: boolean
  isCompressed: boolean
  /** Samples before this time are in the engine. */
  flushedTimeMs: number
  areLinesFlushed: boolean
  /** Samples left memory before the engine had them: they have to be read from here. */
  isForgotten: boolean
  minTimeMs: number
  maxTimeMs: number
  sampleCount: number
  lineCount: number
  /** Time of the newest exemplar. */
  exemplarTimeMs: number
  /** It tells that rows of earlier segments were deleted. */
  hasErasure: boolean
}

/** A segment of which nothing is known yet. */
export function makeSegment(number: number, path: string): Segment {
  return {
    number,
    path,
    bytes: 0,
    isFlushed: false,
    isCompressed: false,
    flushedTimeMs: Number.NEGATIVE_INFINITY,
    areLinesFlushed: false,
    isForgotten: false,
    minTimeMs: Infinity,
    maxTimeMs: Number.NEGATIVE_INFINITY,
    sampleCount: 0,
    lineCount: 0,
    exemplarTimeMs: Number.NEGATIVE_INFINITY,
    hasErasure: false,
  }
}

/** Time of a segment's oldest sample that the engine does not have; `Infinity` when it has all. */
export function unflushedTimeMs({ flushedTimeMs, minTimeMs, maxTimeMs }: Segment): number {
  return maxTimeMs < flushedTimeMs ? Infinity : Math.max(minTimeMs, flushedTimeMs)
}

/** What the files of a segment are called, without ending. */
export function segmentName(number: number): string {
  return String(number).padStart(8, '0')
}

/** Widens a segment's span by the times of rows; answers the rows' own span. */
export function noteTimes(
  segment: Segment,
  timeMs: Float64Array,
  count: number,
): { minTimeMs: number; maxTimeMs: number } {
  let min = Infinity
  let max = Number.NEGATIVE_INFINITY
  for (let row = 0; row < count; row++) {
    const time = timeMs[row]!
    if (time < min) min = time
    if (time > max) max = time
  }
  segment.minTimeMs = Math.min(segment.minTimeMs, min)
  segment.maxTimeMs = Math.max(segment.maxTimeMs, max)
  segment.sampleCount += count
  return { minTimeMs: min, maxTimeMs: max }
}

/** Reads a segment, and notes what it holds; answers whether it was whole. */
export async function readSegment(
  segment: Segment,
  visitor: RecordVisitor,
  log: Log,
): Promise<boolean> {
  const file = await readFileOf(segment, log)
  const goodBytes = readRecords(file, {
    ...passTo(visitor),
    onSamples: (batch) => {
      noteTimes(segment, batch.timeMs, batch.count)
      visitor.onSamples(batch)
    },
    onExemplar: (entry) => {
      segment.exemplarTimeMs = Math.max(segment.exemplarTimeMs, entry.row.timeMs)
      visitor.onExemplar?.(entry)
    },
    onErased: (erasure) => {
      segment.hasErasure = true
      visitor.onErased?.(erasure)
    },
    onLines: (batch, firstSequence) => {
      segment.lineCount += batch.count
      visitor.onLines(batch, firstSequence)
    },
  })
  if (goodBytes < file.length) {
    storeMetrics.journalTorn.inc(file.length - goodBytes)
    log.warn(
      { segment: segment.number, tornBytes: file.length - goodBytes, goodBytes },
      'The end of a journal segment was not whole; everything before it was read.',
    )
  }
  return file.length > 0 && goodBytes === file.length
}

async function readFileOf(segment: Segment, log: Log): Promise<Buffer> {
  if (!segment.isCompressed) return readFile(segment.path)
  try {
    return await readCompressedFile(segment.path)
  } catch (thrown) {
    storeMetrics.journalTorn.inc(segment.bytes)
    log.error(
      { segment: segment.number, reason: messageOf(thrown) },
      'A journal segment is damaged; the engine has its rows, but memory misses them.',
    )
    return Buffer.alloc(0)
  }
}

function passTo(visitor: RecordVisitor): RecordVisitor {
  return {
    onSamples: (batch) => visitor.onSamples(batch),
    onLines: (batch, firstSequence) => visitor.onLines(batch, firstSequence),
    onSymbol: (symbol, text) => visitor.onSymbol(symbol, text),
    onSeries: (id, symbols) => visitor.onSeries(id, symbols),
    onRemoved: (id) => visitor.onRemoved(id),
  }
}
