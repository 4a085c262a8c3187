/**
 * What an expression reads: for every selector the matchers and the span of time, once the query's
 * times are known. Selectors that read the same series over touching spans are read once.
 */

import { formatMatcher, type Matcher } from '../../model/matcher.ts'
import type { Grid } from './block.ts'
import { durationMsOf, executionError, type QueryTimes } from './context.ts'
import type { Expression, SelectorNode, SubqueryNode, TimeShift } from './tree.ts'
import { childrenOf } from './tree.ts'

/** One read from the store and the selectors that share its answer. */
export interface Read {
  matchers: readonly Matcher[]
  startTimeMs: number
  endTimeMs: number
  nodes: SelectorNode[]
  /** Only count and sum of histograms are asked for: unknown resets are then told from sample to sample, as upstream. */
  isStatistic: boolean
}

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
  const add = (node: SelectorNode, startTimeMs: number, endTimeMs: number, place: Place): void => {
    const isStatistic = place === 'statistic'
    const key = `${isStatistic} ${keyOf(node)}`
    const alike = byKey.get(key) ?? []
    byKey.set(key, alike)
    for (const read of alike) {
      if (read.startTimeMs <= endTimeMs && startTimeMs <= read.endTimeMs) {
        read.startTimeMs = Math.min(read.startTimeMs, startTimeMs)
        read.endTimeMs = Math.max(read.endTimeMs, endTimeMs)
        read.nodes.push(node)
        return
      }
    }
    const read = { matchers: node.matchers, startTimeMs, endTimeMs, nodes: [node], isStatistic }
    alike.push(read)
    reads.push(read)
  }
  const walk = (node: Expression, inside: Grid, place: Place): void => {
    if (node.kind === 'selector' || node.kind === 'matrix') {
      const span = spanOf(node, inside, times)
      const selector = node.kind === 'matrix' ? node.selector : node
      add(selector, span.startTimeMs, span.endTimeMs, place)
    } else if (node.kind === 'subquery') {
      walk(node.inner, subqueryGrid(node, inside, times), 'whole')
    } else for (const child of childrenOf(node)) walk(child, inside, placeBelow(node, place))
  }
  walk(root, grid, 'plain')
  return reads
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
