/**
 * The samples of a rule test: the input series, and beside them what the rules record. Nobody sees
 * past the present instant.
 */

import type { Clock } from '../../base/clock.ts'
import type {
  AppendResult,
  Appender,
  MetricMetadata,
  Querier,
  Selection,
  SeriesColumns,
} from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import type { SampleBatch, SeriesId } from '../../model/sample.ts'
import { ScriptStore } from '../../query/query.ts'
import { MemoryStore } from '../../store/store.ts'

/** Input and recorded series as one. */
export class BenchStore implements Appender, Querier {
  readonly input = new ScriptStore()
  readonly #recorded: MemoryStore
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
    this.#recorded = new MemoryStore({ clock, isTimeChecked: false })
  }

  get seriesEpoch(): number {
    return this.#recorded.seriesEpoch
  }

  seriesId(labels: Labels): SeriesId {
    return this.#recorded.seriesId(labels)
  }

  labelsOf(seriesId: SeriesId): Labels {
    return this.#recorded.labelsOf(seriesId)
  }

  /** Calls `listener` whenever something was recorded. */
  onAppend(listener: () => void): void {
    this.#recorded.subscribe({ onSeries: () => undefined, onSamples: listener })
  }

  append(batch: SampleBatch): Promise<AppendResult> {
    return this.#recorded.append(batch)
  }

  /** Tests have no log lines. */
  async appendLogs(): Promise<void> {
    return
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.#recorded.setMetadata(metric, metadata)
  }

  async select(selection: Selection): Promise<SeriesColumns[]> {
    return this.selectRecent(selection)
  }

  selectRecent(selection: Selection): SeriesColumns[] {
    const endTimeMs = Math.min(selection.endTimeMs, this.#clock.nowTimeMs())
    const visible = { ...selection, endTimeMs }
    return join(this.input.selectRecent(visible), this.#recorded.selectRecent(visible))
  }

  async series(selection: Selection): Promise<Labels[]> {
    return this.selectRecent(selection).map(({ labels }) => labels)
  }

  async labelNames(selection: Selection): Promise<string[]> {
    const names = new Set<string>()
    for (const { pairs } of await this.series(selection))
      for (let index = 0; index < pairs.length; index += 2) names.add(pairs[index]!)
    return [...names].sort()
  }

  async labelValues(name: string, selection: Selection): Promise<string[]> {
    const values = new Set((await this.series(selection)).map((labels) => labels.get(name)))
    values.delete('')
    return [...values].sort()
  }

  metadata(metric?: string): Map<string, MetricMetadata> {
    return this.#recorded.metadata(metric)
  }
}

/** All series of both; of a series in both, recorded samples count at equal times. */
function join(
  input: readonly SeriesColumns[],
  recorded: readonly SeriesColumns[],
): SeriesColumns[] {
  const joined = new Map(recorded.map((series) => [series.labels.key, series]))
  for (const series of input) {
    const other = joined.get(series.labels.key)
    joined.set(series.labels.key, other === undefined ? series : joinTwo(series, other))
  }
  return [...joined.values()]
}

function joinTwo(input: SeriesColumns, recorded: SeriesColumns): SeriesColumns {
  const rows = new Map<number, { from: SeriesColumns; index: number }>()
  for (const from of [input, recorded]) {
    for (let index = 0; index < from.count; index++) rows.set(from.timeMs[index]!, { from, index })
  }
  const sorted = [...rows].sort(([a], [b]) => a - b)
  const value = new Float64Array(sorted.length)
  for (const [row, [, { from, index }]] of sorted.entries()) {
    // A piece of the column, not a number: a stale marker must keep its bits.
    value.set(from.value.subarray(index, index + 1), row)
  }
  return {
    labels: input.labels,
    count: sorted.length,
    timeMs: Float64Array.from(sorted, ([timeMs]) => timeMs),
    value,
    ...(input.histogram === undefined && recorded.histogram === undefined
      ? {}
      : { histogram: sorted.map(([, { from, index }]) => from.histogram?.[index]) }),
  }
}
