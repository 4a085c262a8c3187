/**
 * Brings the log lines of a journal segment into the engine. Lines have no identity in time as samples
 * have, so a segment that may have been brought in before is first compared by sequence numbers.
 *
 * Memory: a segment and one block; the event loop is released after each block.
 */

import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { Labels } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { hashLabels } from '../head/series-index.ts'
import type { Segment } from '../journal/segment.ts'
import { RecordFileReader, type RecordVisitor } from '../journal/record-format.ts'
import { BlockFile } from './block-file.ts'
import type { Engine } from './engine.ts'
import { labelColumns } from './label-columns.ts'
import { dayNs } from './tables.ts'

/** Lines of one block, and streams remembered as written; both bound memory only. */
const blockRowsMax = 16_384
const streamsKnownMax = 100_000

interface NumberedBatch {
  batch: LogBatch
  firstSequence: number
}

/** Brings lines in, one segment at a time. */
export class LineFlusher {
  readonly #engine: Engine
  readonly #directory: string
  #streamDay = new Map<string, number>()

  constructor(options: { engine: Engine; directory: string }) {
    this.#engine = options.engine
    this.#directory = options.directory
  }

  /** Streams may have been deleted: their label sets are written again. */
  forgetStreams(): void {
    this.#streamDay.clear()
  }

  /** Brings a segment's lines in; rejects with the engine's error and can be repeated. */
  async flush(segment: Segment, options: { isMaybeDone: boolean }): Promise<void> {
    if (segment.lineCount === 0) return
    const pass = new LinePass(this.#directory)
    try {
      const reader = new RecordFileReader(await readFile(segment.path))
      const batches: NumberedBatch[] = []
      const visitor = visitLines((batch, firstSequence) => batches.push({ batch, firstSequence }))
      const isDone = options.isMaybeDone ? await this.#findDone(segment) : undefined
      while (reader.next(visitor)) {
        for (const one of batches.splice(0)) await pass.add(one, { isDone, days: this.#streamDay })
      }
      await pass.insert(this.#engine)
    } catch (thrown) {
      // What was noted as written may not have been.
      this.#streamDay.clear()
      throw thrown
    } finally {
      await pass.discard()
    }
    if (this.#streamDay.size > streamsKnownMax) this.#streamDay.clear()
  }

  /** Sequence numbers of the segment's lines that the engine has. */
  async #findDone(segment: Segment): Promise<Set<number>> {
    const done = new Set<number>()
    let first = Infinity
    let last = Number.NEGATIVE_INFINITY
    let minTimeNs = 2n ** 62n
    let maxTimeNs = -minTimeNs
    const reader = new RecordFileReader(await readFile(segment.path))
    const visitor = visitLines((batch, firstSequence) => {
      first = Math.min(first, firstSequence)
      last = Math.max(last, firstSequence + batch.count - 1)
      for (const timeNs of batch.timeNs) {
        if (timeNs < minTimeNs) minTimeNs = timeNs
        if (timeNs > maxTimeNs) maxTimeNs = timeNs
      }
    })
    let isMore = true
    while (isMore) isMore = reader.next(visitor)
    if (first === Infinity) return done
    const blocks = await this.#engine.query(
      `SELECT sequence FROM line WHERE sequence >= ${first} AND sequence <= ${last} AND time >= ${minTimeNs} AND time <= ${maxTimeNs}`,
    )
    for (const block of blocks) {
      for (const sequence of block.columns[0] as BigInt64Array) done.add(Number(sequence))
    }
    return done
  }
}

/** The files of one flush. */
class LinePass {
  readonly #streams: BlockFile
  readonly #lines: BlockFile
  #line = makeLineBlock()
  #stream: { day: number[]; labels: Labels[] } = { day: [], labels: [] }

  constructor(directory: string) {
    this.#streams = new BlockFile(
      directory,
      'stream',
      'day Int32, stream UInt64, names Array(String), texts Array(String)',
    )
    this.#lines = new BlockFile(
      directory,
      'line',
      'stream UInt64, time Int64, sequence Int64, level UInt8, line String, names Array(String), texts Array(String)',
    )
  }

  async add(
    lines: NumberedBatch,
    known: { isDone: Set<number> | undefined; days: Map<string, number> },
  ): Promise<void> {
    const { batch, firstSequence } = lines
    const hashes = batch.streams.map((labels) => toBigInt(hashLabels(labels)))
    for (let row = 0; row < batch.count; row++) {
      const sequence = firstSequence + row
      if (known.isDone?.has(sequence)) continue
      const streamIndex = batch.stream[row]!
      const labels = batch.streams[streamIndex]!
      const timeNs = batch.timeNs[row]!
      const day = Number(timeNs / dayNs) - (timeNs < 0n ? 1 : 0)
      if (known.days.get(labels.key) !== day) {
        known.days.set(labels.key, day)
        this.#stream.day.push(day)
        this.#stream.labels.push(labels)
      }
      const block = this.#line
      block.stream[block.count] = hashes[streamIndex]!
      block.time[block.count] = timeNs
      block.sequence[block.count] = BigInt(sequence)
      block.level[block.count] = batch.level[row]!
      block.line.push(batch.line[row]!)
      block.metadata.push(batch.metadata?.[row] ?? noLabels)
      block.count++
      if (block.count === blockRowsMax) await this.#write()
    }
  }

  /** Has the engine take the files, names before rows. */
  async insert(engine: Engine): Promise<void> {
    await this.#write()
    await this.#streams.insert(engine)
    await this.#lines.insert(engine)
  }

  async discard(): Promise<void> {
    await this.#streams.discard()
    await this.#lines.discard()
  }

  async #write(): Promise<void> {
    const { day, labels } = this.#stream
    const hashes = BigUint64Array.from(labels.map((one) => toBigInt(hashLabels(one))))
    await this.#streams.write(labels.length, [
      { name: 'day', type: 'Int32', values: Int32Array.from(day) },
      { name: 'stream', type: 'UInt64', values: hashes },
      ...labelColumns(labels),
    ])
    this.#stream = { day: [], labels: [] }
    const block = this.#line
    await this.#lines.write(block.count, [
      { name: 'stream', type: 'UInt64', values: block.stream },
      { name: 'time', type: 'Int64', values: block.time },
      { name: 'sequence', type: 'Int64', values: block.sequence },
      { name: 'level', type: 'UInt8', values: block.level },
      { name: 'line', type: 'String', values: block.line },
      ...labelColumns(block.metadata),
    ])
    this.#line = makeLineBlock()
    await setImmediate()
  }
}

const noLabels = new Labels([])

function makeLineBlock() {
  return {
    count: 0,
    stream: new BigUint64Array(blockRowsMax),
    time: new BigInt64Array(blockRowsMax),
    sequence: new BigInt64Array(blockRowsMax),
    level: new Uint8Array(blockRowsMax),
    line: [] as string[],
    metadata: [] as Labels[],
  }
}

function visitLines(onLines: RecordVisitor['onLines']): RecordVisitor {
  return {
    onSamples: () => undefined,
    onLines,
    onSymbol: () => undefined,
    onSeries: () => undefined,
    onRemoved: () => undefined,
  }
}

function toBigInt(hash: { high: number; low: number }): bigint {
  return (BigInt(hash.high) << 32n) | BigInt(hash.low)
}
