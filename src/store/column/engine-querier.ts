/** The questions of `Querier` answered from the engine: what lies behind memory. */

import type { Selection, SeriesColumns, SeriesVisitor } from '../../model/flow.ts'
import { type Labels, metricNameLabel } from '../../model/labels.ts'
import { formatMatcher, type Matcher, matchesAll } from '../../model/matcher.ts'
import { visitAll } from '../../model/visit-all.ts'
import { storeErrors } from '../errors.ts'
import { hashMetric } from '../head/series-index.ts'
import {
  ChunkCache,
  type ChunkTable,
  chunkColumns,
  makeEmptyTable,
  splitSpans,
} from './chunk-table.ts'
import { type ColumnPair, ColumnPool } from './column-pool.ts'
import type { Engine } from './engine.ts'
import { labelsFromColumns } from './label-columns.ts'
import type { RollupBook } from './rollup-book.ts'
import { type SpanVersions, spanOf } from './span-versions.ts'
import { inNumbers, quoteSql, sqlTime } from './sql-text.ts'
import { chunkSpanMs, dayMs, rollupLevels } from './tables.ts'
import { RollupUnpacker } from './unpack-rollups.ts'
import { countRows, TableUnpacker, weighRows } from './unpack-tables.ts'

/** Label sets that one query may touch. */
const seriesCountMax = 1_000_000
/** More series than this are not named in a query: their metrics are read and the rest is dropped here. */
const namedSeriesMax = 5_000

/** Chunks of more series than this are not kept: nobody asks for them again soon. */
const keptSeriesMax = 20_000
/** Spans that one read may be made of: a year. Longer ones are read as a whole. */
const spanCountMax = 1_464
/** From so many series on it is asked how many samples there are before they are read. */
const countedSeriesMin = 1_000
/** Samples that occur twice or lie beside the range do not count against the limit, hence room to spare. */
const spareFactor = 2
/** Label sets of former answers that are kept; a dashboard asks for the same again and again. */
const seriesKeptMax = 50_000

interface FoundSeries {
  labels: Labels
  metric: number
}

type RollupLevel = (typeof rollupLevels)[number]

/** A table, whether it was kept, and the rollup that it is of. */
interface ReadTable {
  table: ChunkTable
  isKept: boolean
  level: RollupLevel | undefined
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
  readonly #versions: SpanVersions
  readonly #rollups: RollupBook
  readonly #cache: ChunkCache
  /** Lends columns to answers. */
  readonly pool = new ColumnPool()
  /** Which columns an answer lies in. */
  readonly #lent = new WeakMap<readonly SeriesColumns[], readonly ColumnPair[]>()

  /** `cacheBytesMax` tells how much of what was read may be kept. */
  constructor(parts: {
    engine: Engine
    versions: SpanVersions
    rollups: RollupBook
    cacheBytesMax: () => number
  }) {
    this.#engine = parts.engine
    this.#rollups = parts.rollups
    this.#versions = parts.versions
    this.#cache = new ChunkCache(parts.cacheBytesMax)
  }

  /**
   * Samples with start ≤ time ≤ end, in time order, equal times once, and behind them what memory has of
   * the same and other series. What is asked for lies behind memory.
   */
  async select(selection: Selection, recent: readonly SeriesColumns[]): Promise<SeriesColumns[]> {
    const found = await this.#findSeries(selection)
    if (found.size === 0) return [...recent]
    const rolled = await this.#selectRolled(selection, found, recent)
    if (rolled !== undefined) return rolled
    const unpacker = await this.#openTables(selection, found, recent)
    const answer = await unpacker.unpack(recent, selection.signal)
    this.#lent.set(answer, unpacker.pairs)
    return answer
  }

  /** The same, series by series. */
  async visit(
    selection: Selection,
    recent: readonly SeriesColumns[],
    visitor: SeriesVisitor,
  ): Promise<void> {
    const found = await this.#findSeries(selection)
    const whole = found.size === 0 ? recent : await this.#selectRolled(selection, found, recent)
    if (whole !== undefined) return await visitAll(whole, visitor)
    const unpacker = await this.#openTables(selection, found, recent)
    visitor.expect(found.size + recent.length)
    await unpacker.visit(recent, visitor, selection.signal)
  }

