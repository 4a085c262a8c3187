/**
 * Rules from an objective: the error ratio over several windows, the budget and how fast it burns, and
 * alerts that look at two windows each, so that they come soon and go soon. Names and labels of the
 * recorded series are Sloth's, so that its dashboards work.
 *
 * Sources: Google's Site Reliability Workbook, chapter 5 (multi-window, multi-burn-rate alerts); Sloth
 * (Apache-2.0), names and windows, re-implemented. Beyond both: few events prove little, so that an
 * alert also wants a minimum of bad events and that chance alone would hardly bring as many.
 */

import { formatDuration } from '../../base/duration.ts'
import { quote } from '../../model/labels.ts'
import type { AlertingRule, RecordingRule, Rule, RuleGroup } from '../rule-file.ts'
import { budgetOf, type BurnCondition, type Slo, type SloAlert } from './slo.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Two windows that must both burn too fast; `budgetPart` of the budget is gone when the long one says so. */
interface WindowPair {
  shortMs: number
  longMs: number
  budgetPart: number
}

/** For a person at once. */
const pagePairs: WindowPair[] = [
  { shortMs: 5 * minuteMs, longMs: hourMs, budgetPart: 0.02 },
  { shortMs: 30 * minuteMs, longMs: 6 * hourMs, budgetPart: 0.05 },
]
/** For working hours. */
const ticketPairs: WindowPair[] = [
  { shortMs: 2 * hourMs, longMs: dayMs, budgetPart: 0.1 },
  { shortMs: 6 * hourMs, longMs: 3 * dayMs, budgetPart: 0.1 },
]

/** Series over windows from here on change slowly and cost much: they are recorded less often. */
const longWindowMs = 6 * hourMs
/** Below the lookback, so that the series have no gaps. */
const longIntervalMs = 2 * minuteMs
/**
 * -ln(0.0001): as many bad events must be less probable than that when the budget is just used up.
 * Chernoff's bound of the Poisson tail: P(X ≥ k | λ) ≤ exp(k - λ - k·ln(k/λ)).
 */
const surpriseMin = 9.21

/** How alerts on few events are prevented. */
export interface SloGuard {
  /** Fewer bad events in the long window alert nobody; 0 switches the guard off. */
  badEventsMin: number
}

/** The groups of rules of an objective, in the order in which they are evaluated. */
export function makeSloGroups(slo: Slo, file: string, guard: SloGuard): RuleGroup[] {
  const writer = new SloWriter(slo, guard)
  const { id, service, name, description, objectivePercent, periodMs } = slo
  const summary = { id, service, name, description, objectivePercent, periodMs }
  const group = (part: string, rules: Rule[], intervalMs?: number): RuleGroup => ({
    name: `sloth-slo-${part}-${id}`,
    file,
    intervalMs,
    queryOffsetMs: undefined,
    limit: 0,
    rules,
    slo: summary,
  })
  const windows = writer.windows()
  const indicators = (isLong: boolean): Rule[] =>
    windows
      .filter((windowMs) => windowMs >= longWindowMs === isLong)
      .flatMap((windowMs) => writer.indicator(windowMs))
  return [
    group('sli-recordings', indicators(false)),
    group('sli-long-recordings', [...indicators(true), writer.period()], longIntervalMs),
    group('meta-recordings', writer.meta()),
    group('alerts', writer.alerts()),
  ].filter(({ rules }) => rules.length > 0)
}

/** Writes the rules of one objective. */
class SloWriter {
  readonly #slo: Slo
  readonly #guard: SloGuard
  readonly #budget: number
  readonly #labels: Map<string, string>
  /** The objective's series in a selector. */
  readonly #selector: string

  constructor(slo: Slo, guard: SloGuard) {
    this.#slo = slo
    this.#guard = guard
    this.#budget = budgetOf(slo)
    const own: [string, string][] = [
      ['sloth_id', slo.id],
      ['sloth_service', slo.service],
      ['sloth_slo', slo.name],
    ]
    this.#labels = new Map([...slo.labels, ...own])
    this.#selector = `{${own.map(([name, value]) => `${name}=${quote(value)}`).join(', ')}}`
  }

