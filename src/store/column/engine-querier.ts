/** The questions of `Querier` answered from the engine: what lies behind memory. */

import type { Selection, SeriesColumns } from '../../model/flow.ts'
import { Labels, metricNameLabel } from '../../model/labels.ts'
import { formatMatcher, type Matcher, matchesAll } from '../../model/matcher.ts'
import { bitsOf } from '../../model/sample.ts'
import { storeErrors } from '../errors.ts'
import { hashMetric } from '../head/series-index.ts'
import { joinColumns } from '../join-columns.ts'
import { type ColumnPair, ColumnPool } from './column-pool.ts'
import type { Engine } from './engine.ts'
import type { NativeBlock } from './native.ts'
import { inNumbers, quoteSql, sqlTime } from './sql-text.ts'
import { dayMs } from './tables.ts'
import {
  type HashedColumns,
  packWindow,
  placesOf,
  type SampleWindow,
  unpackPlace,
  WindowCache,
  windowMs,
} from './window-cache.ts'

/** Label sets that one query may touch. */
const seriesCountMax = 1_000_000
/** More series than this are not named in a query: their metrics are read and the rest is dropped here. */
const namedSeriesMax = 5_000

/** Windows that one read may be made of: half a year. Longer ones are read as a whole. */
const windowCountMax = 4_400
/** Label sets of former answers that are kept; a dashboard asks for the same again and again. */
const seriesKeptMax = 50_000

interface FoundSeries {
  labels: Labels
  metric: number
}

/** The series of former questions, the oldest first; valid until the engine's rows change. */
class KeptSeries {
  readonly #entries = new Map<string, ReadonlyMap<bigint, FoundSeries>>()
  #changeCount = 0
  #seriesCount = 0

