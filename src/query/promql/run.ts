/**
 * Runs a prepared tree: reads what the plan says, then drives the evaluation, either at once or with
 * rests in which other work goes on and the deadline and the signal are looked at.
 */

import { CodedError } from '../../base/error.ts'
import type { Querier, Selection, SeriesColumns } from '../../model/flow.ts'
import { emptyLabels } from '../../model/labels.ts'
import type { SeriesId } from '../../model/sample.ts'
import { queryErrors } from '../errors.ts'
import { samplesTotal } from '../metrics.ts'
import { Annotations } from './annotation.ts'
import { type Grid, timeOf } from './block.ts'
import { Context, type QueryTimes, type Work } from './context.ts'
import { evaluate } from './evaluate.ts'
import { tellResets } from './histogram/arithmetic.ts'
import type { LoopTurn } from './loop-turn.ts'
import { MatrixJoiner } from './matrix-joiner.ts'
import { planReads, type Read } from './plan.ts'
import { gridOf, type PreparedTree } from './prepare.ts'
import { Profile } from './profile.ts'
import { type QueryValue, toInstant, toMatrix } from './result.ts'
import type { SelectorNode } from './tree.ts'

/** A result with what was noted on the way. */
export interface Outcome {
  value: QueryValue
  warnings: string[]
  infos: string[]
  sampleCount: number
  seriesCount: number
  profile?: Profile
}

/** What a run is asked to tell of itself: nothing, counts by step, or the cost of each node as well. */
export type Detail = 'none' | 'steps' | 'nodes'

/** What a run may use. */
export interface RunLimits {
  sampleCountMax: number
}

/** Long work rests when this much time has gone by; short enough that scrapes and alerts do not notice. */
const restAfterMs = 8

/** Range queries up to this span are read in one piece: 6 h. */
const sliceSpanMs = 6 * 3_600_000
/** Share of the limit of samples that one slice of a longer query aims at. */
const sliceShare = 1 / 8

/**
 * Runs with rests. Steps do not depend on each other, so a long range query is read and evaluated slice
 * by slice: what it holds at once is bounded by the slice. `pause` is called between turns and throws to stop.
 */
export async function runResting(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: {
    querier: Querier
    limits: RunLimits
    signal: AbortSignal
    pause: () => void
    turn: LoopTurn
    monotonicMs: () => number
    detail: Detail
  },
): Promise<Outcome> {
  checkRangeType(prepared, times)
  const { querier, limits, signal } = parts
  const annotations = new Annotations(prepared.expression)
  const whole = gridOf(times)
  const joiner = new MatrixJoiner()
  const profile = makeProfile(parts, whole.stepCount)
  let outcome: Outcome | undefined
  if (parts.turn.elapsedMs() > restAfterMs) await parts.turn.rest()
  let stepCount = Math.min(whole.stepCount, firstStepCount(prepared, times, whole))
  for (let step = 0; step < whole.stepCount; ) {
    const grid = { ...whole, startTimeMs: timeOf(whole, step), stepCount }
    const reads = planReads(prepared.root, grid, times)
    const readStartedMs = parts.monotonicMs()
    const answers = await untilAborted(
      Promise.all(reads.map((read) => readOne(read, { ...parts, profile }))),
      signal,
    ).catch((thrown: unknown) => {
      throw translate(thrown, limits)
    })
    const evaluateStartedMs = parts.monotonicMs()
    profile?.beginSlice(step)
    const workStartedMs = profile?.workedMs() ?? 0
    const made = makeContext(prepared, times, { reads, answers, limits, annotations, profile })
    made.context.countSamples(joiner.pointCount)
    const work = finish(prepared, grid, made.context)
    for (let turn = work.next(); ; turn = work.next()) {
      if (turn.done === true) {
        // Results are blocks of their own and copies of windows: nothing of what was read is in them.
        if (querier.release !== undefined) for (const one of answers) querier.release(one)
        joiner.add(turn.value)
        outcome = {
          value: turn.value,
          warnings: annotations.warnings,
          infos: annotations.infos,
          sampleCount: made.sampleCount + (outcome?.sampleCount ?? 0),
          seriesCount: Math.max(made.seriesCount, outcome?.seriesCount ?? 0),
        }
        break
      }
      parts.pause()
      if (parts.turn.elapsedMs() > restAfterMs) {
        const begunMs = parts.monotonicMs()
        await parts.turn.rest()
        profile?.rest(parts.monotonicMs() - begunMs)
      }
    }
    if (profile !== undefined) {
      profile.readElapsedMs += evaluateStartedMs - readStartedMs
      profile.evaluateElapsedMs += profile.workedMs() - workStartedMs
    }
    step += stepCount
    const growth = (limits.sampleCountMax * sliceShare) / Math.max(1, made.sampleCount)
    const fitting = Math.max(minStepCount(reads, grid), Math.floor(stepCount * growth))
    stepCount = Math.min(whole.stepCount - step, fitting)
  }
  if (outcome === undefined) throw new Error('BUG: a query without steps')
  const value = joiner.isWhole ? outcome.value : joiner.join()
  return { ...outcome, value, ...(profile === undefined ? {} : { profile }) }
}

function makeProfile(
  parts: { detail: Detail; monotonicMs: () => number },
  stepCount: number,
): Profile | undefined {
  if (parts.detail === 'none') return undefined
  return new Profile({
    hasNodes: parts.detail === 'nodes',
    stepCount,
    monotonicMs: parts.monotonicMs,
  })
}