  /** Every window that an alert or the current burn rate reads, the shortest first. */
  windows(): number[] {
    const { page, ticket, conditions } = this.#slo
    const pairs = [
      ...(page === undefined ? [] : pagePairs),
      ...(ticket === undefined ? [] : ticketPairs),
      ...conditions.map(pairOf),
    ]
    const all = new Set([
      5 * minuteMs,
      ...pairs.flatMap(({ shortMs, longMs }) => [shortMs, longMs]),
    ])
    return [...all].sort((a, b) => a - b)
  }

  /** What is recorded for one window. */
  indicator(windowMs: number): Rule[] {
    const { indicator } = this.#slo
    const window = formatDuration(windowMs)
    const extra: [string, string] = ['sloth_window', window]
    const rules = [
      this.#record(`slo:sli_error:ratio_rate${window}`, indicator.errorRatio(window), extra),
    ]
    if (indicator.kind === 'events' && this.#isGuarded(windowMs)) {
      const bad = countOver(indicator.badRate(window), windowMs)
      const total = countOver(indicator.totalRate(window), windowMs)
      rules.push(this.#record(`slo:sli_bad_events:count${window}`, bad, extra))
      rules.push(this.#record(`slo:sli_total_events:count${window}`, total, extra))
      const evidence = this.#evidence(window)
      rules.push(this.#record(`slo:sli_evidence:score${window}`, evidence, extra))
    }
    return rules
  }

  /** The error ratio over the whole period, from the shortest window. */
  period(): Rule {
    const window = formatDuration(this.#slo.periodMs)
    const series = `slo:sli_error:ratio_rate5m${this.#selector}[${window}]`
    const expression = `sum_over_time(${series})\n/ ignoring (sloth_window)\ncount_over_time(${series})`
    const extra: [string, string] = ['sloth_window', window]
    return this.#record(`slo:sli_error:ratio_rate${window}`, expression, extra)
  }

  /** Objective, budget and burn rates. */
  meta(): Rule[] {
    const { objectivePercent, periodMs, spec } = this.#slo
    const selector = this.#selector
    const period = formatDuration(periodMs)
    const perBudget = (series: string): string =>
      `${series}${selector}\n/ on (sloth_id, sloth_slo, sloth_service) group_left ()\nslo:error_budget:ratio${selector}`
    const info: [string, string][] = [
      ['sloth_mode', 'shipwatch'],
      ['sloth_objective', String(objectivePercent)],
      ['sloth_spec', spec],
    ]
    return [
      this.#record('slo:objective:ratio', `vector(${1 - this.#budget})`),
      this.#record('slo:error_budget:ratio', `vector(${this.#budget})`),
      this.#record('slo:time_period:days', `vector(${periodMs / dayMs})`),
      this.#record('slo:current_burn_rate:ratio', perBudget('slo:sli_error:ratio_rate5m')),
      this.#record('slo:period_burn_rate:ratio', perBudget(`slo:sli_error:ratio_rate${period}`)),
      this.#record(
        'slo:period_error_budget_remaining:ratio',
        `1 - slo:period_burn_rate:ratio${selector}`,
      ),
      this.#record('sloth_slo_info', 'vector(1)', ...info),
    ]
  }

  /** The alerts. */
  alerts(): Rule[] {
    const { page, ticket, conditions, name, service } = this.#slo
    const rules: Rule[] = []
    const add = (alert: SloAlert, kind: string, pairs: WindowPair[]): void => {
      rules.push(this.#alert({ alert, kind, expression: pairs.map((it) => this.#pair(it)) }))
    }
    if (page !== undefined) add(page, 'page', pagePairs)
    if (ticket !== undefined) add(ticket, 'ticket', ticketPairs)
    for (const condition of conditions) {
      const labels = new Map([['severity', condition.severity]])
      const summary = `The error budget of ${service} ${name} burns more than ${condition.threshold} times too fast`
      const alert = { name: condition.name, labels, annotations: new Map([['summary', summary]]) }
      const factor = condition.threshold
      const expression = [this.#pair({ ...pairOf(condition), factor })]
      const rule = this.#alert({ alert, kind: condition.severity, expression })
      rules.push({ ...rule, holdMs: condition.holdMs })
    }
    return rules
  }

  #alert(parts: { alert: SloAlert; kind: string; expression: string[] }): AlertingRule {
    const { alert, kind, expression } = parts
    const title = `(${kind}) {{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is too fast.`
    const labels = new Map([['service', this.#slo.service], ...this.#slo.labels, ...alert.labels])
    if (!labels.has('severity')) labels.set('severity', kind === 'page' ? 'critical' : 'warning')
    labels.set('sloth_severity', kind)
    return {
      kind: 'alerting',
      name: alert.name,
      expression: expression.join('\nor\n'),
      holdMs: 0,
      keepFiringMs: 0,
      labels,
      annotations: new Map([
        [
          'summary',
          `{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected.`,
        ],
        ['title', title],
        ...alert.annotations,
      ]),
    }
  }

  /** Both windows burn too fast, and it is no chance. */
  #pair(pair: WindowPair & { factor?: number }): string {
    const factor =
      pair.factor ?? Number(((pair.budgetPart * this.#slo.periodMs) / pair.longMs).toPrecision(12))
    const burns = (windowMs: number): string =>
      `max(slo:sli_error:ratio_rate${formatDuration(windowMs)}${this.#selector} > (${factor} * ${this.#budget})) without (sloth_window)`
    const parts = [burns(pair.shortMs), burns(pair.longMs)]
    const long = formatDuration(pair.longMs)
    if (this.#isGuarded(pair.longMs)) {
      const evidence = `slo:sli_evidence:score${long}${this.#selector}`
      parts.push(`max(${evidence} > ${surpriseMin}) without (sloth_window)`)
    }
    return `(\n    ${parts.join('\n    and\n    ')}\n)`
  }

  /** How little chance explains the bad events of a window, when they are enough to speak of. */
  #evidence(window: string): string {
    const labels = this.#selector.replace(/\}$/, `, sloth_window=${quote(window)}}`)
    const bad = `slo:sli_bad_events:count${window}${labels}`
    const expected = `slo:sli_total_events:count${window}${labels} * ${this.#budget}`
    return `${bad} * ln(${bad} / (${expected}))\n- ${bad} + ${expected}\nand ${bad} >= ${this.#guard.badEventsMin}`
  }

  /** Events are counted over the long windows of pairs. */
  #isGuarded(windowMs: number): boolean {
    const { indicator, page, ticket, conditions } = this.#slo
    if (indicator.kind !== 'events' || this.#guard.badEventsMin === 0) return false
    const pairs = [
      ...(page === undefined ? [] : pagePairs),
      ...(ticket === undefined ? [] : ticketPairs),
      ...conditions.map(pairOf),
    ]
    return pairs.some(({ longMs }) => longMs === windowMs)
  }

  #record(name: string, expression: string, ...extra: [string, string][]): RecordingRule {
    return { kind: 'recording', name, expression, labels: new Map([...this.#labels, ...extra]) }
  }
}

/** Events in a window: a query of rates is taken times its length, one that counts is taken as it is. */
function countOver(query: string, windowMs: number): string {
  const isCount = /\b(?:increase|sum_over_time|count_over_time)\s*\(/.test(query)
  return isCount ? query : `(${query}) * ${windowMs / 1000}`
}

/** One window of a file's own gets a short one beside it, a twelfth as in the workbook, to end soon. */
function pairOf({ windowMs, threshold }: BurnCondition): WindowPair {
  const shortMs = Math.max(minuteMs, Math.round(windowMs / 12 / minuteMs) * minuteMs)
  return { shortMs, longMs: windowMs, budgetPart: threshold }
}
