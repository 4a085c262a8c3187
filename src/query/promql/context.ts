/**
 * What one evaluation needs everywhere: the query's own times, the samples fetched up front, limits,
 * annotations. Evaluation is written as generators that yield at places where it may rest: one driver
 * runs them at once (rules on arrival), another lets other work in between and watches the clock.
 */

import type { SeriesColumns } from '../../model/flow.ts'
import { queryErrors } from '../errors.ts'
import type { Annotations } from './annotation.ts'
import type { Block } from './block.ts'
import type { Profile } from './profile.ts'
import type { DurationNode, Expression, SelectorNode } from './tree.ts'

/** Work that may rest at each `yield`. */
export type Work<Result> = Generator<undefined, Result, undefined>

/** The query around an evaluation. Times in ms; `stepMs` is 0 for an instant query. */
export interface QueryTimes {
  startTimeMs: number
  endTimeMs: number
  stepMs: number
  lookbackMs: number
  subqueryStepMs: number
}

/** One evaluation's surroundings. */
export class Context {
  readonly text: string
  readonly times: QueryTimes
  readonly annotations: Annotations
  /** What selectors read. Filled before evaluation begins. */
  readonly data = new Map<SelectorNode, SeriesColumns[]>()
  /** Values of nodes whose series were used up as they were read. */
  readonly made = new Map<Expression, Block>()
  /** Where costs are noted; absent when nobody asks for them. */
  readonly profile: Profile | undefined
  readonly #sampleCountMax: number
  #sampleCount = 0

  constructor(parts: {
    text: string
    times: QueryTimes
    annotations: Annotations
    sampleCountMax: number
    profile?: Profile | undefined
  }) {
    this.text = parts.text
    this.times = parts.times
    this.annotations = parts.annotations
    this.profile = parts.profile
    this.#sampleCountMax = parts.sampleCountMax
  }

  get isRange(): boolean {
    return this.times.stepMs > 0
  }

  /** Counts samples that are about to be held; throws `QUERY_TOO_MANY_SAMPLES` beyond the limit. */
  countSamples(count: number): void {
    this.#sampleCount += count
    const { profile } = this
    if (profile !== undefined && this.#sampleCount > profile.peakSampleCount)
      profile.peakSampleCount = this.#sampleCount
    if (this.#sampleCount > this.#sampleCountMax)
      throw queryErrors.TOO_MANY_SAMPLES({ countMax: this.#sampleCountMax })
  }

  /** How many more samples may be held. */
  get sampleRoom(): number {
    return Math.max(0, this.#sampleCountMax - this.#sampleCount)
  }

  /** Gives back samples that are no longer held. */
  releaseSamples(count: number): void {
    this.#sampleCount -= count
  }
}

/** An error that belongs to running, in Prometheus's words. */
export function executionError(reason: string): Error {
  return queryErrors.EXECUTION({ reason })
}

/** Milliseconds of a duration, which may be computed from the query's step and range. */
export function durationMsOf(node: DurationNode, times: QueryTimes): number {
  return Math.round(secondsOf(node, times) * 1000)
}

function secondsOf(node: DurationNode, times: QueryTimes): number {
  switch (node.kind) {
    case 'seconds':
      return node.value
    case 'step':
      return times.stepMs / 1000
    case 'range':
      return (times.endTimeMs - times.startTimeMs) / 1000
    case 'negative':
      return -secondsOf(node.inner, times)
    case 'operation':
      return combineDurations(
        node.operator,
        secondsOf(node.left, times),
        secondsOf(node.right, times),
      )
  }
}

function combineDurations(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      if (right === 0) throw executionError('division by zero')
      return left / right
    case '%':
      if (right === 0) throw executionError('modulo by zero')
      return left % right
    case '^':
      return left ** right
    case 'min':
      return Math.min(left, right)
    default:
      return Math.max(left, right)
  }
}
