/**
 * Writes the chunks of a day anew: each series' samples in as few chunks as there are spans, equal times
 * once, and without what is to be deleted. The result is collected in a table beside and then takes the
 * day's place at once, so that readers see the old day or the new one, and a crash leaves one of them.
 *
 * Memory: one slice of some ten megabytes. When rows came into the day meanwhile, nothing is replaced.
 */

import { setImmediate } from 'node:timers/promises'
import type { Histogram } from '../../model/histogram.ts'
import { bitsOf } from '../../model/sample.ts'
import { FloatChunkDecoder } from '../chunk/float-chunk.ts'
import { decodeHistogramChunk } from '../chunk/histogram-chunk.ts'
import { ByteReader } from '../chunk/varint.ts'
import { ChunkFile, type PackedChunk, type SeriesIdentity } from './chunk-file.ts'
import type { Engine } from './engine.ts'
import type { ByteTexts, NativeBlock } from './native.ts'
import { areAscending, sortRows } from './ordered-rows.ts'
import { type SpanVersions, spanOf } from './span-versions.ts'
import { inNumbers } from './sql-text.ts'
import { chunkKinds, chunkRowsMax, chunkSpanMs, dayMs } from './tables.ts'

/** Bytes of chunks that are read at once. */
const sliceBytes = 24 << 20
/** Bytes that one insert takes. */
const insertBytesMax = 256 << 20
/** Samples that are packed between two rests. */
const restSampleCount = 65_536
/** One more than the largest hash. */
const hashEnd = 2n ** 64n

/** What is not to be written again. */
export interface DroppedRows {
  /** Whether samples of a series, named by its hash, are dropped. */
  has(series: bigint): boolean
  /** Samples with start ≤ time ≤ end. */
  startTimeMs: number
  endTimeMs: number
}

/** What became of a day. */
export interface RewrittenDay {
  chunkCount: number
  sampleCount: number
  droppedCount: number
}

/** Rows of one question: some metrics, or a range of one metric's series. */
interface Slice {
  metrics: number[]
  condition: string
}

/** Rewrites days of one engine. */
export class DayRewriter {
  readonly #engine: Engine
  readonly #versions: SpanVersions
  readonly #directory: string

  constructor(parts: { engine: Engine; versions: SpanVersions; directory: string }) {
    this.#engine = parts.engine
    this.#versions = parts.versions
    this.#directory = parts.directory
  }

  /**
   * Rewrites one day; `undefined` when rows came into it meanwhile or `isEnough` says so. `alone` runs the
   * last step, during which nothing may be inserted. Rejects with the engine's error.
   */
  async rewrite(
    day: number,
    options: {
      alone: (work: () => Promise<boolean>) => Promise<boolean>
      isEnough?: () => boolean
      dropped?: DroppedRows
    },
  ): Promise<RewrittenDay | undefined> {
    const engine = this.#engine
    await engine.command(`ALTER TABLE chunk_rewritten DROP PARTITION ${day}`)
    const before = { versions: this.#versionsOf(day), removalCount: engine.removalCount }
    const pass = new DayPass(options.dropped)
    let file = new ChunkFile(this.#directory, 'chunk_rewritten')
    let chunkCount = 0
    let isWritten = false
    try {
      for (const slice of await this.#listSlices(day)) {
        if (options.isEnough?.() === true) return undefined
        const blocks = await this.#readSlice(day, slice)
        await pass.write(blocks, file)
        if (file.writtenBytes > insertBytesMax) {
          await file.insert(engine)
          await file.discard()
          chunkCount += file.chunkCount
          isWritten = true
          file = new ChunkFile(this.#directory, 'chunk_rewritten')
        }
      }
      await file.insert(engine)
      chunkCount += file.chunkCount
      isWritten ||= file.chunkCount > 0
    } finally {
      await file.discard()
    }
    const isReplaced = await options.alone(async () => {
      const isSame =
        this.#versionsOf(day) === before.versions && engine.removalCount === before.removalCount
      if (!isSame) return false
      if (isWritten) {
        await engine.command(`ALTER TABLE chunk REPLACE PARTITION ${day} FROM chunk_rewritten`)
        if (pass.droppedCount > 0) await this.#dropLabels(day)
      } else {
        await engine.command(`ALTER TABLE chunk DROP PARTITION ${day}`)
        await engine.command(`ALTER TABLE series DROP PARTITION ${day}`)
      }
      return true
    })
    await engine.command(`ALTER TABLE chunk_rewritten DROP PARTITION ${day}`)
    if (!isReplaced) return undefined
    return { chunkCount, sampleCount: pass.sampleCount, droppedCount: pass.droppedCount }
  }

  /** Label sets of series that have no sample left on a day leave it. */
  async #dropLabels(day: number): Promise<void> {
    const engine = this.#engine
    await engine.command(`ALTER TABLE series_rewritten DROP PARTITION ${day}`)
    await engine.command(
      `INSERT INTO series_rewritten SELECT day, metric, series, names, texts FROM series WHERE day = ${day} AND series IN (SELECT DISTINCT series FROM chunk WHERE ${onDay(day)})`,
    )
    await engine.command(`ALTER TABLE series REPLACE PARTITION ${day} FROM series_rewritten`)
    await engine.command(`ALTER TABLE series_rewritten DROP PARTITION ${day}`)
  }

  #versionsOf(day: number): string {
    const first = spanOf(day * dayMs)
    const versions: number[] = []
    for (let span = first; span * chunkSpanMs < (day + 1) * dayMs; span++) {
      versions.push(this.#versions.of(span))
    }
    return versions.join()
  }

  async #listSlices(day: number): Promise<Slice[]> {
    const blocks = await this.#engine.query(
      `SELECT metric, toUInt64(sum(length(data) + 40)) AS bytes FROM chunk WHERE ${onDay(day)} GROUP BY metric ORDER BY metric`,
    )
    const slices: Slice[] = []
    let open: Slice | undefined
    let openBytes = 0
    for (const block of blocks) {
      const [metrics, sizes] = block.columns as [Uint32Array, BigUint64Array]
      for (let row = 0; row < block.rowCount; row++) {
        const metric = metrics[row]!
        const bytes = Number(sizes[row]!)
        const partCount = Math.ceil(bytes / sliceBytes)
        if (partCount > 1) slices.push(...splitMetric(metric, partCount))
        else if (open === undefined || openBytes + bytes > sliceBytes) {
          open = { metrics: [metric], condition: '' }
          slices.push(open)
          openBytes = bytes
        } else {
          open.metrics.push(metric)
          openBytes += bytes
        }
      }
    }
    return slices
  }

