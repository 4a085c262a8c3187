/**
 * Chunks of one span (six hours) that a selector selects, as the engine has them: packed, about a byte a
 * sample, and unpacked at some nanoseconds a sample whenever a query asks. A dashboard asks for the same
 * hours again and again, so tables are kept while they are true: rows that come into a span change its version.
 */

import { storeMetrics } from '../metrics.ts'
import type { ByteTexts, NativeBlock } from './native.ts'
import { spanOf } from './span-versions.ts'

/** Bytes that a chunk costs beside its data, and a series beside its chunks. */
const chunkBytes = 33
const seriesBytes = 70

/** Columns of a query that `splitSpans` reads. */
export const chunkColumns = 'series, start, last, count, kind, data'

/** Chunks by series, in order of their start. */
export interface ChunkTable {
  readonly span: number
  /** Which place a series has, by its hash. */
  readonly places: ReadonlyMap<bigint, number>
  /** Where the chunks of a place begin; one more entry than places. */
  readonly starts: Uint32Array
  readonly startTimeMs: Float64Array
  readonly lastTimeMs: Float64Array
  readonly count: Uint32Array
  readonly kind: Uint8Array
  /** Where the bytes of a chunk begin in `data`. */
  readonly offset: Uint32Array
  readonly data: Uint8Array
  readonly memoryBytes: number
  /** The places in the order of the list that was asked for last. */
  ordered: { hashes: ReadonlyMap<bigint, unknown>; places: Int32Array } | undefined
}

/** The place of each hash in order, -1 where the table has none. The same map asks again and again. */
export function placesOf(table: ChunkTable, hashes: ReadonlyMap<bigint, unknown>): Int32Array {
  if (table.ordered?.hashes === hashes) return table.ordered.places
  const places = new Int32Array(hashes.size)
  let index = 0
  for (const hash of hashes.keys()) places[index++] = table.places.get(hash) ?? -1
  table.ordered = { hashes, places }
  return places
}

/** Rows of one span within the blocks of an answer. */
interface SpanRows {
  places: Map<bigint, number>
  place: number[]
  block: number[]
  row: number[]
  dataBytes: number
}

/** Tables of the spans that an answer has chunks of; rows of series that were not found are left out. */
export function splitSpans(
  blocks: readonly NativeBlock[],
  found: ReadonlyMap<bigint, unknown>,
): Map<number, ChunkTable> {
  const spans = new Map<number, SpanRows>()
  for (const [index, block] of blocks.entries()) collectRows(block, index, { found, spans })
  const tables = new Map<number, ChunkTable>()
  for (const [span, rows] of spans) tables.set(span, makeTable(span, rows, blocks))
  return tables
}

/** A table without chunks. */
export function makeEmptyTable(span: number): ChunkTable {
  const rows = { places: new Map(), place: [], block: [], row: [], dataBytes: 0 }
  return makeTable(span, rows, [])
}

function collectRows(
  block: NativeBlock,
  blockIndex: number,
  into: { found: ReadonlyMap<bigint, unknown>; spans: Map<number, SpanRows> },
): void {
  const hashes = block.columns[0] as BigUint64Array
  const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2)
  const starts = block.columns[1] as BigInt64Array
  const { starts: dataStarts, ends: dataEnds } = block.columns[5] as ByteTexts
  let isWanted = false
  let hash = 0n
  for (let row = 0; row < block.rowCount; row++) {
    const isSame =
      row > 0 &&
      halves[row * 2] === halves[row * 2 - 2] &&
      halves[row * 2 + 1] === halves[row * 2 - 1]
    if (!isSame) {
      hash = hashes[row]!
      isWanted = into.found.has(hash)
    }
    if (!isWanted) continue
    const span = spanOf(timeAt(starts, row))
    let rows = into.spans.get(span)
    if (rows === undefined) {
      rows = { places: new Map(), place: [], block: [], row: [], dataBytes: 0 }
      into.spans.set(span, rows)
    }
    let place = rows.places.get(hash)
    if (place === undefined) {
      place = rows.places.size
      rows.places.set(hash, place)
    }
    rows.place.push(place)
    rows.block.push(blockIndex)
    rows.row.push(row)
    rows.dataBytes += dataEnds[row]! - dataStarts[row]!
  }
}

