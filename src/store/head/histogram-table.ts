/**
 * Native histograms in memory. The samples of a series stand in its chunks with the mark of a histogram
 * as value (model/sample.ts); their bytes stand here, by series and time, packed one behind another.
 * Only series that have histograms cost anything.
 */

import { crc32 } from 'node:zlib'
import type { Histogram } from '../../model/histogram.ts'
import {
  bitsOf,
  isHistogramAt,
  type SampleBatch,
  type SeriesId,
  setHistogramAt,
} from '../../model/sample.ts'
import { packHistogram, unpackHistogram } from '../chunk/histogram-bytes.ts'

/** A batch on its way through the store: histograms packed, by row, so that it is done once. */
export interface PackedBatch extends SampleBatch {
  packed?: (Uint8Array | undefined)[]
}

/** The batch with its histograms packed and their rows marked, so that equal ones have equal bits. */
export function packHistograms(batch: PackedBatch): PackedBatch {
  const { histogram, count } = batch
  if (histogram === undefined || batch.packed !== undefined) return batch
  const packed: (Uint8Array | undefined)[] = []
  const bits = bitsOf(batch.value)
  for (let row = 0; row < count; row++) {
    const one = histogram[row]
    if (one === undefined) continue
    const bytes = packHistogram(keepHint(one))
    packed[row] = bytes
    setHistogramAt(bits, row, crc32(bytes))
  }
  return { ...batch, packed }
}

/**
 * "No reset since the sample before" is about the sender's sample before, which need not be ours: it may
 * have been refused, or come later. So it is not kept, as Prometheus does not keep it, and readers compare.
 */
function keepHint(histogram: Histogram): Histogram {
  return histogram.resetHint === 'not-reset' ? { ...histogram, resetHint: 'unknown' } : histogram
}

/** Bytes of a batch's histograms. */
export function packedBytes(batch: PackedBatch): number {
  let size = 0
  if (batch.packed !== undefined) for (const bytes of batch.packed) size += bytes?.length ?? 0
  return size
}

/** What a track costs beside its columns. */
const trackBytes = 200

/** The histograms of one series, by time. Places before `from` were let go. */
class Track {
  timeMs = new Float64Array(8)
  /** Where a histogram's bytes end; they begin where those before end. */
  end = new Uint32Array(8)
  bytes = new Uint8Array(1_024)
  from = 0
  to = 0

  get memoryBytes(): number {
    return trackBytes + this.timeMs.byteLength + this.end.byteLength + this.bytes.length
  }

  /** First place whose time is ≥ `timeMs`. */
  lowerBound(timeMs: number): number {
    let low = this.from
    let high = this.to
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.timeMs[middle]! < timeMs) low = middle + 1
      else high = middle
    }
    return low
  }

  at(place: number): Uint8Array {
    return this.bytes.subarray(this.#startOf(place), this.end[place]!)
  }

  bytesIn(startTimeMs: number, endTimeMs: number): number {
    const first = this.lowerBound(startTimeMs)
    const last = this.lowerBound(endTimeMs + 1) - 1
    return last < first ? 0 : this.end[last]! - this.#startOf(first)
  }

  put(timeMs: number, bytes: Uint8Array): void {
    const place = this.lowerBound(timeMs)
    if (place === this.to) {
      this.#append(timeMs, bytes)
      return
    }
    // Out of order, or again: what lies behind is written again.
    const rest: [number, Uint8Array][] = []
    for (let at = place; at < this.to; at++) {
      if (this.timeMs[at] !== timeMs) rest.push([this.timeMs[at]!, this.at(at).slice()])
    }
    this.to = place
    this.#append(timeMs, bytes)
    for (const [laterTimeMs, later] of rest) this.#append(laterTimeMs, later)
  }

  /** Lets go of what is before `timeMs`; answers whether anything is left. */
  truncate(timeMs: number): boolean {
    this.from = this.lowerBound(timeMs)
    if (this.from * 2 > this.to) this.#compact()
    return this.from < this.to
  }

  #append(timeMs: number, bytes: Uint8Array): void {
    const start = this.to === 0 ? 0 : this.end[this.to - 1]!
    if (this.to === this.timeMs.length) {
      const size = this.to + Math.max(8, this.to >> 1)
      const times = new Float64Array(size)
      times.set(this.timeMs)
      this.timeMs = times
      const ends = new Uint32Array(size)
      ends.set(this.end)
      this.end = ends
    }
    if (start + bytes.length > this.bytes.length) {
      const grown = new Uint8Array(Math.ceil((start + bytes.length) * 1.5))
      grown.set(this.bytes.subarray(0, start))
      this.bytes = grown
    }
    this.bytes.set(bytes, start)
    this.timeMs[this.to] = timeMs
    this.end[this.to] = start + bytes.length
    this.to++
  }

  #compact(): void {
    const start = this.#startOf(this.from)
    const count = this.to - this.from
    this.bytes = this.bytes.slice(start, count === 0 ? start : this.end[this.to - 1]!)
    this.timeMs = this.timeMs.slice(this.from, this.to)
    this.end = this.end.slice(this.from, this.to).map((end) => end - start)
    this.from = 0
    this.to = count
  }

  #startOf(place: number): number {
    return place === 0 ? 0 : this.end[place - 1]!
  }
}

