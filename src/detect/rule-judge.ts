/**
 * Everything that decides over the alerts of one rule: its strategy, if it has one, and the states of its
 * alerts. Detection at work and the back-test judge by this same thing, so that they cannot differ.
 */

import {
  type ActiveAlert,
  AlertState,
  type DataState,
  type Element,
  type JudgeOptions,
} from './alert-state.ts'
import type { AlertingRule } from './rule-file.ts'
import { StrategyJudge } from './strategy/strategy-judge.ts'

/** What silence does to rules. */
export interface SilencePolicy {
  /** How long it keeps the alerts of rules that say nothing of it; 0 not at all. */
  noDataKeepMs: number
  /** The same for rules that ask for it. */
  noDataKeepForMs: number
}

/** What one judgement is given. */
export interface Judgement {
  limit: number
  dataOf: JudgeOptions['dataOf']
  template: JudgeOptions['template']
  /** What a separate recovery expression answers; `undefined` when there is none. */
  recovered: readonly Element[] | undefined
}

/** How long a rule that alerts on missing data goes on doing so, unless it says. */
const noDataAlertMs = 86_400_000

/** The judge of one alerting rule. */
export class RuleJudge {
  readonly alerts: AlertState
  readonly strategy: StrategyJudge | undefined
  /** The expression whose answer is judged. */
  readonly expression: string
  /** A second expression that answers what has recovered. */
  readonly recovery: string | undefined
  /** How long silence keeps the alerts of this rule. */
  readonly noDataKeepMs: number

  constructor(rule: AlertingRule, policy: SilencePolicy) {
    const { strategy } = rule
    this.alerts = new AlertState(rule)
    this.strategy = strategy === undefined ? undefined : new StrategyJudge(strategy)
    this.expression = strategy?.measure ?? rule.expression
    this.recovery = strategy?.recovery?.expression
    this.noDataKeepMs = findKeepMs(rule, policy)
  }

  /** Judges an answer; answers whether anything changed that must survive a restart. Throws as `AlertState.judge`. */
  judge(timeMs: number, elements: readonly Element[], given: Judgement): boolean {
    const { dataOf, limit, template, recovered } = given
    const { noDataKeepMs } = this
    const judged =
      this.strategy?.judge(timeMs, elements, { dataOf, noDataKeepMs, recovered }) ?? elements
    const isChanged = this.alerts.judge(timeMs, judged, { limit, dataOf, noDataKeepMs, template })
    return isChanged || this.strategy?.isChanged === true
  }

  /** Judges a part of the answer; as `AlertState.judgePart`. Rules with a strategy are always judged as a whole. */
  judgePart(
    timeMs: number,
    elements: readonly Element[],
    given: Omit<Judgement, 'recovered'> & { only: ReadonlySet<string> },
  ): boolean | undefined {
    const { noDataKeepMs } = this
    return this.alerts.judgePart(timeMs, elements, { ...given, noDataKeepMs })
  }

  /** Ends all alerts: the rule is no more. */
  end(timeMs: number, template: JudgeOptions['template']): void {
    const dataOf = (): DataState => 'ended'
    this.alerts.judge(timeMs, [], { limit: 0, dataOf, noDataKeepMs: 0, template })
  }

  /** Whether an answer without elements would change nothing. */
  get isAtRest(): boolean {
    return this.alerts.active.size === 0 && this.strategy?.isAtRest !== false
  }

  /** An answer without elements came while the judge was at rest: the usual one of most rules. */
  noteRest(timeMs: number): void {
    this.alerts.lastTimeMs = timeMs
  }

  /** The next instant at which time alone changes something, or `undefined`. */
  nextDeadlineMs(): number | undefined {
    const own = this.alerts.nextDeadlineMs()
    const other = this.strategy?.nextDeadlineMs()
    return own === undefined || other === undefined ? (own ?? other) : Math.min(own, other)
  }

  /** All alerts, the ended ones that are still sent included. */
  list(): ActiveAlert[] {
    return [...this.alerts.active.values()]
  }
}

function findKeepMs({ strategy }: AlertingRule, policy: SilencePolicy): number {
  if (strategy?.noData === undefined) return policy.noDataKeepMs
  if (strategy.noData === 'ok') return 0
  const usualMs = strategy.noData === 'alert' ? noDataAlertMs : policy.noDataKeepForMs
  return strategy.noDataKeepMs ?? usualMs
}