function makeTable(span: number, rows: SpanRows, blocks: readonly NativeBlock[]): ChunkTable {
  const chunkCount = rows.row.length
  const placeCount = rows.places.size
  const order = orderRows(rows, blocks)
  const starts = new Uint32Array(placeCount + 1)
  const startTimeMs = new Float64Array(chunkCount)
  const lastTimeMs = new Float64Array(chunkCount)
  const count = new Uint32Array(chunkCount)
  const kind = new Uint8Array(chunkCount)
  const offset = new Uint32Array(chunkCount + 1)
  // Three bytes beyond the end may be read.
  const data = new Uint8Array(rows.dataBytes + 8)
  let at = 0
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    const index = order[chunk]!
    const row = rows.row[index]!
    const { columns } = blocks[rows.block[index]!]!
    const texts = columns[5] as ByteTexts
    startTimeMs[chunk] = timeAt(columns[1] as BigInt64Array, row)
    lastTimeMs[chunk] = timeAt(columns[2] as BigInt64Array, row)
    count[chunk] = (columns[3] as Uint32Array)[row]!
    kind[chunk] = (columns[4] as Uint8Array)[row]!
    data.set(texts.bytes.subarray(texts.starts[row]!, texts.ends[row]!), at)
    at += texts.ends[row]! - texts.starts[row]!
    offset[chunk + 1] = at
    starts[rows.place[index]! + 1] = chunk + 1
  }
  return {
    span,
    places: rows.places,
    starts,
    startTimeMs,
    lastTimeMs,
    count,
    kind,
    offset,
    data,
    memoryBytes: data.length + chunkCount * chunkBytes + placeCount * seriesBytes,
    ordered: undefined,
  }
}

/** Indexes of rows by place, then start. Parts of the engine are in order, so little is left to sort. */
function orderRows(rows: SpanRows, blocks: readonly NativeBlock[]): Uint32Array {
  const { place, block, row } = rows
  const order = Uint32Array.from(row, (_, index) => index)
  const times = Float64Array.from(row, (at, index) => {
    return timeAt(blocks[block[index]!]!.columns[1] as BigInt64Array, at)
  })
  let isOrdered = true
  for (let index = 1; index < order.length && isOrdered; index++) {
    const step = place[index]! - place[index - 1]!
    isOrdered = step > 0 || (step === 0 && times[index]! >= times[index - 1]!)
  }
  if (isOrdered) return order
  return order.sort((a, b) => place[a]! - place[b]! || times[a]! - times[b]! || a - b)
}

/** A time of a column of Int64. */
function timeAt(column: BigInt64Array, row: number): number {
  return Number(column[row]!)
}

/** Tables by selector and span; what was not used for longest goes first. */
export class ChunkCache {
  readonly #entries = new Map<string, { table: ChunkTable; version: number }>()
  readonly #bytesMax: () => number
  #bytes = 0
  #removalCount = 0

  /** `bytesMax` is asked each time, since settings change. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax
  }

  /** A table that was kept and is still true; `state` as the engine has it now. */
  find(key: string, state: { version: number; removalCount: number }): ChunkTable | undefined {
    if (state.removalCount !== this.#removalCount) {
      this.#removalCount = state.removalCount
      this.#entries.clear()
      this.#bytes = 0
      storeMetrics.readCacheBytes.set(0)
    }
    const kept = this.#entries.get(key)
    const isTrue = kept !== undefined && kept.version === state.version
    storeMetrics.readWindows.inc({ outcome: isTrue ? 'kept' : 'read' })
    if (!isTrue) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, kept)
    return kept.table
  }

  /** Keeps a table; `state` is the one from before it was read. */
  keep(key: string, table: ChunkTable, state: { version: number; removalCount: number }): void {
    const bytesMax = this.#bytesMax()
    if (state.removalCount !== this.#removalCount || table.memoryBytes > bytesMax) return
    const before = this.#entries.get(key)
    this.#entries.delete(key)
    this.#entries.set(key, { table, version: state.version })
    this.#bytes += table.memoryBytes - (before?.table.memoryBytes ?? 0)
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= bytesMax) break
      this.#entries.delete(oldest)
      this.#bytes -= entry.table.memoryBytes
    }
    storeMetrics.readCacheBytes.set(this.#bytes)
  }
}
