/**
 * What detection at work knows of the data of a rule at an instant, found out afterwards: whether what
 * it measures had an answer, when each series last spoke, and whether it took its leave.
 */

import type { Querier, SeriesColumns } from '../../model/flow.ts'
import { emptyLabels } from '../../model/labels.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import type { QueryAnswer, QueryEngine } from '../../query/query.ts'
import type { ReadSelector } from '../arrival.ts'
import { type Condition, findCondition } from '../condition.ts'
import type { NoDataParts } from '../no-data.ts'
import { endOf, PastAnswers, type Stretch } from './past-answers.ts'
import type { RecordedSeries } from './recorded-series.ts'

/** Silence is looked for in series that spoke this long before a stretch. */
const reachMs = 3_600_000

/** One rule's data over a stretch. Set `timeMs` before asking. */
export class PastData implements NoDataParts {
  timeMs = 0
  readonly engine: NoDataParts['engine']
  readonly appender: NoDataParts['appender']
  readonly #series: SeriesColumns[]
  readonly #recorded: RecordedSeries

  /** Reads everything that may be asked. */
  static async read(
    rule: { expression: string; selectors: readonly ReadSelector[] },
    from: { engine: QueryEngine; querier: RecordedSeries; stretch: Stretch; signal: AbortSignal },
  ): Promise<PastData> {
    const { engine, querier, stretch, signal } = from
    const answers = new Map<string, PastAnswers>()
    for (const expression of ['up == 0', ...listLeaves(findCondition(rule.expression))]) {
      if (answers.has(expression) || engine.prepare(expression).valueType === 'scalar') continue
      answers.set(expression, await PastAnswers.ask(engine, expression, { stretch, signal }))
    }
    const series = await readSeries(rule.selectors, { querier, stretch, signal })
    return new PastData(answers, series, querier)
  }

  private constructor(
    answers: ReadonlyMap<string, PastAnswers>,
    series: SeriesColumns[],
    recorded: RecordedSeries,
  ) {
    this.#series = series
    this.#recorded = recorded
    this.engine = {
      prepare: (expression) => {
        const known = answers.get(expression)
        return {
          valueType: known === undefined ? 'scalar' : 'vector',
          evaluateRecent: (timeMs) => known && answerOf(known, timeMs),
        }
      },
    }
    this.appender = { labelsOf: (seriesId) => series[seriesId]?.labels ?? emptyLabels }
  }

  /** Called apart from its object, hence no method. */
  readonly index: NoDataParts['index'] = () => ({ listSeries: () => this.#listSeries() })

  #listSeries(): { seriesId: number; lastTimeMs: number; isEnded: boolean }[] {
    const found: { seriesId: number; lastTimeMs: number; isEnded: boolean }[] = []
    for (const [seriesId, { labels, timeMs, value, count }] of this.#series.entries()) {
      const row = lastUntil(timeMs, count, this.timeMs)
      if (row < 0) continue
      const isStale = isStaleAt(bitsOf(value), row)
      const isEnded = isStale && !this.#recorded.isSilentEnd(labels, timeMs[row]!)
      // At work the second is kept, no more.
      found.push({ seriesId, lastTimeMs: Math.floor(timeMs[row]! / 1000) * 1000, isEnded })
    }
    return found
  }
}

function listLeaves(condition: Condition): string[] {
  if (condition.type === 'leaf') return [condition.expression]
  return condition.type === 'always' ? [] : condition.parts.flatMap(listLeaves)
}

async function readSeries(
  selectors: readonly ReadSelector[],
  from: { querier: Querier; stretch: Stretch; signal: AbortSignal },
): Promise<SeriesColumns[]> {
  const { querier, stretch, signal } = from
  const byKey = new Map<string, SeriesColumns>()
  for (const { matchers, rangeMs, offsetMs } of selectors) {
    const backMs = rangeMs + Math.max(0, offsetMs) + reachMs
    const selection = {
      matchers,
      startTimeMs: stretch.startTimeMs - backMs,
      endTimeMs: endOf(stretch),
      signal,
    }
    for (const series of await querier.select(selection)) {
      const known = byKey.get(series.labels.key)
      if (known === undefined || known.count < series.count) byKey.set(series.labels.key, series)
    }
  }
  return [...byKey.values()]
}

function answerOf(answers: PastAnswers, timeMs: number): QueryAnswer {
  return {
    value: { type: 'vector', timeMs, elements: [...answers.at(timeMs)] },
    warnings: [],
    infos: [],
    stats: { sampleCount: 0, seriesCount: 0, elapsedMs: 0 },
  }
}

/** Place of the last sample at or before a time; -1 when there is none. */
function lastUntil(column: Float64Array, count: number, timeMs: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (column[middle]! <= timeMs) low = middle + 1
    else high = middle
  }
  return low - 1
}
