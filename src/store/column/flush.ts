/**
 * Brings a journal segment into the engine: reads its records, writes them as Native blocks to a file
 * beside the tables, and has the engine take the file (about ten million rows a second, against one
 * million as text). Label sets go first, so that no sample is ever without its name.
 *
 * Done twice, samples are there twice and readers count them once. Lines have no such identity in
 * time, so a segment that may have been brought in before is first compared by sequence numbers.
 *
 * Memory: a segment and one block (131,072 rows, 3.7 MB); the event loop is released after each block.
 */

import { mkdirSync, rmSync } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Labels } from '../../model/labels.ts'
import type { LogBatch } from '../../model/log-line.ts'
import { bitsOf, type SampleBatch, type SeriesId } from '../../model/sample.ts'
import { hashLabels, type SeriesIndex } from '../head/series-index.ts'
import type { Segment } from '../journal/journal.ts'
import { RecordFileReader, type RecordVisitor } from '../journal/record-format.ts'
import type { Engine } from './engine.ts'
import { type NewColumn, writeNative } from './native.ts'
import { quoteSql } from './sql-text.ts'
import { dayMs, dayNs } from './tables.ts'

const blockRowsMax = 131_072
/** Lines of one block, and streams remembered as written; both bound memory only. */
const lineBlockMax = 16_384
const streamsKnownMax = 100_000
/** No day: later than any that occurs. */
const noDay = -2_147_483_648

/** Columns of a block of samples, as 32-bit words where the engine has 64. */
interface SampleBlock {
  count: number
  metric: Uint32Array
  series: Uint32Array
  time: Uint32Array
  value: Float64Array
}

/** Brings segments into the engine, one at a time. */
export class Flusher {
  readonly #engine: Engine
  readonly #index: SeriesIndex
  readonly #directory: string
  /** Day for which a series' label set was last written. */
  #seriesDay: Int32Array = new Int32Array(0)
  #streamDay = new Map<string, number>()

  constructor(options: { engine: Engine; index: SeriesIndex; directory: string }) {
    this.#engine = options.engine
    this.#index = options.index
    this.#directory = options.directory
    rmSync(options.directory, { recursive: true, force: true })
    mkdirSync(options.directory, { recursive: true })
  }

  /** Series numbers were taken back: what is known of them no longer holds. */
  forgetSeries(): void {
    this.#seriesDay.fill(noDay)
  }

