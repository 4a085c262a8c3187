/**
 * What an expression reads: for every selector the matchers and the span of time, once the query's
 * times are known. Selectors that read the same series over touching spans are read once.
 */

import type { Selection } from '../../model/flow.ts'
import { formatMatcher, type Matcher } from '../../model/matcher.ts'
import type { Grid } from './block.ts'
import { durationMsOf, executionError, type QueryTimes } from './context.ts'
import type { Expression, MatrixNode, SelectorNode, SubqueryNode, TimeShift } from './tree.ts'
import { childrenOf } from './tree.ts'

/** One read from the store and the selectors that share its answer. */
export interface Read {
  matchers: readonly Matcher[]
  startTimeMs: number
  endTimeMs: number
  nodes: SelectorNode[]
  /** The same in the same order, with what uses them. */
  uses: SelectorUse[]
  /** Only count and sum of histograms are asked for: unknown resets are then told from sample to sample, as upstream. */
  isStatistic: boolean
  /** Windows of whole buckets are asked for, of which some samples are enough. */
  buckets: Buckets | undefined
}

/** Where a selector stands: what is above it and above that, parentheses aside, and at which steps it is evaluated. */
export interface SelectorUse {
  node: SelectorNode
  isRange: boolean
  above: Expression | undefined
  outer: Expression | undefined
  grid: Grid
}

type Parents = Pick<SelectorUse, 'above' | 'outer'>

type Buckets = NonNullable<Selection['buckets']>

/** Functions that need of a window some samples and how many there are; those of counters falls too. */
const bucketFunctions = new Set([
  ...['min_over_time', 'max_over_time', 'first_over_time', 'last_over_time'],
  ...['count_over_time', 'present_over_time', 'rate', 'increase', 'delta'],
])
const fallFunctions = new Set(['rate', 'increase'])
/** Buckets shorter than this, and queries of less, are not worth reading a series twice for. */
const bucketMsMin = 60_000
const bucketSpanMsMin = 86_400_000

/** Functions of count and sum alone, and those that need the whole histogram below them. */
const statisticFunctions = new Set(['histogram_count', 'histogram_sum', 'histogram_avg'])
const wholeFunctions = new Set(['histogram_quantile', 'histogram_quantiles', 'histogram_fraction'])
/** Where on the way down from the root a selector stands. */
type Place = 'plain' | 'statistic' | 'whole'

/** Largest span of time that is taken seriously; beyond it arithmetic on ms loses exactness. */
const rangeMsMax = 100 * 365 * 86_400_000

/** The times at which a shifted selector looks, for each step: constant under `@`. */
export function shiftGrid(node: TimeShift, grid: Grid, times: QueryTimes): Grid {
  const offsetMs = node.offset === undefined ? 0 : durationMsOf(node.offset, times)
  if (node.at === undefined) return { ...grid, startTimeMs: grid.startTimeMs - offsetMs }
  const atTimeMs =
    node.at === 'start' ? times.startTimeMs : node.at === 'end' ? times.endTimeMs : node.at.timeMs
  return { startTimeMs: atTimeMs - offsetMs, stepMs: 0, stepCount: grid.stepCount }
}

/** The steps of a subquery's inside: multiples of its step behind the left end of the first window. */
export function subqueryGrid(node: SubqueryNode, grid: Grid, times: QueryTimes): Grid {
  const shifted = shiftGrid(node, grid, times)
  const rangeMs = rangeMsOf(node.range, times)
  const stepMs = node.step === undefined ? times.subqueryStepMs : durationMsOf(node.step, times)
  if (stepMs <= 0) throw executionError('subquery step must be greater than 0')
  const leftTimeMs = shifted.startTimeMs - rangeMs
  const lastTimeMs = shifted.startTimeMs + (shifted.stepCount - 1) * shifted.stepMs
  const startTimeMs = (Math.floor(leftTimeMs / stepMs) + 1) * stepMs
  const stepCount = Math.max(0, Math.floor((lastTimeMs - startTimeMs) / stepMs) + 1)
  return { startTimeMs, stepMs, stepCount }
}

/** The range of a matrix selector or subquery; must be positive. */
export function rangeMsOf(node: Parameters<typeof durationMsOf>[0], times: QueryTimes): number {
  const rangeMs = durationMsOf(node, times)
  if (!(rangeMs > 0)) throw executionError('duration must be greater than 0')
  if (rangeMs > rangeMsMax) throw executionError('duration out of range')
  return rangeMs
}

