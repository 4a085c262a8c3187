/**
 * Questions to the query engine as incidents and deliveries ask them. A question that fails is an answer
 * of its own kind, "no data", and is never taken for zero.
 */

import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Labels } from '../model/labels.ts'
import type { LogRecord } from '../model/log-line.ts'
import type { QueryEngine } from '../query/query.ts'

/** What is needed of the query engine. */
export type Engine = Pick<QueryEngine, 'instant' | 'range' | 'selectLogs'>

/** One series of an answer. */
export interface AnsweredSeries {
  labels: Labels
  count: number
  timeMs: Float64Array
  value: Float64Array
}

/** Series of one answer are cut to this many. */
const seriesCountMax = 1_000

/** Asks with a time-out each and remembers nothing. */
export class Questioner {
  readonly #engine: Engine
  readonly #log: Log
  readonly #timeoutMs: number

  constructor(parts: { engine: Engine; log: Log; timeoutMs: number }) {
    this.#engine = parts.engine
    this.#log = parts.log
    this.#timeoutMs = parts.timeoutMs
  }

  /** All elements of an instant query; a scalar is one element without labels; none when it failed. */
  async vector(
    expression: string,
    timeMs: number,
  ): Promise<readonly { labels: Labels | undefined; value: number }[]> {
    try {
      const { value } = await this.#engine.instant({
        expression,
        timeMs,
        timeoutMs: this.#timeoutMs,
      })
      if (value.type === 'vector') return value.elements.slice(0, seriesCountMax)
      return value.type === 'scalar' ? [{ labels: undefined, value: value.value }] : []
    } catch (thrown) {
      this.#note(expression, thrown)
      return []
    }
  }

  /** The single number of an instant query; `undefined` when there is none, or it is not finite. */
  async number(expression: string, timeMs: number): Promise<number | undefined> {
    const elements = await this.vector(expression, timeMs)
    const value = elements[0]?.value
    return value !== undefined && Number.isFinite(value) ? value : undefined
  }

  /** All series of a range query; none when it failed. */
  async series(
    expression: string,
    range: { startTimeMs: number; endTimeMs: number; stepMs: number },
  ): Promise<readonly AnsweredSeries[]> {
    try {
      const { value } = await this.#engine.range({
        expression,
        ...range,
        timeoutMs: this.#timeoutMs,
      })
      return value.type === 'matrix' ? value.series.slice(0, seriesCountMax) : []
    } catch (thrown) {
      this.#note(expression, thrown)
      return []
    }
  }

  /** Log lines; none when it failed. */
  async lines(
    expression: string,
    range: {
      startTimeMs: number
      endTimeMs: number
      limit: number
      direction: 'forward' | 'backward'
    },
  ): Promise<readonly LogRecord[]> {
    try {
      return await this.#engine.selectLogs({
        expression,
        startTimeNs: BigInt(Math.floor(range.startTimeMs)) * 1_000_000n,
        endTimeNs: BigInt(Math.floor(range.endTimeMs)) * 1_000_000n,
        limit: range.limit,
        direction: range.direction,
        signal: AbortSignal.timeout(this.#timeoutMs),
      })
    } catch (thrown) {
      this.#note(expression, thrown)
      return []
    }
  }

  #note(expression: string, thrown: unknown): void {
    this.#log.debug({ expression, reason: messageOf(thrown) }, 'A question was not answered.')
  }
}