  /** Brings a segment in; rejects with the engine's error and can be repeated. */
  async flush(segment: Segment, options: { isMaybeDone: boolean }): Promise<void> {
    const pass = new FlushPass(this.#index, this.#directory)
    try {
      const reader = new RecordFileReader(await readFile(segment.path))
      const samples: SampleBatch[] = []
      const lines: { batch: LogBatch; firstSequence: number }[] = []
      const visitor: RecordVisitor = {
        onSamples: (batch) => samples.push(batch),
        onLines: (batch, firstSequence) => lines.push({ batch, firstSequence }),
        onSymbol: () => undefined,
        onSeries: () => undefined,
        onRemoved: () => undefined,
      }
      this.#makeRoom()
      const isDone = options.isMaybeDone ? await this.#findDone(segment) : undefined
      while (reader.next(visitor)) {
        for (const batch of samples.splice(0)) await pass.addSamples(batch, this.#seriesDay)
        for (const one of lines.splice(0))
          await pass.addLines(one, { isDone, days: this.#streamDay })
      }
      await pass.finish()
      await pass.insert(this.#engine)
    } catch (thrown) {
      // What was noted as written may not have been.
      this.forgetSeries()
      this.#streamDay.clear()
      throw thrown
    } finally {
      await pass.discard()
    }
    if (this.#streamDay.size > streamsKnownMax) this.#streamDay.clear()
  }

  #makeRoom(): void {
    const { idEnd } = this.#index
    if (this.#seriesDay.length >= idEnd) return
    const size = this.#seriesDay.length
    this.#seriesDay = growDays(this.#seriesDay, Math.max(1_024, idEnd * 2), size)
  }

  /** Sequence numbers of the segment's lines that the engine has. */
  async #findDone(segment: Segment): Promise<Set<number>> {
    const done = new Set<number>()
    if (segment.lineCount === 0) return done
    let first = Infinity
    let last = Number.NEGATIVE_INFINITY
    let minTimeNs = 2n ** 62n
    let maxTimeNs = -minTimeNs
    const reader = new RecordFileReader(await readFile(segment.path))
    const visitor: RecordVisitor = {
      onSamples: () => undefined,
      onLines: (batch, firstSequence) => {
        first = Math.min(first, firstSequence)
        last = Math.max(last, firstSequence + batch.count - 1)
        for (const timeNs of batch.timeNs) {
          if (timeNs < minTimeNs) minTimeNs = timeNs
          if (timeNs > maxTimeNs) maxTimeNs = timeNs
        }
      },
      onSymbol: () => undefined,
      onSeries: () => undefined,
      onRemoved: () => undefined,
    }
    let isMore = true
    while (isMore) isMore = reader.next(visitor)
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
class FlushPass {
  readonly #index: SeriesIndex
  readonly #files: BlockFile[]
  readonly #series: BlockFile
  readonly #samples: BlockFile
  readonly #streams: BlockFile
  readonly #lines: BlockFile
  #block: SampleBlock = makeSampleBlock()
  #newDay: number[] = []
  #newId: SeriesId[] = []
  #line = makeLineBlock()
  #stream: { day: number[]; labels: Labels[] } = { day: [], labels: [] }

  constructor(index: SeriesIndex, directory: string) {
    this.#index = index
    this.#series = new BlockFile(directory, 'series', [
      'day Int32, metric UInt32, series UInt64, names Array(String), texts Array(String)',
    ])
    this.#samples = new BlockFile(directory, 'sample', [
      'metric UInt32, series UInt64, time Int64, value Float64',
    ])
    this.#streams = new BlockFile(directory, 'stream', [
      'day Int32, stream UInt64, names Array(String), texts Array(String)',
    ])
    this.#lines = new BlockFile(directory, 'line', [
      'stream UInt64, time Int64, sequence Int64, level UInt8, line String,',
      'names Array(String), texts Array(String)',
    ])
    this.#files = [this.#series, this.#samples, this.#streams, this.#lines]
  }

  async addSamples(batch: SampleBatch, seriesDay: Int32Array): Promise<void> {
    let from = 0
    while (from < batch.count) {
      const to = Math.min(batch.count, from + blockRowsMax - this.#block.count)
      for (let row = from; row < to; row++) {
        const id = batch.seriesId[row]!
        const day = Math.floor(batch.timeMs[row]! / dayMs)
        if (seriesDay[id] !== day) {
          seriesDay[id] = day
          this.#index.identify(id)
          this.#newDay.push(day)
          this.#newId.push(id)
        }
      }
      fillSampleBlock(this.#block, { batch, from, to }, this.#index.identities)
      from = to
      if (this.#block.count === blockRowsMax) await this.#writeSamples()
      if (this.#newId.length >= lineBlockMax) await this.#writeSeries()
    }
  }

  async addLines(
    lines: { batch: LogBatch; firstSequence: number },
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
      if (block.count === lineBlockMax) await this.#writeLines()
    }
  }

  /** Writes what is left. */
  async finish(): Promise<void> {
    await this.#writeSeries()
    await this.#writeSamples()
    await this.#writeLines()
    for (const file of this.#files) await file.close()
  }

  /** Has the engine take the files, names before rows. */
  async insert(engine: Engine): Promise<void> {
    for (const file of [this.#series, this.#streams, this.#samples, this.#lines]) {
      await file.insert(engine)
    }
  }

  async discard(): Promise<void> {
    for (const file of this.#files) await file.discard()
  }

  async #writeSamples(): Promise<void> {
    const { count, metric, series, time, value } = this.#block
    await this.#samples.write(count, [
      { name: 'metric', type: 'UInt32', values: metric },
      { name: 'series', type: 'UInt64', values: series },
      { name: 'time', type: 'Int64', values: time },
      { name: 'value', type: 'Float64', values: value },
    ])
    this.#block.count = 0
    await setImmediate()
  }

  async #writeSeries(): Promise<void> {
    const count = this.#newId.length
    const labels = this.#newId.map((id) => this.#index.makeLabelsOf(id))
    const { identities } = this.#index
    const series = new Uint32Array(count * 2)
    const metric = new Uint32Array(count)
    this.#newId.forEach((id, row) => {
      series[row * 2] = identities[id * 3 + 1]!
      series[row * 2 + 1] = identities[id * 3]!
      metric[row] = identities[id * 3 + 2]!
    })
    await this.#series.write(count, [
      { name: 'day', type: 'Int32', values: Int32Array.from(this.#newDay) },
      { name: 'metric', type: 'UInt32', values: metric },
      { name: 'series', type: 'UInt64', values: series },
      ...labelColumns(labels),
    ])
    this.#newId = []
    this.#newDay = []
    await setImmediate()
  }

  async #writeLines(): Promise<void> {
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

