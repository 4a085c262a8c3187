/**
 * Runs a prepared tree: reads what the plan says, then drives the evaluation, either at once or with
 * rests in which other work goes on and the deadline and the signal are looked at.
 */

import { CodedError } from '../../base/error.ts'
import type { Querier, Selection, SeriesColumns, SeriesVisitor } from '../../model/flow.ts'
import { emptyLabels } from '../../model/labels.ts'
import type { SeriesId } from '../../model/sample.ts'
import { visitAll } from '../../model/visit-all.ts'
import { queryErrors } from '../errors.ts'
import { samplesTotal } from '../metrics.ts'
import { Annotations } from './annotation.ts'
import { type Grid, timeOf } from './block.ts'
import { Context, type QueryTimes, type Work } from './context.ts'
import { evaluate } from './evaluate.ts'
import { tellResets } from './histogram/arithmetic.ts'
import type { LoopTurn } from '../../base/loop-turn.ts'
import { MatrixJoiner } from './matrix-joiner.ts'
import { planReads, type Read } from './plan.ts'
import { gridOf, type PreparedTree } from './prepare.ts'
import { Profile } from './profile.ts'
import { type QueryValue, toInstant, toMatrix } from './result.ts'
import { canTake, takeRead } from './row-taker.ts'

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

/** Range queries up to this span are read in one piece: 6 h, or a day when samples are used up as they come. */
const sliceSpanMs = 6 * 3_600_000
const takenSpanMs = 24 * 3_600_000
/** Share of the limit of samples that one slice of a longer query aims at. */
const sliceShare = 1 / 8
const takenShare = 1 / 2

/** What a run with rests may use. */
interface RestingParts {
  querier: Querier
  limits: RunLimits
  signal: AbortSignal
  pause: () => void
  turn: LoopTurn
  monotonicMs: () => number
  detail: Detail
}

/**
 * Runs with rests. Steps do not depend on each other, so a long range query is read and evaluated slice
 * by slice: what it holds at once is bounded by the slice. `pause` is called between turns and throws to stop.
 */
export async function runResting(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: RestingParts,
): Promise<Outcome> {
  checkRangeType(prepared, times)
  const { limits } = parts
  const annotations = new Annotations(prepared.expression)
  const whole = gridOf(times)
  const joiner = new MatrixJoiner()
  const profile = makeProfile(parts, whole.stepCount)
  const rester = new Rester(parts, profile)
  const run = { ...parts, prepared, times, annotations, profile, rester }
  let outcome: Outcome | undefined
  if (parts.turn.elapsedMs() > restAfterMs) await parts.turn.rest()
  const first = firstSlice(run, whole)
  let { stepCount } = first
  for (let step = 0; step < whole.stepCount; ) {
    const grid = { ...whole, startTimeMs: timeOf(whole, step), stepCount }
    const reads = planReads(prepared.root, grid, times)
    profile?.beginSlice(step)
    const slice = await runSlice(run, { grid, reads, heldCount: joiner.pointCount }).catch(
      (thrown: unknown) => {
        // So many samples were only asked for because none of them are held.
        if (isTooMany(thrown) && stepCount > first.heldStepCount) return undefined
        throw thrown
      },
    )
    if (slice === undefined) {
      stepCount = first.heldStepCount
      continue
    }
    joiner.add(slice.value)
    outcome = {
      value: slice.value,
      warnings: annotations.warnings,
      infos: annotations.infos,
      sampleCount: slice.sampleCount + (outcome?.sampleCount ?? 0),
      seriesCount: Math.max(slice.seriesCount, outcome?.seriesCount ?? 0),
    }
    step += stepCount
    const share = first.isTaken ? takenShare : sliceShare
    const growth = (limits.sampleCountMax * share) / Math.max(1, slice.sampleCount)
    const fitting = Math.max(minStepCount(reads, grid), Math.floor(stepCount * growth))
    stepCount = Math.min(whole.stepCount - step, fitting)
  }
  if (outcome === undefined) throw new Error('BUG: a query without steps')
  const value = joiner.isWhole ? outcome.value : joiner.join()
  return { ...outcome, value, ...(profile === undefined ? {} : { profile }) }
}

/** One run with all that its slices share. */
interface Run extends RestingParts {
  prepared: PreparedTree
  times: QueryTimes
  annotations: Annotations
  profile: Profile | undefined
  rester: Rester
}

