/** The questions of `Querier` answered from a head alone. */

import type { Selection, SeriesColumns } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import { compareText, type Labels } from '../../model/labels.ts'
import { unpackHistogram, weighHistograms } from '../chunk/histogram-bytes.ts'
import type { ColumnPair } from '../column/column-pool.ts'
import { sortRows } from '../column/ordered-rows.ts'
import { storeErrors } from '../errors.ts'
import { matchesAll } from '../../model/matcher.ts'
import type { Head } from './head.ts'
import type { LateRun } from './late-rows.ts'

/** Samples of all series that fulfil the selection. Two columns are shared by all answers; `take` may lend them. */
export function selectFromHead(
  head: Head,
  selection: Selection,
  take: (rowCount: number) => ColumnPair = makeColumns,
): SeriesColumns[] {
  const { startTimeMs, endTimeMs } = selection
  const ids = findIds(head, selection)
  const counts = new Uint32Array(ids.length)
  const late = findLate(head, ids, selection)
  let total = 0
  let histogramBytes = 0
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index]!
    const count = head.chains.count(id, startTimeMs, endTimeMs) + (late?.get(id)?.count ?? 0)
    counts[index] = count
    total += count
    if (head.histograms.has(id)) {
      histogramBytes += head.histograms.bytesIn(id, startTimeMs, endTimeMs)
    }
  }
  if (total + weighHistograms(histogramBytes) > (selection.sampleCountMax ?? Infinity)) {
    throw storeErrors.TOO_MANY_SAMPLES({ limit: selection.sampleCountMax! })
  }
  if (selection.report !== undefined) selection.report.memorySampleCount += total
  const out = { ...take(total), at: 0 }
  const answer: SeriesColumns[] = []
  for (let index = 0; index < ids.length; index++) {
    if (counts[index] === 0) continue
    const id = ids[index]!
    const at = out.at
    head.chains.copy(id, { startTimeMs, endTimeMs }, out)
    const run = late?.get(id)
    if (run !== undefined) mergeLate(run, out, at)
    const series: SeriesColumns = {
      labels: head.index.labelsOf(id),
      count: out.at - at,
      timeMs: out.timeMs.subarray(at, out.at),
      value: out.value.subarray(at, out.at),
    }
    const histogram = histogramsOf(head, id, series, run)
    if (histogram !== undefined) series.histogram = histogram
    answer.push(series)
  }
  return answer
}

function makeColumns(rowCount: number): ColumnPair {
  return { timeMs: new Float64Array(rowCount), value: new Float64Array(rowCount) }
}

/** All series that fulfil the matchers, or those of a given few. */
function findIds(head: Head, { matchers, seriesIds }: Selection): Uint32Array {
  if (seriesIds === undefined) return head.index.match(matchers)
  return Uint32Array.from(seriesIds.filter((id) => matchesAll(matchers, head.index.labelsOf(id))))
}

/** Late rows of the range by series; `undefined` when there are none, which is nearly always. */
function findLate(
  head: Head,
  ids: Uint32Array,
  range: { startTimeMs: number; endTimeMs: number },
): Map<number, LateRun> | undefined {
  if (head.late.oldestTimeMs > range.endTimeMs) return undefined
  const found = new Map<number, LateRun>()
  for (const id of ids) {
    if (!head.late.has(id)) continue
    const run = head.late.read(id, range.startTimeMs, range.endTimeMs)
    if (run !== undefined) found.set(id, run)
  }
  return found.size === 0 ? undefined : found
}

/** Puts late rows between the rows from `from` on; those that memory has in both places count once. */
function mergeLate(
  run: LateRun,
  out: { timeMs: Float64Array; value: Float64Array; at: number },
  from: number,
): void {
  out.timeMs.set(run.timeMs.subarray(0, run.count), out.at)
  out.value.set(run.value.subarray(0, run.count), out.at)
  out.at = sortRows({ timeMs: out.timeMs, value: out.value, from, to: out.at + run.count })
}

function histogramsOf(
  head: Head,
  id: number,
  series: SeriesColumns,
  run: LateRun | undefined,
): (Histogram | undefined)[] | undefined {
  const column = head.histograms.columnOf(id, series)
  if (run?.packed === undefined) return column
  const filled = column ?? new Array<Histogram | undefined>(series.count).fill(undefined)
  for (let row = 0; row < series.count; row++) {
    const packed = run.packed.get(series.timeMs[row]!)
    if (packed !== undefined) filled[row] ??= unpackHistogram(packed)
  }
  return filled
}

/** Label sets with at least one sample in the range. */
export function seriesFromHead(head: Head, selection: Selection): Labels[] {
  const found: Labels[] = []
  for (const id of head.index.match(selection.matchers)) {
    if (!head.hasSample(id, selection.startTimeMs, selection.endTimeMs)) continue
    found.push(head.index.labelsOf(id))
  }
  return found
}

/** Label names of series with a sample in the range, sorted. */
export function labelNamesFromHead(head: Head, selection: Selection): string[] {
  const { index } = head
  const names = new Set<number>()
  if (selection.matchers.length === 0) {
    for (const name of index.postings.names()) {
      if (valuesInRange(head, name, selection).next().done !== true) names.add(name)
    }
  } else {
    for (const id of index.match(selection.matchers)) {
      if (!head.hasSample(id, selection.startTimeMs, selection.endTimeMs)) continue
      index.collectNames(id, names)
    }
  }
  return [...names].map((symbol) => index.symbols.textOf(symbol)).sort(compareText)
}

/** Values of a label of series with a sample in the range, sorted. */
export function labelValuesFromHead(head: Head, name: string, selection: Selection): string[] {
  const { index } = head
  const { startTimeMs, endTimeMs } = selection
  const nameSymbol = index.symbols.find(name)
  const values = new Set<number>()
  if (selection.matchers.length === 0) {
    for (const value of valuesInRange(head, nameSymbol, selection)) values.add(value)
  } else {
    for (const id of index.match(selection.matchers)) {
      const value = index.valueOf(id, nameSymbol)
      if (value < 0 || values.has(value)) continue
      if (head.hasSample(id, startTimeMs, endTimeMs)) values.add(value)
    }
  }
  return [...values].map((symbol) => index.symbols.textOf(symbol)).sort(compareText)
}

/** Symbols of a label's values in the range, by the postings: one series is enough, mostly the first. */
function* valuesInRange(head: Head, name: number, selection: Selection): Generator<number> {
  const { postings } = head.index
  for (const value of postings.values(name)) {
    const ids = postings.find(name, value)
    const hasSample = (id: number): boolean =>
      head.hasSample(id, selection.startTimeMs, selection.endTimeMs)
    if (ids.some(hasSample)) yield value
  }
}
