/**
 * The chunks of a day, series by series, for those who go through all of it: metric by metric in slices of
 * some ten megabytes, a large metric by ranges of its series' hashes.
 */

import type { Engine } from './engine.ts'
import type { SeriesIdentity, PackedChunk } from './chunk-file.ts'
import { FloatChunkDecoder } from '../chunk/float-chunk.ts'
import { ByteReader } from '../chunk/varint.ts'
import { bitsOf } from '../../model/sample.ts'
import type { ByteTexts, NativeBlock } from './native.ts'
import { areAscending, sortRows } from './ordered-rows.ts'
import { inNumbers } from './sql-text.ts'
import { dayMs } from './tables.ts'

/** Bytes of chunks that are read at once. */
const sliceBytes = 24 << 20
/** One more than the largest hash. */
const hashEnd = 2n ** 64n

/** A chunk where it stands in an answer. */
export interface StoredChunk extends PackedChunk {
  bytes: Uint8Array
  at: number
}

/** Chunks of one series. */
export interface SeriesChunks {
  series: bigint
  identity: SeriesIdentity
  chunks: StoredChunk[]
}

/** Conditions of the questions that a day is read with, in order. */
export async function listSlices(engine: Engine, day: number): Promise<string[]> {
  const blocks = await engine.query(
    `SELECT metric, toUInt64(sum(length(data) + 40)) AS bytes FROM chunk WHERE ${onDay(day)} GROUP BY metric ORDER BY metric`,
  )
  const slices: string[] = []
  let metrics: number[] = []
  let openBytes = 0
  const close = (): void => {
    if (metrics.length > 0) slices.push(`${inNumbers('metric', metrics)} AND ${onDay(day)}`)
    metrics = []
    openBytes = 0
  }
  for (const block of blocks) {
    const [ids, sizes] = block.columns as [Uint32Array, BigUint64Array]
    for (let row = 0; row < block.rowCount; row++) {
      const bytes = Number(sizes[row]!)
      if (openBytes + bytes > sliceBytes) close()
      if (bytes > sliceBytes) {
        const parts = splitHashes(Math.ceil(bytes / sliceBytes))
        slices.push(...parts.map((part) => `metric = ${ids[row]!} AND ${part} AND ${onDay(day)}`))
        continue
      }
      metrics.push(ids[row]!)
      openBytes += bytes
    }
  }
  close()
  return slices
}

/** The series of a slice, each with its chunks in order of their start. */
export async function readSlice(engine: Engine, slice: string): Promise<SeriesChunks[]> {
  const blocks = await engine.query(
    `SELECT series, start, last, count, kind, data, metric FROM chunk WHERE ${slice} ORDER BY metric, series, start`,
    undefined,
    { areTextsBytes: true },
  )
  const groups: SeriesChunks[] = []
  let open: SeriesChunks | undefined
  for (const block of blocks) {
    const series = block.columns[0] as BigUint64Array
    const metric = block.columns[6] as Uint32Array
    for (let row = 0; row < block.rowCount; row++) {
      const isSame = series[row] === open?.series && metric[row] === open?.identity.metric
      if (open === undefined || !isSame) {
        const hash = series[row]!
        open = { series: hash, identity: identityOf(hash, metric[row]!), chunks: [] }
        groups.push(open)
      }
      open.chunks.push(chunkAt(block, row))
    }
  }
  return groups
}

/** Unpacks the floats of series. Holds scratch space: columns are valid until the next call. */
export class SeriesDecoder {
  readonly #decoder = new FloatChunkDecoder()
  #reader = new ByteReader(new Uint8Array(0))
  timeMs = new Float64Array(8_192)
  value = new Float64Array(8_192)

  /** Rows of chunks in order of time, equal times once; answers how many. */
  decode(floats: readonly StoredChunk[]): number {
    const total = floats.reduce((sum, { count }) => sum + count, 0)
    if (this.timeMs.length < total) {
      this.timeMs = new Float64Array(total * 2)
      this.value = new Float64Array(total * 2)
    }
    const columns = { timeMs: this.timeMs, value: this.value }
    const out = { ...columns, bits: bitsOf(columns.value), at: 0 }
    for (const { bytes, at, startTimeMs, count } of floats) {
      if (this.#reader.bytes !== bytes) this.#reader = new ByteReader(bytes)
      this.#reader.at = at
      this.#decoder.decode(this.#reader, { startTimeMs, count, needed: count }, out)
      out.at += count
    }
    const range = { ...columns, from: 0, to: total }
    return areAscending(range) ? total : sortRows(range)
  }
}

/** What a chunk of the day fulfils. */
export function onDay(day: number): string {
  return `start >= ${day * dayMs} AND start < ${(day + 1) * dayMs}`
}

/** Conditions that cut the series of a metric into parts of about the same size. */
export function splitHashes(partCount: number): string[] {
  const size = hashEnd / BigInt(partCount) + 1n
  return Array.from({ length: partCount }, (_, part) => {
    const from = BigInt(part) * size
    const last = from + size > hashEnd ? hashEnd - 1n : from + size - 1n
    return `series >= ${from} AND series <= ${last}`
  })
}

function identityOf(series: bigint, metric: number): SeriesIdentity {
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