  find(key: string, changeCount: number): ReadonlyMap<bigint, FoundSeries> | undefined {
    if (changeCount === this.#changeCount) return this.#entries.get(key)
    this.#changeCount = changeCount
    this.#entries.clear()
    this.#seriesCount = 0
    return undefined
  }

  /** `changeCount` is the one from before the question. */
  keep(key: string, changeCount: number, found: ReadonlyMap<bigint, FoundSeries>): void {
    if (changeCount !== this.#changeCount || this.#entries.has(key)) return
    if (found.size > seriesKeptMax) return
    this.#entries.set(key, found)
    this.#seriesCount += found.size + 1
    for (const [oldest, series] of this.#entries) {
      if (this.#seriesCount <= seriesKeptMax) break
      this.#entries.delete(oldest)
      this.#seriesCount -= series.size + 1
    }
  }
}

/** Series and samples of the engine. */
export class EngineQuerier {
  readonly #engine: Engine
  readonly #kept = new KeptSeries()
  readonly #windows: WindowCache
  readonly #pool = new ColumnPool()
  /** Which columns an answer lies in. */
  readonly #lent = new WeakMap<readonly SeriesColumns[], ColumnPair>()

  /** `cacheBytesMax` tells how much of what was read may be kept. */
  constructor(engine: Engine, cacheBytesMax: () => number) {
    this.#windows = new WindowCache(cacheBytesMax)
    this.#engine = engine
  }

  /**
   * Samples with start ≤ time ≤ end, in time order, equal times once, and behind them what memory has of
   * the same and other series. What is asked for lies behind memory.
   */
  async select(selection: Selection, recent: readonly SeriesColumns[]): Promise<SeriesColumns[]> {
    const found = await this.#findSeries(selection)
    if (found.size === 0) return [...recent]
    const { startTimeMs, endTimeMs } = selection
    const firstWindow = Math.floor(startTimeMs / windowMs)
    const windowEnd = Math.floor(endTimeMs / windowMs) + 1
    const isLong = windowEnd - firstWindow >= 2 && windowEnd - firstWindow <= windowCountMax
    const answer = isLong
      ? await this.#selectWindows(selection, found, { firstWindow, windowEnd, recent })
      : joinColumns(labelled(await this.#read(selection, found), found), recent)
    const limit = selection.sampleCountMax ?? Infinity
    const count = answer.reduce((sum, series) => sum + series.count, 0)
    if (count > limit) throw storeErrors.TOO_MANY_SAMPLES({ limit })
    return answer
  }

  /** The columns of an answer may be used again. */
  release(answer: readonly SeriesColumns[]): void {
    const pair = this.#lent.get(answer)
    if (pair === undefined) return
    this.#lent.delete(answer)
    this.#pool.give(pair)
  }

  /** Windows from the cache or to it; of the last one as much as is asked for, at least. */
  async #selectWindows(
    selection: Selection,
    found: ReadonlyMap<bigint, FoundSeries>,
    span: { firstWindow: number; windowEnd: number; recent: readonly SeriesColumns[] },
  ): Promise<SeriesColumns[]> {
    const selector = selection.matchers.map(formatMatcher).sort().join(',')
    const { removalCount } = this.#engine
    const { startTimeMs, endTimeMs } = selection
    const { recent } = span
    const keyOf = (window: number): string => `${selector} ${window}`
    const untilOf = (window: number): number => Math.min((window + 1) * windowMs, endTimeMs + 1)
    const windows: SampleWindow[] = []
    const missing: number[] = []
    const readMissing = async (): Promise<void> => {
      const [first] = missing
      if (first === undefined) return
      const untilTimeMs = untilOf(missing.at(-1)!)
      const times = { startTimeMs: first * windowMs, endTimeMs: untilTimeMs - 1 }
      const rows = await this.#read({ ...selection, ...times }, found)
      const from = new Uint32Array(rows.length)
      for (const window of missing) {
        const packed = packWindow(rows, from, untilOf(window))
        this.#windows.keep(keyOf(window), packed, removalCount)
        windows.push(packed)
      }
      missing.length = 0
    }
    for (let window = span.firstWindow; window < span.windowEnd; window++) {
      const kept = this.#windows.find(keyOf(window), untilOf(window), removalCount)
      if (kept === undefined) {
        missing.push(window)
        continue
      }
      await readMissing()
      windows.push(kept)
      if (selection.report !== undefined) selection.report.cacheSampleCount += kept.values.length
    }
    await readMissing()
    let rowCount = 0
    for (const { values } of windows) rowCount += values.length
    for (const { count } of recent) rowCount += count
    const pair = this.#pool.take(rowCount)
    const answer = joinWindows(windows, pair, { recent, found, startTimeMs, endTimeMs })
    this.#lent.set(answer, pair)
    return answer
  }

  /** Rows of the series as the engine has them. */
  async #read(
    selection: Selection,
    found: ReadonlyMap<bigint, FoundSeries>,
  ): Promise<HashedColumns> {
    const limit = selection.sampleCountMax
    const metrics = new Set<number>()
    for (const series of found.values()) metrics.add(series.metric)
    const conditions = [
      inNumbers('metric', metrics),
      `time >= ${sqlTime(selection.startTimeMs)}`,
      `time <= ${sqlTime(selection.endTimeMs)}`,
    ]
    // A metric alone needs no list: all its series are wanted.
    const isWhole = selection.matchers.every(isMetricName)
    const isNamed = !isWhole && found.size <= namedSeriesMax
    if (isNamed) conditions.push(inNumbers('series', found.keys()))
    // Rows that occur twice or belong to other series do not count, hence the room to spare.
    const rowLimit =
      limit === undefined ? '' : ` LIMIT ${(isNamed || isWhole ? 2 : 10) * limit + 1}`
    const blocks = await this.#engine.query(
      `SELECT series, time, value FROM sample WHERE ${conditions.join(' AND ')}${rowLimit}`,
      selection.signal,
    )
    if (limit !== undefined && isCut(blocks, rowLimit)) {
      throw storeErrors.TOO_MANY_SAMPLES({ limit })
    }
    const gathered = new SampleGatherer(blocks, found).gather()
    const { report } = selection
    if (report !== undefined)
      for (const [, { count }] of gathered) report.engineSampleCount += count
    return gathered
  }

  /** Label sets on the days of the range. */
  async series(selection: Selection): Promise<Labels[]> {
    return [...(await this.#findSeries(selection)).values()].map((series) => series.labels)
  }

  async #findSeries(selection: Selection): Promise<ReadonlyMap<bigint, FoundSeries>> {
    const { matchers } = selection
    const conditions = [
      `day >= ${sqlTime(Math.floor(selection.startTimeMs / dayMs))}`,
      `day <= ${sqlTime(Math.floor(selection.endTimeMs / dayMs))}`,
    ]
    const key = [...conditions, ...matchers.map(formatMatcher)].join(' ')
    const { changeCount } = this.#engine
    const kept = this.#kept.find(key, changeCount)
    if (kept !== undefined) return kept
    for (const matcher of matchers) conditions.push(...conditionsOf(matcher))
    const blocks = await this.#engine.query(
      `SELECT series, any(metric), any(names), any(texts) FROM series WHERE ${conditions.join(' AND ')} GROUP BY series LIMIT ${seriesCountMax + 1}`,
      selection.signal,
    )
    const found = new Map<bigint, FoundSeries>()
    const texts = new Map<string, string>()
    const one = (text: string): string => {
      const known = texts.get(text)
      if (known !== undefined) return known
      texts.set(text, text)
      return text
    }
    let rowCount = 0
    for (const block of blocks) {
      const [hash, metric, names, values] = block.columns as [
        BigUint64Array,
        Uint32Array,
        string[][],
        string[][],
      ]
      rowCount += block.rowCount
      for (let row = 0; row < block.rowCount; row++) {
        const labels = labelsFromColumns(names[row]!.map(one), values[row]!.map(one))
        if (matchesAll(matchers, labels)) found.set(hash[row]!, { labels, metric: metric[row]! })
      }
    }
    if (rowCount > seriesCountMax) throw storeErrors.TOO_MANY_SERIES({ limit: seriesCountMax })
    this.#kept.keep(key, changeCount, found)
    return found
  }
}

function isMetricName(matcher: Matcher): boolean {
  return matcher.name === metricNameLabel && matcher.operator === '='
}

/** The part of a matcher that any server can evaluate; the whole of it is tested again here. */
export function conditionsOf(matcher: Matcher): string[] {
  const literals = matcher.operator === '=~' ? matcher.pattern?.literals : undefined
  const values = matcher.operator === '=' ? [matcher.value] : literals
  if (values === undefined || values.includes('')) return []
  if (matcher.name === metricNameLabel) return [inNumbers('metric', values.map(hashMetric))]
  const list = values.map(quoteSql).join(',')
  return [`texts[indexOf(names, ${quoteSql(matcher.name)})] IN (${list})`]
}

/** A label set from the engine's two lists. */
export function labelsFromColumns(names: readonly string[], texts: readonly string[]): Labels {
  const pairs: string[] = []
  for (let index = 0; index < names.length; index++) pairs.push(names[index]!, texts[index]!)
  return new Labels(pairs)
}

function isCut(blocks: readonly NativeBlock[], rowLimit: string): boolean {
  const rowCount = blocks.reduce((sum, block) => sum + block.rowCount, 0)
  return rowLimit !== '' && rowCount >= Number(rowLimit.slice(' LIMIT '.length))
}

/** Series over windows, cut at both ends, then what memory has of them. All lie in one pair. */
function joinWindows(
  windows: readonly SampleWindow[],
  pair: ColumnPair,
  parts: {
    recent: readonly SeriesColumns[]
    found: ReadonlyMap<bigint, FoundSeries>
    startTimeMs: number
    endTimeMs: number
  },
): SeriesColumns[] {
  const recentOf = new Map<string, SeriesColumns>()
  for (const series of parts.recent) recentOf.set(series.labels.key, series)
  const out = { ...pair, at: 0 }
  const answer: SeriesColumns[] = []
  const places = windows.map((window) => placesOf(window, parts.found))
  let index = -1
  for (const { labels } of parts.found.values()) {
    index++
    let from = out.at
    for (let at = 0; at < windows.length; at++) {
      const place = places[at]![index]!
      if (place >= 0) unpackPlace(windows[at]!, place, out)
    }
    while (from < out.at && out.timeMs[from]! < parts.startTimeMs) from++
    while (from < out.at && out.timeMs[out.at - 1]! > parts.endTimeMs) out.at--
    const newest = recentOf.get(labels.key)
    if (newest !== undefined) {
      recentOf.delete(labels.key)
      out.timeMs.set(newest.timeMs.subarray(0, newest.count), out.at)
      out.value.set(newest.value.subarray(0, newest.count), out.at)
      out.at += newest.count
    }
    if (from === out.at) continue
    const timeMs = out.timeMs.subarray(from, out.at)
    const value = out.value.subarray(from, out.at)
    answer.push({ labels, count: out.at - from, timeMs, value })
  }
  for (const series of recentOf.values()) answer.push(series)
  return answer
}

function labelled(answer: HashedColumns, found: ReadonlyMap<bigint, FoundSeries>): SeriesColumns[] {
  return answer.map(([hash, columns]) => ({ labels: found.get(hash)!.labels, ...columns }))
}

interface Run {
  block: number
  from: number
  to: number
}

/**
 * Rows as the engine's parts have them become series. A part is sorted by series and time, so rows
 * come in runs; a series is the runs of its parts, sorted only if these overlap in time.
 */
class SampleGatherer {
  readonly #blocks: readonly NativeBlock[]
  readonly #found: ReadonlyMap<bigint, FoundSeries>

  constructor(blocks: readonly NativeBlock[], found: ReadonlyMap<bigint, FoundSeries>) {
    this.#blocks = blocks
    this.#found = found
  }

  gather(): HashedColumns {
    const runs = new Map<bigint, Run[]>()
    this.#blocks.forEach((block, index) => {
      this.#findRuns(block, index, runs)
    })
    const answer: [bigint, Omit<SeriesColumns, 'labels'>][] = []
    for (const [hash, list] of runs) {
      if (this.#found.has(hash)) answer.push([hash, this.#join(list)])
    }
    return answer
  }

  #findRuns(block: NativeBlock, blockIndex: number, runs: Map<bigint, Run[]>): void {
    const hashes = block.columns[0] as BigUint64Array
    const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2)
    let from = 0
    for (let row = 1; row <= block.rowCount; row++) {
      const isSame =
        row < block.rowCount &&
        halves[row * 2] === halves[row * 2 - 2] &&
        halves[row * 2 + 1] === halves[row * 2 - 1]
      if (isSame) continue
      const hash = hashes[from]!
      const run = { block: blockIndex, from, to: row }
      const list = runs.get(hash)
      if (list === undefined) runs.set(hash, [run])
      else list.push(run)
      from = row
    }
  }

  #join(runs: Run[]): Omit<SeriesColumns, 'labels'> {
    const count = runs.reduce((sum, run) => sum + run.to - run.from, 0)
    const timeMs = new Float64Array(count)
    const value = new Float64Array(count)
    let at = 0
    const startOf = ({ block, from }: Run): number =>
      Number((this.#blocks[block]!.columns[1] as BigInt64Array)[from])
    // Parts are read side by side and come in any order; each is in order.
    if (runs.length > 1) runs.sort((a, b) => startOf(a) - startOf(b))
    for (const { block, from, to } of runs) {
      const [, times, values] = this.#blocks[block]!.columns as [
        BigUint64Array,
        BigInt64Array,
        Float64Array,
      ]
      copyTimes({ times, from, to }, timeMs, at)
      value.set(values.subarray(from, to), at)
      at += to - from
    }
    return isAscending(timeMs) ? { count, timeMs, value } : sortUnique(timeMs, value)
  }
}