/** All histograms of a head. */
export class HistogramTable {
  readonly #tracks = new Map<SeriesId, Track>()
  /** Bytes in use. */
  usedBytes = 0

  /** Whether a series has histograms. */
  has(id: SeriesId): boolean {
    return this.#tracks.has(id)
  }

  /** Keeps the histograms of rows that were applied; their times may come in any order. */
  apply(batch: PackedBatch): void {
    const { packed } = batch
    if (packed === undefined) return
    for (let row = 0; row < batch.count; row++) {
      const bytes = packed[row]
      if (bytes !== undefined) this.#put(batch.seriesId[row]!, batch.timeMs[row]!, bytes)
    }
  }

  /** The histograms of a series' rows; `undefined` when none of them is one. */
  columnOf(
    id: SeriesId,
    rows: { count: number; timeMs: Float64Array; value: Float64Array },
  ): (Histogram | undefined)[] | undefined {
    const track = this.#tracks.get(id)
    if (track === undefined) return undefined
    const bits = bitsOf(rows.value)
    let column: (Histogram | undefined)[] | undefined
    let place = -1
    for (let row = 0; row < rows.count; row++) {
      if (!isHistogramAt(bits, row)) continue
      const timeMs = rows.timeMs[row]!
      if (place < 0) place = track.lowerBound(timeMs)
      while (place < track.to && track.timeMs[place]! < timeMs) place++
      if (place === track.to || track.timeMs[place] !== timeMs) continue
      column ??= new Array<Histogram | undefined>(rows.count).fill(undefined)
      column[row] = unpackHistogram(track.at(place))
    }
    return column
  }

  /** Bytes of a series' histograms with start ≤ time ≤ end. */
  bytesIn(id: SeriesId, startTimeMs: number, endTimeMs: number): number {
    return this.#tracks.get(id)?.bytesIn(startTimeMs, endTimeMs) ?? 0
  }

  /** Lets go of a series' histograms before `timeMs`. */
  truncate(id: SeriesId, timeMs: number): void {
    const track = this.#tracks.get(id)
    if (track === undefined) return
    this.usedBytes -= track.memoryBytes
    if (track.truncate(timeMs)) this.usedBytes += track.memoryBytes
    else this.#tracks.delete(id)
  }

  #put(id: SeriesId, timeMs: number, bytes: Uint8Array): void {
    let track = this.#tracks.get(id)
    if (track === undefined) {
      track = new Track()
      this.#tracks.set(id, track)
    } else this.usedBytes -= track.memoryBytes
    track.put(timeMs, bytes)
    this.usedBytes += track.memoryBytes
  }
}