/** Every read that evaluating `root` on `grid` needs. */
export function planReads(root: Expression, grid: Grid, times: QueryTimes): Read[] {
  const reads: Read[] = []
  const byKey = new Map<string, Read[]>()
  const add = (
    use: SelectorUse,
    span: { startTimeMs: number; endTimeMs: number },
    wanted: { place: Place; buckets: Buckets | undefined },
  ): void => {
    const { node } = use
    const { startTimeMs, endTimeMs } = span
    const { buckets } = wanted
    const isStatistic = wanted.place === 'statistic'
    const key = `${isStatistic} ${buckets?.lengthMs} ${buckets?.areFallsNeeded} ${keyOf(node)}`
    const alike = byKey.get(key) ?? []
    byKey.set(key, alike)
    for (const read of alike) {
      if (read.startTimeMs <= endTimeMs && startTimeMs <= read.endTimeMs) {
        read.startTimeMs = Math.min(read.startTimeMs, startTimeMs)
        read.endTimeMs = Math.max(read.endTimeMs, endTimeMs)
        read.nodes.push(node)
        read.uses.push(use)
        return
      }
    }
    const { matchers } = node
    const nodes = [node]
    const uses = [use]
    const read = { matchers, startTimeMs, endTimeMs, nodes, uses, isStatistic, buckets }
    alike.push(read)
    reads.push(read)
  }
  const walk = (node: Expression, inside: Grid, place: Place, parents: Parents): void => {
    const { above } = parents
    if (node.kind === 'selector' || node.kind === 'matrix') {
      const selector = node.kind === 'matrix' ? node.selector : node
      const buckets = node.kind === 'matrix' ? bucketsOf(node, above, { inside, times }) : undefined
      const use = { node: selector, isRange: node.kind === 'matrix', ...parents, grid: inside }
      add(use, spanOf(node, inside, times), { place, buckets })
    } else if (node.kind === 'paren') {
      walk(node.inner, inside, place, parents)
    } else if (node.kind === 'subquery') {
      walk(node.inner, subqueryGrid(node, inside, times), 'whole', { above: node, outer: above })
    } else {
      const below = { above: node, outer: above }
      for (const child of childrenOf(node)) walk(child, inside, placeBelow(node, place), below)
    }
  }
  walk(root, grid, 'plain', { above: undefined, outer: undefined })
  return reads
}

/** The longest buckets that all windows of a range function are made of, when it needs no more of them. */
function bucketsOf(
  node: MatrixNode,
  above: Expression | undefined,
  at: { inside: Grid; times: QueryTimes },
): Buckets | undefined {
  if (above?.kind !== 'call' || !bucketFunctions.has(above.name)) return undefined
  if (node.selector.mode !== 'plain') return undefined
  const { times } = at
  const rangeMs = rangeMsOf(node.range, times)
  if (times.endTimeMs - times.startTimeMs + rangeMs < bucketSpanMsMin) return undefined
  const { startTimeMs, stepMs, stepCount } = shiftGrid(node.selector, at.inside, times)
  const edges = [startTimeMs, rangeMs, stepCount > 1 ? stepMs : 0]
  const lengthMs = edges.reduce(greatestDivisor)
  if (!(lengthMs >= bucketMsMin)) return undefined
  return { lengthMs, areFallsNeeded: fallFunctions.has(above.name) }
}

/** The largest number of which both are multiples; NaN for fractions. */
function greatestDivisor(a: number, b: number): number {
  let [large, small] = [Math.abs(a), Math.abs(b)]
  if (!Number.isInteger(large) || !Number.isInteger(small)) return Number.NaN
  while (small > 0) [large, small] = [small, large % small]
  return large
}

/** Both sides of an operator begin anew; nothing below a subquery or a quantile is a statistic. */
function placeBelow(node: Expression, place: Place): Place {
  if (node.kind === 'binary') return 'plain'
  if (node.kind !== 'call' || place === 'whole') return place
  if (wholeFunctions.has(node.name)) return 'whole'
  return statisticFunctions.has(node.name) ? 'statistic' : place
}

function spanOf(
  node: Extract<Expression, { kind: 'selector' | 'matrix' }>,
  grid: Grid,
  times: QueryTimes,
): { startTimeMs: number; endTimeMs: number } {
  const selector = node.kind === 'matrix' ? node.selector : node
  const shifted = shiftGrid(selector, grid, times)
  const lastTimeMs = shifted.startTimeMs + Math.max(0, shifted.stepCount - 1) * shifted.stepMs
  const rangeMs = node.kind === 'matrix' ? rangeMsOf(node.range, times) : times.lookbackMs
  const beforeMs =
    rangeMs + (node.kind === 'matrix' && selector.mode !== 'plain' ? times.lookbackMs : 0)
  const afterMs = selector.mode === 'smoothed' ? times.lookbackMs : 0
  // Windows are open on the left; the store's spans are closed at both ends.
  return { startTimeMs: shifted.startTimeMs - beforeMs + 1, endTimeMs: lastTimeMs + afterMs }
}

/** Equal for selectors that read the same series. */
function keyOf(node: SelectorNode): string {
  return node.matchers.map(formatMatcher).sort().join(',')
}
