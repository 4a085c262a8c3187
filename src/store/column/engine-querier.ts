/** The questions of `Querier` answered from the engine: what lies behind memory. */

import type { Selection, SeriesColumns } from '../../model/flow.ts'
import { Labels, metricNameLabel } from '../../model/labels.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'
import { bitsOf } from '../../model/sample.ts'
import { storeErrors } from '../errors.ts'
import { hashMetric } from '../head/series-index.ts'
import type { Engine } from './engine.ts'
import type { NativeBlock } from './native.ts'
import { inNumbers, quoteSql, sqlTime } from './sql-text.ts'
import { dayMs } from './tables.ts'

/** Label sets that one query may touch. */
const seriesCountMax = 1_000_000
/** More series than this are not named in a query: their metrics are read and the rest is dropped here. */
const namedSeriesMax = 5_000

interface FoundSeries {
  labels: Labels
  metric: number
}

/** Series and samples of the engine. */
export class EngineQuerier {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Samples with start ≤ time ≤ end, in time order, equal times once. */
  async select(selection: Selection): Promise<SeriesColumns[]> {
    const found = await this.#findSeries(selection)
    if (found.size === 0) return []
    const limit = selection.sampleCountMax
    const metrics = new Set<number>()
    for (const series of found.values()) metrics.add(series.metric)
    const conditions = [
      inNumbers('metric', metrics),
      `time >= ${sqlTime(selection.startTimeMs)}`,
      `time <= ${sqlTime(selection.endTimeMs)}`,
    ]
    const isNamed = found.size <= namedSeriesMax
    if (isNamed) conditions.push(inNumbers('series', found.keys()))
    // Rows that occur twice or belong to other series do not count, hence the room to spare.
    const rowLimit = limit === undefined ? '' : ` LIMIT ${(isNamed ? 2 : 10) * limit + 1}`
    const blocks = await this.#engine.query(
      `SELECT series, time, value FROM sample WHERE ${conditions.join(' AND ')}${rowLimit}`,
      selection.signal,
    )
    const answer = new SampleGatherer(blocks, found).gather()
    const count = answer.reduce((sum, series) => sum + series.count, 0)
    if (limit !== undefined && (count > limit || isCut(blocks, rowLimit))) {
      throw storeErrors.TOO_MANY_SAMPLES({ limit })
    }
    return answer
  }

  /** Label sets on the days of the range. */
  async series(selection: Selection): Promise<Labels[]> {
    return [...(await this.#findSeries(selection)).values()].map((series) => series.labels)
  }

  async #findSeries(selection: Selection): Promise<Map<bigint, FoundSeries>> {
    const { matchers } = selection
    const conditions = [
      `day >= ${sqlTime(Math.floor(selection.startTimeMs / dayMs))}`,
      `day <= ${sqlTime(Math.floor(selection.endTimeMs / dayMs))}`,
    ]
    for (const matcher of matchers) conditions.push(...conditionsOf(matcher))
    const blocks = await this.#engine.query(
      `SELECT series, any(metric), any(names), any(texts) FROM series WHERE ${conditions.join(' AND ')} GROUP BY series LIMIT ${seriesCountMax + 1}`,
      selection.signal,
    )
    const found = new Map<bigint, FoundSeries>()
    let rowCount = 0
    for (const block of blocks) {
      const [hash, metric, names, texts] = block.columns as [
        BigUint64Array,
        Uint32Array,
        string[][],
        string[][],
      ]
      rowCount += block.rowCount
      for (let row = 0; row < block.rowCount; row++) {
        const labels = labelsFromColumns(names[row]!, texts[row]!)
        if (matchesAll(matchers, labels)) found.set(hash[row]!, { labels, metric: metric[row]! })
      }
    }
    if (rowCount > seriesCountMax) throw storeErrors.TOO_MANY_SERIES({ limit: seriesCountMax })
    return found
  }
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

  gather(): SeriesColumns[] {
    const runs = new Map<bigint, Run[]>()
    this.#blocks.forEach((block, index) => {
      this.#findRuns(block, index, runs)
    })
    const answer: SeriesColumns[] = []
    for (const [hash, list] of runs) {
      const found = this.#found.get(hash)
      if (found !== undefined) answer.push({ labels: found.labels, ...this.#join(list) })
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

  #join(runs: readonly Run[]): Omit<SeriesColumns, 'labels'> {
    const count = runs.reduce((sum, run) => sum + run.to - run.from, 0)
    const timeMs = new Float64Array(count)
    const value = new Float64Array(count)
    let at = 0
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