  /** The chunks of all samples, ready to be unpacked. */
  async #openTables(
    selection: Selection,
    found: ReadonlyMap<bigint, FoundSeries>,
    recent: readonly SeriesColumns[],
  ): Promise<TableUnpacker> {
    const tables = await this.#readTables(selection, found, () => undefined)
    const { startTimeMs, endTimeMs, report } = selection
    const limit = selection.sampleCountMax ?? Infinity
    const range = { found, startTimeMs, endTimeMs }
    let rowCount = 0
    let weight = 0
    for (const { table, isKept } of tables) {
      const count = countRows(table, range)
      weight += weighRows(table, range)
      rowCount += count
      if (report === undefined) continue
      if (isKept) report.cacheSampleCount += count
      else report.engineSampleCount += count
    }
    if (weight > limit) throw storeErrors.TOO_MANY_SAMPLES({ limit })
    for (const { count } of recent) rowCount += count
    return new TableUnpacker(
      tables.map(({ table }) => table),
      range,
      { take: (count) => this.pool.take(count), rowCount, rowCountMax: limit },
    )
  }

  /** From rollups, where days have them and the question allows it; `undefined` when all samples must be read. */
  async #selectRolled(
    selection: Selection,
    found: ReadonlyMap<bigint, FoundSeries>,
    recent: readonly SeriesColumns[],
  ): Promise<SeriesColumns[] | undefined> {
    const { buckets, startTimeMs, endTimeMs, report } = selection
    if (buckets === undefined) return undefined
    const fitting = rollupLevels.filter((level) => buckets.lengthMs % level.bucketMs === 0)
    const levelOf = (span: number): RollupLevel | undefined => {
      const levels = this.#rollups.levelsOf(dayOf(span))
      return fitting.find((level) => levels?.includes(level.bucketMs))
    }
    const [firstSpan, lastSpan] = [spanOf(startTimeMs), spanOf(endTimeMs)]
    let isAnyRolled = false
    if (!(lastSpan - firstSpan < spanCountMax)) return undefined
    for (let span = firstSpan; span <= lastSpan && !isAnyRolled; span++) {
      isAnyRolled = levelOf(span) !== undefined
    }
    if (!isAnyRolled) return undefined
    const tables = await this.#readTables(selection, found, levelOf)
    const rolled = tables.filter(({ level }) => level !== undefined)
    // Rollups that were true when they were asked for may have been on their way out.
    const areTrue = rolled.every(({ table, level }) => levelOf(table.span) === level)
    if (rolled.length === 0 || !areTrue) return undefined
    const range = { found, startTimeMs, endTimeMs }
    const unpacker = new RollupUnpacker(
      tables.map(({ table }) => table),
      { ...range, areFallsNeeded: buckets.areFallsNeeded },
    )
    const answer = await unpacker.unpack(recent, selection.signal)
    if (answer === undefined) return undefined
    const limit = selection.sampleCountMax ?? Infinity
    const count = answer.reduce((sum, series) => sum + series.count, 0)
    if (count > limit) throw storeErrors.TOO_MANY_SAMPLES({ limit })
    if (report !== undefined) {
      for (const { table, isKept } of tables) {
        if (isKept) report.cacheSampleCount += countRows(table, range)
        else report.engineSampleCount += countRows(table, range)
      }
    }
    return answer
  }

  /** The columns of an answer may be used again. */
  release(answer: readonly SeriesColumns[]): void {
    const pairs = this.#lent.get(answer)
    if (pairs === undefined) return
    this.#lent.delete(answer)
    for (const pair of pairs) this.pool.give(pair)
  }

  /** Tables of the range in order, from the cache or to it. */
  async #readTables(
    selection: Selection,
    found: ReadonlyMap<bigint, FoundSeries>,
    levelOf: (span: number) => RollupLevel | undefined,
  ): Promise<ReadTable[]> {
    const tables: ReadTable[] = []
    const firstSpan = spanOf(selection.startTimeMs)
    const spanCount = spanOf(selection.endTimeMs) - firstSpan + 1
    if (found.size > keptSeriesMax || !(spanCount <= spanCountMax)) {
      const read = await this.#read(selection, { selection, found, level: undefined })
      for (const table of read.values()) tables.push({ table, isKept: false, level: undefined })
      return tables.sort((a, b) => a.table.span - b.table.span)
    }
    const selector = selection.matchers.map(formatMatcher).sort().join(',')
    const { removalCount } = this.#engine
    const keyOf = (span: number, level: RollupLevel | undefined): string =>
      `${selector} ${span} ${level?.bucketMs}`
    const states = new Map<number, { version: number; removalCount: number }>()
    const missing: { span: number; level: RollupLevel | undefined }[] = []
    for (let span = firstSpan; span < firstSpan + spanCount; span++) {
      const state = { version: this.#versions.of(span), removalCount }
      const level = levelOf(span)
      const table = this.#cache.find(keyOf(span, level), state)
      if (table !== undefined) tables.push({ table, isKept: true, level })
      else {
        states.set(span, state)
        missing.push({ span, level })
      }
    }
    for (const run of runsOf(missing)) {
      const startTimeMs = run[0]!.span * chunkSpanMs
      const endTimeMs = (run.at(-1)!.span + 1) * chunkSpanMs - 1
      const { level } = run[0]!
      const read = await this.#read({ startTimeMs, endTimeMs }, { selection, found, level })
      for (const { span } of run) {
        const table = read.get(span) ?? makeEmptyTable(span)
        this.#cache.keep(keyOf(span, level), table, states.get(span)!)
        tables.push({ table, isKept: false, level })
      }
    }
    return tables.sort((a, b) => a.table.span - b.table.span)
  }

  /** Chunks of the series that overlap the range, by span. */
  async #read(
    range: { startTimeMs: number; endTimeMs: number },
    asked: {
      selection: Selection
      found: ReadonlyMap<bigint, FoundSeries>
      level: RollupLevel | undefined
    },
  ): Promise<Map<number, ChunkTable>> {
    const { selection, found, level } = asked
    const metrics = new Set<number>()
    for (const series of found.values()) metrics.add(series.metric)
    const conditions = [
      inNumbers('metric', metrics),
      `start >= ${sqlTime(range.startTimeMs - chunkSpanMs)}`,
      `start <= ${sqlTime(range.endTimeMs)}`,
      `last >= ${sqlTime(range.startTimeMs)}`,
    ]
    // A metric alone needs no list: all its series are wanted.
    const isWhole = selection.matchers.every(isMetricName)
    if (!isWhole && found.size <= namedSeriesMax) {
      conditions.push(inNumbers('series', found.keys()))
    }
    if (level !== undefined)
      conditions.push(inNumbers('kind', [level.rows, level.extremes, level.ordinals]))
    const where = conditions.join(' AND ')
    if (level === undefined) await this.#checkSize(where, range, { selection, found })
    const blocks = await this.#engine.query(
      `SELECT ${chunkColumns} FROM ${level === undefined ? 'chunk' : 'rollup'} WHERE ${where}`,
      selection.signal,
      { areTextsBytes: true },
    )
    return splitSpans(blocks, found)
  }

  /** What would be far beyond the limit is not read at all. */
  async #checkSize(
    where: string,
    { startTimeMs, endTimeMs }: { startTimeMs: number; endTimeMs: number },
    asked: { selection: Selection; found: ReadonlyMap<bigint, FoundSeries> },
  ): Promise<void> {
    const limit = asked.selection.sampleCountMax
    if (limit === undefined || asked.found.size < countedSeriesMin) return
    // Of a chunk that reaches beyond the range the part within it, as if samples came evenly.
    const within = `least(last, ${sqlTime(endTimeMs)}) - greatest(start, ${sqlTime(startTimeMs)}) + 1`
    const blocks = await this.#engine.query(
      `SELECT toFloat64(sum(count * (${within}) / (last - start + 1))) FROM chunk WHERE ${where}`,
      asked.selection.signal,
    )
    const count = (blocks[0]?.columns[0] as Float64Array | undefined)?.[0] ?? 0
    if (count > spareFactor * limit) throw storeErrors.TOO_MANY_SAMPLES({ limit })
  }

  /** Label sets on the days of the range. */
  async series(selection: Selection): Promise<Labels[]> {
    return [...(await this.#findSeries(selection)).values()].map((series) => series.labels)
  }

  /** The hashes of those. */
  async hashes(selection: Selection): Promise<Iterable<bigint>> {
    return (await this.#findSeries(selection)).keys()
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
    // In the order of chunks: what is unpacked next lies behind, and sums add up in the same order every time.
    const blocks = await this.#engine.query(
      `SELECT series, any(metric) AS place, any(names), any(texts) FROM series WHERE ${conditions.join(' AND ')} GROUP BY series ORDER BY place, series LIMIT ${seriesCountMax + 1}`,
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

/** Spans of one level that follow each other, together. */
function runsOf<One extends { span: number; level: RollupLevel | undefined }>(
  spans: readonly One[],
): One[][] {
  const runs: One[][] = []
  for (const one of spans) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (before?.span === one.span - 1 && before.level === one.level) run!.push(one)
    else runs.push([one])
  }
  return runs
}

/** The day that a span lies in. */
function dayOf(span: number): number {
  return Math.floor((span * chunkSpanMs) / dayMs)
}