  async #readSlice(day: number, slice: Slice): Promise<NativeBlock[]> {
    const { metrics, condition } = slice
    return await this.#engine.query(
      `SELECT series, start, last, count, kind, data, metric FROM chunk WHERE ${inNumbers('metric', metrics)}${condition} AND ${onDay(day)} ORDER BY metric, series, start`,
      undefined,
      { areTextsBytes: true },
    )
  }
}

/** A chunk where it stands in an answer. */
interface StoredChunk extends PackedChunk {
  bytes: Uint8Array
  at: number
}

/** Chunks of one series. */
interface Group {
  series: bigint
  metric: number
  chunks: StoredChunk[]
}

/** Reads blocks series by series and writes what remains. */
class DayPass {
  readonly #dropped: DroppedRows | undefined
  readonly #decoder = new FloatChunkDecoder()
  #reader = new ByteReader(new Uint8Array(0))
  #timeMs = new Float64Array(8_192)
  #value = new Float64Array(8_192)
  #unrestedCount = 0
  sampleCount = 0
  droppedCount = 0

  constructor(dropped: DroppedRows | undefined) {
    this.#dropped = dropped
  }

  async write(blocks: readonly NativeBlock[], file: ChunkFile): Promise<void> {
    let group: Group | undefined
    for (const block of blocks) {
      const series = block.columns[0] as BigUint64Array
      const metric = block.columns[6] as Uint32Array
      for (let row = 0; row < block.rowCount; row++) {
        if (group === undefined || series[row] !== group.series || metric[row] !== group.metric) {
          if (group !== undefined) await this.#writeGroup(group, file)
          group = { series: series[row]!, metric: metric[row]!, chunks: [] }
        }
        group.chunks.push(chunkAt(block, row))
      }
    }
    if (group !== undefined) await this.#writeGroup(group, file)
  }

  async #writeGroup(group: Group, file: ChunkFile): Promise<void> {
    const identity = identityOf(group)
    const { chunks } = group
    const isDropped = this.#dropped?.has(group.series) === true
    const floats = chunks.filter(({ kind }) => kind === chunkKinds.float)
    const histograms = chunks.filter(({ kind }) => kind === chunkKinds.histogram)
    if (!isDropped && arePacked(floats)) await this.#copy(identity, floats, file)
    else if (floats.length > 0) await this.#writeFloats(identity, { floats, isDropped }, file)
    if (!isDropped && arePacked(histograms)) await this.#copy(identity, histograms, file)
    else this.#writeHistograms(identity, { histograms, isDropped }, file)
    if (file.isFull) await file.write()
    if (this.#unrestedCount < restSampleCount) return
    this.#unrestedCount = 0
    await setImmediate()
  }

