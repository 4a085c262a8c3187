/**
 * Log lines in memory, as batches in the order of arrival: those that the engine does not have yet.
 * Every line has a sequence number, larger for later arrivals, which orders lines of equal time and
 * tells a line from its twin.
 */

import { compileSearch } from '../../base/regexp.ts'
import type { LogFilter, LogSelection, LogVolume } from '../../model/flow.ts'
import { compareText, type Labels } from '../../model/labels.ts'
import { type LogBatch, type LogRecord, logLevels } from '../../model/log-line.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'

/** A line and its number. */
export interface NumberedLine {
  record: LogRecord
  sequence: number
}

interface HeldBatch {
  batch: LogBatch
  firstSequence: number
  /** Journal segment that holds the batch; 0 without a journal. */
  segment: number
  minTimeNs: bigint
  maxTimeNs: bigint
  bytes: number
}

/** Rough cost of a line beyond its text: columns, string header, list entry. */
const lineOverheadBytes = 48

/** Lines that only memory has. */
export class LogHead {
  #held: HeldBatch[] = []
  #nextSequence = 0
  /** Estimated bytes in memory. */
  bytes = 0

  /** Keeps a copy of a batch. */
  add(batch: LogBatch, place?: { segment: number; firstSequence: number }): void {
    if (batch.count === 0) return
    const firstSequence = place?.firstSequence ?? this.#nextSequence
    this.#nextSequence = firstSequence + batch.count
    let minTimeNs = batch.timeNs[0]!
    let maxTimeNs = minTimeNs
    let bytes = 0
    for (let row = 0; row < batch.count; row++) {
      const timeNs = batch.timeNs[row]!
      if (timeNs < minTimeNs) minTimeNs = timeNs
      if (timeNs > maxTimeNs) maxTimeNs = timeNs
      bytes += batch.line[row]!.length + lineOverheadBytes
    }
    this.#held.push({
      batch: copyBatch(batch),
      firstSequence,
      segment: place?.segment ?? 0,
      minTimeNs,
      maxTimeNs,
      bytes,
    })
    this.bytes += bytes
  }

  /** Lets go of what a segment held. */
  removeSegment(segment: number): void {
    this.#held = this.#held.filter((held) => {
      if (held.segment !== segment) return true
      this.bytes -= held.bytes
      return false
    })
  }

  /** Lets go of the oldest lines until at most `bytesMax` are left; answers how many lines. */
  shrink(bytesMax: number): number {
    let count = 0
    while (this.bytes > bytesMax) {
      const held = this.#held.shift()
      if (held === undefined) break
      this.bytes -= held.bytes
      count += held.batch.count
    }
    return count
  }

  /** Number of the oldest line; every later one is in memory too. `undefined` when empty. */
  firstSequence(): number | undefined {
    return this.#held[0]?.firstSequence
  }

  /** Lines of the selection in its direction, at most its limit. */
  select(selection: LogSelection): NumberedLine[] {
    const found: NumberedLine[] = []
    this.#scan(selection, (held, row) => {
      const { batch } = held
      found.push({
        sequence: held.firstSequence + row,
        record: {
          labels: batch.streams[batch.stream[row]!]!,
          timeNs: batch.timeNs[row]!,
          level: logLevels[batch.level[row]!]!,
          line: batch.line[row]!,
          metadata: batch.metadata?.[row],
        },
      })
    })
    return sortLines(found, selection)
  }

  /** Lines per bucket and level. */
  volume(selection: LogSelection, stepMs: number): VolumeTable {
    const table = new VolumeTable(selection.startTimeNs, stepMs)
    this.#scan(selection, (held, row) =>
      table.add(held.batch.timeNs[row]!, held.batch.level[row]!, 1),
    )
    return table
  }

  labelNames(startTimeNs: bigint, endTimeNs: bigint): string[] {
    const names = new Set<string>()
    for (const labels of this.streams([], startTimeNs, endTimeNs)) {
      for (let at = 0; at < labels.pairs.length; at += 2) names.add(labels.pairs[at]!)
    }
    return [...names].sort(compareText)
  }

  labelValues(name: string, startTimeNs: bigint, endTimeNs: bigint): string[] {
    const values = new Set<string>()
    for (const labels of this.streams([], startTimeNs, endTimeNs)) {
      if (labels.has(name)) values.add(labels.get(name))
    }
    return [...values].sort(compareText)
  }

  /** Streams of the batches that touch start ≤ time < end. */
  streams(matchers: readonly Matcher[], startTimeNs: bigint, endTimeNs: bigint): Labels[] {
    const found = new Map<string, Labels>()
    for (const held of this.#held) {
      if (held.maxTimeNs < startTimeNs || held.minTimeNs >= endTimeNs) continue
      for (const labels of held.batch.streams) {
        if (!found.has(labels.key) && matchesAll(matchers, labels)) found.set(labels.key, labels)
      }
    }
    return [...found.values()]
  }

  #scan(selection: LogSelection, visit: (held: HeldBatch, row: number) => void): void {
    const { startTimeNs, endTimeNs } = selection
    const test = makeLineTest(selection.filters)
    const isLevel = makeLevelTest(selection)
    for (const held of this.#held) {
      if (held.maxTimeNs < startTimeNs || held.minTimeNs >= endTimeNs) continue
      const { batch } = held
      const isStream = batch.streams.map((labels) => matchesAll(selection.matchers, labels))
      if (!isStream.includes(true)) continue
      for (let row = 0; row < batch.count; row++) {
        if (!isStream[batch.stream[row]!]! || !isLevel[batch.level[row]!]!) continue
        const timeNs = batch.timeNs[row]!
        if (timeNs < startTimeNs || timeNs >= endTimeNs || !test(batch.line[row]!)) continue
        visit(held, row)
      }
    }
  }
}

