/**
 * Tells why an expression no longer answers an element: its condition is false ("present"), its data
 * stopped without a word ("silent"), or its series took their leave with a stale marker ("ended").
 *
 * Present: what the expression measures still has an element that fits the labels. Otherwise the
 * series that the rule reads are looked at: if all that spoke when the element was last answered have
 * ended, it ended; unless `up` of their target is 0, for a failed scrape ends series too and is
 * silence of the source.
 */

import type { Appender } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { SeriesId } from '../model/sample.ts'
import type { PreparedQuery } from '../query/query.ts'
import type { DataState, Element } from './alert-state.ts'
import type { ArrivalIndex } from './arrival.ts'
import { type Condition, findCondition } from './condition.ts'
import { elementsOf } from './elements.ts'

/** What the finder reads. */
export interface NoDataParts {
  engine: { prepare(expression: string): Pick<PreparedQuery, 'valueType' | 'evaluateRecent'> }
  appender: Pick<Appender, 'labelsOf'>
  /** The index in force; replaced at reload. */
  index(): Pick<ArrivalIndex, 'listSeries'>
}

/** Finds the state of the data of one rule. */
export class NoDataFinder {
  readonly #parts: NoDataParts
  readonly #condition: Condition
  readonly #queries = new Map<string, ReturnType<NoDataParts['engine']['prepare']> | undefined>()
  readonly #rangeMs: number

  constructor(query: PreparedQuery, parts: NoDataParts) {
    this.#parts = parts
    this.#condition = findCondition(query.expression)
    this.#rangeMs = Math.max(
      0,
      ...query.selectors.map((selector) => selector.rangeMs + Math.max(0, selector.offsetMs)),
    )
  }

  /** A function that answers for one instant; results are shared between its calls. */
  at(
    timeMs: number,
    ruleIndex: number,
    seriesIds?: readonly SeriesId[],
  ): (element: { labels: Labels; lastTrueTimeMs: number }) => DataState {
    const results = new Map<string, Element[] | undefined>()
    let series: ReadSeries[] | undefined
    return ({ labels, lastTrueTimeMs }) => {
      const data = this.#findData(this.#condition, labels, { timeMs, results, seriesIds })
      if (data === 'some') return 'present'
      series ??= this.#listSeries(ruleIndex)
      const own = findOwn(series, labels, lastTrueTimeMs - this.#rangeMs)
      if (data === 'opaque') {
        const isAlive = own.some(
          (row) => !row.isEnded && row.lastTimeMs > timeMs - this.#rangeMs / 2,
        )
        if (isAlive) return 'present'
      }
      // After a restart nothing has spoken yet: nobody took leave either.
      if (own.length === 0 || own.some((row) => !row.isEnded)) return 'silent'
      const down = this.#findDown(timeMs, results)
      return own.some((row) => down.has(targetOf(row.labels))) ? 'silent' : 'ended'
    }
  }

  #listSeries(ruleIndex: number): ReadSeries[] {
    const { index, appender } = this.#parts
    return index()
      .listSeries(ruleIndex)
      .map(({ seriesId, lastTimeMs, isEnded }) => ({
        labels: appender.labelsOf(seriesId),
        lastTimeMs,
        isEnded,
      }))
  }

  #findData(condition: Condition, labels: Labels, asked: Asked): 'some' | 'none' | 'opaque' {
    if (condition.type === 'always') return 'some'
    if (condition.type === 'leaf') {
      const elements = this.#ask(condition.expression, asked)
      // What cannot be asked cannot be called missing.
      if (elements === undefined || elements.some((element) => fits(element.labels, labels)))
        return 'some'
      return condition.isOpaque ? 'opaque' : 'none'
    }
    const parts = condition.parts.map((part) => this.#findData(part, labels, asked))
    const order =
      condition.type === 'all' ? (['none', 'opaque'] as const) : (['some', 'opaque'] as const)
    for (const data of order) if (parts.includes(data)) return data
    return condition.type === 'all' ? 'some' : 'none'
  }

  #ask(expression: string, asked: Asked): Element[] | undefined {
    if (!asked.results.has(expression))
      asked.results.set(expression, this.#evaluate(expression, asked))
    return asked.results.get(expression)
  }

  #evaluate(
    expression: string,
    { timeMs, seriesIds }: Omit<Asked, 'results'>,
  ): Element[] | undefined {
    if (!this.#queries.has(expression)) {
      let query: ReturnType<NoDataParts['engine']['prepare']> | undefined
      try {
        query = this.#parts.engine.prepare(expression)
      } catch {
        query = undefined
      }
      this.#queries.set(expression, query)
    }
    const query = this.#queries.get(expression)
    if (query === undefined || query.valueType === 'scalar') return undefined
    try {
      const answer = query.evaluateRecent(timeMs, seriesIds)
      return answer === undefined ? undefined : elementsOf(answer.value)
    } catch {
      return undefined
    }
  }

  /** Targets whose last scrape failed. */
  #findDown(timeMs: number, results: Map<string, Element[] | undefined>): Set<string> {
    const elements = this.#ask('up == 0', { timeMs, results, seriesIds: undefined }) ?? []
    return new Set(elements.map((element) => targetOf(element.labels)))
  }
}

interface Asked {
  timeMs: number
  results: Map<string, Element[] | undefined>
  /** Ask about these alone. */
  seriesIds: readonly SeriesId[] | undefined
}

interface ReadSeries {
  labels: Labels
  lastTimeMs: number
  isEnded: boolean
}

/** The series behind an element: those that fit its labels and spoke while it held. */
function findOwn(series: readonly ReadSeries[], labels: Labels, fromTimeMs: number): ReadSeries[] {
  const fitting = series.filter((row) => fits(row.labels, labels))
  // When none fits, the expression made labels of its own: then all that it reads count.
  return (fitting.length > 0 ? fitting : series).filter(
    (row) => row.lastTimeMs >= fromTimeMs - 1000,
  )
}

function targetOf(labels: Labels): string {
  return `${labels.get('job')}\xff${labels.get('instance')}`
}

/** Whether no label contradicts another. */
export function fits(a: Labels, b: Labels): boolean {
  for (let index = 0; index < a.pairs.length; index += 2) {
    const name = a.pairs[index]!
    if (name === '__name__') continue
    const other = b.get(name)
    if (other !== '' && other !== a.pairs[index + 1]) return false
  }
  return true
}
