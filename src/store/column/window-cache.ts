/**
 * Samples of the engine that were read lately, unpacked already: decoding them again costs twenty times
 * what copying costs, and a dashboard asks for the same hours again and again.
 *
 * Kept are windows of one hour of everything that a selector selects. What lies behind memory never
 * changes (the head takes nothing older, and truncates only what was flushed), so a window stays true
 * until rows are removed. A row takes 8 bytes of value and 2 of time: the distance to the row before,
 * or 4 when one is longer than 65 s.
 */

import type { SeriesColumns } from '../../model/flow.ts'
import { storeMetrics } from '../metrics.ts'

/** Span of a window; starts are multiples of it. */
export const windowMs = 3_600_000

/** Bytes that a series costs in a window besides its rows. */
const seriesBytes = 80

/** One window of a selector: rows of each series behind each other. */
export interface SampleWindow {
  /** Up to where it is whole, exclusive: its end, or where memory began when it was read. */
  readonly untilTimeMs: number
  /** Which place a series has, by its hash. */
  readonly places: ReadonlyMap<bigint, number>
  /** Where the rows of a place begin; one more entry than places. */
  readonly starts: Uint32Array
  readonly firstTimeMs: Float64Array
  /** Milliseconds since the row before; 0 for the first. */
  readonly distances: Uint16Array | Uint32Array
  readonly values: Float64Array
  readonly bytes: number
  /** The places in the order of the list that was asked for last. */
  ordered: { hashes: ReadonlyMap<bigint, unknown>; places: Int32Array } | undefined
}

/** Samples of a series by its hash, as the engine answered them. */
export type HashedColumns = readonly (readonly [bigint, Omit<SeriesColumns, 'labels'>])[]

/** The rows of a window: those before `untilTimeMs`. `from` holds where each series goes on; it is moved. */
export function packWindow(
  series: HashedColumns,
  from: Uint32Array,
  untilTimeMs: number,
): SampleWindow {
  const ends = new Uint32Array(series.length)
  let rowCount = 0
  let placeCount = 0
  let longest = 0
  for (let index = 0; index < series.length; index++) {
    const { timeMs, count } = series[index]![1]
    let row = from[index]!
    if (row < count && timeMs[row]! < untilTimeMs) {
      placeCount++
      for (row++; row < count && timeMs[row]! < untilTimeMs; row++) {
        const distance = timeMs[row]! - timeMs[row - 1]!
        if (distance > longest) longest = distance
      }
    }
    ends[index] = row
    rowCount += row - from[index]!
  }
  const places = new Map<bigint, number>()
  const starts = new Uint32Array(placeCount + 1)
  const firstTimeMs = new Float64Array(placeCount)
  const distances = longest > 65_535 ? new Uint32Array(rowCount) : new Uint16Array(rowCount)
  const values = new Float64Array(rowCount)
  let at = 0
  for (let index = 0; index < series.length; index++) {
    const first = from[index]!
    const end = ends[index]!
    from[index] = end
    if (first === end) continue
    const [hash, { timeMs, value }] = series[index]!
    const place = places.size
    places.set(hash, place)
    firstTimeMs[place] = timeMs[first]!
    values.set(value.subarray(first, end), at)
    for (let row = first + 1; row < end; row++) {
      distances[at + row - first] = timeMs[row]! - timeMs[row - 1]!
    }
    at += end - first
    starts[place + 1] = at
  }
  const bytes = values.byteLength + distances.byteLength + placeCount * seriesBytes
  const rows = { starts, firstTimeMs, distances, values }
  return { untilTimeMs, places, ...rows, bytes, ordered: undefined }
}

/** The place of each hash in order, -1 where the window has none. The same map asks again and again. */
export function placesOf(window: SampleWindow, hashes: ReadonlyMap<bigint, unknown>): Int32Array {
  if (window.ordered?.hashes === hashes) return window.ordered.places
  const places = new Int32Array(hashes.size)
  let index = 0
  for (const hash of hashes.keys()) places[index++] = window.places.get(hash) ?? -1
  window.ordered = { hashes, places }
  return places
}

/** Copies a place's rows behind `out.at`; moves it. */
export function unpackPlace(
  window: SampleWindow,
  place: number,
  out: { timeMs: Float64Array; value: Float64Array; at: number },
): void {
  const { distances } = window
  const from = window.starts[place]!
  const to = window.starts[place + 1]!
  const { timeMs } = out
  let at = out.at
  let time = window.firstTimeMs[place]!
  out.value.set(window.values.subarray(from, to), at)
  for (let row = from; row < to; row++) {
    time += distances[row]!
    timeMs[at++] = time
  }
  out.at = at
}

/** Windows by selector and start; what was not used for longest goes first. */
export class WindowCache {
  readonly #entries = new Map<string, SampleWindow>()
  readonly #bytesMax: () => number
  #bytes = 0
  #removalCount = 0

  /** `bytesMax` is asked each time, since settings change. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax
  }

  /** A window that was kept and is whole up to `untilTimeMs`; `removalCount` as the engine has it now. */
  find(key: string, untilTimeMs: number, removalCount: number): SampleWindow | undefined {
    if (removalCount !== this.#removalCount) {
      this.#removalCount = removalCount
      this.#entries.clear()
      this.#bytes = 0
      storeMetrics.readCacheBytes.set(0)
    }
    const window = this.#entries.get(key)
    const isKept = window !== undefined && window.untilTimeMs >= untilTimeMs
    storeMetrics.readWindows.inc({ outcome: isKept ? 'kept' : 'read' })
    if (!isKept) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, window)
    return window
  }

  /** Keeps a window that was read when `removalCount` was as given. */
  keep(key: string, window: SampleWindow, removalCount: number): void {
    const bytesMax = this.#bytesMax()
    if (removalCount !== this.#removalCount || window.bytes > bytesMax) return
    const before = this.#entries.get(key)
    this.#entries.delete(key)
    this.#entries.set(key, window)
    this.#bytes += window.bytes - (before?.bytes ?? 0)
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= bytesMax) break
      this.#entries.delete(oldest)
      this.#bytes -= bytes
    }
    storeMetrics.readCacheBytes.set(this.#bytes)
  }
}
