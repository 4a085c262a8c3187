/** A store for test scripts: series in memory, read as the real store is read. */

import type { LoadedSeries, LoadCommand } from './parse-script.ts'
import type { MetricMetadata, Querier, Selection, SeriesColumns } from '../../model/flow.ts'
import { customBoundsSchema, type Histogram } from '../../model/histogram.ts'
import type { Labels } from '../../model/labels.ts'
import { matchesAll } from '../../model/matcher.ts'
import { bitsOf, setStaleAt } from '../../model/sample.ts'
import { isReset } from '../promql/histogram/arithmetic.ts'
import { noBuckets } from '../promql/histogram/bucket.ts'
import { firstAfter } from '../promql/look.ts'
import { parsePlainNumber } from '../promql/literal.ts'
import type { SeriesValue } from './series-line.ts'

interface Point {
  value: Exclude<SeriesValue, undefined>
  startTimeMs: number
}

interface StoredSeries {
  labels: Labels
  points: Map<number, Point>
  /** Made when first read; dropped when a point is added. */
  columns: SeriesColumns | undefined
}

/** Holds what `load` commands bring. */
export class ScriptStore implements Querier {
  readonly #series = new Map<string, StoredSeries>()

  /** Drops everything. */
  clear(): void {
    this.#series.clear()
  }

  /** Adds one sample. */
  add(labels: Labels, timeMs: number, value: Point['value']): void {
    this.#pointsOf(labels).set(timeMs, { value, startTimeMs: 0 })
  }

  /** Adds a `load` command's samples; the last of equal series and times counts. */
  load(command: LoadCommand): void {
    const last = new Map<string, LoadedSeries>()
    for (const series of command.series) last.set(series.labels.key, series)
    for (const series of last.values()) this.#addLine(series, command.intervalMs)
    if (command.hasNative) this.#addNative([...last.values()], command.intervalMs)
  }

  #addLine(series: LoadedSeries, intervalMs: number): void {
    const points = this.#pointsOf(series.labels)
    series.values.forEach((value, index) => {
      if (value === undefined) return
      const timeMs = index * intervalMs
      const offsetMs = series.startOffsets?.[index]
      points.set(timeMs, { value, startTimeMs: offsetMs === undefined ? 0 : timeMs + offsetMs })
    })
  }

  #pointsOf(labels: Labels): Map<number, Point> {
    let held = this.#series.get(labels.key)
    if (held === undefined) {
      held = { labels, points: new Map(), columns: undefined }
      this.#series.set(labels.key, held)
    }
    held.columns = undefined
    return held.points
  }

  /** Classic histograms as native ones with custom bounds. */
  #addNative(lines: readonly LoadedSeries[], intervalMs: number): void {
    const made = new Map<string, { labels: Labels; steps: Map<number, ClassicParts> }>()
    for (const line of lines) {
      const match = /^(.+)_(bucket|count|sum)$/.exec(line.labels.get('__name__'))
      if (match === null) continue
      const upper = match[2] === 'bucket' ? parsePlainNumber(line.labels.get('le')) : undefined
      if (match[2] === 'bucket' && upper === undefined) continue
      const labels = line.labels.with('__name__', match[1]!).with('le', '')
      const target = made.get(labels.key) ?? { labels, steps: new Map<number, ClassicParts>() }
      made.set(labels.key, target)
      line.values.forEach((value, index) => {
        if (typeof value !== 'number') return
        const parts = target.steps.get(index) ?? { bounds: new Map(), count: undefined, sum: 0 }
        target.steps.set(index, parts)
        if (upper !== undefined) parts.bounds.set(upper, value)
        else if (match[2] === 'count') parts.count = value
        else parts.sum = value
      })
    }
    for (const { labels, steps } of made.values()) {
      const points = this.#pointsOf(labels)
      for (const [index, parts] of steps)
        points.set(index * intervalMs, { value: toNative(parts), startTimeMs: 0 })
    }
  }

  select(selection: Selection): Promise<SeriesColumns[]> {
    return Promise.resolve(this.selectRecent(selection))
  }

  selectRecent(selection: Selection): SeriesColumns[] {
    const found: SeriesColumns[] = []
    for (const stored of this.#series.values()) {
      const { labels } = stored
      if (!matchesAll(selection.matchers, labels)) continue
      stored.columns ??= toColumns(labels, stored.points)
      const { columns } = stored
      const from = firstAfter(columns.timeMs, columns.count, selection.startTimeMs - 1)
      const to = firstAfter(columns.timeMs, columns.count, selection.endTimeMs)
      if (from >= to) continue
      const { histogram, startTimeMs } = columns
      found.push({
        labels,
        count: to - from,
        timeMs: columns.timeMs.slice(from, to),
        value: columns.value.slice(from, to),
        ...(histogram === undefined ? {} : { histogram: histogram.slice(from, to) }),
        ...(startTimeMs === undefined ? {} : { startTimeMs: startTimeMs.slice(from, to) }),
      })
    }
    return found
  }

  async series(selection: Selection): Promise<Labels[]> {
    return this.selectRecent(selection).map((columns) => columns.labels)
  }

  async labelNames(selection: Selection): Promise<string[]> {
    const names = new Set<string>()
    for (const { labels } of this.selectRecent(selection))
      for (let index = 0; index < labels.pairs.length; index += 2) names.add(labels.pairs[index]!)
    return [...names].sort()
  }

  async labelValues(name: string, selection: Selection): Promise<string[]> {
    const values = new Set<string>()
    for (const { labels } of this.selectRecent(selection)) values.add(labels.get(name))
    values.delete('')
    return [...values].sort()
  }

  metadata(): Map<string, MetricMetadata> {
    return new Map()
  }
}

