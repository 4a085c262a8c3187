/** A strategy as people see it: comparisons as they are written. */

import type { StrategyView } from '../../api/rules.ts'
import { type Bound, formatBound } from './bound.ts'
import type { Strategy } from './strategy.ts'

/** Views a strategy. */
export function viewStrategy(strategy: Strategy): StrategyView {
  const { text, kind, levels, recovery, delay, flapping, noData, owner, service, runbook } =
    strategy
  const show = (bound: Bound | undefined): string => (bound === undefined ? '' : formatBound(bound))
  return {
    text,
    kind,
    levels: levels.map(({ severity, when, holdMs, until }) => ({
      severity,
      when: show(when),
      holdMs,
      until: show(until),
    })),
    recovery:
      recovery === undefined
        ? undefined
        : {
            when: show(recovery.when),
            expression: recovery.expression ?? '',
            holdMs: recovery.holdMs,
          },
    delay,
    flapping,
    noData,
    owner,
    service,
    runbook,
  }
}