/** A file of Native blocks for one table; made when the first block comes. */
class BlockFile {
  readonly #path: string
  readonly #table: string
  readonly #structure: string
  #handle: FileHandle | undefined
  #hasRows = false

  constructor(directory: string, table: string, structure: readonly string[]) {
    this.#path = join(directory, `${table}.native`)
    this.#table = table
    this.#structure = structure.join(' ')
  }

  async write(count: number, columns: readonly NewColumn[]): Promise<void> {
    if (count === 0) return
    this.#hasRows = true
    this.#handle ??= await open(this.#path, 'w')
    await this.#handle.writeFile(writeNative(count, columns))
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  async insert(engine: Engine): Promise<void> {
    if (!this.#hasRows) return
    await engine.command(
      `INSERT INTO ${this.#table} SELECT * FROM file(${quoteSql(this.#path)}, 'Native', ${quoteSql(this.#structure)})`,
    )
  }

  async discard(): Promise<void> {
    await this.close()
    rmSync(this.#path, { force: true })
  }
}

const noLabels = new Labels([])

function makeSampleBlock(): SampleBlock {
  return {
    count: 0,
    metric: new Uint32Array(blockRowsMax),
    series: new Uint32Array(blockRowsMax * 2),
    time: new Uint32Array(blockRowsMax * 2),
    value: new Float64Array(blockRowsMax),
  }
}

function makeLineBlock() {
  return {
    count: 0,
    stream: new BigUint64Array(lineBlockMax),
    time: new BigInt64Array(lineBlockMax),
    sequence: new BigInt64Array(lineBlockMax),
    level: new Uint8Array(lineBlockMax),
    line: [] as string[],
    metadata: [] as Labels[],
  }
}

/** Adds rows; 64-bit values as halves, the low one first, values bit by bit. */
function fillSampleBlock(
  block: SampleBlock,
  rows: { batch: SampleBatch; from: number; to: number },
  identities: Uint32Array,
): void {
  const { metric, series, time } = block
  const { seriesId, timeMs, value } = rows.batch
  const bits = bitsOf(value)
  const ownBits = bitsOf(block.value)
  let at = block.count
  for (let row = rows.from; row < rows.to; row++, at++) {
    const id = seriesId[row]! * 3
    const timeHigh = Math.floor(timeMs[row]! / 4_294_967_296)
    metric[at] = identities[id + 2]!
    series[at * 2] = identities[id + 1]!
    series[at * 2 + 1] = identities[id]!
    time[at * 2] = timeMs[row]! - timeHigh * 4_294_967_296
    time[at * 2 + 1] = timeHigh
    ownBits[at * 2] = bits[row * 2]!
    ownBits[at * 2 + 1] = bits[row * 2 + 1]!
  }
  block.count = at
}

function labelColumns(labels: readonly Labels[]): NewColumn[] {
  const pick = (offset: number): string[][] =>
    labels.map((one) => one.pairs.filter((_, index) => index % 2 === offset))
  return [
    { name: 'names', type: 'Array(String)', values: pick(0) },
    { name: 'texts', type: 'Array(String)', values: pick(1) },
  ]
}

function toBigInt(hash: { high: number; low: number }): bigint {
  return (BigInt(hash.high) << 32n) | BigInt(hash.low)
}

function growDays(days: Int32Array, capacity: number, size: number): Int32Array {
  const grown = new Int32Array(capacity).fill(noDay, size)
  grown.set(days)
  return grown
}
