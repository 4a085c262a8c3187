/** What one expression answered at each instant of a stretch of the past, asked as one range query. */

import type { Labels } from '../../model/labels.ts'
import type { QueryEngine } from '../../query/query.ts'
import type { Element } from '../alert-state.ts'

/** Instants: first, first + step … up to and including the last. */
export interface Stretch {
  startTimeMs: number
  stepCount: number
  stepMs: number
}

/** The end of a stretch. */
export function endOf({ startTimeMs, stepCount, stepMs }: Stretch): number {
  return startTimeMs + (stepCount - 1) * stepMs
}

const none: readonly Element[] = []

/** Answers by instant. */
export class PastAnswers {
  readonly seriesCount: number
  readonly #stretch: Stretch
  readonly #byStep: (Element[] | undefined)[]

  /** Asks; rejects with the errors of queries. */
  static async ask(
    engine: QueryEngine,
    expression: string,
    how: { stretch: Stretch; signal: AbortSignal },
  ): Promise<PastAnswers> {
    const { startTimeMs, stepMs } = how.stretch
    const { value } = await engine.range({
      expression,
      startTimeMs,
      endTimeMs: endOf(how.stretch),
      stepMs,
      signal: how.signal,
    })
    if (value.type !== 'matrix') throw new Error('BUG: a range query answers a matrix')
    return new PastAnswers(how.stretch, value.series)
  }

  private constructor(
    stretch: Stretch,
    series: readonly { labels: Labels; count: number; timeMs: Float64Array; value: Float64Array }[],
  ) {
    this.#stretch = stretch
    this.#byStep = new Array<Element[] | undefined>(stretch.stepCount)
    this.seriesCount = series.length
    for (const { labels, count, timeMs, value } of series) {
      for (let row = 0; row < count; row++) {
        const step = Math.round((timeMs[row]! - stretch.startTimeMs) / stretch.stepMs)
        const elements = this.#byStep[step]
        const element = { labels, value: value[row]! }
        if (elements === undefined) this.#byStep[step] = [element]
        else elements.push(element)
      }
    }
  }

  /** The answer at an instant of the stretch. */
  at(timeMs: number): readonly Element[] {
    const { startTimeMs, stepMs } = this.#stretch
    return this.#byStep[Math.round((timeMs - startTimeMs) / stepMs)] ?? none
  }

  /** Whether anything was answered at all. */
  get isEmpty(): boolean {
    return this.seriesCount === 0
  }
}