interface ClassicParts {
  bounds: Map<number, number>
  count: number | undefined
  sum: number
}

function toNative(parts: ClassicParts): Histogram {
  const bounds = [...parts.bounds].sort((a, b) => a[0] - b[0])
  const count = parts.count ?? bounds[bounds.length - 1]?.[1] ?? 0
  if (bounds[bounds.length - 1]?.[0] !== Infinity) bounds.push([Infinity, count])
  const counts = bounds.map(([, total], index) => total - (bounds[index - 1]?.[1] ?? 0))
  const index = counts.map((_, place) => place).filter((place) => counts[place] !== 0)
  return {
    schema: customBoundsSchema,
    count,
    sum: parts.sum,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { index, count: index.map((place) => counts[place]!) },
    negative: noBuckets,
    customBounds: bounds.slice(0, -1).map(([upper]) => upper),
    resetHint: 'unknown',
  }
}

function toColumns(labels: Labels, points: ReadonlyMap<number, Point>): SeriesColumns {
  const sorted = [...points].sort((a, b) => a[0] - b[0])
  const value = new Float64Array(sorted.length)
  const bits = bitsOf(value)
  const histogram: (Histogram | undefined)[] = new Array(sorted.length).fill(undefined)
  const startTimeMs = new Float64Array(sorted.length)
  sorted.forEach(([, point], index) => {
    if (point.value === 'stale') setStaleAt(bits, index)
    else if (typeof point.value === 'number') value[index] = point.value
    else histogram[index] = point.value
    startTimeMs[index] = point.startTimeMs
  })
  addHints(histogram)
  return {
    labels,
    count: sorted.length,
    timeMs: Float64Array.from(sorted, ([timeMs]) => timeMs),
    value,
    ...(histogram.some((found) => found !== undefined) ? { histogram } : {}),
    ...(startTimeMs.some((start) => start !== 0) ? { startTimeMs } : {}),
  }
}

/** As Prometheus's store does: a sample that goes on from the one before says so. */
function addHints(histogram: (Histogram | undefined)[]): void {
  for (let index = histogram.length - 1; index > 0; index--) {
    const current = histogram[index]
    const previous = histogram[index - 1]
    if (current?.resetHint !== 'unknown' || previous === undefined) continue
    const goesOn = previous.resetHint !== 'gauge' && !isReset(current, previous)
    if (goesOn) histogram[index] = { ...current, resetHint: 'not-reset' }
  }
}