/** One read; its cost is noted when somebody asks for it. */
async function readOne(
  read: Read,
  parts: {
    querier: Querier
    limits: RunLimits
    signal: AbortSignal
    monotonicMs: () => number
    profile: Profile | undefined
  },
): Promise<SeriesColumns[]> {
  const { querier, limits, signal, profile, monotonicMs } = parts
  const selection = selectionOf(read, limits, signal)
  if (profile?.hasNodes !== true) return querier.select(selection)
  const begunMs = monotonicMs()
  const report = { memorySampleCount: 0, cacheSampleCount: 0, engineSampleCount: 0 }
  const series = await querier.select({ ...selection, report })
  let sampleCount = 0
  let storedSampleCount = 0
  for (const { count, ordinal } of series) {
    sampleCount += count
    storedSampleCount += ordinal === undefined ? count : ordinal[count - 1]! - ordinal[0]! + 1
  }
  const elapsedMs = monotonicMs() - begunMs
  const cost = { ...report, seriesCount: series.length, sampleCount, storedSampleCount, elapsedMs }
  for (const node of read.nodes)
    profile.noteRead(node, { ...cost, selectorCount: read.nodes.length })
  return series
}

/** Steps of the first slice. */
function firstStepCount(prepared: PreparedTree, times: QueryTimes, whole: Grid): number {
  if (whole.stepCount === 1) return 1
  const one = { ...whole, stepCount: 1 }
  const least = minStepCount(planReads(prepared.root, one, times), one)
  return Math.max(least, Math.floor(sliceSpanMs / whole.stepMs), 1)
}

/** A slice is at least as long as what it must read beyond its own span, lest most is read twice. */
function minStepCount(reads: readonly Read[], grid: Grid): number {
  const spanMs = (grid.stepCount - 1) * grid.stepMs
  let beyondMs = 0
  for (const read of reads)
    beyondMs = Math.max(beyondMs, read.endTimeMs - read.startTimeMs - spanMs)
  return Math.max(1, Math.ceil(beyondMs / Math.max(1, grid.stepMs)))
}

/** Runs at once on memory; `undefined` when a read reaches behind it. */
export function runRecent(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: { querier: Querier; limits: RunLimits; seriesIds?: readonly SeriesId[] | undefined },
): Outcome | undefined {
  const { querier, limits, seriesIds } = parts
  const grid = gridOf(times)
  const reads = planReads(prepared.root, grid, times)
  const answers: SeriesColumns[][] = []
  for (const read of reads) {
    const selection = selectionOf(read, limits, undefined)
    if (seriesIds !== undefined) selection.seriesIds = seriesIds
    const answer = querier.selectRecent(selection)
    if (answer === undefined) return undefined
    answers.push(answer)
  }
  const annotations = new Annotations(prepared.expression)
  const made = makeContext(prepared, times, { reads, answers, limits, annotations })
  const { context, sampleCount, seriesCount } = made
  const work = finish(prepared, grid, context)
  for (;;) {
    const turn = work.next()
    if (turn.done !== true) continue
    const { warnings, infos } = annotations
    return { value: turn.value, warnings, infos, sampleCount, seriesCount }
  }
}

function checkRangeType(prepared: PreparedTree, times: QueryTimes): void {
  const { valueType } = prepared
  if (times.stepMs === 0 || valueType === 'scalar' || valueType === 'vector') return
  const shown = valueType === 'matrix' ? 'range vector' : valueType
  const reason = `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`
  throw queryErrors.INVALID({ reason })
}

function* finish(prepared: PreparedTree, grid: Grid, context: Context): Work<QueryValue> {
  const { root } = prepared
  const value = yield* evaluate(root, grid, context)
  return context.isRange ? toMatrix(value, grid, emptyLabels) : toInstant(value, root, context)
}

function selectionOf(read: Read, limits: RunLimits, signal: AbortSignal | undefined): Selection {
  const { matchers, startTimeMs, endTimeMs, buckets } = read
  const { sampleCountMax } = limits
  const rest = { ...(signal ? { signal } : {}), ...(buckets ? { buckets } : {}) }
  return { matchers, startTimeMs, endTimeMs, sampleCountMax, ...rest }
}

function makeContext(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: {
    reads: readonly Read[]
    answers: readonly SeriesColumns[][]
    limits: RunLimits
    annotations: Annotations
    profile?: Profile | undefined
  },
): { context: Context; sampleCount: number; seriesCount: number } {
  const data = new Map<SelectorNode, SeriesColumns[]>()
  let sampleCount = 0
  let seriesCount = 0
  parts.reads.forEach((read, index) => {
    const series = parts.answers[index]!
    for (const columns of series) {
      sampleCount += columns.count
      if (read.isStatistic && columns.histogram !== undefined) {
        columns.histogram = tellResets(columns.histogram)
      }
    }
    seriesCount += series.length
    for (const node of read.nodes) data.set(node, series)
  })
  samplesTotal.inc(sampleCount)
  const { annotations } = parts
  const { sampleCountMax } = parts.limits
  const context = new Context({
    text: prepared.expression,
    times,
    annotations,
    data,
    sampleCountMax,
    profile: parts.profile,
  })
  context.countSamples(sampleCount)
  return { context, sampleCount, seriesCount }
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