  async #copy(
    identity: SeriesIdentity,
    chunks: readonly PackedChunk[],
    file: ChunkFile,
  ): Promise<void> {
    for (const chunk of chunks) {
      file.addPacked(identity, chunk)
      this.sampleCount += chunk.count
      if (file.isFull) await file.write()
    }
  }

  async #writeFloats(
    identity: SeriesIdentity,
    rows: { floats: readonly StoredChunk[]; isDropped: boolean },
    file: ChunkFile,
  ): Promise<void> {
    const total = rows.floats.reduce((sum, { count }) => sum + count, 0)
    if (this.#timeMs.length < total) {
      this.#timeMs = new Float64Array(total * 2)
      this.#value = new Float64Array(total * 2)
    }
    const columns = { timeMs: this.#timeMs, value: this.#value }
    const out = { ...columns, bits: bitsOf(columns.value), at: 0 }
    for (const { bytes, at, startTimeMs, count } of rows.floats) {
      if (this.#reader.bytes !== bytes) this.#reader = new ByteReader(bytes)
      this.#reader.at = at
      this.#decoder.decode(this.#reader, { startTimeMs, count, needed: count }, out)
      out.at += count
    }
    const range = { ...columns, from: 0, to: total }
    let count = areAscending(range) ? total : sortRows(range)
    if (rows.isDropped) count = this.#drop(count)
    this.sampleCount += count
    this.#unrestedCount += total
    for (let from = 0; from < count; ) {
      from = file.addFloats(identity, columns, from, count)
      if (from < count) await file.write()
    }
  }

  #writeHistograms(
    identity: SeriesIdentity,
    rows: { histograms: readonly PackedChunk[]; isDropped: boolean },
    file: ChunkFile,
  ): void {
    const all = { startTimeMs: Number.NEGATIVE_INFINITY, endTimeMs: Infinity }
    const byTime = new Map<number, Histogram>()
    for (const { data } of rows.histograms) {
      const run = decodeHistogramChunk(data, all)
      run.timeMs.forEach((timeMs, row) => {
        if (rows.isDropped && this.#isDroppedAt(timeMs)) this.droppedCount++
        else if (!byTime.has(timeMs)) byTime.set(timeMs, run.histogram[row]!)
      })
    }
    if (byTime.size === 0) return
    const timeMs = [...byTime.keys()].sort((a, b) => a - b)
    file.addHistograms(identity, { timeMs, histogram: timeMs.map((time) => byTime.get(time)!) })
    this.sampleCount += timeMs.length
  }

  /** Takes rows out; answers how many are left. */
  #drop(count: number): number {
    const bits = bitsOf(this.#value)
    let kept = 0
    for (let row = 0; row < count; row++) {
      if (this.#isDroppedAt(this.#timeMs[row]!)) continue
      this.#timeMs[kept] = this.#timeMs[row]!
      bits[kept * 2] = bits[row * 2]!
      bits[kept * 2 + 1] = bits[row * 2 + 1]!
      kept++
    }
    this.droppedCount += count - kept
    return kept
  }

  #isDroppedAt(timeMs: number): boolean {
    const { startTimeMs, endTimeMs } = this.#dropped!
    return timeMs >= startTimeMs && timeMs <= endTimeMs
  }
}

function splitMetric(metric: number, partCount: number): Slice[] {
  const size = hashEnd / BigInt(partCount) + 1n
  return Array.from({ length: partCount }, (_, part) => {
    const from = BigInt(part) * size
    const last = from + size - 1n
    const until = last < hashEnd ? last : hashEnd - 1n
    return { metrics: [metric], condition: ` AND series >= ${from} AND series <= ${until}` }
  })
}

/** Whether chunks are as few as they can be: one a span, or full. */
function arePacked(chunks: readonly PackedChunk[]): boolean {
  for (let index = 1; index < chunks.length; index++) {
    const before = chunks[index - 1]!
    const { startTimeMs } = chunks[index]!
    if (startTimeMs <= before.lastTimeMs) return false
    const isSameSpan = spanOf(startTimeMs) === spanOf(before.startTimeMs)
    if (isSameSpan && before.count < chunkRowsMax) return false
  }
  return true
}

function identityOf({ series, metric }: Group): SeriesIdentity {
  return { high: Number(series >> 32n), low: Number(series & 0xffffffffn), metric }
}

function chunkAt(block: NativeBlock, row: number): StoredChunk {
  const texts = block.columns[5] as ByteTexts
  return {
    startTimeMs: Number((block.columns[1] as BigInt64Array)[row]!),
    lastTimeMs: Number((block.columns[2] as BigInt64Array)[row]!),
    count: (block.columns[3] as Uint32Array)[row]!,
    kind: (block.columns[4] as Uint8Array)[row]!,
    data: texts.bytes.subarray(texts.starts[row]!, texts.ends[row]!),
    bytes: texts.bytes,
    at: texts.starts[row]!,
  }
}

function onDay(day: number): string {
  return `start >= ${day * dayMs} AND start < ${(day + 1) * dayMs}`
}