/** Int64 to float64 through halves: BigInt costs an allocation a row. */
function copyTimes(
  rows: { times: BigInt64Array; from: number; to: number },
  target: Float64Array,
  at: number,
): void {
  const { times, from, to } = rows
  const low = new Uint32Array(times.buffer, times.byteOffset, times.length * 2)
  const high = new Int32Array(times.buffer, times.byteOffset, times.length * 2)
  for (let row = from; row < to; row++) {
    target[at + row - from] = high[row * 2 + 1]! * 4_294_967_296 + low[row * 2]!
  }
}

function isAscending(timeMs: Float64Array): boolean {
  for (let row = 1; row < timeMs.length; row++) if (timeMs[row]! <= timeMs[row - 1]!) return false
  return true
}

/** Sorts rows by time and keeps one of each. */
function sortUnique(timeMs: Float64Array, value: Float64Array): Omit<SeriesColumns, 'labels'> {
  const order = Uint32Array.from(timeMs, (_, row) => row)
  order.sort((a, b) => timeMs[a]! - timeMs[b]!)
  const sortedTimeMs = new Float64Array(timeMs.length)
  const sortedValue = new Float64Array(timeMs.length)
  const bits = bitsOf(value)
  const sortedBits = bitsOf(sortedValue)
  let count = 0
  for (const row of order) {
    if (count > 0 && sortedTimeMs[count - 1] === timeMs[row]) continue
    sortedTimeMs[count] = timeMs[row]!
    sortedBits[count * 2] = bits[row * 2]!
    sortedBits[count * 2 + 1] = bits[row * 2 + 1]!
    count++
  }
  return { count, timeMs: sortedTimeMs, value: sortedValue }
}