/** Counts by bucket and level. */
export class VolumeTable {
  readonly #startTimeNs: bigint
  readonly #stepMs: number
  readonly #counts = new Map<number, number>()

  constructor(startTimeNs: bigint, stepMs: number) {
    this.#startTimeNs = startTimeNs
    this.#stepMs = stepMs
  }

  /** Adds to the bucket of a time. */
  add(timeNs: bigint, level: number, count: number): void {
    const bucket = Number((timeNs - this.#startTimeNs) / (BigInt(this.#stepMs) * 1_000_000n))
    this.addBucket(bucket, level, count)
  }

  /** Adds to a bucket by its index. */
  addBucket(bucket: number, level: number, count: number): void {
    const key = bucket * logLevels.length + level
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
  }

  /** Oldest bucket first. */
  list(): LogVolume[] {
    const startTimeMs = Number(this.#startTimeNs / 1_000_000n)
    return [...this.#counts]
      .sort((a, b) => a[0] - b[0])
      .map(([key, count]) => ({
        timeMs: startTimeMs + Math.floor(key / logLevels.length) * this.#stepMs,
        level: logLevels[key % logLevels.length]!,
        count,
      }))
  }
}

/** Puts lines into the direction of the selection and cuts them at its limit; equal numbers once. */
export function sortLines(lines: NumberedLine[], selection: LogSelection): NumberedLine[] {
  const sign = selection.direction === 'forward' ? 1 : -1
  lines.sort((a, b) => {
    const difference = a.record.timeNs - b.record.timeNs
    if (difference !== 0n) return difference < 0n ? -sign : sign
    return sign * (a.sequence - b.sequence)
  })
  return lines
    .filter((line, index) => index === 0 || !isSameLine(line, lines[index - 1]!))
    .slice(0, selection.limit)
}

function isSameLine(a: NumberedLine, b: NumberedLine): boolean {
  return a.sequence === b.sequence && a.record.timeNs === b.record.timeNs
}

/** One test for all line filters. */
function makeLineTest(filters: readonly LogFilter[]): (line: string) => boolean {
  const tests = filters.map(({ operator, value }) => {
    if (operator === '|=') return (line: string) => line.includes(value)
    if (operator === '!=') return (line: string) => !line.includes(value)
    const search = compileSearch(value)
    return operator === '|~'
      ? (line: string) => search.test(line)
      : (line: string) => !search.test(line)
  })
  if (tests.length === 0) return () => true
  if (tests.length === 1) return tests[0]!
  return (line) => tests.every((test) => test(line))
}

/** By level index, whether it is asked for. */
function makeLevelTest(selection: LogSelection): boolean[] {
  return logLevels.map((level) => selection.levels?.includes(level) ?? true)
}

/** Columns of its own, cut to `count`. */
function copyBatch(batch: LogBatch): LogBatch {
  const { count } = batch
  return {
    count,
    streams: batch.streams.slice(),
    stream: batch.stream.slice(0, count),
    timeNs: batch.timeNs.slice(0, count),
    level: batch.level.slice(0, count),
    line: batch.line.slice(0, count),
    ...(batch.metadata === undefined ? {} : { metadata: batch.metadata.slice(0, count) }),
  }
}
