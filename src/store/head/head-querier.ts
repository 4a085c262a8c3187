/** The questions of `Querier` answered from a head alone. */

import type { Selection, SeriesColumns } from '../../model/flow.ts'
import { compareText, type Labels } from '../../model/labels.ts'
import { storeErrors } from '../errors.ts'
import type { Head } from './head.ts'

/** Samples of all series that fulfil the selection. Two columns are shared by all answers. */
export function selectFromHead(head: Head, selection: Selection): SeriesColumns[] {
  const { startTimeMs, endTimeMs } = selection
  const ids = head.index.match(selection.matchers)
  const counts = new Uint32Array(ids.length)
  let total = 0
  for (let index = 0; index < ids.length; index++) {
    const count = head.count(ids[index]!, startTimeMs, endTimeMs)
    counts[index] = count
    total += count
  }
  if (total > (selection.sampleCountMax ?? Infinity)) {
    throw storeErrors.TOO_MANY_SAMPLES({ limit: selection.sampleCountMax! })
  }
  if (selection.report !== undefined) selection.report.memorySampleCount += total
  const out = { timeMs: new Float64Array(total), value: new Float64Array(total), at: 0 }
  const answer: SeriesColumns[] = []
  for (let index = 0; index < ids.length; index++) {
    const count = counts[index]!
    if (count === 0) continue
    const at = out.at
    head.copy(ids[index]!, { startTimeMs, endTimeMs }, out)
    const series: SeriesColumns = {
      labels: head.index.labelsOf(ids[index]!),
      count,
      timeMs: out.timeMs.subarray(at, at + count),
      value: out.value.subarray(at, at + count),
    }
    const histogram = head.histograms.columnOf(ids[index]!, series)
    if (histogram !== undefined) series.histogram = histogram
    answer.push(series)
  }
  return answer
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
