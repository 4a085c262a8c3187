/**
 * Runs a prepared tree: reads what the plan says, then drives the evaluation, either at once or with
 * rests in which other work goes on and the deadline and the signal are looked at.
 */

import { CodedError } from '../../base/error.ts'
import type { Querier, Selection, SeriesColumns } from '../../model/flow.ts'
import { emptyLabels } from '../../model/labels.ts'
import { queryErrors } from '../errors.ts'
import { samplesTotal } from '../metrics.ts'
import { Annotations } from './annotation.ts'
import { Context, executionError, type QueryTimes, type Work } from './context.ts'
import { evaluate } from './evaluate.ts'
import { planReads, type Read } from './plan.ts'
import { gridOf, type PreparedTree } from './prepare.ts'
import { type QueryValue, toInstant, toMatrix } from './result.ts'
import type { SelectorNode } from './tree.ts'

/** A result with what was noted on the way. */
export interface Outcome {
  value: QueryValue
  warnings: string[]
  infos: string[]
  sampleCount: number
  seriesCount: number
}

/** What a run may use. */
export interface RunLimits {
  sampleCountMax: number
}

/** Long work rests when this much time has gone by; short enough that scrapes and alerts do not notice. */
const restAfterMs = 8

/** Runs with rests. `pause` is called between turns and throws to stop. */
export async function runResting(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: {
    querier: Querier
    limits: RunLimits
    signal: AbortSignal
    pause: () => void
    monotonicMs: () => number
  },
): Promise<Outcome> {
  const { querier, limits, signal } = parts
  const reads = planReads(prepared.root, gridOf(times), times)
  const answers = await untilAborted(
    Promise.all(reads.map((read) => querier.select(selectionOf(read, limits, signal)))),
    signal,
  ).catch((thrown: unknown) => {
    throw translate(thrown, limits)
  })
  const { context, sampleCount, seriesCount } = makeContext(prepared, times, {
    reads,
    answers,
    limits,
  })
  const work = finish(prepared, times, context)
  let restedMs = parts.monotonicMs()
  for (;;) {
    const turn = work.next()
    if (turn.done === true) return outcomeOf(turn.value, context, { sampleCount, seriesCount })
    parts.pause()
    if (parts.monotonicMs() - restedMs > restAfterMs) {
      await new Promise((resolve) => setImmediate(resolve))
      restedMs = parts.monotonicMs()
    }
  }
}

/** Runs at once on memory; `undefined` when a read reaches behind it. */
export function runRecent(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: { querier: Querier; limits: RunLimits },
): Outcome | undefined {
  const { querier, limits } = parts
  const reads = planReads(prepared.root, gridOf(times), times)
  const answers: SeriesColumns[][] = []
  for (const read of reads) {
    const answer = querier.selectRecent(selectionOf(read, limits, undefined))
    if (answer === undefined) return undefined
    answers.push(answer)
  }
  const { context, sampleCount, seriesCount } = makeContext(prepared, times, {
    reads,
    answers,
    limits,
  })
  const work = finish(prepared, times, context)
  for (;;) {
    const turn = work.next()
    if (turn.done === true) return outcomeOf(turn.value, context, { sampleCount, seriesCount })
  }
}

function* finish(prepared: PreparedTree, times: QueryTimes, context: Context): Work<QueryValue> {
  const { root, valueType } = prepared
  if (times.stepMs > 0 && valueType !== 'scalar' && valueType !== 'vector') {
    const shown = valueType === 'matrix' ? 'range vector' : valueType
    throw executionError(
      `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`,
    )
  }
  const grid = gridOf(times)
  const value = yield* evaluate(root, grid, context)
  return times.stepMs > 0 ? toMatrix(value, grid, emptyLabels) : toInstant(value, root, context)
}

function selectionOf(read: Read, limits: RunLimits, signal: AbortSignal | undefined): Selection {
  const { matchers, startTimeMs, endTimeMs } = read
  const { sampleCountMax } = limits
  return { matchers, startTimeMs, endTimeMs, sampleCountMax, ...(signal ? { signal } : {}) }
}

function makeContext(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: { reads: readonly Read[]; answers: readonly SeriesColumns[][]; limits: RunLimits },
): { context: Context; sampleCount: number; seriesCount: number } {
  const data = new Map<SelectorNode, SeriesColumns[]>()
  let sampleCount = 0
  let seriesCount = 0
  parts.reads.forEach((read, index) => {
    const series = parts.answers[index]!
    for (const columns of series) sampleCount += columns.count
    seriesCount += series.length
    for (const node of read.nodes) data.set(node, series)
  })
  samplesTotal.inc(sampleCount)
  const { expression } = prepared
  const annotations = new Annotations(expression)
  const { sampleCountMax } = parts.limits
  const context = new Context({ text: expression, times, annotations, data, sampleCountMax })
  context.countSamples(sampleCount)
  return { context, sampleCount, seriesCount }
}

function outcomeOf(
  value: QueryValue,
  context: Context,
  counts: { sampleCount: number; seriesCount: number },
): Outcome {
  const { warnings, infos } = context.annotations
  return { value, warnings, infos, ...counts }
}

/** The work's result, unless the signal comes first. */
function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason)
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}

function translate(thrown: unknown, limits: RunLimits): unknown {
  if (thrown instanceof CodedError && thrown.code === 'STORE_TOO_MANY_SAMPLES')
    return queryErrors.TOO_MANY_SAMPLES({ countMax: limits.sampleCountMax }, thrown)
  return thrown
}