/** Reads and evaluates one slice; `heldCount` is how many points those before it left. */
async function runSlice(
  run: Run,
  slice: { grid: Grid; reads: readonly Read[]; heldCount: number },
): Promise<{ value: QueryValue; sampleCount: number; seriesCount: number }> {
  const { prepared, times, limits, profile, querier, rester } = run
  const { grid, reads } = slice
  const readStartedMs = run.monotonicMs()
  const made = makeContext(prepared, times, run)
  const answers = await untilAborted(
    Promise.all(reads.map((read) => readOne(read, made, run))),
    run.signal,
  ).catch((thrown: unknown) => {
    throw translate(thrown, limits)
  })
  const evaluateStartedMs = run.monotonicMs()
  const workStartedMs = profile?.workedMs() ?? 0
  reads.forEach((read, index) => {
    const answer = answers[index]
    if (answer !== undefined) made.take(read, answer)
  })
  made.context.countSamples(slice.heldCount)
  const work = finish(prepared, grid, made.context)
  let turn = work.next()
  for (; turn.done !== true; turn = work.next()) {
    const rest = rester.rest()
    if (rest !== undefined) await rest
  }
  // Results are blocks of their own and copies of windows: nothing of what was read is in them.
  if (querier.release !== undefined) {
    for (const answer of answers) if (answer !== undefined) querier.release(answer)
  }
  if (profile !== undefined) {
    profile.readElapsedMs += evaluateStartedMs - readStartedMs
    profile.evaluateElapsedMs += profile.workedMs() - workStartedMs
  }
  const { sampleCount, seriesCount } = made
  return { value: turn.value, sampleCount, seriesCount }
}

/** Lets other work go on when this has gone on for long. */
class Rester {
  readonly #parts: RestingParts
  readonly #profile: Profile | undefined

  constructor(parts: RestingParts, profile: Profile | undefined) {
    this.#parts = parts
    this.#profile = profile
  }

  /** A rest when it is time for one. Throws when the run must stop. */
  rest(): Promise<void> | undefined {
    this.#parts.pause()
    return this.#parts.turn.elapsedMs() > restAfterMs ? this.#rest() : undefined
  }

  async #rest(): Promise<void> {
    const begunMs = this.#parts.monotonicMs()
    await this.#parts.turn.rest()
    this.#profile?.rest(this.#parts.monotonicMs() - begunMs)
  }
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

/** One read: series, or nothing when they were used up as they came. Its cost is noted when somebody asks for it. */
async function readOne(read: Read, made: Made, run: Run): Promise<SeriesColumns[] | undefined> {
  const { querier, limits, signal, profile, monotonicMs, rester } = run
  const selection = selectionOf(read, limits, signal)
  if (profile === undefined && canTake(read)) {
    const visit = (visitor: SeriesVisitor): Promise<void> =>
      querier.visit?.(selection, visitor) ?? visitSelected(querier, selection, visitor)
    made.count(await takeRead(read, made.context, { visit, rest: () => rester.rest() }))
    return undefined
  }
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

/** Where a querier has whole answers alone. */
async function visitSelected(
  querier: Querier,
  selection: Selection,
  visitor: SeriesVisitor,
): Promise<void> {
  const answer = await querier.select(selection)
  await visitAll(answer, visitor)
  querier.release?.(answer)
}

/** Steps of the first slice, and how many it had if its samples were held. */
function firstSlice(
  run: Run,
  whole: Grid,
): { stepCount: number; heldStepCount: number; isTaken: boolean } {
  const one = { ...whole, stepCount: 1 }
  const reads = planReads(run.prepared.root, one, run.times)
  const isTaken =
    run.querier.visit !== undefined && run.profile === undefined && reads.every(canTake)
  const least = minStepCount(reads, one)
  const stepCountOf = (spanMs: number): number =>
    Math.min(whole.stepCount, Math.max(least, Math.floor(spanMs / whole.stepMs), 1))
  const heldStepCount = whole.stepCount === 1 ? 1 : stepCountOf(sliceSpanMs)
  return { stepCount: isTaken ? stepCountOf(takenSpanMs) : heldStepCount, heldStepCount, isTaken }
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
  const made = makeContext(prepared, times, { limits, annotations })
  for (const [index, read] of reads.entries()) made.take(read, answers[index]!)
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

/** A context and what was read for it. */
class Made {
  readonly context: Context
  sampleCount = 0
  seriesCount = 0

  constructor(context: Context) {
    this.context = context
  }

  /** Holds the answer of a read for evaluation. */
  take(read: Read, answer: SeriesColumns[]): void {
    let sampleCount = 0
    for (const columns of answer) {
      sampleCount += columns.count
      if (read.isStatistic && columns.histogram !== undefined) {
        columns.histogram = tellResets(columns.histogram)
      }
    }
    for (const node of read.nodes) this.context.data.set(node, answer)
    this.context.countSamples(sampleCount)
    this.count({ sampleCount, seriesCount: answer.length })
  }

  count(read: { sampleCount: number; seriesCount: number }): void {
    this.sampleCount += read.sampleCount
    this.seriesCount += read.seriesCount
    samplesTotal.inc(read.sampleCount)
  }
}

function makeContext(
  prepared: PreparedTree,
  times: QueryTimes,
  parts: { limits: RunLimits; annotations: Annotations; profile?: Profile | undefined },
): Made {
  const { annotations, profile } = parts
  const { sampleCountMax } = parts.limits
  const text = prepared.expression
  return new Made(new Context({ text, times, annotations, sampleCountMax, profile }))
}

function isTooMany(thrown: unknown): boolean {
  return thrown instanceof CodedError && thrown.code === 'QUERY_TOO_MANY_SAMPLES'
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
