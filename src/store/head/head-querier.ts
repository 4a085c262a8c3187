/** The questions of `Querier` answered from a head alone. */

import type { Selection, SeriesColumns } from '../../model/flow.ts'
import { compareText, type Labels } from '../../model/labels.ts'
import type { SeriesId } from '../../model/sample.ts'
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
  const out = { timeMs: new Float64Array(total), value: new Float64Array(total), at: 0 }
  const answer: SeriesColumns[] = []
  for (let index = 0; index < ids.length; index++) {
    const count = counts[index]!
    if (count === 0) continue
    const at = out.at
    head.copy(ids[index]!, { startTimeMs, endTimeMs }, out)
    answer.push({
      labels: head.index.labelsOf(ids[index]!),
      count,
      timeMs: out.timeMs.subarray(at, at + count),
      value: out.value.subarray(at, at + count),
    })
  }
  return answer
}

/** Numbers of the series with at least one sample in the range. */
function seriesInRange(head: Head, selection: Selection): SeriesId[] {
  const found: SeriesId[] = []
  for (const id of head.index.match(selection.matchers)) {
    if (head.hasSample(id, selection.startTimeMs, selection.endTimeMs)) found.push(id)
  }
  return found
}

/** Label sets with at least one sample in the range. */
export function seriesFromHead(head: Head, selection: Selection): Labels[] {
  return seriesInRange(head, selection).map((id) => head.index.labelsOf(id))
}

/** Label names, sorted. Without matchers every name that memory knows. */
export function labelNamesFromHead(head: Head, selection: Selection): string[] {
  const { index } = head
  const names = new Set<number>()
  if (selection.matchers.length === 0) {
    for (const name of index.postings.names()) names.add(name)
  } else {
    for (const id of seriesInRange(head, selection)) {
      const symbols = index.symbolsOf(id)
      for (let at = 0; at < symbols.length; at += 2) names.add(symbols[at]!)
    }
  }
  return [...names].map((symbol) => index.symbols.textOf(symbol)).sort(compareText)
}

/** Values of a label, sorted. Without matchers every value that memory knows. */
export function labelValuesFromHead(head: Head, name: string, selection: Selection): string[] {
  const { index } = head
  const nameSymbol = index.symbols.find(name)
  const values = new Set<number>()
  if (selection.matchers.length === 0) {
    for (const value of index.postings.values(nameSymbol)) values.add(value)
  } else {
    for (const id of seriesInRange(head, selection)) {
      const value = index.valueOf(id, nameSymbol)
      if (value >= 0) values.add(value)
    }
  }
  return [...values].map((symbol) => index.symbols.textOf(symbol)).sort(compareText)
}
